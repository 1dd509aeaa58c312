#!/usr/bin/python3
"""Searches for a workload after which the restored database differs from its source.

Runs random workloads (workload.py), many in one batch and several at the same time, on a server of its own that backs
itself up, with kills among them; restores into a second server and compares pg_dump's text of both, schema by schema.
Each workload that differs is run again alone, made smaller and printed. Ends with what was covered; exit 1 on a
difference.

    search.py --workloads 10000 --seed 1          # a campaign
    search.py --seed 4711 --workloads 1           # one again, alone
    search.py --seed 4711 --steps 1-5,9,12        # some steps of it, as a failure prints them
"""
import argparse
import random
import sys
import time

import psycopg2

from batch import Bench, batch_rng, run_batch
from coverage import missing, report
from plant import PLANTS, not_found
from shrink import parse_ranges, ranges, shrink
from values import SCALARS
from workload import Workload


def leave_out_xml(server):
    """Where the installation of PostgreSQL is without it."""
    try:
        server.sql("SELECT '<a/>'::xml")
    except psycopg2.errors.FeatureNotSupported:
        del SCALARS["xml"]
        print("# skip without xml, which this installation of PostgreSQL lacks")


def fails(bench, seeds, numbers=None):
    """Whether these workloads (or these steps of them) differ, alone."""
    bench.clean()
    return bool(run_batch(bench, list(seeds), random.Random(0), numbers))


def explain(options, failure, seeds):
    """Runs what failed again, on servers of its own, and prints it as small as time allows."""
    try:
        explain_within(options, failure, seeds)
    except (RuntimeError, psycopg2.Error) as error:
        print("Running it again failed: %s" % error, flush=True)


def explain_within(options, failure, seeds):
    deadline = time.monotonic() + options.shrink_seconds
    with Bench(options, 1) as bench:
        for seed in failure.seeds[:3]:
            if any(fails(bench, [seed]) for _ in range(3)):
                numbers = shrink([s.number for s in Workload(seed, options.kills).steps],
                                 lambda kept: fails(bench, [seed], {seed: set(kept)}), deadline)
                return print_steps(seed, numbers, options)
        company = list(seeds)
        if len(company) > 1 and time.monotonic() < deadline and fails(bench, company):
            company = shrink(company, lambda kept: fails(bench, kept), deadline)
        print("Alone it does not fail. Run again with its company: --seed %d --workloads %d (smallest set found: %s)" % (
            seeds[0], len(seeds), ranges(company)), flush=True)


def print_steps(seed, numbers, options):
    print("seed %d alone fails; run again: search.py --seed %d --steps %s%s" % (
        seed, seed, ranges(numbers), "" if options.kills else " --no-kills"))
    for step in Workload(seed, options.kills).steps:
        if step.number in numbers:
            print(step)
    sys.stdout.flush()


def search(bench, options):
    """All batches; returns how many workloads differed."""
    failed, last = 0, options.seed + options.workloads
    numbers = {options.seed: parse_ranges(options.steps)} if options.steps else None
    started = time.monotonic()
    for first in range(options.seed, last, options.batch):
        seeds = list(range(first, min(first + options.batch, last)))
        failures = run_batch(bench, seeds, batch_rng(seeds), numbers)
        print("seeds %d to %d: %s, %d s" % (seeds[0], seeds[-1], "%d DIFFERENT" % len(failures) if failures else "same",
                                            time.monotonic() - started), flush=True)
        for number, failure in enumerate(failures):
            failed += 1
            print("DIFFERENT: seeds %s, %s\n%s" % (failure.seeds, failure.where, failure.text), flush=True)
            if number < 3 and options.shrink_seconds and not numbers:
                explain(options, failure, seeds)
        if failures and not options.go_on or time.monotonic() - started > options.seconds:
            break
        if seeds[-1] + 1 < last:
            bench.clean()
    return failed


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", help="only these steps of the one workload")
    parser.add_argument("--batch", type=int, default=200, help="workloads before a restore")
    parser.add_argument("--piece", type=int, default=100, help="workloads before a moment without any")
    parser.add_argument("--parallel", type=int, default=5, help="workloads at the same time")
    parser.add_argument("--port", type=int, default=54290)
    parser.add_argument("--seconds", type=float, default=1e9, help="no new batch after so long")
    parser.add_argument("--no-kills", dest="kills", action="store_false")
    parser.add_argument("--plants", action="store_true", help="at the end, see that differences made on purpose are found")
    parser.add_argument("--refresh-limit", default="0%")
    parser.add_argument("--shrink-seconds", type=float, default=300, help="for each failure; 0: do not")
    parser.add_argument("--keep", action="store_true", help="keep the servers' directory")
    parser.add_argument("--go-on", action="store_true", help="go on after a difference")
    parser.add_argument("--bindir", default="/usr/lib/postgresql/15/bin")
    return parser.parse_args()


def main():
    options = arguments()
    with Bench(options) as bench:
        leave_out_xml(bench.server)
        failed = search(bench, options)
        missed = not_found(bench.target, "restored") if options.plants and not failed else []
        done = bench.counts["workloads"]
        print("\n".join(report(bench.counts, bench.reasons)))
    lacking = missing(bench.counts, done)
    if lacking:
        print("Never ran with success: " + ", ".join(lacking))
    if options.plants:
        print("Planted differences: %d, not found: %s" % (len(PLANTS), ", ".join(missed) or "none"))
    print("%d passed, %d failed" % (max(0, done - failed), failed + len(missed) + bool(lacking)))
    return 1 if failed or lacking or missed else 0


if __name__ == "__main__":
    sys.exit(main())
