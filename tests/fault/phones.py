"""The two sides of the load: transactions, dialogs and calls of RFC 3261 over UDP, as text, with all
retransmissions; many calls at once and no waiting. It checks nothing: what happened stands in each call's
Fate, for the test to judge."""
import time

from sip_text import Message, challenge_of, digest_answer, sdp, uri_of, word

T1, T2, T64 = 0.5, 4.0, 32.0


class Fate:
    """What became of one call. kind: what was planned (traffic.py); final: the caller's final status;
    trying: seconds to the first response; unanswered: requests of ours in the dialog that timed out;
    gone: such that were answered 481; changed: statuses of re-INVITEs; up, down: when the caller's ACK
    and the end were."""

    def __init__(self, serial, kind):
        self.serial, self.kind = serial, kind
        self.call_id = "%s-%d" % (word(12), serial)
        self.at = time.monotonic()
        self.final = self.trying = self.up = self.down = self.b_final = None
        self.unanswered, self.gone, self.changed, self.notes = [], [], [], []
        self.legs, self.open = 0, set()     # INVITEs that reached B; sides that are not over
        self.resent = 0                     # INVITEs that the caller had to repeat
        self.retry_after = None             # of its refusal
        self.payers = ()                    # of the call's records, in order

    @property
    def answered(self):
        return self.final is not None and self.final < 300

    def __repr__(self):
        return "call %d %s: %s" % (self.serial, self.kind, {
            k: v for k, v in vars(self).items() if k not in ("serial", "kind") and v})


class Client:
    """A client transaction: repeats until it is answered; then(response or None) once."""

    def __init__(self, phone, data, method, branch, then):
        self.phone, self.data, self.then, self.invite = phone, data, then, method == "INVITE"
        self.key = branch, method
        self.began, self.wait, self.state, self.repeats = time.monotonic(), T1, "calling", 0
        self.on_first = None
        phone.clients[self.key] = self
        phone.wire.send(data)
        phone.timers.after(T1, self.again)
        phone.timers.after(T64 if not self.invite else 3 * T64, self.give_up)

    def again(self):
        if self.state == "done" or (self.invite and self.state == "proceeding"):
            return
        if time.monotonic() - self.began >= T64:
            return self.give_up()
        self.repeats += 1
        self.phone.wire.send(self.data)
        self.wait = self.wait * 2 if self.invite else min(2 * self.wait, T2)
        self.phone.timers.after(self.wait, self.again)

    def give_up(self):
        if self.state != "done":
            self.state = "done"
            self.phone.forget(self.phone.clients, self.key)
            self.then(None)

    def got(self, m):
        if self.on_first:
            self.on_first(m)
            self.on_first = None
        if m.status < 200:
            if self.state == "calling":
                self.state = "proceeding"
        elif self.state != "done":
            self.state = "done"
            self.phone.forget(self.phone.clients, self.key)
            self.then(m)


