"""Runs the steps of a workload on a server: one connection for each session, all driven in the order of the steps.

A session that waits for a lock of another is left waiting, and its next steps with it; the others go on.
"""
import select
import time
from collections import Counter, deque

import psycopg2
from psycopg2 import extensions

from faults import strike
from workload import DELTA, FULL, KILL, SETUP

PATIENCE = 0.02     # seconds after which a session that has not answered is asked about
LIMIT = 30.0        # no statement takes longer: its locks time out before that


class Session:
    """An asynchronous connection, made anew where it was lost."""

    def __init__(self, server, counts):
        self.server, self.counts = server, counts
        self.connection = self.cursor = None
        self.waiting = deque()  # steps behind the one that runs
        self.running = None

    def connect(self):
        deadline = time.monotonic() + LIMIT
        while True:
            try:
                self.connection = psycopg2.connect(host=self.server.root, port=self.server.port, dbname="postgres", async_=1,
                                                   options="-c lock_timeout=700ms -c client_min_messages=error")
                while not self.poll(1.0):
                    pass
                return
            except psycopg2.Error:
                self.connection = None
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def poll(self, seconds):
        """Whether the answer is there; waits for it at most that long."""
        state = self.connection.poll()
        if state == extensions.POLL_OK:
            return True
        lists = ([self.connection], []) if state == extensions.POLL_READ else ([], [self.connection])
        select.select(*lists, [], seconds)
        return self.connection.poll() == extensions.POLL_OK

    def backend(self):
        return self.connection.info.backend_pid if self.connection else 0

    def failed(self):
        return self.connection is not None and self.connection.info.transaction_status == extensions.TRANSACTION_STATUS_INERROR

    def start(self, step):
        if self.connection is None or self.connection.closed:
            self.connect()
        text = step.text
        if self.failed():
            if step.kind == "release":
                text = "ROLLBACK TO a"
            elif step.kind not in ("commit", "rollback", "rollback to", "prepare transaction"):
                self.counts["statement", step.kind, "skipped"] += 1
                return
        self.running = step
        try:
            self.cursor = self.connection.cursor()
            self.cursor.execute(text)
        except psycopg2.Error as error:
            self.end(error)

    def end(self, error=None):
        step, self.running = self.running, None
        self.counts["statement", step.kind, "failed" if error else "done"] += 1
        if error is None:
            return
        code = error.pgcode or "connection lost"
        self.counts["error", code] += 1
        if not error.pgcode or code in ("57P01", "57P02"):
            self.lose()

    def lose(self):
        try:
            self.connection.close()
        except (psycopg2.Error, AttributeError):
            pass
        self.connection = None

    def answered(self, seconds):
        """Whether nothing runs any more; starts what waits behind it."""
        while True:
            if self.running is not None:
                try:
                    if not self.poll(seconds):
                        return False
                    self.end()
                except psycopg2.Error as error:
                    self.end(error)
            if not self.waiting:
                return True
            self.start(self.waiting.popleft())


class Driver:
    def __init__(self, server, workload):
        self.server, self.workload, self.counts = server, workload, Counter()
        self.sessions = {}

    def run(self, steps=None):
        """Runs the steps, of which some may be left out; what is prepared is ended. Returns the counts."""
        for step in self.workload.steps if steps is None else steps:
            if step.session in (DELTA, FULL):
                self.ask(step)
            elif step.session == KILL:
                backends = [s.backend() for s in self.sessions.values() if s.backend()]
                strike(self.server, step.text, backends[-1] if backends else 0, self.counts)
            else:
                self.step(step)
        self.finish()
        self.counts["loose" if self.workload.loose else "strict"] += 1
        return self.counts

    def ask(self, step):
        try:
            self.server.sql(step.text)
            self.counts["asked", step.kind] += 1
        except self.server.errors:
            pass  # between death and return

    def step(self, step):
        session = self.sessions.setdefault(step.session, None) or Session(self.server, self.counts)
        self.sessions[step.session] = session
        for other in self.sessions.values():
            other.answered(0)
        session.waiting.append(step)
        if session.answered(PATIENCE if step.session != SETUP else LIMIT) or self.workload.loose:
            return
        deadline = time.monotonic() + LIMIT
        while not session.answered(PATIENCE) and time.monotonic() < deadline:
            if self.blocked(session):
                self.counts["lock waits"] += 1
                return

    def blocked(self, session):
        try:
            return session.backend() and self.server.sql("SELECT pg_blocking_pids(%d) <> '{}'" % session.backend())[0][0]
        except self.server.errors:
            return False

    def finish(self):
        deadline = time.monotonic() + LIMIT
        for session in self.sessions.values():
            while not session.answered(0.2):
                for other in self.sessions.values():
                    other.answered(0)
                if time.monotonic() > deadline:
                    self.counts["error", "no answer"] += 1
                    break
        for session in self.sessions.values():
            session.lose()
        self.end_prepared()

    def end_prepared(self):
        for _ in range(100):
            try:
                for (gid,) in self.server.sql("SELECT gid FROM pg_prepared_xacts WHERE gid LIKE '%s\\_%%'" % self.workload.schema):
                    self.server.sql("ROLLBACK PREPARED '%s'" % gid)
                return
            except self.server.errors:
                time.sleep(0.1)
