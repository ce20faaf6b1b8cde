"""Packets walk through random homes, and arrive where they should and nowhere else.

The boxes are those of :mod:`tests.unit.plan.packets`, set up from the Plan; the homes are those of
:mod:`tests.random_homes`. What must be true of every home is a function ``…(home)`` here, so
that it can be asked of a home that is wrong as well: the last tests take something out of good
Plans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotshoe.plan.derivation import make_plan
from hotshoe.plan.model import Address, Plan, PortForward, RouterPlan, ServerPlan
from hotshoe.ports.ranges import PortRange, Service
from hotshoe.site import checks
from hotshoe.site.model import Site
from tests.conftest import EXAMPLES
from tests.effort import examples
from tests.homes import HOMES
from tests.random_homes import sites
from tests.unit.plan.packets import INTERNET, Boxes, Journey, Packet

CAMERA, CAMERA6 = IPv4Address("198.51.100.7"), IPv6Address("2001:db8:ffff::7")
WEB, WEB6 = IPv4Address("198.51.100.80"), IPv6Address("2001:db8:ffff::80")
SOURCE_PORT = 40000
# A passive range of so many ports is tried port by port.
FEW = 16

PROVIDED, PROVIDED_NEXT = IPv4Address("203.0.113.20"), IPv4Address("198.51.100.201")

homes = sites().map(lambda site: home_of(site))
homes_with_a_dmz = sites(dmz=True).map(lambda site: home_of(site))
homes_with_ipv6 = sites(ipv6=True).map(lambda site: home_of(site))
homes_with_direct_links = sites(direct=True).map(lambda site: home_of(site))


def every(*strategies: st.SearchStrategy[Any]) -> Callable[[Any], Any]:
    """Ask it of fewer examples than usual, for each is a whole home and many packets."""
    return lambda test: examples(15)(given(*strategies)(test))


def provided(plan: Plan, address: IPv4Address = PROVIDED) -> Plan:
    """A Plan as it holds while the provider gives the home an address, if that changes."""
    if plan.public_address:
        return plan
    outermost, *inner = plan.routers
    routers = (replace(outermost, wan_address=address), *inner)
    return replace(plan, public_address=address, routers=routers)


def masks_of(site: Site) -> frozenset[str]:
    return frozenset(router.name for router in site.routers if router.masks_source)


def led_to(server: ServerPlan) -> tuple[PortRange, ...]:
    """The ports of a server to which routers lead: for cameras, and for a certificate authority."""
    port = server.challenge_port
    return (*server.forwarded_ports, *([PortRange(port, port)] if port else []))


@dataclass(frozen=True)
class Home:
    """A Plan, and what one needs to know of it to send packets."""

    plan: Plan
    masking: frozenset[str] = frozenset()

    @property
    def servers(self) -> tuple[ServerPlan, ...]:
        return self.plan.servers

    @property
    def routers(self) -> tuple[RouterPlan, ...]:
        return self.plan.routers

    @cached_property
    def names(self) -> list[str]:
        return [router.name for router in self.routers]

    def boxes(self) -> Boxes:
        """All boxes, none of which knows a connection yet."""
        return Boxes(self.plan, self.masking)

    def at(self, server: ServerPlan) -> int:
        """The router in whose LAN a server is."""
        return self.names.index(server.behind)

    def host_in(self, lan: int) -> IPv4Address:
        """A computer in a LAN."""
        taken = {self.routers[lan].lan.ip, *(server.address for server in self.servers)}
        taken |= {router.wan_address for router in self.routers}
        taken |= {fetcher.address for fetcher in self.plan.fetchers}
        hosts = self.routers[lan].lan.network.hosts()
        return next(host for host in hosts if host not in taken)

    def hosts(self) -> list[tuple[int, IPv4Address]]:
        """A computer in each LAN that has room for one."""
        return [(lan, self.host_in(lan)) for lan in range(len(self.routers))]

    def ftp(self) -> Iterator[tuple[ServerPlan, int]]:
        """The servers with their ports: of long ranges the ends, and some in between."""
        for server in self.servers:
            for ports in led_to(server):
                step = 1 if len(ports) <= FEW else len(ports) // 5
                for port in {*range(ports.first, ports.last + 1, step), ports.last}:
                    yield server, port

    def wants_ftp(self, packet: Packet, server: ServerPlan) -> bool:
        return packet.wants(Service("tcp", ports) for ports in led_to(server))

    def odd_ports(self) -> set[int]:
        """Ports at which something may go wrong: those of services, and those next to FTP's."""
        found = {1, 20, 21, 22, 443, 65535}
        for server in self.servers:
            services = [*server.lan_services, *(access.service for access in server.may_open)]
            for ports in (*server.ftp_ports, *(service.ports for service in services)):
                found |= {ports.first - 1, ports.first, ports.last, ports.last + 1}
            found |= {server.ssh_port, server.fetch_port or server.ssh_port}
            if server.follower:
                found.add(server.follower.notice_port)
        for router in self.routers:
            for service in router.open_to_wan:
                found |= {service.ports.first, service.ports.last}
        return found & set(range(1, 65536))


