"""The supervisor, with children that do nothing but keep their contract (idle_child.c)."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

from exchange import BUILD, Exchange, free_port, idle_programs, wait_until

CHILDREN = {"store", "registrar", "resolver", "worker 0", "worker 1", "control", "front 0"}


@pytest.fixture
def make(tmp_path):
    """Makes exchanges of idle children; they are stopped at the end."""
    made = []

    def maker(real=(), **more):
        directory = tmp_path / ("x%d" % len(made))
        directory.mkdir()
        libexec = idle_programs(directory / "libexec", real)
        made.append(Exchange(directory, libexec=libexec, **more))
        return made[-1]

    yield maker
    for x in made:
        x.close()


def names(x):
    return {re.sub(r"^tandem: | \[.*\]$", "", t) for t in x.children().values()}


def check(conf):
    done = subprocess.run([str(BUILD / "tandemd"), "-t", "-c", str(conf)], capture_output=True,
                          text=True)
    return done.returncode, done.stdout + done.stderr


def refused(x):
    """tandemd ends by itself with status 1; what it said."""
    x.spawn()
    assert x.process.wait(10) == 1
    return x.log_text()


def is_alive(pid):
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def key_pair(directory, name):
    key, certificate = directory / (name + ".key"), directory / (name + ".pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key), "-out",
                    str(certificate), "-days", "2", "-subj", "/CN=" + name], check=True,
                   capture_output=True)
    return {"certificate": str(certificate), "private_key": str(key)}


# --- the configuration -----------------------------------------------------------------------------

def test_a_good_file_is_said_to_be_good(make):
    x = make()
    conf = x.write_conf()
    assert check(conf) == (0, "%s: ok\n" % conf)


@pytest.mark.parametrize("key, value, what", [
    ("domian", "x", "domian: unknown key"),
    ("domains", 5, "domains: must be an array of texts: [ \"...\" ]"),
    ("database", "tandem", "database: is neither postgresql://... nor KEY=VALUE ..."),
    ("timers", {"t1_ms": 0}, "timers.t1_ms: must be from 10 to 5000"),
    ("listen", [{"transport": "tls"}], "listen[0]: tls needs a certificate"),
])
def test_a_bad_file_is_refused_with_line_and_key(make, key, value, what):
    x = make()
    conf = x.write_conf(**{key: value})
    line = 1 + list(x.keys).index(key)
    said = "%s:%d: %s\n" % (conf, line, what)
    assert check(conf) == (1, said)
    assert refused(x) == said


def test_certificates_are_checked(make, tmp_path):
    a, b = key_pair(tmp_path, "a"), key_pair(tmp_path, "b")
    x = make()

    def tls(**files):
        status, said = check(x.write_conf(listen=[{"transport": "tls", "address": "127.0.0.1", **files}]))
        line = 1 + list(x.keys).index("listen")
        return status, said.replace("%s:%d: listen[0]." % (x.conf, line), "LINE ")

    assert tls(**a) == (0, "%s: ok\n" % x.conf)
    assert tls(certificate=a["certificate"], private_key=b["private_key"]) == (
        1, "LINE private_key: does not belong to the certificate\n")
    assert tls(certificate="/nonexistent", private_key=b["private_key"]) == (
        1, "LINE certificate: /nonexistent: No such file or directory\n")
    status, said = tls(certificate=a["private_key"], private_key=a["private_key"])
    assert (status, said) == (1, "LINE certificate: has no certificate in PEM\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_a_user_that_is_not_there(make):
    x = make(user="no-such-user")
    status, said = check(x.write_conf())
    line = 1 + list(x.keys).index("user")
    assert status == 1 and said.startswith("%s:%d: user: there is no user no-such-user" % (x.conf, line))


# --- all or nothing --------------------------------------------------------------------------------

@pytest.mark.parametrize("kind, transport", [(socket.SOCK_DGRAM, "udp"),
                                             (socket.SOCK_STREAM, "tcp")])
def test_a_port_in_use(make, kind, transport):
    x = make()
    x.write_conf()
    with socket.socket(socket.AF_INET, kind) as s:
        # Even one who would share it.
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(("127.0.0.1", x.port))
        if transport == "tcp":
            s.listen()
        said = refused(x)
    assert "%s 127.0.0.1:%d" % (transport, x.port) in said
    assert "Address already in use" in said
    assert "started" not in said
    assert not (x.run_dir / "exchange").exists()


def test_an_address_that_is_not_ours(make):
    x = make(listen=[{"address": "192.0.2.1", "port": 5060}])
    x.write_conf()
    said = refused(x)
    assert "listen[0]: udp 192.0.2.1:5060" in said and "Cannot assign requested address" in said
    assert "started" not in said


def test_a_program_that_is_missing(make):
    x = make()
    x.write_conf()
    (x.libexec / "front").unlink()
    said = refused(x)
    assert str(x.libexec / "front") in said and "started" not in said


def test_a_second_one_on_the_same_run_dir(make):
    """Also when the first has been upgraded meanwhile."""
    x, y = make(), make()
    x.start()
    y.write_conf(run_dir=str(x.run_dir))

    def said():
        return refused(y).splitlines()[-1]

    says = "an exchange runs already with run_dir %s (tandemd, pid %d); what to do with it: " \
        "tandemctl -c %s reload | upgrade | stop" % (x.run_dir, x.process.pid, y.conf)
    assert says in said()
    x.process.send_signal(signal.SIGUSR2)
    x.wait_told("READY=1")
    assert says in said()
    assert names(x) == CHILDREN


def test_children_that_outlive_their_supervisor(make):
    """Not the same as an exchange that runs: they are named, and how to end them."""
    x = make().start()
    gone, worker = x.process.pid, [x.pid_of("worker 0"), x.pid_of("worker 1")]
    for pid in worker:
        os.kill(pid, signal.SIGSTOP)
    x.process.kill()
    x.process.wait()
    try:
        said = refused(x).splitlines()[-1]
    finally:
        for pid in worker:
            os.kill(pid, signal.SIGKILL)
    assert "children of an earlier tandemd (pid %d), which is gone, still run on run_dir %s; " \
        "end them, then start again: kill -9 %d %d" % (gone, x.run_dir, *worker) in said
    x.start()
    assert names(x) == CHILDREN


# --- running ---------------------------------------------------------------------------------------

def test_titles_and_order_of_start(make):
    x = make().start()
    assert names(x) == CHILDREN
    wait_until(lambda: x.title() == "tandem: supervisor, 7 children")
    started = re.findall(r"started role=(\w+)", x.log_text())
    assert started == ["store", "registrar", "resolver", "worker", "worker", "control", "front"]
    x.wait_told("STATUS=7 children")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_children_are_not_root(make):
    """Nor can they become it again: no user or group of root's is left to them, and no capability."""
    x = make().start()
    for pid in x.children():
        status = dict(line.split(":", 1) for line in
                      pathlib.Path("/proc/%d/status" % pid).read_text().splitlines())
        for ids in ("Uid", "Gid", "Groups"):
            assert "0" not in status[ids].split(), (pid, ids, status[ids])
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(status[capabilities], 16) == 0, (pid, capabilities)
        assert status["NoNewPrivs"].strip() == "1", pid
    assert x.spool_dir.stat().st_uid != 0
    assert x.run_dir.stat().st_uid == 0


