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

# What of the pins of a site is without its entry in the journal of `server`, or an entry's object without its pin; empty
# where they are as they should be.
sub odd_pins
{
	my ($self, $server, $site) = @_;
	my %wanted = map { $_->{cid} => 1 } map { @{ $_->{objects} } } $server->entries;
	my @pins = grep { $_->[0] =~ m{^lpbm/\Q$site\E/} } $self->pins;
	my @odd = map { $_->[0] } grep { $_->[0] ne "lpbm/$site/journal" && !delete $wanted{$_->[1]} } @pins;
	my $journals = grep { $_->[0] eq "lpbm/$site/journal" } @pins;
	push @odd, "$journals journals" if $journals != 1;
	return @odd, map { "missing: $_" } keys %wanted;
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
