#!/usr/bin/env python3
"""A private IPFS Cluster on loopback, of real daemons, for tests, examples and benchmarks.

    cluster.py [--peers N] [--directory DIR] [--auth USER:PASSWORD] [--tls] [--data I=DIR] [--user NAME]

Prints one JSON line once all peers are ready: {"store": .., "ipfs_api": .., "peers": [{"cluster", "api", "gateway",
"proxy", "id"}..], "ca": ..}. Then it obeys one command a line from stdin, each answered by one JSON line, until stdin
ends; then everything is stopped, and the directory is removed unless it was given.

    kill I             both daemons of peer I, by SIGKILL        kill-ipfs I, kill-cluster I: one of them
    stop I, cont I     SIGSTOP and SIGCONT to both daemons: a peer that hangs; stop-ipfs I, stop-cluster I: one of them
    start I            starts again what does not run of peer I
    ready              waits until all peers that run are ready
Runs the daemons as an unprivileged user where it is started by root. Ports are free ones.
"""
import argparse
import ctypes
import json
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import base64
import ssl

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
READY_SECONDS = 120
PORTS = ["swarm", "api", "gateway", "cluster", "proxy", "listen", "pinning"]


def free_ports(count):
    """Distinct ports that nobody listens on, below those that the system gives to connections: a peer that is away for a
    while finds its own again."""
    ports = []
    while len(ports) < count:
        port = random.randrange(10000, 32000)
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


