"""From a Site to its Plan: how packets pass a chain of routers, and what each of them needs for it.

A translating router sends what arrives for it to the next address that the packet really needs: the
next translating router's, or the host's own, across routed routers in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    collapse_addresses,
)

from hotshoe.plan import delivery
from hotshoe.plan.chain import next_address
from hotshoe.plan.model import (
    AcceptRule,
    Address,
    AddressFollower,
    CameraIntake,
    ClientRule,
    ClientSet,
    ClientSets,
    ControlPort,
    HomeAccess,
    Intake,
    Lease,
    Notice,
    Plan,
    PortForward,
    RecordUpdate,
    Route,
    RouterPlan,
    ServerPlan,
)
from hotshoe.plan.tls import certificate_of, encryption_of
from hotshoe.ports.allocation import SESSIONS_PER_CAMERA, sessions_at_once
from hotshoe.ports.ranges import HIGHEST_PORT, Service
from hotshoe.site.checks.base import router_index
from hotshoe.site.delivery import SHARE_SERVICES
from hotshoe.site.ftp_ports import cameras_of, control_ports_of, ftp_ports, own_ports
from hotshoe.site.model import Server, Site, UpdatedBy

# Cameras vanish without a word, and dial again at once. What one leaves behind holds its places: as
# many sessions as it uses in the middle of transfers, and as many idle ones, which may wait for it.
# New ones need places twice, since whoever has not logged in yet may only have half of those that
# the others leave.
RESERVED_SESSIONS_PER_CAMERA = 4 * SESSIONS_PER_CAMERA
# Others, behind the same address or elsewhere, use sessions before they log in or fail to. A
# session costs less than a megabyte.
SESSIONS_PER_ADDRESS = 48
SESSIONS = 200
SESSIONS_FOR_OTHERS = 100
# A slow camera far away logs in within a few seconds.
LOGIN_SECONDS = 60
# Where TLS 1.0 and 1.1 are offered, which strangers may try to break, they get less of everything.
LEGACY_SESSIONS_FOR_OTHERS, LEGACY_LOGIN_SECONDS = 20, 20
LEGACY_CONTROL_CONNECTIONS_PER_MINUTE = 10
# New control connections from one address, for each camera and once more, beyond which they are
# dropped for a while. A camera opens a handful a minute even when it retries, and all may be behind
# one NAT.
CONTROL_CONNECTIONS_PER_MINUTE = 30
# Data connections from one address that has not received data yet. A camera logs in first, so these
# limits only meet others.
DATA_CONNECTIONS_PER_MINUTE, DATA_CONNECTIONS_AT_ONCE = 6, 16
# Independent services that tell whoever asks its own address, over HTTPS, as nothing but text.
ADDRESS_SOURCES = (
    "https://checkip.amazonaws.com",
    "https://api.ipify.org",
    "https://ifconfig.me/ip",
)
# How often a server asks two of them: a change that nothing tells of is noticed within it.
ADDRESS_SECONDS = 30
# Where servers are told of a router's WAN address; further servers take the ports below. None of
# them is among those from which Linux opens connections (ip_local_port_range).
NOTICE_PORT = 17021
# A full set takes no new entry. Whoever is missing in the first cannot open data connections, so it
# holds more clients than a server can answer; whoever is missing in another is only not counted.
CLIENT_SETS = ClientSets(
    connected=ClientSet(262144, 120),
    control_rate=ClientSet(65535, 300),
    flooding=ClientSet(65535, 10),
    logged_in=ClientSet(65535, 86400),
    data_rate=ClientSet(65535, 300),
)


def make_plan(site: Site) -> Plan:
    """Derive the Plan of a Site.

    :param site: one that passed all checks, as :func:`hotshoe.site.reading.load_site` returns
    """
    derivation = _Derivation(site)
    servers = tuple(derivation.server(i) for i in range(len(site.servers)))
    return Plan(
        hostname=site.hostname,
        public_address=site.public_address,
        ddns=derivation.record,
        port_set=own_ports(site) or (),
        servers=servers,
        routers=tuple(derivation.router(i, servers) for i in range(len(site.routers))),
        fetchers=delivery.fetcher_plans(site, servers),
        client_firewall=tuple(_client_rule(server) for server in servers if not server.only_on),
    )


def _client_rule(server: ServerPlan) -> ClientRule:
    addresses: tuple[Address | None, ...] = (server.public_address, server.address6)
    to = tuple(address for address in addresses if address)
    return ClientRule(
        server.name, to, tuple(Service("tcp", ports) for ports in server.forwarded_ports)
    )


class _Derivation:
    """How packets pass the routers of a Site, which are numbered from the Internet inwards."""

    def __init__(self, site: Site) -> None:
        self._site, self._routers = site, site.routers
        self._ports = ftp_ports(site)
        self._wans = [site.public_address, *(router.wan for router in site.routers[1:])]
        # What deliveries of each server open behind further routers.
        self._accesses = [delivery.accesses_of(site, i) for i in range(len(site.servers))]
        # How the record of the home's name is updated; None where the address is fixed.
        self.record = (
            RecordUpdate(**dict(site.ddns)) if site.ddns and site.ftp.tls != "none" else None
        )
        free = self._free_ports(range(NOTICE_PORT, 0, -1))
        self._notice_ports = [next(free, None) for _ in site.servers]
        self._fetch_port = next(self._free_ports(range(delivery.FETCH_PORT, HIGHEST_PORT + 1)))
        self._notices = [*map(self._notice, site.servers, self._notice_ports)]

    def _router_index(self, server: Server) -> int:
        """The router in whose LAN a server is."""
        return router_index(self._site, server)

    def _wan_address(self, i: int) -> IPv4Address:
        wan = self._wans[i]
        assert wan is not None, "checked: every router behind another one says its WAN address"
        return wan

    def _updated_by(self, *who: UpdatedBy) -> bool:
        """Whether one of these updates the record of the home's name."""
        return self.record is not None and self.record.updated_by in who

    def _free_ports(self, among: Iterable[int]) -> Iterator[int]:
        """The ports of these on which servers may answer; nothing else in the home uses them."""
        routers, servers = self._routers, self._site.servers
        services = [s for r in routers for s in (*r.open_to_wan, *r.other_forwards)]
        services += [s for server in servers for s in server.open_to_lan]
        services += [s for server in servers for target in server.may_open for s in target.services]
        services += SHARE_SERVICES if self._site.library.share == "smb" else ()
        services += [each.service for of in self._accesses for each in of.values()]
        taken = [service.ports for service in services if service.protocol == "tcp"]
        taken += [ports.passive for ports in self._ports]
        single = {port for ports in self._ports for port in ports.controls}
        single |= {server.ssh_port for server in servers}
        for port in among:
            if port not in single and not any(port in ports for ports in taken):
                yield port

    def _notice(self, server: Server, port: int | None) -> Notice | None:
        """How the outermost router tells a server its WAN address, if that changes and it can.

        :param port: the server's; None if none is left
        """
        behind = self._router_index(server)
        outermost, *inner = self._routers[: behind + 1]
        untold = (
            self._site.public_address
            # A direct link has nothing to do with it.
            or self._site.ftp.tls == "none"
            # What a default host gets by hairpin NAT looks as if the router itself had sent it.
            or outermost.mode == "default-host"
            or any(router.managed_by == "hand" for router in (outermost, *inner))
            or any(router.masks_source for router in inner)
        )
        if untold or port is None:
            return None
        return Notice(next_address(self._site, 0, behind, server.address), port)

    def _follower(self, index: int) -> AddressFollower | None:
        """How a server follows a public address that changes."""
        if self._site.public_address or self._site.ftp.tls == "none":
            return None
        # The record is one for all servers.
        updates = index == 0 and self._updated_by("server", "nsupdate")
        return AddressFollower(
            sources=ADDRESS_SOURCES,
            seconds=ADDRESS_SECONDS,
            router=self._routers[0].lan.ip if self._notices[index] else None,
            notice_port=self._notice_ports[index] or NOTICE_PORT,
            update=self.record if updates else None,
        )

    def _translates(self, i: int) -> bool:
        return self._routers[i].mode != "routed"

    def _untranslated_lans(self, i: int) -> tuple[IPv4Network, ...]:
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
        legacy = site.ftp.legacy_tls
        behind = self._router_index(server)
        lan = self._routers[behind].lan
        cameras = tuple(camera.name for camera in cameras_of(site, index))
        # Every camera may be behind one NAT.
        sessions = max(SESSIONS_PER_ADDRESS, RESERVED_SESSIONS_PER_CAMERA * len(cameras))
        others = LEGACY_SESSIONS_FOR_OTHERS if legacy else SESSIONS_FOR_OTHERS
        clients = max(sessions + others, 0 if legacy else SESSIONS)
        rate = LEGACY_CONTROL_CONNECTIONS_PER_MINUTE if legacy else CONTROL_CONNECTIONS_PER_MINUTE
        source_nat = any(router.masks_source for router in self._routers[: behind + 1])
        inside = self._untranslated_lans(behind)
        fetchers = delivery.fetchers_of(site, index)
        fetch_port = self._fetch_port if fetchers else None
        # Without TLS, the server does not answer first over a data connection.
        limits_data = not source_nat and site.ftp.tls != "none"
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
            follower=self._follower(index),
            tls=site.ftp.tls,
            control_ports=tuple(
                ControlPort(port, way)
                for port, way in zip(ports.controls, control_ports_of(site.ftp), strict=True)
            ),
            passive=ports.passive,
            only_on=site.ftp.only_on,
            only_from=self._may_connect(behind),
            encryption=encryption_of(site.ftp),
            certificate=certificate_of(site),
            cameras=cameras,
            intake=self._intake(index),
            open_to_lan=server.open_to_lan,
            may_open=self._may_open(index),
            accept_rules=(
                *self._rules_for_other_servers(server),
                *self._rules_for_notices(index),
                *delivery.fetch_rules(site, index, fetch_port),
            ),
            max_clients=clients,
            # Where all clients have one address, a limit for each address would be one for all.
            max_per_address=clients if source_nat else sessions,
            max_per_camera=sessions_at_once(len(cameras), len(ports.passive)),
            login_seconds=LEGACY_LOGIN_SECONDS if legacy else LOGIN_SECONDS,
            bytes_per_second=int(site.ftp.bytes_per_second or 0),
            total_bytes_per_second=int(site.ftp.total_bytes_per_second or 0),
            control_connections_per_minute=(0 if source_nat else rate * (len(cameras) + 1)),
            data_connections_per_minute=DATA_CONNECTIONS_PER_MINUTE if limits_data else 0,
            data_connections_at_once=DATA_CONNECTIONS_AT_ONCE if limits_data else 0,
            client_sets=CLIENT_SETS,
            share=delivery.share_of(site),
            readers=site.library.readers,
            message=delivery.message_of(site),
            pushes=delivery.pushes_of(site, index),
            fetch_port=fetch_port,
            fetchers=fetchers,
            retention=delivery.retention_of(site),
        )

    def _may_open(self, index: int) -> tuple[HomeAccess, ...]:
        """What a server may open behind the routers inside of it: what is said, and deliveries."""
        server = self._site.servers[index]
        behind = self._router_index(server)
        said = (
            HomeAccess(
                service,
                target.to,
                next_address(self._site, behind, self._index_of_lan(target.to), target.to),
            )
            for target in server.may_open
            for service in target.services
        )
        return tuple(dict.fromkeys((*said, *self._accesses[index].values())))

    def _may_connect(self, behind: int) -> tuple[IPv4Network, ...]:
        """The only networks from which cameras may connect to a server; empty is all.

        Whoever is at home may, whatever the Site names. Computers behind other routers come with
        their own addresses, or with that of a router, which is in one of the LANs as well.

        :param behind: the router in whose LAN the server is
        """
        if not self._site.ftp.only_from:
            return ()
        home = (router.lan.network for router in self._routers[: behind + 1])
        named = (*self._untranslated_lans(behind), *home, *self._site.ftp.only_from)
        return tuple(collapse_addresses(named))

    def _intake(self, index: int) -> Intake:
        """What becomes of the photos that a server gets."""
        said = self._site.photos
        return Intake(
            library=said.library,
            keep_incomplete_days=said.keep_incomplete,
            limit=said.limit,
            keep_free=int(said.keep_free),
            cameras=tuple(
                CameraIntake(camera.name, camera.limit, camera.tolerates_unclean_close)
                for camera in cameras_of(self._site, index)
            ),
        )

    def _rules_for_other_servers(self, server: Server) -> Iterator[AcceptRule]:
        """Accept rules for the other servers that may open services of a server."""
        router = self._routers[self._router_index(server)]
        for index, other in enumerate(self._site.servers):
            # A router that masks sources may stop doing so at any time.
            sources = (other.address, *([router.lan.ip] if router.masks_source else []))
            purpose = f"{other.name} to {server.name}"
            for access in self._may_open(index):
                if access.host == server.address:
                    for source in sources:
                        yield AcceptRule(access.service, server.address, source, purpose)

    def _rules_for_notices(self, index: int) -> Iterator[AcceptRule]:
        """The accept rule for the outermost router, which tells its WAN address."""
        if notice := self._notices[index]:
            address, router = self._site.servers[index].address, self._routers[0]
            purpose = f"{router.name} tells its WAN address"
            # Of several of its own, a router uses the address of the interface it sends by.
            yield AcceptRule(Service.tcp(notice.port), address, router.lan.ip, purpose)

    def _index_of_lan(self, host: IPv4Address) -> int:
        return next(i for i, router in enumerate(self._routers) if host in router.lan.network)

    def router(self, i: int, servers: tuple[ServerPlan, ...]) -> RouterPlan:
        """The Plan of one router."""
        router = self._routers[i]
        translates = self._translates(i)
        rules = list(self._inbound_rules(i, servers))
        forwards = tuple(rule for rule in rules if isinstance(rule, PortForward))
        default_host = self._default_host(i) if router.mode == "default-host" else None
        outermost_set = own_ports(self._site) if i == 0 else None
        return RouterPlan(
            name=router.name,
            managed_by=router.managed_by,
            mode=router.mode,
            ssh_user=router.ssh_user,
            ssh_port=router.ssh_port,
            wan_address=self._wans[i],
            gateway=self._routers[i - 1].lan.ip if i else None,
            lan=router.lan,
            wan6=router.wan6,
            lan6=router.lan6,
            masquerade=self._untranslated_lans(i) if translates else (),
            masquerade_ports=outermost_set or (),
            # The default host gets these anyway.
            forwards=tuple(forward for forward in forwards if forward.to != default_host),
            default_host=default_host,
            accept_rules=tuple(rule for rule in rules if isinstance(rule, AcceptRule)),
            routes=tuple(self._routes(i)),
            leases=tuple(
                Lease(server.name, server.mac, server.address)
                for server in self._site.servers
                # On Debian, hotshoe sets up no DHCP server.
                if server.mac and self._router_index(server) == i and router.managed_by != "linux"
            ),
            hairpin=self._untranslated_lans(i) if translates and (forwards or default_host) else (),
            ddns=self.record if i == 0 and self._updated_by("router") else None,
            notices=tuple(filter(None, self._notices)) if i == 0 else (),
            open_to_wan=router.open_to_wan,
            other_forwards=router.other_forwards,
        )

    def _inbound_rules(
        self, i: int, servers: tuple[ServerPlan, ...]
    ) -> Iterator[PortForward | AcceptRule]:
        """The port forwards and accept rules of router i, for connections from its WAN side."""
        every = zip(servers, self._site.servers, self._notices, strict=True)
        for server, described, notice in every:
            behind = self._router_index(described)
            wanted = [
                (Service.tcp(ports), f"cameras to {server.name}")
                for ports in server.forwarded_ports
            ]
            if server.challenge_port:
                asked = Service.tcp(server.challenge_port)
                wanted.append((asked, f"certificate authority to {server.name}"))
            kind = PortForward if self._translates(i) else AcceptRule
            if i <= behind:
                to = next_address(self._site, i, behind, server.address)
                if notice and i:
                    outermost = self._routers[0]
                    purpose = f"{outermost.name} to {server.name}"
                    yield kind(Service.tcp(notice.port), to, outermost.lan.ip, purpose)
                for service, purpose in wanted:
                    yield kind(service, to, None, purpose)
                    if server.address6:
                        yield AcceptRule(service, server.address6, None, purpose)
                continue
            for access in server.may_open:
                lan = self._index_of_lan(access.host)
                if i <= lan:
                    to = next_address(self._site, i, lan, access.host)
                    purpose = f"{server.name} to {access.host}"
                    yield kind(access.service, to, server.address, purpose)
        yield from delivery.fetch_rules_of_router(self._site, i, servers)

    def _default_host(self, i: int) -> IPv4Address:
        if i + 1 < len(self._routers):
            return self._wan_address(i + 1)
        name = self._routers[i].name
        return next(s.address for s in self._site.servers if s.behind in (None, name))

    def _routes(self, i: int) -> Iterator[Route]:
        """Static routes to the networks further inside that router i reaches untranslated."""
        for network in self._untranslated_lans(i)[1:]:
            yield Route(network, self._wan_address(i + 1))
        inner = self._routers[i + 1 :]
        via6 = inner[0].wan6 if inner else None
        for router in inner:
            if via6 is None or router.wan6 is None:
                break  # the router outside of it would send the packets back
            if router.lan6:
                yield Route(router.lan6.network, via6)
