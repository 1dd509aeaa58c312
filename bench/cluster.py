#!/usr/bin/env python3
"""Upload into a private IPFS Cluster and reading back, beside ipfs-cluster-ctl add of the same bytes and ipfs cat.

    cluster.py [--megabytes N] [--runs N] [--tool build/engine/bench_cluster]

Peers and clients share this machine, so figures compare, and mean little in themselves. Each upload is of new bytes, since
what a node has once it does not write again; `add` is timed until enough peers hold it, as lpbm's upload is.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def random_file(path, megabytes):
    with open(path, "wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1 << 20))


class Bench:
    def __init__(self, options, scene, directory):
        self.options, self.scene, self.directory = options, scene, directory
        self.bin = os.environ.get("LPBM_DAEMONS_BIN") or os.path.join(ROOT, ".daemons/bin")
        peer = scene["peers"][0]
        self.store, self.api = "ipfs+" + peer["cluster"], peer["api"]
        self.ctl = [os.path.join(self.bin, "ipfs-cluster-ctl"), "--host",
                    "/ip4/127.0.0.1/tcp/" + peer["cluster"].rsplit(":", 1)[1]]

    def upload(self, copies, path):
        words = [self.options.tool, "put", self.store, self.api, str(copies), str(copies), path]
        cid, seconds = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
        return cid, float(seconds)

    def ctl_add(self, copies, path):
        start = time.monotonic()
        words = self.ctl + ["add", "--quieter", "--cid-version", "1", "--raw-leaves", "--replication-min", str(copies),
                            "--replication-max", str(copies), "--wait", path]
        cid = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[-1]
        return cid, time.monotonic() - start

    def get(self, cid):
        words = [self.options.tool, "get", self.store, self.api, cid]
        return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[1])

    def cat(self, cid):
        start = time.monotonic()
        with open(os.devnull, "wb") as nothing:
            subprocess.run([os.path.join(self.bin, "ipfs"), "--api",
                            "/ip4/127.0.0.1/tcp/" + self.api.rsplit(":", 1)[1], "cat", cid], check=True, stdout=nothing)
        return time.monotonic() - start

    def run(self):
        size, path = self.options.megabytes, os.path.join(self.directory, "bytes")
        for copies in (1, 2, 3):
            ours, theirs = [], []
            for _ in range(self.options.runs):
                random_file(path, size)
                cid, seconds = self.upload(copies, path)
                ours.append(seconds)
                random_file(path, size)
                theirs.append(self.ctl_add(copies, path)[1])
            self.show("upload, %d cop%s" % (copies, "y" if copies == 1 else "ies"), ours, theirs, "ipfs-cluster-ctl add")
        ours, theirs = [], []
        for _ in range(self.options.runs):
            ours.append(self.get(cid))
            theirs.append(self.cat(cid))
        self.show("reading", ours, theirs, "ipfs cat")

    def show(self, what, ours, theirs, other):
        a, b = (self.options.megabytes / statistics.median(one) for one in (ours, theirs))
        print("%-18s lpbm %6.0f MB/s   %s %6.0f MB/s   ratio %.2f" % (what, a, other, b, a / b), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tool", default=os.path.join(ROOT, "build/engine/bench_cluster"))
    options = parser.parse_args()
    scene = subprocess.Popen([sys.executable, os.path.join(ROOT, "test/cluster/cluster.py")], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    try:
        with tempfile.TemporaryDirectory() as directory:
            Bench(options, json.loads(scene.stdout.readline()), directory).run()
    finally:
        scene.stdin.close()
        scene.wait()


if __name__ == "__main__":
    main()
