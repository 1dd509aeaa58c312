# What the owner of the backed-up database, or a role that may create databases, can do to the backup: nothing. The
# worst settings for the database stop neither worker nor engine, and only who may copy the database makes lpbm let go.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source');
$source->wait_for_first_full;
$source->sql(<<'END');
CREATE ROLE owner LOGIN CREATEDB;
CREATE ROLE maker LOGIN CREATEDB;
CREATE ROLE weak;
ALTER DATABASE app OWNER TO owner;
CREATE TABLE t (id serial PRIMARY KEY, at timestamptz, f float8, b bytea, i interval, m numeric, x text);
INSERT INTO t (at, f, b, i, m, x) VALUES ('2020-02-03 04:05:06.789+00', 0.1 + 0.2, '\x00ff27', '1 mon 2 days', 1.10, E'a\\b''c');
END
$source->backed_up_to_now;

sub as_owner
{
	my ($sql) = @_;
	my ($status, undef, $err) = $source->try_sql($sql, role => 'owner', database => 'postgres');
	return $status == 0 ? 1 : do { note("refused: $sql: $err"); 0 };
}

# Each by itself as the owner; those that PostgreSQL refuses are no danger, but most of them it must take.
my @settings = (
	"role = 'weak'", "session_authorization = 'weak'", "exit_on_error = on", "idle_in_transaction_session_timeout = 1",
	"idle_session_timeout = 1", "statement_timeout = 1", "lock_timeout = 1", "default_transaction_read_only = on",
	"default_transaction_isolation = 'serializable'", "default_transaction_deferrable = on", "search_path = 'nowhere'",
	"row_security = on", "local_preload_libraries = 'nowhere'", "logical_decoding_work_mem = '64kB'", "client_min_messages = 'debug5'",
	"datestyle = 'German'", "intervalstyle = 'sql_standard'", "extra_float_digits = -10", "bytea_output = 'escape'",
	"xmlbinary = 'hex'", "xmloption = 'document'", "lc_monetary = 'C.UTF-8'", "timezone = 'Asia/Kolkata'", "transform_null_equals = on",
	"standard_conforming_strings = off", "quote_all_identifiers = on", "temp_tablespaces = 'nowhere'", "default_tablespace = 'nowhere'",
	"array_nulls = off", "backslash_quote = off", "client_encoding = 'LATIN1'", "default_table_access_method = 'nowhere'",
	"enable_indexscan = off", "enable_seqscan = off", "work_mem = '64kB'", "temp_buffers = 100", "check_function_bodies = off",
	"synchronous_commit = off", "constraint_exclusion = off", "force_parallel_mode = on", "plan_cache_mode = 'force_generic_plan'",
	"default_toast_compression = 'pglz'", "tcp_user_timeout = 1", "gin_fuzzy_search_limit = 1", "synchronize_seqscans = off",
	"ignore_system_indexes = on", "log_statement = 'all'");
my $taken = grep { as_owner("ALTER DATABASE app SET $_") } @settings;
cmp_ok($taken, '>=', 35, 'the owner can set much');

# The worker and the engine's sessions begin anew with them.
$source->restart;
my $plain = $source->node->connstr('app')
  . " options='-c local_preload_libraries= -c role=none -c session_authorization=" . $source->sql('SELECT current_user', 'postgres')
  . " -c statement_timeout=0 -c idle_session_timeout=0 -c idle_in_transaction_session_timeout=0 -c default_transaction_read_only=off"
  . " -c search_path=public -c default_table_access_method=heap -c default_tablespace= -c datestyle=ISO -c client_min_messages=error -c standard_conforming_strings=on -c jit=off'";
sub plainly
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $plain, '-c', $sql ], '>', \$out, '2>', \$err) or die "$sql: $err";
	chomp $out;
	return $out;
}
my $entries = () = $source->entries;
plainly("INSERT INTO t (at, f, b, i, m, x) VALUES ('2021-02-03 04:05:06.789+00', 0.1 + 0.7, '\\x00fe27', '1 mon 2 days', 1.20, 'second')");
plainly("CREATE TABLE later (id int PRIMARY KEY); INSERT INTO later SELECT generate_series(1, 1000)");
plainly('SELECT lpbm_delta()');
cmp_ok(scalar(() = $source->entries), '>', $entries, 'deltas go on');
my $fulls = () = $source->entries('full');
plainly('SELECT lpbm_full_backup()');
is(scalar(() = $source->entries('full')), $fulls + 1, 'a full can be taken');
plainly("UPDATE t SET m = m + 1; DELETE FROM later WHERE id > 500");
plainly('SELECT lpbm_delta()');
is(plainly("SELECT count(*) FROM lpbm_status WHERE name = 'problem' AND value !~ 'same file system|store'"), '0', 'and nothing is a problem');
my $vault = $source->vault;

