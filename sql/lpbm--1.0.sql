\echo Use "CREATE EXTENSION lpbm" to load this file. \quit

-- Roles belong to the whole server: another database may have made it already.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'lpbm_admin') THEN
    CREATE ROLE lpbm_admin NOLOGIN;
  END IF;
END
$$;

CREATE TABLE lpbm_journal_line (
  entry bigint PRIMARY KEY,
  line text NOT NULL
);
COMMENT ON TABLE lpbm_journal_line IS
  'lpbm: the journal''s lines as in its file, entry 0 being the header; written by lpbm''s worker alone';

CREATE FUNCTION lpbm_full_backup(wait boolean DEFAULT true) RETURNS text
  AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION lpbm_full_backup(boolean) IS
  'takes a full backup and returns its CID; without waiting, returns null at once';

CREATE FUNCTION lpbm_delta(wait boolean DEFAULT true) RETURNS text
  AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION lpbm_delta(boolean) IS
  'backs up all that was committed before the call and returns the CID of the entry that holds it, or null if nothing changed';

CREATE FUNCTION lpbm_journal() RETURNS text
  AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION lpbm_journal() IS
  'text of the journal, which with the passphrase or identity is all that a restore needs beside the store';

CREATE FUNCTION lpbm_mail_journal() RETURNS boolean
  AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION lpbm_mail_journal() IS 'mails the journal at once; false if it could not be mailed';

CREATE FUNCTION lpbm_restore(into_database text, journal text DEFAULT NULL, until timestamptz DEFAULT NULL,
  database text DEFAULT NULL) RETURNS bigint
  AS 'MODULE_PATHNAME' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION lpbm_restore(text, text, timestamptz, text) IS
  'restores a backup into an empty database of this server, created if missing, and returns the number of entries applied';

CREATE FUNCTION lpbm_verify(OUT entry bigint, OUT cid text, OUT problem text) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION lpbm_verify() IS 'reads back all that the journal names and returns a row for each problem';

CREATE FUNCTION lpbm_pause() RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION lpbm_pause() IS 'stops backups until lpbm_resume(), also over restarts; WAL is kept meanwhile';

CREATE FUNCTION lpbm_resume() RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION lpbm_resume() IS 'lets backups go on after lpbm_pause()';

CREATE FUNCTION lpbm_status_rows(OUT name text, OUT value text, OUT hint text, OUT database text) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION lpbm_status_rows() IS 'rows of the view lpbm_status';

CREATE FUNCTION lpbm_progress_rows(OUT job text, OUT phase text, OUT done bigint, OUT total bigint, OUT unit text,
  OUT started timestamptz, OUT database text) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION lpbm_progress_rows() IS 'rows of the view lpbm_progress';

CREATE FUNCTION lpbm_journal_lines(OUT cid text, OUT name text, OUT content text) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION lpbm_journal_lines() IS 'entries of the journal''s file: CID, name and JSON';

CREATE VIEW lpbm_status AS
SELECT name, value, hint, database FROM lpbm_status_rows()
UNION ALL
-- What a table without a key costs. Lines without a refresh are passed over before they are parsed.
SELECT 'advice',
       pg_catalog.format('table %I.%I has no primary key: %s refreshes, %s in the last day', r ->> 'schema', r ->> 'name',
                         pg_catalog.count(*), pg_catalog.pg_size_pretty(pg_catalog.sum((r ->> 'bytes')::bigint))),
       'A primary key, or REPLICA IDENTITY FULL, makes its changes part of the stream.',
       j ->> 'database'
FROM lpbm_journal_lines() AS l, LATERAL (SELECT l.content::jsonb AS j) AS parsed,
     pg_catalog.jsonb_array_elements(j -> 'refreshes') AS r
WHERE l.content ~ '"refreshes":' AND r ->> 'kind' = 't' AND r ->> 'object' <> ''
  AND pg_catalog.to_timestamp((j ->> 'finished')::numeric / 1000000) > pg_catalog.now() - interval '1 day'
