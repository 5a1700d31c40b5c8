"""What a call costs in instructions and system calls, counted: the same on a busy machine. The numbers are
compared with those in cost.expected; more than a tenth above one of them is a failure.

Front and worker run under callgrind and, in a second exchange, under strace; each count is the difference
of two runs, so that the start does not count.
"""
import pathlib
import re
import subprocess
import time

import loading
import systems
from calls import OURS, started

HERE = pathlib.Path(__file__).resolve().parent
ROLES = ("front", "worker", "store")
CALLS, RATE, ABOVE = 400, 100, 1.10

WRAPPER = """#!/bin/sh
LD_PRELOAD=%(shim)s exec valgrind -q --tool=callgrind --callgrind-out-file=%(out)s %(program)s "$@"
"""


def wrapped(asked, name):
    """A TANDEM_LIBEXECDIR whose programs run under callgrind."""
    directory = asked.directory / name
    directory.mkdir()
    for role in ("store", "registrar", "resolver", "worker", "control", "front"):
        if role not in ROLES:
            (directory / role).symlink_to(asked.build / role)
            continue
        (directory / role).write_text(WRAPPER % {
            "shim": asked.build / "tests/bench/unconfined.so", "program": asked.build / role,
            "out": directory / (role + ".out")})
        (directory / role).chmod(0o755)
    return directory


def instructions(asked, count):
    directory = wrapped(asked, "callgrind-%d" % count)
    with started(lambda: systems.Tandem(
            asked.directory / ("counted-%d" % count), asked.build, OURS, user="root",
            env={"TANDEM_LIBEXECDIR": str(directory)})) as (system,):
        found = loading.Load(asked.build, system, rate=RATE, count=count).end()
        if found["failed"] > 0 or found["retransmitted"] > count // 20:
            raise SystemExit("bench: too slow to be counted: %s" % found)
        time.sleep(loading.SETTLE_S)
    return {role: int(re.search(r"^summary: (\d+)", (directory / (role + ".out")).read_text(),
                                re.M).group(1)) for role in ROLES}


def system_calls(asked):
    """Of a call, at a rate where each message is handled alone."""
    with started(lambda: systems.Tandem(asked.directory / "traced", asked.build, OURS,
                                        user="root")) as (system,):
        loading.Load(asked.build, system, rate=200, count=200).end()
        pids = {role: next(p for p, t in system.exchange.children().items() if role in t)
                for role in ROLES}
        tracers = [subprocess.Popen(["strace", "-qq", "-f", "-c", "-o",
                                     str(asked.directory / ("strace." + role)), "-p", str(pid)],
                                    stderr=subprocess.DEVNULL) for role, pid in pids.items()]
        time.sleep(0.5)
        loading.Load(asked.build, system, rate=RATE, count=CALLS).end()
        time.sleep(loading.SETTLE_S)
        for tracer in tracers:
            tracer.terminate()
            tracer.wait()
    found = {}
    for role in ROLES:
        text = (asked.directory / ("strace." + role)).read_text()
        found[role] = int(re.findall(r"(\d+)(?:\s+\d+)?\s+total", text)[-1]) / CALLS
    return found


def cost(asked):
    expected = {tuple(line.split()[:2]): float(line.split()[2])
                for line in (HERE / "cost.expected").read_text().splitlines()
                if line and line[0] != "#"}
    few, many = instructions(asked, CALLS // 4), instructions(asked, CALLS)
    found = {("instructions", r): (many[r] - few[r]) / (CALLS - CALLS // 4) for r in ROLES}
    found.update((("system_calls", r), n) for r, n in system_calls(asked).items())
    status = 0
    for (what, role), n in found.items():
        stored = expected.get((what, role))
        above = stored is not None and n > stored * ABOVE
        status |= above
        print("%-12s %-7s %9.1f per call, expected %s%s"
              % (what, role, n, stored, ": MORE" if above else ""))
    return int(status)
