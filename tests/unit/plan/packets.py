"""How packets walk through a home: a small model of its boxes, set up from a Plan.

It reads what the Plan says about each device and knows what real boxes do with that; how a Plan
comes about it does not know, so it can tell when one is wrong. What a box does in the order in
which Linux and the routers of providers do it: find the connection that a packet belongs to, else
translate where it goes, filter, choose the way, translate where it comes from, remember.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_network
from itertools import chain

from hotshoe.plan.model import (
    AcceptRule,
    Address,
    Network,
    Plan,
    PortForward,
    RouterPlan,
    ServerPlan,
)
from hotshoe.ports.ranges import PortRange, Service

INTERNET = "the Internet"
WAN, LAN = "WAN", "LAN"
EVERY_PORT = (PortRange(1, 65535),)
# More than any chain is long, so a packet that comes so far goes round in circles.
TIME_TO_LIVE = 40


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection, or of its answer; equal packets are of one connection."""

    protocol: str
    source: Address
    source_port: int
    to: Address
    port: int

    def answer(self) -> Packet:
        """The answer of the host that received this packet."""
        return Packet(self.protocol, self.to, self.port, self.source, self.source_port)

    def wants(self, services: Iterable[Service]) -> bool:
        """Whether it is for one of these services."""
        return any(s.protocol == self.protocol and self.port in s.ports for s in services)


Hop = tuple[str, Packet]


@dataclass(frozen=True)
class Journey:
    """Where a packet went.

    :param packet: what it looked like in the end
    :param hops: the names of the routers that passed it on, in order, and what left them
    :param end: the name of the box at which it ended; for a computer of no name, its address
    :param arrived: whether that box took it; else it dropped it
    :param lan: the router in whose LAN the box is; None on the Internet
    """

    packet: Packet
    hops: tuple[Hop, ...]
    end: str
    arrived: bool
    lan: int | None

    @property
    def routers(self) -> tuple[str, ...]:
        """The routers that passed it on, in order."""
        return tuple(name for name, _ in self.hops)


class DroppedError(Exception):
    """A router dropped a packet."""


class TakenError(Exception):
    """A router answers a packet itself."""


class Router:
    """One router: translates, filters, routes, and remembers connections.

    :param plan: what it should do
    :param outer: the router outside of it, of which only the LAN's addresses are used
    :param masks: whether it gives what it forwards a source address of its own
    """

    def __init__(self, plan: RouterPlan, outer: RouterPlan | None, masks: bool) -> None:
        self.plan, self.masks = plan, masks
        self._wan_networks = _networks(outer) if outer else ()
        self._connections: dict[Packet, Packet] = {}
        for route in plan.routes:
            # Anything else the kernel refuses: "Nexthop has invalid gateway", "No route to host".
            assert _within(route.via, (*_networks(plan), *self._wan_networks)), route

    def take(self, packet: Packet, side: str) -> tuple[Packet, str, Address | None]:
        """Deal with a packet that comes in on one side.

        :returns: what leaves, on which side, and for whom there; None is the Internet
        """
        known = self._connections.get(packet)
        if known:
            return known, *self._way(known.to)
        inward = self._translate_destination(packet, side)
        if side == WAN and inward == packet and not self._may_pass(packet):
            raise DroppedError
        out, hop = self._way(inward.to)
        leaving = self._translate_source(inward, side, out, inward != packet)
        self._connections |= {packet: leaving, leaving.answer(): packet.answer()}
        return leaving, out, hop

    def _translate_destination(self, packet: Packet, side: str) -> Packet:
        plan = self.plan
        own = {plan.wan_address, plan.lan.ip, plan.wan6, plan.lan6 and plan.lan6.ip}
        if packet.to not in own:
            return packet
        if packet.wants(plan.open_to_wan):
            raise TakenError
        if packet.to == plan.wan_address and (side == WAN or _within(packet.source, plan.hairpin)):
            to = next((f.to for f in plan.forwards if _fits(f, packet)), plan.default_host)
            if to:
                return replace(packet, to=to)
        raise DroppedError if side == WAN else TakenError

    def _may_pass(self, packet: Packet) -> bool:
        return any(p.to == packet.to and _fits(p, packet) for p in self.plan.accept_rules)

    def _way(self, to: Address) -> tuple[str, Address | None]:
        plan = self.plan
        if _within(to, _networks(plan)):
            return LAN, to
        fitting = [route for route in plan.routes if _within(to, (route.to,))]
        if fitting:
            best = max(fitting, key=lambda route: route.to.prefixlen)
            return (LAN if _within(best.via, _networks(plan)) else WAN), best.via
        if _within(to, self._wan_networks):
            return WAN, to
        return WAN, plan.gateway if to.version == 4 else None

    def _translate_source(self, packet: Packet, side: str, out: str, translated: bool) -> Packet:
        plan = self.plan
        if out == WAN and _within(packet.source, plan.masquerade):
            ports = plan.masquerade_ports or EVERY_PORT
            return self._free(replace(packet, source=plan.wan_address), ports)
        if translated and (side == LAN or self.masks):
            return self._free(replace(packet, source=plan.lan.ip), EVERY_PORT)
        return packet

    def _free(self, packet: Packet, allowed: tuple[PortRange, ...]) -> Packet:
        """With its own source port or, where that is taken or not allowed, another one."""
        own = [packet.source_port] if any(packet.source_port in r for r in allowed) else []
        for port in chain(own, *allowed):
            candidate = replace(packet, source_port=port)
            if candidate.answer() not in self._connections:
                return candidate
        raise DroppedError


