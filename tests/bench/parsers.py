"""Parsers: nanoseconds and instructions of one INVITE, each doing what routing needs (parser_*.c)."""
import re
import shutil
import subprocess

PARSERS = ("ours", "osip", "sofia", "re")
TIMES = (100, 1100)


def instructions(program):
    """Of one message: the difference of two runs, so that the start does not count."""
    counts = []
    for times in TIMES:
        done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                               str(program), str(times)], capture_output=True, text=True, check=True)
        counts.append(int(re.search(r"Collected : (\d+)", done.stderr).group(1)))
    return (counts[1] - counts[0]) // (TIMES[1] - TIMES[0])


def parser(asked):
    found = {}
    for name in PARSERS:
        program = asked.build / "tests/bench" / ("parser_" + name)
        out = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
        title, size, ns = re.match(r"(\S+) bytes=(\d+) ns=(\d+)", out).groups()
        count = instructions(program) if shutil.which("valgrind") else 0
        found[title] = int(ns), count
        print("%-10s %s bytes: %6s ns, %7d instructions" % (title, size, ns, count), flush=True)
    own = found.pop("Tandem")
    fastest = min(found, key=lambda title: found[title])
    print("Tandem / %s: %.2f of the time, %.2f of the instructions"
          % (fastest, own[0] / found[fastest][0], own[1] / max(found[fastest][1], 1)))
