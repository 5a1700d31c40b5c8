"""S4-13: SUBSCRIBE and NOTIFY (RFC 6665), whatever the package; reg (RFC 3680) is the one that needs
nobody else."""
import os
import signal

import pytest

from calls import exchange, wait_until
from sip_text import param, uri_of
from ua import UA
from watch import Watch, find, sub_state

building, office = exchange(registrar=dict(min_s=2, default_s=1800), timers=dict(t1_ms=50))
little_building, little = exchange("little", users=20, limits={
    "calls": 300, "subscribers": 1000, "bindings": 1000, "rate_per_source": 100000,
    "burst_per_source": 100000, "subscriptions": 50, "subscriptions_per_subscriber": 20})


def reg(phone, **more):
    return Watch(phone, phone.name, "reg", **more)


def contacts(document):
    return sorted(e.text for e in find(document, "registration", "contact", "uri"))


def count(office):
    return office.metric("tandem_subscriptions")


# --- the ladder -----------------------------------------------------------------------------------

def test_S4_13_the_state_at_once_and_at_each_change(office):
    """6665 4.2.1.2, 4.2.2: 200 with Expires, NOTIFY with the whole state; then one for each change."""
    bob = office.phone()
    w = reg(bob, expires=600)
    assert w.granted == 600
    assert w.response["Contact"].startswith("<sip:") and "127.0.0.1:%d" % office.server[1] in w.response["Contact"]
    assert w.response.tag("To")
    first = w.state()
    assert sub_state(w.last)[0] == "active" and 595 <= sub_state(w.last)[1] <= 600
    assert w.last["Content-Type"] == "application/reginfo+xml" and w.last.uri == bob.contact_uri
    assert w.last.tag("From") == w.response.tag("To")
    assert first.get("version") == "0" and first.get("state") == "full"
    assert contacts(first) == [bob.contact_uri]
    bob.register(contact=[bob.contact, "<sip:b2@127.0.0.1:6001>"])
    second = w.state()
    assert second.get("version") == "1" and len(contacts(second)) == 2
    assert w.last.cseq == 2
    bob.register(contact="*", expires=0)
    third = w.state()
    assert contacts(third) == [] and find(third, "registration")[0].get("state") == "terminated"
    w.end()


def test_S4_13_what_changes_nothing_is_not_told(office):
    bob = office.phone()
    w = reg(bob)
    w.state()
    bob.register()
    bob.register()
    bob.silence(0.3)


def test_S4_13_refresh_tells_the_state_again(office):
    """6665 4.2.1.2: after every SUBSCRIBE; the dialog stays."""
    bob = office.phone()
    w = reg(bob, expires=100)
    first, tag = w.state(), w.response.tag("To")
    w.again(300)
    assert w.granted == 300 and w.response.tag("To") == tag
    again = w.state()
    assert again.get("version") == "1" and contacts(again) == contacts(first)
    assert 295 <= sub_state(w.last)[1] <= 300


def test_S4_13_unsubscribed(office):
    """6665 4.2.1.4: Expires 0: the last NOTIFY has the state and says terminated;reason=timeout."""
    bob = office.phone()
    w = reg(bob)
    w.state()
    last = w.end()
    assert w.granted == 0 and sub_state(last) == ("terminated", None, "timeout")
    assert bob.contact_uri.encode() in last.body
    w.again(60, status=481)
    bob.register(contact="*", expires=0)
    bob.silence(0.2)


def test_S4_13_fetch(office):
    """6665 4.4.3: Expires 0 at first: the state once."""
    bob = office.phone()
    before = count(office)
    w = reg(bob, expires=0)
    assert w.granted == 0
    document = w.state()
    assert sub_state(w.last) == ("terminated", None, "timeout")
    assert contacts(document) == [bob.contact_uri]
    wait_until(lambda: count(office) == before, 3)


def test_S4_13_expiry(office):
    """6665 4.2.2: nobody refreshed it."""
    bob = office.phone()
    w = reg(bob, expires=2)
    w.state()
    last = w.notify()
    assert sub_state(last) == ("terminated", None, "timeout")
    w.again(60, status=481)