def home_of(site: Site, address: IPv4Address = PROVIDED) -> Home:
    """A home, at an address that the provider gives it if that changes."""
    return Home(provided(make_plan(site), address), masks_of(site))


def dial(port: int, home: Home, source: Address = CAMERA, source_port: int = SOURCE_PORT) -> Packet:
    """The first packet to a port of the public address."""
    return Packet("tcp", source, source_port, home.plan.public_address, port)


def arrives(journey: Journey, server: ServerPlan) -> bool:
    return journey.arrived and journey.end == server.name


# -- from the Internet to the servers


def cameras_reach_their_server(home: Home) -> None:
    boxes = home.boxes()
    for server, port in home.ftp():
        journey = boxes.send_from_internet(dial(port, home))
        assert arrives(journey, server), journey
        assert (journey.packet.to, journey.packet.port) == (server.address, port)
        assert list(journey.routers) == home.names[: home.at(server) + 1]


@every(homes)
def test_a_camera_reaches_its_server_on_every_port_of_ftp_unchanged(home):
    cameras_reach_their_server(home)


@every(homes_with_direct_links)
def test_to_a_direct_link_nothing_leads(home):
    boxes = home.boxes()
    every = ((server, ports.first) for server in home.servers for ports in server.ftp_ports)
    for server, port in every:
        assert not arrives(boxes.send_from_internet(dial(port, home)), server)
        for lan, host in home.hosts():
            sent = Packet("tcp", host, SOURCE_PORT, server.address, port)
            assert not arrives(boxes.send_from_lan(lan, sent), server)
    for router in home.routers:
        for rule in (*router.forwards, *router.accept_rules):
            assert not rule.purpose.startswith("cameras")


def cameras_reach_their_server_over_ipv6(home: Home) -> None:
    boxes = home.boxes()
    for server, port in home.ftp():
        if server.address6 is None:
            continue
        packet = Packet("tcp", CAMERA6, SOURCE_PORT, server.address6, port)
        journey = boxes.send_from_internet(packet)
        assert arrives(journey, server), journey
        assert journey.packet == packet
        back = boxes.send_answer(journey)
        assert (back.end, back.packet) == (INTERNET, packet.answer())
        assert back.routers == journey.routers[::-1]


@every(homes_with_ipv6)
def test_a_camera_reaches_its_server_over_ipv6_with_nothing_translated(home):
    cameras_reach_their_server_over_ipv6(home)


@every(homes)
def test_a_data_connection_gets_in_only_beside_a_control_connection(home):
    for server in home.servers:
        for control in server.control_ports:
            boxes, data = home.boxes(), dial(server.passive.last, home)
            assert not arrives(boxes.send_from_internet(data), server)
            assert arrives(boxes.send_from_internet(dial(control.port, home)), server)
            assert arrives(boxes.send_from_internet(data), server)


