"""What a call costs in instructions and system calls, counted: the same on a busy machine. The numbers are
compared with those in cost.expected; more than a tenth above one of them is a failure.

Instructions: steps.c drives calls through the worker's code and the parser without a clock or a network, under
callgrind. System calls: an exchange under strace, at a rate so low that each message is handled alone.
Each count is the difference of two runs, so that the start does not count.
"""
import pathlib
import re
import subprocess

import loading
import systems
from calls import OURS, started

HERE = pathlib.Path(__file__).resolve().parent
ROLES = ("front", "worker", "store")
# Whose, between whom, and the function in which all is counted.
PARTS = (("front", "gateways", "sip_parse"), ("worker", "gateways", "inbox_message"),
         ("worker", "subscribers", "inbox_message"))
FEW, MANY = 10, 40
CALLS, RATE, TRIES, ABOVE = 100, 50, 3, 1.10
WHOLE_CALLS, WHOLE_RATE = 400, 100

WRAPPER = """#!/bin/sh
LD_PRELOAD=%(shim)s exec valgrind -q --tool=callgrind --callgrind-out-file=%(out)s %(program)s "$@"
"""


def counted(asked, function, who, count):
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no",
         "--toggle-collect=" + function, str(asked.build / "tests/bench/steps"), who, str(count)],
        capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def instructions(asked):
    return {("instructions", role, who):
            (counted(asked, function, who, MANY) - counted(asked, function, who, FEW)) / (MANY - FEW)
            for role, who, function in PARTS}


class Strace:
    """Counts the system calls of a process from now on."""

    def __init__(self, pid, out):
        self.out = out
        self.process = subprocess.Popen(["strace", "-f", "-c", "-o", str(out), "-p", str(pid)],
                                        stderr=subprocess.PIPE, text=True)
        if "attached" not in self.process.stderr.readline():
            raise SystemExit("bench: strace cannot attach to %d" % pid)

    def end(self):
        self.process.terminate()
        self.process.communicate()
        total = [line.split() for line in self.out.read_text().splitlines()
                 if line.endswith(" total")][-1]
        return int(total[3]) # % time, seconds, usecs/call, calls; errors, if there were any


def traced(asked, system, count):
    """System calls of each process in a run without a message sent again; None: there was one."""
    pids = {role: next(p for p, t in system.exchange.children().items() if role in t)
            for role in ROLES}
    before = system.records()
    tracers = {role: Strace(pid, asked.directory / ("strace." + role)) for role, pid in pids.items()}
    found = loading.Load(asked.build, system, rate=RATE, count=count).end()
    system.wait_records(before + count)
    totals = {role: tracer.end() for role, tracer in tracers.items()}
    return totals if found["failed"] == found["retransmitted"] == 0 else None


def system_calls(asked):
    """Of a call; what a process does while there is none (a turn now and then) is taken off."""
    with started(lambda: systems.Tandem(asked.directory / "traced", asked.build, OURS,
                                        user="root")) as (system,):
        loading.Load(asked.build, system, rate=RATE, count=CALLS // 2).end()
        for _ in range(TRIES):
            few, many = traced(asked, system, 1), traced(asked, system, CALLS + 1)
            if few is not None and many is not None:
                return {("system_calls", role, "gateways"): (many[role] - few[role]) / CALLS
                        for role in ROLES}
    print("system calls are not counted: the machine is so busy that messages are sent again")
    return {}


def expected():
    lines = [line.split() for line in (HERE / "cost.expected").read_text().splitlines()]
    return {tuple(w[:3]): float(w[3]) for w in lines if w and w[0] != "#"}


def cost(asked):
    stored, status = expected(), 0
    found = {**instructions(asked), **system_calls(asked)}
    for key, n in found.items():
        above = n > stored.get(key, 0) * ABOVE
        status |= above
        print("%s %s: %.1f for a call, expected %.1f"
              % ("failed" if above else "ok", "_".join(key), n, stored.get(key, 0)))
    return int(status)


# --- the processes themselves, on a quiet machine -----------------------------------------------

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


def whole_run(asked, count):
    directory = wrapped(asked, "callgrind-%d" % count)
    with started(lambda: systems.Tandem(
            asked.directory / ("counted-%d" % count), asked.build, OURS, user="root",
            env={"TANDEM_LIBEXECDIR": str(directory)})) as (system,):
        found = loading.Load(asked.build, system, rate=WHOLE_RATE, count=count).end()
        if found["failed"] > 0 or found["retransmitted"] > count // 20:
            raise SystemExit("bench: too slow to be counted: %s" % found)
        system.wait_records(count)
    return {role: int(re.search(r"^summary: (\d+)", (directory / (role + ".out")).read_text(),
                                re.M).group(1)) for role in ROLES}


def whole(asked):
    """Instructions of each process with all that surrounds the messages; valgrind needs a quiet machine."""
    few, many = whole_run(asked, WHOLE_CALLS // 4), whole_run(asked, WHOLE_CALLS)
    for role in ROLES:
        print("%-7s %9.1f instructions for a call"
              % (role, (many[role] - few[role]) / (WHOLE_CALLS - WHOLE_CALLS // 4)))