def test_S4_13_target_and_routes(office):
    """3261 12.1.1, 12.2.2: Record-Route makes the route set, a SUBSCRIBE's Contact the target."""
    bob = office.phone()
    proxy = "<sip:%s;lr;x=1>" % bob.sent_by
    w = reg(bob, headers=[("Record-Route", proxy), ("Record-Route", "<sip:p2.test;lr>")])
    assert w.response.values("Record-Route") == [proxy, "<sip:p2.test;lr>"]
    w.state()
    assert w.last.values("Route") == [proxy, "<sip:p2.test;lr>"] and w.last.uri == bob.contact_uri
    w.again(600, contact="<sip:elsewhere@%s>" % bob.sent_by)
    w.state()
    assert w.last.uri == "sip:elsewhere@" + bob.sent_by
    assert w.last.values("Route") == [proxy, "<sip:p2.test;lr>"]
    m = w.ua
    bob.register(contact="*", expires=0)
    last = w.notify(headers=[("Contact", "<sip:third@%s>" % bob.sent_by)])
    assert last.uri == "sip:elsewhere@" + bob.sent_by
    w.again(0, contact=None)
    assert w.notify().uri == "sip:third@" + m.sent_by


def test_S4_13_event_id(office):
    """6665 8.2.1: what has an id keeps it; another one is another subscription."""
    bob = office.phone()
    w = reg(bob)
    w.state()
    one = Watch(bob, bob.name, "reg;id=x-1")
    one.state()
    assert one.last["Event"] == "reg;id=x-1"
    one.again(60)
    one.state()
    one.call.request("SUBSCRIBE", headers=[("Event", "reg"), ("Expires", "60")])
    assert bob.final(one.call).status == 481


# --- refusals -------------------------------------------------------------------------------------

@pytest.mark.parametrize("event", [None, "kitchen", "Reg", "reg.winfo"])
def test_S4_13_unknown_event(office, event):
    """6665 4.2.1.3, 8.4: 489 with Allow-Events; names are compared with case."""
    bob = office.phone()
    m = bob.request("SUBSCRIBE", headers=[("Event", event)] if event else [])
    assert m.status == 489 and "reg" in m.values("Allow-Events")


def test_S4_13_min_expires(office):
    bob = office.phone()
    w = reg(bob, expires=1, status=423)
    assert w.response["Min-Expires"] == "2"


@pytest.mark.parametrize("asked, granted", [(None, 1800), ("soon", 1800), (99999999, 7200), (10, 10)])
def test_S4_13_expires(office, asked, granted):
    w = reg(office.phone(), expires=asked)
    assert w.granted == granted
    w.state()


def test_S4_13_accept(office):
    """6665 3.2: a watcher that cannot read it is told so; a range will do."""
    bob = office.phone()
    reg(bob, headers=[("Accept", "application/pidf+xml, text/plain")], status=406)
    reg(bob, headers=[("Accept", "application/*")]).state()
    reg(bob, headers=[("Accept", "text/plain"), ("Accept", "application/reginfo+xml")]).state()


def test_S4_13_who_is_challenged(office):
    """A stranger gets 401 and leaves nothing; a wrong password the same."""
    before = count(office)
    stranger = UA("nobody", office.server)
    bob = office.phone()
    wrong = UA(bob.name, office.server, password="guess")
    for ua in (stranger, wrong):
        m = ua.request("SUBSCRIBE", to=bob.aor, headers=[("Event", "reg")])
        assert m.status == 401 and m.all("WWW-Authenticate")
        ua.close()
    assert count(office) == before


def test_S4_13_what_is_anothers(office):
    """403 for another's registrations; nobody, and domains of nobody: 404."""
    bob, alice = office.phones(2)
    Watch(bob, alice.name, "reg", status=403)
    Watch(bob, "nobody-at-all", "reg", status=404)
    Watch(bob, "sip:%s@elsewhere.test" % bob.name, "reg", status=404)


