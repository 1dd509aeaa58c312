#!/usr/bin/env python3
"""What can be known of examples/cluster/docker-compose.yml without a container engine, from the real daemons: that each
variable and command has its effect, and that what the files beside it name is there."""
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import unittest

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLE = os.path.join(ROOT, "examples", "cluster")
BIN = os.environ.get("LPBM_DAEMONS_BIN") or os.path.join(ROOT, ".daemons", "bin")
SECRETS = {name: secrets.token_hex(32) for name in ("SWARM_KEY", "CLUSTER_SECRET", "POSTGRES_PASSWORD")}


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def value_at(tree, path):
    for name in path.split("."):
        tree = tree[name]
    return tree


# Where the cluster's daemon keeps what a variable says.
CLUSTER_PLACES = {
    "CLUSTER_SECRET": "cluster.secret", "CLUSTER_PEERNAME": "cluster.peername",
    "CLUSTER_MONITORPINGINTERVAL": "cluster.monitor_ping_interval", "CLUSTER_ENABLERELAYHOP": "cluster.enable_relay_hop",
    "CLUSTER_CRDT_TRUSTEDPEERS": "consensus.crdt.trusted_peers",
    "CLUSTER_RESTAPI_HTTPLISTENMULTIADDRESS": "api.restapi.http_listen_multiaddress",
    "CLUSTER_IPFSHTTP_NODEMULTIADDRESS": "ipfs_connector.ipfshttp.node_multiaddress",
    "CLUSTER_IPFSHTTP_CONNECTSWARMSDELAY": "ipfs_connector.ipfshttp.connect_swarms_delay"}


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        text = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: SECRETS[found.group(1)], read(EXAMPLE, "docker-compose.yml"))
        cls.file = yaml.safe_load(text)
        cls.services = cls.file["services"]

    def run_in(self, directory, environment, *words):
        return subprocess.run(words, check=True, capture_output=True, text=True, cwd=directory,
                              env={"PATH": BIN + ":/usr/bin:/bin", "HOME": directory, **environment}).stdout

    def test_the_cluster_takes_each_variable(self):
        for name in ("cluster0", "cluster1", "cluster2"):
            environment = self.services[name]["environment"]
            self.assertEqual(set(environment), set(CLUSTER_PLACES))
            with tempfile.TemporaryDirectory() as directory:
                self.run_in(directory, {**environment, "IPFS_CLUSTER_PATH": directory}, "ipfs-cluster-service", "init")
                config = json.loads(read(directory, "service.json"))
            for variable, place in CLUSTER_PLACES.items():
                found = value_at(config, place)
                found = found[0] if isinstance(found, list) else found
                self.assertEqual(str(found).lower(), environment[variable], variable)

    def test_the_nodes_are_made_private(self):
        environment = self.services["ipfs0"]["environment"]
        self.assertEqual(environment["LIBP2P_FORCE_PNET"], "1")
        self.assertEqual(environment["IPFS_SWARM_KEY"].split("\n"), ["/key/swarm/psk/1.0.0/", "/base16/", SECRETS["SWARM_KEY"]])
        with tempfile.TemporaryDirectory() as directory:
            settings = {"IPFS_PATH": directory}
            self.run_in(directory, settings, "ipfs", "init")
            self.run_in(directory, settings, "sh", "-e", os.path.join(EXAMPLE, "private.sh"))
            config = json.loads(read(directory, "config"))
        self.assertFalse(config["Bootstrap"])
        for place, wanted in {"Routing.Type": "none", "AutoConf.Enabled": False, "AutoTLS.Enabled": False,
                              "Swarm.RelayClient.Enabled": False, "Datastore.StorageMax": "100GB"}.items():
            self.assertEqual(value_at(config, place), wanted, place)
        for name in ("ipfs0", "ipfs1", "ipfs2"):
            self.assertIn("./private.sh:/container-init.d/private.sh:ro", self.services[name]["volumes"])

    def test_the_daemons_are_those_that_the_tests_run(self):
        versions = dict(re.findall(r"\b(KUBO|CLUSTER)=(\S+)", read(ROOT, "scripts", "daemons")))
        self.assertEqual(self.services["ipfs0"]["image"], "ipfs/kubo:" + versions["KUBO"])
        self.assertEqual(self.services["cluster0"]["image"], "ipfs/ipfs-cluster:" + versions["CLUSTER"])

    def test_the_settings_are_lpbms_and_name_services(self):
        lines = dict(re.findall(r"^([\w.]+) = (.*)$", read(EXAMPLE, "lpbm.conf"), re.MULTILINE))
        known = set(re.findall(r"^\| *`(lpbm\.\w+)`|, `(lpbm\.\w+)`", read(ROOT, "docs", "settings.md"), re.MULTILINE))
        known = {name for pair in known for name in pair}
        self.assertEqual({name for name in lines if name.startswith("lpbm.")} - known, set())
        for setting, port in {"lpbm.store": "9094", "lpbm.ipfs_api": "5001", "lpbm.smtp_url": "1025"}.items():
            hosts = re.findall(r"([\w.]+):(\d+)", lines[setting])
            self.assertTrue(hosts)
            for host, given in hosts:
                self.assertIn(host, self.services)
                self.assertEqual(given, port)

    def test_the_image_has_what_the_program_needs(self):
        text = read(EXAMPLE, "Dockerfile")
        for source in re.findall(r"^COPY (examples\S+)", text, re.MULTILINE):
            self.assertTrue(os.path.exists(os.path.join(ROOT, source)), source)
        program = os.environ.get("LPBM_PROGRAM") or os.path.join(ROOT, "build", "engine", "lpbm")
        if not os.path.exists(program):
            self.skipTest("lpbm is not built")
        needed = set(re.findall(r"NEEDED\s+(\S+)", subprocess.run(["objdump", "-p", program], check=True, capture_output=True,
                                                                   text=True).stdout))
        system = {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"}
        packages = {"libcsv.so.3": "libcsv3", "libcurl.so.4": "libcurl4", "libzstd.so.1": "libzstd1",
                    "libcrypto.so.3": "libssl3", "libssl.so.3": "libssl3", "libpq.so.5": "libpq5"}
        for library in needed - system:
            self.assertIn(packages[library], text)

    def test_the_walk_through_names_what_is_there(self):
        text = read(EXAMPLE, "README.md")
        for name in re.findall(r"docker compose exec (?:-u postgres )?(\w+)", text):
            self.assertIn(name, self.services)
        self.assertIn("docker volume rm %s_server" % self.file["name"], text)
        made = re.search(r"printf '%s=%s\\n' (.*?)>\.env", text, re.DOTALL).group(1)
        for variable in re.findall(r"\$\{(\w+):", read(EXAMPLE, "docker-compose.yml")):
            self.assertIn(variable, made)


if __name__ == "__main__":
    outcome = unittest.main(exit=False, verbosity=2).result
    failed = len(outcome.failures) + len(outcome.errors)
    print("%d passed, %d failed" % (outcome.testsRun - failed - len(outcome.skipped), failed))
    sys.exit(1 if failed else 0)
