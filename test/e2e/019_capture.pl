# What capture must not miss, in the smallest cases: literals that are times, names of temporary objects, a sequence that
# is set back and forth; and a worker that stands back while its database is being restored.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source');
$source->wait_for_first_full;
$source->backed_up_to_now;

sub fulls { return scalar(() = $source->entries('full')) }

# Runs it in one session and returns the reason of the full that it led to, or '' where deltas carried it.
sub reason
{
	my ($sql) = @_;
	my $before = fulls();
	my ($status, undef, $err) = $source->try_sql($sql);
	diag("$sql: $err") if $status;
	$source->backed_up_to_now;
	my ($last) = reverse $source->entries('full');
	return fulls() > $before ? $last->{reason} : '';
}

# Evaluated when the command runs, in whatever form the literal is written: replay would find another day. Each leaves a
# hole in its delta, and a full mends them all.
my @names = ('name', 'na$x$me', '"na$$me"', 'ende$', '"quo""te$"');
my @texts = ("' Tomorrow '", q{E'\x74oday'}, "'to'\n  'day'", "'to' -- '\n 'day'", '$$yesterday$$', '$x$now$x$', q{U&'\0074oday'},
	q{U&'!0074oday' UESCAPE '!'}, "'12:30 today'", "date 'today'", "'TODAY'::date");
