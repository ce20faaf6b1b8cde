"""Which containers and cables a Plan needs on a stage. Pure; nothing is started here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from typing import Literal

from hotshoe.errors import HotshoeError
from hotshoe.plan.model import Plan, Route, RouterPlan

# Reserved for documentation (RFC 5737), so nobody's home is in them. Small, because the network
# that a rehearsal runs in may use other addresses of the same block for itself.
_CAMERA_NETWORKS = (IPv4Network("198.51.100.248/29"), IPv4Network("198.51.100.240/29"))
_CAMERA_NETWORKS6 = (IPv6Network("2001:db8:cafe::/64"), IPv6Network("3fff:cafe::/64"))
# The cable between provider and home holds two addresses only (RFC 3021), for the same reason.
WAN_PREFIX = 31
# A home whose public address changes begins with this one.
FIRST_PUBLIC_ADDRESS = IPv4Address("203.0.113.20")
# Over IPv6 that cable needs no addresses of its own.
_PROVIDER6, _HOME6 = IPv6Interface("fe80::1/64"), IPv6Interface("fe80::2/64")

INTERNET, CAMERA, LAPTOP = "internet", "camera", "laptop"
# A camera on the direct links of servers, if they have any.
TETHERED = "tethered"
_OWN = (INTERNET, CAMERA, LAPTOP, TETHERED)
# Where the addresses of these links are from: reserved (RFC 2544), so no home is there.
_DIRECT_NETWORK = IPv4Network("198.18.0.0/15")

Kind = Literal["debian", "openwrt", "client", "provider"]
# How a router is played, by what manages it.
_KINDS: dict[str, Kind] = {"hand": "client", "openwrt": "openwrt", "linux": "debian"}


@dataclass(frozen=True)
class Port:
    """A network interface of a container.

    :param segment: the cable or switch that it is plugged into
    :param name: the interface's name
    :param address: its address and prefix length
    :param address6: its IPv6 address and prefix length, if it has one
    """

    segment: str
    name: str
    address: IPv4Interface
    address6: IPv6Interface | None = None

    @property
    def mac(self) -> str:
        """A hardware address that outlives a reboot, as a real one does; locally administered."""
        return "02:00:" + ":".join(f"{byte:02x}" for byte in self.address.ip.packed)


@dataclass(frozen=True)
class Node:
    """A container.

    :param name: the device it plays
    :param kind: ``debian`` for a bare Debian that hotshoe deploys to, ``openwrt`` for an OpenWrt
        router, ``client`` for one with FTP clients, or with which a person's own router is played,
        ``provider`` for an Internet that a home whose public address changes asks and tells, or
        that gives it its certificate
    :param ports: its network interfaces
    :param gateway: where its default route leads; None for the simulated Internet
    :param gateway6: the same over IPv6, where it has that
    """

    name: str
    kind: Kind
    ports: tuple[Port, ...]
    gateway: IPv4Address | None
    gateway6: IPv6Address | None = None


@dataclass(frozen=True)
class Topology:
    """Everything on a stage.

    :param nodes: the containers
    :param hostname: the name that the Internet's DNS knows
    :param public: the addresses that it resolves to
    :param resolver: the address of that DNS
    :param name_server: the address of the server that has the record of a home whose public address
        changes; None for others
    :param services: the address of the HTTPS servers that such a home asks and tells
    :param acme: the address of the certificate authority of a home that has one on the Internet;
        None for others
    :param acme_name_server: the address of the name server with the record that such an authority
        asks for; None for others
    :param routes: what the Internet reaches through the home's outermost router
    :param by_hand: the routers that are set up from their worksheets
    :param servers: the names of the nodes that play servers
    :param peers: the names of the nodes that play computers at home to which photos are delivered
    :param direct: the addresses of servers on their direct links, by their names
    """

    nodes: tuple[Node, ...]
    hostname: str
    public: tuple[IPv4Address | IPv6Address, ...]
    resolver: IPv4Address
    name_server: IPv4Address | None
    services: IPv4Address | None
    acme: IPv4Address | None
    acme_name_server: IPv4Address | None
    routes: tuple[Route, ...]
    by_hand: tuple[str, ...]
    servers: tuple[str, ...]
    peers: tuple[str, ...]
    direct: dict[str, IPv4Address]

    @property
    def segments(self) -> dict[str, list[tuple[Node, Port]]]:
        """Who is plugged into what."""
        plugged: dict[str, list[tuple[Node, Port]]] = {}
        for node in self.nodes:
            for port in node.ports:
                plugged.setdefault(port.segment, []).append((node, port))
        return plugged

    def neighbour(self, router: Node) -> Node:
        """From where its owner logs in to a router: a laptop in its LAN, a server, another router.

        Without any of them, it is the router itself.
        """
        ends = [node for node, _ in self.segments[router.ports[1].segment] if node is not router]
        order = (LAPTOP, *self.servers)
        ranked = sorted(ends, key=lambda n: order.index(n.name) if n.name in order else len(order))
        return next(iter(ranked), router)


def make_topology(plan: Plan) -> Topology:
    """Derive a stage from a Plan.

    :raises HotshoeError: if a device has the name of one that only the stage has
    """
    peers = _peers(plan)
    for name in (*(r.name for r in plan.routers), *(s.name for s in plan.servers), *peers):
        if name in _OWN:
            raise HotshoeError(
                f"{name}: the stage has a device of that name of its own\n"
                "    -> give yours another name in the Site"
            )
    has6 = any(router.lan6 for router in plan.routers)
    public = plan.public_address or FIRST_PUBLIC_ADDRESS
    wan = IPv4Network((public, WAN_PREFIX), strict=False)
    provider = next(a for a in wan if a != public)
    away = next(n for n in _CAMERA_NETWORKS if not n.overlaps(wan))
    lans6 = [router.lan6.network for router in plan.routers if router.lan6]
    away6 = next(n for n in _CAMERA_NETWORKS6 if not any(n.overlaps(lan) for lan in lans6))

    def away_port(name: str, number: int) -> Port:
        return Port(
            "away",
            name,
            IPv4Interface((away[number], away.prefixlen)),
            IPv6Interface((away6[number], away6.prefixlen)) if has6 else None,
        )

    changes = plan.public_address is None
    has_acme = any(s.certificate and s.certificate.acme for s in plan.servers)
    internet = Node(
        INTERNET,
        "provider" if changes or has_acme else "client",
        (
            away_port("camera0", 1),
            Port(
                "wan", "home0", IPv4Interface((provider, WAN_PREFIX)), _PROVIDER6 if has6 else None
            ),
        ),
        None,
    )
    links = _direct_links(plan)
    camera = Node(CAMERA, "client", (away_port("eth0", 2),), away[1], away6[1] if has6 else None)
    nodes = [internet, camera]
    for i, router in enumerate(plan.routers):
        outer = plan.routers[i - 1] if i else None
        nodes.append(_router(router, outer, provider))
        for server in plan.servers_behind(router):
            node = _inside(server.name, "debian", router, server.address, server.address6)
            if server.only_on:
                port = Port(f"link-{server.name}", server.only_on, links[server.name][0])
                node = replace(node, ports=(*node.ports, port))
            nodes.append(node)
        for name, address in peers.items():
            if address in router.lan.network:
                nodes.append(_inside(name, "debian", router, address, None))
    if links:
        ends = [
            Port(f"link-{name}", f"eth{i}", link[1]) for i, (name, link) in enumerate(links.items())
        ]
        nodes.append(Node(TETHERED, "client", tuple(ends), None))
    if laptop := _laptop(plan):
        nodes.append(laptop)
    return Topology(
        nodes=tuple(nodes),
        hostname=plan.hostname,
        public=(public, *(s.address6 for s in plan.servers if s.address6)),
        resolver=away[1],
        name_server=away[3] if changes else None,
        services=away[4] if changes else None,
        acme=away[5] if has_acme else None,
        acme_name_server=away[6] if has_acme else None,
        routes=tuple(Route(lan, _HOME6.ip) for lan in lans6),
        by_hand=tuple(router.name for router in plan.routers if router.by_hand),
        servers=tuple(server.name for server in plan.servers),
        peers=tuple(peers),
        direct={name: end.ip for name, (end, _) in links.items()},
    )


def _peers(plan: Plan) -> dict[str, IPv4Address]:
    """The computers at home to which photos are delivered, by the names of the deliveries.

    One that is a server itself, or has several deliveries, is there already.
    """
    taken = {server.address for server in plan.servers}
    found: dict[str, IPv4Address] = {}
    pushes = ((push.name, push.home_address) for s in plan.servers for push in s.pushes)
    for name, address in (*((f.name, f.address) for f in plan.fetchers), *pushes):
        if address and address not in taken:
            found[name] = address
            taken.add(address)
    return found


def _direct_links(plan: Plan) -> dict[str, tuple[IPv4Interface, IPv4Interface]]:
    """The two ends of each server's direct link, by the server's name."""
    servers = [server.name for server in plan.servers if server.only_on]
    return {
        name: (IPv4Interface((net[1], 30)), IPv4Interface((net[2], 30)))
        for name, net in zip(servers, _DIRECT_NETWORK.subnets(new_prefix=30), strict=False)
    }


def _lan(router: RouterPlan) -> str:
    return f"lan-{router.name}"


def _router(router: RouterPlan, outer: RouterPlan | None, provider: IPv4Address) -> Node:
    wan6, gateway6 = (_HOME6, _PROVIDER6.ip) if router.lan6 else (None, None)
    if outer is None:
        wan = Port(
            "wan",
            "eth0",
            IPv4Interface((router.wan_address or FIRST_PUBLIC_ADDRESS, WAN_PREFIX)),
            wan6,
        )
        gateway = provider
    else:
        if outer.lan6 and router.wan6:
            wan6 = IPv6Interface((router.wan6, outer.lan6.network.prefixlen))
            gateway6 = outer.lan6.ip
        else:
            wan6 = gateway6 = None
        prefix = outer.lan.network.prefixlen
        wan = Port(_lan(outer), "eth0", IPv4Interface((router.wan_address, prefix)), wan6)
        gateway = outer.lan.ip
    return Node(
        router.name,
        _KINDS[router.managed_by],
        (wan, Port(_lan(router), "eth1", router.lan, router.lan6)),
        gateway,
        gateway6,
    )


def _inside(
    name: str,
    kind: Kind,
    router: RouterPlan,
    address: IPv4Address,
    address6: IPv6Address | None,
) -> Node:
    """A device in a router's LAN."""
    lan, lan6 = router.lan.network, router.lan6
    return Node(
        name,
        kind,
        (
            Port(
                _lan(router),
                "eth0",
                IPv4Interface((address, lan.prefixlen)),
                IPv6Interface((address6, lan6.network.prefixlen)) if address6 and lan6 else None,
            ),
        ),
        router.lan.ip,
        lan6.ip if address6 and lan6 else None,
    )


def _laptop(plan: Plan) -> Node | None:
    """A computer in the innermost LAN, unless there is no address left for it."""
    router = plan.routers[-1]
    lan, lan6 = router.lan.network, router.lan6
    taken = {router.lan.ip, *(s.address for s in plan.servers)}
    taken |= {access.host for s in plan.servers for access in s.may_open}
    taken |= set(_peers(plan).values())
    # From the top, and no list of them all: a LAN may hold millions.
    free = (h for n in range(2, lan.num_addresses) if (h := lan[-n]) not in taken)
    address = next(free, None)
    if address is None:
        return None
    taken6 = {lan6.ip if lan6 else None, *(s.address6 for s in plan.servers)}
    address6 = (
        next((lan6.network[-n] for n in range(2, 9) if lan6.network[-n] not in taken6), None)
        if lan6
        else None
    )
    return _inside(LAPTOP, "client", router, address, address6)