def test_S4_13_other_tenants_are_not_seen(office):
    """Whoever is there and whoever is not: the same answer."""
    office.ctl("tenant", "add", "other", "domain=other.test")
    office.ctl("subscriber", "import", "-", stdin="user,password\nstella@other.test,secret-stella\n")
    stella = UA("stella", office.server, domain="other.test")
    wait_until(lambda: stella.register(status=None).status == 200, 3)
    bob = office.phone()
    there = Watch(bob, "sip:stella@other.test", "reg", status=404).response
    not_there = Watch(bob, "sip:stanley@other.test", "reg", status=404).response
    assert [n for n, _ in there.headers] == [n for n, _ in not_there.headers]
    assert there.reason == not_there.reason
    Watch(stella, bob.aor, "reg", status=404)
    Watch(stella, "stella", "reg").state()
    stella.close()


def test_S4_13_no_contact(office):
    bob = office.phone()
    assert bob.request("SUBSCRIBE", headers=[("Event", "reg")], contact=False).status == 400


def test_S4_13_require(office):
    bob = office.phone()
    m = bob.request("SUBSCRIBE", headers=[("Event", "reg"), ("Require", "eventlist")])
    assert m.status == 420 and m["Unsupported"] == "eventlist"


def test_S4_13_in_no_dialog_of_ours(office):
    bob = office.phone()
    call = bob.new_call(bob.aor)
    call.remote += ";tag=unknown"
    call.request("SUBSCRIBE", headers=[("Event", "reg")])
    assert bob.final(call).status == 481


def test_S4_13_old_cseq(office):
    bob = office.phone()
    w = reg(bob)
    w.state()
    w.again(60)
    w.state()
    w.call.cseq = 0
    w.again(60, status=500)


def test_S4_13_C6_limits(little):
    """So many for one subscriber, so many in all: 503 with Retry-After; who is in stays in."""
    bob, carol, dave = little.phones(3)
    watches = [reg(bob) for _ in range(20)]
    assert reg(bob, status=503).response["Retry-After"]
    watches += [reg(carol) for _ in range(20)] + [reg(dave) for _ in range(10)]
    assert reg(dave, status=503).response["Retry-After"]
    watches[0].again(600)
    for w in watches:
        w.state()
    watches[0].state()
    watches[49].end()
    wait_until(lambda: count(little) == 49, 3)
    reg(dave).state()


# --- NOTIFY ---------------------------------------------------------------------------------------

def test_S4_13_notifies_come_one_after_the_other(office):
    """While one waits for its answer the next does not come; then the newest state does, once."""
    bob = office.phone()
    w = reg(bob)
    w.state()
    bob.register(contact=[bob.contact, "<sip:b2@127.0.0.1:6001>"])
    pending = w.notify(status=None)
    bob.register(contact=[bob.contact, "<sip:b3@127.0.0.1:6002>"])
    bob.register(contact=[bob.contact, "<sip:b4@127.0.0.1:6003>"])
    bob.silence(0.2)
    w.call.reply(200, to=pending)
    newest = w.state()
    assert len(contacts(newest)) == 4 and newest.get("version") == "2"
    bob.silence(0.2)


def test_S4_13_notify_is_repeated(office):
    """3261 17.1.2: over UDP until it is answered."""
    bob = office.phone()
    bob.drop("NOTIFY", 2)
    w = reg(bob)
    assert contacts(w.state()) == [bob.contact_uri]
    assert w.last.cseq == 1


@pytest.mark.parametrize("status", [481, 404, 489])
def test_S4_13_a_watcher_that_knows_nothing(office, status):
    """6665 4.2.2: 481 and its like end the subscription at once."""
    before = count(office)
    bob = office.phone()
    w = reg(bob)
    w.notify(status=status)
    w.again(60, status=481)
    wait_until(lambda: count(office) == before, 3)


def test_S4_13_a_watcher_that_says_nothing(office):
    """6665 4.2.2: no answer for 64 T1: removed."""
    before = count(office)
    bob = office.phone()
    w = reg(bob)
    w.notify(status=None)
    assert count(office) == before + 1
    wait_until(lambda: count(office) == before, 8)
    w.again(60, status=481)