def test_F6_a_worker_goes_before_a_front(make):
    """When the kernel must kill for memory; the supervisor last."""
    x = make().start()
    scores = [int(pathlib.Path("/proc/%d/oom_score_adj" % pid).read_text()) for pid in (
        x.pid_of("worker 0"), x.pid_of("front 0"), x.process.pid)]
    assert scores == sorted(set(scores), reverse=True), scores


def descriptors(pid):
    """What a process has open, regions by their names."""
    found = []
    for fd in pathlib.Path("/proc/%d/fd" % pid).iterdir():
        try:
            found.append(os.readlink(fd))
        except FileNotFoundError:
            continue
    return found


# DESIGN.md's table of who may reach what: regions of others that each maps, all of them read-only. By proc.N:
# 1 registrar, 2 store, 3 control, 4 resolver, 16 front, 32 and 33 the workers.
OTHERS = {
    "front 0": set(),
    "resolver": set(),
    "worker 0": {"proc.1", "proc.2", "proc.4", "proc.33"},
    "worker 1": {"proc.1", "proc.2", "proc.4", "proc.32"},
    "registrar": {"proc.2", "proc.32", "proc.33"},
    "store": {"proc.1"},
    "control": {"proc.1", "proc.2", "proc.4", "proc.16", "proc.32", "proc.33"},
}
OWN = {"front 0": "proc.16", "resolver": "proc.4", "worker 0": "proc.32", "worker 1": "proc.33", "registrar": "proc.1",
       "store": "proc.2", "control": "proc.3"}
NONCES = {"worker 0", "worker 1", "registrar"}