class Peer:
    def __init__(self, cluster, index, directory, ports):
        self.cluster, self.index, self.directory = cluster, index, directory
        self.ports = dict(zip(PORTS, ports))
        self.id = self.ipfs_id = None
        self.processes = {}

    def address(self, name):
        return "/ip4/127.0.0.1/tcp/%d" % self.ports[name]

    def url(self, name):
        scheme = "https" if name == "cluster" and self.cluster.ca else "http"
        return "%s://127.0.0.1:%d" % (scheme, self.ports[name])

    def environment(self):
        env = dict(self.cluster.environment, IPFS_PATH=os.path.join(self.directory, "ipfs"),
                   IPFS_CLUSTER_PATH=os.path.join(self.directory, "cluster"), CLUSTER_PEERNAME="peer%d" % self.index,
                   CLUSTER_LISTENMULTIADDRESS=self.address("listen"),
                   CLUSTER_RESTAPI_HTTPLISTENMULTIADDRESS=self.address("cluster"),
                   CLUSTER_IPFSPROXY_LISTENMULTIADDRESS=self.address("proxy"),
                   CLUSTER_IPFSPROXY_NODEMULTIADDRESS=self.address("api"),
                   CLUSTER_PINSVCAPI_HTTPLISTENMULTIADDRESS=self.address("pinning"),
                   CLUSTER_IPFSHTTP_NODEMULTIADDRESS=self.address("api"))
        return env

    def run(self, program, *arguments):
        return subprocess.run([self.cluster.program(program), *arguments], env=self.environment(), check=True,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=self.directory,
                              preexec_fn=self.cluster.step_down).stdout

    def init(self):
        self.cluster.make_directory(self.directory)
        self.run("ipfs", "init", "--profile=test,announce-off")
        with open(os.path.join(self.directory, "ipfs", "swarm.key"), "w", encoding="ascii") as key:
            key.write("/key/swarm/psk/1.0.0/\n/base16/\n%s\n" % self.cluster.swarm_key)
        path = os.path.join(self.directory, "ipfs", "config")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        config["Addresses"].update(API=self.address("api"), Gateway=self.address("gateway"),
                                   Swarm=[self.address("swarm")])
        config["Routing"] = {"Type": "none"}
        config["Datastore"]["StorageMax"] = "100GB"
        config["AutoNAT"] = {"ServiceMode": "disabled"}
        config["Swarm"].update(RelayClient={"Enabled": False}, RelayService={"Enabled": False}, EnableHolePunching=False)
        self.ipfs_id = config["Identity"]["PeerID"]
        self.config, self.config_path = config, path
        self.run("ipfs-cluster-service", "init")
        with open(os.path.join(self.directory, "cluster", "identity.json"), encoding="utf-8") as file:
            self.id = json.load(file)["id"]

    def know(self, others):
        """Kubo finds the other peers by this list alone."""
        self.config["Peering"] = {"Peers": [{"ID": o.ipfs_id, "Addrs": [o.address("swarm")]} for o in others]}
        with open(self.config_path, "w", encoding="utf-8") as file:
            json.dump(self.config, file, indent=1)

    def start(self):
        commands = {"ipfs": ["ipfs", "daemon"], "cluster": ["ipfs-cluster-service", "daemon"]}
        others = [p for p in self.cluster.peers if p is not self]
        if others:
            commands["cluster"] += ["--bootstrap", ",".join("%s/p2p/%s" % (o.address("listen"), o.id) for o in others)]
        for name, command in commands.items():
            if name in self.processes and self.processes[name].poll() is None:
                continue
            if name == "cluster":
                self.wait_for_ipfs()
            with open(os.path.join(self.directory, name + ".log"), "ab") as log:
                self.processes[name] = subprocess.Popen(
                    [self.cluster.program(command[0]), *command[1:]], env=self.environment(), cwd=self.directory,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=self.cluster.step_down)

    def wait_for_ipfs(self):
        """A cluster daemon that finds no IPFS daemon at its start comes up late."""
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end and self.runs("ipfs"):
            try:
                with urllib.request.urlopen(self.url("api") + "/api/v0/version", data=b"", timeout=5):
                    return
            except OSError:
                time.sleep(0.05)

    def signal(self, number, names=("ipfs", "cluster")):
        for name in names:
            process = self.processes.get(name)
            if process and process.poll() is None:
                process.send_signal(number)
                if number == signal.SIGKILL:
                    process.wait()

    def runs(self, name):
        return name in self.processes and self.processes[name].poll() is None

    def get(self, path):
        request = urllib.request.Request(self.url("cluster") + path)
        if self.cluster.auth:
            request.add_header("Authorization", "Basic " + base64.b64encode(self.cluster.auth.encode()).decode())
        with urllib.request.urlopen(request, timeout=20, context=self.cluster.tls) as answer:
            return [json.loads(line) for line in answer.read().decode().splitlines() if line.strip()]

    def is_ready(self, count):
        try:
            identity = self.get("/id")[0]
            if not identity["ipfs"]["id"] or identity["ipfs"].get("error"):
                return False
            if len([p for p in self.get("/peers") if not p.get("error")]) < count:
                return False
            return all(len([m for m in self.get("/monitor/metrics/" + name)[0] if m["valid"]]) >= count
                       for name in ("ping", "freespace", "tag:group"))
        except (OSError, ValueError, KeyError, IndexError):
            return False