class Dialog:
    """One side's. fate: the call it belongs to; side: "a" or "b"."""

    def __init__(self, phone, fate, side, call_id, local, remote, target):
        self.phone, self.fate, self.side = phone, fate, side
        self.call_id, self.local, self.remote, self.target = call_id, local, remote, target
        self.cseq = 0
        self.version = 1
        self.acks = {}              # CSeq number of an INVITE of ours: its ACK to a 2xx
        self.waiting = {}           # CSeq number of an INVITE to us: (response, is there an ACK?)
        self.over = False
        self.auth = None            # of the next INVITE
        fate.open.add(side)
        phone.dialogs[call_id] = self

    def end(self, why):
        if not self.over:
            self.over = True
            self.phone.forget(self.phone.dialogs, self.call_id)
            self.fate.notes.append("%s %s" % (self.side, why))
            self.fate.open.discard(self.side)
            self.fate.down = self.fate.down or time.monotonic()

    def text(self, start, method, branch, cseq, body=""):
        p = self.phone
        lines = [start, "Via: SIP/2.0/UDP %s;branch=%s;rport" % (p.wire.name, branch),
                 "Max-Forwards: 70", "From: " + self.local, "To: " + self.remote,
                 "Call-ID: " + self.call_id, "CSeq: %d %s" % (cseq, method)]
        if method == "INVITE":
            lines += ["Contact: <sip:%s@%s>" % (p.user, p.wire.name), "Allow: INVITE, ACK, CANCEL, BYE",
                      "Content-Type: application/sdp"]
        if method == "INVITE" and self.auth:
            lines.append("Proxy-Authorization: " + self.auth)
        lines += ["Content-Length: %d" % len(body), "", body]
        return "\r\n".join(lines).encode()

    def request(self, method, then, body=""):
        self.cseq += 1
        branch = "z9hG4bK" + word(16)
        self.last = branch, self.cseq
        return Client(self.phone, self.text("%s %s SIP/2.0" % (method, self.target), method, branch,
                                            self.cseq, body), method, branch, then)

    def invite(self, then, port=40000):
        self.version += 1
        return self.request("INVITE", then, sdp(port=port, version=self.version))

    def ack(self, m):
        """To an answer: a request of its own. To a refusal: the INVITE's branch."""
        branch, uri = "z9hG4bK" + word(16), self.target
        if m.status >= 300:
            branch, uri = m.branch, self.invited_at
        self.remote = m["To"]
        data = self.text("ACK %s SIP/2.0" % uri, "ACK", branch, m.cseq)
        self.acks[m.cseq] = data
        self.phone.wire.send(data)

    def ask(self, then, left=8):
        """The first INVITE, as often as there is a new challenge."""
        def answered(m):
            if m is None or m.status != 407 or left == 0:
                return then(m)
            self.phone.challenged(m)
            remote = self.remote
            self.ack(m)
            self.remote = remote            # there is no dialog yet
            return self.ask(then, left - 1)
        self.auth = self.phone.authorize("INVITE", self.invited_at)
        self.client = self.invite(answered)
        self.client.on_first = self.first

    def first(self, m):
        if self.fate.trying is None:
            self.fate.trying = time.monotonic() - self.fate.at

    def change(self, done=None):
        """A re-INVITE."""
        self.invited_at, self.auth = self.target, None

        def then(m):
            self.fate.changed.append(m.status if m else 0)
            if m:
                self.ack(m)
            if done:
                done()
        self.invite(then, port=40000 + 2 * self.version)

    def bye(self):
        if self.over:
            return

        def then(m):
            if m is None:
                self.fate.unanswered.append(self.side + " BYE")
            elif m.status != 200:
                self.fate.gone.append("%s BYE %d" % (self.side, m.status))
            self.end("BYE")
        self.request("BYE", then)


