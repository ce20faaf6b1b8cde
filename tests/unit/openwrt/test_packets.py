"""Packets walk through random homes whose routers know nothing but what UCI tells them.

They arrive where the Plan says and nowhere else; the last tests change something in good
configurations, and it is noticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from ipaddress import IPv4Address, ip_network
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotshoe.openwrt.uci.data import Package, Section
from hotshoe.plan.derivation import make_plan
from hotshoe.plan.model import Plan, RouterPlan, ServerPlan
from hotshoe.site.model import Site
from tests.conftest import EXAMPLES
from tests.effort import examples
from tests.homes import AWKWARD
from tests.random_homes import sites
from tests.unit.openwrt.fw4_model import Configuration, Fw4Boxes, configuration
from tests.unit.openwrt.routers import home, on_openwrt
from tests.unit.plan import test_packets as walks
from tests.unit.plan.packets import Boxes, Journey, Packet


@dataclass(frozen=True)
class OpenWrtHome(walks.Home):
    """A home all of whose routers run OpenWrt, in which packets walk by UCI.

    :param changed: configurations that are not what hotshoe makes, by router
    :param described: routers as hotshoe was told of them, where it does not know their address
    """

    changed: dict[str, Configuration] = field(default_factory=dict)
    described: dict[str, RouterPlan] = field(default_factory=dict)

    def configuration(self, router: RouterPlan) -> Configuration:
        """What hotshoe makes of a router."""
        return configuration(self.described.get(router.name, router))

    @cached_property
    def configurations(self) -> dict[str, Configuration]:
        return {router.name: self.configuration(router) for router in self.routers} | self.changed

    def boxes(self) -> Fw4Boxes:
        boxes = Fw4Boxes(self.plan, (), self.configurations, self.described)
        return everybody_has_a_session(boxes)

    def planned(self) -> Boxes:
        """The same home by the Plan."""
        return everybody_has_a_session(Boxes(self.plan))


SomeBoxes = TypeVar("SomeBoxes", bound=Boxes)


def everybody_has_a_session(boxes: SomeBoxes) -> SomeBoxes:
    """Servers take data connections from everybody: what matters here is what the routers do."""
    for server in boxes.servers.values():
        server.present |= {ip_network("0.0.0.0/0"), ip_network("::/0")}
    return boxes


def uci_home(
    plan: Plan, address: str = "203.0.113.20", changed: dict[str, Configuration] | None = None
) -> OpenWrtHome:
    """A home on OpenWrt.

    :param address: the public one that it has at the moment, if it changes
    """
    if plan.public_address:
        return OpenWrtHome(plan, changed=changed or {})
    outermost, now = plan.routers[0], IPv4Address(address)
    routers = (replace(outermost, wan_address=now), *plan.routers[1:])
    plan = replace(plan, public_address=now, routers=routers)
    return OpenWrtHome(plan, changed=changed or {}, described={outermost.name: outermost})


def of_no_fixed_address(plan: Plan) -> Plan:
    outermost, *inner = plan.routers
    routers = (replace(outermost, wan_address=None), *inner)
    return replace(plan, public_address=None, routers=routers)


def on_uci(site: Site) -> OpenWrtHome:
    return uci_home(on_openwrt(make_plan(site)))


homes = sites().map(on_uci)
homes_with_a_dmz = sites(dmz=True).map(on_uci)
homes_with_ipv6 = sites(ipv6=True).map(on_uci)


def every(*strategies: st.SearchStrategy[Any]) -> Any:
    """Ask it of few: each is a whole home, and the Plans of more are walked elsewhere."""
    return lambda test: examples(5)(given(*strategies)(test))


def same(planned: Journey, real: Journey) -> bool:
    return (planned.end, planned.packet, planned.arrived, planned.lan) == (
        real.end,
        real.packet,
        real.arrived,
        real.lan,
    )


def strangers_get_what_the_plan_says(home: OpenWrtHome, ports: set[int]) -> None:
    boxes, plan = home.boxes(), home.planned()
    for packet in walks.unwanted_packets(home, ports):
        real, planned = boxes.send_from_internet(packet), plan.send_from_internet(packet)
        if planned.arrived:
            assert same(planned, real), (planned, real)
        elif real.arrived:
            assert packet.to.version == 4, real
            # A redirect takes what is for its port, to whatever address: no more than dialling it.
            dialled = plan.send_from_internet(replace(packet, to=home.plan.public_address))
            assert dialled.arrived, real
            assert dialled.end == real.end, real


def attempts(home: OpenWrtHome, server: ServerPlan, ports: set[int]) -> Iterator[tuple]:
    at = home.at(server)
    inner = home.routers[at + 1].wan_address if at + 1 < len(home.routers) else None
    for packet in walks.attempts(home, server, ports):
        if packet.source is None:
            continue  # a server without an IPv6 address of its own
        yield from ((at, packet, via) for via in dict.fromkeys((None, inner)))


def servers_get_what_the_plan_says(home: OpenWrtHome, ports: set[int]) -> None:
    for server in home.servers:
        boxes, plan = home.boxes(), home.planned()
        for at, packet, via in attempts(home, server, ports):
            real = boxes.send_from_lan(at, packet, via)
            planned = plan.send_from_lan(at, packet, via)
            if planned.arrived:
                # From whom it seems to come may differ: reflection gives a source address to
                # whatever its LAN sends to such a port of a server, dialled there directly or not.
                assert same(planned, replace(real, packet=planned.packet)), (planned, real)
                assert (real.packet.to, real.packet.port) == (
                    planned.packet.to,
                    planned.packet.port,
                )
            elif real.arrived and real.lan is not None and real.lan > at:
                assert packet.to.version == 4, real
                dialled = [
                    plan.send_from_lan(at, replace(packet, to=router.wan_address))
                    for router in home.routers[at + 1 :]
                ]
                assert any(each.arrived and each.end == real.end for each in dialled), real


def the_way_out_is_as_planned(home: OpenWrtHome) -> None:
    """Router by router: who translates, and who does not."""
    boxes, plan = home.boxes(), home.planned()
    for lan, host in home.hosts():
        packet = Packet("tcp", host, walks.SOURCE_PORT, walks.WEB, 443)
        real, planned = boxes.send_from_lan(lan, packet), plan.send_from_lan(lan, packet)
        assert real.hops == planned.hops


def everything_is_right(home: OpenWrtHome) -> None:
    walks.cameras_reach_their_server(home)
    walks.cameras_reach_their_server_over_ipv6(home)
    walks.cameras_get_an_answer(home)
    strangers_get_what_the_plan_says(home, home.odd_ports())
    walks.everybody_reaches_the_internet(home)
    the_way_out_is_as_planned(home)
    walks.everybody_may_dial_the_public_address(home)
    walks.the_home_reaches_its_servers(home)
    servers_get_what_the_plan_says(home, home.odd_ports())
    walks.servers_open_what_they_may(home)


# What takes seconds says nothing more.
QUICK = sorted(set(AWKWARD) - {"a hundred cameras", "eight routers, all long", "everything routed"})


@pytest.mark.parametrize("name", [*EXAMPLES, *QUICK])
def test_all_is_right_in(name):
    everything_is_right(uci_home(home(name)))


# The ports of a shared address go with the address.
@pytest.mark.parametrize("name", [n for n in (*EXAMPLES, *QUICK) if not home(n).port_set])
def test_all_is_right_at_every_address_that_the_provider_gives_in(name):
    plan = of_no_fixed_address(home(name))
    first, second = (uci_home(plan, address) for address in ("203.0.113.20", "198.51.100.201"))
    assert first.configurations == second.configurations
    everything_is_right(first)
    everything_is_right(second)


@every(homes)
def test_a_camera_reaches_its_server_and_gets_its_answer(home):
    walks.cameras_reach_their_server(home)
    walks.cameras_get_an_answer(home)


@every(homes_with_ipv6)
def test_cameras_reach_servers_over_ipv6_untranslated(home):
    walks.cameras_reach_their_server_over_ipv6(home)


@every(homes, st.sets(st.integers(1, 65535), max_size=4))
def test_nothing_else_from_the_internet_reaches_anybody(home, ports):
    strangers_get_what_the_plan_says(home, home.odd_ports() | ports)


@every(homes)
def test_whoever_is_at_home_reaches_the_internet(home):
    walks.everybody_reaches_the_internet(home)
    the_way_out_is_as_planned(home)


@every(homes)
def test_whoever_is_at_home_may_dial_the_public_address(home):
    walks.everybody_may_dial_the_public_address(home)


@every(homes_with_a_dmz)
def test_the_home_reaches_its_servers(home):
    walks.the_home_reaches_its_servers(home)


@every(homes_with_a_dmz, st.sets(st.integers(1, 65535), max_size=2))
def test_a_server_in_a_dmz_opens_what_it_may_and_nothing_else(home, ports):
    walks.servers_open_what_they_may(home)
    servers_get_what_the_plan_says(home, home.odd_ports() | ports)


@every(sites())
def test_routers_of_all_kinds_go_together(site):
    """Those of a random home that say so run OpenWrt, the others do as the Plan says."""
    plan = make_plan(site)
    boxes = Fw4Boxes(plan, walks.masks_of(site))
    mixed = walks.Home(plan, walks.masks_of(site))
    for server, port in mixed.ftp():
        sent = walks.dial(port, mixed)
        journey = boxes.send_from_internet(sent)
        assert walks.arrives(journey, server), journey
        assert boxes.send_answer(journey).packet == sent.answer()


# -- what is wrong is noticed


def without(package: Package, section: Section) -> Package:
    return Package(package.name, tuple(each for each in package.sections if each is not section))


def with_option(package: Package, section: Section, **options: str) -> Package:
    changed = Section(section.type, section.name, {**section.options, **options})
    return Package(
        package.name, tuple(changed if each is section else each for each in package.sections)
    )


def is_ours(section: Section) -> bool:
    return bool(section.name and section.name.startswith("hotshoe_"))


def is_hairpin_rule(section: Section) -> bool:
    return section.type == "rule" and "_hairpin_" in str(section.name)


def worse(home: OpenWrtHome) -> Iterator[tuple[str, str, Configuration]]:
    """Configurations with one thing wrong: what it is, at which router, and all of it."""
    for router in home.routers:
        packages = home.configuration(router)
        firewall, network = packages["firewall"], packages["network"]
        for name, package in packages.items():
            for section in filter(is_ours, package.sections):
                # Helpers decide about no packet. An inner router is dialled by nobody inside of it.
                # Its LAN lets everything through by itself.
                idle = (
                    section.options.get("target") == "HELPER"
                    or (router.gateway and "_hairpin_" in str(section.name))
                    or is_hairpin_rule(section)
                )
                if not idle:
                    yield (
                        f"without {section.name}",
                        router.name,
                        packages | {name: without(package, section)},
                    )
        for section in filter(is_ours, firewall.sections):
            if "dest_ip" in section.options and not (
                is_hairpin_rule(section) or (router.gateway and "_hairpin_" in str(section.name))
            ):
                elsewhere = with_option(firewall, section, dest_ip="192.0.2.1")
                yield (
                    f"{section.name} leads elsewhere",
                    router.name,
                    packages | {"firewall": elsewhere},
                )
        zones = [zone for zone in firewall.of_type("zone") if "wan" in zone.options["network"]]
        for zone in zones:
            other = "0" if zone.options.get("masq") == "1" else "1"
            changed = with_option(firewall, zone, masq=other)
            # The included rules masquerade as well.
            if not router.masquerade_ports:
                yield f"masq {other}", router.name, packages | {"firewall": changed}
            # Nobody on the Internet has a way to an inner router, or past a default host.
            if not router.gateway and not router.default_host:
                open_wide = with_option(firewall, zone, input="ACCEPT")
                yield "wan open", router.name, packages | {"firewall": open_wide}
        for route in network.of_type("route"):
            astray = with_option(network, route, gateway=str(router.lan.network[-2]))
            yield f"{route.name} goes astray", router.name, packages | {"network": astray}


# In a home with many sections a part of them has to do.
@pytest.mark.parametrize(
    ("name", "step", "fixed"),
    [
        # A router in front of a direct link has too little that could be wrong.
        *((name, 1, True) for name in EXAMPLES if name != "direct"),
        ("may open, routed", 4, True),
        ("routed", 1, False),
        ("default-host", 1, False),
    ],
)
def test_what_is_wrong_in_a_configuration_is_noticed(name, step, fixed):
    plan = home(name) if fixed else of_no_fixed_address(home(name))
    tried = 0
    for what, router, packages in [*worse(uci_home(plan))][::step]:
        tried += 1
        wrong = uci_home(plan, changed={router: packages})
        try:
            everything_is_right(wrong)
        except AssertionError:
            continue
        pytest.fail(f"not noticed at {router}: {what}")
    assert tried >= 4


def test_what_an_included_rule_redirects_gets_through_where_fw4_redirects_nothing_itself():
    plan = of_no_fixed_address(home("routed"))
    router, *_ = plan.routers
    packages = uci_home(plan).configuration(router)
    firewall = packages["firewall"]
    for each in firewall.of_type("redirect"):
        firewall = with_option(firewall, each, reflection="0")
    firewall = with_option(firewall, firewall.of_type("zone")[0], forward="REJECT")

    def reaches(firewall: Package, port: int) -> bool:
        found = uci_home(plan, changed={router.name: packages | {"firewall": firewall}})
        return found.boxes().send_from_lan(1, walks.dial(port, found, found.host_in(1))).arrived

    assert reaches(firewall, 21)
    (rule,) = (r for r in firewall.of_type("rule") if r.options.get("dest_port") == "21")
    assert is_hairpin_rule(rule)
    assert not reaches(without(firewall, rule), 21)


def test_a_back_door_is_noticed():
    plan = home("home")
    (router,) = plan.routers
    packages = configuration(router)
    door = Section(
        "redirect",
        None,
        {"src": "wan", "dest": "lan", "src_dport": "8080", "dest_ip": "192.168.1.2"},
    )
    firewall = Package("firewall", (*packages["firewall"].sections, door))
    wrong = OpenWrtHome(plan, changed={router.name: packages | {"firewall": firewall}})
    with pytest.raises(AssertionError):
        strangers_get_what_the_plan_says(wrong, {8080})


def test_a_default_host_that_is_not_last_takes_everything():
    plan = home("default-host")
    router = replace(plan.routers[0], open_to_wan=home("everything said").routers[0].open_to_wan)
    plan = replace(plan, routers=(router, *plan.routers[1:]))
    packages = configuration(router)
    right = OpenWrtHome(plan)
    strangers_get_what_the_plan_says(right, right.odd_ports())
    *others, default = packages["firewall"].sections
    assert default.name == "hotshoe_in_default_host"
    firewall = Package("firewall", (*others[:3], default, *others[3:]))
    wrong = OpenWrtHome(plan, changed={router.name: packages | {"firewall": firewall}})
    with pytest.raises(AssertionError):
        strangers_get_what_the_plan_says(wrong, right.odd_ports())


def test_the_model_reads_a_redirect_s_source_and_whether_it_is_enabled():
    plan = home("home")
    (router,) = plan.routers
    packages = configuration(router)
    packet = Packet("tcp", walks.CAMERA, walks.SOURCE_PORT, plan.public_address, 21)
    control = packages["firewall"].section("hotshoe_in_tcp_21_to_192_168_1_10")
    for options, arrives in (
        ({}, True),
        ({"enabled": "0"}, False),
        ({"src_ip": "192.0.2.9"}, False),
        ({"src_dip": "192.0.2.9"}, False),
        ({"proto": "udp"}, False),
        ({"src": "lan"}, False),
    ):
        firewall = with_option(packages["firewall"], control, **options)
        changed = {router.name: packages | {"firewall": firewall}}
        journey = Fw4Boxes(plan, (), changed).send_from_internet(packet)
        assert journey.arrived is arrives, options
