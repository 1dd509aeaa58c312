#!/usr/bin/env python3
"""Holds the includes of the sources to the layout: inside src/engine only downward, the engine never includes a header
of the server, and the extension's C includes of the engine only what has a C face; its C++ knows no header of the server.

    layering.py [root]      prints a line for each include that is wrong; exit 1 if there is one
"""
import os
import re
import sys

FOLDERS = ["base", "codec", "csvlog", "delta", "store", "journal", "schedule", "notify", "postgres", "job", "cli"]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# What the server's headers are called: by their folder, or by the few names at their root.
SERVER_FOLDERS = {"access", "bootstrap", "catalog", "commands", "executor", "foreign", "jit", "lib", "libpq", "mb", "nodes",
                  "optimizer", "parser", "partitioning", "pgtime", "port", "postmaster", "regex", "replication", "rewrite",
                  "server", "snowball", "statistics", "storage", "tcop", "tsearch", "utils", "common"}
SERVER_FILES = {"postgres.h", "postgres_fe.h", "c.h", "fmgr.h", "funcapi.h", "miscadmin.h", "pgstat.h", "pg_config.h",
                "pgtime.h", "port.h"}
# Headers of the engine that C may include.
C_FACES = re.compile(r"^(\w+)/\w+_c\.h$")


def includes(path):
    with open(path, encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match.group(1), match.group(2)


def is_server_header(name):
    return name in SERVER_FILES or name.split("/")[0] in SERVER_FOLDERS and "/" in name


def engine_problem(folder, quote, name, root):
    if is_server_header(name):
        return "the engine must not include the server's headers"
    if "/" not in name or quote == "<":
        return None
    other = name.split("/")[0]
    if other not in FOLDERS:
        return None if not os.path.exists(os.path.join(root, "src", other)) else "not a folder of the engine"
    if FOLDERS.index(other) > FOLDERS.index(folder):
        return "%s is above %s" % (other, folder)
    if not os.path.exists(os.path.join(root, "src/engine", name)):
        return "no such header"
    return None


def extension_problem(path, name):
    folder = name.split("/")[0]
    face = C_FACES.match(name)
    if path.endswith(".cpp"):
        # C++ behind a C face: no exception and no longjmp can meet where neither side knows the other.
        return "C++ of the extension must not include the server's headers" if is_server_header(name) else None
    if "/" in name and folder in FOLDERS and not is_server_header(name) and not face:
        return "the extension may include only the engine's C faces (*_c.h)"
    return None


def sources(root, folder):
    for directory, _, names in sorted(os.walk(os.path.join(root, folder))):
        for name in sorted(names):
            if name.endswith((".c", ".h", ".cpp", ".hpp")):
                yield os.path.relpath(os.path.join(directory, name), root)


def check(root):
    problems = []
    for path in sources(root, "src/engine"):
        parts = path.split(os.sep)
        if len(parts) != 4 or parts[2] not in FOLDERS:
            problems.append("%s: not in a folder of the layout" % path)
            continue
        for number, quote, name in includes(os.path.join(root, path)):
            problem = engine_problem(parts[2], quote, name, root)
            if problem:
                problems.append("%s:%d: %s: %s" % (path, number, name, problem))
    for path in sources(root, "src/extension"):
        for number, _, name in includes(os.path.join(root, path)):
            problem = extension_problem(path, name)
            if problem:
                problems.append("%s:%d: %s: %s" % (path, number, name, problem))
    return problems


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    problems = check(root)
    for problem in problems:
        print("error: " + problem)
    print("%d passed, %d failed" % (0 if problems else 1, len(problems)))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
