# Servers that know nothing of lpbm log their statements: lpbm extract makes SQL of it. Where the log carries everything
# the replay is the source; where it does not, the list says exactly what is missing.
use strict;
use warnings;

use JSON::PP;
use Lpbm::Test;
use PostgreSQL::Test::Utils;
use Test::More;

my $bindir  = $ENV{LPBM_BINDIR};
my $scratch = PostgreSQL::Test::Utils::tempdir();
my $logging = "logging_collector = on\nlog_destination = 'csvlog'\nlog_filename = 'plain-%H%M%S.log'\nlc_messages = 'C'\n";

sub plain_server
{
	my ($name, $conf) = @_;
	my $server = Lpbm::Test->bare($name, conf => $logging . $conf);
	$server->sql("CREATE DATABASE $DATABASE", 'postgres');
	return $server;
}

sub file_with
{
	my ($name, $text) = @_;
	open my $file, '>', "$scratch/$name" or die $!;
	print $file $text;
	close $file;
	return "$scratch/$name";
}

# psql without stopping at errors: they are meant.
sub psql
{
	my ($server, $sql, @options) = @_;
	my ($out, $err);
	IPC::Run::run([ "$bindir/psql", '-X', '-q', '-d', $server->conninfo, @options ], '<', \$sql, '>', \$out, '2>', \$err);
	return $err;
}

sub client
{
	my ($server, $what, @command) = @_;
	my ($out, $err);
	my $good = IPC::Run::run([@command], '<', \'', '>', \$out, '2>', \$err);
	return ok($good, "$what ran") || diag($err);
}

