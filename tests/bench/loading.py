"""Runs the load (load.c) against a system and says what that cost."""
import statistics
import subprocess
import time

import systems

SETTLE_S = 1.0 # what follows a call belongs to it: its record, its transactions' ends


class Load:
    """One run of the load; keep=1: calls stay up until end()."""

    def __init__(self, build, system, **words):
        words = {"server": system.address, "from": systems.CALLER, "to": systems.CALLED,
                 "domain": systems.DOMAIN, "password": systems.PASSWORD, "first": systems.FIRST,
                 **words}
        self.process = subprocess.Popen(
            [str(build / "tests/bench/load"), *("%s=%s" % w for w in words.items())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=systems.pin_load)

    def wait_up(self):
        return int(self.process.stdout.readline().split()[1])

    def end(self):
        """What it reports, by name."""
        out, self.errors = self.process.communicate()
        return {k: int(v) for k, v in (w.split("=") for w in out.splitlines()[-1].split())}


def measure(build, system, **words):
    """One run: the load's report, with milliseconds of CPU time per 1,000 calls under "cpu"."""
    pids, parts = system.pids(), getattr(system, "by_process", dict)
    before, before_db = system.cpu(), getattr(system, "database_ns", int)()
    parts_before = parts()
    load = Load(build, system, **words)
    found = load.end()
    time.sleep(SETTLE_S)
    if pids != system.pids():
        raise SystemExit("bench: a process of %s died" % system.name)
    per = 1000 / words["count"] / 1e6
    found["cpu"] = (system.cpu() - before) * per
    found["database"] = (getattr(system, "database_ns", int)() - before_db) * per
    found["parts"] = {k: (v - parts_before.get(k, 0)) * per for k, v in parts().items()}
    # The load kept its rate: the last call began when it should.
    found["offered"] = found["start_ms"] <= 1000 * words["count"] / words["rate"] * 1.02 + 20
    found["held"] = (found["failed"] * 1000 <= words["count"] and found["p99_us"] < 500000 and
                     found["retransmitted"] * 100 <= words["count"] and found["offered"])
    return found


def median(rounds, key):
    return statistics.median(r[key] for r in rounds)


def calls_at(rate, seconds=2.0):
    return {"rate": rate, "count": max(300, int(rate * seconds))}
