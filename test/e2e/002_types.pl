# Every type of the core, with its extremes, and every shape of table, through rows in deltas.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source');
# What an installation of PostgreSQL may lack.
my @optional = grep { has($_) } qw(hstore citext xml);
foreach my $extension (grep { $_ ne 'xml' } @optional) { $source->sql("CREATE EXTENSION $extension") }
$source->sql(<<'END');
CREATE TYPE mood AS ENUM ('sad', 'it''s ok', E'tab\there', 'glücklich');
CREATE DOMAIN posint AS int CHECK (value > 0);
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN pairs AS pair[];
CREATE TYPE floatrange AS RANGE (subtype = float8, subtype_diff = float8mi);
END

# type => SQL literals (each is stored as an inserted row and as an updated one)
my @types = (
	[ 'bool',        'true', 'false' ],
	[ '"char"',      "''", "'a'", "E'\\\\377'" ],
	[ 'name',        "''", "'a name'" ],
	[ 'int2',        '-32768', '32767' ],
	[ 'int4',        '-2147483648', '2147483647' ],
	[ 'int8',        "'-9223372036854775808'", '9223372036854775807' ],
	[ 'oid',         '0', '4294967295' ],
	[ 'float4',      "'NaN'", "'Infinity'", "'-Infinity'", "'1.17549435e-38'", "'3.4028235e38'", "'-0'", "'1e-45'", '0.1' ],
	[ 'float8',      "'NaN'", "'Infinity'", "'-Infinity'", "'2.2250738585072014e-308'", "'1.7976931348623157e308'", "'-0'",
	  "'5e-324'", '0.1', '1.0/3' ],
	[ 'numeric',     "'NaN'", "'Infinity'", "'-Infinity'", "('1' || repeat('0', 1000) || '.' || repeat('3', 500))::numeric",
	  '0.000', '1.10' ],
	[ 'numeric(10,2)', '-99999999.99', '0.10' ],
	[ 'money',       "'-92233720368547758.08'", "'92233720368547758.07'" ],
	[ 'text',        "''", "E'a\\tb\\nc\\rd\\\\e'", "E'\\\\N'", "E'\\\\.'", "'NULL'", "E'\\b\\f\\v\\u0001'", "':name :''x'' ::int'",
	  "repeat('x', 100000)", "E'\\U0001F600 \\u00e4'", "' leading and trailing '", "'\$\$ \$1 \"quoted\"'", "'-- lpbm:end 1 1'" ],
	[ 'varchar(5)',  "''", "'abcde'" ],
	[ 'char(5)',     "''", "'ab'" ],
	[ 'citext',      "'ABC'" ],
	[ 'bytea',       "''", "'\\x00ff5c0a'", "decode(repeat('00', 70000), 'hex')" ],
	[ 'date',        "'4713-01-01 BC'", "'5874897-12-31'", "'infinity'", "'-infinity'", "'0001-01-01 BC'" ],
	[ 'time',        "'00:00:00'", "'24:00:00'", "'23:59:59.999999'" ],
	[ 'timetz',      "'00:00:00+1559'", "'24:00:00-15:59:59'" ],
	[ 'timestamp',   "'4713-01-01 00:00:00 BC'", "'294276-12-31 23:59:59.999999'", "'infinity'", "'-infinity'" ],
	[ 'timestamptz', "'4713-01-01 00:00:00+00 BC'", "'294276-12-31 23:59:59.999999+00'", "'infinity'", "'-infinity'",
	  "'1900-01-01 00:00:00 Europe/Amsterdam'", 'now()', 'clock_timestamp()' ],
	[ 'interval',    "'178000000 years'", "'-178000000 years'", "'1 mon -1 day 00:00:00.000001'", "'-1 mon 1 day -1 us'" ],
	[ 'interval day to second(3)', "'1 day 00:00:01.234'" ],
	[ 'uuid',        "'00000000-0000-0000-0000-000000000000'", 'gen_random_uuid()' ],
	[ 'inet',        "'::1'", "'10.1.2.3/8'", "'::ffff:1.2.3.4/128'" ],
	[ 'cidr',        "'10.0.0.0/8'", "'::/0'" ],
	[ 'macaddr',     "'08:00:2b:01:02:03'" ],
	[ 'macaddr8',    "'08:00:2b:01:02:03:04:05'" ],
	[ 'bit(5)',      "B'10101'" ],
	[ 'varbit',      "B''", "B'1'" ],
	[ 'point',       "'(1e300,-0.1)'", "'(NaN,Infinity)'" ],
	[ 'line',        "'{1,-1,0.3}'" ],
	[ 'lseg',        "'[(0,0),(1,0.1)]'" ],
	[ 'box',         "'(1,1),(0,0.1)'" ],
	[ 'path',        "'[(0,0),(1,1)]'", "'((0,0),(1,1))'" ],
	[ 'polygon',     "'((0,0),(1,1),(0.1,0))'" ],
	[ 'circle',      "'<(0,0),0.1>'" ],
	[ 'json',        "'{\"a\" :  1, \"a\":2}'", "'\"\\\\u0041\"'" ],
	[ 'jsonb',       "'{\"b\": 1.10, \"a\": null}'", "'[]'", "'\"\"'" ],
	[ 'jsonpath',    "'\$.a[*] ? (@ > 1)'" ],
	[ 'xml',         "'<a b=\"c\">&lt;</a>'", "'text only'", "'<?xml version=\"1.0\"?><a/>'" ],
	[ 'tsvector',    "'''a b'':1A,2 c'", "to_tsvector('simple', 'it''s a test')" ],
	[ 'tsquery',     "'a & !b <2> c:*A'" ],
	[ 'hstore',      "'a=>NULL, \"b \"=>\"\"'" ],
	[ 'int4range',   "'empty'", "'[1,5)'", "'(,)'" ],
	[ 'tstzrange',   "'[2020-01-01 00:00:00+00, infinity]'" ],
	[ 'int8multirange', "'{[1,2),[5,9)}'", "'{}'" ],
	[ 'floatrange',  "'[0.1,0.2)'" ],
	[ 'mood',        "'sad'", "'it''s ok'", "E'tab\\there'", "'glücklich'" ],
	[ 'posint',      '1' ],
	[ 'pair',        "ROW(1, NULL)", "ROW(NULL, '')", "ROW(1, E'a\"b\\\\c,(d)')", "ROW(NULL, NULL)" ],
	[ 'pairs',       "ARRAY[ROW(1, 'x')::pair, NULL]" ],
	[ 'text[]',      "'{}'", "ARRAY['', NULL, 'NULL', E'a\"b\\\\c', ' ', '{}']", "'{{a,b},{c,d}}'", "'[-1:0]={x,y}'" ],
	[ 'float8[]',    "ARRAY['NaN'::float8, 0.1, NULL]" ],
	[ 'bytea[]',     "ARRAY['\\x00'::bytea, '\\x5c']" ],
	[ 'pg_lsn',      "'FFFFFFFF/FFFFFFFF'" ],
	[ 'pg_snapshot', "'10:20:10,14,15'" ],
	[ 'txid_snapshot', "'10:20:10,14,15'" ],
	[ 'xid',         "'4294967295'" ],
	[ 'xid8',        "'18446744073709551615'" ],
	[ 'cid',         "'1'" ],
	[ 'tid',         "'(4294967295,65535)'" ],
	[ 'int2vector',  "'1 2 3'" ],
	[ 'oidvector',   "'1 2 3'" ],
	[ 'regclass',    "'pg_class'", "'mood_table'", '0' ],
	[ 'regtype',     "'int4'" ],
	[ 'regprocedure', "'abs(int4)'" ],
	[ 'regnamespace', "'public'" ],
	[ 'regrole',     "'postgres'" ],
	[ 'regconfig',   "'simple'" ],
);

