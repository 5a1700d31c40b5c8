"""REGISTER: FLOWS.md 1.2 row by row and THREATS.md 1.1, with real processes and PostgreSQL. Which contacts it
may bind: test_registrar_contacts.py."""
import os
import signal
import subprocess

import pytest

from exchange import free_port, wait_until
from office import Office, subscriber_sql
from sip_text import challenge_of, param, uri_of
from ua import UA


@pytest.fixture(scope="module")
def office(cluster, tmp_path_factory):
    o = Office(cluster, tmp_path_factory.mktemp("registrar"), "registrar",
               registrar=dict(contacts=5))
    delegates = ("insert into tandem.reg_delegate (tenant_id, subscriber_id, delegate_id)"
                 " select b.tenant_id, b.subscriber_id, a.subscriber_id from tandem.subscriber a,"
                 " tandem.subscriber b where a.username = 'boss' and b.username = 'desk';")
    try:
        yield o.start("boss", "desk", sql=delegates,
                      reject=dict(contact_policy="reject", max_contacts=2),
                      single=dict(contact_policy="single"), two=dict(max_contacts=2),
                      clerk=dict(number="+15551234"), short=dict(number="5551234"))
    finally:
        o.close()


def granted(response):
    """Contact URI -> seconds, of a 200."""
    return {uri_of(v): int(param(v, "expires")) for v in response.values("Contact")}


def about(seconds):
    return pytest.approx(seconds, abs=1.5)


# --- registration ---------------------------------------------------------------------------------

def test_S1_01_challenge_and_binding(office):
    bob = office.phone()
    first = bob.register(status=401, auth=False)
    offers = [challenge_of(v) for v in first.all("WWW-Authenticate")]
    assert [c["algorithm"] for c in offers] == ["SHA-512-256", "SHA-256", "MD5"]
    assert all(c["realm"] == "pbx.test" and "auth" in c["qop"] and c["nonce"] for c in offers)
    assert first.tag("To")
    bob.call.again_with(first)
    ok = bob.final(bob.call)
    assert ok.status == 200 and ok.cseq == 2 and ok["Call-ID"] == first["Call-ID"]
    assert granted(ok) == {bob.contact_uri: about(3600)}
    assert ok["Date"].endswith("GMT")
    wait_until(lambda: office.bindings(bob.name), 1)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
def test_S1_01_each_algorithm(office, algorithm):
    office.phone(algorithm=algorithm).register()


def test_S1_01_nobody_learns_who_exists(office):
    """A7: unknown user, wrong password: the same answer, never 403 or 404."""
    wrong, unknown = office.phone(password="guess"), UA("stranger", office.server)
    a, b = wrong.register(status=401), unknown.register(status=401)
    shape = [[n for n, _ in m.headers] for m in (a, b)]
    assert shape[0] == shape[1] and a.reason == b.reason
    assert challenge_of(a["WWW-Authenticate"]).get("stale", "false").lower() == "false"
    unknown.close()
    office.exchange.wait_log("authentication failed")
    assert "source=127.0.0.1:%d" % wrong.link.local[1] in office.exchange.log_text()
    assert "guess" not in office.exchange.log_text()


def test_A4_replay_and_stale_nonce(office):
    bob = office.phone()
    bob.register()
    used = [h for h in bob.registration.sent.headers if h[0] == "Authorization"][0]
    bob.registration.request("REGISTER", uri="sip:pbx.test", auth=used)
    again = bob.final(bob.registration, auth=False)
    assert again.status == 401
    assert challenge_of(again["WWW-Authenticate"])["stale"].lower() == "true"
    bob.registration.again_with(again)
    assert bob.final(bob.registration).status == 200


def test_A3_credentials_are_for_one_uri(office):
    bob = office.phone()
    c = bob.register(status=401, auth=False)
    auth = bob.credentials(c, "REGISTER", "sip:other.test")
    bob.registration.request("REGISTER", uri="sip:pbx.test", auth=auth)
    assert bob.final(bob.registration, auth=False).status == 401


def test_A5_every_nonce_is_new(office):
    bob = office.phone()
    nonces = {challenge_of(bob.register(status=401, auth=False, fresh=True)["WWW-Authenticate"])[
        "nonce"] for _ in range(20)}
    assert len(nonces) == 20


def test_C2_a_challenge_is_sent_once_and_the_same(office):
    bob = office.phone()
    first = bob.register(status=401, auth=False)
    bob.silence(0.7)
    bob.call.resend()
    bob.silence(0.3, but=(401,))
    again = (bob.repeats + bob.inbox)[-1]
    assert again.tag("To") == first.tag("To")


