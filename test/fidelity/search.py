#!/usr/bin/python3
"""Searches for a workload after which the restored database differs from its source.

Runs random workloads (workload.py) with concurrent sessions on a server of its own that backs itself up, restores the
journal into a second database and compares pg_dump's text of both. Prints the seeds of what differs and exits 1.

    search.py --workloads 200 --seed 1 [--sessions 4] [--kill] [--keep] [--bindir DIR]
"""
import argparse
import difflib
import os
import random
import shutil
import sys
import tempfile
import threading
from collections import Counter

import psycopg2

from server import Server
from workload import SCALARS, Workload


SETTINGS = """
max_prepared_transactions = 20
deadlock_timeout = 100ms
lpbm.trigger_cron = '* * * * * *'
lpbm.full_backup_cron = 'never'
lpbm.min_full_interval = '1s'
lpbm.refresh_limit = '25%'
"""


def run_session(server, workload, number, transactions, counts):
    connection = server.connect()
    cursor = connection.cursor()

    def execute(statement):
        try:
            cursor.execute(statement)
            counts["done"] += 1
            return True
        except psycopg2.Error as error:
            counts["error " + (error.pgcode or "?")] += 1
            return False

    try:
        execute("SET lock_timeout = '2s'")
        for level, body, after in workload.session(number, transactions):
            execute("BEGIN ISOLATION LEVEL " + level)
            if not all(execute(statement) for statement in body):
                execute("ROLLBACK")
            for statement in after:
                execute(statement)
        execute("SELECT pg_stat_force_next_flush()")  # unlogged tables are known to have changed by their statistics
    except psycopg2.InterfaceError:
        pass  # the server was killed under us
    finally:
        connection.close()


def run_workload(server, seed, sessions, counts, kill):
    workload = Workload(seed)
    connection = server.connect()
    cursor = connection.cursor()
    for statement in workload.setup():
        cursor.execute(statement)
    connection.close()
    threads = [threading.Thread(target=run_session, args=(server, workload, n, 12, counts)) for n in range(sessions)]
    for thread in threads:
        thread.start()
    if kill:
        threads[0].join(timeout=random.Random(seed).random())
        server.kill()
        counts["kills"] += 1
    for thread in threads:
        thread.join()
    for (gid,) in server.sql("SELECT gid FROM pg_prepared_xacts"):
        server.sql("ROLLBACK PREPARED '%s'" % gid)


def restore_and_compare(server, options):
    cid = server.sql("SELECT lpbm_delta()")
    server.sql("DROP DATABASE IF EXISTS restored")
    server.restore("restored")
    said = server.said
    source, restored = server.dump("postgres"), server.dump("restored")
    if source == restored:
        return None
    return "last entry %s\n%s\n%s" % (cid, said, "\n".join(list(difflib.unified_diff(source, restored, "source", "restored", n=2))[:60]))


def search(server, options):
    counts, failed = Counter(), []
    for first in range(options.seed, options.seed + options.workloads, options.batch):
        seeds = range(first, min(first + options.batch, options.seed + options.workloads))
        for seed in seeds:
            run_workload(server, seed, options.sessions, counts, options.kill and seed % 7 == 0)
        difference = restore_and_compare(server, options)
        if difference:
            failed.append(first)
            print("DIFFERENT after seeds %d to %d: %s" % (seeds[0], seeds[-1], difference), flush=True)
            if not options.go_on:
                break
        for seed in seeds:
            server.sql("DROP SCHEMA IF EXISTS w%d CASCADE" % seed)
        server.sql("SELECT lpbm_full_backup()")
        counts["workloads"] += len(seeds)
    counts["deltas"], counts["refreshes"] = server.sql(
        "SELECT count(*), coalesce(sum(jsonb_array_length(content::jsonb -> 'refreshes')), 0)::int FROM lpbm_journal_lines() "
        "WHERE content LIKE '%\"kind\":\"delta\"%'")[0]
    fulls = server.sql("SELECT reason, count(*) FROM lpbm_entries WHERE kind = 'full' GROUP BY 1 ORDER BY 2 DESC")
    print("%s\nfulls: %s" % (dict(counts.most_common(30)), fulls))
    return failed


def leave_out_xml(server):
    """Where the installation of PostgreSQL is without it."""
    try:
        server.sql("SELECT '<a/>'::xml")
    except psycopg2.errors.FeatureNotSupported:
        del SCALARS["xml"]
        print("# skip without xml, which this installation of PostgreSQL lacks")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--sessions", type=int, default=4)
    parser.add_argument("--port", type=int, default=54290)
    parser.add_argument("--kill", action="store_true", help="kill -9 the postmaster in some workloads")
    parser.add_argument("--keep", action="store_true", help="keep the server's directory")
    parser.add_argument("--go-on", action="store_true", help="go on after a difference")
    parser.add_argument("--bindir", default="/usr/lib/postgresql/15/bin")
    options = parser.parse_args()
    root = tempfile.mkdtemp(prefix="lpbm-search-")
    server = Server(root, options.bindir, options.port)
    failed = []
    try:
        server.create(SETTINGS)
        server.start()
        server.sql("CREATE EXTENSION lpbm")
        leave_out_xml(server)
        failed = search(server, options)
        print("%d passed, %d failed" % (options.workloads - len(failed), len(failed)))
    finally:
        server.stop("immediate")
        if not options.keep:
            shutil.rmtree(root, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
