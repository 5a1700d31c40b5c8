"""What is kept: memory for each call and subscriber, and whether their number makes a call dearer."""
import loading
import systems
from calls import ours, started, warm
from loading import calls_at, measure

UP = (1000, 5000, 20000)
UP_BESIDE = (100, 5000, 20000)
SUBSCRIBERS = (1000, 100000)


def keep_up(asked, system, count):
    """Calls that stay up."""
    load = loading.Load(asked.build, system, rate=500, count=count, keep=1, limit=120, prefix="48",
                        **{"from": systems.CALLER_2, "to": systems.CALLED_2})
    return load, load.wait_up()


def memory_of_calls(asked, make):
    """A new exchange for each count: what ended calls leave for half a minute is none of it."""
    for count in UP:
        with started(make) as (system,):
            warm(asked, system, rate=100, count=100)
            before = systems.memory(system.pids())
            load, up = keep_up(asked, system, count)
            grown = systems.memory(system.pids()) - before
            if up < count:
                print("%-9s %6d calls: only %d came up" % (system.name, count, up))
            else:
                print("%-9s %6d calls up: %5.1f KB each" % (system.name, count, grown / count / 1024),
                      flush=True)
            load.end()


def memory_of_subscribers(asked):
    found = []
    for count in (1000, asked.subscribers):
        with started(ours(asked, subscribers=count)) as (system,):
            found.append((count, systems.memory(system.pids()), system.start_s))
    (few, little, _), (many, much, took) = found
    print("%d subscribers: %.0f bytes each; cold start in %.1f s"
          % (many, (much - little) / (many - few), took))


def memory_of_bindings(asked):
    """Each subscriber has one, which stands in the database at the start."""
    found = []
    for bound in (0, asked.subscribers):
        with started(ours(asked, subscribers=asked.subscribers, bindings=bound)) as (system,):
            system.wait_bindings(bound)
            found.append(systems.memory(system.pids()))
    print("%d bindings: %.0f bytes each" % (asked.subscribers, (found[1] - found[0]) / asked.subscribers))


def memory(asked):
    memory_of_calls(asked, ours(asked))
    memory_of_subscribers(asked)
    memory_of_bindings(asked)


def price(asked, system):
    """Median cost of a call now."""
    found = [measure(asked.build, system, **calls_at(1000, asked.seconds))["cpu"]
             for _ in range(asked.rounds)]
    return sorted(found)[len(found) // 2]


def scale(asked):
    with started(ours(asked)) as (system,):
        warm(asked, system)
        empty = price(asked, system)
        print("empty exchange: %.0f ms CPU per 1,000 calls at 1000/s" % empty)
        for count in UP_BESIDE:
            load, up = keep_up(asked, system, count)
            system.wait_settled()
            now = price(asked, system)
            load.end()
            print("%d others up: %.0f, ratio %.2f" % (up, now, now / empty), flush=True)
    for count in sorted({*SUBSCRIBERS, asked.subscribers}):
        with started(ours(asked, subscribers=count)) as (system,):
            warm(asked, system)
            now = price(asked, system)
            print("%d subscribers: %.0f, ratio %.2f" % (count, now, now / empty), flush=True)