GROUP BY r ->> 'schema', r ->> 'name', j ->> 'database';
COMMENT ON VIEW lpbm_status IS 'what lpbm does and what is wrong, one row a fact';

CREATE VIEW lpbm_progress AS SELECT job, phase, done, total, unit, started, database FROM lpbm_progress_rows();
COMMENT ON VIEW lpbm_progress IS 'jobs of lpbm that run at the moment';

CREATE VIEW lpbm_entries AS
SELECT (j ->> 'entry')::bigint AS entry,
       j ->> 'kind' AS kind,
       l.cid,
       pg_catalog.to_timestamp((j ->> 'started')::numeric / 1000000) AS started,
       pg_catalog.to_timestamp((j ->> 'finished')::numeric / 1000000) AS finished,
       (j ->> 'from')::pg_lsn AS from_lsn,
       (j ->> 'to')::pg_lsn AS to_lsn,
       (j ->> 'transactions')::bigint AS transactions,
       (j ->> 'rows')::bigint AS rows,
       (j ->> 'bytes')::bigint AS bytes,
       (j ->> 'stored_bytes')::bigint AS stored_bytes,
       NULLIF(j ->> 'reason', '') AS reason,
       l.name,
       j ->> 'stream' AS stream,
       CASE WHEN (j ->> 'first_commit')::bigint > 0
            THEN pg_catalog.to_timestamp((j ->> 'first_commit')::numeric / 1000000) END AS first_commit,
       CASE WHEN (j ->> 'last_commit')::bigint > 0
            THEN pg_catalog.to_timestamp((j ->> 'last_commit')::numeric / 1000000) END AS last_commit,
       j -> 'holes' AS holes,
       j -> 'objects' AS objects,
       COALESCE((j ->> 'ddl')::bigint, 0) AS ddl,
       (SELECT pg_catalog.array_agg(
                 CASE r ->> 'kind' WHEN 'l' THEN 'large objects'
                   ELSE pg_catalog.quote_ident(r ->> 'schema') || '.' || pg_catalog.quote_ident(r ->> 'name') END ||
                 CASE WHEN r ->> 'object' = '' THEN ' (gone)'
                   ELSE pg_catalog.format(' (%s rows, %s)', r ->> 'rows',
                                          pg_catalog.pg_size_pretty((r ->> 'bytes')::bigint)) END ORDER BY o)
        FROM pg_catalog.jsonb_array_elements(j -> 'refreshes') WITH ORDINALITY AS f(r, o)) AS refreshed,
       COALESCE(pg_catalog.jsonb_array_length(j -> 'proven'), 0) AS proven,
       j ->> 'database' AS database
FROM lpbm_journal_lines() AS l, LATERAL (SELECT l.content::jsonb AS j) AS parsed;
COMMENT ON VIEW lpbm_entries IS 'the journal''s entries: full backups and deltas, in order';

REVOKE ALL ON lpbm_journal_line, lpbm_status, lpbm_progress, lpbm_entries FROM PUBLIC;
REVOKE ALL ON FUNCTION lpbm_full_backup(boolean), lpbm_delta(boolean), lpbm_journal(), lpbm_mail_journal(),
  lpbm_restore(text, text, timestamptz, text), lpbm_verify(), lpbm_pause(), lpbm_resume(), lpbm_status_rows(),
  lpbm_progress_rows(), lpbm_journal_lines() FROM PUBLIC;

GRANT EXECUTE ON FUNCTION lpbm_full_backup(boolean), lpbm_delta(boolean), lpbm_journal(), lpbm_mail_journal(),
  lpbm_verify(), lpbm_pause(), lpbm_resume() TO lpbm_admin;
GRANT EXECUTE ON FUNCTION lpbm_status_rows(), lpbm_progress_rows(), lpbm_journal_lines() TO lpbm_admin, pg_monitor;
GRANT SELECT ON lpbm_status, lpbm_progress, lpbm_entries TO lpbm_admin, pg_monitor;
