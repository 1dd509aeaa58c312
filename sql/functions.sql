-- The SQL face on a server where the log collector is off: everything answers, nothing hangs.
\set VERBOSITY default
CREATE EXTENSION lpbm;

SELECT p.proname, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
       obj_description(p.oid, 'pg_proc') IS NOT NULL AS described
FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'lpbm'
ORDER BY 1;

SELECT c.relname, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) AS columns,
       obj_description(c.oid, 'pg_class') IS NOT NULL AS described
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relname LIKE 'lpbm%' AND c.relkind IN ('v', 'r') GROUP BY c.oid, c.relname ORDER BY 1;

-- The worker has looked at what there is.
DO $$
BEGIN
  FOR i IN 1 .. 300 LOOP
    EXIT WHEN EXISTS (SELECT FROM lpbm_status WHERE name = 'state' AND value = 'blocked');
    PERFORM pg_sleep(0.1);
  END LOOP;
END
$$;
SELECT name, value, hint FROM lpbm_status WHERE name IN ('state', 'problem', 'database', 'store', 'next_full')
AND value !~ 'output_plugin_libraries' ORDER BY name, value COLLATE "C";
SELECT * FROM lpbm_progress;
SELECT * FROM lpbm_entries;
SELECT lpbm_journal() IS NULL AS no_journal;
SELECT lpbm_mail_journal();

-- What is asked for is refused with the reason.
\set VERBOSITY terse
SELECT lpbm_delta();
SELECT lpbm_full_backup();
SELECT lpbm_full_backup(wait => false);

\set VERBOSITY default
SELECT lpbm_restore('regression');
SELECT lpbm_restore('');
SELECT lpbm_restore(NULL);
SELECT lpbm_restore('elsewhere', until => 'infinity');

-- Whoever would wait for himself is told.
CREATE TABLE held (a int);
BEGIN;
LOCK TABLE held;
SELECT lpbm_full_backup();
ROLLBACK;
DROP TABLE held;
BEGIN;
SELECT txid_current() > 0 AS writes;
SELECT lpbm_delta();
ROLLBACK;

SELECT lpbm_pause();
SELECT lpbm_pause();
SELECT lpbm_resume();
SELECT lpbm_resume();

-- DROP EXTENSION leaves nothing but the role, which may serve another database.
DROP EXTENSION lpbm;
SELECT count(*) FROM pg_proc WHERE proname LIKE 'lpbm%';
SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname = 'lpbm_admin';
CREATE SCHEMA "Back Up";
CREATE EXTENSION lpbm SCHEMA "Back Up";
SELECT count(*) > 0 AS answers FROM "Back Up".lpbm_status;
DROP EXTENSION lpbm;
DROP SCHEMA "Back Up";