# Compared without them: they come back with the restore, and pg_dump of the comparison has no means against them.
$source->sql('ALTER DATABASE app RESET ALL', 'postgres');
my $target = $vault->restore('target');
cmp_ok($target->sql('SELECT cardinality(setconfig) FROM pg_db_role_setting WHERE setrole = 0 AND setdatabase <> 0', 'postgres'), '>=', 35,
	'the settings themselves are restored');
$target->sql('ALTER DATABASE app RESET ALL', 'postgres');
same($source, $target, 'the same');

# Copying. Who must not do it, and whose command fails at once, does not stop the worker.
$source->restart;
$source->backed_up_to_now;
my $worker = wait_for('the worker', sub { $source->worker });
my @refused = (
	[ 'maker', 'CREATE DATABASE copied TEMPLATE app',                     'of one who does not own it' ],
	[ 'weak',  'CREATE DATABASE copied TEMPLATE app',                     'of one who may not create databases' ],
	[ 'owner', 'CREATE DATABASE postgres TEMPLATE app',                   'to a name that exists' ],
	[ 'owner', 'CREATE DATABASE copied TEMPLATE app TABLESPACE nowhere',  'to a tablespace that does not exist' ],
	[ 'owner', 'CREATE DATABASE copied TEMPLATE app OWNER nobody',        'to an owner who does not exist' ],
	[ 'owner', 'BEGIN; CREATE DATABASE copied TEMPLATE app',              'in a transaction block' ],
	[ 'owner', 'BEGIN; DROP DATABASE app',                                'DROP in a transaction block' ],
	[ 'owner', 'ALTER DATABASE app RENAME TO postgres',                   'RENAME to a name that exists' ],
	[ 'owner', 'ALTER DATABASE app SET TABLESPACE nowhere',               'SET TABLESPACE to one that does not exist' ],
	[ 'maker', 'DROP DATABASE app',                                       'DROP of one who does not own it' ],
);
foreach my $case (@refused)
{
	my ($role, $sql, $name) = @$case;
	my ($status) = $source->try_sql("SET ROLE $role; $sql", database => 'postgres');
	isnt($status, 0, "refused: $name");
}
is($source->worker, $worker, 'the worker was not stopped for any of them');
my ($status, undef, $err) = $source->try_sql('CREATE DATABASE copied TEMPLATE app', role => 'owner', database => 'postgres');
is($status, 0, 'its owner can copy it') or diag($err);
$source->sql('ALTER DATABASE app IS_TEMPLATE true', 'postgres');
($status, undef, $err) = $source->try_sql('CREATE DATABASE copied_too TEMPLATE app', role => 'maker', database => 'postgres');
is($status, 0, 'a template can be copied by whoever may create databases') or diag($err);
$source->sql('ALTER DATABASE app IS_TEMPLATE false', 'postgres');
wait_for('the worker to be back', sub { $source->backed_up_to_now; 1 }, 60);

# An operator of his own before that of the system, which whoever backs up would call as a superuser.
as_owner('ALTER DATABASE app RESET ALL');
$source->restart;
$source->sql('GRANT CREATE ON DATABASE app TO owner');
my ($made, undef, $refused) = $source->try_sql(<<'END', role => 'owner');
CREATE SCHEMA evil;
CREATE FUNCTION evil.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user) THEN ALTER ROLE owner SUPERUSER; END IF;
  RETURN $1 OPERATOR(pg_catalog.=) $2;
END $$;
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.eq);
ALTER DATABASE app SET search_path = evil, pg_catalog;
END
is($made, 0, 'the owner lays a trap') or diag($refused);
$source->restart;
$source->sql("INSERT INTO public.t (x) VALUES ('after the trap')");
wait_for('a delta', sub { my ($good) = $source->try_sql('SET search_path = pg_catalog, public; SELECT lpbm_delta()', timeout => 60); $good == 0 }, 60);
my ($taken_full, undef, $why) = $source->try_sql('SET search_path = pg_catalog, public; SELECT lpbm_full_backup()', timeout => 120);
is($taken_full, 0, 'a full is taken') or diag($why);
is($source->sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'owner'", 'postgres'), 'f', 'and nobody became a superuser by it');

done_testing();
