"""Whether what is configured is in force, told by what nft and ip print on a router.

The texts are what ``nft --stateless --terse list table inet fw4`` printed on OpenWrt 24.10, set up
by hotshoe.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from hotshoe.openwrt import sections
from hotshoe.openwrt.uci.changes import Setting, Wanted
from hotshoe.openwrt.uci.data import Package, Section
from hotshoe.openwrt.verify.live import is_route, is_set, live_errors
from tests.homes import HOMES, plan_of, site_of
from tests.unit.openwrt.routers import TEXTS, ZONES, firewall, home, with_all, zone

LABEL = sections.LABEL
CONTROL = "hotshoe: cameras to darkroom, 21/tcp to 192.168.1.10"


def listed(name: str) -> list[str]:
    return [line.strip() for line in (TEXTS / f"{name}.nft").read_text().splitlines()]


@pytest.fixture
def routed() -> tuple[Wanted, ...]:
    """A routed router with IPv6, whose text is recorded."""
    router = HOMES["ipv6"].routers[1]
    accept_rules = (*home("routed").routers[1].accept_rules, *router.accept_rules)
    own = HOMES["everything said"].routers[0].open_to_wan[2:]
    router = replace(router, mode="routed", masquerade=(), forwards=(), hairpin=(), routes=())
    router = replace(router, accept_rules=accept_rules, open_to_wan=own)
    return (*sections.outbound(router, ZONES), *sections.inbound(router, ZONES))


@pytest.fixture
def default_host() -> tuple[Wanted, ...]:
    """The same for a default host with services of the router's own."""
    (router,) = plan_of(site_of(("default-host",))).routers
    router = replace(
        router,
        wan_address=IPv4Address("203.0.113.20"),
        default_host=IPv4Address("192.168.1.10"),
        open_to_wan=HOMES["everything said"].routers[0].open_to_wan[::2],
    )
    return (*sections.outbound(router, ZONES), *sections.inbound(router, ZONES))


def of(wanted: tuple[Wanted, ...], rules: list[str], label: str = LABEL) -> tuple[str, ...]:
    return live_errors(wanted, with_all(firewall(), *wanted), rules, {}, label)


def test_what_is_recorded_is_in_force(routed, default_host):
    assert of(routed, listed("routed_with_ipv6")) == ()
    assert of(default_host, listed("default_host")) == ()


def test_every_missing_rule_is_told(routed):
    rules = listed("routed_with_ipv6")
    ours = [line for line in rules if LABEL in line]
    assert len(ours) == 5
    for gone in ours:
        ((told),) = of(routed, [line for line in rules if line != gone])
        name = gone.partition('"!fw4: ')[2].removesuffix('"')
        assert told == f"rule {name!r} is not in force"


@pytest.mark.parametrize(
    ("shown", "instead"),
    [
        ("ip daddr 192.168.1.10 tcp dport 21 ", "ip daddr 192.168.1.1 tcp dport 21 "),
        ("ip daddr 192.168.1.10 tcp dport 21 ", "ip daddr 192.168.1.100 tcp dport 21 "),
        ("ip daddr 192.168.1.10 tcp dport 21 ", "ip daddr 192.168.1.10 tcp dport 2121 "),
        ("ip daddr 192.168.1.10 tcp dport 21 ", "tcp dport 21 "),
    ],
)
def test_a_rule_of_the_same_name_that_does_something_else_counts_as_missing(routed, shown, instead):
    rules = [line.replace(shown, instead) for line in listed("routed_with_ipv6")]
    assert rules != listed("routed_with_ipv6")
    assert of(routed, rules) == (f"rule {CONTROL!r} is not in force",)


def test_a_default_host_with_another_address_counts_as_missing(default_host):
    rules = [line.replace("to 192.168.1.10 ", "to 192.168.1.5 ") for line in listed("default_host")]
    assert of(default_host, rules) == ("rule 'hotshoe: default host' is not in force",)


def test_a_reflection_alone_does_not_count_as_the_rule(default_host):
    rules = [line for line in listed("default_host") if f'{LABEL}default host"' not in line]
    assert any("default host (reflection)" in line for line in rules)
    assert of(default_host, rules) == ("rule 'hotshoe: default host' is not in force",)


def test_a_stale_rule_is_told_while_it_is_loaded(default_host):
    nothing = (Wanted("firewall", "hotshoe_in"),)
    told = of(nothing, listed("default_host"))
    assert sorted(told) == [
        f'stale rule "{LABEL}the router\'s own {name}" is still loaded'
        for name in (
            "51820/udp",
            "51820/udp, dialled from inside",
            "51820/udp, not the default host's",
            "8443/tcp",
            "8443/tcp, dialled from inside",
            "8443/tcp, not the default host's",
        )
    ] + [f"stale rule '{LABEL}default host' is still loaded"]
    assert of(nothing, listed("default_host"), label="") == ()
    assert of(nothing, listed("default_host"), label="mine: ") == ()


