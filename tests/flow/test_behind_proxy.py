"""Behind a proxy that is not ours: Kamailio adds Path to a REGISTER and Record-Route to an INVITE, and all that
follows goes through it (FLOWS.md S3-25, S0-01, S0-02, S4-08; RFC 3665 3.5, where it stands for the firewall)."""
import pathlib
import subprocess

import pytest

from calls import exchange, sdp
from exchange import free_port, wait_until

building, office = exchange()

CONFIG = """
debug=0
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{port}
mpath="{modules}"
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "path.so"
modparam("path", "use_received", 1)
request_route {{
	if (!mf_process_maxfwd_header("70")) {{
		sl_send_reply("483", "Too Many Hops");
		exit;
	}}
	if (is_method("CANCEL")) {{
		if (t_check_trans())
			t_relay();
		exit;
	}}
	if (has_totag()) {{
		if (loose_route() || t_check_trans())
			t_relay();
		exit;
	}}
	if (is_method("INVITE"))
		record_route();
	if (src_port == {exchange}) {{
		loose_route();
	}} else {{
		if (is_method("REGISTER"))
			add_path_received();
		$du = "sip:127.0.0.1:{exchange}";
	}}
	t_relay();
}}
"""


@pytest.fixture
def proxy(office, tmp_path):
    """(host, port) of a Kamailio that all phones take for the exchange."""
    port = free_port()
    modules = sorted(pathlib.Path("/usr/lib").glob("*/kamailio/modules"))[0]
    conf, log = tmp_path / "kamailio.cfg", tmp_path / "kamailio.log"
    conf.write_text(CONFIG.format(port=port, modules=modules, exchange=office.server[1]))
    with open(log, "wb") as out:
        process = subprocess.Popen(["/usr/sbin/kamailio", "-DD", "-f", str(conf), "-m", "32", "-M", "8", "-Y",
                                    str(tmp_path), "-P", str(tmp_path / "pid")], stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=out, cwd=tmp_path)
    try:
        mark = ":%04X " % port
        wait_until(lambda: process.poll() is not None or mark in pathlib.Path("/proc/net/udp").read_text(), 10)
        assert process.poll() is None, log.read_text()
        yield ("127.0.0.1", port)
    finally:
        process.terminate()
        process.wait(10)


def behind(office, proxy):
    """A phone that reaches us by the proxy alone; what it gets has the proxy's marks on it."""
    phone = office.phone(server=proxy, register=False)
    phone.checks = False
    phone.register(headers=[("Supported", "path")])
    return phone


def via_proxy(m, proxy):
    return len(m.values("Via")) == 2 and "127.0.0.1:%d" % proxy[1] in m.values("Via")[0]


def answered(alice, bob, proxy):
    call = alice.invite(bob.name, sdp=sdp(port=40000))
    invite = bob.expect("INVITE")
    assert via_proxy(invite, proxy) and len(invite.values("Record-Route")) == 1
    bob.reply(180)
    assert len(alice.expect(180).values("Record-Route")) == 1
    bob.reply(200, sdp=sdp(port=50000))
    alice.expect(200)
    call.ack()
    assert via_proxy(bob.expect("ACK"), proxy)
    return call


@pytest.mark.parametrize("way", ["caller", "callee"])
def test_S3_25_S0_01_S0_02_RFC3665_3_5_through_kamailio(office, proxy, way):
    """Registration by Path, the call, a hold by either side, the end by either side."""
    alice, bob = behind(office, proxy), behind(office, proxy)
    call = answered(alice, bob, proxy)
    one, other = (call, bob.call) if way == "caller" else (bob.call, call)
    one.reinvite(sdp=sdp(port=40000, direction="sendonly"))
    m = other.ua.expect("INVITE")
    assert via_proxy(m, proxy) and "a=sendonly" in m.sdp
    other.reply(200, sdp=sdp(port=50000, direction="recvonly"))
    assert via_proxy(other.ua.expect("ACK"), proxy)
    one.ua.expect(200)
    one.ack()
    one.bye()
    assert via_proxy(other.ua.expect("BYE"), proxy)
    other.reply(200)
    one.ua.expect("BYE 200")
    office.record(call, disposition="answered", released_by=way, calling_number=alice.name)


def test_S3_25_cancelled_through_kamailio(office, proxy):
    alice, bob = behind(office, proxy), behind(office, proxy)
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(180)
    alice.expect(180)
    call.cancel()
    alice.expect("CANCEL 200")
    alice.expect(487)
    bob.expect("CANCEL")
    bob.reply(200, to="CANCEL")
    bob.reply(487, to="INVITE")
    bob.expect("ACK")
    office.record(call, disposition="cancelled", released_by="caller")


def test_S3_25_only_one_side_behind_kamailio(office, proxy):
    """The other phone is registered with us directly: the proxy is in one leg's route only."""
    alice, bob = behind(office, proxy), office.phone()
    call = alice.invite(bob.name, sdp=sdp())
    invite = bob.expect("INVITE")
    assert not invite.has("Record-Route") and len(invite.values("Via")) == 1
    bob.reply(200, sdp=sdp(port=50000))
    alice.expect(200)
    call.ack()
    bob.expect("ACK")
    bob.bye()
    assert via_proxy(alice.expect("BYE"), proxy)
    call.reply(200)
    bob.expect("BYE 200")
    office.record(call, disposition="answered", released_by="callee")
