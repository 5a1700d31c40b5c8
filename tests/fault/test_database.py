"""PostgreSQL dies, stops or freezes under load: no call notices, and every record is there afterwards,
once. It is slow, its disk is full, its schema too old: the same. The spool's disk is full: that is said, and
no call notices either."""
import contextlib
import os
import pathlib
import pwd
import signal
import subprocess

import pytest

from exchange import wait_until
from scene import alive


def up_again(cluster):
    """The processes of one that was killed take a moment to leave its shared memory."""
    def started():
        try:
            cluster.start()
        except AssertionError:
            return False
        return True

    wait_until(started, 20)


@pytest.fixture
def postgres(scene, cluster):
    """The cluster; it runs again afterwards, and psql with it."""
    yield cluster
    if not alive(cluster.pid()):
        up_again(cluster)


def lets_in(postgres, database, does):
    """Or, as one that has too many connections, nobody, not even who was in."""
    postgres.sql("alter database %s with allow_connections %s" % (database, does))
    postgres.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = '%s'" % database)


def tree(pid):
    found = [pid]
    for child in pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split():
        found += tree(int(child))
    return found


def test_F10_database_killed(scene, postgres):
    """Twice; and then it is there and lets nobody in."""
    scene.begin(stand=10, rate=40)
    for _ in range(2):
        pid = postgres.pid()
        postgres.kill()
        wait_until(lambda p=pid: not alive(p))
        scene.pause(1.5)
        up_again(postgres)
        scene.pause(1.0)
    lets_in(postgres, scene.database, False)
    scene.pause(1.5)
    lets_in(postgres, scene.database, True)
    scene.sql.open()
    scene.judge()


def test_F10_database_away(scene, postgres):
    """For five seconds; the store is killed meanwhile, and a worker."""
    scene.begin(stand=10, rate=40)
    postgres.stop()
    scene.pause(1.5)
    scene.kill("store")
    scene.pause(1.5)
    scene.kill("worker 1")
    scene.pause(2.0)
    up_again(postgres)
    scene.sql.open()
    scene.judge(lost=1, codes=(408, 480, 500, 503))


def test_F10_database_frozen(scene, postgres):
    """SIGSTOP: connections stand and nothing is answered."""
    scene.begin(stand=10, rate=40)
    frozen = tree(postgres.pid())
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        scene.pause(5.0)
    finally:
        for pid in reversed(frozen):
            os.kill(pid, signal.SIGCONT)
    scene.judge()


def fill(path):
    """All that is left of a disk."""
    with open(path, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(bytes(4096))


@pytest.fixture
def small_disk(scene):
    """spool_dir on a tmpfs of its own, that dd fills."""
    spool = scene.x.spool_dir
    spool.mkdir(exist_ok=True)
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "spool", str(spool)],
                                      stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no tmpfs can be mounted here")
    os.chmod(spool, 0o755)
    yield spool
    scene.x.stop(10)
    subprocess.run(["umount", "-l", str(spool)], check=True)


def test_F11_spool_full(small_disk, scene, postgres):
    """No room at all for three seconds, and the database away in the middle of them."""
    owner = pwd.getpwnam(scene.x.keys["user"])
    os.chown(small_disk, owner.pw_uid, owner.pw_gid)
    scene.begin(stand=10, rate=40)
    filler = small_disk / "filler"
    fill(filler)
    scene.pause(1.0)
    postgres.stop()
    scene.pause(2.0)
    log = scene.x.log_text()
    up_again(postgres)
    scene.sql.open()
    scene.pause(0.5)
    filler.unlink()
    assert "spool" in log or "journal" in log, log[-2000:]
    assert "No space left" in log, log[-2000:]
    scene.judge()


def test_F10_database_slow(scene, postgres):
    """Five seconds for each batch of records: calls do not notice, records follow."""
    scene.begin(stand=10, rate=40)
    scene.sql.do("""create function tandem.slow() returns trigger language plpgsql as
        'begin perform pg_sleep(5); return null; end';
        create trigger slow before insert on tandem.cdr for each statement execute function tandem.slow()""")
    scene.pause(6.0)
    scene.sql.do("drop trigger slow on tandem.cdr; drop function tandem.slow()")
    scene.judge()


def test_F10_schema_too_old(scene, postgres):
    """The store is told so when it connects anew, says it once, and writes when the schema is there."""
    scene.begin(stand=10, rate=40)
    scene.sql.do("""create table tandem.kept as select * from tandem.schema_version where version > 5;
        delete from tandem.schema_version where version > 5;
        select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tandem store'""")
    wait_until(lambda: "database schema is too old: tandemctl db upgrade" in scene.x.log_text())
    scene.pause(2.0)
    assert scene.x.log_text().count("database schema is too old") == 1
    assert scene.metric("tandem_database_up") == 0 < scene.metric("tandem_journal_records")
    scene.sql.do("insert into tandem.schema_version select * from tandem.kept; drop table tandem.kept")
    scene.judge()


@pytest.fixture
def small_tables(scene, postgres):
    """The records' tables stand on a disk of their own. Its path."""
    where = postgres.directory / "small"
    where.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "small", str(where)],
                                      stderr=subprocess.DEVNULL).returncode:
        where.rmdir()
        pytest.skip("no tmpfs can be mounted here")
    owner = postgres.directory.stat()
    os.chown(where, owner.st_uid, owner.st_gid)
    os.chmod(where, 0o700)
    scene.sql.do("create tablespace small location '%s'" % where)
    names = [r["name"] for r in scene.sql(
        "select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = relnamespace "
        "where nspname = 'tandem' and relkind = 'r' and relname ~ '^(cdr|call)(_|$)'")]
    scene.sql.do(";".join("alter table %s set tablespace small" % n for n in names))
    yield where
    scene.x.stop(10)
    (where / "filler").unlink(missing_ok=True)
    scene.sql.do(";".join("alter table %s set tablespace pg_default" % n for n in names))
    scene.sql.do("drop tablespace small")
    subprocess.run(["umount", "-l", str(where)], check=True)
    where.rmdir()


def test_F10_database_out_of_disk(small_tables, scene):
    """PostgreSQL cannot extend a table for three seconds."""
    scene.begin(stand=10, rate=40)
    fill(small_tables / "filler")
    wait_until(lambda: "No space left on device" in scene.x.log_text() or
               "could not extend" in scene.x.log_text(), 20)
    scene.pause(3.0)
    (small_tables / "filler").unlink()
    scene.judge()
