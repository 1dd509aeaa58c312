# What commits is there, what does not is not, in commit order, whatever functions, clocks and conflicts did.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source', conf => "wal_sender_timeout = 0\n");
$source->sql(<<'END');
CREATE TABLE log (id bigserial PRIMARY KEY, what text, r float8 DEFAULT random(), at timestamptz DEFAULT clock_timestamp(),
  tx timestamptz DEFAULT now(), u uuid DEFAULT gen_random_uuid(), x xid8 DEFAULT pg_current_xact_id());
CREATE TABLE account (id int PRIMARY KEY, balance numeric CHECK (balance >= 0));
CREATE TABLE entry (id serial PRIMARY KEY, account int REFERENCES account ON DELETE CASCADE ON UPDATE CASCADE, amount numeric);
CREATE TABLE audit (id serial PRIMARY KEY, what text, old jsonb, new jsonb);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit (what, old, new) VALUES (TG_OP, to_jsonb(old), to_jsonb(new));
  RETURN coalesce(new, old);
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON account FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER changed BEFORE UPDATE ON entry FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
END
$source->wait_for_first_full;

$source->sql(<<'END');
INSERT INTO account SELECT i, i * 100 FROM generate_series(1, 50) i;
INSERT INTO entry (account, amount) SELECT i % 50 + 1, i FROM generate_series(1, 500) i;
UPDATE account SET id = id + 1000 WHERE id > 40;
DELETE FROM account WHERE id BETWEEN 30 AND 35;
UPDATE entry SET amount = amount;
-- rolled back
BEGIN; INSERT INTO log (what) VALUES ('rolled back'); ROLLBACK;
-- savepoints
BEGIN;
INSERT INTO log (what) VALUES ('before');
SAVEPOINT a; INSERT INTO log (what) VALUES ('lost'); ROLLBACK TO a;
SAVEPOINT b; INSERT INTO log (what) VALUES ('kept'); RELEASE b;
SAVEPOINT c; UPDATE log SET what = 'lost too'; ROLLBACK TO c;
COMMIT;
-- DDL that is rolled back
BEGIN; CREATE TABLE never (a int); INSERT INTO never VALUES (1); ROLLBACK;
BEGIN; SAVEPOINT a; CREATE TABLE never_either (a int); ROLLBACK TO a; CREATE TABLE ever (a int); INSERT INTO ever VALUES (1); COMMIT;
-- COPY, DO, functions, data-modifying CTE, MERGE
COPY log (what) FROM STDIN;
one
two\twith tab
\\.not the end
\.
DO $$ BEGIN FOR i IN 1..20 LOOP INSERT INTO log (what) VALUES ('do ' || i); END LOOP; END $$;
DO $$ BEGIN
  INSERT INTO log (what) VALUES ('outer');
  BEGIN INSERT INTO log (what) VALUES ('inner'); PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END;
END $$;
CREATE FUNCTION put(t text) RETURNS bigint LANGUAGE sql AS 'INSERT INTO log (what) VALUES (t) RETURNING id';
SELECT put('by function ' || i) FROM generate_series(1, 10) i;
WITH gone AS (DELETE FROM log WHERE what LIKE 'do 1%' RETURNING *) INSERT INTO log (what) SELECT 'moved ' || what FROM gone;
MERGE INTO account a USING (VALUES (1, 5), (5000, 7)) v(id, amount) ON a.id = v.id
  WHEN MATCHED THEN UPDATE SET balance = balance + amount WHEN NOT MATCHED THEN INSERT VALUES (v.id, v.amount);
INSERT INTO account VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET balance = account.balance + 1000;
CREATE PROCEDURE batches() LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1..10 LOOP
    INSERT INTO log (what) VALUES ('batch ' || i);
    IF i % 3 = 0 THEN ROLLBACK; ELSE COMMIT; END IF;
  END LOOP;
END $$;
CALL batches();
SELECT setval('log_id_seq', 100000);
INSERT INTO log (what) VALUES ('after setval');
SELECT nextval('entry_id_seq');
TRUNCATE ever;
INSERT INTO ever VALUES (2);
END

# Failed statements.
foreach my $sql ("INSERT INTO account VALUES (1, -1)", "UPDATE account SET balance = -1", "SELECT 1/0",
	"BEGIN; INSERT INTO log (what) VALUES ('failed'); SELECT 1/0; COMMIT")
{
	my ($status) = $source->try_sql($sql);
	isnt($status, 0, "fails: $sql");
}

