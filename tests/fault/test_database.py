"""PostgreSQL dies, stops or freezes under load: no call notices, and every record is there afterwards,
once. The spool's disk is full: that is said, and no call notices either."""
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


def tree(pid):
    found = [pid]
    for child in pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split():
        found += tree(int(child))
    return found


def test_F10_database_killed(scene, postgres):
    scene.begin(stand=10, rate=40)
    for _ in range(2):
        pid = postgres.pid()
        postgres.kill()
        wait_until(lambda p=pid: not alive(p))
        scene.pause(1.5)
        up_again(postgres)
        scene.pause(1.0)
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
    with open(filler, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(bytes(4096))
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