@types = grep { my $name = $_->[0]; $name !~ /^(hstore|citext|xml)$/ || grep { $_ eq $name } @optional } @types;

$source->sql('CREATE TABLE mood_table (m mood)');
$source->wait_for_first_full;
my $number = 0;
my $sql    = "SET timezone = 'Asia/Kathmandu'; SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard'; SET extra_float_digits = 0;\n"
  . "SET bytea_output = 'escape'; SET lc_monetary = 'C'; SET search_path = '';\n";
$sql =~ s/SET search_path = '';\n//;
foreach my $type (@types)
{
	my ($name, @values) = @$type;
	$number++;
	my $table = "t$number";
	$sql .= "CREATE TABLE $table (id int PRIMARY KEY, v $name, w $name);\n";
	my $row = 0;
	foreach my $value (@values, 'NULL')
	{
		$row++;
		# An inserted row, and one whose value comes by an update, and one that loses it.
		$sql .= "INSERT INTO $table VALUES ($row, $value, NULL);\n";
		$sql .= "INSERT INTO $table VALUES (100 + $row, NULL, $value); UPDATE $table SET v = $value WHERE id = 100 + $row;\n";
		$sql .= "INSERT INTO $table VALUES (200 + $row, $value, $value); UPDATE $table SET w = NULL WHERE id = 200 + $row;\n";
	}
}
$source->sql($sql);
$source->backed_up_to_now;

