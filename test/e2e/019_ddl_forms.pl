# Every form in which a command may name an object: none of them can crash a session, whether the object exists or not
# and whether the session has temporary objects or not, and what they do is restored.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source');
$source->sql('CREATE ROLE forms_owner; CREATE ROLE forms_other');
$source->wait_for_first_full;
$source->backed_up_to_now;

# What each object is made by; %s is a number, so that all of it can be made again.
my $make = <<'END';
CREATE SCHEMA forms_%s;
SET search_path = forms_%s;
CREATE TABLE t (id int PRIMARY KEY, v text CONSTRAINT checked CHECK (v <> ''), w int);
CREATE TABLE parent (id int, v text) PARTITION BY RANGE (id);
CREATE TABLE child PARTITION OF parent FOR VALUES FROM (1) TO (10);
CREATE INDEX by_v ON t (v);
CREATE VIEW view AS SELECT id, v FROM t;
CREATE MATERIALIZED VIEW matview AS SELECT id, v FROM t;
CREATE SEQUENCE sequence;
CREATE TYPE composite AS (a int, b text);
CREATE TYPE enum AS ENUM ('yesterday', 'today');
CREATE TYPE range AS RANGE (SUBTYPE = int);
CREATE TYPE shell;
CREATE DOMAIN domain AS int CONSTRAINT positive CHECK (value > 0) CONSTRAINT small CHECK (value < 100);
CREATE FUNCTION function(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE FUNCTION event() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE PROCEDURE procedure(int) LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE aggregate(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE AGGREGATE everything(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
CREATE OPERATOR !!! (RIGHTARG = int, FUNCTION = int4um);
CREATE OPERATOR FAMILY family USING btree;
CREATE OPERATOR CLASS class FOR TYPE int USING btree FAMILY family AS OPERATOR 1 <, OPERATOR 3 =, FUNCTION 1 btint4cmp(int, int);
CREATE CAST (composite AS text) WITH INOUT;
CREATE TRANSFORM FOR range LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal));
CREATE COLLATION plain (LOCALE = 'C');
CREATE CONVERSION conversion FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE STATISTICS statistics ON id, w FROM t;
CREATE TEXT SEARCH CONFIGURATION configuration (COPY = simple);
CREATE TEXT SEARCH DICTIONARY dictionary (TEMPLATE = simple);
CREATE TEXT SEARCH PARSER parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH TEMPLATE template (LEXIZE = dsimple_lexize);
CREATE TRIGGER before BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trigger();
CREATE RULE rule AS ON DELETE TO t DO INSTEAD NOTHING;
CREATE POLICY policy ON t USING (true);
CREATE ACCESS METHOD method_%s TYPE INDEX HANDLER bthandler;
CREATE EVENT TRIGGER event_%s ON sql_drop EXECUTE FUNCTION event();
CREATE FOREIGN DATA WRAPPER wrapper_%s;
CREATE SERVER server_%s FOREIGN DATA WRAPPER wrapper_%s;
CREATE FOREIGN TABLE foreign_table (a int) SERVER server_%s;
CREATE PUBLICATION publication_%s FOR TABLE t;
CREATE TRUSTED LANGUAGE language_%s HANDLER plpgsql_call_handler;
END

# Commands on these, in the order in which they can run.
my $change = <<'END';
ALTER TABLE t RENAME COLUMN w TO renamed;
ALTER TABLE t RENAME CONSTRAINT checked TO renamed;
ALTER VIEW view RENAME COLUMN v TO renamed;
ALTER MATERIALIZED VIEW matview RENAME COLUMN v TO renamed;
ALTER FOREIGN TABLE foreign_table RENAME COLUMN a TO renamed;
ALTER TYPE composite RENAME ATTRIBUTE a TO renamed CASCADE;
ALTER TYPE enum RENAME VALUE 'today' TO 'tomorrow';
ALTER TYPE enum ADD VALUE 'now';
ALTER DOMAIN domain RENAME CONSTRAINT positive TO renamed;
ALTER DOMAIN domain VALIDATE CONSTRAINT renamed;
ALTER DOMAIN domain DROP CONSTRAINT small;
ALTER TRIGGER before ON t RENAME TO renamed;
ALTER RULE rule ON t RENAME TO renamed;
ALTER POLICY policy ON t RENAME TO renamed;
ALTER STATISTICS statistics SET STATISTICS 10;
ALTER OPERATOR === (int, int) SET (RESTRICT = eqsel);
ALTER OPERATOR FAMILY family USING btree ADD OPERATOR 2 <= (int, int);
ALTER TEXT SEARCH CONFIGURATION configuration DROP MAPPING FOR word;
ALTER TEXT SEARCH DICTIONARY dictionary (ACCEPT = false);
ALTER COLLATION plain REFRESH VERSION;
ALTER FUNCTION function(int) DEPENDS ON EXTENSION plpgsql;
ALTER PROCEDURE procedure(int) DEPENDS ON EXTENSION plpgsql;
ALTER ROUTINE trigger() DEPENDS ON EXTENSION plpgsql;
ALTER TRIGGER renamed ON t DEPENDS ON EXTENSION plpgsql;
ALTER MATERIALIZED VIEW matview DEPENDS ON EXTENSION plpgsql;
ALTER INDEX by_v DEPENDS ON EXTENSION plpgsql;
ALTER INDEX by_v NO DEPENDS ON EXTENSION plpgsql;
COMMENT ON ACCESS METHOD method_%s IS 'comment';
COMMENT ON AGGREGATE aggregate(int) IS 'comment';
COMMENT ON AGGREGATE everything(*) IS 'comment';
COMMENT ON CAST (composite AS text) IS 'comment';
COMMENT ON COLLATION plain IS 'comment';
COMMENT ON COLUMN t.v IS 'comment';
COMMENT ON COLUMN forms_%s.composite.b IS 'comment';
COMMENT ON CONSTRAINT renamed ON t IS 'comment';
COMMENT ON CONSTRAINT renamed ON DOMAIN domain IS 'comment';
COMMENT ON CONSTRAINT renamed ON DOMAIN forms_%s.domain IS 'another';
COMMENT ON CONVERSION conversion IS 'comment';
COMMENT ON DOMAIN domain IS 'comment';
COMMENT ON EVENT TRIGGER event_%s IS 'comment';
COMMENT ON FOREIGN DATA WRAPPER wrapper_%s IS 'comment';
COMMENT ON FOREIGN TABLE foreign_table IS 'comment';
COMMENT ON FUNCTION function(int) IS 'today';
COMMENT ON INDEX by_v IS 'comment';
COMMENT ON LANGUAGE language_%s IS 'comment';
COMMENT ON MATERIALIZED VIEW matview IS 'comment';
COMMENT ON OPERATOR === (int, int) IS 'comment';
COMMENT ON OPERATOR !!! (NONE, int) IS 'comment';
COMMENT ON OPERATOR CLASS class USING btree IS 'comment';
COMMENT ON OPERATOR FAMILY family USING btree IS 'comment';
COMMENT ON POLICY renamed ON t IS 'comment';
COMMENT ON PROCEDURE procedure(int) IS 'comment';
COMMENT ON PUBLICATION publication_%s IS 'comment';
COMMENT ON ROUTINE function(int) IS 'comment';
COMMENT ON RULE renamed ON t IS 'comment';
COMMENT ON SCHEMA forms_%s IS 'comment';
COMMENT ON SEQUENCE sequence IS 'comment';
COMMENT ON SERVER server_%s IS 'comment';
COMMENT ON STATISTICS statistics IS 'comment';
COMMENT ON TABLE t IS 'comment';
COMMENT ON TEXT SEARCH CONFIGURATION configuration IS 'comment';
COMMENT ON TEXT SEARCH DICTIONARY dictionary IS 'comment';
COMMENT ON TEXT SEARCH PARSER parser IS 'comment';
COMMENT ON TEXT SEARCH TEMPLATE template IS 'comment';
COMMENT ON TRANSFORM FOR range LANGUAGE sql IS 'comment';
COMMENT ON TRIGGER renamed ON t IS 'comment';
COMMENT ON TYPE composite IS 'comment';
COMMENT ON TYPE forms_%s.enum IS 'comment';
COMMENT ON VIEW view IS 'comment';
GRANT SELECT ON t TO forms_owner;
GRANT UPDATE (v) ON TABLE t TO forms_owner;
GRANT USAGE ON SEQUENCE sequence TO forms_owner;
GRANT USAGE ON DOMAIN domain TO forms_owner;
GRANT USAGE ON TYPE composite TO forms_owner;
GRANT EXECUTE ON FUNCTION function(int) TO forms_owner;
GRANT EXECUTE ON PROCEDURE procedure(int) TO forms_owner;
GRANT EXECUTE ON ROUTINE function(int) TO forms_owner;
GRANT USAGE ON FOREIGN DATA WRAPPER wrapper_%s TO forms_owner;
GRANT USAGE ON FOREIGN SERVER server_%s TO forms_owner;
GRANT USAGE ON LANGUAGE language_%s TO forms_owner;
GRANT CREATE ON SCHEMA forms_%s TO forms_owner;
GRANT SELECT ON ALL TABLES IN SCHEMA forms_%s TO forms_owner;
ALTER DEFAULT PRIVILEGES IN SCHEMA forms_%s GRANT SELECT ON TABLES TO forms_owner;
ALTER AGGREGATE aggregate(int) OWNER TO forms_owner;
ALTER COLLATION plain OWNER TO forms_owner;
ALTER CONVERSION conversion OWNER TO forms_owner;
ALTER DOMAIN domain OWNER TO forms_owner;
ALTER FOREIGN TABLE foreign_table OWNER TO forms_owner;
ALTER FUNCTION function(int) OWNER TO forms_owner;
ALTER LANGUAGE language_%s OWNER TO forms_owner;
ALTER MATERIALIZED VIEW matview OWNER TO forms_owner;
ALTER OPERATOR === (int, int) OWNER TO forms_owner;
ALTER OPERATOR CLASS class USING btree OWNER TO forms_owner;
ALTER OPERATOR FAMILY family USING btree OWNER TO forms_owner;
ALTER PROCEDURE procedure(int) OWNER TO forms_owner;
ALTER PUBLICATION publication_%s OWNER TO CURRENT_USER;
ALTER ROUTINE function(int) OWNER TO forms_owner;
ALTER SCHEMA forms_%s OWNER TO forms_owner;
ALTER SEQUENCE sequence OWNER TO forms_owner;
ALTER SERVER server_%s OWNER TO CURRENT_USER;
ALTER STATISTICS statistics OWNER TO forms_owner;
ALTER TABLE t OWNER TO forms_owner;
ALTER TEXT SEARCH CONFIGURATION configuration OWNER TO forms_owner;
ALTER TEXT SEARCH DICTIONARY dictionary OWNER TO forms_owner;
ALTER TYPE composite OWNER TO forms_owner;
ALTER TYPE forms_%s.enum OWNER TO forms_owner;
ALTER TYPE range OWNER TO forms_owner;
ALTER VIEW view OWNER TO forms_owner;
ALTER EVENT TRIGGER event_%s OWNER TO CURRENT_USER;
ALTER FOREIGN DATA WRAPPER wrapper_%s OWNER TO CURRENT_USER;
CREATE SCHEMA moved_%s;
ALTER AGGREGATE aggregate(int) SET SCHEMA moved_%s;
ALTER AGGREGATE everything(*) SET SCHEMA moved_%s;
ALTER COLLATION plain SET SCHEMA moved_%s;
ALTER CONVERSION conversion SET SCHEMA moved_%s;
ALTER DOMAIN domain SET SCHEMA moved_%s;
ALTER FOREIGN TABLE foreign_table SET SCHEMA moved_%s;
ALTER FUNCTION function(int) SET SCHEMA moved_%s;
ALTER MATERIALIZED VIEW matview SET SCHEMA moved_%s;
ALTER OPERATOR === (int, int) SET SCHEMA moved_%s;
ALTER OPERATOR CLASS class USING btree SET SCHEMA moved_%s;
ALTER OPERATOR FAMILY family USING btree SET SCHEMA moved_%s;
ALTER PROCEDURE procedure(int) SET SCHEMA moved_%s;
ALTER SEQUENCE sequence SET SCHEMA moved_%s;
ALTER STATISTICS statistics SET SCHEMA moved_%s;
ALTER TABLE child SET SCHEMA moved_%s;
ALTER TEXT SEARCH CONFIGURATION configuration SET SCHEMA moved_%s;
ALTER TEXT SEARCH DICTIONARY dictionary SET SCHEMA moved_%s;
ALTER TEXT SEARCH PARSER parser SET SCHEMA moved_%s;
ALTER TEXT SEARCH TEMPLATE template SET SCHEMA moved_%s;
ALTER TYPE composite SET SCHEMA moved_%s;
ALTER TYPE forms_%s.enum SET SCHEMA moved_%s;
ALTER VIEW view SET SCHEMA moved_%s;
SET search_path = moved_%s, forms_%s;
ALTER ROUTINE function(int) SET SCHEMA moved_%s;
ALTER AGGREGATE aggregate(int) RENAME TO renamed_aggregate;
ALTER COLLATION plain RENAME TO renamed_collation;
ALTER CONVERSION conversion RENAME TO renamed_conversion;
ALTER DOMAIN domain RENAME TO renamed_domain;
ALTER DOMAIN renamed_domain SET DEFAULT 7;
ALTER EVENT TRIGGER event_%s RENAME TO renamed_event_%s;
ALTER FOREIGN DATA WRAPPER wrapper_%s RENAME TO renamed_wrapper_%s;
ALTER FOREIGN TABLE foreign_table RENAME TO renamed_foreign;
ALTER FUNCTION function(int) RENAME TO renamed_function;
ALTER INDEX by_v RENAME TO renamed_index;
ALTER LANGUAGE language_%s RENAME TO renamed_language_%s;
ALTER MATERIALIZED VIEW matview RENAME TO renamed_matview;
ALTER OPERATOR CLASS class USING btree RENAME TO renamed_class;
ALTER OPERATOR FAMILY family USING btree RENAME TO renamed_family;
ALTER PROCEDURE procedure(int) RENAME TO renamed_procedure;
ALTER PUBLICATION publication_%s RENAME TO renamed_publication_%s;
ALTER ROUTINE trigger() RENAME TO renamed_trigger;
ALTER SCHEMA forms_%s RENAME TO renamed_%s;
SET search_path = moved_%s, renamed_%s;
ALTER SEQUENCE sequence RENAME TO renamed_sequence;
ALTER SERVER server_%s RENAME TO renamed_server_%s;
ALTER STATISTICS statistics RENAME TO renamed_statistics;
ALTER TABLE parent RENAME TO renamed_parent;
ALTER TABLE t RENAME TO renamed_table;
ALTER TEXT SEARCH CONFIGURATION configuration RENAME TO renamed_configuration;
ALTER TEXT SEARCH DICTIONARY dictionary RENAME TO renamed_dictionary;
ALTER TEXT SEARCH PARSER parser RENAME TO renamed_parser;
ALTER TEXT SEARCH TEMPLATE template RENAME TO renamed_template;
ALTER TYPE composite RENAME TO renamed_composite;
ALTER TYPE moved_%s.enum RENAME TO renamed_enum;
ALTER VIEW view RENAME TO renamed_view;
#extension
INSERT INTO renamed_table VALUES (1, 'row', 2);
REFRESH MATERIALIZED VIEW renamed_matview;
END

# Where the installation of PostgreSQL has an extension of several kinds of objects.
my $extension = has('hstore') ? <<'END' : '';
CREATE EXTENSION hstore SCHEMA moved_%s;
ALTER TYPE hstore SET (STORAGE = main);
ALTER EXTENSION hstore SET SCHEMA renamed_%s;
COMMENT ON EXTENSION hstore IS 'comment';
ALTER EXTENSION hstore DROP FUNCTION hstore_version_diag(hstore);
ALTER EXTENSION hstore ADD FUNCTION hstore_version_diag(hstore);
ALTER EXTENSION hstore DROP TYPE ghstore;
ALTER EXTENSION hstore ADD TYPE ghstore;
ALTER EXTENSION hstore DROP CAST (text[] AS hstore);
ALTER EXTENSION hstore ADD CAST (text[] AS hstore);
ALTER EXTENSION hstore DROP OPERATOR CLASS gin_hstore_ops USING gin;
ALTER EXTENSION hstore ADD OPERATOR CLASS gin_hstore_ops USING gin;
DROP EXTENSION hstore;
END
$change =~ s/^#extension\n/$extension/m;

# Run where all of it is to go again; everything is made once more before it.
my $drop = <<'END';
DROP ACCESS METHOD method_%s;
DROP AGGREGATE aggregate(int), everything(*);
DROP CAST (composite AS text);
DROP COLLATION plain;
DROP CONVERSION conversion;
DROP FUNCTION function(int);
DROP FOREIGN TABLE foreign_table;
DROP SERVER server_%s;
DROP FOREIGN DATA WRAPPER wrapper_%s;
DROP LANGUAGE language_%s;
DROP MATERIALIZED VIEW matview;
DROP OPERATOR === (int, int), !!! (NONE, int);
DROP OPERATOR CLASS class USING btree;
DROP OPERATOR FAMILY family USING btree;
DROP POLICY policy ON t;
DROP PUBLICATION publication_%s;
DROP RULE rule ON t;
DROP SEQUENCE sequence;
DROP STATISTICS statistics;
DROP TEXT SEARCH CONFIGURATION configuration;
DROP TEXT SEARCH DICTIONARY dictionary;
DROP TEXT SEARCH PARSER parser;
DROP TEXT SEARCH TEMPLATE template;
DROP TRANSFORM FOR range LANGUAGE sql;
DROP TRIGGER before ON t;
DROP ROUTINE procedure(int);
DROP VIEW view;
DROP INDEX by_v;
DROP TYPE composite, forms_%s.enum, range;
DROP TYPE shell;
DROP DOMAIN domain;
DROP EVENT TRIGGER event_%s;
DROP TABLE t, parent;
DROP OWNED BY forms_other;
REASSIGN OWNED BY forms_other TO forms_owner;
DROP SCHEMA forms_%s CASCADE;
END

# On what is not there, or in a form that is refused: each fails, and nothing else happens.
my @fails;
foreach my $what ('AGGREGATE nowhere(int)', 'COLLATION nowhere', 'CONVERSION nowhere', 'DOMAIN nowhere', 'DOMAIN nosuch.nowhere',
	'EVENT TRIGGER nowhere', 'FOREIGN DATA WRAPPER nowhere', 'FOREIGN TABLE nowhere', 'FUNCTION nowhere(int)', 'LANGUAGE nowhere',
	'MATERIALIZED VIEW nowhere', 'OPERATOR CLASS nowhere USING btree', 'OPERATOR FAMILY nowhere USING btree', 'OPERATOR <<>> (int, int)',
	'PROCEDURE nowhere(int)', 'PUBLICATION nowhere', 'ROUTINE nowhere(int)', 'SCHEMA nowhere', 'SEQUENCE nowhere', 'SERVER nowhere',
	'STATISTICS nowhere', 'SUBSCRIPTION nowhere', 'TABLE nowhere', 'TABLE nosuch.nowhere', 'TABLE a.b.c', 'TEXT SEARCH CONFIGURATION nowhere',
	'TEXT SEARCH DICTIONARY nowhere', 'TEXT SEARCH PARSER nowhere', 'TEXT SEARCH TEMPLATE nowhere', 'TYPE nowhere', 'TYPE nosuch.nowhere',
	'VIEW nowhere', 'INDEX nowhere', 'EXTENSION nowhere', 'TABLESPACE nowhere', 'DATABASE nowhere', 'ROLE nowhere', 'LARGE OBJECT 1234',
	'TRIGGER nowhere ON nowhere', 'RULE nowhere ON nowhere', 'POLICY nowhere ON nowhere', 'CAST (nowhere AS text)',
	'TRANSFORM FOR nowhere LANGUAGE sql', 'ACCESS METHOD nowhere', 'COLUMN nowhere.nowhere', 'CONSTRAINT nowhere ON nowhere',
	'CONSTRAINT nowhere ON DOMAIN nowhere', 'CONSTRAINT nowhere ON DOMAIN nosuch.nowhere', 'USER MAPPING FOR nowhere SERVER nowhere')
{
	push @fails, "COMMENT ON $what IS 'comment'" if $what !~ /^DATABASE/;    # of another database: a warning
	push @fails, "ALTER $what RENAME TO elsewhere", "ALTER $what OWNER TO forms_owner", "ALTER $what SET SCHEMA elsewhere",
	  "ALTER $what DEPENDS ON EXTENSION nowhere", "DROP $what", "SECURITY LABEL ON $what IS 'label'",
	  "SECURITY LABEL FOR nobody ON $what IS 'label'", "GRANT ALL ON $what TO forms_owner", "ALTER EXTENSION plpgsql ADD $what",
	  "ALTER EXTENSION nowhere DROP $what";
}
push @fails, 'ALTER TYPE nowhere RENAME ATTRIBUTE a TO b', 'ALTER DOMAIN nowhere RENAME CONSTRAINT a TO b', "ALTER TYPE nowhere ADD VALUE 'a'",
  'ALTER TYPE nowhere SET (RECEIVE = NONE)', 'ALTER TYPE nowhere ADD ATTRIBUTE a int', 'ALTER DOMAIN nowhere SET NOT NULL',
  "ALTER TYPE nowhere RENAME VALUE 'a' TO 'b'", 'ALTER TABLE nowhere RENAME a TO b', 'ALTER TABLE nowhere RENAME CONSTRAINT a TO b',
  'ALTER STATISTICS nowhere SET STATISTICS 10', 'ALTER OPERATOR <<>> (int, int) SET (RESTRICT = eqsel)', 'DROP TABLE a.b.c.d',
  'DROP INDEX a.b.c.d', 'COMMENT ON COLUMN a.b.c.d.e IS NULL', 'COMMENT ON TYPE nosuch.nowhere%TYPE IS NULL', 'DROP TYPE int[], nowhere[]',
  'DROP FUNCTION pg_class.relname%TYPE', 'CREATE TABLE nosuch.t (a int)', 'CREATE TYPE nosuch.t AS (a int)', 'CREATE STATISTICS s ON a, b FROM nowhere',
  'ALTER TEXT SEARCH DICTIONARY nowhere (a = b)', 'ALTER TEXT SEARCH CONFIGURATION nowhere DROP MAPPING FOR word', 'ALTER COLLATION nowhere REFRESH VERSION',
  'ALTER OPERATOR FAMILY nowhere USING btree ADD OPERATOR 2 <= (int, int)', 'CREATE CAST (nowhere AS text) WITH INOUT',
  'CREATE OPERATOR CLASS nosuch.c FOR TYPE int USING btree AS OPERATOR 1 <';

sub numbered { my ($script, $number) = @_; $script =~ s/%s/$number/g; return $script }

# In the temporary schema: nothing of it is ever backed up, and none of its commands may reach a backup.
my $temporary = <<'END';
CREATE TEMP TABLE temporary (id int PRIMARY KEY, v text CONSTRAINT checked CHECK (v <> ''), n int);
CREATE TEMP SEQUENCE temporary_sequence;
CREATE TEMP VIEW temporary_view AS SELECT v FROM temporary;
CREATE INDEX temporary_index ON temporary (v);
CREATE TYPE pg_temp.temporary_type AS (a int, b int);
CREATE TYPE pg_temp.temporary_enum AS ENUM ('a');
CREATE DOMAIN pg_temp.temporary_domain AS int CONSTRAINT positive CHECK (value > 0);
CREATE FUNCTION pg_temp.temporary_function(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
END
my $on_temporary = <<'END';
CREATE STATISTICS public.temporary_statistics ON id, n FROM temporary;
CREATE RULE rule AS ON DELETE TO temporary DO INSTEAD NOTHING;
CREATE POLICY policy ON temporary USING (true);
CREATE FUNCTION pg_temp.temporary_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER trigger BEFORE INSERT ON temporary FOR EACH ROW EXECUTE FUNCTION pg_temp.temporary_trigger();
CREATE CAST (temporary_type AS text) WITH INOUT;
COMMENT ON CAST (temporary_type AS text) IS 'comment';
COMMENT ON TABLE temporary IS 'comment';
COMMENT ON COLUMN temporary.v IS 'comment';
COMMENT ON CONSTRAINT checked ON temporary IS 'comment';
COMMENT ON CONSTRAINT positive ON DOMAIN temporary_domain IS 'comment';
COMMENT ON TYPE temporary_type IS 'comment';
COMMENT ON TYPE pg_temp.temporary_type IS 'comment';
COMMENT ON DOMAIN temporary_domain IS 'comment';
COMMENT ON FUNCTION pg_temp.temporary_function(int) IS 'comment';
COMMENT ON INDEX temporary_index IS 'comment';
COMMENT ON TRIGGER trigger ON temporary IS 'comment';
COMMENT ON RULE rule ON temporary IS 'comment';
COMMENT ON POLICY policy ON temporary IS 'comment';
COMMENT ON STATISTICS public.temporary_statistics IS 'comment';
GRANT SELECT ON temporary TO forms_owner;
GRANT USAGE ON TYPE temporary_type TO forms_owner;
GRANT USAGE ON DOMAIN temporary_domain TO forms_owner;
GRANT EXECUTE ON FUNCTION pg_temp.temporary_function(int) TO forms_owner;
ALTER TYPE temporary_type RENAME ATTRIBUTE a TO c;
ALTER TYPE temporary_type ADD ATTRIBUTE d int;
ALTER TYPE temporary_enum ADD VALUE 'b';
ALTER TYPE temporary_enum RENAME VALUE 'a' TO 'c';
ALTER TYPE temporary_enum OWNER TO forms_owner;
ALTER TYPE temporary_enum RENAME TO temporary_enum_2;
ALTER TYPE pg_temp.temporary_type RENAME TO temporary_type_2;
ALTER DOMAIN temporary_domain RENAME CONSTRAINT positive TO renamed;
ALTER DOMAIN temporary_domain SET DEFAULT 3;
ALTER DOMAIN temporary_domain OWNER TO forms_owner;
ALTER DOMAIN temporary_domain RENAME TO temporary_domain_2;
ALTER FUNCTION pg_temp.temporary_function(int) OWNER TO forms_owner;
ALTER FUNCTION pg_temp.temporary_function(int) RENAME TO temporary_function_2;
ALTER TABLE temporary RENAME v TO renamed;
ALTER TABLE temporary RENAME CONSTRAINT checked TO renamed;
ALTER TABLE temporary OWNER TO forms_owner;
ALTER TRIGGER trigger ON temporary RENAME TO trigger_2;
ALTER TRIGGER trigger_2 ON temporary DEPENDS ON EXTENSION plpgsql;
ALTER RULE rule ON temporary RENAME TO rule_2;
ALTER POLICY policy ON temporary RENAME TO policy_2;
ALTER POLICY policy_2 ON temporary USING (false);
ALTER INDEX temporary_index RENAME TO temporary_index_2;
ALTER INDEX temporary_index_2 DEPENDS ON EXTENSION plpgsql;
ALTER SEQUENCE temporary_sequence RENAME TO temporary_sequence_2;
ALTER VIEW temporary_view RENAME TO temporary_view_2;
ALTER STATISTICS public.temporary_statistics SET STATISTICS 20;
ALTER STATISTICS public.temporary_statistics RENAME TO temporary_statistics_2;
ALTER STATISTICS public.temporary_statistics_2 OWNER TO forms_owner;
CREATE VIEW reads_temporary AS SELECT id FROM temporary;
DROP STATISTICS public.temporary_statistics_2;
DROP CAST (temporary_type_2 AS text);
DROP TRIGGER trigger_2 ON temporary;
DROP RULE rule_2 ON temporary;
DROP POLICY policy_2 ON temporary;
DROP INDEX temporary_index_2;
DROP VIEW temporary_view_2, reads_temporary;
DROP DOMAIN temporary_domain_2;
DROP TYPE temporary_type_2, pg_temp.temporary_enum_2;
DROP FUNCTION pg_temp.temporary_function_2(int);
DROP SEQUENCE temporary_sequence_2;
SET search_path = pg_temp;
CREATE TABLE by_path (a int);
CREATE TYPE type_by_path AS (a int);
CREATE SEQUENCE sequence_by_path;
CREATE FUNCTION function_by_path() RETURNS int LANGUAGE sql AS 'SELECT 1';
DROP TABLE by_path;
DROP TYPE type_by_path;
DROP DOMAIN IF EXISTS domain_by_path;
DROP SEQUENCE sequence_by_path;
RESET search_path;
END

sub runs
{
	my ($script, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, undef, $err) = $source->try_sql($script, timeout => 300);
	return is($status, 0, $name) || diag($err);
}

sub all_fail
{
	my ($before, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my (undef, undef, $err) = $source->node->psql($DATABASE, $before . join(";\n", @fails) . ";\n", on_error_stop => 0, timeout => 300);
	my $lines  = () = $before =~ /\n/g;
	my %failed = map { $_ => 1 } $err =~ /^psql:<stdin>:(\d+): ERROR:/mg;
	my @passed = grep { !$failed{ $lines + 1 + $_ } } 0 .. $#fails;
	unlike($err, qr/server closed the connection|terminating connection/, "$name: the session lives");
	return is(join("\n", map { $fails[$_] } @passed), '', "$name: each fails");
}

sub unharmed
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return unlike($source->log, qr/was terminated by signal|reinitializing|server process .* exited with/, "$name: no process has crashed");
}

all_fail('', 'what is not there');
all_fail($temporary, 'what is not there, beside temporary objects');
unharmed('what is not there');
is($source->backed_up_to_now, '', 'and leaves nothing to back up');

runs(numbered($make . $change, 1), 'every form on what is there');
runs($temporary . numbered($make . $change, 2), 'every form, beside temporary objects');
runs(numbered($make . $drop, 3), 'every form of DROP');
runs($temporary . numbered($make . $drop, 4), 'every form of DROP, beside temporary objects');
unharmed('every form');
$source->backed_up_to_now;
$source->fulls_are([qr/first/], 'every form came by deltas');
my $target = $source->vault->restore('forms');
same($source, $target, 'every form: the same');

my $entries = () = $source->entries;
runs($temporary . $on_temporary, 'every form on temporary objects');
$source->backed_up_to_now;
is(scalar(() = $source->entries), $entries, 'no command on temporary objects is backed up');
unharmed('temporary objects');

# Among what the whole server shares, or what a delta does not carry: at most a full, and the same.
runs(<<'END', 'what is not of this database alone');
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE forms_space LOCATION '';
END
runs(<<'END', 'what is shared, and what a delta does not carry');
ALTER TABLESPACE forms_space OWNER TO forms_owner;
COMMENT ON TABLESPACE forms_space IS 'comment';
GRANT CREATE ON TABLESPACE forms_space TO forms_other;
ALTER TABLESPACE forms_space RENAME TO forms_space_2;
CREATE ROLE forms_passing;
ALTER ROLE forms_passing RENAME TO forms_passing_2;
COMMENT ON ROLE forms_passing_2 IS 'comment';
DROP ROLE forms_passing_2;
COMMENT ON DATABASE app IS 'comment';
GRANT CONNECT ON DATABASE app TO forms_other;
GRANT SET ON PARAMETER work_mem TO forms_other;
SELECT lo_create(4711);
COMMENT ON LARGE OBJECT 4711 IS 'comment';
ALTER LARGE OBJECT 4711 OWNER TO forms_owner;
GRANT SELECT ON LARGE OBJECT 4711 TO forms_other;
CREATE SUBSCRIPTION forms_subscription CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE, enabled = false);
COMMENT ON SUBSCRIPTION forms_subscription IS 'comment';
ALTER SUBSCRIPTION forms_subscription RENAME TO forms_subscription_2;
ALTER SUBSCRIPTION forms_subscription_2 OWNER TO CURRENT_USER;
DROP SUBSCRIPTION forms_subscription_2;
CREATE USER MAPPING FOR forms_owner SERVER renamed_server_1 OPTIONS (user 'u');
ALTER USER MAPPING FOR forms_owner SERVER renamed_server_1 OPTIONS (SET user 'v');
DROP USER MAPPING FOR forms_owner SERVER renamed_server_1;
END
unharmed('what is shared');
wait_for('a backup of it', sub { $source->backed_up_to_now; 1 }, 60);

done_testing();
