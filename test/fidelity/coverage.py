"""What a run has covered, as a table; what it should have and did not."""
from model import KINDS

CONFLICTS = {"40001": "serialization failure", "40P01": "deadlock", "23505": "unique violation", "23503": "foreign key violation",
             "23514": "check violation", "23P01": "exclusion violation", "55P03": "lock not available", "23502": "not null violation",
             "connection lost": "connection lost", "57P01": "terminated", "57014": "cancelled"}
FRAME = ("read committed", "repeatable read", "serializable", "savepoint", "release", "rollback to", "commit", "rollback",
         "prepare transaction", "commit prepared", "rollback prepared")


def table(title, rows):
    out = ["", title]
    width = max((len(row[0]) for row in rows), default=0)
    return out + ["  %-*s  %s" % (width, row[0], "  ".join("%8s" % cell for cell in row[1:])) for row in rows]


def statements(counts):
    rows = [("", "done", "failed", "skipped")]
    for name in [*FRAME, "setup", *sorted(KINDS)]:
        rows.append((name, *(counts["statement", name, how] for how in ("done", "failed", "skipped"))))
    return table("Statements (skipped: behind a failed one of the same transaction)", rows)


def group(counts, first):
    return sorted((key[1:], n) for key, n in counts.items() if isinstance(key, tuple) and key[0] == first)


def report(counts, reasons):
    """Lines of the whole table."""
    out = statements(counts)
    out += table("Schemas with", [(name, n) for (name,), n in group(counts, "feature")])
    out += table("Conflicts", [(CONFLICTS[code], counts["error", code]) for code in CONFLICTS] + [("lock waits", counts["lock waits"])])
    others = sum(n for (code,), n in group(counts, "error") if code not in CONFLICTS)
    out += ["  other errors: %d" % others]
    out += table("Kills", [("kill -9 " + victim if victim not in ("terminate", "cancel", "restart") else victim, how, n)
                           for (victim, how), n in group(counts, "kill")])
    out += table("Entries", [(kind + (", " + code if code else ""), n) for (kind, code), n in group(counts, "entry")])
    out += table("Workloads", [("all", counts["workloads"]), ("that may lead to fulls", counts["costly"]),
                               ("sessions do not wait for each other", counts["loose"]),
                               *[("%d sessions" % n, count) for (n,), count in group(counts, "sessions")],
                               ("restores compared", counts["restores"]),
                               *[(name, counts[name]) for name in (
                                   "tables proven by restores", "unlogged tables that a restore says it emptied")]])
    out += table("Seconds", [(name, round(n)) for (name,), n in group(counts, "seconds")])
    out += ["", "Fulls, the first of each code:"] + ["  " + reason for reason in reasons.values()]
    return out


def missing(counts, workloads):
    """Kinds that never ran with success though there were workloads enough for each."""
    if workloads < 1000:
        return []
    return [name for name in [*FRAME, *sorted(KINDS)] if not counts["statement", name, "done"]]
