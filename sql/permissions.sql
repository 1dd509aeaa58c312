-- Functions are for superusers and lpbm_admin, views also for pg_monitor; restoring is for superusers alone.
\set VERBOSITY terse
CREATE EXTENSION lpbm;
CREATE ROLE regress_nobody;
CREATE ROLE regress_admin IN ROLE lpbm_admin;
CREATE ROLE regress_monitor IN ROLE pg_monitor;

SELECT p.proname, has_function_privilege('regress_nobody', p.oid, 'EXECUTE') AS nobody,
       has_function_privilege('regress_monitor', p.oid, 'EXECUTE') AS monitor,
       has_function_privilege('regress_admin', p.oid, 'EXECUTE') AS admin
FROM pg_proc p WHERE p.proname LIKE 'lpbm%' ORDER BY 1;
SELECT c.relname, has_table_privilege('regress_nobody', c.oid, 'SELECT') AS nobody,
       has_table_privilege('regress_monitor', c.oid, 'SELECT') AS monitor,
       has_table_privilege('regress_admin', c.oid, 'SELECT') AS admin,
       has_table_privilege('regress_admin', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS admin_writes
FROM pg_class c WHERE c.relname LIKE 'lpbm%' AND c.relkind IN ('r', 'v') ORDER BY 1;

SET ROLE regress_nobody;
SELECT * FROM lpbm_status;
SELECT lpbm_delta();
SELECT lpbm_full_backup();
SELECT lpbm_journal();
SELECT lpbm_pause();
SELECT lpbm_restore('elsewhere');
SET lpbm.directory = 'elsewhere';
RESET ROLE;

SET ROLE regress_monitor;
SELECT count(*) > 0 AS sees FROM lpbm_status;
SELECT count(*) FROM lpbm_progress;
SELECT count(*) FROM lpbm_entries;
SELECT lpbm_journal();
RESET ROLE;

SET ROLE regress_admin;
SELECT count(*) > 0 AS sees FROM lpbm_status;
SELECT lpbm_journal() IS NULL AS no_journal;
SELECT lpbm_pause();
SELECT lpbm_resume();
SELECT lpbm_restore('elsewhere');
RESET ROLE;

-- Not even where it was granted.
GRANT EXECUTE ON FUNCTION lpbm_restore(text, text, timestamptz, text) TO regress_admin;
SET ROLE regress_admin;
SELECT lpbm_restore('elsewhere');
RESET ROLE;

DROP EXTENSION lpbm;
DROP ROLE regress_nobody, regress_admin, regress_monitor;
