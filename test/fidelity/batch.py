"""Runs many workloads on one server that backs itself up, restores what it backed up elsewhere, and compares."""
import os
import random
import re
import shutil
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from compare import COMMON, differences, sections, without_rows
from driver import Driver
from plant import OBJECTS
from server import Server
from workload import Workload

SOURCE = """
max_prepared_transactions = 100
max_connections = 120
max_locks_per_transaction = 1024
jit = off
deadlock_timeout = 50ms
synchronous_commit = %s
lpbm.trigger_cron = '* * * * * *'
lpbm.full_backup_cron = 'never'
lpbm.min_full_interval = '4s'
lpbm.max_full_backups = 8
lpbm.refresh_limit = '%s'
"""
TARGET = """
wal_level = minimal
max_wal_senders = 0
autovacuum = off
jit = off
max_locks_per_transaction = 1024
"""
SLOW = 30  # seconds that no workload should take


class Failure:
    """A difference: the workload's seed (none: it cannot be said whose), and what it looks like."""

    def __init__(self, seeds, where, text):
        self.seeds, self.where, self.text = seeds, where, text


class Point:
    """A moment at which no workload ran: the entry that holds all of it, the time, and pg_dump's text."""

    def __init__(self, entry, moment, text):
        self.entry, self.moment, self.text = entry, moment, text


def run_one(place, seed, kills, numbers):
    """In a process of its own; returns what was counted."""
    started = time.monotonic()
    workload = Workload(seed, kills)
    steps = [step for step in workload.steps if numbers is None or step.number in numbers]
    counts = Driver(Server(*place), workload).run(steps)
    for feature in workload.model.features:
        counts["feature", feature] += 1
    counts["costly"] += workload.costly
    counts["sessions", workload.sessions] += 1
    counts["workloads"] += 1
    if time.monotonic() - started > SLOW:
        print("seed %d took %d s" % (seed, time.monotonic() - started), flush=True)
    return counts


