"""What is measured: an exchange of ours, a Kamailio, the floor. Each runs on the first core that we may
use; load and PostgreSQL have the others. Their CPU time is read from the processes' own clocks.
"""
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
CALLER, CALLED = "127.0.0.2:25998", "127.0.0.3:25999"
CALLER_2, CALLED_2 = "127.0.0.2:25988", "127.0.0.3:25989"
PHONES = {"from": "127.0.0.4:25998", "to": "127.0.0.5:25999"} # they may not be where gateways are
DOMAIN, FIRST, PASSWORD, BUFFER = "127.0.0.1", 100000, "secret", 4 << 20
CORES = sorted(os.sched_getaffinity(0))
SYSTEM_CORES = set(CORES[:1])


def pin_system():
    os.sched_setaffinity(0, SYSTEM_CORES)


def pin_load(cores=None):
    os.sched_setaffinity(0, cores or set(CORES[1:]) or set(CORES))


def tree(pid):
    """A process and all below it."""
    found = [pid]
    for task in pathlib.Path("/proc/%d/task" % pid).iterdir():
        for child in (task / "children").read_text().split():
            found += tree(int(child))
    return found


def cpu_ns(pids):
    """User and system time so far, by each process's clock (clock_getcpuclockid)."""
    return sum(time.clock_gettime_ns(~pid << 3 | 2) for pid in pids)


def memory(pids):
    """Bytes that these processes have, what several share counted once; without rings, whose size is
    fixed and whose pages are made one after the other as they are first written."""
    total = 0
    for pid in pids:
        for line in pathlib.Path("/proc/%d/smaps" % pid).read_text().splitlines():
            words = line.split()
            if not words[0].endswith(":"):
                ring = "/ring." in line
            elif words[0] == "Pss:" and not ring:
                total += int(words[1]) * 1024
    return total


class System:
    """Something with a process; `names` of its children are known for ours only."""

    def pids(self):
        return tree(self.process.pid)

    def cpu(self):
        return cpu_ns(self.pids())

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Floor(System):
    name = "floor"

    def __init__(self, build, port):
        self.address = "127.0.0.1:%d" % port
        self.process = subprocess.Popen(
            [str(build / "tests/bench/floor"), self.address, CALLER, CALLED],
            stdout=subprocess.PIPE, preexec_fn=pin_system)
        self.process.stdout.readline()


