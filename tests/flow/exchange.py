"""A running exchange for the flow tests: writes a tandem.conf, starts tandemd, waits for READY, stops.

    with Exchange(tmp_path) as x:
        x.ask("ps")                      # the admin socket
        x.ctl("subscriber", "list")      # tandemctl

The programs are those of the build tree: TANDEM_BUILD, or the repository itself. Nothing here sleeps
for a fixed time: readiness is systemd's notification, other conditions are awaited with a deadline.
"""
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TANDEM_BUILD", REPO))
ROLES = ("store", "registrar", "resolver", "worker", "control", "front")


def free_port(kinds=(socket.SOCK_DGRAM, socket.SOCK_STREAM), host="127.0.0.1"):
    """A port that is free for all of the kinds of socket, below those that the system gives to whoever asks for
    any: it is taken a moment later."""
    while True:
        held = []
        try:
            port = random.SystemRandom().randrange(10000, 32768)
            for kind in kinds:
                s = socket.socket(socket.AF_INET, kind)
                held.append(s)
                s.bind((host, port))
            return port
        except OSError:
            continue
        finally:
            for s in held:
                s.close()


def wait_until(what, seconds=5.0):
    """Calls what() until it gives something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        got = what()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError("not within %.1f s: %s" % (seconds, what))
        time.sleep(0.005)


def slowness():
    """How many times longer things may take on a machine that others load as well: limits of time are those
    of a machine with no more than three runnable processes for each core."""
    return max(1.0, os.getloadavg()[0] / (3 * os.cpu_count()))


def idle_programs(directory, real=()):
    """A TANDEM_LIBEXECDIR of children that do nothing (idle_child.c) but those named in real."""
    directory.mkdir(exist_ok=True)
    for role in ROLES:
        program = BUILD / role if role in real else BUILD / "tests/flow/idle_child"
        (directory / role).symlink_to(program)
    return directory


def conf_text(value):
    """A Python value as libconfig writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"')
    if isinstance(value, dict):
        return "{ %s }" % " ".join("%s = %s;" % (k, conf_text(v)) for k, v in value.items())
    if all(isinstance(v, dict) for v in value):
        return "( %s )" % ", ".join(conf_text(v) for v in value)
    return "[ %s ]" % ", ".join(conf_text(v) for v in value)


class Exchange:
    """One tandemd with all its children, on loopback, in a directory of its own.

    keys: settings of tandem.conf; udp and tcp listeners on a free port of 127.0.0.1 are given unless
    `listen` is there. libexec: where the daemons' programs are; by default the build tree.
    """

    def __init__(self, directory, libexec=None, env=None, **keys):
        self.directory = pathlib.Path(directory)
        # A tmpfs, as in life; a short name, for a socket's name is short.
        self.run_dir = pathlib.Path(tempfile.mkdtemp(prefix="tandem-", dir="/dev/shm"))
        self.spool_dir = self.directory / "spool"
        self.conf = self.directory / "tandem.conf"
        self.log = self.directory / "tandemd.log"
        self.libexec = pathlib.Path(libexec or BUILD)
        self.program = BUILD / "tandemd"
        self.env = dict(os.environ, TANDEM_LIBEXECDIR=str(self.libexec), **(env or {}))
        self.port = None
        if "listen" not in keys:
            self.port = free_port()
            keys["listen"] = [{"transport": t, "address": "127.0.0.1", "port": self.port}
                              for t in ("udp", "tcp")]
        self.keys = {
            "domains": ["127.0.0.1"], "database": "host=/nonexistent",
            "run_dir": str(self.run_dir), "spool_dir": str(self.spool_dir),
            "limits": {"calls": 200, "subscribers": 1000, "bindings": 1000},
            "socket_buffer": 65536,
            "user": "nobody" if os.geteuid() == 0 else "tandem", **keys}
        self.process = None
        self.notify = None
        self.told = []

    def write_conf(self, **keys):
        self.keys.update(keys)
        self.conf.write_text("".join("%s = %s;\n" % (k, conf_text(v))
                                     for k, v in self.keys.items()))
        return self.conf

    # --- start and stop --------------------------------------------------------------------------

    def spawn(self, *args):
        """Starts tandemd and does not wait."""
        path = self.directory / "notify"
        if self.notify is not None:
            self.notify.close()
        path.unlink(missing_ok=True)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(path))
        self.told = []
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(self.program), "-c", str(self.conf), *args], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=dict(self.env, NOTIFY_SOCKET=str(path)))
        return self

    def wait_told(self, what, seconds=10.0):
        """Waits until systemd would have been told this line ("READY=1") once more."""
        end = time.monotonic() + seconds
        while what not in self.told:
            left = end - time.monotonic()
            if left <= 0 or self.process.poll() is not None:
                raise AssertionError("no %s from tandemd:\n%s" % (what, self.log_text()))
            self.notify.settimeout(min(left, 0.1))
            try:
                self.told += self.notify.recv(4096).decode().split("\n")
            except TimeoutError:
                continue
        self.told.remove(what)

    def start(self, seconds=10.0):
        if not self.conf.exists():
            self.write_conf()
        self.spawn()
        self.wait_told("READY=1", seconds)
        return self

    def stop(self, seconds=5.0):
        """Stops it and returns its exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def close(self):
        try:
            self.stop()
        finally:
            if self.notify is not None:
                self.notify.close()
            shutil.rmtree(self.run_dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_log(self, text, seconds=5.0):
        wait_until(lambda: text in self.log_text(), seconds)

    # --- its processes ---------------------------------------------------------------------------

    def children(self):
        """pid -> title, of the children that run."""
        found = {}
        path = "/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)
        for pid in pathlib.Path(path).read_text().split():
            try:
                raw = pathlib.Path("/proc/%s/cmdline" % pid).read_bytes()
                state = pathlib.Path("/proc/%s/stat" % pid).read_text().rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if state != "Z":
                found[int(pid)] = raw.strip(b"\0").split(b"\0")[0].decode(errors="replace")
        return found

    def pid_of(self, name):
        """The pid of "worker 1" or "store"; None while it does not run."""
        want = "tandem: " + name
        for pid, title in self.children().items():
            if title == want or title.startswith(want + " ["):
                return pid
        return None

    def title(self):
        raw = pathlib.Path("/proc/%d/cmdline" % self.process.pid).read_bytes()
        return raw.strip(b"\0").split(b"\0")[0].decode()

    # --- its operators ---------------------------------------------------------------------------

    def ask(self, command, **args):
        """One request to the admin socket; the answer as it came."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.run_dir / "control.sock"))
            s.settimeout(10)
            s.sendall(json.dumps({"command": command, "args": args}).encode() + b"\n")
            with s.makefile() as f:
                return json.loads(f.readline())

    def ctl(self, *args, check=True, stdin=None):
        """tandemctl -c FILE ARGS; its output, or with check False (status, output, errors)."""
        done = subprocess.run([str(BUILD / "tandemctl"), "-c", str(self.conf), *args], input=stdin,
                              capture_output=True, text=True, timeout=30)
        if not check:
            return done.returncode, done.stdout, done.stderr
        assert done.returncode == 0, "tandemctl %s: %s" % (" ".join(args), done.stderr)
        return done.stdout
