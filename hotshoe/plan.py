"""The Plan: everything that follows from a Site, per device.

Plain frozen data. Making one touches no host, no file and no clock. Roles, templates, tables, the
worksheet, the picture and the stage read it and decide nothing themselves.

The words: a router *translates* (NAT) or routes. What comes from outside is *forwarded* to an
address inside (a translating router), or *passed* unchanged (a routed one, and all of IPv6).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)

from hotshoe.allocation import allocate, allowed, cameras_of
from hotshoe.ports import PortRange, Service
from hotshoe.site import ManagedBy, Mode, Server, Site

# A camera may hold two connections open while it retries; a third is room for a phone's or a
# computer's client with the same user name.
SESSIONS_PER_CAMERA = 3
# New control connections from one address, beyond which they are dropped for a while. A camera
# opens a handful a minute even when it retries.
NEW_CONNECTIONS_PER_MINUTE = 60

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class PortForward:
    """What a translating router does with connections that arrive for somebody inside.

    The port is the same outside and inside: PASV announces the outside one.

    :param service: the protocol, and a port or a range
    :param to: the next address that the packet needs: the next translating router's, or the host's
    :param source: the only address that may use it; None is everybody
    :param purpose: whom it serves, in a few words
    """

    service: Service
    to: IPv4Address
    source: IPv4Address | None
    purpose: str


@dataclass(frozen=True)
class Passage:
    """What a router lets in unchanged, because it does not translate it.

    :param service: the protocol, and a port or a range
    :param to: the only address that it may be for
    :param source: the only address that it may come from; None is everybody
    :param purpose: whom it serves, in a few words
    """

    service: Service
    to: Address
    source: IPv4Address | None
    purpose: str


@dataclass(frozen=True)
class Route:
    """A static route.

    :param to: the network that it leads to
    :param via: the next router's address
    """

    to: Network
    via: Address


@dataclass(frozen=True)
class HomeAccess:
    """What a server may open towards the home behind the routers inside of it.

    :param service: the protocol, and a port or a range
    :param host: whom it reaches
    :param dial: the address to connect to, which is the host's unless a router translates
    """

    service: Service
    host: IPv4Address
    dial: IPv4Address


@dataclass(frozen=True)
class ServerPlan:
    """What an FTP server has to be.

    :param name: its name
    :param behind: the router in whose LAN it is
    :param address: its address inside the home
    :param address6: its IPv6 address, if cameras may use that
    :param lan: the network it is in
    :param gateway: the router's address in that network
    :param inside: the networks of the home that reach it with addresses of their own
    :param ssh_user: who hotshoe logs in as
    :param ssh_port: where SSH answers
    :param ssh_from: the networks that may log in
    :param hostname: what cameras dial; the name on the certificate
    :param public_address: what PASV announces
    :param tls: ``explicit``, or ``none``
    :param control_port: where the camera connects first
    :param passive: where its transfers connect
    :param cameras: the users
    :param open_to_lan: other services that the home may reach
    :param may_open: what it may open towards the home behind further routers
    :param max_clients: sessions at once
    :param max_per_address: sessions at once from one address; every camera may be behind one NAT
    :param bytes_per_second: the most that one transfer may take; 0 is no limit
    :param new_connections_per_minute: from one address to the control port, beyond which they are
        dropped; 0 is no limit
    """

    name: str
    behind: str
    address: IPv4Address
    address6: IPv6Address | None
    lan: IPv4Network
    gateway: IPv4Address
    inside: tuple[IPv4Network, ...]
    ssh_user: str
    ssh_port: int
    ssh_from: tuple[IPv4Network, ...]
    hostname: str
    public_address: IPv4Address
    tls: str
    control_port: int
    passive: PortRange
    cameras: tuple[str, ...]
    open_to_lan: tuple[Service, ...]
    may_open: tuple[HomeAccess, ...]
    max_clients: int
    max_per_address: int
    bytes_per_second: int
    new_connections_per_minute: int = NEW_CONNECTIONS_PER_MINUTE

    @property
    def ftp_ports(self) -> tuple[PortRange, ...]:
        """The control port and the passive range."""
        return (PortRange(self.control_port, self.control_port), self.passive)


@dataclass(frozen=True)
class RouterPlan:
    """What one router has to do.

    :param name: its name
    :param managed_by: who configures it: ``linux``, ``openwrt`` or ``hand``
    :param mode: ``nat``, ``default-host`` or ``routed``
    :param ssh_user: who hotshoe logs in as
    :param ssh_port: where SSH answers
    :param wan_address: its address outside
    :param outside: the router outside of it, as its gateway; None for the provider's
    :param lan: its address and network inside
    :param wan6: its IPv6 address outside, where that is fixed
    :param lan6: its IPv6 address and network inside
    :param masquerade: the networks whose packets leave with its WAN address; none when routed, for
        those keep their addresses
    :param masquerade_ports: the only source ports that they may leave with; empty is all (MAP-E)
    :param forwards: from its WAN address to somebody inside
    :param default_host: who gets everything that no forward and no service of its own takes
    :param passages: what it lets in untranslated
    :param routes: the static routes that it needs
    :param hairpin: the networks inside from which its WAN address can be dialled as well, their
        packets then leaving with its LAN address, so that the answers come back through it
    :param ftp_helper: the control ports on which it reads and changes FTP commands (ALG); none is
        off
    :param open_to_wan: what else it answers on its WAN side
    """

    name: str
    managed_by: ManagedBy
    mode: Mode
    ssh_user: str
    ssh_port: int
    wan_address: IPv4Address
    outside: IPv4Address | None
    lan: IPv4Interface
    wan6: IPv6Address | None
    lan6: IPv6Interface | None
    masquerade: tuple[IPv4Network, ...]
    masquerade_ports: tuple[PortRange, ...]
    forwards: tuple[PortForward, ...]
    default_host: IPv4Address | None
    passages: tuple[Passage, ...]
    routes: tuple[Route, ...]
    hairpin: tuple[IPv4Network, ...]
    ftp_helper: tuple[int, ...]
    open_to_wan: tuple[Service, ...]

    @property
    def inside(self) -> tuple[Network, ...]:
        """The networks on its inner side, which nobody outside can be in."""
        own = (self.lan.network, *((self.lan6.network,) if self.lan6 else ()))
        return (*own, *(route.to for route in self.routes))

    @property
    def by_hand(self) -> bool:
        """Whether a person sets it up, from its worksheet."""
        return self.managed_by != "linux"

    @property
    def targets(self) -> tuple[IPv4Address, ...]:
        """Everybody inside to whom it sends what arrives for its WAN address."""
        default = () if self.default_host is None else (self.default_host,)
        return tuple(dict.fromkeys((*(forward.to for forward in self.forwards), *default)))


@dataclass(frozen=True)
class ClientRule:
    """What a firewall between a camera and the Internet, such as a guest network's, must let out.

    :param server: the server that it is for
    :param to: the addresses that the camera connects to
    :param services: the ports there
    """

    server: str
    to: tuple[Address, ...]
    services: tuple[Service, ...]


@dataclass(frozen=True)
class Plan:
    """A whole home, device by device.

    :param hostname: what cameras dial; the name on the certificates
    :param public_address: the home's address on the Internet
    :param port_set: the ports of that address that are this home's; empty is all (MAP-E)
    :param servers: in the Site's order
    :param routers: from the Internet inwards
    :param client_firewall: what the camera's network must let out
    """

    hostname: str
    public_address: IPv4Address
    port_set: tuple[PortRange, ...]
    servers: tuple[ServerPlan, ...]
    routers: tuple[RouterPlan, ...]
    client_firewall: tuple[ClientRule, ...]

    def server(self, name: str) -> ServerPlan:
        """The server of that name.

        :raises KeyError: if there is none
        """
        return {server.name: server for server in self.servers}[name]

    def router(self, name: str) -> RouterPlan:
        """The router of that name.

        :raises KeyError: if there is none
        """
        return {router.name: router for router in self.routers}[name]

    def servers_behind(self, router: RouterPlan) -> tuple[ServerPlan, ...]:
        """The servers in a router's LAN."""
        return tuple(server for server in self.servers if server.behind == router.name)

    def servers_through(self, router: RouterPlan) -> tuple[ServerPlan, ...]:
        """The servers to which cameras get through a router."""
        names = {each.name for each in self.routers[self.routers.index(router) :]}
        return tuple(server for server in self.servers if server.behind in names)


