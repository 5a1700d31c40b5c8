"""A small SIP user agent that works on text, for tests that read like the call they test:

    alice, bob = UA("alice", server), UA("bob", server)
    alice.register(); bob.register()
    alice.invite("bob", sdp=sdp())
    bob.expect("INVITE"); bob.reply(180)
    alice.expect(180)
    bob.reply(200, sdp=sdp()); alice.expect(200); alice.ack()
    bob.expect("ACK")
    alice.bye(); bob.expect("BYE"); bob.reply(200); alice.expect(200)

Nothing happens behind the test's back but what RFC 3261 17 asks of a transaction: a refusal of an
INVITE is ACKed (auto_ack), retransmissions are passed over and counted (repeats). 100 is passed over
unless it is expected, a challenge is answered (auth). There is no thread and no timer: what a test
wants repeated it sends again with resend().

ua.call is the call of the last message sent or matched; with several calls, keep them:

    first = alice.invite("bob");  second = alice.invite("carol")
    first.expect(180);  second.cancel()
"""

import time

from link import LINKS
from sip_text import (Message, challenge_of, digest_answer, sdp, uri_of, param,  # noqa: F401
                      split_list, word)

PATIENCE = 4.0          # seconds that expect() waits at most


def contact_headers(contact):
    """One Contact, or a list of them."""
    return [("Contact", c) for c in ([contact] if isinstance(contact, str) else contact)]


class Call:
    """A dialog, or what may become one, as its user agent sees it."""

    def __init__(self, ua, call_id, local, remote, target):
        self.ua, self.call_id = ua, call_id
        self.local, self.remote = local, remote     # From and To values of our requests, with tags
        self.target = target                        # Request-URI of what we send
        self.routes = []
        self.cseq = ua.first_cseq - 1
        self.invite_sent = None                     # last INVITE we sent
        self.requests = []                          # received, not finally answered
        self.sdp_version = 0

    # --- as a client

    def request(self, method, uri=None, headers=(), body=b"", sdp=None, cseq=None, contact=True,
                auth=None, branch=None, to=None, content_type=None, max_forwards=70):
        """Sends a request of this dialog and returns it."""
        ua = self.ua
        if cseq is None:
            if method not in ("ACK", "CANCEL"):
                self.cseq += 1
            cseq = self.cseq
        if sdp is not None:
            body, content_type = sdp, "application/sdp"
        m = Message("%s %s SIP/2.0" % (method, uri or self.target), [
            ("Via", ua.via(branch)), ("Max-Forwards", str(max_forwards)), ("From", self.local),
            ("To", to or self.remote), ("Call-ID", self.call_id),
            ("CSeq", "%d %s" % (cseq, method))], body)
        m.headers += [("Route", r) for r in self.routes]
        if contact is True:
            m.headers.append(("Contact", ua.contact))
        elif contact:
            m.headers += contact_headers(contact)
        if auth:
            m.headers.append(auth)
        if content_type:
            m.headers.append(("Content-Type", content_type))
        m.headers += list(headers)
        m.call = self
        if method == "INVITE":
            self.invite_sent = m
        if method != "ACK":
            self.sent = m
        ua.call = self
        ua.send(m)
        return m

    def again_with(self, challenge, request=None):
        """The same request with credentials for this 401 or 407 response."""
        old = request or self.sent
        keep = [(n, v) for n, v in old.headers if n in (
            "Expires", "Supported", "Path", "User-Agent", "Event", "Require", "Subject", "Contact",
            "Session-Expires", "Min-SE", "Accept", "Refer-To", "P-Asserted-Identity", "Privacy",
            "History-Info", "Diversion", "Alert-Info", "Call-Info", "X-Test", "Allow",
            "Record-Route", "SIP-If-Match", "Replaces", "Content-Disposition", "Identity", "Date")]
        return self.request(old.method, uri=old.uri, headers=keep, body=old.body, contact=None,
                            auth=self.ua.credentials(challenge, old.method, old.uri),
                            content_type=old.get("Content-Type"), to=old["To"])

    def reinvite(self, sdp=None, **more):
        return self.request("INVITE", sdp=sdp, **more)

    def ack(self, sdp=None, **more):
        """For a 2xx; a refusal is ACKed by itself."""
        return self.request("ACK", sdp=sdp, cseq=self.invite_sent.cseq, **more)

    def cancel(self, headers=()):
        """RFC 3261 9.1: as the INVITE, its branch too."""
        i = self.invite_sent
        m = Message("CANCEL %s SIP/2.0" % i.uri, [("Via", i["Via"]), ("Max-Forwards", "70"),
                    ("From", i["From"]), ("To", i["To"]), ("Call-ID", i["Call-ID"]),
                    ("CSeq", "%d CANCEL" % i.cseq)] + list(headers))
        self.ua.send(m)
        return m

    def bye(self, **more):
        return self.request("BYE", contact=None, **more)

    def resend(self):
        """Exactly the last request again."""
        self.ua.send(self.sent)

    # --- as a server

    def reply(self, status, reason=None, to=None, sdp=None, headers=(), body=b"", content_type=None,
              contact=True, tag=None):
        """Answers the last request, or `to`: a request or the method of one."""
        request = to if isinstance(to, Message) else self._pending(to)
        m = self.ua.response(request, status, reason, sdp, headers, body, content_type, contact,
                             tag or param(self.local, "tag"))
        if status >= 200 and request in self.requests:
            self.requests.remove(request)
        self.ua.call = self
        self.ua.send(m, back=request)
        self.answered = (m, request)
        return m

    def reply_again(self):
        """Exactly the last response again."""
        m, request = self.answered
        self.ua.send(m, back=request)

    def _pending(self, method):
        for request in reversed(self.requests):
            if method in (None, request.method):
                return request
        raise AssertionError("%s: no request to answer" % self.ua.name)

    # --- what came

    def expect(self, what, **more):
        return self.ua.expect(what, call=self, **more)

    def saw(self, m):
        """Learns from a received message of this call."""
        if m.method:
            if m.method != "ACK":
                self.requests.append(m)
            if m.method in ("INVITE", "UPDATE", "SUBSCRIBE") and m.has("Contact"):
                self.target = m.contact
            return
        if m.status > 100 and m.tag("To") and m.cseq_method in ("INVITE", "SUBSCRIBE") \
                and m.status < 300:
            self.remote = m["To"]
            if m.has("Contact"):
                self.target = m.contact
            if m.has("Record-Route"):
                self.routes = list(reversed(m.values("Record-Route")))