class Kamailio(System):
    """A stateful relay with Record-Route, and a registrar with its table in memory; kamailio.cfg."""
    name = "Kamailio"

    def __init__(self, directory, port):
        found = sorted(pathlib.Path("/usr/lib").glob("*/kamailio/modules"))
        if not found:
            sys.exit("bench: Kamailio's modules are not installed")
        self.address = "127.0.0.1:%d" % port
        conf = directory / "kamailio.cfg"
        words = {"@PORT@": str(port), "@MODULES@": str(found[0]), "@CALLED@": CALLED,
                 "@REALM@": DOMAIN, "@FIRST@": str(FIRST), "@PASSWORD@": PASSWORD}
        text = (HERE / "kamailio.cfg").read_text()
        for word, value in words.items():
            text = text.replace(word, value)
        conf.write_text(text)
        with open(directory / "kamailio.log", "w") as log:
            self.process = subprocess.Popen(
                ["kamailio", "-DD", "-E", "-f", str(conf), "-Y", str(directory), "-w",
                 str(directory), "-m", "512", "-M", "32", "-x", "fm", "-b", str(BUFFER)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=pin_system)
        self.wait_answer(port)

    def wait_answer(self, port):
        """Until it refuses a method that it does not know: its processes have all begun."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            s.settimeout(0.1)
            asked = ("OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKstart\r\n"
                     "From: <sip:start@%s>;tag=1\r\nTo: <sip:%s>\r\nCall-ID: start\r\nCSeq: 1 OPTIONS\r\n"
                     "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
                     % (self.address, s.getsockname()[1], DOMAIN, self.address)).encode()
            for _ in range(100):
                s.sendto(asked, ("127.0.0.1", port))
                try:
                    s.recv(4096)
                    return
                except OSError: # nothing yet, or nobody listens yet
                    if self.process.poll() is not None:
                        break
        sys.exit("bench: Kamailio does not answer")


class Tandem(System):
    """An exchange with two gateways, a route from one to the other, and subscribers if asked for."""
    name = "Tandem"

    def __init__(self, directory, build, port, subscribers=0, bindings=0, processes=(1, 1), env=(), **keys):
        os.environ["TANDEM_BUILD"] = str(build)
        os.environ["TANDEM_SQLDIR"] = str(TOP / "sql")
        sys.path.insert(0, str(TOP / "tests/flow"))
        import cluster
        import exchange
        self.address = "127.0.0.1:%d" % port
        self.cluster = cluster.Cluster()
        self.cluster.start()
        self.cluster.create("bench")
        directory.mkdir(exist_ok=True)
        self.exchange = exchange.Exchange(
            directory, domains=[DOMAIN], database=self.cluster.dsn("bench"),
            listen=[{"transport": "udp", "address": "127.0.0.1", "port": port}],
            socket_buffer=BUFFER, processes={"fronts": processes[0], "workers": processes[1]},
            limits={"calls": 50000, "subscribers": max(2000, subscribers + 1000),
                    "bindings": max(2000, subscribers + 1000),
                    "rate_per_source": 1000000, "burst_per_source": 1000000},
            log={"level": "warn"}, # a nonce for each call here, which phones use for many: few are good at a time
            registrar={"nonce_s": 4}, **keys)
        self.exchange.env.update(env)
        self.exchange.write_conf()
        self.fill(subscribers)
        if bindings > 0:
            self.cluster.sql((HERE / "bindings.sql").read_text(), "bench")
        self.start_s = self.start()

    def fill(self, subscribers):
        self.exchange.ctl("db", "init")
        for name, address in (("from", CALLER), ("to", CALLED), ("to2", CALLED_2)):
            host, _, port = address.partition(":")
            self.exchange.ctl("gateway", "add", name, "host=" + host,
                              *(("transit=on",) if name == "from" else ("port=" + port,)))
        self.exchange.ctl("route", "add", "out", "gateway=to", "prefix=49")
        self.exchange.ctl("route", "add", "out2", "gateway=to2", "prefix=48")
        if subscribers > 0:
            rows = "".join("%d,%s\n" % (FIRST + i, PASSWORD) for i in range(min(subscribers, 1000)))
            self.exchange.ctl("subscriber", "import", "-", stdin="user,password\n" + rows)
        if subscribers > 1000: # the others are like the first, and never used
            self.cluster.sql((HERE / "subscribers.sql").read_text()
                             .replace("@FROM@", str(FIRST + 1000))
                             .replace("@TO@", str(FIRST + subscribers - 1)), "bench")

    def start(self):
        mine = os.sched_getaffinity(0)
        pin_system()
        began = time.monotonic()
        self.exchange.start(120)
        os.sched_setaffinity(0, mine)
        self.process = self.exchange.process
        return time.monotonic() - began

    def by_process(self):
        """CPU time so far of each child, by its name."""
        return {title.removeprefix("tandem: ").split(" [")[0]: cpu_ns([pid])
                for pid, title in self.exchange.children().items()}

    def database_ns(self):
        return cpu_ns(tree(self.cluster.pid()))

    def records(self):
        """Of calls, in PostgreSQL."""
        return int(self.cluster.sql("select count(*) from tandem.cdr", "bench")[-1][0])

    def wait_bindings(self, count):
        """Until the registrar has those of the database."""
        import exchange
        exchange.wait_until(lambda: re.search(r"^tandem_bindings\{.*\} %d$" % count,
                                              self.exchange.ctl("metrics"), re.M), 300)

    def wait_settled(self):
        """Until the store says that nothing waits in its journal."""
        import exchange
        exchange.wait_until(lambda: any("journal 0]" in title for title in
                                        self.exchange.children().values()), 60)

    def wait_records(self, count):
        """Until so many are there: what the last call wrote is written."""
        import exchange
        exchange.wait_until(lambda: self.records() >= count, 60)

    def stop(self):
        self.exchange.close()
        self.cluster.__exit__()
