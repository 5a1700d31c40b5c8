"""Calls over IPv6, and between the two families: the exchange has a leg of each."""
import pytest

from calls import Building
from exchange import free_port
from test_tcp_tls import whole_call


@pytest.fixture(scope="module")
def building(cluster, template, tmp_path_factory):
    port = free_port()
    b = Building(cluster, template, tmp_path_factory.mktemp("ipv6"), users=20, listen=[
        {"transport": t, "address": a, "port": port} for t in ("udp", "tcp") for a in ("127.0.0.1", "::1")])
    b.server, b.server6 = ("127.0.0.1", port), ("::1", port)
    try:
        yield b.start()
    finally:
        b.close()


@pytest.fixture
def office(building, request):
    before = request.session.testsfailed
    yield building
    building.after(request.session.testsfailed > before)


def phone(office, family, transport):
    if family == 4:
        return office.phone(transport=transport)
    return office.phone(transport=transport, server=office.server6, host="::1")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("families", [(6, 6), (4, 6), (6, 4)])
def test_S1_03_basic_call_over_ipv6(office, families, transport):
    alice, bob = (phone(office, family, transport) for family in families)
    whole_call(office, alice, bob)
