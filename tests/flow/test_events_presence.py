"""S4-13 with presence (RFC 3856, 3863) and PUBLISH (RFC 3903)."""
import os
import signal

import pytest

from calls import exchange, wait_until
from ua import UA
from watch import Watch, find, sub_state, tag

building, office = exchange(registrar=dict(min_s=2), timers=dict(t1_ms=100))

PIDF = "application/pidf+xml"


def pidf(basic="open", note="", activity="", entity="pres:x@y"):
    return ('<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf"'
            ' xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"'
            ' xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" entity="%s"><tuple id="a"><status>'
            '<basic>%s</basic></status>%s</tuple>%s</presence>' % (
                entity, basic, "<note>%s</note>" % note if note else "",
                '<dm:person id="b"><r:activities><r:%s/></r:activities></dm:person>' % activity
                if activity else "")).encode()


def publish(ua, body=b"", etag=None, expires=600, status=200, to=None, event="presence",
            content_type=PIDF):
    headers = [("Event", event), ("Expires", str(expires))]
    if etag is not None:
        headers.append(("SIP-If-Match", etag))
    m = ua.request("PUBLISH", to=to, headers=headers, body=body, contact=False,
                   content_type=content_type if body else None)
    assert m.status == status, ua.story("expected %s" % status, m)
    return m


def shown(document):
    """(basic, note, activities)"""
    note = find(document, "tuple", "note")
    acts = find(document, "person", "activities")
    return (find(document, "tuple", "status", "basic")[0].text, note[0].text if note else None,
            sorted(tag(a) for a in acts[0]) if acts else [])


@pytest.fixture
def watcher(office):
    made = []

    def watch(of, **more):
        ua = UA(office.user(), office.server)
        made.append(ua)
        return Watch(ua, of, "presence", **more)

    yield watch
    for ua in made:
        ua.close()


# --- what is seen ---------------------------------------------------------------------------------

def test_S4_13_presence_by_registration(office, watcher):
    """Nothing is published: open while one is registered."""
    bob = office.phone(register=False)
    w = watcher(bob.name)
    assert shown(w.state()) == ("closed", None, [])
    assert w.last["Content-Type"] == PIDF
    bob.register()
    document = w.state()
    assert shown(document) == ("open", None, []) and document.get("entity") == bob.aor
    assert find(document, "tuple", "contact")[0].text == bob.aor
    bob.unregister()
    assert shown(w.state())[0] == "closed"


def test_S4_13_presence_on_the_phone(office, watcher):
    alice, bob = office.phones(2)
    w = watcher(bob.name)
    assert shown(w.state()) == ("open", None, [])
    a, b = office.up(alice, bob)
    assert shown(w.state()) == ("open", "On the phone", ["on-the-phone"])
    office.hang_up(a, bob)
    assert shown(w.state()) == ("open", None, [])


def test_S4_13_published_presence(office, watcher):
    """3903 4: published, changed, refreshed, removed; each 200 has another SIP-ETag."""
    bob = office.phone()
    w = watcher(bob.name)
    w.state()
    first = publish(bob, pidf("closed", "Lunch &amp; a walk", "meal"))
    assert first["Expires"] == "600" and first["SIP-ETag"]
    assert shown(w.state()) == ("closed", "Lunch & a walk", ["meal"])
    second = publish(bob, pidf("open", "&lt;b&gt;back"), etag=first["SIP-ETag"])
    assert shown(w.state()) == ("open", "<b>back", [])
    third = publish(bob, etag=second["SIP-ETag"], expires=300)
    assert third["Expires"] == "300"
    w.ua.silence(0.2)
    tags = {m["SIP-ETag"] for m in (first, second, third)}
    assert len(tags) == 3
    for old in (first, second):
        publish(bob, etag=old["SIP-ETag"], status=412)
    gone = publish(bob, etag=third["SIP-ETag"], expires=0)
    assert gone["Expires"] == "0" and gone.has("SIP-ETag")
    assert shown(w.state()) == ("open", None, [])
    publish(bob, etag=third["SIP-ETag"], status=412)


def test_S4_13_published_presence_expires(office, watcher):
    bob = office.phone()
    w = watcher(bob.name)
    w.state()
    publish(bob, pidf("closed"), expires=2)
    assert shown(w.state())[0] == "closed"
    assert shown(w.state(timeout=5))[0] == "open"


def test_S4_13_two_devices(office, watcher):
    """Open when one is; the newest note; all activities."""
    bob = office.phone()
    w = watcher(bob.name)
    w.state()
    one = publish(bob, pidf("closed", "at home", "away"))
    w.state()
    publish(bob, pidf("open", "at work", "working"))
    assert shown(w.state()) == ("open", "at work", ["away", "working"])
    publish(bob, etag=one["SIP-ETag"], expires=0)
    assert shown(w.state()) == ("open", "at work", ["working"])


# --- refusals -------------------------------------------------------------------------------------

@pytest.mark.parametrize("status, how", [
    (489, dict(event="dialog")), (489, dict(event="kitchen")), (415, dict(content_type="text/plain")),
    (400, dict(body=b"")), (400, dict(body=b"<presence>")), (400, dict(body=b"\x00\xff<<")),
    (400, dict(body=b"<html/>")), (423, dict(expires=1)), (412, dict(etag="nonsense")),
    (413, dict(body=pidf(note="x" * 20000))),
    (400, dict(body=b'<!DOCTYPE p [<!ENTITY a "b">]><presence>&a;</presence>'))])
def test_S4_13_publish_refused(office, status, how):
    bob = office.phone()
    m = publish(bob, **{"body": pidf(), "status": status, **how})
    if status == 415:
        assert m["Accept"] == PIDF
    if status == 423:
        assert m["Min-Expires"] == "2"


def test_S4_13_publish_for_another(office):
    """A stranger 401, another 403, nobody 404; his tag is nothing to others."""
    alice, bob = office.phones(2)
    etag = publish(bob, pidf())["SIP-ETag"]
    publish(alice, pidf(), to=bob.aor, status=403)
    publish(alice, pidf("closed"), etag=etag, status=412)
    publish(alice, pidf(), to="nobody-at-all", status=404)
    stranger = UA("nobody", office.server)
    assert publish(stranger, pidf(), to=bob.aor, status=401)
    stranger.close()


def test_S4_13_too_many_devices(office):
    bob = office.phone()
    for _ in range(10):
        etag = publish(bob, pidf())["SIP-ETag"]
    assert publish(bob, pidf(), status=503)["Retry-After"]
    publish(bob, pidf("closed"), etag=etag)


# --- the registrar dies ---------------------------------------------------------------------------

def test_S4_13_presence_survives_the_registrar(office, watcher):
    bob = office.phone()
    w = watcher(bob.name)
    w.state()
    etag = publish(bob, pidf("closed", "away"), expires=4)["SIP-ETag"]
    assert shown(w.state()) == ("closed", "away", [])
    pid = office.x.pid_of("registrar")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: office.x.pid_of("registrar") not in (None, pid))
    office.died += 1
    w.again(600)
    assert shown(w.state()) == ("closed", "away", [])
    publish(bob, etag=etag, expires=2)
    assert shown(w.state(timeout=5)) == ("open", None, [])
    assert sub_state(w.end())[0] == "terminated"
