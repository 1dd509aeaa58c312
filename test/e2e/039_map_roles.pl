# A backup into a server of other roles: --map-role, --map-tablespace, --no-owner. Whatever the backup's roles own, were
# granted or are named in follows, the deltas' commands, whose text names them, included.
use strict;
use warnings;

use Lpbm::Test;
use PostgreSQL::Test::Utils;
use Test::More;

my $spaces = PostgreSQL::Test::Utils::tempdir('spaces');
mkdir "$spaces/$_" foreach qw(old new other);
my $source = Lpbm::Test->backed_up('source', extension => 0);
my $dblink = Lpbm::Test::has('postgres_fdw');
$source->sql(<<"END", 'postgres');
CREATE ROLE "shop=owner" LOGIN PASSWORD 'x' CREATEROLE;
CREATE ROLE clerk LOGIN;
CREATE ROLE auditor;
CREATE ROLE staff;
CREATE ROLE "Odd ""name""";
GRANT staff TO clerk WITH ADMIN OPTION;
GRANT auditor TO "shop=owner";
CREATE TABLESPACE fast OWNER clerk LOCATION '$spaces/old';
GRANT CREATE ON TABLESPACE fast TO auditor;
GRANT SET ON PARAMETER work_mem TO clerk;
ALTER DATABASE app OWNER TO clerk;
GRANT CREATE ON DATABASE app TO auditor WITH GRANT OPTION;
SET ROLE auditor;
GRANT CREATE ON DATABASE app TO "Odd ""name""";
RESET ROLE;
ALTER ROLE clerk IN DATABASE app SET work_mem = '5MB';
END
$source->sql(<<'END');
CREATE SCHEMA shop AUTHORIZATION clerk;
GRANT CREATE, USAGE ON SCHEMA public TO clerk;
GRANT CREATE ON SCHEMA shop TO auditor;
SET ROLE clerk;
CREATE TABLE shop.orders (id int PRIMARY KEY, who name DEFAULT current_user, note text) TABLESPACE fast;
CREATE TYPE shop.kind AS ENUM ('a', 'b');
CREATE TYPE shop.pair AS (a int, b shop.kind);
CREATE DOMAIN shop.amount AS numeric CHECK (VALUE > 0);
CREATE SEQUENCE shop.numbers;
CREATE VIEW shop.all_orders AS SELECT * FROM shop.orders;
CREATE MATERIALIZED VIEW shop.counted AS SELECT count(*) AS n FROM shop.orders;
CREATE FUNCTION shop.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE STATISTICS shop.s ON id, who FROM shop.orders;
GRANT SELECT, INSERT ON shop.orders TO auditor WITH GRANT OPTION;
GRANT SELECT (note) ON shop.orders TO "Odd ""name""";
GRANT USAGE ON SCHEMA shop TO auditor, "Odd ""name""";
REVOKE EXECUTE ON FUNCTION shop.f() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shop.f() TO auditor;
GRANT USAGE ON TYPE shop.kind TO auditor;
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON shop.orders TO auditor, clerk USING (who = current_user);
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE clerk REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
SET ROLE auditor;
GRANT SELECT ON shop.orders TO "Odd ""name""" WITH GRANT OPTION;
CREATE TABLE shop.checked (id int PRIMARY KEY);
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO clerk;
RESET ROLE;
SELECT lo_from_bytea(4711, 'large');
ALTER LARGE OBJECT 4711 OWNER TO clerk;
GRANT SELECT ON LARGE OBJECT 4711 TO auditor;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_waldir() TO auditor;
CREATE PUBLICATION news FOR TABLE shop.orders;
ALTER PUBLICATION news OWNER TO clerk;
CREATE TABLE superusers_own (id int PRIMARY KEY);
GRANT SELECT ON superusers_own TO clerk;
END
$source->sql(<<'END') if $dblink;
CREATE EXTENSION postgres_fdw;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw;
GRANT USAGE ON FOREIGN SERVER far TO clerk;
CREATE USER MAPPING FOR clerk SERVER far OPTIONS (user 'c');
END
$source->wait_for_first_full;
$source->sql(<<'END');
SET ROLE clerk;
INSERT INTO shop.orders VALUES (1), (2);
CREATE SCHEMA AUTHORIZATION clerk;
CREATE TABLE clerk.later (id int PRIMARY KEY, v shop.amount);
GRANT SELECT ON clerk.later TO auditor;
CREATE POLICY later ON clerk.later TO auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE clerk GRANT INSERT ON TABLES TO auditor;
SET ROLE auditor;
CREATE TABLE shop.by_auditor (id int PRIMARY KEY);
GRANT UPDATE ON shop.by_auditor TO clerk WITH GRANT OPTION;
RESET ROLE;
CREATE ROLE newcomer;
GRANT newcomer TO clerk;
ALTER TABLE shop.checked OWNER TO newcomer;
GRANT SELECT ON superusers_own TO newcomer;
END
my $lsn = $source->sql('SELECT pg_current_wal_lsn()');
$source->sql('COMMENT ON ROLE newcomer IS NULL; CREATE TABLE shop.at_last (id int PRIMARY KEY)');
wait_for('the deltas', sub { my ($last) = reverse $source->entries; $source->sql("SELECT '$last->{to}'::pg_lsn >= '$lsn'") eq 't' });
my $vault   = $source->vault;
my @bindir  = ('--bindir', $ENV{LPBM_BINDIR});