class Phone:
    """One socket with many calls. incoming(m) handles an INVITE that starts a call. password: a subscriber's,
    who is challenged (RFC 7616): one nonce serves until there is another, and its count grows."""

    def __init__(self, user, wire, timers, password=None):
        self.user, self.wire, self.timers, self.password = user, wire, timers, password
        self.challenge, self.uses = None, 0
        self.clients, self.dialogs, self.served = {}, {}, {}
        self.strays = 0
        self.late = []              # requests in dialogs that were over long ago
        wire.deliver = self.deliver
        self.incoming = None

    def forget(self, what, key):
        """When nobody repeats anything any more: a soak takes hours."""
        self.timers.after(3 * T64, what.pop, key, None)

    def deliver(self, data):
        m = Message.parse(data)
        if m.method is None:
            return self.response(m)
        key = m.branch, m.method
        if m.method == "ACK":
            d = self.dialogs.get(m["Call-ID"])
            if d and m.cseq in d.waiting:
                d.waiting[m.cseq][1] = True
            return None
        if key in self.served:
            self.wire.send(self.served[key])
            return None
        return self.request(m)

    def challenged(self, m):
        """By each algorithm in turn."""
        offers = [c for c in map(challenge_of, m.all("Proxy-Authenticate"))
                  if c.get("algorithm", "MD5") in ("MD5", "SHA-256")]
        self.challenge, self.uses = offers[self.uses % len(offers)], 0

    def authorize(self, method, uri):
        if self.challenge is None:
            return None
        self.uses += 1
        return digest_answer(self.challenge, method, uri, self.user, self.password, self.uses)

    def response(self, m):
        client = self.clients.get((m.branch, m.cseq_method))
        if client is None:
            self.strays += 1
            return
        d = self.dialogs.get(m["Call-ID"])
        if client.state == "done" and client.invite and m.status >= 200 and d and m.cseq in d.acks:
            self.wire.send(d.acks[m.cseq])      # our ACK was lost
        client.got(m)

    def answer(self, m, status, body="", tag=None):
        to = m["To"]
        if status > 100 and "tag=" not in to:
            to += ";tag=" + tag
        lines = ["SIP/2.0 %d Reason" % status] + ["Via: " + v for v in m.all("Via")] + [
            "From: " + m["From"], "To: " + to, "Call-ID: " + m["Call-ID"], "CSeq: " + m["CSeq"]]
        if 100 < status < 300 and m.method == "INVITE":
            lines.append("Contact: <sip:%s@%s>" % (self.user, self.wire.name))
        if body:
            lines.append("Content-Type: application/sdp")
        lines += ["Content-Length: %d" % len(body), "", body]
        data = "\r\n".join(lines).encode()
        if (m.branch, m.method) not in self.served:
            self.forget(self.served, (m.branch, m.method))
        self.served[m.branch, m.method] = data
        self.wire.send(data)
        return data

    def final(self, m, d, status, body="", unheard=None):
        """A final answer to an INVITE, repeated until its ACK is there."""
        state = d.waiting[m.cseq] = [self.answer(m, status, body, d.tag), False]

        def again(wait, left):
            if state[1] or d.over and status < 300:
                return
            if left <= 0:
                d.fate.notes.append("%s no ACK to %d" % (d.side, status))
                if unheard:
                    unheard()
                return
            self.wire.send(state[0])
            self.timers.after(min(2 * wait, T2), again, min(2 * wait, T2), left - wait)
        self.timers.after(T1, again, T1, T64)

    def request(self, m):
        d = self.dialogs.get(m["Call-ID"])
        if m.method == "INVITE" and d is None and self.incoming and "tag=" not in m["To"]:
            return self.incoming(m)
        if d is None:
            self.late.append("%s of %s" % (m.method, m["Call-ID"]))
        if d is None or d.over and m.method != "CANCEL":
            if m.method == "BYE" and d:
                d.end("BYE")
                return self.answer(m, 200)
            return self.answer(m, 481, tag="none")
        if m.method == "BYE":
            d.end("BYE came")
            return self.answer(m, 200)
        if m.method == "CANCEL":
            self.answer(m, 200, tag=d.tag)
            return d.cancelled()
        if m.method == "INVITE":
            d.version += 1
            d.target = uri_of(m["Contact"])
            return self.final(m, d, 200, sdp(port=50000 + 2 * d.version, version=d.version))
        return self.answer(m, 200)

    def register(self, domain, password, then, left=4, auth=None, call_id=None, cseq=1):
        """then(status): 0 when nothing came."""
        call_id, branch = call_id or word(16), "z9hG4bK" + word(16)
        aor = "sip:%s@%s" % (self.user, domain)
        lines = ["REGISTER sip:%s SIP/2.0" % domain,
                 "Via: SIP/2.0/UDP %s;branch=%s;rport" % (self.wire.name, branch),
                 "Max-Forwards: 70", "From: <%s>;tag=%s" % (aor, word(8)), "To: <%s>" % aor,
                 "Call-ID: " + call_id, "CSeq: %d REGISTER" % cseq,
                 "Contact: <sip:%s@%s>" % (self.user, self.wire.name), "Expires: 600"]
        lines += ["Authorization: " + auth] if auth else []
        lines += ["Content-Length: 0", "", ""]

        def done(m):
            if m is None or m.status != 401 or left == 0:
                return then(m.status if m else 0)
            offers = [challenge_of(v) for v in m.all("WWW-Authenticate")]
            c = [o for o in offers if o.get("algorithm", "MD5") == "MD5"][0]
            return self.register(domain, password, then, left - 1, digest_answer(
                c, "REGISTER", "sip:" + domain, self.user, password), call_id, cseq + 1)
        Client(self, "\r\n".join(lines).encode(), "REGISTER", branch, done)
