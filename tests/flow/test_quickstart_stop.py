"""contrib/quickstart stop leaves nothing in /dev/shm but calls that were up. What it stops here is a
stand-in for tandemd; tandemctl is one too."""
import fcntl
import pathlib
import shutil
import subprocess

import pytest

from exchange import REPO

TANDEMCTL = """#!/bin/sh
echo '[ { "id": "1", "state": "ringing" }'
[ -e %s ] && echo '  "state": "up"'
echo ']'
"""


class Checkout:
    """A copy of the script, as if it had been started: its var/, and what is in /dev/shm."""

    def __init__(self, directory):
        self.top = directory / "checkout"
        (self.top / "contrib").mkdir(parents=True)
        for name in ("quickstart", "lib.sh"):
            shutil.copy(REPO / "contrib" / name, self.top / "contrib" / name)
        self.var = self.top / "var"
        (self.var / "install/bin").mkdir(parents=True)
        self.up = directory / "up"
        tandemctl = self.var / "install/bin/tandemctl"
        tandemctl.write_text(TANDEMCTL % self.up)
        tandemctl.chmod(0o755)
        number = subprocess.run(["cksum"], input=str(self.top), text=True, capture_output=True).stdout
        self.shm = pathlib.Path("/dev/shm/tandem-" + number.split()[0])
        self.process = None

    def start(self):
        for name in ("pg", "run"):
            (self.shm / name).mkdir(parents=True, exist_ok=True)
            (self.shm / name / "something").write_text("x")
        self.process = subprocess.Popen(["bash", "-c", "exec -a 'tandemd -c' sleep 60"], cwd=self.var)
        (self.var / "tandemd.pid").write_text("%d\n" % self.process.pid)
        while b"tandemd -c" not in pathlib.Path("/proc/%d/cmdline" % self.process.pid).read_bytes():
            pass

    def stop(self, status=0):
        """It is our child: kill -0 sees it until it is waited for."""
        stopping = subprocess.Popen([str(self.top / "contrib/quickstart"), "stop"], text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if self.process is not None:
            self.process.wait(10)
            self.process = None
        out = stopping.communicate(timeout=30)[0]
        assert stopping.returncode == status, out
        return out

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.shm, ignore_errors=True)


@pytest.fixture
def checkout(tmp_path):
    c = Checkout(tmp_path)
    yield c
    c.close()


def test_stop_leaves_nothing(checkout):
    checkout.start()
    assert "the exchange is stopped" in checkout.stop()
    assert not checkout.shm.exists()


def test_stop_keeps_calls_that_are_up(checkout):
    checkout.up.touch()
    checkout.start()
    out = checkout.stop()
    assert "calls that were up: 1; they wait in %s/run" % checkout.shm in out
    assert (checkout.shm / "run/something").exists() and not (checkout.shm / "pg").exists()
    assert "was not running" in checkout.stop()
    assert not checkout.shm.exists()


def test_an_exchange_started_by_hand(checkout):
    """Its memory is not taken from under it."""
    (checkout.shm / "run").mkdir(parents=True)
    with open(checkout.shm / "run/lock", "w+") as lock:
        lock.write("4711\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        out = checkout.stop(status=1)
        assert "runs (pid 4711)" in out and "tandemctl -c" in out
        assert (checkout.shm / "run/lock").exists()
    checkout.stop()
    assert not checkout.shm.exists()