# Prepared transactions, one committed, one rolled back, one that waits over a delta.
$source->sql("BEGIN; INSERT INTO log (what) VALUES ('prepared'); PREPARE TRANSACTION 'a'");
$source->sql("BEGIN; INSERT INTO log (what) VALUES ('prepared, rolled back'); PREPARE TRANSACTION 'b'");
$source->sql("BEGIN; INSERT INTO log (what) VALUES ('prepared, late'); CREATE TABLE by_prepared (a int); PREPARE TRANSACTION 'c'");
$source->backed_up_to_now;
$source->sql("COMMIT PREPARED 'a'");
$source->sql("ROLLBACK PREPARED 'b'");
$source->backed_up_to_now;
$source->sql("COMMIT PREPARED 'c'");

# Serializable transactions in conflict: one of them fails.
my @sessions = map { $source->node->background_psql($DATABASE, on_error_stop => 0) } 1 .. 2;
foreach my $session (@sessions)
{
	$session->query('BEGIN ISOLATION LEVEL SERIALIZABLE');
	$session->query('SELECT sum(balance) FROM account');
}
$sessions[0]->query("INSERT INTO account VALUES (7001, 1)");
$sessions[1]->query("INSERT INTO account VALUES (7002, 1)");
$_->query('COMMIT') foreach @sessions;
$_->quit foreach @sessions;
is($source->sql('SELECT count(*) FROM account WHERE id IN (7001, 7002)'), '1', 'one of two serializable transactions failed');

# A transaction that is open over several deltas, and one whose session is killed.
my $open = $source->node->background_psql($DATABASE);
$open->query("BEGIN");
$open->query("INSERT INTO log (what) VALUES ('open for long')");
my $doomed = $source->node->background_psql($DATABASE, on_error_stop => 0);
$doomed->query("BEGIN");
$doomed->query("INSERT INTO log (what) VALUES ('doomed')");
foreach my $round (1 .. 3)
{
	$source->sql("INSERT INTO log (what) VALUES ('round $round')");
	$source->backed_up_to_now;
}
$source->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%doomed%' AND pid <> pg_backend_pid()");
$open->query("COMMIT");
$open->quit;
eval { $doomed->quit };

$source->backed_up_to_now;
$source->fulls_are([qr/./], 'all of it came by deltas');
my $target = $source->vault->restore('target');
same($source, $target, 'the restored database is the source');
is($target->sql("SELECT count(*) FROM log WHERE what IN ('rolled back', 'lost', 'doomed', 'failed', 'inner', 'batch 3')"), '0',
	'nothing that did not commit is there');
is($target->sql("SELECT count(*) FROM log WHERE what IN ('prepared', 'prepared, late', 'open for long', 'kept', 'batch 10')"),
	'5', 'all that committed late is there');

# Crashed transactions: what was in flight is gone, what was committed is kept, asynchronous commits too as far as the
# server has them.
my $load = $source->pgbench_start('-c', '2', '-T', '60', '-f', write_script("INSERT INTO log (what) VALUES ('load');"));
wait_for('rows by the load', sub { $source->sql("SELECT count(*) > 100 FROM log WHERE what = 'load'") eq 't' });
$source->crash;
$load->kill;
$source->start;
$source->sql("ALTER DATABASE $DATABASE SET synchronous_commit = off");
$load = $source->pgbench_start('-c', '2', '-T', '60', '-f', write_script("INSERT INTO log (what) VALUES ('load off');"));
wait_for('rows by the load', sub { $source->sql("SELECT count(*) > 100 FROM log WHERE what = 'load off'") eq 't' });
$source->crash;
$load->kill;
$source->start;
$source->backed_up_to_now;
$target = $source->vault->restore('after_crash');
same($source, $target, 'after two crashes under load, too');
$source->fulls_are([qr/./, (qr/database|setting|catalog|cluster/i) x ($source->entries('full') - 1)],
	'a crash needs no full (the setting of the database may)');
cmp_ok(scalar($source->entries('full')), '<=', 2, 'at most one full for the setting');

sub write_script
{
	my ($text) = @_;
	my $path = PostgreSQL::Test::Utils::tempdir() . '/script.sql';
	open my $file, '>', $path or die $!;
	print $file $text;
	close $file;
	return $path;
}

done_testing();
