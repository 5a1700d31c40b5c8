"""FLOWS.md S3-13, S3-11: gateways whose host is a name, found in a real DNS server."""
import itertools
import os
import signal
import time

import pytest

from calls import Building, sdp, wait_until
from dns import Dns

numbers = itertools.count(10)


@pytest.fixture(scope="module")
def building(cluster, template, tmp_path_factory):
    directory = tmp_path_factory.mktemp("dns")
    server = Dns(directory)
    server.zone()
    b = Building(cluster, template, directory,
                 dns={"servers": [server.address], "timeout_ms": 2000, "tries": 2})
    b.dns = server
    try:
        yield b.start()
    finally:
        b.close()
        server.close()


@pytest.fixture
def office(building, request):
    before = request.session.testsfailed
    yield building
    building.after(request.session.testsfailed > before)


@pytest.fixture
def servers(office):
    """Two user agents of the other side: 127.0.0.21 and .22."""
    return [office.phone(user="gw%d" % n, register=False, host="127.0.0.%d" % n) for n in (21, 22)]


def gateway(office, host, *more):
    """Numbers that begin with the returned prefix go there."""
    prefix = "77%03d" % next(numbers)
    office.ctl("gateway", "add", "gw" + prefix, "host=" + host, *more)
    office.ctl("route", "add", "to" + prefix, "gateway=gw" + prefix, "prefix=" + prefix)
    return prefix


def srv(name, phone, host, priority=10, weight=10, proto="udp"):
    return "srv-host=_sip._%s.%s,%s,%d,%d,%d" % (proto, name, host, phone.link.local[1], priority, weight)


HOSTS = ("host-record=a.test,127.0.0.21", "host-record=b.test,127.0.0.22")


def dial_first(office, alice, number):
    """The first call to a new route, once that is in force."""
    wait_until(lambda: office.ctl("explain", alice.name, number, check=False)[0] == 0)
    return alice.invite(number, sdp=sdp(port=40000))


def refused(alice, call, timeout=4.0):
    return alice.take(lambda m: m.call is call and m.status and m.status >= 300, timeout=timeout)


def answer(office, alice, call, server, timeout=4.0):
    server.expect("INVITE", timeout=timeout)
    server.reply(200, sdp=sdp(port=50000))
    alice.take(lambda m: m.call is call and m.status == 200)
    call.ack()
    server.expect("ACK")


def hang_up(office, alice, call, server):
    call.bye()
    server.expect("BYE")
    server.reply(200)
    alice.take(lambda m: m.call is call and m.cseq_method == "BYE" and m.status == 200)


def whole_call(office, alice, number, server, first=False, **more):
    call = dial_first(office, alice, number) if first else alice.invite(number, sdp=sdp(port=40000))
    answer(office, alice, call, server, **more)
    hang_up(office, alice, call, server)
    return call


# --- which server ----------------------------------------------------------------------------------

def test_S3_13_by_address(office, servers):
    one, _ = servers
    office.dns.zone(*HOSTS)
    prefix = gateway(office, "a.test", "port=%d" % one.link.local[1])
    alice = office.phone()
    call = dial_first(office, alice, prefix + "1")
    invite = one.expect("INVITE")
    assert invite.uri.startswith("sip:%s1@a.test:%d" % (prefix, one.link.local[1]))
    one.reply(486)
    one.expect("ACK")
    assert refused(alice, call).status == 486
    # A port was given: nothing but the address is asked for (RFC 3263 4.2).
    assert office.dns.asked("A", "a.test") == 1 and office.dns.asked("NAPTR", "a.test") == 0
    assert office.dns.asked("SRV", "_sip._udp.a.test") == 0
    office.record(call, disposition="busy")


def test_S3_13_priority(office, servers):
    one, two = servers
    office.dns.zone(*HOSTS, srv("prio.test", one, "a.test", 20), srv("prio.test", two, "b.test", 10))
    prefix = gateway(office, "prio.test")
    alice = office.phone()
    for n in range(3):
        whole_call(office, alice, prefix + str(n), two, first=n == 0)
    one.silence(0.05)


def test_S3_13_weight(office, servers):
    """All of the weight is the second's; 0 has next to no chance."""
    one, two = servers
    office.dns.zone(*HOSTS, srv("weight.test", one, "a.test", 10, 0),
                    srv("weight.test", two, "b.test", 10, 65000))
    prefix = gateway(office, "weight.test")
    alice = office.phone()
    for n in range(5):
        whole_call(office, alice, prefix + str(n), two, first=n == 0)


def test_S3_13_naptr_before_srv(office, servers):
    one, two = servers
    office.dns.zone(*HOSTS, "naptr-record=naptr.test,20,10,S,SIP+D2U,,_sip._udp.later.test",
                    "naptr-record=naptr.test,10,10,S,SIP+D2U,,_sip._udp.other.test",
                    srv("naptr.test", one, "a.test"), srv("later.test", one, "a.test"),
                    srv("other.test", two, "b.test"))
    prefix = gateway(office, "naptr.test")
    alice = office.phone()
    whole_call(office, alice, prefix + "1", two, first=True)
    assert office.dns.asked("SRV", "_sip._udp.naptr.test") == 0
    assert office.dns.asked("SRV", "_sip._udp.later.test") == 0


