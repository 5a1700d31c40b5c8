"""Calls and registrations: what each costs, ours beside Kamailio's and the floor's, in turns."""
import contextlib
import os

import systems
from loading import calls_at, measure, median

OURS, KAMAILIO, FLOOR = 25996, 25994, 25992
RATES = (100, 500, 1000, 2000, 4000)
STEP, TOP, CORES_STEP = 2000, 16000, 250


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


def on_cores(asked, count, rate):
    """An exchange with so many fronts and workers, which shares as many cores with its database and as many loads:
    what a call costs at this rate for each core, and the highest rate that is held."""
    mine = os.sched_getaffinity(0)
    systems.SYSTEM_CORES = set(systems.CORES[:count])
    os.sched_setaffinity(0, systems.SYSTEM_CORES)
    second = {"from": systems.CALLER_2, "to": systems.CALLED_2, "prefix": "48", "cores": set(systems.CORES[1:2])}
    loads = [{"cores": set(systems.CORES[:1])}, second][:count]
    try:
        with started(ours(asked, processes=(count, count))) as (system,):
            def at(each):
                return measure(asked.build, system, *loads[1:], **calls_at(each, asked.seconds), **loads[0])
            at(500)
            rounds = [at(rate) for _ in range(asked.rounds)]
            held = 0
            while any(at(held + CORES_STEP)["held"] for _ in range(2)):
                held += CORES_STEP
            return median(rounds, "cpu"), held * count
    finally:
        os.sched_setaffinity(0, mine)
        systems.SYSTEM_CORES = set(systems.CORES[:1])


def cores(asked):
    """One worker and one front on a core, then two of each on two. Each core has a load and its share of the
    database, so that the load's share is the same."""
    if len(systems.CORES) < 2:
        raise SystemExit("bench: cores wants two cores")
    found = []
    for count in (1, 2):
        found.append(on_cores(asked, count, 1000))
        print("%d of each and %d load(s) on %d core(s): %.0f ms CPU per 1,000 calls at %d/s, %d calls/s held"
              % (count, count, count, found[-1][0], 1000 * count, found[-1][1]), flush=True)
    (cost, rate), (cost_2, rate_2) = found
    print("ratio %.2f by the rate held; %.2f by the CPU time that a call costs"
          % (rate_2 / max(rate, 1), 2 * cost / cost_2))
