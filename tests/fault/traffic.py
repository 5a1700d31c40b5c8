"""The load, in a process of its own: calls to registered phones, at a steady rate, with a plan for each; half of
them from a gateway (known by its address), half from those phones (known by their credentials), of which some dial
a number that sends them on. The test tells it what to do and asks what became of it.

    traffic = Traffic(server, "pbx.test", users, seed=1, forwards=("1017", "1001"))
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

from phones import Client, Dialog, Fate, Phone
from sip_text import sdp, uri_of, word
from wire import Timers, Wire, turn

GATEWAY, PHONES = "127.0.0.61", "127.0.0.62"
PLANS = ["talk"] * 16 + ["busy"] * 2 + ["cancel"] * 2


class Report:
    """fates: of all calls. registers: status -> how many. wires: (passed, lost, doubled, late). late: requests
    of the exchange in dialogs that were over long ago. replays: status -> how many INVITEs with credentials
    that had been used heard it."""

    def __init__(self, fates, registers, wires, late, replays):
        self.fates, self.registers, self.wires, self.late = fates, registers, wires, late
        self.replays = replays


class Load:
    """What runs in the other process."""

    def __init__(self, pipe, server, domain, users, seed, registering, forwards, network):
        self.pipe, self.server, self.domain = pipe, server, domain
        self.random = random.Random(seed)
        self.timers = Timers()
        self.caller = Phone("gateway", self.wire(GATEWAY, seed + 1, network), self.timers)
        self.called = {u: Phone(u, self.wire(PHONES, seed + 2, network), self.timers,
                                "secret-" + u) for u in users}
        self.idle = [Phone(u, self.wire(PHONES, seed + 3, network), self.timers, "secret-" + u)
                     for u in registering]
        self.forwards = forwards        # who is never there, and to whom his calls go on
        for phone in self.called.values():
            phone.incoming = lambda m, p=phone: self.ring(p, m)
        self.fates, self.serial, self.rate = {}, itertools.count(1), 0
        self.registers, self.busy_registers = {}, 0
        self.replays, self.busy_replays = {}, 0
        self.standing = []

    def wire(self, host, seed, network):
        return Wire(host, self.server, self.timers, seed, **network)

    # --- the caller

    def place(self, kind):
        fate = Fate(next(self.serial), kind)
        self.fates[fate.serial] = fate
        a = self.random.choice([*self.called.values(), *self.idle]) \
            if self.random.random() < 0.5 else self.caller
        callee = self.random.choice([u for u in self.called if u != a.user])
        fate.payers = ("load",) if a is self.caller else (a.user,)
        if self.forwards and a.user != self.forwards[1] and self.random.random() < 0.2:
            callee = self.forwards[0]
            fate.payers += (callee,)
        d = self.dialog(a, fate, "sip:%s@%s" % (callee, self.domain))
        d.ask(lambda m: self.finally_(d, m))
        if kind == "cancel":
            self.timers.after(self.random.uniform(0.2, 0.8), self.cancel, d)
        if kind == "stand":
            self.standing.append(d)

    def dialog(self, a, fate, uri):
        """By the name he gives himself the called side knows which call it is."""
        d = Dialog(a, fate, "a", fate.call_id, '"9%07d" <sip:%s@%s>;tag=%s' % (
            fate.serial, a.user, self.domain, word(8)), "<%s>" % uri, uri)
        d.invited_at, d.tag = uri, None
        return d

    def cancel(self, d):
        if d.client.state == "calling":         # RFC 3261 9.1: not before a provisional response
            self.timers.after(0.2, self.cancel, d)
        if d.client.state != "proceeding":
            return
        branch = d.client.key[0]
        data = d.text("CANCEL %s SIP/2.0" % d.invited_at, "CANCEL", branch, d.last[1])
        Client(d.phone, data, "CANCEL", branch, lambda m: None)

    def replay(self, used):
        """What somebody overheard, in a call of his own."""
        d = self.dialog(used.phone, Fate(0, "replay"), used.invited_at)
        d.auth = used.auth

        def then(m):
            self.busy_replays -= 1
            status = m.status if m else 0
            self.replays[status] = self.replays.get(status, 0) + 1
            if m:
                d.ack(m)
            d.end("replay")
        self.busy_replays += 1
        d.invite(then)

    def finally_(self, d, m):
        fate = d.fate
        fate.final, fate.resent = m.status if m else 0, d.client.repeats
        if d.auth and m and m.status != 503 and self.random.random() < 0.1:
            self.replay(d)
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
        fate = self.fates.get(int(m["From"].split('"')[1][1:]))
        if fate is None:                        # a replay that was let through
            return phone.answer(m, 486, tag=word(8))
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
            for phone in [self.caller, *self.called.values(), *self.idle]:
                for d in list(phone.dialogs.values()):
                    if not d.over and d.fate.b_final == 200:
                        d.bye()
        return True

    def finish(self, seconds):
        end = time.monotonic() + seconds
        for n, d in enumerate(self.standing):
            self.timers.after(n * 0.01, (d if n % 2 else d.fate.b).bye)
        return self.later(lambda: time.monotonic() > end or not (
            self.busy_registers or self.busy_replays or
            any(f.open for f in self.fates.values())), self.report)

    def report(self):
        for fate in self.fates.values():
            vars(fate).pop("b", None)
        phones = [self.caller, *self.called.values(), *self.idle]
        wires = [p.wire for p in phones]
        late = [text for p in phones for text in p.late]
        return Report(list(self.fates.values()), self.registers, [sum(x) for x in zip(
            *((w.passed, w.lost, w.doubled, w.delayed) for w in wires))], late, self.replays)

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

    def __init__(self, server, domain, users, seed, registering=(), forwards=(), **network):
        self.pipe, far = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("spawn").Process(
            target=run, args=(far, server, domain, users, seed, registering, forwards, network),
            daemon=True)
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
