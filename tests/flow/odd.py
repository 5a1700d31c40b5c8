"""Requests that no phone sends, as text."""
from sip_text import word


def request(phone, method="INVITE", uri="sip:1001@pbx.test", change=None, body="", **headers):
    """A request as text, whose headers may be replaced (_ for -), left out (None) or given twice (a list);
    change: of the whole text."""
    known = {"Via": "SIP/2.0/%s %s;branch=z9hG4bK%s;rport" % (phone.link.name, phone.sent_by, word()),
             "Max-Forwards": "70", "From": "<sip:x@pbx.test>;tag=" + word(), "To": "<%s>" % uri,
             "Call-ID": word(20), "CSeq": "1 " + method, "Contact": phone.contact,
             "Content-Length": str(len(body))}
    known.update({k.replace("_", "-"): v for k, v in headers.items()})
    lines = ["%s %s SIP/2.0" % (method, uri)]
    for name, value in known.items():
        for v in value if isinstance(value, list) else [value] * (value is not None):
            lines.append("%s: %s" % (name, v))
    text = "\r\n".join(lines) + "\r\n\r\n" + body
    return (change(text) if change else text).encode("utf-8", "surrogateescape")


def works(office):
    """Two others call each other."""
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    office.hang_up(a.ua, b.ua)
