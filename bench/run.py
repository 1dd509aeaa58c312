#!/usr/bin/python3
"""Measures lpbm beside what one would use without it, in one run on one machine, and prints ratios of medians.

    run.py [section ...]      sections: reading statements full replay tps proof latency decode bytes idle
    run.py --quick ...        smaller sizes, to see that everything runs

Nothing is asserted: the figures and what is known about them stand in docs/performance.md.
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "test", "fidelity"))
from server import Server  # noqa: E402

EVERY_SECOND = "lpbm.trigger_cron = '* * * * * *'\nlpbm.full_backup_cron = 'never'\n"
REAL = "fsync = on\nshared_buffers = 256MB\nmax_wal_size = 8GB\n"


def say(text):
    print(text, flush=True)


def program(name, *arguments):
    folder = os.environ.get("BENCH_PROGRAMS", os.path.join(HERE, "..", "build", "engine"))
    say(subprocess.run([os.path.join(folder, name), *arguments], check=True, text=True,
                       stdout=subprocess.PIPE).stdout.strip())


def timed(action):
    start = time.monotonic()
    action()
    return time.monotonic() - start


def shell(command):
    subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True, stdout=subprocess.DEVNULL)


def pairs(name, ours, theirs, runs, unit="s", higher_is_better=False):
    """Runs both in turn and prints medians and the median of the pairwise ratios (above 1: ours is better)."""
    rows = []
    for _ in range(runs):
        a, b = ours(), theirs()
        rows.append((a, b, a / b if higher_is_better else b / a))
    a, b, ratio = (statistics.median(column) for column in zip(*rows))
    say("%-46s ours %10.2f %s   other %10.2f %s   ratio %.2f (%.2f to %.2f)" % (
        name, a, unit, b, unit, ratio, min(r[2] for r in rows), max(r[2] for r in rows)))


class Bench:
    def __init__(self, options):
        self.options, self.port, self.servers = options, 54280, []
        self.root = tempfile.mkdtemp(prefix="lpbm-bench-")

    def server(self, settings="", lpbm=True):
        self.port += 1
        root = os.path.join(self.root, str(self.port))
        os.mkdir(root)
        server = Server(root, self.options.bindir, self.port)
        server.create(REAL + settings, lpbm)
        server.start()
        self.servers.append(server)
        return server

    def pgbench(self, server, *arguments):
        return server.run("pgbench", "-h", server.root, "-p", str(server.port), "-n", *arguments, "postgres")

    def close(self):
        for server in self.servers:
            server.stop("immediate")
        shutil.rmtree(self.root, ignore_errors=True)

    # Sections ---------------------------------------------------------------------------------------------------------

    def reading(self):
        server = self.server("lpbm.processed_logs = 'keep'\n" + EVERY_SECOND)
        server.sql("CREATE EXTENSION lpbm")
        server.sql("SELECT lpbm_full_backup()")  # from here on all is in the csvlog
        self.pgbench(server, "-i", "-q", "-s", str(self.options.scale // 2 or 1))
        self.pgbench(server, "-c", "8", "-j", "2", "-T", str(self.options.seconds))
        server.sql("SELECT lpbm_delta()")
        server.stop()
        logs = os.path.join(server.data, "log")
        program("bench_reading", logs, os.path.join(server.data, "lpbm", "cluster.key"))

    def statements(self):
        server = self.server("log_destination = 'csvlog'\nlogging_collector = on\nlog_statement = 'all'\n", lpbm=False)
        self.pgbench(server, "-i", "-q", "-s", str(self.options.scale // 5 or 1))
        for protocol in "simple", "extended", "prepared":
            self.pgbench(server, "-c", "8", "-j", "2", "-M", protocol, "-T", str(self.options.seconds))
        server.stop()
        logs = os.path.join(server.data, "log")
        for database in [["postgres"], []]:
            say("with --database:" if database else "without, so that the log is read for its databases first:")
            program("bench_statements", logs, *database)

    def full(self):
        server = self.server("lpbm.trigger_cron = 'never'\nlpbm.full_backup_cron = 'never'\n")
        self.pgbench(server, "-i", "-q", "-s", str(self.options.scale))
        server.sql("CREATE EXTENSION lpbm")
        server.sql("SELECT lpbm_full_backup()")
        recipient = server.sql("SHOW lpbm.recipients")[0][0]
        out, at = os.path.join(server.root, "pipe.age"), "-h %s -p %d" % (server.root, server.port)
        say("database %s" % server.sql("SELECT pg_size_pretty(pg_database_size('postgres'))")[0][0])
        pairs("full beside pg_dump | zstd -1 | age", lambda: timed(lambda: server.sql("SELECT lpbm_full_backup()")),
              lambda: timed(lambda: shell("%s/pg_dump -Fc -Z0 %s postgres | zstd -1 -q | age -r %s > %s && sync %s" % (
                  self.options.bindir, at, recipient, out, out))), self.options.runs)

        def fresh():
            server.sql("DROP DATABASE IF EXISTS other")
            server.sql("DROP DATABASE IF EXISTS restored")

        def ours():
            fresh()
            return timed(lambda: server.restore("restored"))

        def theirs():
            fresh()
            server.sql("CREATE DATABASE other")
            return timed(lambda: shell("age -d -i %s/identity %s | zstd -d -q | %s/pg_restore --exit-on-error %s -d other" % (
                server.root, out, self.options.bindir, at)))

        pairs("restore beside age -d | zstd -d | pg_restore", ours, theirs, self.options.runs)

    def replay(self):
        server = self.server("lpbm.trigger_cron = 'never'\nlpbm.full_backup_cron = 'never'\n")
        server.sql("CREATE EXTENSION lpbm")
        self.pgbench(server, "-i", "-q", "-s", "5")
        server.sql("SELECT lpbm_full_backup()")
        load = timed(lambda: self.pgbench(server, "-c", "8", "-j", "2", "-t", str(self.options.seconds * 250)))
        cid = server.sql("SELECT lpbm_delta()")[0][0]
        rows = server.sql("SELECT transactions, rows FROM lpbm_entries WHERE cid = '%s'" % cid)[0]
        script = os.path.join(server.root, "delta.sql")
        shell("%s/lpbm get %s --decrypt --store file:%s/lpbm/store --identity %s/identity > %s" % (
            self.options.bindir, cid, server.data, server.root, script))
        say("delta of %d transactions, %d rows; the load itself took %.1f s" % (rows[0], rows[1], load))
        full_entry = server.sql("SELECT max(entry) FROM lpbm_entries WHERE kind = 'full'")[0][0]

        def fresh(name, *arguments):
            server.sql("DROP DATABASE IF EXISTS " + name)
            return timed(lambda: server.restore(name, *arguments))

        def ours():
            base = statistics.median(fresh("restored", "--entry", str(full_entry)) for _ in range(3))
            return max(fresh("restored") - base, 0.001)

        def theirs():
            fresh("other", "--entry", str(full_entry))
            return timed(lambda: shell("%s/psql -X -q -v ON_ERROR_STOP=1 -h %s -p %d -f %s other" % (
                self.options.bindir, server.root, server.port, script)))

        pairs("replay of pgbench's delta beside psql -f", ours, theirs, self.options.runs)

    def tps(self):
        kinds = {
            "lpbm, trigger 1 s": (EVERY_SECOND, True),
            "wal_level replica, without lpbm": ("wal_level = replica\n", False),
            "wal_level logical, without lpbm": ("wal_level = logical\n", False),
            "log_statement = mod into csvlog": (
                "wal_level = replica\nlog_statement = mod\nlogging_collector = on\nlog_destination = csvlog\n", False),
        }
        servers = {}
        for name, (settings, lpbm) in kinds.items():
            servers[name] = self.server(settings, lpbm)
            self.pgbench(servers[name], "-i", "-q", "-s", "20")
        results = self.alternate(servers, ["-c", "8", "-j", "2", "-T", str(self.options.seconds)])
        self.print_tps("saturated", results)
        rate = 0.7 * statistics.median(results["wal_level replica, without lpbm"])
        results = self.alternate(servers, ["-c", "8", "-j", "2", "-T", str(self.options.seconds), "-R", "%d" % rate])
        self.print_tps("at a rate of 70 %% (%d TPS)" % rate, results)

    def alternate(self, servers, arguments):
        results = {name: [] for name in servers}
        for _ in range(self.options.runs):
            for name, server in servers.items():
                server.sql("CHECKPOINT")
                text = self.pgbench(server, *arguments)
                results[name].append(float(re.search(r"tps = ([0-9.]+)", text).group(1)))
        return results

    def proof(self):
        servers = {"with proofs": self.server(EVERY_SECOND),
                   "lpbm.proof_limit = 0": self.server(EVERY_SECOND + "lpbm.proof_limit = 0\n")}
        for server in servers.values():
            self.pgbench(server, "-i", "-q", "-s", "3")  # the table of accounts is proven, too
        results = self.alternate(servers, ["-c", "8", "-j", "2", "-T", str(2 * self.options.seconds)])
        self.print_tps("saturated", results, "lpbm.proof_limit = 0")
        say("proofs of tables taken: %s, in %s entries" % servers["with proofs"].sql(
            "SELECT sum(proven), count(*) FILTER (WHERE proven > 0) FROM lpbm_entries")[0])

    def print_tps(self, title, results, base="wal_level replica, without lpbm"):
        base = results[base]
        for name, values in results.items():
            ratio = statistics.median(a / b for a, b in zip(values, base))
            say("TPS %-28s %-34s %8.0f   ratio %.3f" % (title, name, statistics.median(values), ratio))

    def latency(self):
        server = self.server(EVERY_SECOND)
        server.sql("CREATE EXTENSION lpbm; CREATE TABLE mark (id serial PRIMARY KEY, at timestamptz)")
        self.pgbench(server, "-i", "-q", "-s", "5")
        server.sql("SELECT lpbm_full_backup()")
        load = subprocess.Popen([os.path.join(self.options.bindir, "pgbench"), "-h", server.root, "-p", str(server.port), "-n",
                                 "-c", "4", "-R", "500", "-T", str(self.options.seconds), "postgres"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        memory = {}
        delays = []
        while load.poll() is None:
            start = time.monotonic()
            server.sql("INSERT INTO mark(at) VALUES (now())")
            lsn = server.sql("SELECT pg_current_wal_lsn()")[0][0]
            while not server.sql("SELECT 1 FROM lpbm_entries WHERE kind = 'delta' AND to_lsn >= '%s'" % lsn):
                if time.monotonic() - start > 30:
                    break
                self.peak_memory(server, memory)
                time.sleep(0.02)
            delays.append(time.monotonic() - start)
        delays.sort()
        say("commit to journal entry under load, trigger 1 s: n %d  min %.2f  median %.2f  p90 %.2f  max %.2f s" % (
            len(delays), delays[0], statistics.median(delays), delays[int(len(delays) * 0.9)], delays[-1]))
        say("peak memory under load: " + ", ".join("%s %d kB" % item for item in sorted(memory.items())))

    def peak_memory(self, server, memory):
        listed = subprocess.run(["ps", "-eo", "pid,args"], stdout=subprocess.PIPE, text=True).stdout
        for line in listed.splitlines():
            pid, _, command = line.strip().partition(" ")
            name = ("engine" if "lpbm worker" in command and "postgres:" not in command else
                    "worker" if "postgres: lpbm" in command else None)
            if name:
                try:
                    with open("/proc/%s/status" % pid) as f:
                        text = f.read()
                    value = int(re.search(r"VmHWM:\s+(\d+)" if name == "engine" else r"RssAnon:\s+(\d+)", text).group(1))
                    memory[name] = max(memory.get(name, 0), value)
                except (OSError, AttributeError):
                    pass

    def cpu(self, server):
        """Seconds of CPU that the worker and its reaped engines used."""
        listed = subprocess.run(["ps", "-eo", "pid,args"], stdout=subprocess.PIPE, text=True).stdout
        for line in listed.splitlines():
            pid, _, command = line.strip().partition(" ")
            if "postgres: lpbm" in command and open("/proc/%s/stat" % pid).read():
                if os.path.realpath("/proc/%s/cwd" % pid) != os.path.realpath(server.data):
                    continue
                fields = open("/proc/%s/stat" % pid).read().rsplit(")", 1)[1].split()
                return sum(int(fields[i]) for i in (11, 12, 13, 14)) / os.sysconf("SC_CLK_TCK")
        return float("nan")

    def decode(self):
        server = self.server("lpbm.trigger_cron = 'never'\nlpbm.full_backup_cron = 'never'\n")
        server.sql("CREATE EXTENSION lpbm; CREATE TABLE t (id bigint PRIMARY KEY, v text, n numeric)")
        server.sql("SELECT lpbm_full_backup()")
        rows = self.options.scale * 20000
        server.sql("INSERT INTO t SELECT i, md5(i::text), i / 7.0 FROM generate_series(1, %d) i" % rows)
        before = self.cpu(server)
        took = timed(lambda: server.sql("SELECT lpbm_delta()"))
        used = self.cpu(server) - before
        memory = {}
        self.peak_memory(server, memory)
        say("decoded, logged, read, encrypted, journalled: %d changes in %.2f s (%d a second), CPU %.3f s per 1,000,000; worker RssAnon %s kB" % (
            rows, took, rows / took, used * 1e6 / rows, memory.get("worker")))

    def bytes(self):
        """What is stored for each byte of WAL; checkpoints are rare, so that page images do not flatter."""
        server = self.server(EVERY_SECOND + "checkpoint_timeout = '1h'\n")
        server.sql("CREATE EXTENSION lpbm")
        self.pgbench(server, "-i", "-q", "-s", "10")
        server.sql("SELECT lpbm_full_backup()")
        start = server.sql("SELECT pg_current_wal_insert_lsn(), max(entry) FROM lpbm_entries")[0]
        self.pgbench(server, "-c", "4", "-j", "2", "-T", str(self.options.seconds))
        server.sql("SELECT lpbm_delta()")
        ratio = server.sql("SELECT sum(stored_bytes) / (pg_current_wal_insert_lsn() - '%s'::pg_lsn) FROM lpbm_entries "
                           "WHERE entry > %d" % start)[0][0]
        say("pgbench: %.3f bytes stored for each byte of WAL" % ratio)
        shell("/usr/bin/python3 %s --bindir %s --seconds %d >%s/application.log" % (
            os.path.join(HERE, "..", "test", "application", "run.py"), self.options.bindir, self.options.seconds, self.root))
        with open(os.path.join(self.root, "application.log")) as log:
            say("an application: " + re.search(r"deltas hold .*", log.read()).group())

    def idle(self):
        server = self.server(EVERY_SECOND)
        server.sql("CREATE EXTENSION lpbm")
        server.sql("SELECT lpbm_full_backup()")
        server.sql("SELECT lpbm_delta()")
        entries = server.sql("SELECT count(*) FROM lpbm_entries")[0][0]
        before, span = self.cpu(server), 20 if self.options.quick else 60
        time.sleep(span)  # what is measured is the passing of time itself
        used = self.cpu(server) - before
        say("idle server, trigger 1 s: CPU of worker and engine %.1f s an hour; %d new entries" % (
            used * 3600 / span, server.sql("SELECT count(*) FROM lpbm_entries")[0][0] - entries))


def main():
    sections = ["reading", "statements", "full", "replay", "tps", "proof", "latency", "decode", "bytes", "idle"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("section", nargs="*", choices=[[], *sections])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--bindir", default="/usr/lib/postgresql/15/bin")
    options = parser.parse_args()
    options.scale, options.seconds = (5, 5) if options.quick else (60, 20)
    if options.quick:
        options.runs = 1
    bench = Bench(options)
    try:
        for section in options.section or sections:
            say("== " + section)
            getattr(bench, section)()
    finally:
        bench.close()


if __name__ == "__main__":
    main()