def cameras_get_an_answer(home: Home) -> None:
    boxes = home.boxes()
    for _, port in home.ftp():
        sent = dial(port, home)
        journey = boxes.send_from_internet(sent)
        back = boxes.send_answer(journey)
        assert back.end == INTERNET, back
        # From the public address and the very port that the camera dialled.
        assert back.packet == sent.answer()
        assert back.routers == journey.routers[::-1]


@every(homes)
def test_the_answer_takes_the_same_way_back_and_comes_from_whom_the_camera_dialled(home):
    cameras_get_an_answer(home)


@every(homes)
def test_the_server_sees_the_address_of_the_camera_unless_a_router_masks_it(home):
    boxes = home.boxes()
    for server, port in home.ftp():
        journey = boxes.send_from_internet(dial(port, home))
        hidden = home.masking & set(journey.routers)
        assert (journey.packet.source == CAMERA) == (not hidden)
        # One limit for all clients would let others use all of it.
        assert bool(server.control_connections_per_minute) == (not hidden)


@every(homes)
def test_the_server_distinguishes_cameras_behind_the_same_nat(home):
    boxes = home.boxes()
    server, port = next(home.ftp())
    sent = [dial(port, home, source_port=each) for each in range(SOURCE_PORT, SOURCE_PORT + 3)]
    journeys = [boxes.send_from_internet(packet) for packet in sent]
    assert all(arrives(journey, server) for journey in journeys)
    answers = [boxes.send_answer(journey).packet for journey in journeys]
    assert answers == [packet.answer() for packet in sent]


# -- from the Internet to anything else


def unwanted_packets(home: Home, ports: set[int]) -> Iterator[Packet]:
    """Whatever may be sent from the Internet, as if its provider let private addresses through."""
    plan, to = home.plan, [home.plan.public_address]
    to += [server.address for server in plan.servers]
    to += [router.wan_address for router in plan.routers[1:]]
    to += [router.lan.ip for router in plan.routers]
    to += [host for _, host in home.hosts()]
    to6 = [server.address6 for server in plan.servers if server.address6]
    for router in plan.routers:
        if router.lan6:
            to6 += [router.wan6, router.lan6.ip, router.lan6.network[0xFFFF]]
    for protocol in ("tcp", "udp"):
        for port in ports:
            yield from (Packet(protocol, CAMERA, SOURCE_PORT, each, port) for each in to)
            yield from (Packet(protocol, CAMERA6, SOURCE_PORT, each, port) for each in to6 if each)


def nothing_else_is_reachable(home: Home, ports: set[int]) -> None:
    plan, outermost = home.plan, home.routers[0]
    exposed = None
    if all(router.default_host for router in plan.routers):
        (exposed,) = (s for s in plan.servers if s.address == plan.routers[-1].default_host)
    boxes = home.boxes()
    for packet in unwanted_packets(home, ports):
        journey = boxes.send_from_internet(packet)
        if journey.arrived:
            known = next((server for server in plan.servers if server.name == journey.end), None)
            if known:
                assert home.wants_ftp(packet, known), journey
                assert packet.to in (plan.public_address, known.address6), journey
            else:
                assert journey.end == outermost.name, journey
                assert packet.wants(outermost.open_to_wan), journey
        elif (
            exposed
            and packet.to == plan.public_address
            and not any(
                packet.wants([Service("tcp", s.passive)]) for s in plan.servers if s != exposed
            )
        ):
            # It comes as far as to the last default host, whose own firewall drops it.
            assert journey.end == exposed.name, journey
        elif journey.end not in home.names:
            # A data connection without a control connection comes as far as to the server.
            (server,) = (server for server in plan.servers if server.name == journey.end)
            assert packet.wants([Service("tcp", server.passive)]), journey
            assert packet.to in (plan.public_address, server.address6), journey


@every(homes, st.sets(st.integers(1, 65535), max_size=4))
def test_nothing_else_from_the_internet_reaches_anybody(home, ports):
    nothing_else_is_reachable(home, home.odd_ports() | ports)


# -- out of the home


