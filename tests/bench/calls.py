"""Calls and registrations: what each costs, ours beside Kamailio's and the floor's, in turns."""
import contextlib

import loading
import systems
from loading import calls_at, measure, median

OURS, KAMAILIO, FLOOR = 25996, 25994, 25992
RATES = (100, 500, 1000, 2000, 4000)
STEP, TOP = 2000, 16000


@contextlib.contextmanager
def started(*made):
    """Systems that are stopped in any case."""
    running = []
    try:
        for make in made:
            running.append(make())
        yield running
    finally:
        for system in reversed(running):
            system.stop()


def ours(asked, **keys):
    return lambda: systems.Tandem(asked.directory / "tandem", asked.build, OURS, **keys)


def kamailio(asked):
    return lambda: systems.Kamailio(asked.directory, KAMAILIO)


def floor(asked):
    return lambda: systems.Floor(asked.build, FLOOR)


def warm(asked, *running, **words):
    for system in running:
        found = measure(asked.build, system, **{"rate": 500, "count": 1000, **words})
        if found["failed"] > 500:
            raise SystemExit("bench: calls through %s fail" % system.name)


def in_turns(asked, running, runs):
    """Rounds of all systems and kinds of load in turns: {(system, kind): [found, ...]}."""
    found = {}
    for _ in range(asked.rounds):
        for system in running:
            for kind, words in runs.items():
                found.setdefault((system.name, kind), []).append(
                    measure(asked.build, system, **words))
    return found


def held_rate(asked, system):
    """The highest rate that is held, by steps; a step may be tried twice."""
    last = 0
    for rate in range(RATES[-1], TOP + 1, STEP):
        for _ in range(2):
            found = measure(asked.build, system, **calls_at(rate, asked.seconds))
            if found["held"]:
                break
            time_out = not found["offered"]
        if not found["held"]:
            return last, "the load's limit" if time_out else "not held above"
        last = rate
    return last, "tried no higher"


def row(rate, name, rounds, against=""):
    print("%8s %-9s %7.0f %8.0f %8.0f %6d %6d  %s"
          % (rate, name, median(rounds, "cpu"), median(rounds, "p50_us"), median(rounds, "p99_us"),
             sum(r["failed"] for r in rounds), sum(r["retransmitted"] for r in rounds), against))


HEAD = "%8s %-9s %7s %8s %8s %6s %6s" % ("calls/s", "", "ms/1000", "p50 us", "p99 us", "failed",
                                         "again")


def parts_of(rounds):
    parts = sorted(rounds[0]["parts"])
    text = ", ".join("%s %.0f" % (p, sorted(r["parts"][p] for r in rounds)[len(rounds) // 2])
                     for p in parts)
    return text + ", besides PostgreSQL %.0f" % median(rounds, "database")


def calls(asked):
    with started(ours(asked), kamailio(asked), floor(asked)) as running:
        warm(asked, *running)
        print(HEAD)
        for rate in RATES:
            found = in_turns(asked, running, {"plain": calls_at(rate, asked.seconds)})
            cpu = {name: median(rounds, "cpu") for (name, _), rounds in found.items()}
            for (name, _), rounds in found.items():
                row(rate, name, rounds, name != "Tandem" and "Tandem/%s %.2f"
                    % (name, cpu["Tandem"] / cpu[name]) or parts_of(rounds))
        for system in running[:2]:
            rate, why = held_rate(asked, system)
            print("highest rate held, %s: %d calls/s (%s)" % (system.name, rate, why))
            half = measure(asked.build, system, **calls_at(max(rate // 2, 100), asked.seconds))
            print("    at half of it: INVITE to 180 p50 %d us, p99 %d us"
                  % (half["p50_us"], half["p99_us"]), flush=True)


def subscribers(asked):
    with started(ours(asked, subscribers=1000)) as running:
        phones = {"subscribers": 1000, **systems.PHONES}
        warm(asked, *running)
        warm(asked, *running, register=1, **phones)
        print(HEAD)
        for rate in (1000, 2000):
            words = calls_at(rate, asked.seconds)
            found = in_turns(asked, running, {"plain": words, "asked": {**words, **phones}})
            plain, asked_for = found["Tandem", "plain"], found["Tandem", "asked"]
            row(rate, "gateways", plain)
            row(rate, "phones", asked_for, "to the plain call %.2f"
                % (median(asked_for, "cpu") / median(plain, "cpu")))


def registrations(asked):
    with started(ours(asked, subscribers=1000), kamailio(asked)) as running:
        phones = {"subscribers": 1000, "register": 1, **systems.PHONES}
        warm(asked, *running, **phones)
        print(HEAD)
        for rate in (1000, 2000, 4000):
            found = in_turns(asked, running, {"": {**calls_at(rate, asked.seconds), **phones}})
            own, other = found["Tandem", ""], found["Kamailio", ""]
            row(rate, "Tandem", own, parts_of(own))
            row(rate, "Kamailio", other, "Tandem/Kamailio %.2f"
                % (median(own, "cpu") / median(other, "cpu")))


def cores(asked):
    """One worker and one front on a core, then two of each on two: the highest rate of each."""
    rates = []
    for count in (1, 2):
        systems.SYSTEM_CORES = set(systems.CORES[:count])
        with started(ours(asked, processes=(count, count))) as running:
            warm(asked, *running)
            rates.append(held_rate(asked, running[0])[0])
            print("%d front(s), %d worker(s), %d core(s): %d calls/s"
                  % (count, count, count, rates[-1]), flush=True)
    systems.SYSTEM_CORES = set(systems.CORES[:1])
    print("ratio %.2f; the load shares the cores, so this tells something from four cores on"
          % (rates[1] / max(rates[0], 1)))
