# Encrypted to the user's own recipients, the server holds no key; and a backup can be restored without lpbm, by age, zstd,
# pg_restore and psql.
use strict;
use warnings;

use Lpbm::Test;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir();
system("age-keygen -o '$dir/identity' 2>'$dir/err'") == 0 or die 'age-keygen';
my ($recipient) = Lpbm::Test::slurp("$dir/identity") =~ /public key: (age1\S+)/;
my $source = Lpbm::Test->backed_up('source', extension => 0, conf => "lpbm.passphrase_file = ''\nlpbm.recipients = '$recipient'\n");
$source->sql('CREATE TABLE t (id serial PRIMARY KEY, v text); CREATE ROLE somebody; GRANT SELECT ON t TO somebody');
$source->wait_for_first_full;
$source->sql(<<'END');
INSERT INTO t (v) SELECT E'a "row":' || i || E'\t:name \\ ''' FROM generate_series(1, 500) i;
UPDATE t SET v = v || ' :changed' WHERE id % 3 = 0;
DELETE FROM t WHERE id % 10 = 0;
CREATE TABLE other (k text PRIMARY KEY, j jsonb);
INSERT INTO other VALUES (':k', '{"a": [1, ":b"]}');
ALTER TABLE t ADD COLUMN more text DEFAULT 'x:y';
CREATE FUNCTION f(a int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN a::text || ':a'; END $$;
UPDATE other SET j = NULL;
END
my $lsn = $source->sql('SELECT pg_current_wal_lsn()');
wait_for('the deltas', sub { my ($last) = reverse $source->entries; $source->sql("SELECT '$last->{to}'::pg_lsn >= '$lsn'") eq 't' });
my @entries = $source->entries;
my $store = $source->directory . '/store';
unlike(Lpbm::Test::slurp($source->directory . '/journal'), qr/BEGIN AGE ENCRYPTED FILE|AGE-SECRET-KEY/, 'the journal holds no identity');

# By lpbm, with identity and signer.
my ($key) = Lpbm::Test::slurp($source->directory . '/journal') =~ /"key":"([^"]+)"/;
my $target = Lpbm::Test->bare('by_lpbm');
my ($status, undef, $err) = run_lpbm('restore', '--store', "file:$store", '--journal', $source->directory . '/journal',
	'--identity', "$dir/identity", '--signer', $key, '--target', $target->conninfo('app'), '--bindir', $ENV{LPBM_BINDIR});
is($status, 0, 'restored by identity and signer') or diag($err);
unlike($err, qr/nothing proves/, 'which proves the journal');
same($source, $target, 'the same');

# By hand.
my $hand = Lpbm::Test->bare('by_hand');
sub by_hand
{
	my ($cid, $command) = @_;
	my ($file) = glob("$store/*/$cid*");
	my $out = qx{age -d -i '$dir/identity' '$file' | zstd -dq | $command 2>&1};
	is($?, 0, "age -d | zstd -d | $command") or diag($out);
	return;
}
my ($full) = grep { $_->{kind} eq 'full' } @entries;
my %object = map { $_->{name} => $_->{cid} } @{ $full->{objects} };
my $psql = "psql -X -q -v ON_ERROR_STOP=1 -d '" . $hand->conninfo . "' -f -";
by_hand($object{globals}, "psql -X -q -d '" . $hand->conninfo('postgres') . "' -f -");
$hand->sql("CREATE DATABASE $DATABASE TEMPLATE template0", 'postgres');
by_hand($object{dump}, "pg_restore --exit-on-error -d '" . $hand->conninfo . "'");
by_hand($object{bridge}, $psql) if $object{bridge};
foreach my $delta (grep { $_->{kind} eq 'delta' } @entries)
{
	next if $source->sql("SELECT '$delta->{to}'::pg_lsn <= '$full->{anchor}'") eq 't';
	my ($script) = grep { $_->{name} eq 'script' } @{ $delta->{objects} };
	by_hand($script->{cid}, $psql);
}
same($source, $hand, 'and by hand it is the same, too');

done_testing();