def everybody_reaches_the_internet(home: Home) -> None:
    boxes = home.boxes()
    for protocol in ("tcp", "udp"):
        journeys = []
        for lan, host in home.hosts():
            # All with the same source port, so that routers must tell them apart.
            sent = Packet(protocol, host, SOURCE_PORT, WEB, 443)
            journeys.append((sent, boxes.send_from_lan(lan, sent)))
        for sent, journey in journeys:
            assert journey.end == INTERNET, journey
            seen = journey.packet
            assert (seen.source, seen.to, seen.port) == (home.plan.public_address, WEB, 443)
            port_set = home.plan.port_set or (PortRange(1, 65535),)
            assert any(seen.source_port in ports for ports in port_set)
            back = boxes.send_answer(journey)
            assert back.arrived, back
            assert (back.end, back.packet) == (str(sent.source), sent.answer())
            assert back.routers == journey.routers[::-1]


@every(homes)
def test_whoever_is_at_home_reaches_the_internet_from_the_public_address_and_its_ports(home):
    everybody_reaches_the_internet(home)


@every(homes_with_ipv6)
def test_whoever_is_at_home_reaches_the_internet_over_ipv6_with_nothing_translated(home):
    boxes = home.boxes()
    for lan, router in enumerate(home.routers):
        sent = Packet("tcp", router.lan6.network[0xFFFF], SOURCE_PORT, WEB6, 443)
        journey = boxes.send_from_lan(lan, sent)
        assert (journey.end, journey.packet) == (INTERNET, sent)
        back = boxes.send_answer(journey)
        assert back.arrived, back
        assert (back.end, back.packet) == (str(sent.source), sent.answer())


# A server's IPv6 address, a router's inside, a router's outside.
_gaps = st.sets(st.tuples(st.sampled_from(["address6", "lan6", "wan6"]), st.integers(0, 7)))


def with_gaps(site: Site, gaps: set[tuple[str, int]]) -> Site:
    """A home in which not everybody has IPv6; the checks may refuse it."""

    def reduced(parts: tuple[Any, ...], *fields: str) -> list[Any]:
        missing = [{f: None for f in fields if (f, i) in gaps} for i in range(len(parts))]
        return [part.model_copy(update=m) for part, m in zip(parts, missing, strict=True)]

    return site.model_copy(
        update={
            "routers": tuple(reduced(site.routers, "lan6", "wan6")),
            "servers": tuple(reduced(site.servers, "address6")),
        }
    )


@examples(30)
@given(sites(ipv6=True), _gaps)
def test_ipv6_with_gaps_is_refused_or_every_packet_finds_its_way(site, gaps):
    gapped = with_gaps(site, gaps | {("address6", i) for i in range(len(site.servers))})
    for described in (gapped, with_gaps(site, gaps)):
        if list(checks.run(described)):
            continue
        plan = make_plan(described)
        boxes, inside = Boxes(plan), [(i, r.lan6) for i, r in enumerate(plan.routers) if r.lan6]
        for lan, interface in inside:
            for at, other in inside:
                host, to = interface.network[0xFFFF], other.network[0xFFFE]
                # Whether it arrives or is dropped: it does not go round in circles.
                journey = boxes.send_from_lan(lan, Packet("tcp", host, SOURCE_PORT, to, 443))
                assert not journey.arrived or journey.lan in (at, None), journey


@every(homes)
def test_a_routed_router_changes_no_packet(home):
    routed = {router.name for router in home.routers if router.mode == "routed"}
    boxes = home.boxes()
    journeys = [boxes.send_from_internet(dial(port, home)) for _, port in home.ftp()]
    for lan, host in home.hosts():
        journeys.append(boxes.send_from_lan(lan, Packet("tcp", host, SOURCE_PORT, WEB, 443)))
        journeys.append(boxes.send_from_lan(lan, dial(home.servers[0].control_port, home, host)))
    for journey in (*journeys, *map(boxes.send_answer, journeys)):
        for (_, before), (name, after) in zip(journey.hops, journey.hops[1:], strict=False):
            assert name not in routed or after == before


# -- at home