@pytest.mark.parametrize("how", ["parameter", "header"])
def test_S1_02_deregistration(office, how):
    bob = office.phone()
    bob.register()
    wait_until(lambda: office.bindings(bob.name), 1)
    if how == "header":
        ok = bob.register(expires=0)
    else:
        ok = bob.register(contact=bob.contact + ";expires=0")
    assert not ok.has("Contact")
    wait_until(lambda: not office.bindings(bob.name), 1)


def test_S1_02_star(office):
    bob = office.phone()
    bob.register(contact=[bob.contact, "<sip:b2@127.0.0.1:6001>"])
    assert bob.register(status=400, contact="*", expires=60)
    assert bob.register(status=400, contact="*")
    assert bob.register(status=400, contact=["*", bob.contact], expires=0)
    assert len(granted(bob.register(contact=None))) == 2
    assert not bob.register(contact="*", expires=0).has("Contact")
    wait_until(lambda: not office.bindings(bob.name), 1)


def test_S1_02_deregistration_needs_credentials(office):
    bob, thief = office.phone(), office.phone()
    bob.register()
    assert thief.register(status=401, to=bob.aor, contact="*", expires=0, auth=False)
    assert thief.register(status=403, to=bob.aor, contact="*", expires=0)
    assert bob.contact_uri in granted(bob.register(contact=None))


def test_S0_18_what_is_kept(office):
    bob = office.phone()
    bob.register(contact='"Bob" <%s;x=1>;q=0.5;+sip.instance="<urn:uuid:1-2>"' % bob.contact_uri,
                 to=bob.aor + ";user=ip", headers=[("User-Agent", "Tester/1 \t\u00fcx")])
    row = wait_until(lambda: office.sql(
        "select contact, q, instance, call_id, cseq, host(peer_ip), peer_port, transport,"
        " user_agent, node <> '' from tandem.binding where username = '%s'" % bob.name), 1)[0]
    assert row[:2] == [bob.contact_uri + ";x=1", "500"] and "urn:uuid:1-2" in row[2]
    assert row[3] == bob.call.call_id and row[4] == "2"
    assert row[5:8] == ["127.0.0.1", str(bob.link.local[1]), "udp"]
    assert row[8].startswith("Tester/1 ") and row[9] == "t"


def test_S0_19_query_changes_nothing(office):
    bob = office.phone()
    assert not bob.register(contact=None).has("Contact")
    bob.register()
    assert granted(bob.register(contact=None, fresh=True)) == {bob.contact_uri: about(3600)}


def test_S0_20_third_party(office):
    boss, desk, other = office.phone("boss"), office.phone("desk"), office.phone()
    ok = boss.register(to=desk.aor, contact="<sip:desk@127.0.0.1:6009>")
    assert "sip:desk@127.0.0.1:6009" in granted(ok)
    assert wait_until(lambda: office.bindings("desk"), 1)[0][5] == "boss"
    assert not office.bindings("boss")
    other.register(status=403, to=desk.aor)
    other.register(status=403, to="sip:nobody-at-all@pbx.test")
    desk.register(status=403, to=boss.aor)      # it is not mutual
    desk.register(contact="*", expires=0)


def test_S0_21_refresh(office):
    bob = office.phone()
    bob.register()
    ok = bob.register()
    assert len(granted(ok)) == 1 and ok.cseq > 2
    old = bob.registration.cseq
    bob.registration.cseq -= 2                  # the same Call-ID, CSeq not higher
    bob.register(status=500)
    assert granted(bob.register(contact=None, fresh=True)) == {bob.contact_uri: about(3600)}
    bob.register(fresh=True)                    # a new Call-ID replaces
    bob.registration.resend()
    bob.silence(0.3)
    assert bob.repeats and bob.repeats[-1].status == 200 and old
    assert len(granted(bob.register(contact=None))) == 1
    wait_until(lambda: len(office.bindings(bob.name)) == 1, 1)


def test_S0_22_bare_address(office):
    bob = office.phone()
    ok = bob.register(contact="<sip:bob@197.63.48.169>")
    assert list(granted(ok)) == ["sip:bob@197.63.48.169"]
    row = wait_until(lambda: office.sql("select host(peer_ip), peer_port, transport from"
                                        " tandem.binding where username = '%s'" % bob.name), 1)[0]
    assert row == ["197.63.48.169", "5060", "udp"]


