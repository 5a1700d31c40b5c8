"""REGISTER: the contacts it may bind and the extensions it may use (THREATS.md 1.1 A11, A13; RFC 3327, 5626;
what RFC 4475 has of it), with real processes and PostgreSQL."""
import os
import signal

import pytest

from exchange import wait_until
from office import Office
from sip_text import param, uri_of


@pytest.fixture(scope="module")
def office(cluster, tmp_path_factory):
    o = Office(cluster, tmp_path_factory.mktemp("contacts"), "contacts", registrar=dict(contacts=5))
    sql = ("insert into tandem.reg_delegate (tenant_id, subscriber_id, delegate_id)"
           " select b.tenant_id, b.subscriber_id, a.subscriber_id from tandem.subscriber a,"
           " tandem.subscriber b where a.username = 'boss' and b.username = 'desk';"
           "insert into tandem.gateway (tenant_id, name, host, port) select tenant_id,"
           " 'trunk', '127.0.0.9', 5060 from tandem.tenant;")
    try:
        yield o.start("boss", "desk", sql=sql)
    finally:
        o.close()


def granted(response):
    """Contact URI -> seconds, of a 200."""
    return {uri_of(v): int(param(v, "expires")) for v in response.values("Contact")}


def about(seconds):
    return pytest.approx(seconds, abs=1.5)


# --- domains, contacts, extensions ----------------------------------------------------------------

def test_a_foreign_domain_is_404(office):
    bob = office.phone()
    bob.register(status=404, uri="sip:elsewhere.test", auth=False)
    bob.register(status=404, to="sip:bob@elsewhere.test", auth=False)


def test_our_address_stands_for_the_domain(office):
    bob = office.phone()
    bob.register(uri="sip:127.0.0.1:%d" % office.exchange.port, to="sip:%s@127.0.0.1" % bob.name)
    assert bob.contact_uri in granted(bob.register(contact=None))


def test_A11_contacts_that_lead_back(office):
    bob = office.phone()
    port = office.exchange.port
    for uri in ("sip:x@127.0.0.1:%d" % port, "sip:x@pbx.test", "sip:x@ALT.test:%d" % port,
                "sip:x@127.0.0.1:%d;transport=tcp" % port):
        bob.register(status=403, contact="<%s>" % uri)
    bob.register(contact="<sip:x@pbx.test:9>")   # another port is somebody else's


def test_A11_contacts_of_nobody(office):
    """What is no host's address leads back to us or to many: the phone is reached where it came from, and
    not at all when somebody else registered that for it."""
    bob, boss = office.phone(), office.phone("boss")
    port = office.exchange.port
    for host in ("0.0.0.0", "224.0.0.1", "255.255.255.255"):
        uri = "sip:x@%s:%d" % (host, port)
        for phone, to in ((bob, bob.aor), (boss, "sip:desk@pbx.test")):
            assert list(granted(phone.register(contact="<%s>" % uri, to=to, fresh=True))) == [uri]
            name = to[4:].split("@")[0]
            row = wait_until(lambda: office.sql(
                "select host(peer_ip), peer_port from tandem.binding where username = '%s'" % name), 1)[0]
            assert row == ["127.0.0.1", str(phone.link.local[1])], (host, to)
            phone.register(contact="*", expires=0, to=to)
            wait_until(lambda: not office.bindings(name), 1)


def test_A11_other_ways_to_write_our_address(office):
    bob = office.phone()
    port = office.exchange.port
    for uri in ("sip:x@[::ffff:127.0.0.1]:%d", "sips:x@127.0.0.1:%d", "sip:127.0.0.1:%d",
                "sip:x@127.0.0.1:%d;maddr=192.0.2.1", "sip:x@127.0.0.1:%d;transport=sctp"):
        bob.register(status=403, contact="<%s>" % (uri % port), fresh=True)
    # A name is not looked up: such a binding leads where the REGISTER came from.
    for uri in ("sip:x@localhost:%d", "sip:x@127.1:%d", "sip:x@192.0.2.1;maddr=127.0.0.1;x=%d"):
        bob.register(contact="<%s>" % (uri % port), fresh=True)
        row = wait_until(lambda: office.sql("select host(peer_ip), peer_port from tandem.binding where"
                                            " username = '%s'" % bob.name), 1)[0]
        assert row[0] == "192.0.2.1" or row == ["127.0.0.1", str(bob.link.local[1])]
        bob.register(contact="*", expires=0)
        wait_until(lambda: not office.bindings(bob.name), 1)


def test_A13_contact_at_a_gateway(office):
    office.phone().register(status=403, contact="<sip:0900@127.0.0.9:5060>")


