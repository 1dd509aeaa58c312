-- What 028_commands.pl runs for each row of docs/commands.md. A section begins with "--- ROW"; what stands before "--- run"
-- is run for all sections first; what comes after is what the row is about. "--- also" begins another case of the same row.
-- \N is replaced by the section's number, so that names do not meet.

--- ALTER ACCESS METHOD
--- none: PostgreSQL has no such command
--- ALTER AGGREGATE
CREATE AGGREGATE aggregate_\N(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
--- run
ALTER AGGREGATE aggregate_\N(int) RENAME TO renamed_\N;
--- ALTER CAST
--- none: PostgreSQL has no such command
--- ALTER COLLATION
CREATE COLLATION collation_\N (LOCALE = 'C');
--- run
ALTER COLLATION collation_\N RENAME TO renamed_\N;
--- ALTER CONSTRAINT
--- none: PostgreSQL has no such command
--- ALTER CONVERSION
CREATE CONVERSION conversion_\N FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
--- run
ALTER CONVERSION conversion_\N RENAME TO renamed_\N;
--- ALTER DATABASE
--- run
ALTER DATABASE app SET work_mem = '5MB';
--- also
ALTER DATABASE app CONNECTION LIMIT 77;
--- ALTER DEFAULT PRIVILEGES
--- run
ALTER DEFAULT PRIVILEGES IN SCHEMA commands GRANT SELECT ON TABLES TO commands_a;
--- ALTER DOMAIN
CREATE DOMAIN domain_\N AS int;
--- run
ALTER DOMAIN domain_\N ADD CONSTRAINT positive CHECK (value > 0);
--- also
ALTER DOMAIN domain_\N SET DEFAULT 7;
--- also
ALTER DOMAIN domain_\N SET NOT NULL;
--- ALTER EVENT TRIGGER
CREATE FUNCTION event_\N() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE EVENT TRIGGER event_\N ON sql_drop EXECUTE FUNCTION event_\N();
--- run
ALTER EVENT TRIGGER event_\N DISABLE;
--- ALTER EXTENSION
CREATE EXTENSION bloom;
CREATE SCHEMA extension_\N;
CREATE EXTENSION pg_stat_statements VERSION '1.8';
CREATE EXTENSION hstore;
--- run
ALTER EXTENSION pg_stat_statements UPDATE TO '1.9';
--- also
ALTER EXTENSION hstore SET SCHEMA extension_\N;
--- also
CREATE TABLE member_\N (a int PRIMARY KEY); ALTER EXTENSION hstore ADD TABLE member_\N;
--- also
ALTER EXTENSION hstore DROP TABLE member_\N;
--- ALTER FOREIGN DATA WRAPPER
CREATE FOREIGN DATA WRAPPER wrapper_\N;
--- run
ALTER FOREIGN DATA WRAPPER wrapper_\N OPTIONS (a 'b');
--- ALTER FOREIGN TABLE
CREATE FOREIGN DATA WRAPPER wrapper_\N;
CREATE SERVER server_\N FOREIGN DATA WRAPPER wrapper_\N;
CREATE FOREIGN TABLE foreign_\N (a int) SERVER server_\N;
--- run
ALTER FOREIGN TABLE foreign_\N ADD COLUMN b text;
--- ALTER FUNCTION
CREATE FUNCTION function_\N(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
--- run
ALTER FUNCTION function_\N(int) STABLE STRICT;
--- ALTER INDEX
CREATE TABLE t_\N (a int PRIMARY KEY);
--- run
ALTER INDEX t_\N_pkey SET (fillfactor = 70);
--- also
ALTER INDEX t_\N_pkey RENAME TO renamed_\N;
--- ALTER LANGUAGE
CREATE FUNCTION handler_\N() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE TRUSTED LANGUAGE language_\N HANDLER handler_\N;
--- run
ALTER LANGUAGE language_\N RENAME TO renamed_\N;
--- ALTER LARGE OBJECT
SELECT lo_create(90\N);
--- run
ALTER LARGE OBJECT 90\N OWNER TO commands_a;
--- ALTER MATERIALIZED VIEW
CREATE MATERIALIZED VIEW view_\N AS SELECT 1 AS a;
--- run
ALTER MATERIALIZED VIEW view_\N RENAME COLUMN a TO b;
--- ALTER OPERATOR
CREATE OPERATOR @@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
--- run
ALTER OPERATOR @@@ (int, int) SET (RESTRICT = eqsel);
--- ALTER OPERATOR CLASS
CREATE OPERATOR CLASS class_\N FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 3 =, FUNCTION 1 btint4cmp(int, int);
--- run
ALTER OPERATOR CLASS class_\N USING btree RENAME TO renamed_\N;
--- ALTER OPERATOR FAMILY
CREATE OPERATOR FAMILY family_\N USING btree;
--- run
ALTER OPERATOR FAMILY family_\N USING btree ADD OPERATOR 2 <= (int, int);
--- ALTER POLICY
CREATE TABLE t_\N (a int PRIMARY KEY);
CREATE POLICY policy ON t_\N USING (a > 0);
--- run
ALTER POLICY policy ON t_\N TO commands_a USING (a > 1);
--- ALTER PROCEDURE
CREATE PROCEDURE procedure_\N() LANGUAGE sql AS 'SELECT 1';
--- run
ALTER PROCEDURE procedure_\N() SECURITY DEFINER;
--- ALTER PUBLICATION
CREATE TABLE t_\N (a int PRIMARY KEY);
CREATE PUBLICATION publication_\N;
--- run
ALTER PUBLICATION publication_\N ADD TABLE t_\N;
--- ALTER ROLE
CREATE ROLE commands_\N;
--- run
ALTER ROLE commands_\N CREATEDB;
--- also
ALTER ROLE commands_\N SET work_mem = '5MB';
--- also
ALTER ROLE commands_\N IN DATABASE app SET work_mem = '6MB';
--- ALTER ROUTINE
CREATE FUNCTION function_\N(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
--- run
ALTER ROUTINE function_\N(int) RENAME TO renamed_\N;
--- ALTER RULE
CREATE TABLE t_\N (a int PRIMARY KEY);
CREATE RULE rule AS ON DELETE TO t_\N DO INSTEAD NOTHING;
--- run
ALTER RULE rule ON t_\N RENAME TO renamed;
--- ALTER SCHEMA
CREATE SCHEMA schema_\N;
--- run
ALTER SCHEMA schema_\N RENAME TO renamed_\N;
--- ALTER SEQUENCE
CREATE SEQUENCE sequence_\N;
--- run
ALTER SEQUENCE sequence_\N INCREMENT 3 RESTART 40;
--- ALTER SERVER
CREATE FOREIGN DATA WRAPPER wrapper_\N;
CREATE SERVER server_\N FOREIGN DATA WRAPPER wrapper_\N;
--- run
ALTER SERVER server_\N OPTIONS (a 'b');
--- ALTER STATISTICS
CREATE TABLE t_\N (a int PRIMARY KEY, b int);
CREATE STATISTICS statistics_\N ON a, b FROM t_\N;
--- run
ALTER STATISTICS statistics_\N SET STATISTICS 10;
--- ALTER SUBSCRIPTION
CREATE SUBSCRIPTION subscription_\N CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE, enabled = false);
--- run
ALTER SUBSCRIPTION subscription_\N SET PUBLICATION q WITH (refresh = false);
--- ALTER SYSTEM
--- run
ALTER SYSTEM SET work_mem = '5MB';
--- ALTER TABLE
CREATE TABLE t_\N (a int PRIMARY KEY);
--- run
ALTER TABLE t_\N RENAME TO renamed_\N;
--- also
CREATE SCHEMA schema_\N; ALTER TABLE renamed_\N SET SCHEMA schema_\N;
--- ALTER TABLESPACE
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE space_\N LOCATION '';
--- run
ALTER TABLESPACE space_\N RENAME TO renamed_\N;
--- ALTER TEXT SEARCH CONFIGURATION
CREATE TEXT SEARCH CONFIGURATION configuration_\N (COPY = simple);
--- run
ALTER TEXT SEARCH CONFIGURATION configuration_\N DROP MAPPING FOR word;
--- ALTER TEXT SEARCH DICTIONARY
CREATE TEXT SEARCH DICTIONARY dictionary_\N (TEMPLATE = simple);
--- run
ALTER TEXT SEARCH DICTIONARY dictionary_\N (ACCEPT = false);
--- ALTER TEXT SEARCH PARSER
CREATE TEXT SEARCH PARSER parser_\N (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
--- run
ALTER TEXT SEARCH PARSER parser_\N RENAME TO renamed_\N;
--- ALTER TEXT SEARCH TEMPLATE
CREATE TEXT SEARCH TEMPLATE template_\N (LEXIZE = dsimple_lexize);
--- run
ALTER TEXT SEARCH TEMPLATE template_\N RENAME TO renamed_\N;
--- ALTER TRANSFORM
--- none: PostgreSQL has no such command
--- ALTER TRIGGER
CREATE TABLE t_\N (a int PRIMARY KEY);
CREATE FUNCTION trigger_\N() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER before BEFORE INSERT ON t_\N FOR EACH ROW EXECUTE FUNCTION trigger_\N();
--- run
ALTER TRIGGER before ON t_\N RENAME TO renamed;
--- ALTER TYPE
CREATE TYPE enum_\N AS ENUM ('a', 'c');
CREATE TYPE composite_\N AS (a int);
--- run
ALTER TYPE enum_\N ADD VALUE 'b' BEFORE 'c';
--- also
ALTER TYPE composite_\N ADD ATTRIBUTE b text;
--- also
ALTER TYPE enum_\N RENAME VALUE 'a' TO 'z';
--- ALTER USER MAPPING
CREATE FOREIGN DATA WRAPPER wrapper_\N;
CREATE SERVER server_\N FOREIGN DATA WRAPPER wrapper_\N;
CREATE USER MAPPING FOR commands_a SERVER server_\N OPTIONS (user 'u');
--- run
ALTER USER MAPPING FOR commands_a SERVER server_\N OPTIONS (SET user 'v');
--- ALTER VIEW
CREATE VIEW view_\N AS SELECT 1 AS a;
--- run
ALTER VIEW view_\N ALTER COLUMN a SET DEFAULT 3;
--- ANALYZE
CREATE TABLE t_\N (a int PRIMARY KEY);
INSERT INTO t_\N SELECT generate_series(1, 500);
--- run
ANALYZE t_\N;
--- BEGIN
--- run
BEGIN; COMMIT;
--- CALL
CREATE TABLE t_\N (a int PRIMARY KEY);
CREATE PROCEDURE procedure_\N() LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO t_\N VALUES (1);
  COMMIT;
  EXECUTE 'CREATE TABLE inside_\N (a int PRIMARY KEY, at timestamptz DEFAULT clock_timestamp())';
  EXECUTE 'INSERT INTO inside_\N VALUES (1)';
  COMMIT;
  INSERT INTO t_\N VALUES (2);
  ROLLBACK;
END $$;
--- run
CALL procedure_\N();
--- CHECKPOINT
--- run
CHECKPOINT;
--- CLOSE
--- none: shown as CLOSE CURSOR and CLOSE CURSOR ALL
--- CLOSE CURSOR
--- run
BEGIN; DECLARE c CURSOR FOR SELECT 1; CLOSE c; COMMIT;
--- CLOSE CURSOR ALL
--- run
BEGIN; DECLARE c CURSOR FOR SELECT 1; CLOSE ALL; COMMIT;
--- CLUSTER
CREATE TABLE t_\N (a int PRIMARY KEY);
INSERT INTO t_\N SELECT 100 - i FROM generate_series(1, 90) i;
ALTER TABLE t_\N CLUSTER ON t_\N_pkey;
--- run
CLUSTER t_\N;
--- COMMENT
CREATE TABLE t_\N (a int PRIMARY KEY);
--- run
COMMENT ON TABLE t_\N IS 'it''s :here';
--- COMMIT
--- run
BEGIN; COMMIT AND CHAIN; COMMIT;
--- COMMIT PREPARED
CREATE TABLE t_\N (a int PRIMARY KEY, at timestamptz DEFAULT clock_timestamp());
BEGIN; INSERT INTO t_\N VALUES (1); PREPARE TRANSACTION 'commit_\N';
--- run
COMMIT PREPARED 'commit_\N';
--- COPY
CREATE TABLE t_\N (a int PRIMARY KEY);
--- run
COPY t_\N TO STDOUT;
--- COPY FROM
CREATE TABLE t_\N (a int PRIMARY KEY, at timestamptz DEFAULT clock_timestamp());
--- run
COPY t_\N (a) FROM PROGRAM 'seq 1 100';
--- CREATE ACCESS METHOD
--- run
CREATE ACCESS METHOD method_\N TYPE INDEX HANDLER bthandler;
--- CREATE AGGREGATE
--- run
CREATE AGGREGATE aggregate_\N(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
--- CREATE CAST
CREATE TYPE composite_\N AS (a int);
--- run
CREATE CAST (composite_\N AS text) WITH INOUT;
--- CREATE COLLATION
--- run
CREATE COLLATION collation_\N (LOCALE = 'C');
--- CREATE CONSTRAINT
--- none: PostgreSQL has no such command; CREATE CONSTRAINT TRIGGER is CREATE TRIGGER
--- CREATE CONVERSION
--- run
CREATE CONVERSION conversion_\N FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
--- CREATE DATABASE
--- run
CREATE DATABASE commands_\N TEMPLATE template0 STRATEGY file_copy;
--- CREATE DOMAIN
--- run
CREATE DOMAIN domain_\N AS int DEFAULT 5 CHECK (value > 0);
--- CREATE EVENT TRIGGER
CREATE FUNCTION event_\N() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
--- run
CREATE EVENT TRIGGER event_\N ON ddl_command_end WHEN TAG IN ('CREATE LANGUAGE') EXECUTE FUNCTION event_\N();
--- CREATE EXTENSION
--- run
CREATE EXTENSION citext;
--- CREATE FOREIGN DATA WRAPPER
--- run
CREATE FOREIGN DATA WRAPPER wrapper_\N;
--- CREATE FOREIGN TABLE
CREATE FOREIGN DATA WRAPPER wrapper_\N;
CREATE SERVER server_\N FOREIGN DATA WRAPPER wrapper_\N;
--- run
CREATE FOREIGN TABLE foreign_\N (a int) SERVER server_\N;
--- CREATE FUNCTION
--- run
CREATE FUNCTION function_\N(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT a + 1; END;
--- CREATE INDEX
CREATE TABLE t_\N (a int PRIMARY KEY, b text);
INSERT INTO t_\N VALUES (1, 'x'), (2, 'x');
--- run
CREATE INDEX ON t_\N (lower(b));
--- also
CREATE INDEX CONCURRENTLY after_\N ON t_\N (b);
--- also fails
CREATE UNIQUE INDEX CONCURRENTLY failed_\N ON t_\N (b);
--- CREATE LANGUAGE
CREATE FUNCTION handler_\N() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
--- run
CREATE TRUSTED LANGUAGE language_\N HANDLER handler_\N;
--- CREATE MATERIALIZED VIEW
CREATE TABLE t_\N (a int PRIMARY KEY);
INSERT INTO t_\N VALUES (1);
--- run
CREATE MATERIALIZED VIEW view_\N AS SELECT a FROM t_\N;
--- CREATE OPERATOR
--- run
CREATE OPERATOR @@& (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
--- CREATE OPERATOR CLASS
--- run
CREATE OPERATOR CLASS class_\N FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 3 =, FUNCTION 1 btint4cmp(int, int);
--- CREATE OPERATOR FAMILY
--- run
CREATE OPERATOR FAMILY family_\N USING btree;
--- CREATE POLICY
CREATE TABLE t_\N (a int PRIMARY KEY);
--- run
CREATE POLICY policy ON t_\N FOR UPDATE TO commands_a USING (a > 0) WITH CHECK (a > 1);
--- CREATE PROCEDURE
--- run
CREATE PROCEDURE procedure_\N() LANGUAGE sql AS 'SELECT 1';
--- CREATE PUBLICATION
CREATE TABLE t_\N (a int PRIMARY KEY);
--- run
CREATE PUBLICATION publication_\N FOR TABLE t_\N WHERE (a > 5);
--- CREATE ROLE
--- run
CREATE ROLE commands_\N LOGIN PASSWORD 'secret';
--- CREATE ROUTINE
--- none: PostgreSQL has no such command
--- CREATE RULE
CREATE TABLE t_\N (a int PRIMARY KEY);
--- run
CREATE RULE rule AS ON DELETE TO t_\N DO ALSO NOTIFY deleted;
--- CREATE SCHEMA
--- run
CREATE SCHEMA schema_\N CREATE TABLE t (a int PRIMARY KEY) CREATE VIEW v AS SELECT a FROM t;
--- CREATE SEQUENCE
--- run
CREATE SEQUENCE sequence_\N START 5; SELECT nextval('sequence_\N');
--- CREATE SERVER
CREATE FOREIGN DATA WRAPPER wrapper_\N;
--- run
CREATE SERVER server_\N FOREIGN DATA WRAPPER wrapper_\N;
--- CREATE STATISTICS
CREATE TABLE t_\N (a int PRIMARY KEY, b int);
--- run
CREATE STATISTICS statistics_\N ON a, b FROM t_\N;
--- CREATE SUBSCRIPTION
--- run
CREATE SUBSCRIPTION subscription_\N CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE, enabled = false);
--- CREATE TABLE
--- run
CREATE TABLE t_\N (a int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b text DEFAULT random()::text, c int GENERATED ALWAYS AS (a * 2) STORED); INSERT INTO t_\N (b) VALUES (DEFAULT), ('x');
--- also
CREATE TABLE parent_\N (a int PRIMARY KEY) PARTITION BY RANGE (a); CREATE TABLE child_\N PARTITION OF parent_\N FOR VALUES FROM (1) TO (9); INSERT INTO parent_\N VALUES (3);
--- also neutral
CREATE TEMPORARY TABLE temporary_\N (a int); INSERT INTO temporary_\N VALUES (1);
--- CREATE TABLE AS
--- run
CREATE TABLE as_\N AS SELECT i AS a, random() AS b FROM generate_series(1, 10) i;
--- also
PREPARE rows_\N AS SELECT 1 AS a, now() AS b; CREATE TABLE execute_\N AS EXECUTE rows_\N;
--- CREATE TABLESPACE
--- run
SET allow_in_place_tablespaces = on; CREATE TABLESPACE space_\N LOCATION '';
--- CREATE TEXT SEARCH CONFIGURATION
--- run
CREATE TEXT SEARCH CONFIGURATION configuration_\N (COPY = simple);
--- CREATE TEXT SEARCH DICTIONARY
--- run
CREATE TEXT SEARCH DICTIONARY dictionary_\N (TEMPLATE = simple);
--- CREATE TEXT SEARCH PARSER
--- run
CREATE TEXT SEARCH PARSER parser_\N (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
--- CREATE TEXT SEARCH TEMPLATE
--- run
CREATE TEXT SEARCH TEMPLATE template_\N (LEXIZE = dsimple_lexize);
--- CREATE TRANSFORM
CREATE TYPE range_\N AS RANGE (SUBTYPE = int);
--- run
CREATE TRANSFORM FOR range_\N LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal));
--- CREATE TRIGGER
CREATE TABLE t_\N (a int PRIMARY KEY);
CREATE FUNCTION trigger_\N() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.a := new.a + 1; RETURN new; END';
--- run
CREATE TRIGGER before BEFORE INSERT ON t_\N FOR EACH ROW EXECUTE FUNCTION trigger_\N(); INSERT INTO t_\N VALUES (1);
--- CREATE TYPE
--- run
CREATE TYPE enum_\N AS ENUM ('a', 'b');
--- also
CREATE TYPE composite_\N AS (a int, b enum_\N);
--- also
CREATE TYPE range_\N AS RANGE (SUBTYPE = int);
--- CREATE USER MAPPING
CREATE FOREIGN DATA WRAPPER wrapper_\N;
CREATE SERVER server_\N FOREIGN DATA WRAPPER wrapper_\N;
--- run
CREATE USER MAPPING FOR commands_a SERVER server_\N OPTIONS (user 'u', password 'secret');
--- CREATE VIEW
CREATE VIEW view_\N AS SELECT 1 AS a;
--- run
CREATE OR REPLACE VIEW view_\N AS SELECT 1 AS a, 2 AS b;
--- also
CREATE VIEW on_view_\N AS SELECT * FROM view_\N;
--- DEALLOCATE
--- run
PREPARE p AS SELECT 1; DEALLOCATE p;
--- DEALLOCATE ALL
--- run
DEALLOCATE ALL;
--- DECLARE CURSOR
--- run
BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT; CLOSE c;
--- DELETE
CREATE TABLE t_\N (a int PRIMARY KEY);
INSERT INTO t_\N SELECT generate_series(1, 9);
--- run
DELETE FROM t_\N WHERE a > random() * 9;
--- DISCARD
--- none: shown as its four forms
--- DISCARD ALL
--- run
DISCARD ALL;
--- DISCARD PLANS
--- run
DISCARD PLANS;
--- DISCARD SEQUENCES
--- run
DISCARD SEQUENCES;
--- DISCARD TEMP
--- run
CREATE TEMPORARY TABLE temporary_\N (a int); DISCARD TEMP;
--- DO
--- run
DO $$ BEGIN CREATE TABLE do_\N (a int PRIMARY KEY, b float DEFAULT random()); INSERT INTO do_\N VALUES (1); BEGIN INSERT INTO do_\N VALUES (1); EXCEPTION WHEN unique_violation THEN NULL; END; END $$;
--- DROP ACCESS METHOD
CREATE ACCESS METHOD method_\N TYPE INDEX HANDLER bthandler;
--- run
DROP ACCESS METHOD method_\N;
--- DROP AGGREGATE
CREATE AGGREGATE aggregate_\N(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
--- run
DROP AGGREGATE aggregate_\N(int);
--- DROP CAST
CREATE TYPE composite_\N AS (a int);
CREATE CAST (composite_\N AS text) WITH INOUT;
--- run
DROP CAST (composite_\N AS text);
--- DROP COLLATION
CREATE COLLATION collation_\N (LOCALE = 'C');
--- run
DROP COLLATION collation_\N;
--- DROP CONSTRAINT
--- none: PostgreSQL has no such command
--- DROP CONVERSION
CREATE CONVERSION conversion_\N FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
--- run
DROP CONVERSION conversion_\N;
--- DROP DATABASE
CREATE DATABASE commands_\N TEMPLATE template0 STRATEGY file_copy;
--- run
DROP DATABASE commands_\N;
--- DROP DOMAIN
CREATE DOMAIN domain_\N AS int;
CREATE TABLE t_\N (a int PRIMARY KEY, b domain_\N);
--- run
DROP DOMAIN domain_\N CASCADE;
--- DROP EVENT TRIGGER
CREATE FUNCTION event_\N() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE EVENT TRIGGER event_\N ON sql_drop EXECUTE FUNCTION event_\N();
--- run
DROP EVENT TRIGGER event_\N;
--- DROP EXTENSION
CREATE EXTENSION ltree;
CREATE TABLE t_\N (a int PRIMARY KEY, b ltree);
--- run
DROP EXTENSION ltree CASCADE;
--- DROP FOREIGN DATA WRAPPER
CREATE FOREIGN DATA WRAPPER wrapper_\N;
--- run
DROP FOREIGN DATA WRAPPER wrapper_\N;
--- DROP FOREIGN TABLE
CREATE FOREIGN DATA WRAPPER wrapper_\N;
CREATE SERVER server_\N FOREIGN DATA WRAPPER wrapper_\N;
CREATE FOREIGN TABLE foreign_\N (a int) SERVER server_\N;
--- run
DROP FOREIGN TABLE foreign_\N;
--- DROP FUNCTION
CREATE FUNCTION function_\N(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
--- run
DROP FUNCTION function_\N(int);
--- DROP INDEX
CREATE TABLE t_\N (a int PRIMARY KEY, b int);
CREATE INDEX index_\N ON t_\N (b);
CREATE INDEX concurrently_\N ON t_\N (b);
--- run
DROP INDEX index_\N;
--- also
DROP INDEX CONCURRENTLY concurrently_\N;
--- DROP LANGUAGE
CREATE FUNCTION handler_\N() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE TRUSTED LANGUAGE language_\N HANDLER handler_\N;
--- run
DROP LANGUAGE language_\N;
--- DROP MATERIALIZED VIEW
CREATE MATERIALIZED VIEW view_\N AS SELECT 1 AS a;
--- run
DROP MATERIALIZED VIEW view_\N;
--- DROP OPERATOR
CREATE OPERATOR @@# (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
--- run
DROP OPERATOR @@# (int, int);
--- DROP OPERATOR CLASS
CREATE OPERATOR CLASS class_\N FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 3 =, FUNCTION 1 btint4cmp(int, int);
--- run
DROP OPERATOR CLASS class_\N USING btree;
--- DROP OPERATOR FAMILY
CREATE OPERATOR FAMILY family_\N USING btree;
--- run
DROP OPERATOR FAMILY family_\N USING btree;
--- DROP OWNED
CREATE ROLE commands_\N;
CREATE TABLE t_\N (a int PRIMARY KEY);
ALTER TABLE t_\N OWNER TO commands_\N;
GRANT SELECT ON ALL TABLES IN SCHEMA commands TO commands_\N;
--- run
DROP OWNED BY commands_\N;
--- DROP POLICY
CREATE TABLE t_\N (a int PRIMARY KEY);
CREATE POLICY policy ON t_\N USING (a > 0);
--- run
DROP POLICY policy ON t_\N;
--- DROP PROCEDURE
CREATE PROCEDURE procedure_\N() LANGUAGE sql AS 'SELECT 1';
--- run
DROP PROCEDURE procedure_\N();
--- DROP PUBLICATION
CREATE PUBLICATION publication_\N;
--- run
DROP PUBLICATION publication_\N;
--- DROP ROLE
CREATE ROLE commands_\N;
--- run
DROP ROLE commands_\N;
--- DROP ROUTINE
CREATE PROCEDURE procedure_\N() LANGUAGE sql AS 'SELECT 1';
--- run
DROP ROUTINE procedure_\N();
--- DROP RULE
CREATE TABLE t_\N (a int PRIMARY KEY);
CREATE RULE rule AS ON DELETE TO t_\N DO INSTEAD NOTHING;
--- run
DROP RULE rule ON t_\N;
--- DROP SCHEMA
CREATE SCHEMA schema_\N CREATE TABLE t (a int PRIMARY KEY);
--- run
DROP SCHEMA schema_\N CASCADE;
--- DROP SEQUENCE
CREATE SEQUENCE sequence_\N;
--- run
DROP SEQUENCE sequence_\N;
--- DROP SERVER
CREATE FOREIGN DATA WRAPPER wrapper_\N;
CREATE SERVER server_\N FOREIGN DATA WRAPPER wrapper_\N;
--- run
DROP SERVER server_\N;
--- DROP STATISTICS
CREATE TABLE t_\N (a int PRIMARY KEY, b int);
CREATE STATISTICS statistics_\N ON a, b FROM t_\N;
--- run
DROP STATISTICS statistics_\N;
--- DROP SUBSCRIPTION
CREATE SUBSCRIPTION subscription_\N CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE, enabled = false);
--- run
DROP SUBSCRIPTION subscription_\N;
--- DROP TABLE
CREATE TABLE t_\N (a int PRIMARY KEY);
CREATE TABLE u_\N (a int REFERENCES t_\N);
--- run
DROP TABLE t_\N CASCADE;
--- DROP TABLESPACE
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE space_\N LOCATION '';
--- run
DROP TABLESPACE space_\N;
--- DROP TEXT SEARCH CONFIGURATION
CREATE TEXT SEARCH CONFIGURATION configuration_\N (COPY = simple);
--- run
DROP TEXT SEARCH CONFIGURATION configuration_\N;
--- DROP TEXT SEARCH DICTIONARY
CREATE TEXT SEARCH DICTIONARY dictionary_\N (TEMPLATE = simple);
--- run
DROP TEXT SEARCH DICTIONARY dictionary_\N;
--- DROP TEXT SEARCH PARSER
CREATE TEXT SEARCH PARSER parser_\N (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
--- run
DROP TEXT SEARCH PARSER parser_\N;
--- DROP TEXT SEARCH TEMPLATE
CREATE TEXT SEARCH TEMPLATE template_\N (LEXIZE = dsimple_lexize);
--- run
DROP TEXT SEARCH TEMPLATE template_\N;
--- DROP TRANSFORM
CREATE TYPE range_\N AS RANGE (SUBTYPE = int);
CREATE TRANSFORM FOR range_\N LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal));
--- run
DROP TRANSFORM FOR range_\N LANGUAGE sql;
--- DROP TRIGGER
CREATE TABLE t_\N (a int PRIMARY KEY);
CREATE FUNCTION trigger_\N() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER before BEFORE INSERT ON t_\N FOR EACH ROW EXECUTE FUNCTION trigger_\N();
--- run
DROP TRIGGER before ON t_\N;
--- DROP TYPE
CREATE TYPE enum_\N AS ENUM ('a', 'b');
--- run
DROP TYPE enum_\N;
--- DROP USER MAPPING
CREATE FOREIGN DATA WRAPPER wrapper_\N;
CREATE SERVER server_\N FOREIGN DATA WRAPPER wrapper_\N;
CREATE USER MAPPING FOR commands_a SERVER server_\N OPTIONS (user 'u');
--- run
DROP USER MAPPING FOR commands_a SERVER server_\N;
--- DROP VIEW
CREATE VIEW view_\N AS SELECT 1 AS a;
CREATE VIEW on_view_\N AS SELECT a FROM view_\N;
--- run
DROP VIEW view_\N CASCADE;
--- EXECUTE
CREATE TABLE t_\N (a int PRIMARY KEY, b float);
--- run
PREPARE p AS INSERT INTO t_\N VALUES ($1, random()); EXECUTE p(1);
--- EXPLAIN
CREATE TABLE t_\N (a int PRIMARY KEY);
--- run
EXPLAIN INSERT INTO t_\N VALUES (1);
--- FETCH
--- run
BEGIN; DECLARE c CURSOR FOR SELECT 1; FETCH c; COMMIT;
--- GRANT
CREATE TABLE t_\N (a int PRIMARY KEY);
--- run
GRANT SELECT (a) ON t_\N TO commands_a WITH GRANT OPTION;
--- GRANT ROLE
CREATE ROLE commands_\N;
--- run
GRANT commands_\N TO commands_a;
--- IMPORT FOREIGN SCHEMA
CREATE EXTENSION postgres_fdw;
CREATE SCHEMA imported_\N;
CREATE SCHEMA exported_\N CREATE TABLE far (a int PRIMARY KEY);
CREATE SERVER server_\N FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '\H', port '\P', dbname 'app');
CREATE USER MAPPING FOR CURRENT_USER SERVER server_\N;
--- run
IMPORT FOREIGN SCHEMA exported_\N FROM SERVER server_\N INTO imported_\N;
--- INSERT
CREATE TABLE t_\N (a int PRIMARY KEY, b float DEFAULT random());
--- run
INSERT INTO t_\N SELECT generate_series(1, 20);
--- LISTEN
--- run
LISTEN channel;
--- LOAD
--- run
LOAD 'plpgsql';
--- LOCK TABLE
CREATE TABLE t_\N (a int PRIMARY KEY);
--- run
BEGIN; LOCK TABLE t_\N; COMMIT;
--- LOGIN
--- none: not a command, but what an event trigger may wait for; since PostgreSQL 17
--- MERGE
CREATE TABLE t_\N (a int PRIMARY KEY, b float);
INSERT INTO t_\N VALUES (1, 1), (2, 2);
--- run
MERGE INTO t_\N USING generate_series(1, 4) i ON a = i WHEN MATCHED AND a = 1 THEN DELETE WHEN MATCHED THEN UPDATE SET b = random() WHEN NOT MATCHED THEN INSERT VALUES (i, random());
--- MOVE
--- run
BEGIN; DECLARE c CURSOR FOR SELECT 1; MOVE c; COMMIT;
--- NOTIFY
--- run
NOTIFY channel, 'payload';
--- PREPARE
--- run
PREPARE p AS SELECT 1;
--- PREPARE TRANSACTION
CREATE TABLE t_\N (a int PRIMARY KEY);
--- run
BEGIN; INSERT INTO t_\N VALUES (1); PREPARE TRANSACTION 'prepare_\N';
--- REASSIGN OWNED
CREATE ROLE commands_\N;
CREATE TABLE t_\N (a int PRIMARY KEY);
ALTER TABLE t_\N OWNER TO commands_\N;
--- run
REASSIGN OWNED BY commands_\N TO commands_a;
--- REFRESH MATERIALIZED VIEW
CREATE TABLE t_\N (a int PRIMARY KEY);
CREATE MATERIALIZED VIEW view_\N AS SELECT a FROM t_\N WITH NO DATA;
--- run
INSERT INTO t_\N VALUES (1); REFRESH MATERIALIZED VIEW view_\N;
--- REINDEX
CREATE TABLE t_\N (a int PRIMARY KEY);
--- run
REINDEX TABLE t_\N;
--- also
REINDEX TABLE CONCURRENTLY t_\N;
--- RELEASE
--- run
BEGIN; SAVEPOINT s; RELEASE s; COMMIT;
--- RESET
--- run
RESET search_path;
--- REVOKE
CREATE TABLE t_\N (a int PRIMARY KEY);
GRANT SELECT ON t_\N TO commands_a;
--- run
REVOKE SELECT ON t_\N FROM commands_a;
--- REVOKE ROLE
CREATE ROLE commands_\N;
GRANT commands_\N TO commands_a;
--- run
REVOKE commands_\N FROM commands_a;
--- ROLLBACK
CREATE TABLE t_\N (a int PRIMARY KEY);
--- run
BEGIN; INSERT INTO t_\N VALUES (1); CREATE TABLE undone_\N (a int); ROLLBACK;
--- ROLLBACK PREPARED
CREATE TABLE t_\N (a int PRIMARY KEY);
BEGIN; INSERT INTO t_\N VALUES (1); PREPARE TRANSACTION 'rollback_\N';
--- run
ROLLBACK PREPARED 'rollback_\N';
--- SAVEPOINT
--- run
BEGIN; SAVEPOINT s; COMMIT;
--- SECURITY LABEL
--- none: no label provider is part of PostgreSQL; its text is replayed as that of COMMENT
--- SELECT
CREATE TABLE t_\N (a int PRIMARY KEY);
CREATE FUNCTION function_\N() RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t_\N VALUES (1); EXECUTE 'ALTER TABLE t_\N ADD b float DEFAULT random()'; END $$;
--- run neutral
SELECT count(*) FROM t_\N;
--- also
SELECT function_\N();
--- SELECT FOR KEY SHARE
CREATE TABLE t_\N (a int PRIMARY KEY);
INSERT INTO t_\N VALUES (1);
--- run
SELECT a FROM t_\N FOR KEY SHARE;
--- SELECT FOR NO KEY UPDATE
CREATE TABLE t_\N (a int PRIMARY KEY);
INSERT INTO t_\N VALUES (1);
--- run
SELECT a FROM t_\N FOR NO KEY UPDATE;
--- SELECT FOR SHARE
CREATE TABLE t_\N (a int PRIMARY KEY);
INSERT INTO t_\N VALUES (1);
--- run
SELECT a FROM t_\N FOR SHARE;
--- SELECT FOR UPDATE
CREATE TABLE t_\N (a int PRIMARY KEY);
INSERT INTO t_\N VALUES (1);
--- run
SELECT a FROM t_\N FOR UPDATE;
--- SELECT INTO
--- run
SELECT i AS a, random() AS b INTO into_\N FROM generate_series(1, 5) i;
--- SET
--- run
SET work_mem = '7MB';
--- SET CONSTRAINTS
--- run
BEGIN; SET CONSTRAINTS ALL DEFERRED; COMMIT;
--- SHOW
--- run
SHOW work_mem;
--- START TRANSACTION
--- run
START TRANSACTION ISOLATION LEVEL SERIALIZABLE; COMMIT;
--- TRUNCATE TABLE
CREATE TABLE t_\N (a int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY);
INSERT INTO t_\N VALUES (DEFAULT), (DEFAULT);
--- run
TRUNCATE t_\N RESTART IDENTITY;
--- UNLISTEN
--- run
UNLISTEN channel;
--- UPDATE
CREATE TABLE t_\N (a int PRIMARY KEY, b float);
INSERT INTO t_\N VALUES (1, 1), (2, 2);
--- run
UPDATE t_\N SET b = random();
--- VACUUM
CREATE TABLE t_\N (a int PRIMARY KEY);
INSERT INTO t_\N SELECT generate_series(1, 500);
DELETE FROM t_\N WHERE a > 100;
--- run
VACUUM t_\N;
--- also
VACUUM FULL t_\N;
--- AT_AddColumn
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
INSERT INTO t_\N SELECT i, 'x', i FROM generate_series(1, 5) i;
--- run
ALTER TABLE t_\N ADD d float DEFAULT random();
--- also
ALTER TABLE t_\N ADD e int DEFAULT 7;
--- AT_AddColumnRecurse
--- none: made by PostgreSQL itself out of another subcommand
--- AT_AddColumnToView
CREATE VIEW t_\N AS SELECT 1 AS a;
--- run
CREATE OR REPLACE VIEW t_\N AS SELECT 1 AS a, 2 AS b;
--- AT_ColumnDefault
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
--- run
ALTER TABLE t_\N ALTER b SET DEFAULT 'x';
--- also
ALTER TABLE t_\N ALTER b DROP DEFAULT;
--- AT_CookedColumnDefault
--- none: made by PostgreSQL itself out of another subcommand
--- AT_DropNotNull
CREATE TABLE t_\N (a int PRIMARY KEY, b int NOT NULL);
--- run
ALTER TABLE t_\N ALTER b DROP NOT NULL;
--- AT_SetNotNull
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
INSERT INTO t_\N SELECT i, 'x', i FROM generate_series(1, 5) i;
--- run
ALTER TABLE t_\N ALTER c SET NOT NULL;
--- AT_SetExpression
CREATE TABLE t_\N (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a + 1) STORED);
INSERT INTO t_\N VALUES (1);
--- run
ALTER TABLE t_\N ALTER b SET EXPRESSION AS (a + 2);
--- AT_DropExpression
CREATE TABLE t_\N (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a + 1) STORED);
INSERT INTO t_\N VALUES (1);
--- run
ALTER TABLE t_\N ALTER b DROP EXPRESSION;
--- AT_CheckNotNull
--- none: made by PostgreSQL itself out of another subcommand
--- AT_SetStatistics
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
--- run
ALTER TABLE t_\N ALTER b SET STATISTICS 17;
--- AT_SetOptions
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
--- run
ALTER TABLE t_\N ALTER b SET (n_distinct = 5);
--- AT_ResetOptions
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
ALTER TABLE t_\N ALTER b SET (n_distinct = 5);
--- run
ALTER TABLE t_\N ALTER b RESET (n_distinct);
--- AT_SetStorage
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
--- run
ALTER TABLE t_\N ALTER b SET STORAGE EXTERNAL;
--- AT_SetCompression
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
--- run
ALTER TABLE t_\N ALTER b SET COMPRESSION pglz;
--- AT_DropColumn
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
INSERT INTO t_\N SELECT i, 'x', i FROM generate_series(1, 5) i;
--- run
ALTER TABLE t_\N DROP c;
--- AT_DropColumnRecurse
--- none: made by PostgreSQL itself out of another subcommand
--- AT_AddIndex
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
INSERT INTO t_\N SELECT i, 'x', i FROM generate_series(1, 5) i;
--- run
ALTER TABLE t_\N ADD UNIQUE (c);
--- AT_ReAddIndex
--- none: made by PostgreSQL itself out of another subcommand
--- AT_AddConstraint
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
INSERT INTO t_\N SELECT i, 'x', i FROM generate_series(1, 5) i;
--- run
ALTER TABLE t_\N ADD CHECK (b <> '');
--- also
ALTER TABLE t_\N ADD CONSTRAINT self FOREIGN KEY (c) REFERENCES t_\N NOT VALID;
--- AT_AddConstraintRecurse
--- none: made by PostgreSQL itself out of another subcommand
--- AT_ReAddConstraint
--- none: made by PostgreSQL itself out of another subcommand
--- AT_ReAddDomainConstraint
--- none: made by PostgreSQL itself out of another subcommand
--- AT_AlterConstraint
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
ALTER TABLE t_\N ADD CONSTRAINT self FOREIGN KEY (c) REFERENCES t_\N;
--- run
ALTER TABLE t_\N ALTER CONSTRAINT self DEFERRABLE INITIALLY DEFERRED;
--- AT_ValidateConstraint
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
INSERT INTO t_\N SELECT i, 'x', i FROM generate_series(1, 5) i;
ALTER TABLE t_\N ADD CONSTRAINT self FOREIGN KEY (c) REFERENCES t_\N NOT VALID;
--- run
ALTER TABLE t_\N VALIDATE CONSTRAINT self;
--- AT_ValidateConstraintRecurse
--- none: made by PostgreSQL itself out of another subcommand
--- AT_AddIndexConstraint
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
INSERT INTO t_\N SELECT i, 'x', i FROM generate_series(1, 5) i;
CREATE UNIQUE INDEX index_\N ON t_\N (c);
--- run
ALTER TABLE t_\N ADD CONSTRAINT named_\N UNIQUE USING INDEX index_\N;
--- AT_DropConstraint
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
ALTER TABLE t_\N ADD CONSTRAINT checked CHECK (b <> '');
--- run
ALTER TABLE t_\N DROP CONSTRAINT checked;
--- AT_DropConstraintRecurse
--- none: made by PostgreSQL itself out of another subcommand
--- AT_ReAddComment
--- none: made by PostgreSQL itself out of another subcommand
--- AT_AlterColumnType
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
INSERT INTO t_\N SELECT i, 'x', i FROM generate_series(1, 5) i;
--- run
ALTER TABLE t_\N ALTER c TYPE numeric USING c * random();
--- AT_AlterColumnGenericOptions
CREATE FOREIGN DATA WRAPPER wrapper_\N;
CREATE SERVER server_\N FOREIGN DATA WRAPPER wrapper_\N;
CREATE FOREIGN TABLE t_\N (a int) SERVER server_\N;
--- run
ALTER FOREIGN TABLE t_\N ALTER a OPTIONS (a 'b');
--- AT_ChangeOwner
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
--- run
ALTER TABLE t_\N OWNER TO commands_a;
--- AT_ClusterOn
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
--- run
ALTER TABLE t_\N CLUSTER ON t_\N_pkey;
--- AT_DropCluster
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
ALTER TABLE t_\N CLUSTER ON t_\N_pkey;
--- run
ALTER TABLE t_\N SET WITHOUT CLUSTER;
--- AT_SetLogged
CREATE UNLOGGED TABLE t_\N (a int PRIMARY KEY, b float);
INSERT INTO t_\N VALUES (1, random());
--- run
ALTER TABLE t_\N SET LOGGED;
--- AT_SetUnLogged
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
INSERT INTO t_\N SELECT i, 'x', i FROM generate_series(1, 5) i;
--- run
ALTER TABLE t_\N SET UNLOGGED;
--- AT_DropOids
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
--- run
ALTER TABLE t_\N SET WITHOUT OIDS;
--- AT_SetAccessMethod
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
INSERT INTO t_\N SELECT i, 'x', i FROM generate_series(1, 5) i;
CREATE ACCESS METHOD heap_\N TYPE TABLE HANDLER heap_tableam_handler;
--- run
ALTER TABLE t_\N SET ACCESS METHOD heap_\N;
--- AT_SetTableSpace
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE space_\N LOCATION '';
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
INSERT INTO t_\N SELECT i, 'x', i FROM generate_series(1, 5) i;
--- run
ALTER TABLE t_\N SET TABLESPACE space_\N;
--- AT_SetRelOptions
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
--- run
ALTER TABLE t_\N SET (fillfactor = 70);
--- AT_ResetRelOptions
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
ALTER TABLE t_\N SET (fillfactor = 70);
--- run
ALTER TABLE t_\N RESET (fillfactor);
--- AT_ReplaceRelOptions
--- none: made by PostgreSQL itself out of another subcommand
--- AT_EnableTrig
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
CREATE FUNCTION trigger_\N() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER before BEFORE INSERT ON t_\N FOR EACH ROW EXECUTE FUNCTION trigger_\N();
ALTER TABLE t_\N DISABLE TRIGGER before;
--- run
ALTER TABLE t_\N ENABLE TRIGGER before;
--- AT_EnableAlwaysTrig
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
CREATE FUNCTION trigger_\N() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER before BEFORE INSERT ON t_\N FOR EACH ROW EXECUTE FUNCTION trigger_\N();
--- run
ALTER TABLE t_\N ENABLE ALWAYS TRIGGER before;
--- AT_EnableReplicaTrig
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
CREATE FUNCTION trigger_\N() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER before BEFORE INSERT ON t_\N FOR EACH ROW EXECUTE FUNCTION trigger_\N();
--- run
ALTER TABLE t_\N ENABLE REPLICA TRIGGER before;
--- AT_DisableTrig
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
CREATE FUNCTION trigger_\N() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER before BEFORE INSERT ON t_\N FOR EACH ROW EXECUTE FUNCTION trigger_\N();
--- run
ALTER TABLE t_\N DISABLE TRIGGER before;
--- AT_EnableTrigAll
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
CREATE FUNCTION trigger_\N() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER before BEFORE INSERT ON t_\N FOR EACH ROW EXECUTE FUNCTION trigger_\N();
ALTER TABLE t_\N DISABLE TRIGGER ALL;
--- run
ALTER TABLE t_\N ENABLE TRIGGER ALL;
--- AT_DisableTrigAll
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
CREATE FUNCTION trigger_\N() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER before BEFORE INSERT ON t_\N FOR EACH ROW EXECUTE FUNCTION trigger_\N();
--- run
ALTER TABLE t_\N DISABLE TRIGGER ALL;
--- AT_EnableTrigUser
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
CREATE FUNCTION trigger_\N() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER before BEFORE INSERT ON t_\N FOR EACH ROW EXECUTE FUNCTION trigger_\N();
ALTER TABLE t_\N DISABLE TRIGGER USER;
--- run
ALTER TABLE t_\N ENABLE TRIGGER USER;
--- AT_DisableTrigUser
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
CREATE FUNCTION trigger_\N() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER before BEFORE INSERT ON t_\N FOR EACH ROW EXECUTE FUNCTION trigger_\N();
--- run
ALTER TABLE t_\N DISABLE TRIGGER USER;
--- AT_EnableRule
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
CREATE RULE rule AS ON DELETE TO t_\N DO INSTEAD NOTHING;
ALTER TABLE t_\N DISABLE RULE rule;
--- run
ALTER TABLE t_\N ENABLE RULE rule;
--- AT_EnableAlwaysRule
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
CREATE RULE rule AS ON DELETE TO t_\N DO INSTEAD NOTHING;
--- run
ALTER TABLE t_\N ENABLE ALWAYS RULE rule;
--- AT_EnableReplicaRule
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
CREATE RULE rule AS ON DELETE TO t_\N DO INSTEAD NOTHING;
--- run
ALTER TABLE t_\N ENABLE REPLICA RULE rule;
--- AT_DisableRule
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
CREATE RULE rule AS ON DELETE TO t_\N DO INSTEAD NOTHING;
--- run
ALTER TABLE t_\N DISABLE RULE rule;
--- AT_AddInherit
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
CREATE TABLE parent_\N (b text);
--- run
ALTER TABLE t_\N INHERIT parent_\N;
--- AT_DropInherit
CREATE TABLE parent_\N (b text);
CREATE TABLE t_\N (a int PRIMARY KEY) INHERITS (parent_\N);
--- run
ALTER TABLE t_\N NO INHERIT parent_\N;
--- AT_AddOf
CREATE TYPE of_\N AS (a int);
CREATE TABLE t_\N (a int PRIMARY KEY);
--- run
ALTER TABLE t_\N OF of_\N;
--- AT_DropOf
CREATE TYPE of_\N AS (a int);
CREATE TABLE t_\N OF of_\N (PRIMARY KEY (a));
--- run
ALTER TABLE t_\N NOT OF;
--- AT_ReplicaIdentity
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
INSERT INTO t_\N SELECT i, 'x', i FROM generate_series(1, 5) i;
--- run
ALTER TABLE t_\N REPLICA IDENTITY FULL;
--- AT_EnableRowSecurity
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
--- run
ALTER TABLE t_\N ENABLE ROW LEVEL SECURITY;
--- AT_DisableRowSecurity
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
ALTER TABLE t_\N ENABLE ROW LEVEL SECURITY;
--- run
ALTER TABLE t_\N DISABLE ROW LEVEL SECURITY;
--- AT_ForceRowSecurity
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
--- run
ALTER TABLE t_\N FORCE ROW LEVEL SECURITY;
--- AT_NoForceRowSecurity
CREATE TABLE t_\N (a int PRIMARY KEY, b text, c int);
ALTER TABLE t_\N FORCE ROW LEVEL SECURITY;
--- run
ALTER TABLE t_\N NO FORCE ROW LEVEL SECURITY;
--- AT_GenericOptions
CREATE FOREIGN DATA WRAPPER wrapper_\N;
CREATE SERVER server_\N FOREIGN DATA WRAPPER wrapper_\N;
CREATE FOREIGN TABLE t_\N (a int) SERVER server_\N;
--- run
ALTER FOREIGN TABLE t_\N OPTIONS (a 'b');
--- AT_AttachPartition
CREATE TABLE t_\N (a int PRIMARY KEY) PARTITION BY RANGE (a);
CREATE TABLE part_\N (a int PRIMARY KEY);
INSERT INTO part_\N VALUES (3);
--- run
ALTER TABLE t_\N ATTACH PARTITION part_\N FOR VALUES FROM (1) TO (9);
--- AT_DetachPartition
CREATE TABLE t_\N (a int PRIMARY KEY) PARTITION BY RANGE (a);
CREATE TABLE one_\N PARTITION OF t_\N FOR VALUES FROM (1) TO (9);
CREATE TABLE two_\N PARTITION OF t_\N FOR VALUES FROM (9) TO (19);
INSERT INTO t_\N VALUES (3), (10);
--- run
ALTER TABLE t_\N DETACH PARTITION one_\N;
--- also
ALTER TABLE t_\N DETACH PARTITION two_\N CONCURRENTLY;
--- AT_DetachPartitionFinalize
CREATE TABLE t_\N (a int PRIMARY KEY) PARTITION BY RANGE (a);
CREATE TABLE one_t_\N PARTITION OF t_\N FOR VALUES FROM (1) TO (9);
INSERT INTO t_\N VALUES (3);
--- run
ALTER TABLE t_\N DETACH PARTITION one_t_\N FINALIZE;
--- AT_AddIdentity
CREATE TABLE t_\N (a int PRIMARY KEY);
--- run
ALTER TABLE t_\N ALTER a ADD GENERATED ALWAYS AS IDENTITY;
--- AT_SetIdentity
CREATE TABLE t_\N (a int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
--- run
ALTER TABLE t_\N ALTER a SET GENERATED BY DEFAULT SET INCREMENT 5 RESTART 70;
--- AT_DropIdentity
CREATE TABLE t_\N (a int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
--- run
ALTER TABLE t_\N ALTER a DROP IDENTITY;
--- AT_ReAddStatistics
--- none: made by PostgreSQL itself out of another subcommand