def test_S0_03_S0_30_expires_of_each_contact(office):
    bob = office.phone()
    ok = bob.register(contact=["<sip:foo@example.com>;expires=1000", "<sip:bar@example.com>"],
                      expires=2000)
    assert granted(ok) == {"sip:foo@example.com": about(1000), "sip:bar@example.com": about(2000)}
    rows = wait_until(lambda: office.bindings(bob.name), 1)
    assert [(r[0], int(r[1])) for r in rows] == [("sip:bar@example.com", about(2000)),
                                                 ("sip:foo@example.com", about(1000))]
    assert granted(office.phone().register()).popitem()[1] == about(3600)


def test_S0_04_S0_30_contact_expires_trap(office):
    bob = office.phone()
    inner = "sip:contact13@regtest.pingtel.com;Expires=1800"
    assert granted(bob.register(contact="<%s>;EXPIRES=2970" % inner)) == {inner: about(2970)}
    row = wait_until(lambda: office.bindings(bob.name), 1)[0]
    assert (row[0], row[6]) == (inner, "1800")
    assert granted(bob.register(contact="<%s>" % inner, expires=600)) == {inner: about(600)}
    assert granted(bob.register(contact="<%s>" % inner)) == {inner: about(3600)}
    plain = "sip:contact13@regtest.pingtel.com"
    assert granted(bob.register(contact="<%s>" % plain)) == {plain: about(3600)}


def test_S0_05_ring_limit_is_kept(office):
    bob = office.phone()
    bob.register(contact="<%s;expires=5>" % bob.contact_uri)
    assert wait_until(lambda: office.bindings(bob.name), 1)[0][6] == "5"


def test_S0_08_no_host(office):
    bob = office.phone()
    c = bob.new_call(bob.aor)
    c.request("REGISTER", uri="sip:")
    assert bob.final(c).status == 400


def test_S0_31_scheme_and_host_in_any_case(office):
    bob = office.phone()
    bob.register(uri="SIP:PBX.Test", to="SIP:%s@PBX.TEST" % bob.name)
    assert len(granted(bob.register(contact=None))) == 1
    assert bob.register(status=403, to="sip:%s@pbx.test" % bob.name.upper())


@pytest.mark.parametrize("user,to", [
    ("clerk", "sip:+15551234@pbx.test"), ("clerk", "sip:+1-555-1234@pbx.test;user=phone"),
    ("clerk", "tel:+1-555-1234"), ("short", "sip:5551234@pbx.test")])
def test_S0_31_numbers(office, user, to):
    phone = office.phone(user)
    phone.register(to=to)
    assert phone.contact_uri in granted(phone.register(contact=None))
    phone.register(contact="*", expires=0)


def test_S0_31_another_place_works_at_once(office):
    bob = office.phone()
    moved = office.phone(bob.name)
    bob.register()
    assert set(granted(moved.register())) == {bob.contact_uri, moved.contact_uri}


def test_S2_23_all_bindings_with_what_is_left(office):
    bob = office.phone()
    second = office.phone(bob.name)
    bob.register(expires=600)
    ok = second.register(contact=second.contact + ";q=0.3", expires=900)
    assert granted(ok) == {bob.contact_uri: about(600), second.contact_uri: about(900)}
    values = ok.values("Contact")
    assert uri_of(values[0]) == bob.contact_uri and float(param(values[1], "q")) == 0.3


def test_S3_24_replace_oldest(office):
    a, b, c = (office.phone("two") for _ in range(3))
    a.register(); b.register()
    assert set(granted(c.register())) == {b.contact_uri, c.contact_uri}
    assert set(granted(b.register())) == {b.contact_uri, c.contact_uri}
    wait_until(lambda: len(office.bindings("two")) == 2, 1)


def test_S3_24_reject(office):
    a, b, c = (office.phone("reject") for _ in range(3))
    a.register(); b.register()
    refused = c.register(status=503)
    assert int(refused["Retry-After"]) > 0
    a.register()                                # a refresh is never refused
    a.register(expires=0)
    assert set(granted(c.register())) == {b.contact_uri, c.contact_uri}


def test_S3_24_single(office):
    a, b = office.phone("single"), office.phone("single")
    a.register()
    assert set(granted(b.register())) == {b.contact_uri}


def test_S4_01e_bounds_of_expires(office):
    bob = office.phone()
    short = bob.register(status=423, expires=30)
    assert short["Min-Expires"] == "60"
    assert granted(bob.register(expires=60)) == {bob.contact_uri: about(60)}
    assert granted(bob.register(expires=99999)) == {bob.contact_uri: about(7200)}
    assert granted(bob.register(contact=bob.contact + ";expires=soon", expires=600)) == {
        bob.contact_uri: about(3600)}
    assert granted(bob.register(expires="x")) == {bob.contact_uri: about(3600)}