def make_plan(site: Site) -> Plan:
    """Derive the Plan of a checked Site."""
    chain = _Chain(site)
    servers = tuple(chain.server(i) for i in range(len(site.servers)))
    return Plan(
        hostname=site.hostname,
        public_address=site.public_address,
        port_set=allowed(site) or (),
        servers=servers,
        routers=tuple(chain.router(i, servers) for i in range(len(site.routers))),
        client_firewall=tuple(_client_rule(server) for server in servers),
    )


def _client_rule(server: ServerPlan) -> ClientRule:
    to: tuple[Address, ...] = (server.public_address,)
    if server.address6:
        to += (server.address6,)
    return ClientRule(server.name, to, tuple(Service("tcp", ports) for ports in server.ftp_ports))


class _Chain:
    """The routers of a Site, numbered from the Internet inwards, and how packets pass them."""

    def __init__(self, site: Site) -> None:
        self._site, self._routers = site, site.routers
        self._ports = allocate(site)
        self._wans = [site.public_address, *(router.wan for router in site.routers[1:])]

    def _behind(self, server: Server) -> int:
        names = [router.name for router in self._routers]
        return names.index(server.behind) if server.behind else len(names) - 1

    def _wan(self, i: int) -> IPv4Address:
        wan = self._wans[i]
        assert wan is not None, "checked: every router behind another one says its WAN address"
        return wan

    def _translates(self, i: int) -> bool:
        return self._routers[i].mode != "routed"

    def _next(self, i: int, lan: int, host: IPv4Address) -> IPv4Address:
        """The address that a packet for a host in a LAN has between the routers i and i + 1."""
        translating = (j for j in range(i + 1, lan + 1) if self._translates(j))
        return next((self._wan(j) for j in translating), host)

    def _untranslated(self, i: int) -> tuple[IPv4Network, ...]:
        """The networks inside router i whose packets reach it with their own addresses."""
        networks = [self._routers[i].lan.network]
        for router in self._routers[i + 1 :]:
            if router.mode != "routed":
                break
            networks.append(router.lan.network)
        return tuple(networks)

    def server(self, index: int) -> ServerPlan:
        """The Plan of one server."""
        site, server, ports = self._site, self._site.servers[index], self._ports[index]
        behind = self._behind(server)
        lan = self._routers[behind].lan
        cameras = tuple(camera.name for camera in cameras_of(site, index))
        sessions = SESSIONS_PER_CAMERA * max(len(cameras), 1)
        # Strangers who connect and never log in must not use up the cameras' places.
        clients = 2 * sessions + 10
        masked = any(router.masks_source for router in self._routers[: behind + 1])
        inside = self._untranslated(behind)
        return ServerPlan(
            name=server.name,
            behind=self._routers[behind].name,
            address=server.address,
            address6=server.address6,
            lan=lan.network,
            gateway=lan.ip,
            inside=inside,
            ssh_user=server.ssh_user,
            ssh_port=server.ssh_port,
            ssh_from=(*inside, *server.ssh_from),
            hostname=site.hostname,
            public_address=site.public_address,
            tls=site.ftp.tls,
            control_port=ports.control,
            passive=ports.passive,
            cameras=cameras,
            open_to_lan=server.open_to_lan,
            may_open=tuple(
                HomeAccess(
                    service,
                    target.to,
                    self._next(behind, self._lan_of(target.to), target.to),
                )
                for target in server.may_open
                for service in target.services
            ),
            max_clients=clients,
            # Where all come with one address, a limit for each address would be one for all.
            max_per_address=clients if masked else sessions,
            bytes_per_second=int(site.ftp.bytes_per_second or 0),
            new_connections_per_minute=0 if masked else NEW_CONNECTIONS_PER_MINUTE,
        )

    def _lan_of(self, host: IPv4Address) -> int:
        return next(i for i, router in enumerate(self._routers) if host in router.lan.network)

    def router(self, i: int, servers: tuple[ServerPlan, ...]) -> RouterPlan:
        """The Plan of one router."""
        router = self._routers[i]
        translates = self._translates(i)
        let_in = list(self._let_in(i, servers))
        forwards = tuple(let for let in let_in if isinstance(let, PortForward))
        default_host = self._default_host(i) if router.mode == "default-host" else None
        outermost_set = allowed(self._site) if i == 0 else None
        return RouterPlan(
            name=router.name,
            managed_by=router.managed_by,
            mode=router.mode,
            ssh_user=router.ssh_user,
            ssh_port=router.ssh_port,
            wan_address=self._wan(i),
            outside=self._routers[i - 1].lan.ip if i else None,
            lan=router.lan,
            wan6=router.wan6,
            lan6=router.lan6,
            masquerade=self._untranslated(i) if translates else (),
            masquerade_ports=outermost_set or (),
            # The default host gets these anyway.
            forwards=tuple(forward for forward in forwards if forward.to != default_host),
            default_host=default_host,
            passages=tuple(let for let in let_in if isinstance(let, Passage)),
            routes=tuple(self._routes(i)),
            hairpin=self._untranslated(i) if translates and (forwards or default_host) else (),
            ftp_helper=tuple(self._helped(i, servers)),
            open_to_wan=router.open_to_wan,
        )

    def _let_in(self, i: int, servers: tuple[ServerPlan, ...]) -> Iterator[PortForward | Passage]:
        """What router i lets in from its WAN side, to whom."""
        for server, said in zip(servers, self._site.servers, strict=True):
            behind = self._behind(said)
            services = [Service("tcp", ports) for ports in server.ftp_ports]
            kind = PortForward if self._translates(i) else Passage
            if i <= behind:
                to = self._next(i, behind, server.address)
                for service in services:
                    yield kind(service, to, None, f"cameras to {server.name}")
                    if server.address6:
                        yield Passage(service, server.address6, None, f"cameras to {server.name}")
                continue
            for access in server.may_open:
                lan = self._lan_of(access.host)
                if i <= lan:
                    to = self._next(i, lan, access.host)
                    purpose = f"{server.name} to {access.host}"
                    yield kind(access.service, to, server.address, purpose)

    def _helped(self, i: int, servers: tuple[ServerPlan, ...]) -> Iterator[int]:
        """The control ports that a router's FTP helper would have to read."""
        for server, said in zip(servers, self._site.servers, strict=True):
            if self._site.ftp.helper and i <= self._behind(said):
                yield server.control_port

    def _default_host(self, i: int) -> IPv4Address:
        if i + 1 < len(self._routers):
            return self._wan(i + 1)
        name = self._routers[i].name
        return next(s.address for s in self._site.servers if s.behind in (None, name))

    def _routes(self, i: int) -> Iterator[Route]:
        """Static routes to what is further inside and reached untranslated."""
        for network in self._untranslated(i)[1:]:
            yield Route(network, self._wan(i + 1))
        inner = self._routers[i + 1 :]
        via6 = inner[0].wan6 if inner else None
        if via6:
            for router in inner:
                if router.lan6:
                    yield Route(router.lan6.network, via6)