def everybody_may_dial_the_public_address(home: Home) -> None:
    for lan, host in home.hosts():
        for server in (each for each in home.servers if not each.only_on):
            boxes = home.boxes()
            seen = set()
            for port in (server.control_port, server.passive.first, server.passive.last):
                sent = dial(port, home, host)
                journey = boxes.send_from_lan(lan, sent)
                assert arrives(journey, server), journey
                assert journey.packet.port == port
                seen.add(journey.packet.source)
                back = boxes.send_answer(journey)
                assert back.arrived, back
                assert (back.end, back.packet) == (str(host), sent.answer())
                assert back.routers == journey.routers[::-1]
            # vsftpd refuses a data connection from elsewhere than the control connection.
            assert len(seen) == 1


@every(homes)
def test_whoever_is_at_home_may_dial_the_public_address_too(home):
    everybody_may_dial_the_public_address(home)


@every(homes_with_ipv6)
def test_whoever_is_at_home_may_dial_the_server_s_ipv6_address(home):
    boxes = home.boxes()
    for lan, router in enumerate(home.routers):
        for server in home.servers:
            host = router.lan6.network[0xFFFF]
            sent = Packet("tcp", host, SOURCE_PORT, server.address6, server.control_port)
            journey = boxes.send_from_lan(lan, sent)
            assert arrives(journey, server), journey
            back = boxes.send_answer(journey)
            assert back.arrived, back
            assert (back.end, back.packet) == (str(host), sent.answer())


def the_home_reaches_its_servers(home: Home) -> None:
    """From the server's own LAN and from behind the routers inside of it."""
    for server in home.servers:
        services = [Service("tcp", ports) for ports in server.forwarded_ports]
        services += [Service("tcp", PortRange(server.ssh_port, server.ssh_port))]
        services += server.lan_services
        for lan in range(home.at(server), len(home.routers)):
            boxes, host = home.boxes(), home.host_in(lan)
            for service in services:
                port = service.ports.last
                sent = Packet(service.protocol, host, SOURCE_PORT, server.address, port)
                journey = boxes.send_from_lan(lan, sent)
                assert arrives(journey, server), journey
                back = boxes.send_answer(journey)
                assert back.arrived, back
                assert (back.end, back.packet) == (str(host), sent.answer())


@every(homes_with_a_dmz)
def test_the_home_reaches_a_server_in_its_own_lan_or_outside_of_it(home):
    the_home_reaches_its_servers(home)


# -- out of a DMZ


def attempts(home: Home, server: ServerPlan, ports: set[int]) -> Iterator[Packet]:
    """Whatever a server may try at the home behind the routers inside of it."""
    at, to = home.at(server), [home.plan.public_address]
    for lan in range(at + 1, len(home.routers)):
        router = home.routers[lan]
        to += [router.wan_address, router.lan.ip, home.host_in(lan)]
        to += [access.host for access in server.may_open]
        if router.lan6 and server.address6:
            to += [router.wan6, router.lan6.ip, router.lan6.network[0xFFFF]]
    to += [other.address for other in home.servers if home.at(other) > at]
    to += [other.address6 for other in home.servers if home.at(other) > at and other.address6]
    for each in dict.fromkeys(to):
        source = server.address if each.version == 4 else server.address6
        for protocol in ("tcp", "udp"):
            yield from (Packet(protocol, source, SOURCE_PORT, each, port) for port in ports)


def servers_open_only_what_they_may(home: Home, ports: set[int]) -> None:
    for server in home.servers:
        at, boxes = home.at(server), home.boxes()
        deeper = {other.name: other for other in home.servers if home.at(other) > at}
        for packet in attempts(home, server, ports):
            # As one should, and by using the home's router as a gateway to what is behind it.
            inner = home.routers[at + 1].wan_address if at + 1 < len(home.routers) else None
            for via in (None, inner):
                journey = boxes.send_from_lan(at, packet, via)
                if not journey.arrived or journey.lan is None or journey.lan <= at:
                    continue
                if journey.end in home.names:
                    assert packet.wants(home.plan.router(journey.end).open_to_wan), journey
                elif journey.end in deeper and home.wants_ftp(packet, deeper[journey.end]):
                    continue  # as anybody on the Internet
                else:
                    assert any(
                        packet.wants([access.service])
                        and packet.to == access.dial
                        and journey.packet.to == access.host
                        for access in server.may_open
                    ), journey