def test_a_disabled_section_has_no_rule():
    off = Section("rule", "mine_x", {"name": "x", "enabled": "0"})
    assert of((Wanted("firewall", "mine", (off,)),), []) == ()
    on = Section("rule", "mine_x", {"name": "x", "enabled": "1"})
    assert of((Wanted("firewall", "mine", (on,)),), []) == ("rule 'x' is not in force",)


def test_a_rule_without_a_name_is_called_as_its_section_is():
    """fw4 does so as well."""
    rule = Section("rule", "mine_x", {"dest_port": "22"})
    line = 'tcp dport 22 counter accept comment "!fw4: mine_x"'
    assert of((Wanted("firewall", "mine", (rule,)),), [line]) == ()


@pytest.mark.parametrize("ports", ["443 8443", ("443", "8443")])
def test_a_rule_for_several_ports_is_recognized(ports):
    rule = Section("rule", "mine_x", {"dest_port": ports})
    wanted = Wanted("firewall", "mine", (rule,))
    line = 'tcp dport {{ {} }} counter accept comment "!fw4: mine_x"'
    assert of((wanted,), [line.format("443, 8443")]) == ()
    assert of((wanted,), [line.format("443, 8444")]) == ("rule 'mine_x' is not in force",)


def test_other_sections_of_the_firewall_make_no_rule_of_their_own():
    others = [Section(kind, f"mine_{kind}", {"name": "x"}) for kind in ("include", "ipset")]
    assert of((Wanted("firewall", "mine", tuple(others)),), []) == ()


def test_a_rule_of_another_package_is_none():
    rule = Section("rule", "mine_x", {"name": "x"})
    assert live_errors((Wanted("network", "mine", (rule,)),), firewall(), [], {}) == ()


# -- masquerading


@pytest.mark.parametrize(
    ("masq", "rules", "told"),
    [
        ("1", "default_host", ()),
        ("0", "routed_with_ipv6", ()),
        ("1", "routed_with_ipv6", ("masquerading of zone wan is not on",)),
        ("0", "default_host", ("masquerading of zone wan is not off",)),
    ],
)
def test_masquerading_is_on_or_off_as_wanted(masq, rules, told):
    wanted = Wanted("firewall", "mine", settings=(Setting("@zone[1]", "masq", masq),))
    assert of((wanted,), listed(rules), label="") == told


def test_zones_are_known_by_whatever_addresses_them():
    package = Package("firewall", (zone(name="lan"), zone("outer", name="internet")))
    line = 'meta nfproto ipv4 masquerade comment "!fw4: Masquerade IPv4 internet traffic"'
    told = ("masquerading of zone internet is not on",)
    for selector in ("outer", "@zone[1]"):
        if selector == "@zone[1]":
            package = Package("firewall", (zone(name="lan"), zone(name="internet")))
        wanted = Wanted("firewall", "mine", settings=(Setting(selector, "masq", "1"),))
        assert live_errors((wanted,), package, [line], {}) == ()
        assert live_errors((wanted,), package, [], {}) == told


def test_other_settings_are_in_no_rule():
    wanted = Wanted("firewall", "mine", settings=(Setting("@zone[1]", "auto_helper", "0"),))
    assert of((wanted,), []) == ()


# -- routes


def route(kind: str = "route", **options: str) -> Section:
    return Section(kind, "mine_r", {"interface": "lan", **options})


@pytest.mark.parametrize(
    ("section", "network"),
    [
        (route(target="10.0.1.0/24", gateway="192.168.1.2"), "10.0.1.0/24"),
        (route(target="10.0.1.0", netmask="255.255.255.0", gateway="192.168.1.2"), "10.0.1.0/24"),
        (route(target="10.0.1.7", gateway="192.168.1.2"), "10.0.1.7/32"),
        (route("route6", target="2001:db8:2::/64", gateway="2001:db8:1::2"), "2001:db8:2::/64"),
    ],
)
def test_a_route_is_in_force_if_the_kernel_has_it_by_that_gateway(section, network):
    wanted = Wanted("network", "mine", (section,))
    gateway = str(section.options["gateway"])
    assert is_route(wanted, section)
    assert is_set(section, {network: gateway})
    assert live_errors((wanted,), firewall(), [], {network: gateway}) == ()
    told = (f"the route to {section.options['target']} by {gateway} is not in force",)
    for routes in ({}, {network: "192.168.1.9"}, {"0.0.0.0/0": gateway}):
        assert live_errors((wanted,), firewall(), [], routes) == told
        assert not is_set(section, routes)


def test_only_routes_of_the_network_are_routes():
    assert not is_route(Wanted("firewall", "mine"), route())
    assert not is_route(Wanted("network", "mine"), Section("rule", "mine_r", {}))
    assert not is_route(Wanted("network", "mine"), route(disabled="1"))
