#!/usr/bin/env python3
"""The layering check finds what it is there to find."""
import os
import sys
import tempfile

from layering import check

CASES = [
    ("src/engine/base/a.h", '#include <string>\n#include "base/b.h"\n', None),
    ("src/engine/base/a.h", '#include "codec/age.h"\n', "codec is above base"),
    ("src/engine/job/a.cpp", '#  include "cli/main.h"\n', "cli is above job"),
    ("src/engine/job/a.cpp", '#include "base/b.h"\n#include <libpq-fe.h>\n', None),
    ("src/engine/job/a.cpp", '#include "postgres.h"\n', "server's headers"),
    ("src/engine/job/a.cpp", '#include <utils/builtins.h>\n', "server's headers"),
    ("src/engine/job/a.cpp", '#include "base/gone.h"\n', "no such header"),
    ("src/engine/other/a.cpp", "", "not in a folder of the layout"),
    ("src/extension/a.c", '#include "postgres.h"\n#include "schedule/cron_c.h"\n', None),
    ("src/extension/a.c", '#include "schedule/cron.h"\n', "C faces"),
    ("src/extension/a.cpp", '#include "schedule/cron.h"\n#include "event.h"\n', None),
    ("src/extension/a.cpp", '#include "postgres.h"\n', "server's headers"),
]


def problems_of(path, text):
    with tempfile.TemporaryDirectory() as root:
        for name, content in {"src/engine/base/b.h": "", "src/engine/codec/age.h": "", "src/engine/cli/main.h": "",
                              path: text}.items():
            os.makedirs(os.path.join(root, os.path.dirname(name)), exist_ok=True)
            with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                file.write(content)
        return check(root)


def main():
    failed = 0
    for path, text, wanted in CASES:
        found = problems_of(path, text)
        if (wanted is None) != (not found) or wanted and wanted not in found[0]:
            failed += 1
            print("error: %s %r: wanted %s, found %s" % (path, text, wanted, found))
    print("%d passed, %d failed" % (len(CASES) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
