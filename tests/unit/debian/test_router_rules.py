"""Packets walk through homes whose outermost router knows nothing but its nftables rules.

It is a Debian router whose WAN address changes: the rules are those of a deploy at one address, and
packets come at another. The walks are those of :mod:`tests.unit.plan.test_packets`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address

import pytest

from hotshoe.debian.network import Network, match_of_wan
from hotshoe.plan.model import Plan, RouterPlan
from hotshoe.ports.ranges import PortRange
from hotshoe.render import render
from tests.conftest import EXAMPLES, PROJECT
from tests.homes import AWKWARD, HOMES
from tests.unit.plan import test_packets as walks
from tests.unit.plan.packets import (
    LAN,
    WAN,
    Boxes,
    DroppedError,
    Packet,
    Router,
    TakenError,
)

INTERFACES = {WAN: "eth0", LAN: "eth1"}
RULE = re.compile(
    r"(?:iifname \{ (?P<interfaces>.*?) \} fib daddr type local ip daddr != \{ (?P<kept>.*?) \} )?"
    r"(?:ip saddr (?P<source>\S+) )?"
    r"(?:(?P<protocol>tcp|udp) dport (?P<ports>\S+)|meta l4proto \{ 6, 17 \}) "
    r'(?:return|dnat ip to (?P<to>\S+))(?: comment "default host")?'
)
# What takes seconds says nothing more; the ports of a shared address go with the address.
NAMES = [
    name
    for name in sorted({*EXAMPLES, *AWKWARD} - {"a hundred cameras", "eight routers, all long"})
    if not HOMES[name].port_set and HOMES[name].routers[0].mode != "routed"
]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(PROJECT)


class RouterByRules(Router):
    """A router that translates what its rules say.

    :param plan: with the address that it has now
    :param rules: the chain ``prerouting`` of hotshoe_forwards
    """

    def __init__(self, plan: RouterPlan, rules: list[str]) -> None:
        super().__init__(plan, None, masks=False)
        self.rules = rules

    def _translate_destination(self, packet: Packet, side: str) -> Packet:
        plan = self.plan
        if packet.to.version == 6:
            return super()._translate_destination(packet, side)
        for rule in self.rules:
            said = RULE.fullmatch(rule)
            assert said, rule
            if self._matches(said, packet, side):
                if said["to"]:
                    return replace(packet, to=ip_address(said["to"]))
                break
        if packet.to not in (plan.wan_address, plan.lan.ip):
            return packet
        if side == WAN and not packet.wants(plan.open_to_wan):
            raise DroppedError
        raise TakenError

    def _matches(self, said: re.Match[str], packet: Packet, side: str) -> bool:
        dialled = not said["interfaces"] or (
            f'"{INTERFACES[side]}"' in said["interfaces"].split(", ")
            and packet.to in (self.plan.wan_address, self.plan.lan.ip)
            and str(packet.to) not in said["kept"].split(", ")
        )
        return (
            dialled
            and said["source"] in (None, str(packet.source))
            and said["protocol"] in (None, packet.protocol)
            and (not said["ports"] or packet.port in PortRange.parse(said["ports"]))
        )


@dataclass(frozen=True)
class HomeByRules(walks.Home):
    """A home whose outermost router translates by its rules."""

    rules: tuple[str, ...] = ()

    def boxes(self) -> Boxes:
        boxes = super().boxes()
        boxes.routers[0] = RouterByRules(self.plan.routers[0], list(self.rules))
        return boxes


def rules_of(router: RouterPlan, address: str) -> tuple[str, ...]:
    """The rules that a deploy loads while the router has that address."""
    network = Network(
        addresses={address: "eth0", str(router.lan.ip): "eth1"},
        interfaces={"lo": False, "eth0": True, "eth1": True},
        default="eth0",
        uplinks=("eth0",),
    )
    dialled = match_of_wan(router, network)
    text = render("router_linux/forwards.nft.j2", router=router, dialled=dialled)
    chain = text[text.index("policy accept;") :].splitlines()[1:]
    return tuple(line.strip() for line in chain if line.strip(" }"))


def deployed(name: str, address: str, now: str) -> HomeByRules:
    """A home that was deployed to at one address and now has another."""
    plan: Plan = HOMES[name]
    outermost, *inner = plan.routers
    rules = rules_of(replace(outermost, wan_address=None), address)
    outermost = replace(outermost, wan_address=IPv4Address(now))
    plan = replace(plan, public_address=IPv4Address(now), routers=(outermost, *inner))
    return HomeByRules(plan, rules=rules)


def everything_is_right(home: HomeByRules) -> None:
    walks.cameras_reach_their_server(home)
    walks.cameras_get_an_answer(home)
    walks.everybody_may_dial_the_public_address(home)
    walks.everybody_reaches_the_internet(home)
    walks.nothing_else_is_reachable(home, home.odd_ports())
    for lan, host in home.hosts():
        for port in home.odd_ports():
            # Its address inside is its own, whatever is forwarded at the one outside.
            own = Packet("tcp", host, walks.SOURCE_PORT, home.routers[0].lan.ip, port)
            assert home.boxes().send_from_lan(lan, own).end == home.routers[0].name


@pytest.mark.parametrize("name", NAMES)
def test_all_is_right_at_an_address_that_came_after_the_deploy(name):
    everything_is_right(deployed(name, "203.0.113.20", "198.51.100.201"))


@pytest.mark.parametrize("name", ["home", "default-host"])
def test_what_is_wrong_in_the_rules_is_noticed(name):
    right = deployed(name, "203.0.113.20", "198.51.100.201")
    changes = {
        "the router's own address is forwarded too": lambda r: re.sub(
            r"!= \{ .*? \}", "!= { 0 }", r
        ),
        "nothing from outside": lambda r: r.replace('"eth0", ', ""),
        "nothing from inside": lambda r: r.replace('"eth1", ', ""),
        "another host": lambda r: re.sub(r"to \S+", "to 192.0.2.1", r),
    }
    for what, change in changes.items():
        wrong = replace(right, rules=tuple(map(change, right.rules)))
        assert wrong != right, what
        with pytest.raises(AssertionError):
            everything_is_right(wrong)
