# What PostgreSQL can do since 16, 17 and 18 comes by deltas, exactly.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

# [ since version, what, SQL ]; each alone leads to no full.
my @cases = (
	[ 16, 'membership with options', <<'END' ],
CREATE ROLE inherits; CREATE ROLE group_role; CREATE ROLE creator CREATEROLE;
GRANT group_role TO inherits WITH INHERIT FALSE, SET TRUE, ADMIN OPTION;
SET ROLE creator; CREATE ROLE created; RESET ROLE;
END
	[ 16, 'statistics without a name', <<'END' ],
CREATE TABLE measured (id int PRIMARY KEY, a int, b int);
CREATE STATISTICS ON a, b FROM measured;
CREATE STATISTICS ON (a + b) FROM measured;
END
	[ 16, 'literals and storage', <<'END' ],
CREATE TABLE literals (id int PRIMARY KEY DEFAULT 0x1F, a int DEFAULT 1_000, b int DEFAULT 0b11, t text STORAGE EXTERNAL COMPRESSION pglz);
INSERT INTO literals DEFAULT VALUES;
END
	[ 16, 'COPY with defaults', <<'END' ],
CREATE TABLE copied (id int PRIMARY KEY, v text DEFAULT random()::text);
COPY copied FROM PROGRAM 'printf "1\tx\n2\t:d\n3\t:d\n"' (DEFAULT ':d');
END
	[ 16, 'JSON constructors', <<'END' ],
CREATE TABLE documents (id int PRIMARY KEY, d json CHECK (d IS JSON OBJECT));
INSERT INTO documents VALUES (1, JSON_OBJECT('a': 1, 'b': JSON_ARRAY(1, NULL NULL ON NULL)));
CREATE VIEW shown AS SELECT JSON_OBJECTAGG(id: d) all_of_it, any_value(id) one FROM documents;
END
	[ 16, 'the database named by none', 'REINDEX SYSTEM; VACUUM (PROCESS_MAIN FALSE) measured; VACUUM (ONLY_DATABASE_STATS)' ],
	[ 17, 'identity of partitions', <<'END' ],
CREATE TABLE numbered (id bigint GENERATED ALWAYS AS IDENTITY, k int, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE numbered_1 PARTITION OF numbered FOR VALUES IN (1);
CREATE TABLE numbered_2 (id bigint NOT NULL, k int NOT NULL);
ALTER TABLE numbered ATTACH PARTITION numbered_2 FOR VALUES IN (2);
INSERT INTO numbered (k) SELECT i % 2 + 1 FROM generate_series(1, 20) i;
INSERT INTO numbered_2 (k) VALUES (2);
INSERT INTO numbered OVERRIDING SYSTEM VALUE VALUES (1000, 1);
UPDATE numbered SET k = 2 WHERE id < 5;
ALTER TABLE numbered DETACH PARTITION numbered_1;
ALTER TABLE numbered ALTER id RESTART WITH 500;
INSERT INTO numbered (k) VALUES (2);
END
	[ 17, 'exclusion in a partitioned table', <<'END' ],
CREATE TABLE excluded (id int4range, k int4range, EXCLUDE USING gist (id WITH =, k WITH &&)) PARTITION BY RANGE (id);
CREATE TABLE excluded_rest PARTITION OF excluded DEFAULT;
INSERT INTO excluded VALUES ('[1,2)', '[1,5)'), ('[1,2)', '[5,7)');
END
	[ 17, 'another expression', <<'END' ],
CREATE TABLE computed (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED);
INSERT INTO computed (id, a) SELECT i, i FROM generate_series(1, 50) i;
ALTER TABLE computed ALTER b SET EXPRESSION AS (a * 3);
UPDATE computed SET a = a + 1 WHERE id > 25;
ALTER TABLE computed ALTER a SET STATISTICS DEFAULT, ALTER b DROP EXPRESSION;
UPDATE computed SET b = 7 WHERE id = 1;
END
	[ 17, 'MAINTAIN', <<'END' ],
CREATE ROLE keeper;
GRANT MAINTAIN ON computed TO keeper; GRANT pg_maintain TO keeper;
ALTER DEFAULT PRIVILEGES GRANT MAINTAIN ON TABLES TO keeper;
CREATE TABLE kept (id int PRIMARY KEY);
REVOKE MAINTAIN ON computed FROM keeper;
SET ROLE keeper; VACUUM kept; ANALYZE kept; REINDEX TABLE kept; RESET ROLE;
END
	[ 17, 'MERGE that returns, by source, on a view', <<'END' ],
CREATE TABLE goal (id int PRIMARY KEY, v text);
CREATE VIEW over_goal AS SELECT id, v FROM goal WHERE id < 1000;
INSERT INTO goal SELECT i, 'old' FROM generate_series(1, 10) i;
CREATE TABLE merged AS WITH m AS (MERGE INTO goal g USING (VALUES (1, 'a'), (20, 'b')) s (id, v) ON g.id = s.id
  WHEN MATCHED THEN UPDATE SET v = s.v || random() WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v)
  WHEN NOT MATCHED BY SOURCE AND g.id > 5 THEN DELETE RETURNING merge_action() a, g.id, g.v) SELECT * FROM m;
MERGE INTO over_goal g USING (VALUES (2, 'c'), (30, 'd')) s (id, v) ON g.id = s.id
  WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v);