class Server:
    """A server's firewall."""

    def __init__(self, plan: ServerPlan) -> None:
        self.plan = plan
        self._opened: set[Packet] = set()
        # Who has a control connection: an address, or all of a /64.
        self.present: set[Network] = set()

    def opens(self, packet: Packet) -> None:
        """Remember a connection of its own."""
        self._opened.add(packet)

    def takes(self, packet: Packet) -> bool:
        """Whether the firewall accepts a packet."""
        plan = self.plan
        control = [Service("tcp", PortRange(each.port, each.port)) for each in plan.control_ports]
        passive = [Service("tcp", plan.passive)]
        # While its authority asks.
        asked = [Service("tcp", PortRange(port, port)) for port in (plan.challenge_port,) if port]
        if plan.only_on:
            # Whatever walks here has come by another interface.
            control = passive = []
        who = ip_network((packet.source, 32 if packet.source.version == 4 else 64), strict=False)
        allowed = not plan.only_from or _within(packet.source, plan.only_from)
        if packet.wants(control) and not allowed:
            return False
        if packet.wants(control):
            self.present.add(who)
        return (
            packet.answer() in self._opened
            or packet.wants(control)
            or packet.wants(asked)
            or (packet.wants(passive) and _within(packet.source, self.present))
            or (
                _within(packet.source, plan.ssh_from)
                and (packet.protocol, packet.port) == ("tcp", plan.ssh_port)
            )
            or (_within(packet.source, plan.inside) and packet.wants(plan.lan_services))
            or any(
                packet.source == let.source and packet.wants([let.service])
                for let in plan.accept_rules
            )
        )