@every(homes_with_a_dmz, st.sets(st.integers(1, 65535), max_size=2))
def test_a_server_in_a_dmz_opens_nothing_towards_the_home_but_what_it_may(home, ports):
    servers_open_only_what_they_may(home, home.odd_ports() | ports)


def servers_open_what_they_may(home: Home) -> None:
    boxes = home.boxes()
    for server in home.servers:
        for access in server.may_open:
            for port in {access.service.ports.first, access.service.ports.last}:
                protocol = access.service.protocol
                sent = Packet(protocol, server.address, SOURCE_PORT, access.dial, port)
                journey = boxes.send_from_lan(home.at(server), sent)
                assert journey.arrived, journey
                assert (journey.packet.to, journey.packet.port) == (access.host, port)
                back = boxes.send_answer(journey)
                assert arrives(back, server), back
                assert back.packet == sent.answer()


@every(homes_with_a_dmz)
def test_a_server_in_a_dmz_opens_what_it_may(home):
    servers_open_what_they_may(home)


@every(homes_with_a_dmz)
def test_nobody_else_in_a_dmz_opens_what_the_server_may(home):
    boxes = home.boxes()
    for server in home.servers:
        lan = home.at(server)
        for access in server.may_open:
            protocol, port = access.service.protocol, access.service.ports.first
            for to in (access.dial, access.host):
                packet = Packet(protocol, home.host_in(lan), SOURCE_PORT, to, port)
                for via in (None, home.routers[lan + 1].wan_address):
                    journey = boxes.send_from_lan(lan, packet, via)
                    assert not journey.arrived or journey.end == INTERNET, journey


# -- photos that the home fetches


def fetchers_reach_their_server(home: Home) -> None:
    """Each by a connection of its own, which the server knows by its source; and nobody else."""
    for fetcher in home.plan.fetchers:
        server, boxes = home.plan.server(fetcher.server), home.boxes()
        (access,) = (each for each in server.fetchers if each.name == fetcher.name)
        sent = Packet("tcp", fetcher.address, SOURCE_PORT, fetcher.dial, fetcher.port)
        journey = boxes.send_from_lan(home.names.index(fetcher.behind), sent)
        assert arrives(journey, server), journey
        assert (journey.packet.source, journey.packet.port) == (access.source, server.fetch_port)
        back = boxes.send_answer(journey)
        assert back.arrived, back
        assert (back.end, back.packet) == (str(fetcher.address), sent.answer())


@every(homes_with_a_dmz)
def test_whoever_fetches_photos_reaches_the_server(home):
    fetchers_reach_their_server(home)


@every(homes_with_a_dmz)
def test_nobody_else_reaches_the_port_for_those_who_fetch(home):
    for server in (each for each in home.servers if each.fetch_port):
        sources = {access.source for access in server.fetchers}
        strange = replace(dial(server.fetch_port, home), to=server.address)
        for to in (server.address, home.plan.public_address):
            journey = home.boxes().send_from_internet(replace(strange, to=to))
            assert not arrives(journey, server), journey
            for lan, host in home.hosts():
                journey = home.boxes().send_from_lan(lan, replace(strange, to=to, source=host))
                assert not arrives(journey, server) or journey.packet.source in sources, journey


# -- a public address that changes


sites_that_change = sites().filter(lambda site: not site.public_address)


@every(sites_that_change)
def test_all_is_right_at_every_address_that_the_provider_gives(site):
    for address in (PROVIDED, PROVIDED_NEXT):
        home = home_of(site, address)
        cameras_reach_their_server(home)
        cameras_get_an_answer(home)
        everybody_reaches_the_internet(home)
        everybody_may_dial_the_public_address(home)


def servers_are_told(home: Home) -> None:
    """The outermost router reaches those that expect it to, each at a port of its own."""
    boxes = home.boxes()
    told = {}
    for notice in home.routers[0].notices:
        journey = boxes.send_from_outermost(notice.to, notice.port)
        assert journey.arrived, journey
        assert boxes.send_answer(journey).packet.source == notice.to
        told[journey.end] = (journey.packet.source, notice.port)
    expected = {
        server.name: (server.follower.router, server.follower.notice_port)
        for server in home.servers
        if server.follower and server.follower.router
    }
    assert told == expected