END
	[ 17, 'infinite intervals', <<'END' ],
CREATE TABLE intervals (id int PRIMARY KEY, i interval);
INSERT INTO intervals VALUES (1, 'infinity'), (2, '-infinity'), (3, '1 day');
UPDATE intervals SET i = -i;
END
	[ 17, 'access method of a partitioned table', <<'END' ],
CREATE ACCESS METHOD heap_too TYPE TABLE HANDLER heap_tableam_handler;
CREATE TABLE by_method (id int PRIMARY KEY) PARTITION BY RANGE (id) USING heap_too;
CREATE TABLE by_method_1 PARTITION OF by_method FOR VALUES FROM (1) TO (100);
INSERT INTO by_method SELECT generate_series(1, 9);
ALTER TABLE by_method_1 SET ACCESS METHOD heap;
ALTER TABLE by_method SET ACCESS METHOD DEFAULT;
INSERT INTO by_method VALUES (10);
END
	[ 17, 'JSON tables', <<'END' ],
CREATE VIEW tabular AS SELECT * FROM JSON_TABLE('[{"a": 1}, {"a": 2}]'::jsonb, '$[*]' COLUMNS (n FOR ORDINALITY, a int PATH '$.a'));
CREATE TABLE extracted (id int PRIMARY KEY, a int DEFAULT JSON_VALUE('{"a": 5}', '$.a' RETURNING int));
INSERT INTO extracted VALUES (1);
END
	[ 17, 'COPY that passes over errors', <<'END' ],
CREATE TABLE tolerant (id int PRIMARY KEY);
COPY tolerant FROM PROGRAM 'printf "1\nx\n3\n"' (ON_ERROR ignore);
END
	[ 17, 'event triggers for REINDEX', <<'END' ],
CREATE TABLE seen (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tag text);
CREATE FUNCTION sees() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen (tag) VALUES (tg_tag); END $$;
CREATE EVENT TRIGGER on_reindex ON ddl_command_start WHEN TAG IN ('REINDEX') EXECUTE FUNCTION sees();
REINDEX TABLE goal;
DROP EVENT TRIGGER on_reindex;
END
	[ 18, 'virtual columns', <<'END' ],
CREATE TABLE virtual (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2), c int GENERATED ALWAYS AS (a + 1) STORED, d text);
INSERT INTO virtual (id, a, d) SELECT i, i, 'x' FROM generate_series(1, 20) i;
UPDATE virtual SET a = a + 1 WHERE b > 20;
DELETE FROM virtual WHERE b = 4;
ALTER TABLE virtual ADD e int GENERATED ALWAYS AS (a * a) VIRTUAL;
INSERT INTO virtual (id, a) VALUES (100, 100);
ALTER TABLE virtual ALTER b SET EXPRESSION AS (a * 5);
ALTER TABLE virtual DROP d, ADD f float8 DEFAULT random();
UPDATE virtual SET a = 0 WHERE id = 100;
CREATE TABLE virtual_whole (a int, b int GENERATED ALWAYS AS (a * 2), c text);
ALTER TABLE virtual_whole REPLICA IDENTITY FULL;
INSERT INTO virtual_whole (a, c) VALUES (1, 'x'), (2, NULL), (NULL, 'y');
UPDATE virtual_whole SET c = 'z' WHERE b = 4;
DELETE FROM virtual_whole WHERE a IS NULL;
CREATE TABLE virtual_copy AS SELECT * FROM virtual;
CREATE TABLE virtual_like (LIKE virtual INCLUDING ALL);
INSERT INTO virtual_like (id, a) VALUES (1, 1);
END
	[ 18, 'named NOT NULL', <<'END' ],