def test_all_or_nothing(office):
    bob = office.phone()
    bob.register()
    bob.register(status=423, contact=["<sip:new@127.0.0.1:6100>", bob.contact + ";expires=3"])
    bob.register(status=403, contact=["<sip:new@127.0.0.1:6100>",
                                      "<sip:x@127.0.0.1:%d>" % office.exchange.port])
    assert list(granted(bob.register(contact=None))) == [bob.contact_uri]


# --- what must not stop it ------------------------------------------------------------------------

def test_S0_09_without_the_database(office):
    bob = office.phone()
    office.cluster.kill(signal.SIGSTOP)
    try:
        bob.register()
        assert bob.register().status == 200
    finally:
        office.cluster.kill(signal.SIGCONT)
    wait_until(lambda: office.bindings(bob.name), 10)


def test_kill_9_loses_nothing(office):
    bob = office.phone()
    bob.register()
    pid = office.exchange.pid_of("registrar")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: office.exchange.pid_of("registrar") not in (None, pid), 10)
    assert list(granted(bob.register(contact=None))) == [bob.contact_uri]
    office.phone().register()


def test_bindings_go_with_their_subscriber(office):
    def listed():
        return [r for r in office.exchange.ask("registrations")["rows"] if r["user"] == bob.name]
    bob = office.phone()
    bob.register()
    assert listed()
    office.sql("delete from tandem.subscriber where username = '%s'" % bob.name)
    wait_until(lambda: not listed(), 4)
    bob.register(status=401, contact=None)
    office.sql(subscriber_sql(bob.name))        # somebody else of that name
    wait_until(lambda: bob.register(status=None, contact=None).status == 200, 3)
    assert not bob.register(contact=None).has("Contact")


def test_S3_23_cold_start(cluster, tmp_path):
    """run_dir is lost (a power cut): bindings come from PostgreSQL."""
    office = Office(cluster, tmp_path, "cold")
    try:
        office.start()
        bob = office.phone()
        bob.register(contact=[bob.contact + ";q=0.2", "<sip:b@127.0.0.1:6600>"], expires=600)
        wait_until(lambda: len(office.bindings(bob.name)) == 2, 2)
        office.exchange.stop()
        for f in office.exchange.run_dir.iterdir():
            f.unlink()
        office.exchange.start()
        wait_until(lambda: office.ready(), 10)
        ok = wait_until(lambda: [m for m in [bob.register(contact=None, fresh=True)]
                                 if len(granted(m)) == 2], 5)[0]
        assert granted(ok) == {bob.contact_uri: pytest.approx(600, abs=10),
                               "sip:b@127.0.0.1:6600": pytest.approx(600, abs=10)}
        assert param(ok.values("Contact")[1], "q") == "0.200"
    finally:
        office.close()


def test_over_tls(cluster, tmp_path):
    """The phone checks our certificate; the binding is one over TLS."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=pbx.test", "-addext", "subjectAltName=DNS:pbx.test",
                    "-keyout", tmp_path / "key", "-out", tmp_path / "certificate"],
                   check=True, capture_output=True)
    port, tls_port = free_port(), free_port()
    office = Office(cluster, tmp_path, "tls", listen=[
        dict(transport="udp", address="127.0.0.1", port=port),
        dict(transport="tls", address="127.0.0.1", port=tls_port,
             certificate=str(tmp_path / "certificate"), private_key=str(tmp_path / "key"))])
    office.exchange.port = port
    try:
        office.start("bob")
        office.exchange.port = tls_port
        bob = office.phone("bob", transport="tls", authority=tmp_path / "certificate",
                           server_name="pbx.test")
        assert granted(bob.register()) == {bob.contact_uri: about(3600)}
        rows = wait_until(lambda: office.sql("select transport from tandem.binding"), 1)
        assert rows == [["tls"]]
    finally:
        office.close()


def test_C7_a_pure_refresh_is_not_written(office):
    bob = office.phone()
    bob.register()
    wait_until(lambda: office.bindings(bob.name), 1)
    c = bob.registration
    challenge = bob.register(status=401, auth=False)
    for _ in range(100):                        # one nonce, its count goes up
        c.request("REGISTER", uri="sip:pbx.test",
                  auth=bob.credentials(challenge, "REGISTER", "sip:pbx.test"))
        assert bob.final(c, auth=False).status == 200
    other = office.phone()
    other.register()                            # written after anything of before
    wait_until(lambda: office.bindings(other.name), 1)
    assert office.bindings(bob.name)[0][3] == "2"


def test_title(office):
    wait_until(lambda: [t for t in office.exchange.children().values()
                        if t.startswith("tandem: registrar [") and t.endswith("bindings]")], 3)
