"""Which containers and cables a Plan needs on a stage. Pure; nothing is started here."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from hotshoe.errors import HotshoeError
from hotshoe.plan import Plan

# Reserved for documentation (RFC 5737), so nobody's home is in them. Small, because the network
# that a rehearsal runs in may use other addresses of the same block for itself.
_CAMERA_NETWORKS = (IPv4Network("198.51.100.248/29"), IPv4Network("198.51.100.240/29"))
# The cable between provider and home holds two addresses only (RFC 3021), for the same reason.
_WAN_PREFIX = 31

INTERNET, CAMERA, LAPTOP = "internet", "camera", "laptop"


@dataclass(frozen=True)
class Port:
    """A network interface of a container.

    :param segment: the cable or switch that it is plugged into
    :param name: the interface's name
    :param address: its address and prefix length
    """

    segment: str
    name: str
    address: IPv4Interface

    @property
    def mac(self) -> str:
        """A hardware address that outlives a reboot, as a real one does; locally administered."""
        return "02:00:" + ":".join(f"{byte:02x}" for byte in self.address.ip.packed)


@dataclass(frozen=True)
class Node:
    """A container.

    :param name: the device it plays
    :param image: ``device`` for a bare Debian that hotshoe deploys to, ``client`` for one with
        FTP clients
    :param ports: its network interfaces
    :param gateway: where its default route leads; None for the make-believe Internet
    """

    name: str
    image: str
    ports: tuple[Port, ...]
    gateway: IPv4Address | None


@dataclass(frozen=True)
class Topology:
    """Everything on a stage.

    :param nodes: the containers
    :param hostname: the name that the Internet's DNS knows
    :param public_address: what it resolves to
    :param resolver: the address of that DNS
    :param server: the name of the node that plays the server
    """

    nodes: tuple[Node, ...]
    hostname: str
    public_address: IPv4Address
    resolver: IPv4Address
    server: str

    @property
    def segments(self) -> dict[str, list[tuple[Node, Port]]]:
        """Who is plugged into what."""
        plugged: dict[str, list[tuple[Node, Port]]] = {}
        for node in self.nodes:
            for port in node.ports:
                plugged.setdefault(port.segment, []).append((node, port))
        return plugged


def make_topology(plan: Plan) -> Topology:
    """Derive a stage from a Plan.

    :raises HotshoeError: if a device has the name of one that only the stage has
    """
    (router,) = plan.routers
    server = plan.server
    for name in (router.name, server.name):
        if name in (INTERNET, CAMERA, LAPTOP):
            raise HotshoeError(
                f"{name}: the stage has a device of that name of its own\n"
                "    -> give yours another name in the Site"
            )
    wan = IPv4Network((server.public_address, _WAN_PREFIX), strict=False)
    provider = next(a for a in wan if a != server.public_address)
    away = next(n for n in _CAMERA_NETWORKS if not n.overlaps(wan))
    lan = router.lan.network
    taken = {router.lan.ip, server.address}
    # From the top, and no list of them all: a LAN may hold millions. A /30 has none left.
    free = (h for n in range(2, lan.num_addresses) if (h := lan[-n]) not in taken)
    laptop = next(free, None)

    def port(segment: str, name: str, address: IPv4Address, network: IPv4Network) -> Port:
        return Port(segment, name, IPv4Interface((address, network.prefixlen)))

    return Topology(
        nodes=(
            Node(
                INTERNET,
                "client",
                (
                    port("away", "camera0", away[1], away),
                    port("wan", "home0", provider, wan),
                ),
                None,
            ),
            Node(CAMERA, "client", (port("away", "eth0", away[2], away),), away[1]),
            Node(
                router.name,
                "device",
                (
                    port("wan", "eth0", server.public_address, wan),
                    Port("lan", "eth1", router.lan),
                ),
                provider,
            ),
            Node(
                server.name, "device", (port("lan", "eth0", server.address, lan),), server.gateway
            ),
            *(
                [Node(LAPTOP, "client", (port("lan", "eth0", laptop, lan),), server.gateway)]
                if laptop
                else []
            ),
        ),
        hostname=server.hostname,
        public_address=server.public_address,
        resolver=away[1],
        server=server.name,
    )