CREATE TABLE nullable (id int PRIMARY KEY, a int CONSTRAINT a_is_there NOT NULL, b int, c int);
INSERT INTO nullable VALUES (1, 1, NULL, 3);
ALTER TABLE nullable ADD CONSTRAINT b_is_there NOT NULL b NOT VALID;
INSERT INTO nullable VALUES (2, 2, 2, 2);
UPDATE nullable SET b = 1 WHERE id = 1;
ALTER TABLE nullable VALIDATE CONSTRAINT b_is_there;
ALTER TABLE nullable ADD CONSTRAINT c_is_there NOT NULL c NO INHERIT;
CREATE TABLE nullable_child () INHERITS (nullable);
INSERT INTO nullable_child VALUES (3, 3, 3, NULL);
ALTER TABLE nullable RENAME CONSTRAINT a_is_there TO a_is_here;
ALTER TABLE nullable ALTER b DROP NOT NULL;
INSERT INTO nullable VALUES (4, 4, NULL, 4);
COMMENT ON CONSTRAINT a_is_here ON nullable IS 'named';
CREATE TABLE nullable_late (id int PRIMARY KEY, a int);
INSERT INTO nullable_late VALUES (1, NULL);
ALTER TABLE nullable_late ADD CONSTRAINT later NOT NULL a NOT VALID;
END
	[ 18, 'constraints that are not enforced', <<'END' ],
CREATE TABLE referred (id int PRIMARY KEY);
CREATE TABLE referring (id int PRIMARY KEY, r int CONSTRAINT lax REFERENCES referred NOT ENFORCED, p int CONSTRAINT lax_too CHECK (p > 0) NOT ENFORCED);
INSERT INTO referring VALUES (1, 77, -1);
UPDATE referring SET r = NULL;
ALTER TABLE referring ALTER CONSTRAINT lax ENFORCED;
INSERT INTO referred VALUES (5);
INSERT INTO referring VALUES (2, 5, -2);
END
	[ 18, 'keys of time', <<'END' ],
CREATE TABLE valid (id int4range, at daterange, v text, CONSTRAINT valid_key PRIMARY KEY (id, at WITHOUT OVERLAPS));
CREATE TABLE valid_too (id int4range, at daterange, of int4range, PRIMARY KEY (id, at WITHOUT OVERLAPS),
  FOREIGN KEY (of, PERIOD at) REFERENCES valid (id, PERIOD at));
INSERT INTO valid VALUES ('[1,2)', '[2020-01-01,2021-01-01)', 'a'), ('[1,2)', '[2021-01-01,2022-01-01)', 'b'), ('[2,3)', '[2020-01-01,)', 'c');
INSERT INTO valid_too VALUES ('[7,8)', '[2020-06-01,2021-06-01)', '[1,2)');
UPDATE valid SET v = v || '!' WHERE at @> '2020-05-05'::date;
UPDATE valid SET at = '[2020-02-01,2030-01-01)' WHERE id = '[2,3)';
DELETE FROM valid_too WHERE id = '[7,8)';
DELETE FROM valid WHERE v = 'b';
END
	[ 18, 'RETURNING old and new', <<'END' ],
CREATE TABLE returned AS WITH u AS (UPDATE goal SET v = v || '+' RETURNING old.v before, new.v after) SELECT * FROM u;
CREATE TABLE ids (id uuid PRIMARY KEY DEFAULT uuidv7(), v text DEFAULT casefold('ABC' COLLATE "C"));
INSERT INTO ids DEFAULT VALUES;
END
	[ 18, 'privileges of large objects by default', 'ALTER DEFAULT PRIVILEGES GRANT SELECT ON LARGE OBJECTS TO keeper' ],
	[ 18, 'foreign keys of partitioned tables that are not valid', <<'END' ],