def test_S4_13_a_watcher_whose_connection_is_gone(office):
    before = count(office)
    bob = office.phone()
    tcp = UA(bob.name, office.server, transport="tcp")
    w = Watch(tcp, bob.name, "reg")
    assert "transport=tcp" in w.response["Contact"]
    w.state()
    tcp.close()
    bob.register(contact="<sip:b9@127.0.0.1:6009>")
    wait_until(lambda: count(office) == before, 8)


def test_S4_13_another_refusal_ends_nothing(office):
    """6665 4.2.2 with RFC 5057: a 500 is of that NOTIFY; the next change comes. Retry-After is heeded."""
    bob = office.phone()
    w = reg(bob)
    w.notify(status=500)
    bob.silence(0.2)
    bob.register(contact="<sip:b2@127.0.0.1:6001>")
    before = w.notify(status=503, headers=[("Retry-After", "1")])
    again = w.notify()
    assert 0.9 < again.at - before.at < 2.5 and again.body.count(b"<contact") == 2
    w.end()


def test_S4_13_pace(office):
    """A few at once, then one each five seconds (RFC 3680 4.10): no storm, and the last state arrives."""
    bob = office.phone()
    w = reg(bob)
    w.state()
    for i in range(12):
        bob.register(contact="<sip:n%d@127.0.0.1:6%03d>" % (i, i))
        if i < 5:
            w.state()
    bob.silence(0.5)
    assert sum(m.method == "NOTIFY" for m in bob.seen) == 6
    document = w.state(timeout=6)
    assert bob.name and any("n11@" in c for c in contacts(document))


def test_S4_13_user_data_is_no_markup(office):
    bob = office.phone()
    bob.register(contact='<sip:b@127.0.0.1:6001;x=%3c&y;z=\'"q">'.replace('"', ""))
    w = reg(bob)
    assert any("&y" in c for c in contacts(w.state()))


def test_S4_13_deleted_watchers_lose_it(office):
    """His subscription ends when the directory no longer has him."""
    bob = office.phone()
    w = reg(bob)
    w.state()
    office.ctl("subscriber", "del", bob.name)
    last = w.notify()
    assert sub_state(last) == ("terminated", None, "rejected") and not last.body


# --- the registrar dies ---------------------------------------------------------------------------

def kill_registrar(office):
    pid = office.x.pid_of("registrar")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: office.x.pid_of("registrar") not in (None, pid))
    office.died += 1


def test_S4_13_subscriptions_survive_the_registrar(office):
    """kill -9: they go on, in their dialogs, with numbers that rise; they can be refreshed and ended."""
    bob = office.phone()
    w = reg(bob)
    w.state()
    kill_registrar(office)
    bob.register(contact=[bob.contact, "<sip:b2@127.0.0.1:6001>"])
    document = w.state()
    assert len(contacts(document)) == 2 and document.get("version") == "1" and w.last.cseq == 2
    w.again(60)
    assert w.state().get("version") == "2"
    kill_registrar(office)
    assert sub_state(w.end()) == ("terminated", None, "timeout")


def test_S4_13_a_notify_under_way_survives_the_registrar(office):
    bob = office.phone()
    w = reg(bob)
    pending = w.notify(status=None)
    kill_registrar(office)
    bob.register(contact=[bob.contact, "<sip:b2@127.0.0.1:6001>"])
    w.call.reply(200, to=pending)
    document = w.until(lambda d: len(contacts(d)) == 2)
    assert int(document.get("version")) >= 1


def test_S4_13_expiry_survives_the_registrar(office):
    bob = office.phone()
    w = reg(bob, expires=2)
    w.state()
    kill_registrar(office)
    assert sub_state(w.notify()) == ("terminated", None, "timeout")


def test_S4_13_status_counts_them(office):
    bob = office.phone()
    before = count(office)
    w = reg(bob)
    w.state()
    wait_until(lambda: count(office) == before + 1, 3)
    rows = {r["fact"]: r["value"] for r in office.x.ask("status")["rows"]}
    assert rows["subscriptions"] == before + 1
    assert uri_of(w.response["Contact"]) and param(w.response["To"], "tag")
