"""Scenarios of sipp written as ladders, and sipp playing them.

    caller = Ladder("alice").invite("bob").hears(100).challenged(407, "INVITE") ...
    with Sipp(directory, caller, server) as alice:
        alice.wait("held")              # caller.says("held") was reached
        alice.tell(call_id, "...")      # goes on at caller.is_told()
        alice.done()                    # went as written, to the end

One Ladder is one dialog of one phone. What sipp hears out of turn, or with a header that is not as
checked, fails the scenario.
"""
import pathlib
import re
import socket
import subprocess
import threading
import time
from xml.sax.saxutils import quoteattr

from exchange import free_port, wait_until
from sip_text import challenge_of, digest_answer

REASONS = {180: "Ringing", 200: "OK", 202: "Accepted", 302: "Moved Temporarily",
           480: "Temporarily Unavailable", 486: "Busy Here", 487: "Request Terminated",
           503: "Service Unavailable"}
TAG = "[pid]t[call_number]"
VIA = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]"
COPIED = ["[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]"]


def description(direction="sendrecv", version=1, at="[media_ip]", port="[media_port]"):
    return ["v=0", "o=- 1 %d IN IP[local_ip_type] [local_ip]" % version, "s=-",
            "c=IN IP[media_ip_type] %s" % at, "t=0 0", "m=audio %s RTP/AVP 0" % port,
            "a=rtpmap:0 PCMU/8000", "a=" + direction]