class Bench:
    """The server that is backed up, and one that restores; both in a directory of their own."""

    def __init__(self, options, number=0):
        self.options = options
        self.root = tempfile.mkdtemp(prefix="lpbm-search-")
        self.server = Server(os.path.join(self.root, "source"), options.bindir, options.port + 2 * number)
        self.target = Server(os.path.join(self.root, "target"), options.bindir, options.port + 2 * number + 1)
        self.counts, self.reasons = Counter(), {}
        self.seen = 0

    def __enter__(self):
        for server, settings, lpbm in ((self.server, SOURCE % ("on", self.options.refresh_limit), True), (self.target, TARGET, False)):
            os.mkdir(server.root)
            server.create(settings, lpbm)
            server.start()
        self.server.sql("CREATE ROLE search_a; CREATE ROLE search_b; CREATE EXTENSION lpbm")
        self.server.sql(OBJECTS)
        return self

    def __exit__(self, *error):
        for server in (self.server, self.target):
            server.stop("immediate")
        if not self.options.keep:
            shutil.rmtree(self.root, ignore_errors=True)
        else:
            print("Servers' directories: " + self.root)

    # ---- running ----------------------------------------------------------------------------------------------------

    def run(self, seeds, numbers=None):
        """Runs workloads, several at the same time; `numbers` are the steps to be taken, by seed."""
        place = (self.server.root, self.server.bindir, self.server.port)
        started = time.monotonic()
        with ProcessPoolExecutor(max_workers=self.options.parallel) as pool:
            for counts in pool.map(run_one, *zip(*[(place, seed, self.options.kills, (numbers or {}).get(seed)) for seed in seeds])):
                self.counts += counts
        self.counts["seconds", "workloads"] += time.monotonic() - started

    def insist(self, text):
        """Asks until the server and its backup answer: they may be on their way back from a kill."""
        deadline = time.monotonic() + 120
        while True:
            try:
                return self.server.sql(text)
            except self.server.errors:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def point(self):
        self.insist("SELECT pg_stat_force_next_flush()")
        self.insist("SELECT lpbm_delta()")
        # Not the last one: a full stands for the moment of its snapshot, and deltas journalled before it may go further.
        entry, moment = self.insist("SELECT entry, clock_timestamp()::text FROM lpbm_entries ORDER BY to_lsn DESC, entry LIMIT 1")[0]
        self.look_at_entries()
        return Point(entry, moment, self.dump(self.server, "postgres"))

    def look_at_entries(self):
        """Counts the entries since the last look, and keeps what led to each sort of full."""
        for entry, kind, reason, refreshed in self.insist(
                "SELECT entry, kind, reason, refreshed IS NOT NULL FROM lpbm_entries WHERE entry > %d" % self.seen):
            self.seen = max(self.seen, entry)
            code = re.match(r"\w*", reason or "").group(0) if kind == "full" else ""
            self.counts["entry", kind + (" with refreshes" if refreshed else ""), code] += 1
            if code:
                self.reasons.setdefault(code, reason)

    def dump(self, server, database):
        started = time.monotonic()
        try:
            return self.dump_now(server, database)
        finally:
            self.counts["seconds", "dumps"] += time.monotonic() - started

    def dump_now(self, server, database):
        # Rows of unlogged tables come back as of the last full where refreshes are off.
        arguments = ["--no-unlogged-table-data"] if self.options.refresh_limit.startswith("0") else []
        return sections(server.dump_lines(database, *arguments))

    # ---- restoring --------------------------------------------------------------------------------------------------

    def check(self, point, seeds, *arguments):
        """Restores, with the restore's arguments, and compares with the point; returns failures."""
        where = "restore " + (" ".join(arguments) or "of everything")
        self.target.sql("DROP DATABASE IF EXISTS restored")
        self.counts["restores"] += 1
        started = time.monotonic()
        try:
            said = self.server.restore("restored", *arguments, into=self.target)
        except RuntimeError as error:
            text = str(error)
            named = sorted({int(n) for n in re.findall(r"\bw(\d+)", text)} & set(seeds))
            return [Failure(named, where, text)]
        self.counts["seconds", "restores"] += time.monotonic() - started
        emptied = re.findall(r"the unlogged table (.*) was emptied", said)
        self.counts["unlogged tables that a restore says it emptied"] += len(emptied)
        self.counts["tables proven by restores"] += sum(map(int, re.findall(r"(\d+) tables were proven", said)))
        found = differences(without_rows(point.text, emptied),
                            without_rows(self.dump(self.target, "restored"), emptied), set(seeds))
        return [Failure([] if seed is COMMON else [seed], where, text) for seed, text in found.items()]

    def clean(self):
        """Removes what workloads made, so that the next batch begins with little."""
        names = [name for (name,) in self.insist("SELECT nspname FROM pg_namespace WHERE nspname ~ '^w[1-9]'")]
        for first in range(0, len(names), 20):
            self.insist("DROP SCHEMA IF EXISTS %s CASCADE" % ", ".join('"%s"' % name for name in names[first:first + 20]))
        for (name,) in self.insist("SELECT pubname FROM pg_publication"):
            self.insist("DROP PUBLICATION IF EXISTS %s" % name)
        self.insist("SELECT count(lo_unlink(oid)) FROM pg_largeobject_metadata")
        self.insist("SELECT lpbm_full_backup()")
        self.look_at_entries()


def run_batch(bench, seeds, rng, numbers=None):
    """Workloads in pieces, a point after each; the last and some of the others are restored. Returns failures."""
    options, points = bench.options, []
    for first in range(0, len(seeds), options.piece):
        bench.run(seeds[first:first + options.piece], numbers)
        points.append(bench.point())
    failures = bench.check(points[-1], seeds)
    for number, point in enumerate(points[:-1]):
        done = seeds[:(number + 1) * options.piece]
        if rng.random() < 0.5:
            how = rng.choice((("--entry", str(point.entry)), ("--until", point.moment)))
            failures += bench.check(point, done, *how)
    return failures


def batch_rng(seeds):
    return random.Random("batch %d" % seeds[0])
