"""kill -9 of one process of a server and its backup, and gentler ends."""
import fcntl
import os
import signal
import time


def processes():
    """pid -> (parent, name, command line) of all that runs."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as f:
                name, rest = f.read().rsplit(")", 1)
            with open("/proc/%s/cmdline" % pid) as f:
                found[int(pid)] = (int(rest.split()[1]), name.split("(", 1)[1], f.read().replace("\0", " ").strip())
        except (OSError, IndexError):
            pass
    return found


def descends(found, pid, ancestor):
    while pid in found and pid != ancestor:
        pid = found[pid][0]
    return pid == ancestor


def find(server, victim):
    """The pid of the victim, or None where there is none at the moment."""
    postmaster = server.postmaster()
    found = processes()
    for pid, (parent, name, line) in found.items():
        if not descends(found, pid, postmaster) or pid == postmaster:
            continue
        if victim == "engine" and name == "lpbm" or victim == "dump" and name == "pg_dump":
            return pid
        if parent == postmaster and {"worker": "lpbm worker", "collector": "logger", "checkpointer": "checkpointer"}.get(
                victim, "-") in line:
            return pid
    return None


def strike(server, victim, backend, counts):
    """Ends the victim; `backend` is the pid of a session of the workload."""
    try:
        done = gently(server, victim, backend) if victim in ("terminate", "cancel", "restart") else hard(server, victim, backend)
    except (OSError, ValueError, server.errors):
        done = False  # another workload's victim was the whole server
    counts["kill", victim, "done" if done else "missed"] += 1


def gently(server, victim, backend):
    if victim == "restart":
        with only_one(server):
            server.stop("fast")
            server.start_again()
        return True
    return server.sql("SELECT pg_%s_backend(%d)" % (victim, backend))[0][0]


def hard(server, victim, backend):
    if victim == "postmaster":
        with only_one(server):
            server.kill()
        return True
    if victim in ("engine", "dump"):
        server.sql("SELECT lpbm_%s(false)" % ("delta" if victim == "engine" else "full_backup"))
    deadline = time.monotonic() + 1.5
    while True:
        pid = backend if victim == "backend" else find(server, victim)
        if pid:
            os.kill(pid, signal.SIGKILL)
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)


class only_one:
    """One at a time ends the whole server and starts it again."""

    def __init__(self, server):
        self.path = os.path.join(server.root, "restart.lock")

    def __enter__(self):
        self.file = open(self.path, "w")
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *error):
        self.file.close()
