"""Hosts that are refused before anything is changed, and those that are only warned about."""

from __future__ import annotations

import logging
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, IPv6Interface

import pytest
from pyinfra.api.exceptions import PyinfraError

from roles import server as server_role
from roles import tls, users
from roles.router_linux import refuse_unfit
from roles.vsftpd.facts import LISTENERS
from tests.operations.conftest import recorded


@pytest.fixture(autouse=True)
def _authority_and_vault_are_good(monkeypatch):
    """They have tests of their own, in test_roles."""
    for role in (tls, users):
        monkeypatch.setattr(role, "refuse_unfit", lambda plan: None)


@pytest.fixture
def server(example_plan):
    return example_plan.servers[0]


@pytest.fixture
def router(example_plan):
    return example_plan.routers[0]


@pytest.fixture
def warnings(monkeypatch):
    """What pyinfra's logger is told to warn of."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger = logging.getLogger("pyinfra")
    listener = Listener(logging.WARNING)
    logger.addHandler(listener)
    yield said
    logger.removeHandler(listener)


def refusal(check, plan) -> str:
    with pytest.raises(PyinfraError) as refused:
        check(plan)
    return str(refused.value)


@pytest.mark.parametrize("name", ["fresh_server", "fresh_server_debian_12", "deployed_server"])
def test_a_server_as_the_site_says_is_accepted(on_host, server, warnings, name):
    on_host(recorded(name))
    server_role.refuse_unfit(server)
    assert warnings == []


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("name", ["fresh_router", "deployed_router"])
def test_a_router_as_the_site_says_is_accepted(on_host, router, warnings, name, dynamic):
    on_host(recorded(name), "gateway")
    refuse_unfit(replace(router, wan_address=None) if dynamic else router)
    assert warnings == []


# what is different about the recorded server, the reason, the remedy
SERVERS = [
    (
        "fresh_server",
        {"os": "ubuntu 24.04"},
        "runs ubuntu 24.04; hotshoe knows Debian 12 and 13",
        "install one of these",
    ),
    (
        "fresh_server",
        {"os": "debian 11"},
        "runs debian 11; hotshoe knows Debian 12 and 13",
        "install one of these",
    ),
    (
        "fresh_server",
        {"os": "debian"},
        "runs debian; hotshoe knows Debian 12 and 13",
        "install one of these",
    ),
    (
        "fresh_server",
        {"os": ""},
        "runs an unknown system; hotshoe knows Debian 12 and 13",
        "install one of these",
    ),
    (
        "fresh_router",
        {},
        "has no address 192.168.1.10, so it is not the server of the Site (it has 203.0.113.20, "
        "192.168.1.1)",
        "give it that fixed address, or correct server.address",
    ),
    (
        "fresh_server",
        {"accounts": {"hotshoe": "hotshoe:x:1000:1000:A Person,,,:/home/hotshoe:/bin/bash"}},
        "has a person's account named hotshoe, the name that hotshoe gives the owner of the photos",
        "rename that account",
    ),
    (
        "deployed_server",
        {"accounts": {"hotshoe-ftpd": "hotshoe-ftpd:x:1000:1000::/home/f:/bin/bash"}},
        "has a person's account named hotshoe-ftpd, the name that hotshoe gives the user of "
        "vsftpd's unprivileged process",
        "rename that account",
    ),
    (
        "server_with_debians_own_vsftpd",
        {},
        "already runs Debian's own vsftpd.service, which hotshoe did not set up",
        "stop it if it may go: systemctl disable --now vsftpd",
    ),
    (
        "server_with_another_ftp_server",
        {},
        "port 21 is taken by pure-ftpd",
        "stop that program, or choose another ftp.control_port",
    ),
]


@pytest.mark.parametrize(
    ("name", "changed", "reason", "remedy"),
    [pytest.param(*case, id=case[2].split("(")[0]) for case in SERVERS],
)
def test_a_server_is_refused(on_host, server, name, changed, reason, remedy):
    on_host(replace(recorded(name), **changed))
    assert refusal(server_role.refuse_unfit, server) == f"darkroom: {reason}\n    -> {remedy}"


def test_another_ftp_server_on_another_port_does_not_matter(on_host, server):
    device = recorded("server_with_another_ftp_server")
    on_host(device)
    server_role.refuse_unfit(replace(server, control_port=2121))
    assert 21 in device[LISTENERS]


def test_our_own_daemon_may_hold_the_port(on_host, server):
    device = recorded("deployed_server")
    assert device[LISTENERS][21] == "vsftpd"
    on_host(device)
    server_role.refuse_unfit(server)


@pytest.mark.parametrize("name", ["raspbian 12", "debian 13"])
def test_a_raspberry_pi_is_a_debian(on_host, server, name):
    on_host(replace(recorded("fresh_server"), os=name))
    server_role.refuse_unfit(server)
    assert name.split()[1] in ("12", "13")


ROUTERS = [
    (
        {"os": "openwrt 24.10"},
        "runs openwrt 24.10; hotshoe knows Debian 12 and 13",
        "install one of these",
    ),
    (
        {"addresses": {"192.168.178.1": "eth1"}},
        "has no address 192.168.1.1, so it is not this router of the Site (it has 192.168.178.1)",
        "correct the router's lan in the Site",
    ),
    (
        {"default": ""},
        "has no default route",
        "connect it to the Internet first",
    ),
    (
        {"default": "eth1"},
        "its default route leaves by eth1, the interface of its LAN",
        "a router needs an interface of its own towards the Internet",
    ),
]


@pytest.mark.parametrize(
    ("changed", "reason", "remedy"),
    [pytest.param(*case, id=case[1].split("(")[0]) for case in ROUTERS],
)
def test_a_router_is_refused(on_host, router, changed, reason, remedy):
    known = {key: value for key, value in changed.items() if key != "os"}
    device = recorded("fresh_router", **known)
    on_host(replace(device, os=changed.get("os", device.os)), "gateway")
    assert refusal(refuse_unfit, router) == f"gateway: {reason}\n    -> {remedy}"


def test_a_router_behind_another_is_warned_about(on_host, router, warnings):
    addresses = {"10.0.0.2": "eth0", "192.168.1.1": "eth1"}
    on_host(recorded("fresh_router", addresses=addresses), "gateway")
    refuse_unfit(router)
    assert warnings == [
        "gateway: none of its interfaces has the public address 203.0.113.20; cameras get through "
        "only if something in front forwards everything to it"
    ]


def test_a_router_without_a_public_address_is_warned_about(on_host, router, warnings):
    addresses = {"100.64.3.4": "eth0", "192.168.1.1": "eth1"}
    on_host(recorded("fresh_router", addresses=addresses), "gateway")
    refuse_unfit(replace(router, wan_address=None))
    assert warnings == [
        "gateway: its WAN address 100.64.3.4 cannot be reached from the Internet: it is behind the "
        "provider's carrier-grade NAT (RFC 6598); as long as it has no other, nothing is published "
        "and no camera gets in; a box of yours in front belongs into routers, before this one"
    ]


def test_an_inner_router_without_the_address_that_the_outer_one_sends_to_is_refused(
    on_host, router
):
    inner = replace(
        router, gateway=IPv4Address("192.168.178.1"), wan_address=IPv4Address("192.168.178.2")
    )
    on_host(recorded("fresh_router"), "gateway")
    assert refusal(refuse_unfit, inner) == (
        "gateway: has no address 192.168.178.2, to which the router outside of it sends the "
        "cameras (it has 203.0.113.20, 192.168.1.1)\n"
        "    -> give it that fixed address, or correct its wan in the Site"
    )


@pytest.mark.parametrize("field", ["lan6", "wan6"])
def test_a_router_without_its_ipv6_address_is_refused(on_host, router, field):
    address = {"lan6": IPv6Interface("2001:db8:1::1/64"), "wan6": IPv6Address("2001:db8:1::1")}
    on_host(recorded("fresh_router"), "gateway")
    assert refusal(refuse_unfit, replace(router, **{field: address[field]})) == (
        "gateway: has no address 2001:db8:1::1\n"
        "    -> give it that fixed address, or correct its lan6 or wan6 in the Site"
    )


def test_a_server_without_its_ipv6_address_is_refused(on_host, server):
    on_host(recorded("fresh_server"))
    with_ipv6 = replace(server, address6=IPv6Address("2001:db8:100:2::10"))
    assert refusal(server_role.refuse_unfit, with_ipv6) == (
        "darkroom: has no address 2001:db8:100:2::10\n"
        "    -> give it that fixed address, or remove address6 from the Site"
    )
    on_host(recorded("deployed_server_with_ipv6"))
    server_role.refuse_unfit(with_ipv6)


def test_existing_rules_that_drop_are_warned_about(on_host, router, warnings):
    """Docker's, for example: our rules accept, and theirs drop all the same."""
    on_host(recorded("router_with_a_foreign_dropping_chain"), "gateway")
    refuse_unfit(router)
    assert warnings == [
        "gateway: the nftables chain 'ip filter FORWARD', which is not hotshoe's, drops forwarded "
        "packets by default; if cameras do not get through, allow them there too"
    ]


def test_a_foreign_chain_that_drops_by_default_is_named(on_host, server, warnings):
    """The deploy would succeed, and no camera would get through."""
    fresh = recorded("fresh_server")
    on_host(replace(fresh, answers={**fresh.answers, "chains": ("ip filter INPUT",)}))
    server_role.refuse_unfit(server)
    assert warnings == [
        "darkroom: the nftables chain 'ip filter INPUT', which is not hotshoe's, drops packets by "
        "default; if cameras do not get through, allow the FTP ports there too"
    ]