CREATE TABLE parts (id int PRIMARY KEY, r int) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
INSERT INTO parts VALUES (1, 99);
ALTER TABLE parts ADD CONSTRAINT to_referred FOREIGN KEY (r) REFERENCES referred NOT VALID;
DELETE FROM parts;
ALTER TABLE parts VALIDATE CONSTRAINT to_referred;
ALTER TABLE parts ADD CONSTRAINT r_set NOT NULL r NOT VALID;
END
);

my @possible = grep { $_->[0] <= version } @cases;
plan skip_all => 'PostgreSQL ' . version . ' knows none of this' unless @possible;

my $source = Lpbm::Test->backed_up('source');
$source->wait_for_first_full;
foreach my $case (@possible)
{
	my ($since, $what, $sql) = @$case;
	my $before = () = $source->entries('full');
	my ($status, undef, $err) = $source->try_sql($sql);
	is($status, 0, "$what runs") or diag($err);
	$source->backed_up_to_now;
	my @fulls = $source->entries('full');
	is(scalar(@fulls), $before, "$what: no full") or diag($fulls[-1]{reason});
}
same($source, $source->vault->restore('target'), 'the same after all of it');
$source->stop('immediate');

if (version >= 17)
{
	my $quick = Lpbm::Test->backed_up('builtin', database_options =>
		"TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'");
	$quick->wait_for_first_full;
	# It writes on the login of everybody but this test itself.
	$quick->sql(<<'END');
CREATE TABLE logins (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, who text, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION notes() RETURNS event_trigger SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN
  IF current_setting('application_name') NOT IN ('033_newer_versions.pl', 'psql', '') AND NOT pg_is_in_recovery() THEN
    INSERT INTO public.logins (who) VALUES (current_setting('application_name'));
  END IF;
END $$;
CREATE EVENT TRIGGER at_login ON login EXECUTE FUNCTION notes();
ALTER EVENT TRIGGER at_login ENABLE ALWAYS;
CREATE TABLE slow (id int PRIMARY KEY);
INSERT INTO slow SELECT generate_series(1, 30);
CREATE FUNCTION slowly(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1 FROM pg_sleep(0.1)';
END
	$quick->sql("SET application_name = 'somebody'; SELECT 1");
	system("PGAPPNAME=somebody psql -X -q -d '" . $quick->conninfo . "' -c 'SELECT 1' >/dev/null");
	$quick->sql('SELECT lpbm_full_backup()');
	$quick->sql('INSERT INTO slow VALUES (100); CREATE INDEX ON slow (slowly(id))');
	$quick->backed_up_to_now;
	is($quick->sql('SELECT string_agg(who, $$ $$) FROM logins'), 'somebody', 'a login trigger sees no session of a backup');
	is($quick->backed_up_to_now, '', 'and so leads to no delta');
	is($quick->sql("SELECT datlocprovider::text || ' ' || datlocale FROM pg_database WHERE datname = current_database()"),
		'b C.UTF-8', 'the locale is built in');

	# The target has time-outs that are shorter than the restore.
	my $target = Lpbm::Test->bare('hasty');
	$target->configure("transaction_timeout = '1s'\nidle_session_timeout = '1s'\nstatement_timeout = '1s'\n");
	$target->restart;
	$quick->vault->restore('hasty', into => $target);
	$target->configure("transaction_timeout = 0\nidle_session_timeout = 0\nstatement_timeout = 0\n");
	$target->restart;
	is($target->sql('SELECT string_agg(who, $$ $$) FROM logins'), 'somebody', 'nor one of a restore');
	is($target->sql("SELECT datlocprovider::text || ' ' || datlocale FROM pg_database WHERE datname = current_database()"),
		'b C.UTF-8', 'the locale is the same');
	$_->sql('DROP EVENT TRIGGER at_login') foreach $quick, $target;    # pg_dump is a session too
	same($quick, $target, 'the same but for it');
}

done_testing();
