"""The store: the real one, under the real supervisor, between a private PostgreSQL and stand-ins for
the registrar and the workers (store_feeder.c)."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from exchange import BUILD, Exchange, idle_programs, wait_until


class Feeders:
    """Commands to the stand-ins."""

    def __init__(self):
        # The daemons are not root: they must be able to make their sockets here.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tandem-feed-", dir="/tmp"))
        self.directory.chmod(0o777)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.directory / "test"))
        os.chmod(self.directory / "test", 0o777)
        self.socket.settimeout(5)

    def ask(self, name, line):
        self.socket.sendto(line.encode(), str(self.directory / name))
        return self.socket.recv(4096).decode()

    def worker(self, line):
        return self.ask("worker.0", line)

    def registrar(self, line):
        return self.ask("registrar.0", line)

    def close(self):
        self.socket.close()
        shutil.rmtree(self.directory)


class Rig:
    """An exchange whose store is real, and its database."""

    def __init__(self, cluster, directory):
        self.cluster = cluster
        self.directory = directory
        self.feed = Feeders()
        libexec = idle_programs(directory / "libexec", real=("store",))
        for role in ("worker", "registrar"):
            (libexec / role).unlink()
            (libexec / role).symlink_to(BUILD / "tests/flow/store_feeder")
        self.x = Exchange(directory, libexec=libexec, database=cluster.dsn("store"), node="n1",
                          processes={"fronts": 1, "workers": 1},
                          env={"FEED_DIR": str(self.feed.directory)})

    def sql(self, text):
        return self.cluster.sql(text, "store")

    def count(self, table):
        return int(self.sql("select count(*) from tandem.%s" % table)[0][0])

    def title(self):
        return self.x.children().get(self.x.pid_of("store"), "")

    def kill_store(self):
        pid = self.x.pid_of("store")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.x.pid_of("store") not in (None, pid), 10)

    def restart(self, keep_run_dir=True, before=None):
        """All processes end at once, as with a power cut; run_dir is a tmpfs and may be gone. before():
        is called when they are gone."""
        pids = [self.x.process.pid, *self.x.children()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.x.process.wait()
        wait_until(lambda: not any(alive(pid) for pid in pids))
        if not keep_run_dir:
            shutil.rmtree(self.x.run_dir)
            self.x.run_dir.mkdir()
        if before:
            before()
        self.x.start(seconds=20)

    def close(self):
        self.x.close()
        self.feed.close()


def alive(pid):
    try:
        stat = pathlib.Path("/proc/%d/stat" % pid).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def rig(cluster, template, tmp_path):
    cluster.create("store", template)
    r = Rig(cluster, tmp_path)
    yield r
    r.close()
    if not cluster_up(cluster):
        start_again(cluster)
    cluster.drop("store")


def cluster_up(cluster):
    return cluster.psql("postgres", "select 1").returncode == 0


def start_again(cluster):
    """The processes of one that was killed take a moment to leave its shared memory."""
    def started():
        try:
            cluster.start()
        except AssertionError:
            return False
        return True

    wait_until(started, 20)


def test_records_arrive(rig):
    rig.x.start()
    rig.feed.worker("calls 0 1000")
    wait_until(lambda: rig.count("cdr") == 1000, 20)
    assert rig.count("call") == 1000
    assert rig.count("cdr_leg") == 1000
    assert rig.sql("select distinct calling_name, in_ip, payer_kind from tandem.cdr") == [
        ['"Bob" O\'Neil \\ é', "2001:db8::1", "subscriber"]]
    assert rig.sql("select min(export_seq), max(export_seq) from tandem.cdr") == [["1", "1000"]]
    wait_until(lambda: rig.title() == "tandem: store [database up, journal 0]")


def test_killed_again_and_again(rig):
    """kill -9 at any time: nothing is lost, nothing is doubled."""
    rig.x.start()
    rig.feed.worker("calls 0 20000")
    for _ in range(5):
        before = rig.count("cdr")
        wait_until(lambda: rig.count("cdr") > before or before == 20000, 20)
        rig.kill_store()
    wait_until(lambda: rig.count("cdr") >= 20000, 60)
    assert rig.feed.worker("sent") == "20000"
    wait_until(lambda: rig.title() == "tandem: store [database up, journal 0]")
    assert rig.count("cdr") == rig.count("call") == rig.count("cdr_leg") == 20000
    assert rig.sql("select max(export_seq) from tandem.cdr") == [["20000"]]


def test_database_away(rig):
    """Records and bindings wait and follow; what ended meanwhile ends in the table too."""
    rig.x.start()
    rig.feed.registrar("put alice sip:alice@192.0.2.1 3600")
    rig.feed.registrar("put bob sip:bob@192.0.2.2 3600")
    wait_until(lambda: rig.count("binding") == 2)
    rig.cluster.stop()
    wait_until(lambda: rig.title().startswith("tandem: store [database down"))
    rig.feed.worker("calls 0 3000")
    rig.feed.registrar("delete bob")
    rig.feed.registrar("put carol sip:carol@192.0.2.3 3600")
    wait_until(lambda: rig.title() == "tandem: store [database down, journal 3000]", 10)
    rig.kill_store()
    rig.feed.registrar("put dave sip:dave@192.0.2.4 3600")
    rig.cluster.start()
    wait_until(lambda: rig.count("cdr") == 3000, 30)
    wait_until(lambda: rig.sql("select username from tandem.binding order by 1") ==
               [["alice"], ["carol"], ["dave"]], 10)


def test_database_killed(rig):
    """PostgreSQL killed in the middle of it, more than once."""
    rig.x.start()
    rig.feed.worker("calls 0 10000")
    for least in (500, 4000):
        wait_until(lambda: rig.count("cdr") >= least, 20)
        pid = rig.cluster.pid()
        rig.cluster.kill()
        wait_until(lambda: not alive(pid))
        start_again(rig.cluster)
    wait_until(lambda: rig.count("cdr") == 10000, 30)
    assert rig.count("cdr_leg") == 10000
    assert rig.sql("select max(export_seq) from tandem.cdr") == [["10000"]]


def test_binding_columns(rig):
    rig.x.start()
    rig.feed.registrar("put alice sip:alice@[2001:db8::7];x=1 60")
    wait_until(lambda: rig.count("binding") == 1)
    assert rig.sql("select username, contact, q, transport, host(peer_ip), peer_port,"
                   " host(local_ip), expires_at - registered_at from tandem.binding") == [
        ["alice", "sip:alice@[2001:db8::7];x=1", "1000", "udp", "2001:db8::7", "5062", "192.0.2.9",
         "00:01:00"]]
    rig.feed.registrar("delete alice")
    wait_until(lambda: rig.count("binding") == 0)


def test_bindings_survive_run_dir(rig):
    rig.x.start()
    for n in range(700):
        rig.feed.registrar("put u%d sip:u%d@192.0.2.1 3600" % (n, n))
    rig.feed.registrar("put gone sip:gone@192.0.2.1 1")
    wait_until(lambda: rig.count("binding") == 701, 10)
    wait_until(lambda: rig.sql("select now() > expires_at from tandem.binding"
                               " where username = 'gone'") == [["t"]])
    rig.restart(keep_run_dir=False)
    wait_until(lambda: rig.feed.registrar("loaded") == "1", 10)
    assert rig.feed.registrar("has u0") == "sip:u0@192.0.2.1"
    assert rig.feed.registrar("has u699") == "sip:u699@192.0.2.1"
    assert rig.feed.registrar("has gone") == "-"


def test_one_bad_record(rig):
    rig.x.start()
    rig.feed.worker("calls 0 300")
    rig.feed.worker("bad 5000")
    rig.feed.worker("calls 300 600")
    wait_until(lambda: rig.count("cdr") == 600, 20)
    aside = wait_until(lambda: list(rig.x.spool_dir.glob("rejected-*")))
    assert len(aside) == 1
    assert "the milkman" in aside[0].read_text()
    rig.x.wait_log("put aside")


def test_power_cut(rig):
    """Calls that were open when run_dir went are closed, and marked."""
    rig.x.start()
    rig.feed.worker("open 7")
    rig.feed.worker("calls 0 3")
    wait_until(lambda: rig.count("cdr") == 3)
    rig.restart()
    assert rig.count("cdr") == 3
    rig.restart(keep_run_dir=False)
    wait_until(lambda: rig.count("cdr") == 4)
    assert rig.sql("select record_type, end_reason, estimated, bill_ms from tandem.cdr"
                   " where estimated") == [["system_closed", "system_failure", "t", "0"]]
    assert rig.sql("select count(*) from tandem.call where not closed") == [["0"]]


def add(rig, user, **columns):
    names = ", ".join(["tenant_id", "username", *columns])
    values = ", ".join(["1", "'%s'" % user, *columns.values()])
    rig.sql("insert into tandem.subscriber (%s) values (%s)" % (names, values))


def test_directory_follows(rig):
    """What SQL changes is in force within a second, deletions and renames too."""
    rig.x.start()
    user = rig.feed.worker

    def becomes(question, answer):
        wait_until(lambda: user(question) == answer, 1.0)

    assert user("user bob") == "-"
    add(rig, "bob", number="'+886222'", display_name="'Bob B'", ha1_md5="'\\x%s'" % ("ab" * 16))
    becomes("number +886222", "0 bob")
    bob = rig.sql("select subscriber_id from tandem.subscriber where username = 'bob'")[0][0]
    becomes("user bob", "id=%s dnd=0 limit=0 bar=0 ha1=1 name=Bob B cfu=" % bob)
    rig.sql("update tandem.subscriber_service set dnd = true, call_limit = 3, cfu = '100',"
            " barring = '{premium,incoming}' where subscriber_id = %s" % bob)
    becomes("user bob", "id=%s dnd=1 limit=3 bar=10 ha1=1 name=Bob B cfu=100" % bob)
    rig.sql("update tandem.subscriber set username = 'rob', number = '+886333'"
            " where subscriber_id = %s" % bob)
    becomes("user bob", "-")
    becomes("number +886222", "-")
    becomes("number +886333", "0 rob")
    assert user("user rob").startswith("id=%s dnd=1" % bob)
    rig.sql("insert into tandem.domain (domain, tenant_id) values ('new.example', 1)")
    becomes("domain new.example", "1")
    rig.sql("insert into tandem.gateway (tenant_id, name, host) values (1, 'gw', '192.0.2.1')")
    rig.sql("insert into tandem.route (tenant_id, name, prefix, gateway_id, priority)"
            " select 1, n, '00', gateway_id, p from tandem.gateway,"
            " (values ('second', 20), ('first', 10)) v (n, p)")
    becomes("route 0049", "first second ")
    rig.sql("delete from tandem.route where name = 'first'")
    becomes("route 0049", "second ")
    rig.sql("delete from tandem.subscriber")
    becomes("user rob", "-")
    becomes("number +886333", "-")
    rig.sql("delete from tandem.domain where domain = 'new.example'")
    becomes("domain new.example", "-")


def test_many_at_once(rig):
    """More changes than are remembered: everything is read again."""
    rig.x.start()
    rig.sql("insert into tandem.subscriber (tenant_id, username)"
            " select 1, 'u' || n from generate_series(1, 900) n")
    wait_until(lambda: rig.feed.worker("user u900").startswith("id="), 10)
    rig.sql("update tandem.subscriber_service set dnd = true")
    wait_until(lambda: " dnd=1 " in rig.feed.worker("user u1"), 10)
    wait_until(lambda: " dnd=1 " in rig.feed.worker("user u900"), 10)


def test_more_than_a_page(rig):
    """Everything is read in pages: the rows of the first, of the last and between them are there, and none twice."""
    rig.sql("set session_replication_role = replica;"
            " insert into tandem.subscriber (tenant_id, username)"
            " select 1, 'u' || n from generate_series(1, 9001) n")
    rig.x.write_conf(limits={"subscribers": 10000})
    rig.x.start()
    rig.x.wait_log("directory loaded", 20)
    loaded = [line for line in rig.x.log_text().splitlines() if "directory loaded" in line]
    assert "subscribers=9001 gone=0" in loaded[0]
    for user in ("u1", "u3999", "u4000", "u4001", "u8000", "u8001", "u9001"):
        assert rig.feed.worker("user " + user).startswith("id="), user
    assert rig.feed.worker("user u9002") == "-"


def test_what_changed_while_away(rig):
    rig.x.start()
    add(rig, "stays")
    add(rig, "goes")
    wait_until(lambda: rig.feed.worker("user goes") != "-")
    pid = rig.x.pid_of("store")
    os.kill(pid, signal.SIGSTOP)
    rig.sql("select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'tandem store'")
    rig.sql("delete from tandem.subscriber where username = 'goes'")
    add(rig, "comes")
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: rig.feed.worker("user comes") != "-", 10)
    wait_until(lambda: rig.feed.worker("user goes") == "-")
    assert rig.feed.worker("user stays") != "-"


def test_start_without_database(rig):
    """From run_dir, else from spool_dir; and it says so."""
    rig.x.start()
    add(rig, "alice")
    wait_until(lambda: rig.feed.worker("user alice") != "-")
    rig.x.stop()
    rig.cluster.stop()
    rig.x.start(seconds=20)
    rig.x.wait_log("starting with the directory that run_dir has")
    assert rig.feed.worker("user alice") != "-"
    rig.restart(keep_run_dir=False)
    rig.x.wait_log("starting with the directory that spool_dir has")
    assert rig.feed.worker("user alice") != "-"


def test_schema_missing(cluster, rig):
    rig.sql("drop schema tandem cascade")
    rig.x.start(seconds=20)
    rig.x.wait_log("database has no tandem schema")
    assert rig.x.log_text().count("database has no tandem schema") == 1, "said once"


def test_full_disk(rig, tmp_path):
    """A spool that takes nothing: records stay in the ring, and follow."""
    if os.geteuid() != 0:
        pytest.skip("mounts a small disk")
    rig.x.spool_dir.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none",
                           str(rig.x.spool_dir)], capture_output=True)
    if done.returncode != 0:
        pytest.skip("cannot mount here")
    try:
        rig.cluster.stop()
        rig.x.start(seconds=20)
        rig.feed.worker("calls 0 2000")
        rig.x.wait_log("journal cannot be written", 10)
        pid = rig.x.pid_of("store")
        rig.cluster.start()
        subprocess.run(["mount", "-o", "remount,size=64m", str(rig.x.spool_dir)], check=True)
        wait_until(lambda: rig.count("cdr") == 2000, 20)
        assert rig.x.pid_of("store") == pid
        rig.x.stop()
    finally:
        rig.x.stop()
        subprocess.run(["umount", "-l", str(rig.x.spool_dir)], check=True)


def test_secrets_stay_out_of_the_log(rig):
    rig.x.write_conf(database="postgresql://joe:topsecret@127.0.0.1:1/x?nonsense=topsecret")
    rig.x.start(seconds=20)
    rig.x.wait_log("no connection string")
    rig.x.stop()
    rig.x.write_conf(database="postgresql://joe:topsecret@127.0.0.1:1/x")
    rig.x.start(seconds=20)
    rig.x.wait_log("database does not answer")
    rig.x.stop()
    assert "topsecret" not in rig.x.log_text()