class UA:
    """A phone. `server`: (host, port) of the exchange."""

    def __init__(self, name, server, domain="pbx.test", password=None, transport="udp",
                 algorithm="MD5", host="127.0.0.1", port=0, user=None, **link):
        self.name, self.server, self.domain = name, server, domain
        self.user = user or name
        self.password = "secret-" + name if password is None else password
        self.transport, self.algorithm = transport, algorithm
        self.link = LINKS[transport](server, host, port, **link)
        self.aor = "sip:%s@%s" % (name, domain)
        self.display = None
        self.first_cseq = 1
        self.auto_ack = True
        self.call = None
        self.calls = {}
        self.registration = None
        self.inbox, self.seen, self.repeats = [], [], []
        self.drops = []
        self.uses = {}                  # nonce: how often we used it
        self.ladder = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.link.close()

    close = __exit__

    # --- what we are called

    @property
    def sent_by(self):
        host, port = self.link.local
        return "%s:%d" % ("[%s]" % host if ":" in host else host, port)

    @property
    def contact_uri(self):
        more = "" if self.transport == "udp" else ";transport=" + self.transport
        return "sip:%s@%s%s" % (self.name, self.sent_by, more)

    @property
    def contact(self):
        return "<%s>" % self.contact_uri

    def via(self, branch=None):
        return "SIP/2.0/%s %s;branch=%s;rport" % (self.link.name, self.sent_by,
                                                  branch or "z9hG4bK" + word(16))

    def address(self, who):
        """A name to the URI of its AoR; a URI stays."""
        return who if ":" in who else "sip:%s@%s" % (who, self.domain)

    # --- sending

    def send(self, m, back=None):
        data = m.bytes() if isinstance(m, Message) else m
        self.ladder.append("%s --> %s" % (self.name, m if isinstance(m, Message) else data[:60]))
        self.link.send(data)

    def send_raw(self, data):
        """Bytes as they are; text gets the line ends of SIP."""
        if isinstance(data, str):
            data = data.replace("\r\n", "\n").replace("\n", "\r\n").encode()
        self.send(data)

    def new_call(self, to, call_id=None, from_uri=None, from_tag=None):
        display = '"%s" ' % self.display if self.display else ""
        call = Call(self, call_id or word(16) + "@" + self.link.local[0],
                    "%s<%s>;tag=%s" % (display, from_uri or self.aor, from_tag or word(8)),
                    "<%s>" % self.address(to), self.address(to))
        self.calls[call.call_id] = call
        self.call = call
        return call

    def invite(self, to, sdp=None, auth=True, call_id=None, from_uri=None, from_tag=None, **more):
        """Calls somebody; answers a challenge. Returns the call, whose responses are to come."""
        call = self.new_call(to, call_id, from_uri, from_tag)
        call.request("INVITE", sdp=sdp, **more)
        if auth:
            first = self.take(lambda m: m.call is call and m.status not in (None, 100))
            if first.status in (401, 407):
                call.again_with(first)
            else:
                self.inbox.insert(0, first)
        return call

    def request(self, method, to=None, uri=None, auth=True, timeout=PATIENCE, **more):
        """A request outside of any dialog; returns its final response."""
        call = self.new_call(to or self.aor)
        call.request(method, uri=uri, **more)
        return self.final(call, auth, timeout)

    def final(self, call, auth=True, timeout=PATIENCE):
        """The final response to a call's last request; one challenge is answered on the way."""
        response = self.take(lambda m: m.call is call and (m.status or 0) >= 200, timeout)
        if auth and response.status in (401, 407):
            call.again_with(response)
            response = self.take(lambda m: m.call is call and (m.status or 0) >= 200, timeout)
        return response

    def register(self, status=200, contact=True, expires=None, headers=(), to=None, auth=True,
                 call_id=None, cseq=None, fresh=False, uri=None, from_uri=None):
        """REGISTER, challenge, REGISTER: returns the final response, whose status must be `status`
        (None: any). Later ones refresh (same Call-ID) unless `fresh`."""
        if self.registration is None or fresh or call_id or to:
            call = self.new_call(to or self.aor, call_id=call_id, from_uri=from_uri)
            if not to and not call_id:
                self.registration = call
        else:
            call = self.registration
        headers = list(headers)
        if expires is not None:
            headers.append(("Expires", str(expires)))
        call.request("REGISTER", uri=uri or "sip:" + self.domain, contact=contact, headers=headers,
                     cseq=cseq, to=self.address(to or self.aor).join("<>"))
        response = self.final(call, auth)
        assert status in (None, response.status), self.story("expected %s" % status, response)
        return response

    def unregister(self, **more):
        return self.register(expires=0, **more)

    def credentials(self, response, method, uri, nc=None):
        """(header, value) that answers a 401 or 407: the UA's algorithm if it is offered."""
        name, header = ("WWW-Authenticate", "Authorization") if response.status == 401 else (
            "Proxy-Authenticate", "Proxy-Authorization")
        offers = [challenge_of(v) for v in response.all(name)]
        pick = [c for c in offers if c.get("algorithm", "MD5") == self.algorithm] or offers
        nonce = pick[0]["nonce"]
        self.uses[nonce] = nc or self.uses.get(nonce, 0) + 1
        return header, digest_answer(pick[0], method, uri, self.user, self.password,
                                     self.uses[nonce])

    def response(self, request, status, reason=None, sdp=None, headers=(), body=b"",
                 content_type=None, contact=True, tag=None):
        if sdp is not None:
            body, content_type = sdp, "application/sdp"
        to = request["To"]
        if status > 100 and param(to, "tag") is None:
            to += ";tag=" + (tag or word(8))
        m = Message("SIP/2.0 %d %s" % (status, reason or "Reason"),
                    [("Via", v) for v in request.all("Via")] + [
                        ("From", request["From"]), ("To", to), ("Call-ID", request["Call-ID"]),
                        ("CSeq", request["CSeq"])], body)
        m.headers += [("Record-Route", r) for r in request.all("Record-Route")]
        if contact is True and 100 < status < 300 and request.method in ("INVITE", "UPDATE",
                                                                         "SUBSCRIBE"):
            m.headers.append(("Contact", self.contact))
        elif contact and contact is not True:
            m.headers += contact_headers(contact)
        if content_type:
            m.headers.append(("Content-Type", content_type))
        m.headers += list(headers)
        return m

    # --- receiving

    def expect(self, what, timeout=PATIENCE, call=None, **checks):
        """The next message must be this: a status (180), a class ("2xx"), a method ("INVITE") or
        "METHOD status" ("CANCEL 200"). checks: headers with their values (_ for -), None: absent.
        Sets ua.call; returns the message."""
        m = self.take(lambda m: call is None or m.call is call, timeout,
                      skip_trying=str(what) != "100", why=what)
        assert self._is(m, str(what)), self.story("expected %s" % what, m)
        for name, value in checks.items():
            name = name.replace("_", "-")
            assert m.get(name) == value, self.story("expected %s: %s, not %s" % (
                name, value, m.get(name)), m)
        if m.call is not None:
            self.call = m.call
        return m

    @staticmethod
    def _is(m, what):
        method, _, status = what.rpartition(" ")
        if m.method:
            return what == m.method
        if method and m.cseq_method != method:
            return False
        return status == str(m.status) or (status.endswith("xx") and status[0] == str(m.status)[0])

    def take(self, wanted, timeout=PATIENCE, skip_trying=True, why="a message"):
        """The first message that is wanted; others wait."""
        deadline = time.monotonic() + timeout
        while True:
            for m in self.inbox:
                if skip_trying and m.status == 100:
                    continue
                if wanted(m):
                    self.inbox.remove(m)
                    return m
            if not self._receive(deadline):
                raise AssertionError(self.story("%s did not come in %.1f s" % (why, timeout)))

    def silence(self, seconds, but=()):
        """Nothing new comes for so long (methods and statuses in `but` may)."""
        deadline = time.monotonic() + seconds
        while self._receive(deadline):
            pass
        left = [m for m in self.inbox if m.status != 100 and (m.method or m.status) not in but]
        assert not left, self.story("expected silence", left[0])

    def listen(self):
        """Takes in what has come."""
        while self._receive(time.monotonic()):
            pass

    def drop(self, what, times=1):
        """The next so many messages of this kind are lost on their way to us."""
        self.drops += [str(what)] * times

    def _receive(self, deadline):
        """Takes in one message; False when none came."""
        data = self.link.receive(deadline)
        if data is None:
            return False
        m = Message.parse(data)
        m.at = time.monotonic()
        m.raw = data
        for what in self.drops:
            if self._is(m, what):
                self.drops.remove(what)
                self.ladder.append("%s <-x %s" % (self.name, m))
                return True
        self.ladder.append("%s <-- %s" % (self.name, m))
        self._sort(m)
        return True

    def _sort(self, m):
        again = any(m.is_again(old) for old in self.seen)
        self.seen.append(m)
        call = self.calls.get(m.get("Call-ID"))
        if call is None and m.method in ("INVITE", "SUBSCRIBE", "REFER", "MESSAGE", "OPTIONS",
                                         "NOTIFY") and not again:
            call = Call(self, m["Call-ID"], "%s;tag=%s" % (m["To"], word(8)), m["From"],
                        m.contact if m.has("Contact") else uri_of(m["From"]))
            call.routes = m.values("Record-Route")
            self.calls[call.call_id] = call
        m.call = call
        if self.auto_ack and (m.status or 0) >= 300 and m.cseq_method == "INVITE":
            self._ack_refusal(m)
        if again:
            self.repeats.append(m)
            return
        if call is not None:
            call.saw(m)
        self.inbox.append(m)

    def _ack_refusal(self, m):
        """RFC 3261 17.1.1.3: Via, Request-URI and Route of the INVITE, To of the response."""
        i = m.call.invite_sent if m.call else None
        if i is None or i.cseq != m.cseq:
            return
        self.send(Message("ACK %s SIP/2.0" % i.uri, [
            ("Via", i["Via"]), ("Max-Forwards", "70"), ("From", i["From"]), ("To", m["To"]),
            ("Call-ID", i["Call-ID"]), ("CSeq", "%d ACK" % i.cseq)] + [
            ("Route", r) for r in i.all("Route")]))

    def story(self, what, m=None):
        """Why a test failed, with the ladder so far."""
        return "%s: %s%s\n  %s%s" % (
            self.name, what, ", got %s" % m if m is not None else "",
            "\n  ".join(self.ladder[-25:]),
            "\n\n" + m.bytes().decode("utf-8", "replace") if m is not None else "")

    # --- in the call of the last message

    def reply(self, status, *args, **more):
        return self.call.reply(status, *args, **more)

    def ack(self, **more):
        return self.call.ack(**more)

    def bye(self, **more):
        return self.call.bye(**more)

    def cancel(self, **more):
        return self.call.cancel(**more)

    def reinvite(self, **more):
        return self.call.reinvite(**more)

    def resend(self):
        self.call.resend()