def test_S3_13_a_transport_that_is_set(office, servers):
    """transport=udp: neither NAPTR nor what TCP would have."""
    one, two = servers
    office.dns.zone(*HOSTS, srv("udp.test", one, "a.test", proto="tcp"), srv("udp.test", two, "b.test"),
                    "naptr-record=udp.test,10,10,S,SIP+D2T,,_sip._tcp.udp.test")
    prefix = gateway(office, "udp.test", "transport=udp")
    alice = office.phone()
    whole_call(office, alice, prefix + "1", two, first=True)
    assert office.dns.asked("NAPTR", "udp.test") == 0


def test_S3_13_through_a_cname(office, servers):
    one, _ = servers
    office.dns.zone(*HOSTS, "cname=alias.test,a.test")
    prefix = gateway(office, "alias.test", "port=%d" % one.link.local[1])
    whole_call(office, office.phone(), prefix + "1", one, first=True)


# --- the next one ----------------------------------------------------------------------------------

def test_S3_13_the_first_is_dead(office, servers):
    """Nobody is at the first: the second after five seconds of silence."""
    one, two = servers
    port = one.link.local[1]
    office.dns.zone(*HOSTS, "srv-host=_sip._udp.dead.test,a.test,%d,10,1" % port,
                    srv("dead.test", two, "b.test", 20))
    one.close()
    prefix = gateway(office, "dead.test")
    alice = office.phone()
    began = time.monotonic()
    call = whole_call(office, alice, prefix + "1", two, first=True, timeout=9)
    assert 4 < time.monotonic() - began < 9
    r = office.record(call, disposition="answered", sip_code=200)
    assert len(r.branches) == 2


def test_S3_13_the_first_says_503(office, servers):
    one, two = servers
    office.dns.zone(*HOSTS, srv("over.test", one, "a.test", 10), srv("over.test", two, "b.test", 20))
    prefix = gateway(office, "over.test")
    alice = office.phone()
    call = dial_first(office, alice, prefix + "1")
    first = one.expect("INVITE")
    one.reply(503)
    one.expect("ACK")
    second = two.expect("INVITE")
    # RFC 3263 4.3: the same request in a new transaction.
    for name in ("Call-ID", "From", "To", "CSeq"):
        assert first[name] == second[name]
    assert first.branch != second.branch and first.uri == second.uri
    two.reply(200, sdp=sdp(port=50000))
    alice.take(lambda m: m.call is call and m.status == 200)
    call.ack()
    two.expect("ACK")
    hang_up(office, alice, call, two)
    r = office.record(call, disposition="answered")
    assert [leg["sip_code"] for leg in r.branches] == [503, 200]


# --- how long --------------------------------------------------------------------------------------

def test_S3_13_kept_for_its_time_to_live(office, servers):
    one, two = servers
    office.dns.zone(*HOSTS, srv("ttl.test", one, "a.test"), ttl=3)
    prefix = gateway(office, "ttl.test")
    alice = office.phone()
    whole_call(office, alice, prefix + "0", one, first=True)
    known = time.monotonic()
    office.dns.zone(*HOSTS, srv("ttl.test", two, "b.test"), ttl=3)
    whole_call(office, alice, prefix + "1", one)
    assert time.monotonic() - known < 3, "too slow to tell"
    assert office.dns.asked("SRV", "_sip._udp.ttl.test") == 0
    wait_until(lambda: time.monotonic() - known > 3.1)
    whole_call(office, alice, prefix + "2", two)
    assert office.dns.asked("SRV", "_sip._udp.ttl.test") == 1


def test_S3_13_asked_once_for_many_calls(office, servers):
    one, _ = servers
    office.dns.zone(*HOSTS, srv("many.test", one, "a.test"))
    prefix = gateway(office, "many.test")
    alice = office.phone()
    office.dns.hang()
    calls = [dial_first(office, alice, prefix + "0")]
    calls += [alice.invite(prefix + str(n), sdp=sdp(port=40000)) for n in range(1, 8)]
    assert not one.inbox
    office.dns.go_on()
    for _ in calls:
        one.expect("INVITE")
        one.reply(486)
        one.take(lambda m: m.method == "ACK")
    for call in calls:
        assert refused(alice, call).status == 486
    assert office.dns.asked("NAPTR", "many.test") == 1
    assert office.dns.asked("A", "a.test") == 1


# --- without an answer -----------------------------------------------------------------------------

def test_S3_13_no_such_name(office):
    office.dns.zone(*HOSTS)
    prefix = gateway(office, "nowhere.test")
    alice = office.phone()
    call = dial_first(office, alice, prefix + "1")
    assert refused(alice, call).status == 500
    office.record(call, disposition="failed", sip_code=500)