@every(homes)
def test_the_outermost_router_tells_every_server_that_expects_it(home):
    servers_are_told(home)


@every(sites_that_change)
def test_nobody_else_tells_a_server_a_wan_address(site):
    home = home_of(site)
    for server in home.servers:
        port, boxes = server.follower.notice_port, home.boxes()
        assert not home.wants_ftp(dial(port, home), server)
        to = [home.plan.public_address, server.address]
        to += [router.wan_address for router in home.routers[1:]]
        for address in to:
            strange = replace(dial(port, home), to=address)
            assert not arrives(boxes.send_from_internet(strange), server)
            for lan, host in home.hosts():
                journey = boxes.send_from_lan(lan, replace(strange, source=host))
                assert not arrives(journey, server), journey


# -- the numbers


@every(homes)
def test_every_router_on_the_way_is_open_on_the_ports_of_the_servers_and_no_other(home):
    for i, router in enumerate(home.routers):
        rules = {
            (let.to, let.service)
            for let in (*router.forwards, *router.accept_rules)
            if let.source is None
        }
        passing = [server for server in home.servers if home.at(server) >= i]
        ports = {ports for server in passing for ports in led_to(server)}
        opened = {service.ports for _, service in rules}
        assert {service.protocol for _, service in rules} <= {"tcp"}
        assert opened <= ports
        if router.default_host is None:
            assert opened == ports
        for server in passing:
            if server.address6:
                assert {s.ports for to, s in rules if to == server.address6} == {*led_to(server)}


@every(homes)
def test_no_two_servers_share_a_port(home):
    every = [ports for server in home.servers for ports in server.ftp_ports]
    for i, ports in enumerate(every):
        assert not any(ports.overlaps(other) for other in every[i + 1 :])


# -- the boxes notice what is wrong


def everything_is_right(home: Home) -> None:
    cameras_reach_their_server(home)
    cameras_reach_their_server_over_ipv6(home)
    cameras_get_an_answer(home)
    nothing_else_is_reachable(home, home.odd_ports())
    everybody_reaches_the_internet(home)
    everybody_may_dial_the_public_address(home)
    the_home_reaches_its_servers(home)
    servers_open_only_what_they_may(home, home.odd_ports())
    servers_open_what_they_may(home)
    servers_are_told(home)
    fetchers_reach_their_server(home)


@pytest.fixture(params=EXAMPLES)
def example(request) -> Home:
    return Home(provided(HOMES[request.param]))


def test_the_examples_pass_every_check(example):
    everything_is_right(example)


def without_a_part(plan: Plan) -> Iterator[Plan]:
    """Plans that lack a single thing."""
    for i, router in enumerate(plan.routers):
        changed = [{"default_host": None}] if router.default_host else []
        # The WAN address of an inner router is dialled by nobody inside of it.
        hairpin = [] if i else ["hairpin"]
        for field in ("forwards", "accept_rules", "routes", "masquerade", *hairpin):
            parts = getattr(router, field)
            changed += [{field: parts[:k] + parts[k + 1 :]} for k in range(len(parts))]
        for change in changed:
            routers = (*plan.routers[:i], replace(router, **change), *plan.routers[i + 1 :])
            yield replace(plan, routers=routers)


def test_a_missing_rule_is_detected(example):
    for plan in without_a_part(example.plan):
        with pytest.raises(AssertionError):
            everything_is_right(Home(plan))


def test_an_excessive_rule_is_detected(example):
    outermost, *inner = example.routers
    host = example.host_in(0)
    forward = PortForward(Service.parse("8080/tcp"), host, None, "a back door")
    routers = (replace(outermost, forwards=(*outermost.forwards, forward)), *inner)
    home = Home(replace(example.plan, routers=routers))
    with pytest.raises(AssertionError):
        nothing_else_is_reachable(home, {8080})
