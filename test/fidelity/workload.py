"""Random workloads: a schema, and the interleaved statements of several concurrent sessions, made from a seed.

A workload lives in a schema of its own (w<seed>), so that many can run at the same time in one database. What a statement
does on its own server does not matter here: errors are part of the workload, the sessions roll back and go on.
"""
import random

import ddl  # noqa: F401 (declares kinds)
import dml  # noqa: F401
import objects  # noqa: F401
import schemas
from model import KINDS, Context, Model

# Seeds of a block share whether they may do what leads to a full: a restore begins with the newest full, and what was
# before it is not looked at.
BLOCK = 50
SETUP, DELTA, FULL, KILL = "setup", "delta", "full", "kill"
LEVELS = ("READ COMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "SERIALIZABLE")
VICTIMS = ("postmaster", "worker", "engine", "dump", "collector", "backend", "checkpointer", "terminate", "cancel", "restart")


class Step:
    """One statement of a session, or an event. `session` is SETUP, DELTA, FULL, KILL, or the session's number."""

    def __init__(self, number, session, text, kind):
        self.number, self.session, self.text, self.kind = number, session, text, kind

    def __str__(self):
        who = "session %d" % self.session if isinstance(self.session, int) else self.session
        return "%4d  %-9s  %s" % (self.number, who, self.text)


class Workload:
    """All of it is a function of the seed (and of whether kills are wanted): `steps`, `loose` (a session does not wait
    for the answer of another before it goes on), `costly`."""

    def __init__(self, seed, kills=True):
        self.rng = random.Random("workload %d" % seed)
        self.seed, self.schema = seed, "w%d" % seed
        self.costly = seed // BLOCK % 6 == 5
        self.sessions = self.rng.choice((2, 2, 3, 3, 4))
        self.loose = self.rng.random() < 0.3
        self.model = Model(self.schema)
        self.steps = []
        self.write(kills)

    def add(self, session, text, kind):
        self.steps.append(Step(len(self.steps) + 1, session, text, kind))

    def context(self, session):
        return Context(self.rng, self.model, self.costly, session)

    def write(self, kills):
        r = self.rng
        context = self.context(None)
        for text in schemas.setup(context):
            self.add(SETUP, text, "setup")
        self.finish(context)
        kinds = [k for k in KINDS.values() if self.costly or not k.costly]
        # A session each has its own way: mostly rows, or mostly definitions.
        bias = [r.choice((0.15, 0.4, 1.0)) for _ in range(self.sessions)]
        weights = [[k.weight * (5 if k.alone else b if k.group == "DDL" else 1) for k in kinds] for b in bias]
        running = [self.session(number, kinds, weights[number]) for number in range(self.sessions)]
        while running:
            session = r.choice(running)
            for _ in range(r.choice((1, 1, 2, 5))):
                if next(session, None) is None:
                    running.remove(session)
                    break
            self.event(r, kills)

    def event(self, r, kills):
        what = r.random()
        if what < 0.006:
            self.add(DELTA, "SELECT lpbm_delta(false)", "delta")
        elif what < 0.0062:
            self.add(FULL, "SELECT lpbm_full_backup(false)", "full")
        elif what < 0.0072 and kills:
            self.add(KILL, r.choice(VICTIMS), "kill")

    def finish(self, context):
        for function, arguments in context.effects:
            function(*arguments)
        context.effects = []

    def session(self, number, kinds, weights):
        """Adds steps, one at each call."""
        r = self.rng
        for _ in range(r.randint(3, 7)):
            how = r.random()
            if how < 0.2:
                yield from self.alone(number, kinds, weights)
            else:
                yield from self.transaction(number, kinds, weights, r.choice(LEVELS))

    def statements(self, context, kinds, weights, alone):
        """Texts of one kind that fits."""
        while True:
            chosen = self.rng.choices(kinds, weights)[0]
            if chosen.alone and not alone:
                continue
            texts = chosen.make(context)
            if texts:
                return chosen.name, texts
            context.effects = []

    def alone(self, number, kinds, weights):
        """Statements outside of a transaction block; one that must be alone is."""
        context = self.context(number)
        name, texts = self.statements(context, kinds, weights, True)
        for text in texts:
            self.add(number, text, name)
            yield True
        self.finish(context)

    def transaction(self, number, kinds, weights, level):
        r = self.rng
        self.add(number, "BEGIN ISOLATION LEVEL " + level, level.lower())
        yield True
        end = r.choices(("COMMIT", "ROLLBACK", "PREPARE"), (8, 1, 1))[0]
        kept = []
        for _ in range(r.choice((1, 1, 2, 3, 5))):
            context = self.context(number)
            savepoint = r.random() < 0.3
            if savepoint:
                self.add(number, "SAVEPOINT a", "savepoint")
                yield True
            name, texts = self.statements(context, kinds, weights, False)
            for text in texts:
                self.add(number, text, name)
                yield True
            back = savepoint and r.random() < 0.4
            if savepoint:
                # Where the statement failed, a RELEASE fails, too, and the transaction is over.
                self.add(number, "ROLLBACK TO a" if back else "RELEASE a", "rollback to" if back else "release")
                yield True
            if not back:
                kept += context.effects
        if end == "PREPARE":
            gid = "%s_%d_%d" % (self.schema, number, len(self.steps))
            self.add(number, "PREPARE TRANSACTION '%s'" % gid, "prepare transaction")
            yield True
            end = r.choice(("COMMIT", "COMMIT", "ROLLBACK"))
            self.add(number, "%s PREPARED '%s'" % (end, gid), end.lower() + " prepared")
        else:
            self.add(number, end, end.lower())
        if end == "COMMIT":
            for function, arguments in kept:
                function(*arguments)
        yield True
