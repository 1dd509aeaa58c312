#!/usr/bin/env python3
"""Each claim in the table of docs/security.md names a test, and each test that it names is there."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def exists(name):
    if name.startswith("e2e/"):
        return os.path.exists(f"{ROOT}/test/{name}.pl")
    folders = os.listdir(f"{ROOT}/test/unit")
    return any(os.path.exists(f"{ROOT}/test/unit/{folder}/{name[5:]}.cpp") for folder in folders)


def main():
    with open(f"{ROOT}/docs/security.md", encoding="utf-8") as page:
        rows = [line for line in page if line.startswith("|") and not line.startswith(("| who | can", "|---"))]
    good = bad = 0
    for row in rows:
        tests = re.findall(r"`((?:e2e|unit)/\w+)`", row.rsplit("|", 2)[1])
        missing = [name for name in tests if not exists(name)]
        if tests and not missing:
            good += 1
        else:
            bad += 1
            print(f"error: docs/security.md: {', '.join(missing) or 'no test'}: {row.strip()[:100]}")
    if good + bad == 0:
        bad = 1
        print("error: docs/security.md has no table")
    print(f"{good} passed, {bad} failed")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