class Ladder:
    """user: a subscriber. called: begins with an INVITE that is to come."""

    def __init__(self, user, domain="pbx.test", server="[remote_ip]:[remote_port]"):
        self.user, self.domain, self.server = user, domain, server
        self.steps, self.cseq, self.used = [], 0, set()
        self.target = self.remote = None
        self.contact = "Contact: <sip:%s@[local_ip]:[local_port];transport=[transport]>" % user
        self.local = "<sip:%s@%s>;tag=%s" % (user, domain, TAG)

    def xml(self):
        used = ",".join(sorted(self.used))
        return "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=%s>\n%s%s</scenario>\n" % (
            quoteattr(self.user), "".join(self.steps),
            "  <Reference variables=%s />\n" % quoteattr(used) if used else "")

    # --- what it sends

    def send(self, lines, sdp=None, again=False):
        kind, body = sdp if isinstance(sdp, tuple) else (
            "application/sdp", description(**sdp) if isinstance(sdp, dict) else [])
        lines = [*lines, *(["Content-Type: " + kind] if body else []), "Content-Length: [len]"]
        self.steps.append("  <send%s><![CDATA[\n%s\n\n%s]]></send>\n" % (
            ' retrans="500"' if again else "", "\n".join(lines), "\n".join(body) + "\n" if body else ""))
        return self

    def request(self, method, *headers, uri=None, to=None, cseq=None, sdp=None):
        if cseq is None:
            self.cseq += 1
        lines = ["%s %s SIP/2.0" % (method, uri or self.target), VIA, "From: " + self.local,
                 "To: " + (to or self.remote), "Call-ID: [call_id]",
                 "CSeq: %d %s" % (cseq or self.cseq, method), "Max-Forwards: 70", *headers]
        return self.send(lines, sdp, again=method != "ACK")

    def invite(self, to=None, *headers, sdp=True, **how):
        """To somebody, or (to None) once more in the dialog; how: of the description."""
        if to is not None:
            self.target, self.remote = "sip:%s@%s" % (to, self.server), "<sip:%s@%s>" % (to, self.server)
        return self.request("INVITE", self.contact, *headers, sdp=how if sdp else None)

    def register(self, *headers, contact=True):
        self.target = "sip:" + self.domain
        self.remote = "<sip:%s@%s>" % (self.user, self.domain)
        return self.request("REGISTER", *([self.contact] if contact is True else contact or []), *headers)

    def credentials(self):
        return "[$credentials]"

    def ack(self, sdp=None):
        return self.request("ACK", cseq=self.cseq, sdp=sdp)

    def ack_refusal(self):
        return self.send(["ACK %s SIP/2.0" % self.target, "[last_Via:]", "[last_From:]", "[last_To:]",
                          "[last_Call-ID:]", "CSeq: %d ACK" % self.cseq, "Max-Forwards: 70"])

    def cancel(self):
        return self.send(["CANCEL %s SIP/2.0" % self.target, "[last_Via:]", "[last_From:]",
                          "To: " + self.remote, "[last_Call-ID:]", "CSeq: %d CANCEL" % self.cseq,
                          "Max-Forwards: 70"], again=True)

    def bye(self):
        return self.request("BYE")

    def reply(self, status, *headers, new=False, sdp=None, to="last"):
        """new: what makes the dialog (then the tag is ours to give). to: "invite" when another request came
        last; "cancel" is answered once, an INVITE until there is an ACK."""
        lines = ["SIP/2.0 %d %s" % (status, REASONS[status]), *COPIED]
        if new:
            lines[3] += ";tag=" + TAG
        if to == "invite":
            lines[5] = "CSeq: [$cseq] INVITE"
        if status < 300:
            lines.append(self.contact)
        again = status >= 200 and status != 202 and to != "cancel"     # 202: to a REFER
        return self.send([*lines, *headers], sdp, again=again and (new or sdp is not None))

    # --- what it hears

    def recv(self, what, actions, checks, **attributes):
        for i, (name, pattern) in enumerate(checks.items()):
            name = name.replace("_", "-")
            where = 'search_in="body"' if name == "body" else 'search_in="hdr" header="%s:"' % name
            variable = "check%d" % len(self.used)
            self.used.add(variable)
            actions = [*actions, '<ereg regexp=%s %s check_it="true" assign_to="%s" />' % (
                quoteattr(pattern), where, variable)]
        self.steps.append("  <recv %s%s>%s</recv>\n" % (
            what, "".join(' %s="%s"' % pair for pair in attributes.items()),
            "<action>%s</action>" % "".join(actions) if actions else ""))
        return self

    def learn(self, header, variable, pattern="[^ ].*"):
        self.used.add(variable)
        return '<ereg regexp=%s search_in="hdr" header="%s:" check_it="true" assign_to="%s" />' % (
            quoteattr(pattern), header, variable)

    def challenged(self, status, method, password=None):
        """401 or 407. sipp takes the first challenge that there is and computes MD5 only: credentials come
        from outside."""
        name, header = ("WWW-Authenticate", "Authorization") if status == 401 else (
            "Proxy-Authenticate", "Proxy-Authorization")
        self.recv('response="%d"' % status, [self.learn(name, "challenge")], {})
        if method == "INVITE":
            self.ack_refusal()
        self.steps.append('  <nop><action><log message=%s /></action></nop>\n' % quoteattr(
            "challenged call-id=[call_id] %s|%s|%s|%s|%s|[$challenge]" % (
                header, method, self.target, self.user, password or "secret-" + self.user)))
        return self.is_told("X-Credentials", "credentials")

    def hears(self, status, optional=False, dialog=False, **checks):
        """dialog: this answer says who is talking and where."""
        actions = []
        if dialog:
            actions = [self.learn("To", "remote"), self.learn("Contact", "target", "sip:[^>]*")]
            self.remote, self.target = "[$remote]", "[$target]"
        return self.recv('response="%d"' % status, actions, checks,
                         **(dict(optional="true") if optional else {}))

    def expect(self, method, **checks):
        return self.recv('request="%s"' % method, [], checks)

    def called(self, method="INVITE", **checks):
        actions = [self.learn("From", "remote"), self.learn("To", "us"),
                   self.learn("Contact", "target", "sip:[^>]*"), self.learn("CSeq", "cseq", "[0-9]+")]
        self.remote, self.target, self.local = "[$remote]", "[$target]", "[$us];tag=" + TAG
        return self.recv('request="%s"' % method, actions, checks)

    def or_else(self, header, other):
        """Called with this header, it goes on as the other ladder does after its INVITE; Sipp's calls: 2."""
        first = self.steps[0].replace("<action>", '<action><ereg regexp="." search_in="hdr" header="%s:"'
                                      ' assign_to="other" />' % header)
        self.steps[0] = first.replace("<recv ", '<recv next="1" test="other" ', 1)
        self.steps += ['  <nop next="2" />\n  <label id="1" />\n', *other.steps[1:], '  <label id="2" />\n']
        self.used |= other.used | {"other"}
        return self

    # --- together with its user

    def says(self, word):
        """To Sipp.wait(): the word, and which dialog this is."""
        self.steps.append('  <nop><action><log message=%s /></action></nop>\n' % quoteattr(
            "%s call-id=[call_id] local=%s remote=%s end" % (word, self.local, self.remote)))
        return self

    def is_told(self, header="X-Told", variable="told"):
        """What Sipp.tell() says is in $told from here on."""
        return self.recv('request="INFO"', [self.learn(header, variable)], {})

    # --- what comes often

    def calls(self, to, *headers, **how):
        """407 and all, until it is answered."""
        self.invite(to, *headers, **how).hears(100, optional=True).challenged(407, "INVITE")
        return self.invite(to, self.credentials(), *headers, **how).hears(100, optional=True)

    def talks(self):
        return self.hears(180, optional=True).hears(200, dialog=True, body="m=audio").ack()

    def answers(self, **checks):
        self.called(**checks).reply(180, new=True)
        return self.reply(200, new=True, sdp={}).expect("ACK")

    def is_hung_up_on(self):
        return self.expect("BYE").reply(200)

    def notifies(self, state, text):
        """What became of a REFER."""
        return self.request("NOTIFY", self.contact, "Event: refer", "Subscription-State: " + state,
                            sdp=("message/sipfrag;version=2.0", ["SIP/2.0 " + text])).hears(200)

    def hangs_up(self):
        return self.bye().hears(200)


