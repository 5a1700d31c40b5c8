"""The spool's disk takes nothing (THREATS.md F11): that is said, by log, status and metric; calls go on and
their records wait in memory, or, where the operator wants that, new calls are refused meanwhile."""
import errno

import pytest

from exchange import wait_until
from shim import Shim


def refuses(scene):
    return scene.metric("tandem_journal_refused") == 1


@pytest.mark.parametrize("why", ["EROFS", "EIO"])
def test_F11_spool_cannot_be_written(scene, tmp_path, why):
    """Read-only, or broken, for three seconds; the store is killed meanwhile."""
    shim = Shim(tmp_path)
    scene.x.env.update(shim.env)
    scene.begin(stand=10, rate=40)
    shim.set("disk_errno", getattr(errno, why))
    scene.pause(1.0)
    scene.kill("store")
    scene.pause(2.0)
    assert refuses(scene)
    assert "the disk refuses" in str(scene.x.ask("status")["rows"])
    assert "journal cannot be written" in scene.x.log_text()
    shim.set("disk_errno", 0)
    wait_until(lambda: not refuses(scene))
    scene.judge()


@pytest.mark.parametrize("scene", [{"refuse_unrecorded": True}], indirect=True)
def test_F11_new_calls_are_refused_where_that_is_wanted(scene, tmp_path):
    shim = Shim(tmp_path)
    scene.x.env.update(shim.env)
    scene.begin(stand=10, rate=40)
    shim.set("disk_errno", errno.ENOSPC)
    wait_until(lambda: refuses(scene))
    scene.pause(1.5)
    scene.traffic.change()                  # what is up is not touched
    shim.set("disk_errno", 0)
    wait_until(lambda: not refuses(scene))
    scene.pause(1.0)
    scene.judge(refused=True)
    assert len(scene.away) > 20
