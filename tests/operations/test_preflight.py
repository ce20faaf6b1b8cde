"""Hosts that are refused before anything is changed, and those that are only warned about."""

from __future__ import annotations

import logging
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, IPv6Interface

import pytest
from pyinfra.api.exceptions import PyinfraError

from hotshoe.debian.listeners import LISTENERS
from hotshoe.plan.model import Acme, CertificatePlan, ControlPort
from roles import server as server_role
from roles import tls, users
from roles.acme.facts import footprints
from roles.router_linux import refuse_unfit
from roles.vsftpd.facts import LISTENING
from roles.vsftpd.preflight import in_the_way
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
    server_role.refuse_unfit(replace(server, control_ports=(ControlPort(2121, "explicit"),)))
    assert 21 in device[LISTENERS]


BOTH = (ControlPort(21, "explicit"), ControlPort(990, "implicit"))


def listening(held: dict[str, int]):
    """A deployed server whose daemons listen on these ports."""
    device = recorded("deployed_server")
    answers = {**device.answers, LISTENING.name: held}
    answers[LISTENERS.name] = {22: "sshd", **dict.fromkeys(held.values(), "vsftpd")}
    return replace(device, answers=answers)


@pytest.mark.parametrize("holder", ["vsftpd", "stunnel"])
def test_the_port_of_implicit_ftps_has_to_be_free_too(on_host, server, holder):
    """A vsftpd of somebody else's holds it as any other program does."""
    device = listening({"hotshoe-vsftpd.service": 21})
    listeners = {**device[LISTENERS], 990: holder}
    on_host(replace(device, answers={**device.answers, LISTENERS.name: listeners}))
    assert refusal(server_role.refuse_unfit, replace(server, control_ports=BOTH)) == (
        f"darkroom: port 990 is taken by {holder}\n"
        "    -> stop that program, or choose another ftp.implicit_port"
    )


@pytest.mark.parametrize(
    ("held", "units"),
    [
        ({}, ()),
        ({"hotshoe-vsftpd.service": 21, "hotshoe-vsftpd-implicit.service": 990}, ()),
        # Each of the two has the other's port.
        (
            {"hotshoe-vsftpd.service": 990, "hotshoe-vsftpd-implicit.service": 21},
            ("hotshoe-vsftpd.service", "hotshoe-vsftpd-implicit.service"),
        ),
        ({"hotshoe-vsftpd.service": 990}, ("hotshoe-vsftpd.service",)),
        # Over IPv6, the same port is another one.
        ({"hotshoe-vsftpd6.service": 990, "hotshoe-vsftpd-implicit.service": 990}, ()),
    ],
)
def test_a_daemon_that_has_the_port_of_another_is_in_the_way(on_host, server, held, units):
    on_host(listening(held))
    plan = replace(server, control_ports=BOTH)
    server_role.refuse_unfit(plan)
    assert in_the_way(plan) == units


@pytest.mark.parametrize("interface", ["eth0", "eth9"])
def test_an_interface_in_the_home_s_network_is_no_direct_link(on_host, server, interface):
    device = recorded("deployed_server")
    addresses = {**device.network.addresses, str(server.lan[77]): "eth9"}
    network = replace(device.network, addresses=addresses)
    on_host(replace(device, network=network))
    plan = replace(server, tls="none", only_on=interface)
    assert f"{interface} is no direct link" in refusal(server_role.refuse_unfit, plan)


def test_a_daemon_that_is_removed_anyway_is_not_in_the_way(on_host, server):
    on_host(listening({"hotshoe-vsftpd.service": 21, "hotshoe-vsftpd-implicit.service": 990}))
    plan = replace(server, control_ports=(ControlPort(21, "implicit"),))
    server_role.refuse_unfit(plan)
    assert in_the_way(plan) == ()


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


HOOK = "/opt/dns/hook"


def by_acme(server, hook: str | None = None):
    """The server, with a certificate from an ACME authority."""
    challenge = "dns-01" if hook else "http-01"
    acme = Acme("https://ca.example.net/dir", None, None, challenge, None, hook, 60)
    return replace(server, certificate=CertificatePlan("letsencrypt", acme, None, None))


@pytest.mark.parametrize("line", ["", 'LISTEN 0 5 0.0.0.0:80 0.0.0.0:* users:(("certbot",pid=2))'])
def test_the_port_where_an_authority_asks_may_be_certbot_s(on_host, server, line):
    device = recorded("deployed_server")
    holders = LISTENERS.read([line] if line else [])
    on_host(replace(device, answers={**device.answers, LISTENERS.name: holders}))
    server_role.refuse_unfit(by_acme(server))


@pytest.mark.parametrize(
    ("line", "holder"),
    [
        ('LISTEN 0 511 *:80 *:* users:(("nginx",pid=2,fd=3),("nginx",pid=3,fd=3))', "nginx"),
        ("LISTEN 0 511 *:80 *:*", "?"),
    ],
)
def test_the_port_where_an_authority_asks_has_to_be_free(on_host, server, line, holder):
    device = recorded("deployed_server")
    answers = {**device.answers, LISTENERS.name: LISTENERS.read([line])}
    on_host(replace(device, answers=answers))
    assert refusal(server_role.refuse_unfit, by_acme(server)) == (
        f"darkroom: port 80 is taken by {holder}, and there the certificate authority asks for "
        "proof of the name\n"
        "    -> stop that program, or write challenge: dns-01 below certificate in the Site"
    )
    server_role.refuse_unfit(server)


GOOD = [f"{HOOK} f root 755", "/opt/dns d root 755", "/opt d root 755", "/ d root 755"]
INSTALL = "install it there as root, mode 755, or correct certificate.hook in the Site"


@pytest.mark.parametrize(
    ("lines", "reason", "remedy"),
    [
        ([], f"has no program {HOOK}, which sets the record that proves the name", INSTALL),
        (
            ["/root/hook f root 755", "/root d root 700", "/ d root 755"],
            f"{HOOK} leads to /root/hook by a link",
            "correct certificate.hook in the Site: /root/hook",
        ),
        (
            [f"{HOOK} f root 644", *GOOD[1:]],
            f"{HOOK} is no program: it cannot be executed",
            INSTALL,
        ),
        ([f"{HOOK} d root 755"], f"{HOOK} is no program: it cannot be executed", INSTALL),
        (
            [f"{HOOK} f ann 755", *GOOD[1:]],
            f"{HOOK} runs as root, and {HOOK} can be changed by others (owner ann, mode 755)",
            f"chown root {HOOK} && chmod go-w {HOOK}",
        ),
        (
            [GOOD[0], "/opt/my dns d root 775", *GOOD[2:]],
            f"{HOOK} runs as root, and /opt/my dns can be changed by others (owner root, mode 775)",
            "chown root '/opt/my dns' && chmod go-w '/opt/my dns'",
        ),
    ],
)
def test_a_program_that_sets_records_is_root_s_and_nobody_else_s(
    on_host, server, lines, reason, remedy
):
    plan, device = by_acme(server, HOOK), recorded("deployed_server")
    ((query,),) = (footprint.queries for footprint in footprints(plan))
    on_host(replace(device, answers={**device.answers, query.name: lines}))
    assert refusal(server_role.refuse_unfit, plan) == f"darkroom: {reason}\n    -> {remedy}"
    on_host(replace(device, answers={**device.answers, query.name: GOOD}))
    server_role.refuse_unfit(plan)
    sticky = [GOOD[0], "/opt/dns d root 1777", *GOOD[2:]]
    on_host(replace(device, answers={**device.answers, query.name: sticky}))
    server_role.refuse_unfit(plan)