# Shapes of tables.
$source->sql(<<'END');
CREATE TABLE "Sch""ema.x é" ("sel""ect" int PRIMARY KEY, "naïve column" text, "a.b" int, " " text);
INSERT INTO "Sch""ema.x é" VALUES (1, 'x', 2, 'y'), (2, NULL, NULL, '');
UPDATE "Sch""ema.x é" SET "naïve column" = 'z' WHERE "sel""ect" = 2;
CREATE TABLE dropped (a int, id int PRIMARY KEY, b text, c text);
INSERT INTO dropped VALUES (1, 1, 'b', 'c');
ALTER TABLE dropped DROP COLUMN a, DROP COLUMN b;
INSERT INTO dropped VALUES (2, 'c2');
UPDATE dropped SET c = 'c1' WHERE id = 1;
ALTER TABLE dropped ADD COLUMN d int DEFAULT 7;
INSERT INTO dropped VALUES (3, 'c3', NULL);
CREATE TABLE generated (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED);
INSERT INTO generated (a) SELECT generate_series(1, 20);
UPDATE generated SET a = a + 1 WHERE id > 10;
INSERT INTO generated OVERRIDING SYSTEM VALUE VALUES (1000, 5);
CREATE TABLE toasted (id int PRIMARY KEY, big text, other int, plain text);
ALTER TABLE toasted ALTER plain SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT i, string_agg(md5(i::text || j), ''), i, repeat('p', 5000) FROM generate_series(1, 5) i, generate_series(1, 3000) j GROUP BY i;
UPDATE toasted SET other = -other;
UPDATE toasted SET plain = 'short' WHERE id = 2;
UPDATE toasted SET big = big || 'x' WHERE id = 3;
UPDATE toasted SET id = 100 WHERE id = 4;
CREATE TABLE keys (a int, b text, c int, PRIMARY KEY (a, b));
INSERT INTO keys VALUES (1, 'x', 1), (2, 'x', 2), (2, 'y', 3);
UPDATE keys SET a = a + 10;
UPDATE keys SET b = b || '''"\' WHERE c = 2;
DELETE FROM keys WHERE c = 3;
CREATE TABLE by_index (a int NOT NULL, b text);
CREATE UNIQUE INDEX by_index_a ON by_index (a);
ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_a;
INSERT INTO by_index VALUES (1, 'a'), (2, NULL);
UPDATE by_index SET b = 'changed', a = 5 WHERE a = 2;
CREATE TABLE whole (a int, b text, c float8, d jsonb);
ALTER TABLE whole REPLICA IDENTITY FULL;
INSERT INTO whole VALUES (1, 'a', 0.1, '{"a":1}'), (1, 'a', 0.1, '{"a":1}'), (NULL, NULL, 'NaN', NULL), (2, '', '-0', '[]');
UPDATE whole SET b = 'b' WHERE a IS NULL;
DELETE FROM whole WHERE ctid = (SELECT min(ctid) FROM whole WHERE a = 1);
UPDATE whole SET c = 0.3 WHERE a = 2;
CREATE TABLE no_key (a int, b text);
INSERT INTO no_key VALUES (1, NULL), (1, NULL), (2, '');
CREATE TABLE parent (id int PRIMARY KEY, v text);
CREATE TABLE child (extra int, PRIMARY KEY (id)) INHERITS (parent);
INSERT INTO parent VALUES (1, 'p');
INSERT INTO child VALUES (1, 'c', 3), (2, 'c', 4);
UPDATE parent SET v = v || '!';
DELETE FROM parent WHERE id = 2;
CREATE TABLE part (id int, k text, v text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a');
CREATE TABLE part_b (v text, k text NOT NULL, id int NOT NULL);
ALTER TABLE part ATTACH PARTITION part_b FOR VALUES IN ('b');
CREATE TABLE part_rest PARTITION OF part DEFAULT PARTITION BY RANGE (id);
CREATE TABLE part_rest_1 PARTITION OF part_rest FOR VALUES FROM (0) TO (100);
INSERT INTO part SELECT i, (ARRAY['a', 'b', 'c'])[i % 3 + 1], 'v' FROM generate_series(1, 30) i;
UPDATE part SET k = 'b' WHERE k = 'a' AND id < 10;
UPDATE part SET v = 'w' WHERE k = 'c';
DELETE FROM part WHERE id > 25;
ALTER TABLE part DETACH PARTITION part_a;
INSERT INTO part_a VALUES (500, 'a', 'loose');
CREATE TABLE empty_columns ();
INSERT INTO empty_columns DEFAULT VALUES;
CREATE TABLE defaults (id serial PRIMARY KEY, u uuid DEFAULT gen_random_uuid(), at timestamptz DEFAULT clock_timestamp(),
  r float8 DEFAULT random());
INSERT INTO defaults DEFAULT VALUES;
INSERT INTO defaults (id) SELECT generate_series(100, 300);
TRUNCATE no_key;
INSERT INTO no_key VALUES (3, 'after');
END
$source->backed_up_to_now;

$source->fulls_are([qr/./], 'all of it came by deltas');
my $target = $source->vault->restore('target');
same($source, $target, 'types and tables are the same');

done_testing();
