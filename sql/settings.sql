-- What each setting accepts, and what it says about what it refuses.
\set VERBOSITY default
CREATE EXTENSION lpbm;

SELECT name, setting, unit, vartype, context FROM pg_settings
WHERE name LIKE 'lpbm.%' AND name <> 'lpbm.site' ORDER BY name;
SELECT count(*) AS without_description FROM pg_settings WHERE name LIKE 'lpbm.%' AND short_desc !~ '^Sets .*\.$';
SELECT current_setting('lpbm.site') = system_identifier::text AS site_is_the_system_identifier FROM pg_control_system();

-- Values that are right.
ALTER SYSTEM SET lpbm.database = 'a, "B, ""c""", d';
ALTER SYSTEM SET lpbm.database = '*';
ALTER SYSTEM SET lpbm.trigger_cron = '@every 90s';
ALTER SYSTEM SET lpbm.trigger_cron = '0 30 4 * * MON-FRI';
ALTER SYSTEM SET lpbm.trigger_cron = '*/5 * * * *';
ALTER SYSTEM SET lpbm.full_backup_cron = '@daily';
ALTER SYSTEM SET lpbm.site = 'db-1.example_a';
ALTER SYSTEM SET lpbm.store = 'ipfs+http://cluster.example:9094';
ALTER SYSTEM SET lpbm.compression = 'zstd:19';
ALTER SYSTEM SET lpbm.compression = 'none';
ALTER SYSTEM SET lpbm.part_size = '1GB';
ALTER SYSTEM SET lpbm.recipients = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p, age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg';
ALTER SYSTEM SET lpbm.conninfo = 'user=backup passfile=/etc/lpbm/pgpass';
ALTER SYSTEM SET lpbm.smtp_url = 'smtps://mail.example:465';
ALTER SYSTEM SET lpbm.refresh_limit = '12.5%';
ALTER SYSTEM SET lpbm.min_full_interval = '1h';

-- Values that are wrong.
ALTER SYSTEM SET lpbm.database = '';
ALTER SYSTEM SET lpbm.database = 'a,, b';
ALTER SYSTEM SET lpbm.database = 'a, b , a';
ALTER SYSTEM SET lpbm.database = '*, a';
ALTER SYSTEM SET lpbm.database = '"a, b';
ALTER SYSTEM SET lpbm.database = '"a"b';
ALTER SYSTEM SET lpbm.database = 'a, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb';
ALTER SYSTEM SET lpbm.trigger_cron = '';
ALTER SYSTEM SET lpbm.trigger_cron = 'now and then';
ALTER SYSTEM SET lpbm.trigger_cron = '61 * * * * *';
ALTER SYSTEM SET lpbm.full_backup_cron = '0 0 30 2 *';
ALTER SYSTEM SET lpbm.full_backup_cron = '@every 5 parsecs';
ALTER SYSTEM SET lpbm.site = 'a/b';
ALTER SYSTEM SET lpbm.site = '.hidden';
ALTER SYSTEM SET lpbm.store = 's3://bucket';
ALTER SYSTEM SET lpbm.store = 'file:';
ALTER SYSTEM SET lpbm.store = 'ipfs+http://user:secret@cluster.example:9094';
ALTER SYSTEM SET lpbm.ipfs_api = 'ftp://127.0.0.1';
ALTER SYSTEM SET lpbm.compression = 'gzip';
ALTER SYSTEM SET lpbm.compression = 'zstd:99';
ALTER SYSTEM SET lpbm.part_size = '1kB';
ALTER SYSTEM SET lpbm.encryption = 'rot13';
ALTER SYSTEM SET lpbm.recipients = 'ssh-ed25519 AAAA';
ALTER SYSTEM SET lpbm.recipients = 'AGE-SECRET-KEY-1QQQQ';
ALTER SYSTEM SET lpbm.conninfo = 'user=backup password=secret';
ALTER SYSTEM SET lpbm.conninfo = 'postgresql://localhost';
ALTER SYSTEM SET lpbm.mail_subject_prefix = E'[a]\rBcc: b@example';
ALTER SYSTEM SET lpbm.smtp_url = 'http://mail.example';
ALTER SYSTEM SET lpbm.smtp_url = 'smtp://user:secret@mail.example';
ALTER SYSTEM SET lpbm.refresh_limit = 'a quarter';
ALTER SYSTEM SET lpbm.min_full_interval = '-1';
ALTER SYSTEM SET lpbm.max_full_backups = 0;
ALTER SYSTEM SET lpbm.processed_logs = 'burn';
ALTER SYSTEM SET lpbm.replica_identity = 'nothing';
ALTER SYSTEM SET lpbm.no_such_setting = 1;
SET lpbm.trigger_cron = '@daily';
ALTER SYSTEM RESET ALL;
DROP EXTENSION lpbm;