class Sipp:
    """A sipp that plays a ladder once. The port is free before it starts."""

    def __init__(self, directory, ladder, server, port=None, calls=1):
        self.port = port or free_port()
        here = pathlib.Path(directory) / ("%s-%d" % (ladder.user, self.port))
        here.mkdir()
        (here / "ladder.xml").write_text(ladder.xml())
        self.log = here / "log"
        self.here = here
        self.process = subprocess.Popen(
            ["sipp", "-sf", "ladder.xml", "-i", "127.0.0.1", "-p", str(self.port), "-m", str(calls), "-nostdin",
             "-timeout", "30s", "-timeout_error", "-trace_logs", "-log_file", str(self.log),
             "-trace_err", "-error_file", str(here / "errors"), "-trace_msg", "-message_file",
             str(here / "messages"), "%s:%d" % server],
            cwd=here, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        wait_until(self.is_bound, 5)
        self.thread = threading.Thread(target=self.answer_challenges, daemon=True)
        self.thread.start()

    def is_bound(self):
        """Its socket is there, or it has done all it had to."""
        mark = ":%04X " % self.port
        return self.process.poll() is not None or mark in pathlib.Path("/proc/net/udp").read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.thread.join()

    def story(self):
        return "".join(p.read_text(errors="replace")[-6000:] for p in (self.here / "messages",
                                                                      self.here / "errors") if p.exists())

    def wait(self, word, seconds=10):
        """Until its ladder has said the word: (Call-ID, its tag, the other's tag)."""
        pattern = re.compile(r"%s call-id=(\S+) local=.*?tag=(\S+) remote=.*?tag=(\S+) end" % word)

        def said():
            assert self.process.poll() in (None, 0), self.story()
            return self.log.exists() and pattern.search(self.log.read_text())
        return wait_until(said, seconds).groups()

    def answer_challenges(self):
        """Computes credentials for as long as it runs."""
        answered = 0
        while self.process.poll() is None:
            text = self.log.read_text() if self.log.exists() else ""
            found = re.findall(r"challenged call-id=(\S+) (.*)\n", text)
            for call_id, rest in found[answered:]:
                header, method, uri, user, password, challenge = rest.split("|", 5)
                self.tell(call_id, "%s: %s" % (header, digest_answer(
                    challenge_of(challenge), method, uri, user, password, 1)), "X-Credentials")
            answered = len(found)
            time.sleep(0.01)

    def tell(self, call_id, value="now", header="X-Told"):
        """Its user presses a key: a message that only it can match."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(("INFO sip:key SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKkey\r\n"
                      "From: <sip:key>;tag=k\r\nTo: <sip:key>\r\nCall-ID: %s\r\nCSeq: 1 INFO\r\n%s: %s\r\n"
                      "Content-Length: 0\r\n\r\n" % (call_id, header, value)).encode(),
                     ("127.0.0.1", self.port))

    def done(self, seconds=30):
        """It went as written."""
        status = self.process.wait(seconds)
        assert status == 0, self.story()
