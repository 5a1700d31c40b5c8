"""What the log says of those who do not prove who they are: the line of tandemd(8), once, for a person and
for a program that feeds a firewall. The minute that the count is of is awaited in base_fold_test.c."""
import re

import pytest

from exchange import REPO, wait_until
from office import Office

TRIES = 15


@pytest.fixture(scope="module")
def office(cluster, tmp_path_factory):
    o = Office(cluster, tmp_path_factory.mktemp("auth_log"), "auth_log")
    try:
        yield o.start("alice", sql="update tandem.subscriber set disabled = true"
                                   " where username = 'u59';")
    finally:
        o.close()


def lines(office, user):
    return [x for x in office.exchange.log_text().splitlines()
            if "authentication failed" in x and " user=%s " % user in x]


def expected(phone, who, reason, method):
    return r"\S+Z %s warn: authentication failed source=127\.0\.0\.1:%d reason=\"%s\" user=%s method=%s times=1" % (
        who, phone.link.local[1], reason, phone.name, method)


def test_a_wrong_password_is_said_once(office):
    phone = office.phone(password="guess")
    for _ in range(TRIES):
        assert phone.register(status=401, fresh=True)
    (line,) = wait_until(lambda: lines(office, phone.name))
    assert re.fullmatch(expected(phone, "registrar", "wrong password", "REGISTER"), line)
    assert "guess" not in office.exchange.log_text()


def test_no_such_subscriber(office):
    phone = office.phone("stranger")
    phone.register(status=401)
    (line,) = wait_until(lambda: lines(office, "stranger"))
    assert re.fullmatch(expected(phone, "registrar", "no such subscriber", "REGISTER"), line)


def test_disabled(office):
    phone = office.phone("u59")
    phone.register(status=401)
    (line,) = wait_until(lambda: lines(office, "u59"))
    assert 'reason="subscriber disabled"' in line


def test_a_call_with_a_wrong_password(office):
    phone = office.phone(password="guess")
    for _ in range(TRIES):
        call = phone.invite("alice")
        assert phone.final(call).status == 407
    got = wait_until(lambda: lines(office, phone.name))
    # Calls are spread over the workers, and each process folds for itself.
    assert 1 <= len(got) <= 2
    for line in got:
        assert re.fullmatch(expected(phone, r"worker \d", "wrong password", "INVITE"), line)


def test_an_old_nonce_alone_is_not_worth_a_line(office):
    phone = office.phone()
    phone.register()
    used = [h for h in phone.registration.sent.headers if h[0] == "Authorization"][0]
    for n in range(6):
        assert lines(office, phone.name) == []
        phone.registration.request("REGISTER", uri="sip:pbx.test", auth=used)
        assert phone.final(phone.registration, auth=False).status == 401
    (line,) = wait_until(lambda: lines(office, phone.name))
    assert 'reason="nonce used before"' in line and line.endswith(" times=6")


def test_the_manual_names_every_reason():
    source = (REPO / "common/model/challenge.c").read_text()
    reasons = set(re.findall(r'(?:fault_r = |fault = |\treturn )"([^"]+)"', source))
    manual = (REPO / "doc/tandemd.8").read_text()
    assert len(reasons) == 10
    for reason in reasons:
        assert ".It %s\n" % reason in manual


def test_the_filter_of_the_manual_finds_the_source(office):
    """As fail2ban reads it: the time is cut off, <HOST> stands for an address."""
    manual = (REPO / "doc/tandemd.8").read_text()
    regex = re.search(r"^failregex = (.*)$", manual, re.M).group(1).replace(r"\e", "\\")
    regex = regex.replace("<HOST>", r"\[?(?P<host>[0-9a-fA-F.:]+?)\]?")
    for user in ("mallory", "mallory source=10.0.0.1:1"):
        office.phone("mallory", user=user).register(status=401)
    office.exchange.wait_log('user="mallory source')
    found = [x.split(" ", 1)[1] for x in office.exchange.log_text().splitlines()
             if 'reason="wrong password"' in x or 'reason="no such subscriber"' in x]
    found += ["pbx tandem[7]: authentication failed source=[2001:db8::1]:5060"
              ' reason="wrong password" user=1 method=INVITE times=3']
    hosts = [re.match(regex, x).group("host") for x in found]
    assert set(hosts[:-1]) == {"127.0.0.1"} and hosts[-1] == "2001:db8::1"
    assert not re.match(regex, 'registrar warn: lines left out of="authentication failed" count=3')


def test_C5_who_guesses_is_listed_by_status(office):
    phone = office.phone(password="guess")
    for _ in range(5):
        phone.register(status=401, fresh=True)
    rows = office.exchange.ask("status")["rows"]
    (value,) = [r["value"] for r in rows if r["fact"] == "guesses 127.0.0.1"]
    assert re.fullmatch(r"\d+ wrong credentials, the last \d s ago", value)
    assert int(value.split()[0]) >= 5