# What the server keeps beside the names, in words: who owns and holds what, as pg_shdepend has it. Without it a role
# could be dropped that something still names.
sub dependencies
{
	my ($server) = @_;
	return $server->sql(<<'END');
SELECT coalesce(nullif(pg_describe_object(classid, objid, objsubid), ''), '?') || ' ' || refobjid::regrole || ' ' || deptype::text
FROM pg_shdepend WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND refclassid = 'pg_authid'::regclass ORDER BY 1
END
}

sub state_of
{
	my ($server) = @_;
	return $server->sql(<<'END', 'postgres');
SELECT (SELECT string_agg(rolname || rolcanlogin, ' ' ORDER BY rolname) FROM pg_roles WHERE oid >= 16384),
  (SELECT string_agg(spcname, ' ' ORDER BY 1) FROM pg_tablespace), (SELECT string_agg(datname, ' ' ORDER BY 1) FROM pg_database)
END
}

# Lines in an order that does not hang on the roles' names, nor on when they were made.
sub sorted
{
	my ($text) = @_;
	$text =~ s/^(CREATE POLICY .* TO )(.*?)( USING|;)/$1 . join(', ', sort split m{, }, $2) . $3/gme;
	return join("\n", sort split /\n/, $text) . "\n";
}

sub agree
{
	my ($got, $wanted, $name) = @_;
	my ($difference) = Lpbm::Test::text_difference('it', sorted($wanted), sorted($got));
	return ok(!$difference, $name) || (diag($difference) && 0);
}

# ---- wrong use ------------------------------------------------------------------------------------------------------

