"""SIP as text, for the tests' own user agent: shares nothing with what it tests."""

import hashlib
import re
import secrets

COMPACT = {"a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "e": "Content-Encoding",
           "f": "From", "i": "Call-ID", "k": "Supported", "l": "Content-Length", "m": "Contact",
           "o": "Event", "r": "Refer-To", "s": "Subject", "t": "To", "u": "Allow-Events",
           "v": "Via", "x": "Session-Expires"}


def word(n=10):
    """A random token for tags, branches and Call-IDs."""
    return secrets.token_hex((n + 1) // 2)[:n]


class Message:
    """A request or a response. m["To"] is the first such header (KeyError when absent), m.all("To")
    every one; names compare without case."""

    def __init__(self, start, headers=(), body=b""):
        self.start = start
        self.headers = list(headers)
        self.body = body.encode() if isinstance(body, str) else body
        self.at = None              # time.monotonic() of its arrival
        self.call = None            # the call it belongs to, if any
        if start.startswith("SIP/2.0 "):
            _, status, *reason = start.split(" ", 2)
            self.status, self.reason = int(status), reason[0] if reason else ""
            self.method, self.uri = None, None
        else:
            self.method, self.uri, _ = start.split(" ")
            self.status, self.reason = None, None

    @classmethod
    def parse(cls, data):
        head, _, body = data.partition(b"\r\n\r\n")
        text = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "surrogateescape"))
        start, *lines = text.split("\r\n")
        headers = []
        for line in lines:
            name, _, value = line.partition(":")
            name = name.strip()
            headers.append((COMPACT.get(name.lower(), name), value.strip()))
        return cls(start, headers, body)

    def bytes(self):
        lines = [self.start] + ["%s: %s" % h for h in self.headers]
        if not self.has("Content-Length"):
            lines.append("Content-Length: %d" % len(self.body))
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + self.body

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def values(self, name):
        """Every value of a header, also of those joined by commas."""
        return [v.strip() for line in self.all(name) for v in split_list(line)]

    def has(self, name):
        return bool(self.all(name))

    def get(self, name, otherwise=None):
        return (self.all(name) or [otherwise])[0]

    def __getitem__(self, name):
        found = self.all(name)
        if not found:
            raise KeyError("%s has no %s header" % (self, name))
        return found[0]

    @property
    def cseq(self):
        return int(self["CSeq"].split()[0])

    @property
    def cseq_method(self):
        return self["CSeq"].split()[1]

    @property
    def branch(self):
        return param(self["Via"], "branch")

    def tag(self, name):
        return param(self[name], "tag")

    @property
    def contact(self):
        """URI of the first Contact."""
        return uri_of(self["Contact"])

    @property
    def sdp(self):
        return self.body.decode()

    def is_again(self, other):
        """A retransmission of other?"""
        return (self.start, self.get("Via"), self.get("CSeq"), self.get("Call-ID"),
                self.get("To")) == (other.start, other.get("Via"), other.get("CSeq"),
                                    other.get("Call-ID"), other.get("To"))

    def __str__(self):
        return self.start if self.method else "%s (%s)" % (self.start, self.get("CSeq"))

    __repr__ = __str__


def split_list(text):
    """Cuts at commas outside quotes and <>."""
    return [p for p in re.findall(r'(?:"(?:\\.|[^"\\])*"|<[^>]*>|[^,"<])+', text) if p.strip()]


def uri_of(value):
    """The URI of a name-addr or addr-spec."""
    found = re.search(r"<([^>]*)>", value)
    return found.group(1) if found else value.split(";")[0].strip()


def params_of(value):
    """Header parameters (those outside <>) as a dict; names in lower case."""
    inside = re.match(r'(?:"(?:\\.|[^"\\])*"|[^<"])*<[^>]*>', value)
    outside = value[inside.end():] if inside else value
    found = {}
    for part in re.findall(r';\s*([^;=\s]+)\s*(?:=\s*("(?:\\.|[^"\\])*"|[^;\s]*))?', outside):
        found[part[0].lower()] = part[1].strip('"')
    return found


def param(value, name):
    return params_of(value).get(name.lower())


# --- digest (RFC 7616) ----------------------------------------------------------------------------

ALGORITHMS = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


def challenge_of(value):
    """A WWW-Authenticate or Proxy-Authenticate value as a dict."""
    assert value.startswith("Digest "), value
    return {k.lower(): v.strip('"')
            for k, v in re.findall(r'([\w-]+)\s*=\s*("[^"]*"|[^,\s]+)', value[7:])}


def digest_answer(challenge, method, uri, user, password, nc=1, cnonce=None):
    """The value of Authorization for a challenge (a dict of challenge_of)."""
    def h(text):
        return hashlib.new(ALGORITHMS[challenge.get("algorithm", "MD5")], text.encode()).hexdigest()
    realm, nonce = challenge["realm"], challenge["nonce"]
    cnonce = cnonce or word(16)
    ha1 = h("%s:%s:%s" % (user, realm, password))
    ha2 = h("%s:%s" % (method, uri))
    fields = ['username="%s"' % user, 'realm="%s"' % realm, 'nonce="%s"' % nonce, 'uri="%s"' % uri]
    if "qop" in challenge:
        count = "%08x" % nc
        response = h(":".join([ha1, nonce, count, cnonce, "auth", ha2]))
        fields += ['qop=auth', 'nc=%s' % count, 'cnonce="%s"' % cnonce]
    else:
        response = h(":".join([ha1, nonce, ha2]))
    fields.append('response="%s"' % response)
    for name in ("algorithm", "opaque"):
        if name in challenge:
            quote = '"' if name == "opaque" else ""
            fields.append("%s=%s%s%s" % (name, quote, challenge[name], quote))
    return "Digest " + ", ".join(fields)


# --- session descriptions -------------------------------------------------------------------------

def sdp(ip="127.0.0.1", port=40000, direction=None, version=1, session=1, codecs=("0 PCMU/8000",)):
    """A plain audio description."""
    lines = ["v=0", "o=- %d %d IN IP4 %s" % (session, version, ip), "s=-", "c=IN IP4 %s" % ip,
             "t=0 0",
             "m=audio %d RTP/AVP %s" % (port, " ".join(c.split()[0] for c in codecs))]
    lines += ["a=rtpmap:%s" % c for c in codecs]
    if direction:
        lines.append("a=%s" % direction)
    return "\r\n".join(lines) + "\r\n"