class Boxes:
    """All boxes of a home, cabled one behind the other, and the Internet.

    :param plan: what each of them should do
    :param masking: the names of routers that replace sources (source NAT)
    """

    def __init__(self, plan: Plan, masking: Collection[str] = ()) -> None:
        self.routers = [
            Router(router, outer, router.name in masking)
            for router, outer in zip(plan.routers, (None, *plan.routers), strict=False)
        ]
        self.servers = {server.name: Server(server) for server in plan.servers}

    def send_from_internet(self, packet: Packet) -> Journey:
        """Send a packet to the outermost router, whatever address it is for."""
        return self._walk(packet, 0, WAN)

    def send_from_lan(self, lan: int, packet: Packet, via: Address | None = None) -> Journey:
        """Send a packet from a computer in the LAN of a router.

        :param via: whom to hand it to, instead of whom a well-meaning computer would
        """
        for server in self.servers.values():
            if packet.source in (server.plan.address, server.plan.address6):
                server.opens(packet)
        plan = self.routers[lan].plan
        hop = via
        if hop is None:
            hop = packet.to
            if not _within(packet.to, _networks(plan)):
                hop = plan.lan.ip if packet.to.version == 4 else plan.lan6 and plan.lan6.ip
        return self._deliver(packet, lan, hop, ())

    def send_from_outermost(self, to: Address, port: int) -> Journey:
        """Let the outermost router connect to an address inside, over TCP."""
        router = self.routers[0]
        side, hop = router._way(to)
        assert side == LAN, to
        return self._deliver(Packet("tcp", router.plan.lan.ip, 40000, to, port), 0, hop, ())

    def send_answer(self, journey: Journey) -> Journey:
        """Let the host that received a packet answer it."""
        answer = journey.packet.answer()
        if journey.lan is None:
            return self.send_from_internet(answer)
        return self.send_from_lan(journey.lan, answer)

    def _walk(self, packet: Packet, i: int, side: str, passed: tuple[Hop, ...] = ()) -> Journey:
        """Hand a packet to router i."""
        assert len(passed) < TIME_TO_LIVE, f"{packet} goes round in circles: {passed}"
        router = self.routers[i]
        where = i if side == LAN else i - 1 if i else None
        try:
            leaving, out, hop = router.take(packet, side)
        except (DroppedError, TakenError) as fate:
            return Journey(packet, passed, router.plan.name, isinstance(fate, TakenError), where)
        passed = (*passed, (router.plan.name, leaving))
        if out == LAN:
            return self._deliver(leaving, i, hop, passed)
        if i == 0:
            return Journey(leaving, passed, INTERNET, True, None)
        if hop is None:
            # IPv6 knows its gateway by router advertisement, IPv4 by the Plan.
            outer6 = self.routers[i - 1].plan.lan6
            if outer6 is None:
                return Journey(leaving, passed, router.plan.name, False, i - 1)
            hop = outer6.ip
        return self._deliver(leaving, i - 1, hop, passed)

    def _deliver(
        self, packet: Packet, lan: int, hop: Address | None, passed: tuple[Hop, ...]
    ) -> Journey:
        """Hand a packet to the device that has the address in a LAN."""
        for i, side, addresses in self._router_sides(lan):
            if hop in addresses:
                return self._walk(packet, i, side, passed)
        for name, server in self.servers.items():
            if hop in (server.plan.address, server.plan.address6):
                mine = packet.to == hop
                return Journey(packet, passed, name, mine and server.takes(packet), lan)
        in_lan = hop is not None and _within(hop, _networks(self.routers[lan].plan))
        return Journey(packet, passed, str(hop), in_lan and packet.to == hop, lan)

    def _router_sides(self, lan: int) -> Iterator[tuple[int, str, tuple[Address | None, ...]]]:
        outer = self.routers[lan].plan
        yield lan, LAN, (outer.lan.ip, outer.lan6.ip if outer.lan6 else None)
        for inner in self.routers[lan + 1 : lan + 2]:
            yield lan + 1, WAN, (inner.plan.wan_address, inner.plan.wan6)


def _networks(router: RouterPlan) -> tuple[Network, ...]:
    return (router.lan.network, *([router.lan6.network] if router.lan6 else []))


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def _fits(rule: PortForward | AcceptRule, packet: Packet) -> bool:
    """Whether a forward or a rule is about a packet."""
    return packet.wants([rule.service]) and rule.source in (None, packet.source)