my $mapped = Lpbm::Test->bare('mapped');
$mapped->sql('CREATE ROLE seller LOGIN CONNECTION LIMIT 7; CREATE ROLE reviser; CREATE ROLE staff CREATEDB', 'postgres');
my $before = state_of($mapped);
my @restore = ('restore', $vault->arguments, '--target', $mapped->target, @bindir);
lpbm_fails([ @restore, '--map-role', 'clark=seller' ], 2, qr/no role clark\nhint: Its roles: .*auditor, clerk/, 'an unknown role');
lpbm_fails([ @restore, '--map-role', 'clerk' ], 2, qr/not OLD=NEW/, 'half a mapping');
lpbm_fails([ @restore, '--map-role', 'clerk=seller', '--map-role', 'clerk=reviser' ], 2, qr/mapped twice/, 'two mappings of one role');
lpbm_fails([ @restore, '--map-tablespace', 'slow=/tmp' ], 2, qr/no tablespace slow\nhint: Its tablespaces: fast \(/, 'an unknown tablespace');
lpbm_fails([ @restore, '--map-tablespace', 'fast=slow' ], 2, qr/not OLD=/, 'a tablespace that is no directory');
lpbm_fails([ 'restore', $vault->arguments, '--check', '--no-owner', @bindir ], 2, qr/nothing is mapped/, '--check maps nothing');
lpbm_fails([ @restore, '--map-role', 'clerk=nobody_here' ], 1,
	qr/2 things are in the way\n  1\. the role nobody_here, .*\n.*\n  2\. the tablespace fast cannot be made: the directory .* is not empty\n/,
	'what is missing on the target is told at once');
is(state_of($mapped), $before, 'and nothing was changed');

# ---- --map-role, --map-tablespace -----------------------------------------------------------------------------------

my %names = (clerk => 'seller', auditor => 'reviser');
my ($status, $out, $err) = run_lpbm(@restore, '--map-tablespace', "$spaces/old=$spaces/new", map { ('--map-role', "$_=$names{$_}") } sort keys %names);
is($status, 0, 'restored with other roles') or diag($err);
like($err, qr/^lpbm: roles that will be made: .*"?shop=owner/m, 'roles that will be made are told');
like($err, qr{^lpbm: tablespaces that will be made: fast in $spaces/new$}m, 'so are tablespaces');
like($err, qr/^lpbm: the role staff is there already and stays as it is: it has CREATEDB, had none of them$/m, 'and roles that are there with other attributes');
unlike($out, qr/could not be dropped/, 'nothing of the old roles remained');
my $renamed = sub {
	my ($text) = @_;
	$text =~ s/\b(?<!SCHEMA )(?<!schema )(?<!\t)(clerk|auditor)\b(?!\.)/$names{$1}/g;
	return $text;
};
agree($mapped->dump_text, $renamed->($source->dump_text), 'the dump is the source\'s, but for the names');
agree(dependencies($mapped), $renamed->(dependencies($source)), 'and so is what the roles cannot be dropped for');
is($mapped->sql("SELECT count(*) FROM pg_roles WHERE rolname IN ('clerk', 'auditor')"), '0', 'the old roles are not there');
is($mapped->sql("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'seller'"), '7', 'the new ones are as they were');
my $database = "SELECT 'owner ' || datdba::regrole FROM pg_database WHERE datname = 'app' UNION SELECT unnest(datacl)::text FROM pg_database WHERE datname = 'app'";
agree($mapped->sql($database), $renamed->($source->sql($database)), 'the database is the new owner\'s');
is($mapped->sql("SELECT spcowner::regrole || ' ' || spcacl::text || pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'fast'"),
	"seller {seller=C/seller,reviser=C/seller}$spaces/new", 'so is the tablespace, in another directory');
is($mapped->sql("SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'seller'::regrole"), '{work_mem=5MB}', 'and its settings here');
is($mapped->sql("SELECT string_agg(m, ' ' ORDER BY m) FROM (SELECT roleid::regrole || '>' || member::regrole FROM pg_auth_members WHERE roleid >= 16384) AS t(m)"),
	'newcomer>seller reviser>"shop=owner"', 'memberships with roles that were made go over, between roles that were there none does');
is($mapped->sql('SET ROLE seller; INSERT INTO shop.orders VALUES (3); SELECT count(*) FROM shop.orders'), '3', 'the new owner is at home');
is($mapped->sql('SET ROLE reviser; SELECT count(*) FROM shop.orders'), '0', 'and the policy holds for the other one');
isnt(($mapped->try_sql('DROP ROLE reviser'))[0], 0, 'and the server knows what it cannot be dropped for');

# ---- --no-owner -----------------------------------------------------------------------------------------------------

my $single = Lpbm::Test->bare('single');
$single->sql('CREATE ROLE dba LOGIN SUPERUSER; CREATE ROLE clerk', 'postgres');
$before = state_of($single);
($status, $out, $err) = run_lpbm('restore', $vault->arguments, '--target', $single->target . ' user=dba', @bindir, '--no-owner',
	'--map-tablespace', "fast=$spaces/other");
is($status, 0, 'restored without roles') or diag($err);
unlike($out, qr/could not be dropped/, 'nothing of the old roles remained');
is($single->sql("SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE oid >= 16384"), 'clerk dba', 'no roles were made');
is($single->dump_text('--no-owner', '--no-acl') =~ s/ FOR ROLE \S+//gr =~ s/^CREATE (POLICY|USER MAPPING).*\n//mgr,
	$source->dump_text('--no-owner', '--no-acl') =~ s/^CREATE (POLICY|USER MAPPING).*\n//mgr, 'the dump is the same without owners and privileges');
is($single->sql(<<'END'), 'dba', 'all belongs to the one who restored');
SELECT string_agg(DISTINCT refobjid::regrole::text, ' ') FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass
  AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
END
is($single->sql(<<'END'), 'dba|dba', 'really');
SELECT (SELECT string_agg(DISTINCT r, ' ') FROM (SELECT relowner::regrole::text AS r FROM pg_class WHERE oid >= 16384
  UNION SELECT proowner::regrole::text FROM pg_proc WHERE oid >= 16384 UNION SELECT typowner::regrole::text FROM pg_type WHERE oid >= 16384
  UNION SELECT lomowner::regrole::text FROM pg_largeobject_metadata UNION SELECT nspowner::regrole::text FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_') o),
  (SELECT string_agg(DISTINCT e.grantee::regrole || '', ' ') FROM pg_class, aclexplode(relacl) e WHERE pg_class.oid >= 16384)
END
is($single->sql("SELECT datdba::regrole FROM pg_database WHERE datname = 'app'"), 'dba', 'the database, too');
is($single->sql('SELECT count(*) FROM shop.orders'), '2', 'and the rows are there');

# ---- roles that change places ---------------------------------------------------------------------------------------

my $swapped = Lpbm::Test->bare('swapped');
$swapped->sql('CREATE ROLE clerk; CREATE ROLE auditor', 'postgres');
rename "$spaces/other", "$spaces/used";
mkdir "$spaces/other";
($status, $out, $err) = run_lpbm('restore', $vault->arguments, '--target', $swapped->target, @bindir,
	'--map-role', 'clerk=auditor', '--map-role', 'auditor=clerk', '--map-tablespace', "fast=$spaces/other");
is($status, 0, 'restored with two roles in each other\'s place') or diag($err);
%names = (clerk => 'auditor', auditor => 'clerk');
agree($swapped->dump_text, $renamed->($source->dump_text), 'each has what was the other\'s');
agree(dependencies($swapped), $renamed->(dependencies($source)), 'and is known to have it');

done_testing();
