"""The load, in a process of its own: calls from a gateway (known by its address) to registered phones,
at a steady rate, with a plan for each. The test tells it what to do and asks what became of it.

    traffic = Traffic(server, "pbx.test", users, seed=1)
    traffic.stand(20)                    # calls that stay up until finish()
    traffic.begin(40)                    # and 40 a second that come and go
    ...                                  # the fault
    traffic.end(); traffic.change()      # no new ones; a re-INVITE in each standing call
    report = traffic.finish(60)          # hangs up, waits until every call is over

Plans: stand; talk (either side hangs up, some change the call first), busy, cancel."""
import itertools
import multiprocessing
import random
import time

from phones import Dialog, Fate, Phone
from sip_text import sdp, uri_of, word
from wire import Timers, Wire, turn

GATEWAY, PHONES = "127.0.0.61", "127.0.0.62"
PLANS = ["talk"] * 16 + ["busy"] * 2 + ["cancel"] * 2


class Report:
    """fates: of all calls. registers: status -> how many. wires: (passed, lost, doubled, late). late: requests
    of the exchange in dialogs that were over long ago."""

    def __init__(self, fates, registers, wires, late):
        self.fates, self.registers, self.wires, self.late = fates, registers, wires, late


class Load:
    """What runs in the other process."""

    def __init__(self, pipe, server, domain, users, seed, registering, network):
        self.pipe, self.server, self.domain = pipe, server, domain
        self.random = random.Random(seed)
        self.timers = Timers()
        self.caller = Phone("gateway", self.wire(GATEWAY, seed + 1, network), self.timers)
        self.called = {u: Phone(u, self.wire(PHONES, seed + 2, network), self.timers) for u in users}
        self.idle = [Phone(u, self.wire(PHONES, seed + 3, network), self.timers) for u in registering]
        for phone in self.called.values():
            phone.incoming = lambda m, p=phone: self.ring(p, m)
        self.fates, self.serial, self.rate = {}, itertools.count(1), 0
        self.registers, self.busy_registers = {}, 0
        self.standing = []

    def wire(self, host, seed, network):
        return Wire(host, self.server, self.timers, seed, **network)

    # --- the caller

    def place(self, kind):
        fate = Fate(next(self.serial), kind)
        self.fates[fate.serial] = fate
        callee = self.random.choice(list(self.called))
        a = self.caller
        d = Dialog(a, fate, "a", fate.call_id, "<sip:9%07d@%s>;tag=%s" % (
            fate.serial, a.wire.name, word(8)), "<sip:%s@%s>" % (callee, self.domain),
            "sip:%s@%s" % (callee, self.domain))
        d.invited_at, d.tag = d.target, None
        client = d.invite(lambda m: self.finally_(d, client, m))

        def first(m):
            fate.trying = time.monotonic() - fate.at
        client.on_first = first
        if kind == "cancel":
            self.timers.after(self.random.uniform(0.2, 0.8), self.cancel, d, client)
        if kind == "stand":
            self.standing.append(d)

    def cancel(self, d, client):
        if client.state == "calling":           # RFC 3261 9.1: not before a provisional response
            self.timers.after(0.2, self.cancel, d, client)
        if client.state != "proceeding":
            return
        from phones import Client
        branch = client.key[0]
        data = d.text("CANCEL %s SIP/2.0" % d.invited_at, "CANCEL", branch, d.last[1])
        Client(self.caller, data, "CANCEL", branch, lambda m: None)

    def finally_(self, d, client, m):
        fate = d.fate
        fate.final, fate.resent = m.status if m else 0, client.repeats
        if m is None:
            return d.end("no final response")
        if m.status >= 300:
            fate.retry_after = m.get("Retry-After")
            d.ack(m)
            return d.end(str(m.status))
        d.target = uri_of(m["Contact"])
        d.ack(m)
        fate.up = time.monotonic()
        if fate.kind == "cancel":
            return d.bye()
        if fate.kind == "talk":
            self.talk(d)
        return None

    def talk(self, d):
        hold = self.random.uniform(0.3, 2.0)
        if self.random.random() < 0.2:
            self.timers.after(hold / 2, lambda: d.over or d.change())
        if self.random.random() < 0.5:
            self.timers.after(hold, d.bye)
        else:
            self.timers.after(hold, self.other_hangs_up, d)

    def other_hangs_up(self, d):
        """The called side, if it has the call; else the caller."""
        other = getattr(d.fate, "b", None)
        (other if other and not other.over and other.acked() else d).bye()

    # --- the called

    def ring(self, phone, m):
        serial = int(uri_of(m["From"]).split(":")[1].split("@")[0][1:])
        fate = self.fates[serial]
        fate.legs += 1
        tag = word(8)
        d = Dialog(phone, fate, "b", m["Call-ID"], "%s;tag=%s" % (m["To"], tag), m["From"],
                   uri_of(m["Contact"]))
        d.tag, fate.b = tag, d
        d.acked = lambda: all(state[1] for state in d.waiting.values())
        settled = []

        def settle(status, why):
            if not settled:
                settled.append(status)
                fate.b_final = status
                phone.final(m, d, status, sdp(port=50000) if status == 200 else "", d.bye)
                if status >= 300:
                    d.end(why)
        d.cancelled = lambda: settle(487, "cancelled")
        phone.answer(m, 180, tag=tag)
        if fate.kind == "busy":
            self.timers.after(self.random.uniform(0.05, 0.2), settle, 486, "busy")
        elif fate.kind != "cancel":
            self.timers.after(self.random.uniform(0.05, 0.4), settle, 200, "")

    # --- registrations

    def refresh(self, phones, password="secret-"):
        def count(status):
            self.registers[status] = self.registers.get(status, 0) + 1
            self.busy_registers -= 1
        for phone in phones:
            self.busy_registers += 1
            phone.register(self.domain, password + phone.user, count)

    # --- the loop

    def tick(self, began, placed, rate):
        if self.rate != rate:
            return
        while placed < (time.monotonic() - began) * rate:
            self.place(self.random.choice(PLANS))
            placed += 1
            if self.idle and placed % 4 == 0:
                self.refresh([self.random.choice([*self.called.values(), *self.idle])])
        self.timers.after(1.0 / rate, self.tick, began, placed, rate)

    def do(self, command, *args):
        """An answer, or None: it comes later."""
        if command == "register":
            self.refresh([*self.called.values(), *self.idle])
            return self.later(lambda: not self.busy_registers, lambda: self.registers)
        if command == "stand":
            for n in range(args[0]):
                self.timers.after(n * 0.02, self.place, "stand")
            return self.later(lambda: len(self.standing) >= args[0] and all(
                d.fate.up and d.fate.b.acked() for d in self.standing), lambda: True)
        if command == "begin":
            self.rate = args[0]
            self.tick(time.monotonic(), 0, self.rate)
        if command == "end":
            self.rate = 0
        if command == "change":
            before = [len(d.fate.changed) for d in self.standing]
            for n, d in enumerate(self.standing):
                side = d if n % 2 else d.fate.b
                self.timers.after(n * 0.01, lambda s=side: s.over or s.change())
            return self.later(lambda: all(
                d.over or d.fate.b.over or len(d.fate.changed) > b
                for d, b in zip(self.standing, before)), lambda: True)
        if command == "finish":
            return self.finish(args[0])
        if command == "hang_up":                # every side of every call that is up
            for phone in [self.caller, *self.called.values()]:
                for d in list(phone.dialogs.values()):
                    if not d.over and d.fate.b_final == 200:
                        d.bye()
        return True

    def finish(self, seconds):
        end = time.monotonic() + seconds
        for n, d in enumerate(self.standing):
            self.timers.after(n * 0.01, (d if n % 2 else d.fate.b).bye)
        return self.later(lambda: time.monotonic() > end or not (
            self.busy_registers or any(f.open for f in self.fates.values())), self.report)

    def report(self):
        for fate in self.fates.values():
            vars(fate).pop("b", None)
        phones = [self.caller, *self.called.values(), *self.idle]
        wires = [p.wire for p in phones]
        late = [text for p in phones for text in p.late]
        return Report(list(self.fates.values()), self.registers, [sum(x) for x in zip(
            *((w.passed, w.lost, w.doubled, w.delayed) for w in wires))], late)

    def later(self, true, result):
        def look():
            if true():
                self.pipe.send(result())
            else:
                self.timers.after(0.02, look)
        look()

    def run(self):
        wires = [p.wire for p in [self.caller, *self.called.values(), *self.idle]]
        while True:
            for _ in turn(wires, self.timers, [self.pipe]):
                try:
                    words = self.pipe.recv()
                except EOFError:
                    return
                answer = self.do(*words)
                if answer is not None:
                    self.pipe.send(answer)


def run(pipe, *args):
    try:
        Load(pipe, *args).run()
    except KeyboardInterrupt:
        pass


class Traffic:
    """The test's end of it."""

    def __init__(self, server, domain, users, seed, registering=(), **network):
        self.pipe, far = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("spawn").Process(
            target=run, args=(far, server, domain, users, seed, registering, network), daemon=True)
        self.process.start()
        far.close()

    def ask(self, *words, seconds=60):
        self.pipe.send(words)
        assert self.pipe.poll(seconds), "the load does not answer: %s" % (words,)
        return self.pipe.recv()

    def __getattr__(self, command):
        return lambda *args: self.ask(command, *args)

    def finish(self, seconds=50):
        return self.ask("finish", seconds, seconds=seconds + 10)

    def close(self):
        self.pipe.close()
        self.process.join(3)
        if self.process.is_alive():
            self.process.kill()