# Stops the source, extracts, replays into a new server, and compares. Returns what was said on stderr.
sub replayed
{
	my ($source, $name, @options) = @_;
	$source->stop;
	my $script = "$scratch/$name.sql";
	my ($status, $out, $err) = run_lpbm('extract', '--database', $DATABASE, '-o', $script, @options, $source->data . '/log');
	is($status, 0, "$name: extracted");
	$source->configure("log_statement = none\nlog_min_duration_statement = -1\n");
	$source->start;
	my $target = Lpbm::Test->bare("$name-target");
	$target->sql("CREATE ROLE bob SUPERUSER LOGIN; CREATE ROLE ann LOGIN", 'postgres');
	$target->sql("CREATE DATABASE $DATABASE", 'postgres');
	my $replay;
	my $good = IPC::Run::run([ "$bindir/psql", '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $target->conninfo, '-f', $script ],
		'>', \$out, '2>', \$replay);
	ok($good, "$name: psql runs it") or diag($replay);
	same($source, $target, "$name: the replay is the source", globals => 0) or diag($err);
	$target->stop;
	return $err;
}

# ---- everything is in the log ---------------------------------------------------------------------------------------

my $source = plain_server('everything', "log_statement = 'all'\n");
$source->sql("CREATE ROLE bob SUPERUSER LOGIN; CREATE ROLE ann LOGIN", 'postgres');
psql($source, <<'END');
CREATE TABLE t (id int PRIMARY KEY, v text, n numeric);
CREATE SCHEMA other; CREATE TABLE other.t (id int PRIMARY KEY, v text UNIQUE DEFERRABLE INITIALLY DEFERRED);
INSERT INTO t VALUES (1, 'it''s $1 $$ :x', 1.5), (2, E'a\nb\\c', NULL);
BEGIN; INSERT INTO t VALUES (3, 'rolled back', 0); ROLLBACK;
BEGIN; INSERT INTO t VALUES (4, 'kept', 0); SAVEPOINT a; INSERT INTO t VALUES (5, 'undone', 0); ROLLBACK TO a;
INSERT INTO t VALUES (6, 'kept', 0); SAVEPOINT b; INSERT INTO t VALUES (1, 'fails', 0); ROLLBACK TO b; INSERT INTO t VALUES (7, 'kept', 0); COMMIT;
BEGIN; INSERT INTO t VALUES (8, 'lost', 0); INSERT INTO t VALUES (1, 'fails', 0); INSERT INTO t VALUES (9, 'ignored', 0); COMMIT;
INSERT INTO t VALUES (10, 'lost', 0)\; INSERT INTO t VALUES (1, 'fails', 0);
INSERT INTO t VALUES (11, 'kept', 0)\; COMMIT\; INSERT INTO t VALUES (1, 'fails', 0);
BEGIN; INSERT INTO t VALUES (12, 'lost', 0); SELEC 1; COMMIT;
BEGIN; INSERT INTO other.t VALUES (1, 'x'); INSERT INTO other.t VALUES (2, 'x'); COMMIT;
SET search_path = other; INSERT INTO t VALUES (3, 'in other');
BEGIN; SET LOCAL search_path = public; INSERT INTO t VALUES (13, 'local', 1); COMMIT;
BEGIN; SET search_path = public; ROLLBACK; INSERT INTO t VALUES (4, 'in other');
RESET search_path;
CREATE FUNCTION twice(x int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT x + x; END;
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RAISE LOG 'statement: DROP TABLE t'; NEW.v := upper(NEW.v); RETURN NEW; END $f$;
CREATE TRIGGER shout BEFORE INSERT ON other.t FOR EACH ROW EXECUTE FUNCTION shout();
INSERT INTO other.t VALUES (5, 'loud');
PREPARE p(int, text) AS INSERT INTO t VALUES ($1, $2, 0);
EXECUTE p(20, 'pre''pared'); EXECUTE p(21, '$2');
BEGIN; INSERT INTO t VALUES (40, 'two-phase', 0); PREPARE TRANSACTION 'x y';
BEGIN; INSERT INTO t VALUES (41, 'not this one', 0); PREPARE TRANSACTION 'no';
COMMIT PREPARED 'x y'; ROLLBACK PREPARED 'no'; COMMIT PREPARED 'nowhere';
SET standard_conforming_strings = off;
INSERT INTO t VALUES (50, 'a\'b\\c', 0);
RESET ALL; SET ROLE ann; CREATE TEMP TABLE nothing (a int); RESET ROLE; DROP TABLE nothing;
SET SESSION AUTHORIZATION bob; CREATE TABLE of_bob (a int); INSERT INTO of_bob VALUES (1);
RESET SESSION AUTHORIZATION; SELECT * FROM t ORDER BY id FOR UPDATE;
DECLARE c CURSOR FOR SELECT 1; BEGIN; DECLARE c CURSOR FOR SELECT * FROM t WHERE id = 1 FOR UPDATE; FETCH c;
UPDATE t SET v = 'found' WHERE CURRENT OF c; CLOSE c; COMMIT AND CHAIN; INSERT INTO t VALUES (60, 'chained', 0); COMMIT;
BEGIN; DECLARE c CURSOR FOR SELECT * FROM t WHERE id IN (3, 4, 6, 7) ORDER BY id FOR UPDATE; SAVEPOINT s; FETCH c; FETCH c;
UPDATE t SET v = 'undone' WHERE CURRENT OF c; ROLLBACK TO s; UPDATE t SET v = 'moved to' WHERE CURRENT OF c; COMMIT;
DECLARE h CURSOR WITH HOLD FOR SELECT 1; BEGIN; FETCH h; INSERT INTO t VALUES (61, 'held', 0); CLOSE h; COMMIT;
SET standard_conforming_strings = off\; INSERT INTO t VALUES (62, 'a\\b', 0); RESET ALL;
SELECT set_config('search_path', 'other', false), 1; INSERT INTO t VALUES (6, 'by set_config');
BEGIN; SELECT set_config('search_path', 'public'::text, true); INSERT INTO t VALUES (63, 'local', 0); COMMIT;
INSERT INTO t VALUES (7, 'in other'); BEGIN; SELECT set_config('search_path', 'public', false); ROLLBACK; INSERT INTO t VALUES (8, 'in other');
RESET ALL; BEGIN; INSERT INTO t VALUES (64, 'saved', 0); SAVEPOINT s; INSERT INTO t VALUES (1, 'fails', 0)\; COMMIT\; SELECT 1; ROLLBACK TO s; COMMIT;
WITH gone AS (DELETE FROM t WHERE id = 2 RETURNING *) INSERT INTO other.t SELECT id, v FROM gone;
BEGIN; INSERT INTO t VALUES (70, 'never committed', 0);
END
psql($source, 'BEGIN; CREATE TABLE of_bob_too (a text); INSERT INTO of_bob_too VALUES (current_user); COMMIT', '-U', 'bob');

$source->sql('CREATE TABLE accounts (id int PRIMARY KEY, balance int); CREATE TABLE history (client int, id int, delta int);
	INSERT INTO accounts SELECT i, 0 FROM generate_series(1, 20) i');
my $load = file_with('load.pgbench', <<'END');
\set id random(1, 20)
\set delta random(-100, 100)
BEGIN;
UPDATE accounts SET balance = balance + :delta WHERE id = :id;
SELECT balance FROM accounts WHERE id = :id;
INSERT INTO history VALUES (:client_id, :id, :delta);
END;
UPDATE accounts SET balance = balance - 1 WHERE id = :id;
END
foreach my $protocol (qw(simple extended prepared))
{
	$source->pgbench('-n', '-c', '4', '-t', '100', '-M', $protocol, '-f', $load);
}

my $hard = q{it's $1 $2 $$ $& :x \ "q" % %s} . "\n\r\t end...";
client($source, 'psycopg2', '/usr/bin/python3', file_with('two.py', <<'END'), $source->conninfo);
import sys, psycopg2
hard = "it's $1 $2 $$ $& :x \\ \"q\" %\n\r\t end"
db = psycopg2.connect(sys.argv[1])
cur = db.cursor()
cur.execute("CREATE TABLE two (id int PRIMARY KEY, v text, a int[], b bytea)")
db.commit()
cur.execute("INSERT INTO two VALUES (%s, %s, %s, %s)", (1, hard, [1, 2], b"\x00\xff'"))
cur.execute("SAVEPOINT s")
cur.execute("INSERT INTO two VALUES (2, 'no')")
cur.execute("ROLLBACK TO SAVEPOINT s")
cur.executemany("INSERT INTO two (id, v) VALUES (%s, %s)", [(i, None) for i in range(10, 20)])
db.commit()
cur.execute("DELETE FROM two")
db.rollback()
try:
    cur.execute("INSERT INTO two VALUES (1, 'fails')")
except psycopg2.Error:
    db.rollback()
db.autocommit = True
cur.execute("INSERT INTO two VALUES (30, 'own')")
END

SKIP:
{
	skip 'psycopg 3 is not there', 1 if system('/usr/bin/python3', '-c', 'import psycopg') != 0;
	client($source, 'psycopg 3', '/usr/bin/python3', file_with('three.py', <<'END'), $source->conninfo);
import sys, psycopg
hard = "it's $1 $2 $$ $& :x \\ \"q\" %\n\r\t end"
with psycopg.connect(sys.argv[1]) as db:
    db.execute("CREATE TABLE three (id int PRIMARY KEY, v text, at timestamptz, n numeric)")
    db.commit()
    for i in range(12):  # prepared by itself after a few
        db.execute("INSERT INTO three VALUES (%s, %s, %s, %s)", (i, hard if i % 2 else None, "2026-01-01 00:00:00+00", i / 4))
    with db.transaction():
        db.execute("UPDATE three SET v = v || %s WHERE id > %s", ("!", 5))
    try:
        with db.transaction():
            db.execute("INSERT INTO three VALUES (100, 'x', NULL, NULL)")
            db.execute("INSERT INTO three VALUES (%s, %s, NULL, NULL)", (1, "fails"))
    except psycopg.Error:
        pass
    db.execute("SELECT set_config('search_path', %s, false)", ("other",))
    db.execute("INSERT INTO t VALUES (%s, %s)", (9, "by a parameter"))
    db.execute("RESET search_path")
    db.commit()
    db.pgconn.prepare(b"by_protocol", b"INSERT INTO three (id, v) VALUES ($1, $2)")
    db.pgconn.exec_(b"EXECUTE by_protocol(40, 'by name')")
    try:
        with db.pipeline():
            for i in range(20, 30):
                db.execute("INSERT INTO three (id, v) VALUES (%s, %s)", (i, "pipe"))
    except psycopg.NotSupportedError:
        pass
END
}

SKIP:
{
	my ($jar) = grep { defined && -e } $ENV{LPBM_JDBC_JAR}, '/usr/share/java/postgresql.jar';
	skip 'no JDBC driver', 1 unless $jar && system('command -v javac >/dev/null') == 0;
	my $java = file_with('Jdbc.java', <<'END');
import java.sql.*;
public class Jdbc {
  public static void main(String[] a) throws Exception {
    // The server listens on no address: the relay's port leads to its socket.
    Connection db = DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + a[0] + "/app?user=" + a[1] + "&prepareThreshold=2&sslmode=disable&gssEncMode=disable");
    Statement s = db.createStatement();
    s.execute("CREATE TABLE jdbc (id int PRIMARY KEY, v text, n numeric)");
    db.setAutoCommit(false);
    PreparedStatement p = db.prepareStatement("INSERT INTO jdbc VALUES (?, ?, ?)");
    for (int i = 0; i < 10; i++) { p.setInt(1, i); p.setString(2, "it's $1 ? \\ :x"); p.setBigDecimal(3, i == 3 ? null : new java.math.BigDecimal("1.50")); p.executeUpdate(); }
    db.commit();
    for (int i = 10; i < 30; i++) { p.setInt(1, i); p.setString(2, null); p.setBigDecimal(3, null); p.addBatch(); }
    p.executeBatch();
    db.commit();
    s.execute("DELETE FROM jdbc");
    db.rollback();
    Savepoint point = db.setSavepoint();
    try { p.setInt(1, 1); p.setString(2, "fails"); p.setBigDecimal(3, null); p.executeUpdate(); } catch (SQLException e) { db.rollback(point); }
    s.execute("UPDATE jdbc SET v = 'x; y' WHERE id = 5; UPDATE jdbc SET v = 'z' WHERE id = 6");
    s.setFetchSize(3);
    ResultSet r = s.executeQuery("SELECT * FROM jdbc ORDER BY id");
    while (r.next()) {}
    db.commit();
    db.close();
  }
}
END
	my $port   = PostgreSQL::Test::Cluster::get_free_port();
	my $relay  = IPC::Run::start([ '/usr/bin/python3', file_with('relay.py', <<'END'), $port, $source->node->host . '/.s.PGSQL.' . $source->node->port ]);
import asyncio, sys
async def copy(a, b):
    while data := await a.read(65536):
        b.write(data)
    b.close()
async def serve(reader, writer):
    r, w = await asyncio.open_unix_connection(sys.argv[2])
    await asyncio.gather(copy(reader, w), copy(r, writer))
async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()
asyncio.run(main())
END
	require IO::Socket::INET;
	wait_for('the relay', sub { IO::Socket::INET->new("127.0.0.1:$port") });
	my $user = getpwuid($<);
	client($source, 'JDBC', 'java', '-cp', $jar, $java, $port, $user);
	$relay->kill_kill;
}

my $err = replayed($source, 'everything');
like($err, qr/^lpbm: database app: \d+ transactions with \d+ statements written/m, 'it says how much');
like($err, qr/left out: \d+ errors, \d+ rolled back, 1 never committed/, 'and how much it left out');
unlike($err, qr/missing:/, 'nothing is missing');
my @doubts = grep { !/temporary tables|functions, whose|that end in/ } $err =~ /^lpbm: in doubt: (.*)$/mg;
is_deeply(\@doubts, [], 'and nothing in doubt but temporary tables and what clients ask of the server');

my ($status, $out);
($status, $out, $err) = run_lpbm('extract', $source->data . '/log');
is($status, 2, 'which database is to be said where there are several');
like($err, qr/several: app \(\d+\), postgres \(\d+\)/, 'and which there are');

# ---- durations alone ------------------------------------------------------------------------------------------------

my $timed = plain_server('timed', "log_min_duration_statement = 0\n");
psql($timed, <<'END');
CREATE TABLE t (id int PRIMARY KEY, v text);
BEGIN; INSERT INTO t VALUES (1, 'a'); INSERT INTO t VALUES (2, 'b'); COMMIT;
BEGIN; INSERT INTO t VALUES (3, 'no'); ROLLBACK;
INSERT INTO t VALUES (1, 'fails');
BEGIN; INSERT INTO t VALUES (4, 'no'); INSERT INTO t VALUES (1, 'fails'); COMMIT;
INSERT INTO t VALUES (5, 'c');
END
$timed->sql('CREATE TABLE accounts (id int PRIMARY KEY, balance int); CREATE TABLE history (client int, id int, delta int);
	INSERT INTO accounts SELECT i, 0 FROM generate_series(1, 20) i');
$timed->pgbench('-n', '-c', '3', '-t', '50', '-M', $_, '-f', $load) foreach qw(simple extended prepared);
$err = replayed($timed, 'timed');
like($err, qr/in doubt: \d+ statements logged by their duration/, 'it says that shorter ones may be missing');

# ---- what a log of log_statement = mod cannot carry -----------------------------------------------------------------

my $mod = plain_server('mod', "log_statement = 'mod'\nlog_parameter_max_length = 8\n");
psql($mod, <<'END');
CREATE TABLE t (id int, v text, at timestamptz);
COPY t (id) FROM STDIN;
1
2
\.
INSERT INTO t VALUES (3, 'after the rows');
INSERT INTO t VALUES (4, 'now', now());
BEGIN; INSERT INTO t VALUES (5, 'rolled back without trace'); ROLLBACK;
INSERT INTO t SELECT 6, 'fails', 1/0;
CREATE TEMP TABLE x (a int);
END
client($mod, 'a long parameter', '/usr/bin/python3', file_with('cut.py', <<'END'), $mod->conninfo) if system('/usr/bin/python3', '-c', 'import psycopg') == 0;
import sys, psycopg
with psycopg.connect(sys.argv[1]) as db:
    db.execute("INSERT INTO t VALUES (7, %s)", ("longer than eight",))
END
$mod->stop;
($status, $out, $err) = run_lpbm('extract', '--json', '--no-users', '--database', $DATABASE, $mod->data . '/log');
is($status, 0, 'mod: extracted');
my $report = decode_json($err);
my %lines  = map { $_->{code} => scalar @{ $_->{lines} } } @{ $report->{remarks} };
my $cut    = delete $lines{parameters_cut};
is_deeply(\%lines, { copy_rows => 1, volatile_values => 1, temporary => 1, end_unknown => 5 + ($cut // 0),
		bare_sessions => 1 + ($cut // 0) },
	'mod: exactly what the log does not carry');
is($report->{complete}, JSON::PP::false, 'mod: the rows of COPY are missing');
is($report->{failed}, 1, 'mod: the error is seen');
like($out, qr/^-- plain-\d+\.csv:\d+: not run, copy_rows\n--   COPY t \(id\) FROM STDIN$/m, 'mod: COPY is there as a comment');
like($out, qr/after the rows.*rolled back without trace/s, 'mod: and what follows is read');
unlike($out, qr/fails/, 'mod: what failed is not');

done_testing();