def test_A13_a_forged_source_is_no_way_to_a_gateway(office):
    """A subscriber forges the gateway's address as his own: calls to him would go out there."""
    forger = office.phone(host="127.0.0.9", port=5060)
    forger.register(status=403, contact="<sip:0900@10.1.2.3>")
    forger.register(status=403, contact="<sip:0900@proxy.test>", headers=[("Path", "<sip:p.test;lr>")])
    neighbour = office.phone(host="127.0.0.9")  # behind the same address: a phone like any other
    assert neighbour.register(contact="<sip:x@10.1.2.4>").status == 200


def test_path(office):
    """RFC 3327."""
    bob = office.phone()
    path = [("Path", "<sip:edge1.test;lr>, <sip:edge2.test;lr>"), ("Path", "<sip:edge3.test;lr>")]
    ok = bob.register(headers=path + [("Supported", "path")])
    assert ok.all("Path") == [v for _, v in path]
    row = wait_until(lambda: office.bindings(bob.name), 1)[0]
    assert row[4] == "<sip:edge1.test;lr>, <sip:edge2.test;lr>, <sip:edge3.test;lr>"
    assert not bob.register(headers=path).has("Path")


def test_require(office):
    refused = office.phone().register(status=420, headers=[("Require", "path, teleport, gruu")],
                                      auth=False)
    assert refused.values("Unsupported") == ["teleport", "gruu"]


def outbound(ua, reg_id):
    return '%s;+sip.instance="<urn:uuid:00000000-%s>";reg-id=%d' % (ua.contact, ua.name, reg_id)


def test_outbound_flows(office):
    """RFC 5626: one binding for each flow of an instance; a new one in the place of the old."""
    name = next(office.spare)
    old = office.phone(name, transport="tcp")
    ok = old.register(contact=outbound(old, 1), headers=[("Supported", "path, outbound")])
    assert ok["Require"] == "outbound" and param(ok["Contact"], "reg-id") == "1"
    new, second = office.phone(name, transport="tcp"), office.phone(name, transport="tcp")
    new.register(contact=outbound(new, 1), headers=[("Supported", "outbound")])
    ok = second.register(contact=outbound(second, 2), headers=[("Supported", "outbound")])
    assert set(granted(ok)) == {new.contact_uri, second.contact_uri}
    second.register(status=400, contact=[outbound(second, 2), "<sip:x@127.0.0.1:6200>"],
                    headers=[("Supported", "outbound")])
    second.close()                              # its flow is gone, and so is the binding
    wait_until(lambda: list(granted(new.register(contact=None))) == [new.contact_uri], 5)


def test_a_plain_binding_outlives_its_connection(office):
    bob = office.phone(transport="tcp")
    bob.register()
    bob.close()
    udp = office.phone(bob.name)
    assert list(granted(udp.register(contact=None))) == [bob.contact_uri]


def test_flows_end_with_their_front(office):
    name = next(office.spare)
    bob, plain = office.phone(name, transport="tcp"), office.phone(name)
    bob.register(contact=outbound(bob, 1), headers=[("Supported", "outbound")])
    plain.register()
    pid = office.exchange.pid_of("front") or office.exchange.pid_of("front 0")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: [r[0] for r in office.bindings(name)] == [plain.contact_uri], 5)
    wait_until(office.ready, 5)
    assert list(granted(plain.register(contact=None))) == [plain.contact_uri]


def test_over_tcp(office):
    bob = office.phone(transport="tcp")
    assert granted(bob.register()) == {bob.contact_uri: about(3600)}
    row = wait_until(lambda: office.sql("select transport, conn <> 0 from tandem.binding"
                                        " where username = '%s'" % bob.name), 1)[0]
    assert row == ["tcp", "t"]


# --- what is odd in them ---------------------------------------------------------------------------

def test_regaut01_unknown_scheme(office):
    bob = office.phone()
    bob.register(status=401, headers=[("Authorization", "NoOneKnowsThisScheme opaque-data=here")],
                 auth=False)


def test_cparam_inside_and_outside(office):
    bob = office.phone()
    one, two = "sip:watson@127.0.0.1:6300", "sip:watson@127.0.0.1:6301;unknownparam"
    ok = bob.register(contact=["<%s>;unknownparam" % one, "<%s>" % two])
    assert set(granted(ok)) == {one, two}


def test_escnull_is_not_cut(office):
    bob = office.phone()
    ok = bob.register(contact=["<sip:%00@127.0.0.1:6400>", "<sip:%00%00@127.0.0.1:6400>"])
    assert len(granted(ok)) == 2


def test_regescrt_is_kept_and_not_obeyed(office):
    bob = office.phone()
    uri = "sip:user@127.0.0.1:6500?Route=%3Csip:sip.example.com%3E"
    assert list(granted(bob.register(contact="<%s>" % uri))) == [uri]


def test_malformed_authorization(office):
    bob = office.phone()
    bob.register(status=400, auth=False,
                 headers=[("Authorization", 'Digest username="x", realm="pbx.test", nonce')])