class Cluster:
    def __init__(self, options):
        self.auth, self.ca, self.tls, self.made = options.auth, None, None, not options.directory
        self.bin = os.environ.get("LPBM_DAEMONS_BIN") or os.path.join(ROOT, ".daemons", "bin")
        self.user = self.find_user(options.user)
        self.directory = os.path.abspath(options.directory or tempfile.mkdtemp(prefix="lpbm-cluster-"))
        self.make_directory(self.directory)
        self.swarm_key = secrets.token_hex(32)
        self.environment = {
            "PATH": os.environ.get("PATH", ""), "HOME": self.directory, "LIBP2P_FORCE_PNET": "1",
            "IPFS_TELEMETRY": "off", "CLUSTER_SECRET": secrets.token_hex(32), "CLUSTER_CRDT_TRUSTEDPEERS": "*",
            "CLUSTER_MDNSINTERVAL": "0s", "CLUSTER_MONITORPINGINTERVAL": "2s",
            "CLUSTER_PUBSUBMON_CHECKINTERVAL": "2s", "CLUSTER_DISK_METRICTTL": "10s", "CLUSTER_TAGS_METRICTTL": "10s",
            "CLUSTER_IPFSHTTP_CONNECTSWARMSDELAY": "1s", "CLUSTER_ENABLERELAYHOP": "false"}
        if self.auth:
            self.environment["CLUSTER_RESTAPI_BASICAUTHCREDENTIALS"] = self.auth
        if options.tls:
            self.make_certificate()
        data = dict(one.split("=", 1) for one in options.data)
        ports = free_ports(options.peers * len(PORTS))
        self.peers = [Peer(self, i, data.get(str(i)) or os.path.join(self.directory, "peer%d" % i),
                           ports[i * len(PORTS):(i + 1) * len(PORTS)]) for i in range(options.peers)]

    @staticmethod
    def find_user(name):
        if os.geteuid() != 0:
            return None
        try:
            return pwd.getpwnam(name or os.environ.get("LPBM_TEST_USER", "postgres"))
        except KeyError:
            return None

    def step_down(self):
        if self.user:
            os.setgroups([])
            os.setgid(self.user.pw_gid)
            os.setuid(self.user.pw_uid)
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no daemon outlives this program
        os.setpgid(0, 0)

    def make_directory(self, path):
        os.makedirs(path, exist_ok=True)
        if self.user:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
            os.chmod(path, 0o755)

    def program(self, name):
        return os.path.join(self.bin, name)

    def make_certificate(self):
        self.ca, key = os.path.join(self.directory, "ca.pem"), os.path.join(self.directory, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=lpbm test",
                        "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", self.ca],
                       check=True, capture_output=True)
        for path in (self.ca, key):
            os.chmod(path, 0o600 if path == key else 0o644)
            if self.user:
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        self.tls = ssl.create_default_context(cafile=self.ca)
        self.environment.update(CLUSTER_RESTAPI_SSLCERTFILE=self.ca, CLUSTER_RESTAPI_SSLKEYFILE=key)

    def start(self):
        for peer in self.peers:
            peer.init()
        for peer in self.peers:
            peer.know([other for other in self.peers if other is not peer])
        for peer in self.peers:
            peer.start()
        self.wait()

    def wait(self):
        running = [p for p in self.peers if p.runs("cluster") and p.runs("ipfs")]
        end = time.monotonic() + READY_SECONDS
        while not all(peer.is_ready(len(running)) for peer in running):
            if time.monotonic() > end:
                raise RuntimeError("the peers are not ready after %d s; see the logs in %s" % (READY_SECONDS, self.directory))
            time.sleep(0.2)

    def description(self):
        scheme = "ipfs+https" if self.ca else "ipfs+http"
        hosts = ",".join("127.0.0.1:%d" % p.ports["cluster"] for p in self.peers)
        return {"store": "%s://%s" % (scheme, hosts), "ipfs_api": ",".join(p.url("api") for p in self.peers),
                "ca": self.ca, "directory": self.directory,
                "peers": [{"cluster": p.url("cluster"), "api": p.url("api"), "gateway": p.url("gateway"),
                           "proxy": p.url("proxy"), "id": p.id} for p in self.peers]}

    def command(self, words):
        if words == ["ready"]:
            return self.wait()
        name, peer = words[0], self.peers[int(words[1])]
        if name == "start":
            return peer.start()
        signals = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "cont": signal.SIGCONT}
        action, _, which = name.partition("-")
        names = {"": ("cluster", "ipfs"), "ipfs": ("ipfs",), "cluster": ("cluster",)}[which]
        return peer.signal(signals[action], names)

    def stop(self):
        for peer in self.peers:
            peer.signal(signal.SIGKILL)
        if self.made:
            shutil.rmtree(self.directory, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=int, default=3)
    parser.add_argument("--directory")
    parser.add_argument("--auth")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--data", action="append", default=[])
    parser.add_argument("--user")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    cluster = Cluster(parser.parse_args())
    try:
        cluster.start()
        print(json.dumps(cluster.description()), flush=True)
        for line in iter(sys.stdin.readline, ""):
            try:
                cluster.command(line.split())
                print("{}", flush=True)
            except (RuntimeError, KeyError, IndexError, ValueError, OSError) as error:
                print(json.dumps({"error": str(error)}), flush=True)
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
