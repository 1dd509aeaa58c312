# A copy of a server is another server: a promoted standby, one rewound to a moment, a started copy of the files. Each
# begins a stream of its own with a full, and its backups and those of the other do not mix.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source', conf => "max_wal_senders = 5\nwal_keep_size = 256MB\n");
$source->sql('CREATE TABLE t (id int PRIMARY KEY, v text)');
$source->wait_for_first_full;
$source->sql("INSERT INTO t VALUES (1, 'before the copy')");
$source->backed_up_to_now;
$source->node->backup('copy');
$source->sql("INSERT INTO t VALUES (2, 'after the copy')");
my $stream = ($source->entries)[-1]{stream};

# A server out of the copy of the files.
sub copied
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init_from_backup($source->node, 'copy', %{ $options{from} // {} });
	my $self = bless { node => $node, name => $name, database => $DATABASE, passphrase_file => $source->{passphrase_file} }, 'Lpbm::Test';
	# The module's copy gives files modes of its own; pg_basebackup keeps them.
	chmod 0600, glob($self->directory . '/*.key'), grep { -f } glob($self->directory . '/*');
	return $self;
}

sub continues_alone
{
	my ($server, $name, $reason) = @_;
	wait_for("$name: a full of its own", sub { my ($last) = reverse $server->entries('full'); $last->{stream} ne $stream });
	$server->sql("INSERT INTO t VALUES (100, '$name')");
	$server->backed_up_to_now;
	my ($full) = reverse $server->entries('full');
	like($full->{reason}, qr/^new_stream: .*$reason/, "$name: the full says why");
	is(($server->entries)[-1]{kind}, 'delta', "$name: deltas follow it");
	my $target = $server->vault->restore("target_$name");
	same($server, $target, "$name: the same");
	$target->stop('immediate');
	return;
}

my $standby = copied('standby', from => { has_streaming => 1 });
$standby->start;
$source->sql("INSERT INTO t VALUES (3, 'replicated')");
$source->node->wait_for_catchup($standby->node, 'replay');
is($standby->worker // 'none', 'none', 'no worker runs while the standby is one');
my $entries = () = $standby->entries;
$standby->node->promote;
continues_alone($standby, 'standby', 'timeline');
is($standby->sql('SELECT string_agg(id::text, $$ $$ ORDER BY id) FROM t'), '1 2 3 100', 'with what was replicated');

my $plain = copied('plain');
$plain->start;
continues_alone($plain, 'plain', 'data directory|directory');

# The source does not notice any of it.
$source->sql("INSERT INTO t VALUES (4, 'goes on')");
$source->backed_up_to_now;
$source->fulls_are([qr/^new_stream/], 'the source goes on in its stream');
my $target = $source->vault->restore('target');
same($source, $target, 'the source: the same');

done_testing();
