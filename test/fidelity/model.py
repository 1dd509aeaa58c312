"""What a workload knows of its schema while it is being made: enough that most of its statements succeed.

The model follows what was committed in the order of the steps, not what the server really did: a statement that fails
is a part of the workload, too.
"""
from values import SCALARS, ident, quote


class Column:
    def __init__(self, name, sqltype, value):
        self.name, self.sqltype, self.value = name, sqltype, value  # value: rng -> text

    def literal(self, r):
        return quote(None if r.random() < 0.1 else self.value(r))


class Table:
    """Every table has `id` and an integer `n`; `columns` are those beside them."""

    def __init__(self, schema, name, columns, key, insert_id):
        self.schema, self.name, self.columns = schema, name, columns
        self.key = key              # the type of id where it is a key, else None
        self.insert_id = insert_id  # a statement gives id itself
        self.partitioned = self.unlogged = self.referenced = self.always = self.inherited = self.inherits = False
        self.large = None           # a column of large text
        # Whether an UPDATE can be told as a change, or leads to a full.
        self.identity = key is not None

    def __str__(self):
        return "%s.%s" % (ident(self.schema), ident(self.name))

    def targets(self, r):
        """Columns and literals of a row."""
        names, row = ["n"], [str(r.randint(0, 40))]
        if self.insert_id:
            names.append("id")
            row.append(quote("%032x" % r.getrandbits(128)) if self.key == "uuid" else str(r.randint(1, 60)))
        for column in self.columns:
            names.append(ident(column.name))
            row.append(column.literal(r))
        return ", ".join(names), row


class Model:
    def __init__(self, schema):
        self.schema = schema
        self.tables = []
        self.named = {}     # kind of object -> names of those that statements made
        self.features = set()
        self.counter = 0

    def add(self, kind, name):
        self.named.setdefault(kind, []).append(name)

    def drop(self, kind, name):
        if name in self.named.get(kind, []):
            self.named[kind].remove(name)


class Context:
    """What a kind of statement is made from: the random numbers, the model, and what it will mean once committed."""

    def __init__(self, rng, model, costly, session=0):
        self.r, self.model, self.costly, self.session = rng, model, costly, session
        self.effects = []

    @property
    def s(self):
        return ident(self.model.schema)

    def feature(self, name):
        self.model.features.add(name)

    def effect(self, function, *arguments):
        """Is called when the transaction is committed."""
        self.effects.append((function, arguments))

    def name(self, prefix):
        self.model.counter += 1
        odd = self.r.choice(["", "", "", "", "", " x", 'Q"', "ü", ".", "$", "\\", "'", ":v"])
        return "%s%d%s" % (prefix, self.model.counter, odd)

    def table(self, accept=lambda table: True):
        tables = [table for table in self.model.tables if accept(table)]
        return self.r.choice(tables) if tables else None

    def changeable(self):
        """A table whose rows may be updated or deleted here without a full."""
        return self.table(lambda t: t.identity or self.costly)

    def made(self, kind):
        names = self.model.named.get(kind)
        return self.r.choice(names) if names else None

    def make(self, kind, prefix):
        """A new name, known to later statements once it is committed; qualified and quoted."""
        name = "%s.%s" % (self.s, ident(self.name(prefix)))
        self.effect(self.model.add, kind, name)
        return name

    def column(self):
        sqltype = self.r.choice(list(SCALARS))
        return Column(self.name("c"), sqltype, SCALARS[sqltype])

    def where(self):
        n = self.r.randrange(40)
        return "WHERE " + self.r.choice(["n = %d" % n, "n %% 7 = %d" % (n % 7), "n < %d" % (n // 4), "n > %d" % (36 + n % 4)])


KINDS = {}  # name -> Kind


class Kind:
    def __init__(self, name, weight, make, alone, costly, group):
        self.name, self.weight, self.make, self.alone, self.costly = name, weight, make, alone, costly
        self.group = group


def kind(name, weight=1, alone=False, costly=False, group="DDL"):
    """Declares how to make a kind of statement: a function of a Context that returns a list of statements, or nothing
    where the schema has no place for it. `alone`: not inside of a transaction block; `costly`: leads to a full."""
    def declare(function):
        KINDS[name] = Kind(name, weight, function, alone, costly, group)
        return function
    return declare


def form(name, template, **arguments):
    """A kind that is a template over a random table {t}, the schema {s}, a new name {n} and a column {c}."""
    accept = arguments.pop("accept", lambda table: True)

    def make(g):
        table = g.table(accept)
        if table is None:
            return None
        c = ident(g.r.choice(table.columns).name) if table.columns else "n"
        text = template.format(t=table, s=g.s, n=ident(g.name("x")), c=c, i=g.r.randrange(40),
                               d=g.r.randrange(10), where=g.where())
        return [part.strip() for part in text.split(";;")]
    kind(name, **arguments)(make)
