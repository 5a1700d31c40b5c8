"""One process killed with -9 under load, again and again, at moments of the seed's choice: it is there
again within a second; what is established stays; a worker takes at most the call in its hand with it."""
import json
import signal
import time

import pytest

from scene import slowness

ENDED = (408, 480, 500, 503)      # what a caller may be told whose call was in the worker's hand
WORKERS = ("worker 0", "worker 1")


def test_F1_F2_workers_killed(scene):
    scene.begin(stand=24, rate=40)
    for name in WORKERS * 3:
        scene.kill(name)
        scene.pause()
    scene.traffic.change()
    scene.judge(lost=6, codes=ENDED)


def test_F2_F3_workers_killed_at_work(scene):
    """With a heap of messages before them, just as they have begun with it."""
    scene.begin(stand=24, rate=50)
    for name in WORKERS * 3:
        scene.kill_busy(name)
        scene.pause()
    kept = [path.read_bytes() for path in scene.x.spool_dir.glob("poison-worker-*")]
    assert len(kept) == scene.metric("tandem_poison_total"), "each is kept for analysis, once"
    assert all(b"SIP/2.0" in text for text in kept), kept
    scene.judge(lost=6, quick=False, slack_ms=1500, codes=ENDED)


def test_F1_F3_both_workers_killed_at_once(scene):
    scene.begin(stand=24, rate=40)
    for _ in range(3):
        scene.kill(*WORKERS)
        scene.pause(0.8)
    scene.judge(lost=6, codes=ENDED)


@pytest.mark.parametrize("name", ["front 0", "registrar", "resolver", "store", "control"])
def test_F4_another_process_killed(scene, name):
    scene.begin(stand=10, rate=40)
    for _ in range(3):
        scene.kill(name)
        scene.pause()
    scene.judge()


def test_F1_a_worker_hangs(scene):
    """SIGSTOP: the watchdog kills it, and another is ready, within three seconds."""
    scene.begin(stand=20, rate=20)
    began = time.monotonic()
    scene.kill("worker 0", how=signal.SIGSTOP, within=3.0)
    assert time.monotonic() - began > 1.0
    scene.pause(0.5)
    scene.judge(lost=1, quick=False, slack_ms=5000, codes=ENDED)


def test_drill(scene):
    """tandemctl drill all: what an operator tries himself, on the running exchange."""
    scene.begin(stand=10, rate=10)
    rows = json.loads(scene.x.ctl("drill", "all", "--json"))
    assert sorted(r["role"] for r in rows) == ["control", "front", "registrar", "resolver", "store",
                                               "worker", "worker"]
    for row in rows:
        assert row["back_ms"] < 1000 * slowness(), row
        assert min(row["calls_before"], row["calls_after"]) >= 10, row
        assert row["registrations_before"] == row["registrations_after"] == 16, row
    scene.judge(lost=2, quick=False, codes=ENDED)
