"""More calls than there is room for: those that are taken are served as ever, the others hear 503 with
Retry-After at once, and when it is over all is as before."""
import os
import time

import pytest

from exchange import wait_until

ROOM = 40
# What the plans of traffic.py hold a call on the average, ringing and all: about, to know how many to place.
HOLD_S = 1.2
FULL = {"limits": {"calls": ROOM, "subscribers": 1000, "bindings": 1000, "rate_per_source": 100000,
                   "burst_per_source": 100000}, "processes": {"fronts": 1, "workers": 1}}
SECONDS = float(os.environ.get("OVERLOAD_SECONDS", 8))


def resident_kib(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


@pytest.mark.parametrize("scene", [FULL], indirect=True)
def test_five_times_as_many_calls_as_there_is_room(scene):
    """OVERLOAD_SECONDS=60 for the minute of the table."""
    capacity = (ROOM - 10) / HOLD_S
    scene.begin(stand=10, rate=capacity * 0.8)
    worker = scene.x.pid_of("worker 0")
    before = resident_kib(worker)
    began = time.monotonic()
    scene.traffic.begin(5 * capacity)
    scene.pause(SECONDS)
    scene.traffic.change()                  # in dialogs all is as ever
    lasted = time.monotonic() - began
    grown = resident_kib(worker) - before
    scene.traffic.begin(capacity * 0.5)
    wait_until(lambda: len(scene.x.ask("calls")["rows"]) < ROOM - 5, 5)
    over = time.monotonic()
    scene.pause(3.0)
    report = scene.judge(refused=True)
    away = set(scene.away)
    good = [f for f in report.fates if began < f.at < began + lasted and f not in away]
    # As long as these calls were, so many could there have been.
    capacity = (ROOM - 10) * len(good) / sum(f.down - f.at for f in good)
    assert len(good) / lasted > 0.8 * capacity, (len(good), lasted, capacity)
    assert len(scene.away) > len(good)
    assert not [f for f in away if f.at > over + 2.0], "back to normal"
    assert grown < 8192, "%d KiB" % grown