def test_S3_13_dns_is_down(office):
    """503 and when to try again, within the time a caller waits; other calls do not notice."""
    office.dns.zone(*HOSTS)
    prefix = gateway(office, "down.test")
    alice, bob, carol = office.phones(3)
    office.dns.hang()
    call = dial_first(office, alice, prefix + "1")
    began = time.monotonic()
    for _ in range(5):      # no worker waits for DNS
        a, b = office.up(bob, carol)
        office.hang_up(bob, carol)
    assert time.monotonic() - began < 2
    m = refused(alice, call, 5)
    assert m.status == 503 and m["Retry-After"]
    office.dns.go_on()


def test_S3_13_dns_is_down_and_the_name_was_known(office, servers):
    """What DNS said last is better than nothing (RFC 8767)."""
    one, _ = servers
    office.dns.zone(*HOSTS, srv("stale.test", one, "a.test"), ttl=1)
    prefix = gateway(office, "stale.test")
    alice = office.phone()
    whole_call(office, alice, prefix + "1", one, first=True)
    known = time.monotonic()
    wait_until(lambda: time.monotonic() - known > 1.2)
    office.dns.hang()
    whole_call(office, alice, prefix + "2", one, timeout=8)
    office.dns.go_on()


# --- kill -9 ---------------------------------------------------------------------------------------

def kill(office, name):
    pid = office.x.pid_of(name)
    os.kill(pid, signal.SIGKILL)
    office.may_die = True
    wait_until(lambda: office.x.pid_of(name) not in (None, pid))


def test_F4_the_resolver_is_killed(office, servers):
    """What it was asked is asked of its successor; what it knew is known."""
    one, _ = servers
    office.dns.zone(*HOSTS, srv("killed.test", one, "a.test"))
    prefix = gateway(office, "killed.test")
    alice = office.phone()
    office.dns.hang()
    call = dial_first(office, alice, prefix + "1")
    kill(office, "resolver")
    office.dns.go_on()
    answer(office, alice, call, one)
    hang_up(office, alice, call, one)
    asked = office.dns.asked("NAPTR", "killed.test")
    kill(office, "resolver")
    whole_call(office, alice, prefix + "2", one)
    assert office.dns.asked("NAPTR", "killed.test") == asked


def test_F1_the_worker_is_killed_while_a_name_is_looked_up(office, servers):
    one, _ = servers
    office.dns.zone(*HOSTS, srv("worker.test", one, "a.test"))
    prefix = gateway(office, "worker.test")
    alice = office.phone()
    office.dns.hang()
    call = dial_first(office, alice, prefix + "1")
    for n in (0, 1):
        kill(office, "worker %d" % n)
    office.dns.go_on()
    answer(office, alice, call, one)
    hang_up(office, alice, call, one)


# --- contacts --------------------------------------------------------------------------------------

def test_S0_20_a_contact_that_somebody_else_registered(office, servers):
    """The way of that REGISTER leads to who sent it: the contact is found by its name."""
    one, _ = servers
    office.dns.zone(*HOSTS)
    boss, desk, alice = [office.phone(register=False) for _ in range(3)]
    office.sql.do("insert into tandem.reg_delegate (tenant_id, subscriber_id, delegate_id)"
                  " select b.tenant_id, b.subscriber_id, d.subscriber_id from tandem.subscriber b,"
                  " tandem.subscriber d where b.username = '%s' and d.username = '%s'" % (boss.name, desk.name))
    contact = "sip:boss@a.test:%d" % one.link.local[1]
    wait_until(lambda: desk.register(status=None, to=boss.aor, contact="<%s>" % contact).status == 200)
    call = alice.invite(boss.name, sdp=sdp(port=40000))
    assert one.expect("INVITE").uri == contact
    one.reply(486)
    one.expect("ACK")
    assert refused(alice, call).status == 486
    desk.silence(0.05)


# --- in a dialog -----------------------------------------------------------------------------------

def test_S3_13_S4_08_the_next_hop_of_a_dialog(office, servers):
    """The Contact of the answer is a name that leads to another server: what follows goes there."""
    one, two = servers
    office.dns.zone(*HOSTS)
    alice = office.phone()
    whole_call(office, alice, gateway(office, "b.test", "port=%d" % two.link.local[1]) + "1", two, first=True)
    two.checks = False      # it hears what was said to the first
    call = dial_first(office, alice, gateway(office, "a.test", "port=%d" % one.link.local[1]) + "1")
    one.expect("INVITE")
    one.reply(200, sdp=sdp(port=50000), contact="<sip:gw@b.test:%d>" % two.link.local[1])
    alice.take(lambda m: m.call is call and m.status == 200)
    call.ack()
    assert two.take(lambda m: m.method == "ACK").uri == "sip:gw@b.test:%d" % two.link.local[1]
    call.bye()
    bye = two.take(lambda m: m.method == "BYE")
    two.send(two.response(bye, 200), back=bye)
    alice.take(lambda m: m.call is call and m.cseq_method == "BYE" and m.status == 200)