def mapped(x, pid):
    """Regions by name, with the most that the process can ever do with them: what it maps may be shared for writing
    only when the file was opened so, and the file is closed."""
    found = {}
    for start, name in re.findall(r"^([0-9a-f]+-[0-9a-f]+) .*?%s/(\S+)$" % re.escape(str(x.run_dir)),
                                  pathlib.Path("/proc/%d/maps" % pid).read_text(), re.M):
        smaps = pathlib.Path("/proc/%d/smaps" % pid).read_text()
        flags = re.search(r"^%s .*?^VmFlags: (.*?)$" % start, smaps, re.M | re.S)[1].split()
        found[name] = found.get(name, False) or "wr" in flags or "mw" in flags
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="the children cannot be looked into")
def test_M_01_M_02_a_child_has_only_what_it_needs(make):
    x = make().start()
    for name in sorted(CHILDREN):
        pid = x.pid_of(name)
        regions, own = mapped(x, pid), OWN[name]
        procs = {r: writable for r, writable in regions.items() if r.startswith("proc.")}
        assert procs == {own: True, **{r: False for r in OTHERS[name]}}, name
        assert regions["exchange"] is False, name
        assert regions.get("nonces") == (True if name in NONCES else None), name
        # A ring's data are written by its producer, its tail by its consumer; the rings of others are not there.
        number = own.partition(".")[2]
        rings = {r: writable for r, writable in regions.items() if r.startswith("ring.")}
        assert rings, name
        for ring, writable in rings.items():
            _, producer, consumer, part = ring.split(".")
            assert number in (producer, consumer), (name, ring)
            assert writable == (number == (producer if part == "data" else consumer)), (name, ring)
        # What was mapped is closed; the lock says that a child lives; the spool is the store's alone.
        held = descriptors(pid)
        assert [d for d in held if str(x.run_dir) in d] == [str(x.run_dir / "lock")], name
        assert (str(x.spool_dir) in held) == (name == "store"), name


@pytest.mark.parametrize("name", sorted(CHILDREN))
def test_a_killed_child_is_started_again_and_nobody_else(make, name):
    x = make().start()
    before = x.children()
    victim = x.pid_of(name)
    os.kill(victim, signal.SIGKILL)
    new = wait_until(lambda: x.pid_of(name) not in (None, victim) and x.pid_of(name), 1.0)
    after = x.children()
    assert {p for p in after if p != new} == {p for p in before if p != victim}
    assert names(x) == CHILDREN


def test_packets_wait_while_the_front_is_away(make):
    """THREATS.md F4: the socket stays open, so that nobody is told there is none."""
    x = make().start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", x.port))
        os.kill(x.pid_of("front 0"), signal.SIGKILL)
        s.send(b"OPTIONS sip:127.0.0.1 SIP/2.0\r\n\r\n")
        s.send(b"OPTIONS sip:127.0.0.1 SIP/2.0\r\n\r\n")  # would raise after an ICMP error


def test_a_child_that_dies_in_a_loop_is_throttled(make):
    x = make(env={"IDLE_DIES": "registrar"})
    x.write_conf()
    x.spawn()
    x.wait_log("wait_s=2", 10.0)
    log = x.log_text()
    assert log.count("info: started role=registrar") == 5  # four, then one after a second
    assert "throttled: it dies as soon as it is started role=registrar number=0 wait_s=1" in log
    x.wait_told("STATUS=5 children, throttled: registrar 0")
    # The fronts wait for all others; those who run are left alone.
    assert names(x) == CHILDREN - {"registrar", "front 0"}
    assert log.count("info: started role=store") == 1
    assert x.stop() == 0


def test_systemd_is_told_that_we_live(make):
    """Twice in the time that it allows, as sd_watchdog_enabled(3) advises; after an upgrade as well. The children
    have nothing to say there."""
    x = make(env={"WATCHDOG_USEC": "1000000"}).start()

    def gap():
        x.wait_told("WATCHDOG=1")
        begin = time.monotonic()
        x.wait_told("WATCHDOG=1")
        return time.monotonic() - begin

    def told_in_time():
        """Load makes a gap longer: so one of the right length is awaited. Lines of before do not count."""
        x.told.clear()
        wait_until(lambda: gap() < 0.75, 10)

    told_in_time()
    for pid in x.children():
        assert b"WATCHDOG_USEC" not in pathlib.Path("/proc/%d/environ" % pid).read_bytes()
    x.process.send_signal(signal.SIGUSR2)
    x.wait_told("READY=1")
    told_in_time()


def test_calls_do_not_depend_on_control(make):
    x = make(env={"IDLE_DIES": "control"}).start()
    wait_until(lambda: names(x) == CHILDREN - {"control"})


def test_a_child_whose_heart_stands_still_is_killed(make):
    x = make().start()
    victim = x.pid_of("worker 1")
    os.kill(victim, signal.SIGSTOP)
    x.wait_log("no heartbeat, killed role=worker number=1 pid=%d" % victim, 6.0)
    wait_until(lambda: x.pid_of("worker 1") not in (None, victim), 1.0)
    assert x.log_text().count("no heartbeat") == 1


