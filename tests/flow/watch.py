"""A watcher of an event package (RFC 6665), as a user agent of the tests sees it:

    lamp = Watch(bob, alice.name, "dialog")     # SUBSCRIBE, 200
    first = lamp.state()                        # NOTIFY, answered; its body, read
    lamp.refresh(); lamp.end()
"""
import xml.etree.ElementTree as xml

from sip_text import param


class Watch:
    def __init__(self, ua, of, event, expires=None, status=200, headers=(), **more):
        self.ua = ua
        headers = [("Event", event)] + list(headers)
        if expires is not None:
            headers.append(("Expires", str(expires)))
        self.call = ua.new_call(of)
        self.call.request("SUBSCRIBE", headers=headers, **more)
        self.response = ua.final(self.call)
        assert status in (None, self.response.status), ua.story("expected %s" % status, self.response)
        self.event = event

    @property
    def granted(self):
        return int(self.response["Expires"])

    # --- what comes

    def notify(self, status=200, timeout=4.0, headers=()):
        """The next NOTIFY, answered with status (None: not)."""
        m = self.ua.take(lambda m: m.call is self.call, timeout, why="NOTIFY")
        assert m.method == "NOTIFY", self.ua.story("expected NOTIFY", m)
        assert m["Event"] == self.event, m["Event"]
        if status is not None:
            self.call.reply(status, to=m, headers=headers)
        return m

    def state(self, **more):
        """The next document: an XML element, or text; `last` is the NOTIFY it came in."""
        self.last = self.notify(**more)
        if not self.last["Content-Type"].endswith("+xml"):
            return self.last.body.decode()
        return xml.fromstring(self.last.body)

    def until(self, wanted, timeout=4.0):
        """The first document of which wanted() is true."""
        while True:
            document = self.state(timeout=timeout)
            if wanted(document):
                return document

    # --- what is asked

    def again(self, expires, status=200, headers=(), **more):
        """SUBSCRIBE in the dialog."""
        self.call.request("SUBSCRIBE", headers=[("Event", self.event), ("Expires", str(expires))] +
                          list(headers), **more)
        self.response = self.ua.take(
            lambda m: m.call is self.call and m.cseq_method == "SUBSCRIBE" and not m.method)
        assert self.response.status == status, self.ua.story("expected %s" % status, self.response)
        return self

    def end(self):
        """Unsubscribes; the last NOTIFY."""
        self.again(0)
        return self.notify()


def sub_state(m):
    """Subscription-State of a NOTIFY: its word, expires (a number or None), reason."""
    value = m["Subscription-State"]
    expires = param(value, "expires")
    return value.split(";")[0], int(expires) if expires else None, param(value, "reason")


def tag(element):
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def find(element, *path):
    """All elements under this path of names, whatever their namespaces."""
    found = [element]
    for name in path:
        found = [child for e in found for child in e if tag(child) == name]
    return found
