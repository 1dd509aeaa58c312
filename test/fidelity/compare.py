"""What pg_dump says of two databases, schema by schema, so that a difference is named by the workload's seed."""
import difflib
import re
from collections import defaultdict

HEADER = re.compile(r"^-- (?:Data for )?Name: (.*); Type: ([A-Z ]+); Schema: (.*?); Owner: (.*)$")
SEED = re.compile(r"\bw(\d+)(?:_|\b)")
LARGE_OBJECT = re.compile(r"lo_(?:open|create)\('?(\d+)")
COMMON = None  # what belongs to no workload


def seed_of(name, kind, schema):
    if kind.startswith("BLOB"):
        digits = re.search(r"(\d+)", name)
        return int(digits.group(1)) // 100 if digits else COMMON
    # A schema's own entry, a publication and what is granted in it stand outside of schemas.
    found = SEED.match(schema) if schema != "-" else SEED.search(name)
    return int(found.group(1)) if found else COMMON


def sections(lines):
    """Splits pg_dump's text: seed -> sorted list of entries, each a tuple of lines; rows sorted, since they have no order."""
    out, entry, rows, seed = defaultdict(list), [], None, COMMON

    def close():
        body = tuple(normal(line) for line in entry[1:] if line and not line.startswith(("--", "\\restrict", "\\unrestrict")))
        if body:
            out[seed].append((entry[0], *body))

    head = ""
    entry = [head]
    for line in lines:
        if rows is not None:
            if line != "\\.":
                rows.append(line)
                continue
            entry += by_name(entry.pop(), rows)
            rows = None
        header = HEADER.match(line)
        if header:
            close()
            seed = seed_of(header.group(1), header.group(2), header.group(3))
            entry = [line]
            continue
        large = LARGE_OBJECT.search(line) if entry[0].startswith("-- Data for Name: BLOBS") else None
        if large:
            close()
            seed = int(large.group(1)) // 100
            entry = ["-- large object " + large.group(1)]
            # The name of its section is lost: what follows until the next object belongs to it.
            entry[0] = "-- Data for Name: BLOBS " + large.group(1)
        entry.append(line)
        if line.startswith("COPY ") and line.endswith(" FROM stdin;"):
            rows = []
    close()
    return {key: sorted(value) for key, value in out.items()}


def normal(line):
    """CREATE TABLE (LIKE ... INCLUDING IDENTITY) makes sequences of bigint with the bound of the column's type; of what
    pg_dump writes of them, those of the column's type come."""
    return "    NO MAXVALUE" if line == "    MAXVALUE 2147483647" else line


def by_name(copy, rows):
    """A COPY and its rows with columns in the order of their names. pg_dump does not keep the place of a column that a table
    has inherited after it was made; where it is kept, CREATE TABLE shows it."""
    parts = re.match(r'^(.*?) \(((?:"(?:[^"]|"")*"|[^"()])*)\)( FROM stdin;)$', copy)
    if parts is None:
        return [copy] + sorted(rows)  # no columns
    head, names, tail = parts.groups()
    columns = re.findall(r'(?:"(?:[^"]|"")*"|[^",])+', names)
    order = sorted(range(len(columns)), key=lambda i: columns[i].strip())
    return ["%s (%s)%s" % (head, ", ".join(columns[i].strip() for i in order), tail)] + sorted(
        "\t".join(fields[i] for i in order) if len(fields) == len(order) else "\t".join(fields)
        for fields in (row.split("\t") for row in rows))


def without_rows(sections, tables):
    """The sections but for the rows of these tables, each as "schema"."name" in SQL."""
    names = [[part.replace('""', '"') for part in re.findall(r'"((?:[^"]|"")*)"', table)] for table in tables]
    heads = ["-- Data for Name: %s; Type: TABLE DATA; Schema: %s;" % (name, schema) for schema, name in names]
    return {seed: [entry for entry in entries if not any(entry[0].startswith(head) for head in heads)]
            for seed, entries in sections.items()}


def differences(source, restored, seeds=None):
    """seed -> what differs, as text."""
    out = {}
    for seed in sorted(set(source) | set(restored), key=lambda s: -1 if s is None else s):
        if seeds is not None and seed is not None and seed not in seeds:
            continue
        a, b = source.get(seed, []), restored.get(seed, [])
        if a != b:
            out[seed] = "\n".join(line[:300] for line in told(a, b)[:60])
    return out


def told(source, restored):
    """Entry for entry, its name above what differs in it."""
    out = []
    heads = sorted({entry[0] for entry in set(source) ^ set(restored)})
    for head in heads:
        sides = [[line for entry in side if entry[0] == head for line in entry[1:]] for side in (source, restored)]
        out += [head] + list(difflib.unified_diff(*sides, "source", "restored", n=1, lineterm=""))[2:]
    return out
