# A private IPFS Cluster of real daemons for a test (test/cluster/cluster.py); goes with the object.
#     my $cluster = Lpbm::Cluster->new(peers => 3);
#     $cluster->store, ->apis, ->command('kill 1')
package Lpbm::Cluster;

use strict;
use warnings;

use IO::Handle;
use IPC::Open2;
use JSON::PP;
use PostgreSQL::Test::Utils;

sub is_possible { return -e ($ENV{LPBM_CLUSTER_PROGRAM} // '') && -x ($ENV{LPBM_DAEMONS_BIN} // '') . '/ipfs' }

sub new
{
	my ($class, %options) = @_;
	my @command = ('python3', $ENV{LPBM_CLUSTER_PROGRAM}, '--peers', $options{peers} // 3, @{ $options{arguments} // [] },
		'--directory', PostgreSQL::Test::Utils::tempdir('cluster'));
	my $pid = open2(my $out, my $in, @command);
	my $line = <$out> // die "the cluster does not start";
	return bless { pid => $pid, in => $in, out => $out, description => decode_json($line) }, $class;
}

sub store { return $_[0]{description}{store} }
sub apis  { return $_[0]{description}{ipfs_api} }
sub peer  { my ($self, $index) = @_; return $self->{description}{peers}[$index] }

# A command of cluster.py.
sub command
{
	my ($self, $line) = @_;
	my ($in, $out) = @{$self}{qw(in out)};
	print $in "$line\n";
	$in->flush;
	my $answer = decode_json(<$out> // die "the cluster is gone");
	die "$line: $answer->{error}" if exists $answer->{error};
	return;
}

# The names of all pins that a peer knows, with their CIDs.
sub pins
{
	my ($self, $index) = @_;
	my $url = $self->peer($index // 0)->{cluster};
	my $text = qx{curl -sS '$url/allocations'};
	return map { my $pin = decode_json($_); [ $pin->{name}, $pin->{cid} ] } grep { /\S/ } split /\n/, $text;
}

sub DESTROY
{
	my ($self) = @_;
	local $?;
	close $self->{in};
	waitpid $self->{pid}, 0;
	return;
}

1;
