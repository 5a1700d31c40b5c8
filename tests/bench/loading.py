"""Runs the load (load.c) against a system and says what that cost."""
import statistics
import subprocess
import time

import systems

SETTLE_S = 1.0 # what follows a call belongs to it: its record, its transactions' ends


class Load:
    """One run of the load, on these cores or on the load's; keep=1: calls stay up until end()."""

    def __init__(self, build, system, cores=None, **words):
        words = {"server": system.address, "from": systems.CALLER, "to": systems.CALLED,
                 "domain": systems.DOMAIN, "password": systems.PASSWORD, "first": systems.FIRST,
                 **words}
        self.process = subprocess.Popen(
            [str(build / "tests/bench/load"), *("%s=%s" % w for w in words.items())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: systems.pin_load(cores))

    def wait_up(self):
        return int(self.process.stdout.readline().split()[1])

    def end(self):
        """What it reports, by name."""
        out, self.errors = self.process.communicate()
        return {k: int(v) for k, v in (w.split("=") for w in out.splitlines()[-1].split())}


def both(reports):
    """What several loads at once report, as one: the sums, and the worst of the times."""
    worst = ("p50_us", "p99_us", "start_ms")
    return {k: (max if k in worst else sum)(r[k] for r in reports) for k in reports[0]}


def measure(build, system, *more, **words):
    """One run: the load's report, with milliseconds of CPU time per 1,000 calls under "cpu". More: the words of
    further loads that do the same beside it, with their share of rate and count as this one has its share.
    """
    pids, parts = system.pids(), getattr(system, "by_process", dict)
    before, before_db = system.cpu(), getattr(system, "database_ns", int)()
    parts_before = parts()
    found = both([load.end() for load in [Load(build, system, **w) for w in
                                          (words, *({**words, **m} for m in more))]])
    count = words["count"] * (1 + len(more))
    time.sleep(SETTLE_S)
    if pids != system.pids():
        raise SystemExit("bench: a process of %s died" % system.name)
    per = 1000 / count / 1e6
    found["cpu"] = (system.cpu() - before) * per
    found["database"] = (getattr(system, "database_ns", int)() - before_db) * per
    found["parts"] = {k: (v - parts_before.get(k, 0)) * per for k, v in parts().items()}
    # The load kept its rate: the last call began when it should.
    found["offered"] = found["start_ms"] <= 1000 * words["count"] / words["rate"] * 1.02 + 20
    found["held"] = (found["failed"] * 1000 <= count and found["p99_us"] < 500000 and
                     found["retransmitted"] * 100 <= count and found["offered"])
    return found


def median(rounds, key):
    return statistics.median(r[key] for r in rounds)


def calls_at(rate, seconds=2.0):
    return {"rate": rate, "count": max(300, int(rate * seconds))}