my @times = (
	(map { "CREATE TABLE $_ (\"\$a\$\" int, b\$c\$d timestamp DEFAULT 'today', e\$ int)" } @names),
	(map { "CREATE TABLE literal (a\$b timestamp DEFAULT $_, e int); DROP TABLE literal" } @texts),
	"CREATE TABLE words (w char(20) DEFAULT N'today')",
	"CREATE TABLE times (d date[] DEFAULT '{yesterday,2020-01-01}')",
	"CREATE TABLE ranges (d daterange DEFAULT '[2020-01-01,tomorrow]')",
	q{SET standard_conforming_strings = off; CREATE TABLE slashed (d date DEFAULT 'to\x64ay')},
);
$source->sql($_) foreach @times;
$source->backed_up_to_now;
my @holes = map { @{ $_->{holes} // [] } } $source->entries('delta');
is(scalar(grep { $_->{code} eq 'time_literal' } @holes), scalar(@times), 'each literal that is a time is found') or diag(explain(\@holes));
cmp_ok(fulls(), '<=', 3, 'with at most two fulls for all of them');

# These are none.
my @plain = (
	"CREATE TABLE today (now int, \"today\" date DEFAULT now(), tomorrow text DEFAULT 'nowhere')",
	"CREATE TABLE plain (a text DEFAULT 'n o w', \"it's 'now'\" int, b text DEFAULT 'knowing') /* 'now' */ -- 'today'\n",
	"CREATE FUNCTION body() RETURNS date LANGUAGE sql AS 'SELECT date ''now'''",
	q{CREATE FUNCTION quoted() RETURNS date LANGUAGE sql AS $f$ SELECT date 'today' $f$},
	"CREATE TYPE day AS ENUM ('today', 'tomorrow')",
	"ALTER TYPE day ADD VALUE 'now'",
	"COMMENT ON TABLE plain IS 'today'");
is(reason(join ";\n", @plain), '', 'what only looks like one is not');

# A long text is read once.
my $long = join ', ', map { "c$_ text DEFAULT '\$a\$$_'" } 1 .. 1500;
is(reason("CREATE TABLE long ($long)"), '', 'a long text');

# Permanent objects that need temporary ones cannot be made by replay; those whose names only look alike can.
like(reason("CREATE TYPE pg_temp.passing AS (a int); CREATE FUNCTION takes(passing) RETURNS int LANGUAGE sql AS 'SELECT 1'; DROP FUNCTION takes(passing)"),
	qr/temporary/, 'a function that takes a temporary type');
like(reason("CREATE TEMP SEQUENCE counter; CREATE TABLE counted (a int DEFAULT nextval('counter')); DROP TABLE counted"), qr/temporary/, 'a default from a temporary sequence');
is(reason("CREATE TEMP TABLE passing (a int); CREATE TABLE public.passing (a int); CREATE TABLE kept AS SELECT * FROM pg_temp.passing"), '', 'a table beside a temporary one');
is(reason("CREATE TEMP TABLE shown (a int); CREATE VIEW shows AS SELECT a FROM shown; CREATE VIEW \"Shows\" AS SELECT relname FROM pg_class"), '', 'a view that becomes temporary');
is(reason("CREATE TEMP TABLE again (a int); CREATE VIEW v AS SELECT a FROM again; CREATE OR REPLACE VIEW v AS SELECT a FROM again") =~ /^(temporary.*|)$/ ? 1 : 0, 1, 'and is replaced');
is(reason("SET search_path = pg_temp; CREATE TABLE by_path (a int); CREATE FUNCTION function_by_path() RETURNS int LANGUAGE sql AS 'SELECT 1'"), '', 'temporary by the search path');
is(reason("SET search_path = nowhere, public; CREATE TABLE by_second (a int)"), '', 'the first schema of the search path is not there');
# What cannot be looked up any more when the command has run is no error of the command.
$source->sql(<<'END');
CREATE TEMP TABLE x (a int);
CREATE FUNCTION sets() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN SET search_path = ''; END $$;
CREATE EVENT TRIGGER sets ON ddl_command_end EXECUTE FUNCTION sets();
SET search_path = public;
CREATE TABLE no_path (a int);
RESET search_path;
CREATE FUNCTION no_path() RETURNS int LANGUAGE sql AS 'SELECT 1';
RESET search_path;
DROP EVENT TRIGGER sets;
END
is($source->sql("SELECT to_regclass('public.no_path') IS NOT NULL"), 't', 'a command after which there is no search path has run');
$source->backed_up_to_now;

# Set back before anybody looked, a sequence is written anew: a full may have read what it was in between.
$source->sql("CREATE SEQUENCE numbers; SELECT setval('numbers', 5)");
$source->backed_up_to_now;
is($source->backed_up_to_now, '', 'its position is known');
$source->sql("BEGIN; SELECT setval('numbers', 9); SELECT setval('numbers', 5); COMMIT");
isnt($source->backed_up_to_now, '', 'set back and forth, it is written again');
is($source->backed_up_to_now, '', 'once');
$source->restart;
is($source->backed_up_to_now, '', 'and is known after a restart');
same($source, $source->vault->restore('target'), 'the same');

# A restore into a database says so in its comment: no backup begins meanwhile.
my $restored = Lpbm::Test->backed_up('restored', start => 0, conf => "shared_preload_libraries = ''\n");
$restored->start;
$restored->sql("COMMENT ON DATABASE app IS 'lpbm: restore unfinished, since today'", 'postgres');
$restored->stop;
$restored->configure("shared_preload_libraries = 'lpbm'\n");
$restored->start;
$restored->sql('CREATE EXTENSION lpbm');
$restored->wait_for_sql("SELECT value = 'blocked' FROM lpbm_status WHERE name = 'state'", 'the worker stands back');
is($restored->sql("SELECT value || '|' || hint FROM lpbm_status WHERE name = 'problem' AND value LIKE '%restore%'"),
	'a restore into this database is under way, or was left unfinished|'
	  . 'Backups begin when it is done. Where it has failed, drop the database and restore again.', 'and says why');
my (undef, undef, $err) = $restored->try_sql('SELECT lpbm_full_backup()', timeout => 60);
like($err, qr/a restore into this database is under way/, 'a full is refused');
$restored->sql('COMMENT ON DATABASE app IS NULL', 'postgres');
$restored->sql('CREATE TABLE afterwards (a int)');
wait_for('backups that begin', sub { $restored->backed_up_to_now; 1 }, 60);
same($restored, $restored->vault->restore('afterwards'), 'the same afterwards');

# Whoever owns the database may write the comment, too: what is backed up already stays so.
$source->sql("COMMENT ON DATABASE app IS 'lpbm: restore unfinished, says its owner'", 'postgres');
$source->restart;
$source->sql('CREATE TABLE despite (a int PRIMARY KEY); INSERT INTO despite VALUES (1)');
wait_for('backups that go on', sub { $source->backed_up_to_now; 1 }, 60);
is($source->sql("SELECT count(*) FROM lpbm_status WHERE value LIKE '%a restore into%'"), '0', 'a comment by hand stops no backup');

done_testing();
