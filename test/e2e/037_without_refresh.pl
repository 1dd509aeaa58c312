# As lpbm comes, what no record can carry leads to a full: changes of tables without a key, and large objects, also those
# that a function makes inside of a command which is replayed by its text.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source', conf => "lpbm.refresh_limit = '0%'\nlpbm.trigger_cron = 'never'\n");
$source->sql('CREATE TABLE keyless (a int, b text); CREATE TABLE keyed (a int PRIMARY KEY, body text);
	INSERT INTO keyless SELECT i, i::text FROM generate_series(1, 9) i; INSERT INTO keyed VALUES (1, \'one\'), (2, \'two\')');
$source->sql('SELECT lpbm_full_backup()');
$source->backed_up_to_now;

sub leads_to
{
	my ($sql, $kind, $reason) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$source->sql($sql);
	$source->backed_up_to_now;
	my ($last) = reverse $source->entries;
	is($last->{kind}, $kind, "$sql: a $kind");
	like($last->{reason}, $reason, 'for this reason') if $reason;
	return;
}

leads_to('INSERT INTO keyless VALUES (10, NULL)', 'delta');
leads_to('UPDATE keyless SET b = b || a WHERE a > 5', 'full', qr/^no_replica_identity: public\.keyless$/);
leads_to('INSERT INTO keyed VALUES (3, \'three\')', 'delta');
leads_to("SELECT lo_from_bytea(4711, 'one')", 'full', qr/^large_object/);
leads_to("CREATE TABLE documents AS SELECT a, lo_from_bytea(0, body::bytea) AS document FROM keyed", 'full', qr/^large_object/);
leads_to("ALTER TABLE keyed ALTER body TYPE oid USING lo_from_bytea(0, body::bytea)", 'full', qr/^large_object/);
leads_to('DELETE FROM keyless WHERE a = 1', 'full', qr/^no_replica_identity: public\.keyless$/);
leads_to('UPDATE keyed SET a = a + 10', 'delta');
unlike($source->status('behind') . $source->status('problem'), qr/refresh/, 'and nothing waits for a refresh');

my $target = $source->vault->restore('restored');
same($source, $target, 'it is the same');
my $bytes = 'SELECT d.a, lo_get(d.document) FROM documents d UNION ALL SELECT a, lo_get(body) FROM keyed ORDER BY 1, 2';
is($target->sql($bytes, $DATABASE), $source->sql($bytes), 'each large object is found by its row');
$source->restart;
leads_to('INSERT INTO keyless VALUES (11, NULL)', 'delta');
$source->stop;

done_testing();
