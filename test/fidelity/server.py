"""A PostgreSQL server of its own for campaigns and measurements, backed up by lpbm where asked."""
import os
import signal
import subprocess
import time

import psycopg2

BASE = """
listen_addresses = ''
unix_socket_directories = '%s'
port = %d
fsync = off
"""
LPBM = """
shared_preload_libraries = 'lpbm'
wal_level = logical
logging_collector = on
log_destination = 'stderr,csvlog'
lpbm.recipients = '%s'
"""


class Server:
    errors = psycopg2.Error

    def __init__(self, root, bindir, port):
        self.root, self.bindir, self.port = root, bindir, port
        self.data = os.path.join(root, "data")

    def run(self, program, *arguments, check=True):
        done = subprocess.run([os.path.join(self.bindir, program), *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        if check and done.returncode:
            raise RuntimeError("%s: %s" % (program, done.stderr[-3000:]))
        self.said = done.stderr
        return done.stdout

    def create(self, settings="", lpbm=True):
        self.run("initdb", "-D", self.data, "-A", "trust", "-N", "-E", "UTF8", "--locale=C")
        identity = os.path.join(self.root, "identity")
        secret = self.run("lpbm", "keygen")
        with open(os.open(identity, os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
            f.write(secret)
        recipient = [w for line in secret.splitlines() for w in line.split() if w.startswith("age1")][0]
        with open(os.path.join(self.data, "postgresql.conf"), "a") as f:
            f.write(BASE % (self.root, self.port) + (LPBM % recipient if lpbm else "") + settings)
            # Minor releases since August 2026 demand it; older ones do not know it.
            if lpbm and "output_plugin_libraries" in self.run("postgres", "--describe-config"):
                f.write("output_plugin_libraries = 'lpbm'\n")

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-l", os.path.join(self.root, "server.log"), "start")

    def stop(self, mode="fast"):
        self.run("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop", check=False)

    def postmaster(self):
        with open(os.path.join(self.data, "postmaster.pid")) as f:
            return int(f.readline())

    def kill(self):
        os.kill(self.postmaster(), signal.SIGKILL)
        self.start_again()

    def start_again(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                self.start()
                return
            except RuntimeError:
                # A killed postmaster's children keep its shared memory until the last of them has noticed.
                if time.monotonic() > deadline:
                    raise

    def connect(self, database="postgres"):
        connection = psycopg2.connect(host=self.root, port=self.port, dbname=database)
        connection.autocommit = True
        return connection

    def sql(self, text, database="postgres"):
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def restore(self, database, *arguments, into=None):
        """Restores this server's backup into a database of it, or of another server."""
        target = into or self
        directory = os.path.join(self.data, "lpbm")
        return self.run("lpbm", "restore", "--store", "file:" + os.path.join(directory, "store"), "--journal",
                        os.path.join(directory, "journal"), "--identity", os.path.join(self.root, "identity"),
                        "--bindir", self.bindir, "--target",
                        "host=%s port=%d dbname=%s" % (target.root, target.port, database), *arguments)

    def dump_lines(self, database, *arguments):
        done = subprocess.run([os.path.join(self.bindir, "pg_dump"), "-h", self.root, "-p", str(self.port), "-d", database,
                               *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode:
            raise RuntimeError("pg_dump: " + done.stderr.decode()[-3000:])
        return done.stdout.decode().split("\n")

    def dump(self, database):
        """pg_dump's lines; rows are sorted, since a table has no order."""
        out, rows = [], None
        for line in self.dump_lines(database):
            if rows is not None and line != "\\.":
                rows.append(line)
                continue
            if rows is not None:
                out += sorted(rows)
                rows = None
            if not line.startswith(("--", "\\restrict", "\\unrestrict")):
                out.append(line)
            if line.startswith("COPY ") and line.endswith(" FROM stdin;"):
                rows = []
        return out