# --- stopping --------------------------------------------------------------------------------------

def test_sigterm_stops_all_at_once(make):
    x = make().start()
    pids = list(x.children())
    begin = time.monotonic()
    assert x.stop() == 0
    assert time.monotonic() - begin < 2.0
    assert not [p for p in pids if is_alive(p)]
    assert not (x.run_dir / "control.sock").exists()
    assert "killed" not in x.log_text()
    # What it knows stays for the next.
    assert (x.run_dir / "proc.32").exists()
    x.start()
    assert "boot=2" in x.log_text()
    assert "is dropped" not in x.log_text()


def test_children_that_do_not_stop_are_killed(make):
    x = make(env={"IDLE_DEAF": "worker"}).start()
    pids = list(x.children())
    begin = time.monotonic()
    assert x.stop() == 0
    assert time.monotonic() - begin < 2.0
    assert not [p for p in pids if is_alive(p)]
    assert x.log_text().count("does not stop, killed role=worker") == 2


def test_children_end_with_a_supervisor_that_was_killed(make):
    """THREATS.md F5: never two sets on one port; the next one waits for the last of them."""
    x = make().start()
    pids = list(x.children())
    x.process.kill()
    x.process.wait()
    x.start()
    assert not [p for p in pids if is_alive(p)]
    assert names(x) == CHILDREN


# --- reload and upgrade ----------------------------------------------------------------------------

def test_sighup_puts_a_good_file_in_force(make):
    x = make().start()
    before = x.children()
    x.write_conf(timers={"ring_s": 33}, processes={"workers": 3}, node="other",
                 limits={"calls": 200, "subscribers": 1000, "bindings": 1000, "subscriptions": 4000,
                         "ringing_per_subscriber": 7})
    x.process.send_signal(signal.SIGHUP)
    x.wait_log("settings are in force")
    log = x.log_text()
    assert "a change waits for a restart key=processes.workers" in log
    assert "a change waits for a restart key=node" in log
    assert "a change waits for a restart key=limits.subscriptions" in log # memory is made for them
    assert log.count("waits for a restart") == 3
    assert x.children() == before
    x.wait_told("RELOADING=1")


def test_sighup_with_a_bad_file_changes_nothing(make):
    x = make().start()
    before = x.children()
    x.write_conf(timers={"ring_s": 0})
    x.process.send_signal(signal.SIGHUP)
    x.wait_log("reload refused, nothing was changed")
    assert "timers.ring_s: must be from 1 to 3600" in x.log_text()
    assert "in force" not in x.log_text()
    assert x.children() == before


def test_certificates_are_read_again(make, tmp_path):
    a, b = key_pair(tmp_path, "a"), key_pair(tmp_path, "b")
    port = free_port((socket.SOCK_STREAM,))
    x = make(listen=[{"transport": "tls", "address": "127.0.0.1", "port": port, **a}]).start()

    def held():
        texts = set()
        for fd in pathlib.Path("/proc/%d/fd" % x.process.pid).iterdir():
            if "memfd:certificate" in os.readlink(fd):
                texts.add(pathlib.Path(fd).read_bytes())
        return texts

    assert held() == {pathlib.Path(a["certificate"]).read_bytes()}
    x.write_conf(listen=[{**x.keys["listen"][0], "private_key": b["private_key"]}])
    x.process.send_signal(signal.SIGHUP)
    x.wait_log("does not belong to the certificate")
    assert held() == {pathlib.Path(a["certificate"]).read_bytes()}
    x.write_conf(listen=[{**x.keys["listen"][0], **b}])
    x.process.send_signal(signal.SIGHUP)
    x.wait_log("settings are in force")
    assert held() == {pathlib.Path(b["certificate"]).read_bytes()}


def test_sigusr2_is_a_new_program_on_the_same_sockets(make):
    x = make().start()
    before, pid = x.children(), x.process.pid
    sockets = {d for d in descriptors(pid) if d.startswith("socket:")}
    x.process.send_signal(signal.SIGUSR2)
    x.wait_log("the new program takes over")
    x.wait_told("READY=1")
    wait_until(lambda: names(x) == CHILDREN)
    assert x.process.poll() is None and not set(before) & set(x.children())
    assert len(sockets & set(descriptors(pid))) == 3  # udp, tcp, admin
    assert "boot=2" in x.log_text()


def test_ipv6(make):
    x = make(listen=[{"transport": t, "address": "::1", "port": free_port()} for t in
                     ("udp", "tcp")]).start()
    assert names(x) == CHILDREN
