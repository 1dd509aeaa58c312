"""Values of many types, as text, and how names and values stand in SQL."""
import string

SCALARS = {
    "integer": lambda r: str(r.randint(-2**31, 2**31 - 1)),
    "bigint": lambda r: str(r.randint(-2**63, 2**63 - 1)),
    "smallint": lambda r: str(r.randint(-2**15, 2**15 - 1)),
    "numeric": lambda r: r.choice(["NaN", "0.00", "1.10", "-1e-30", "Infinity", str(r.random()), "9" * 40]),
    "double precision": lambda r: r.choice(["NaN", "-Infinity", "5e-324", "-0", repr(r.uniform(-1e300, 1e300))]),
    "real": lambda r: r.choice(["NaN", "1e-45", "3.4028235e38", "-0", repr(r.uniform(-1e30, 1e30))]),
    "boolean": lambda r: r.choice(["t", "f"]),
    "text": lambda r: text(r),
    "varchar(40)": lambda r: text(r)[:40],
    "char(7)": lambda r: text(r)[:7],
    "bytea": lambda r: "\\x" + bytes(r.randrange(256) for _ in range(r.randrange(40))).hex(),
    "date": lambda r: r.choice(["infinity", "4713-01-01 BC", "2024-02-29", "5874897-12-31"]),
    "timestamptz": lambda r: r.choice(["-infinity", "0044-03-15 12:00:00+00 BC", "2026-03-29 02:30:00.000001+01"]),
    "timestamp": lambda r: r.choice(["infinity", "1999-12-31 23:59:59.999999", "294276-12-31"]),
    "interval": lambda r: r.choice(["1 mon -1 day 00:00:00.000001", "-178000000 years", "-1 year 2 days -03:04:05"]),
    "time": lambda r: r.choice(["24:00:00", "00:00:00.000001"]),
    "timetz": lambda r: r.choice(["24:00:00-15:59", "01:02:03+05:45"]),
    "uuid": lambda r: "%032x" % r.getrandbits(128),
    "jsonb": lambda r: r.choice(["null", '{"a": [1, "\\\\n", {"b": null}]}', '"\\u00e9"', "[]"]),
    "json": lambda r: r.choice(['{"a":1,"a":2}', '  {"x" :  1.0}', "[1,\n2]"]),
    "inet": lambda r: r.choice(["10.0.0.1/8", "::1", "2001:db8::/32"]),
    "int4range": lambda r: r.choice(["empty", "(,5)", "[1,10)"]),
    "integer[]": lambda r: r.choice(["{}", "{1,NULL,3}", "[2:3]={7,8}", "{{1,2},{3,4}}"]),
    "text[]": lambda r: r.choice(['{"a b","",NULL,"NULL"}', '{"\\\\"}', "{}"]),
    "point": lambda r: "(%r,%r)" % (r.random(), r.random()),
    "tsvector": lambda r: r.choice(["'a':1A 'b''c':2", "'x':1"]),
    "bit varying": lambda r: "".join(r.choice("01") for _ in range(r.randrange(20))),
    "money": lambda r: "%.2f" % r.uniform(-1e6, 1e6),
    "xml": lambda r: r.choice(["<a>1</a>", "text &amp; more"]),
}

ODD = ["\\N", "\\.", "\\", "\\u", "$1", ":name", ":'x'", "'; DROP TABLE x; --", "--", "\r\n\t\b\f\v", '"', "lpbm1 00",
       "E'\\''", "NULL", "a\nb\n\\.\nc"]


def text(r):
    kind = r.randrange(8)
    if kind == 0:
        return ""
    if kind == 1:
        return r.choice(ODD)
    if kind == 2:
        return "Grüße 日本 🐘 \u0301" * r.randrange(1, 4)
    if kind == 3:
        return "".join(r.choice(string.printable) for _ in range(r.randrange(60)))
    if kind == 4:
        return large(r)
    return "".join(r.choice(string.ascii_lowercase) for _ in range(r.randrange(1, 12)))


def large(r):
    """Stored out of line: the letters hardly compress."""
    alphabet = string.ascii_letters + string.digits
    return "".join(r.choices(alphabet, k=r.randrange(2500, 6000)))


def quote(value):
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def ident(name):
    return '"' + name.replace('"', '""') + '"'
