"""The Plan: everything that follows from a Site, per device.

Plain frozen data. Making one touches no host, no file and no clock. Roles, templates, tables, the
worksheet, the picture and the stage read it and decide nothing themselves.

The words: a router *translates* (NAT) or routes. A translating router *forwards* connections from
outside to an address inside; a routed router *accepts* them unchanged, and so does every router
with IPv6.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)

from hotshoe.ports.ranges import PortRange, Service
from hotshoe.site.certificate import HTTP_PORT
from hotshoe.site.delivery import SHARE_SERVICES
from hotshoe.site.ftp_ports import Way
from hotshoe.site.library import By, Order, Per
from hotshoe.site.model import Challenge, Issuer, ManagedBy, Mode, Provider, Tls, UpdatedBy

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class PortForward:
    """A port forward: a translating router sends connections to an address inside.

    The port is the same outside and inside: PASV announces the outside one.

    :param service: the protocol, and a port or a range
    :param to: the next address that the packet needs: the next translating router's, or the host's
    :param source: the only address that may use it; None is any
    :param purpose: whom it serves, in a few words
    """

    service: Service
    to: IPv4Address
    source: IPv4Address | None
    purpose: str


@dataclass(frozen=True)
class AcceptRule:
    """A firewall rule that accepts connections without NAT.

    :param service: the protocol, and a port or a range
    :param to: the only destination address
    :param source: the only source address; None is any
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
class Lease:
    """A static lease: the address that a router's DHCP server always gives one device.

    :param name: the device
    :param mac: its hardware address, ``b8:27:eb:12:34:56``
    :param address: the address that it gets
    """

    name: str
    mac: str
    address: IPv4Address


@dataclass(frozen=True)
class HomeAccess:
    """What a server may open towards the home behind the routers inside of it.

    :param service: the protocol, and a port or a range
    :param host: the host that it reaches
    :param dial: the address to connect to, which is the host's unless a router translates
    """

    service: Service
    host: IPv4Address
    dial: IPv4Address


@dataclass(frozen=True)
class ClientSet:
    """A set of client addresses in a server's firewall, one for IPv4 and one for IPv6.

    Over IPv6, all addresses of a /64 belong to one client and are one entry.

    :param size: how many entries it holds
    :param seconds: how long an entry stays after it was last updated
    """

    size: int
    seconds: int


@dataclass(frozen=True)
class ClientSets:
    """What a server's firewall remembers about clients, by the names of its nftables sets.

    :param connected: who has a control connection, and may therefore open data connections
    :param control_rate: how many control connections each client opened lately
    :param flooding: who opens too many of them
    :param logged_in: who received data over a data connection, and so has logged in
    :param data_rate: how many data connections each other client completed lately
    """

    connected: ClientSet
    control_rate: ClientSet
    flooding: ClientSet
    logged_in: ClientSet
    data_rate: ClientSet


@dataclass(frozen=True)
class RecordUpdate:
    """How the DNS record of the home's name is kept at its public address.

    :param updated_by: ``server``, ``router``, ``nsupdate`` (by the server), or ``none``: somebody
        else
    :param provider: whose client protocol is spoken; None for nsupdate, and for somebody else
    :param username: at that provider, where it has any
    :param server: where updates are sent; None for the provider's own
    :param zone: the zone that the record is in, where that has to be said
    :param key_name: the name of the TSIG key of nsupdate
    :param algorithm: of that key
    :param ttl: the time to live of a record that nsupdate sets, in seconds
    """

    updated_by: UpdatedBy
    provider: Provider | None
    username: str | None
    server: str | None
    zone: str | None
    key_name: str | None
    algorithm: str
    ttl: int


@dataclass(frozen=True)
class Notice:
    """How the outermost router tells a server its WAN address, by one line over TCP.

    :param to: the address that it connects to: the server's, or the next translating router's
    :param port: the TCP port of the server
    """

    to: IPv4Address
    port: int


@dataclass(frozen=True)
class AddressFollower:
    """How a server follows the home's public address while the provider changes it.

    :param sources: the URLs of independent services that tell whoever asks its own address
    :param seconds: between two times that the server asks
    :param router: the address from which the outermost router tells its own WAN address; None if
        nothing on it can
    :param notice_port: the TCP port on which the server is told
    :param update: how this server updates the record of the name; None if something else does
    """

    sources: tuple[str, ...]
    seconds: int
    router: IPv4Address | None
    notice_port: int
    update: RecordUpdate | None


@dataclass(frozen=True)
class CameraIntake:
    """What holds for the photos of one camera.

    :param name: the camera
    :param limit: the most that they may take on the disk, in bytes; None is no limit
    :param tolerates_unclean_close: whether its transfers may end without closing TLS, so that they
        count as complete only if their content proves it
    """

    name: str
    limit: int | None
    tolerates_unclean_close: bool


@dataclass(frozen=True)
class Intake:
    """What becomes of photos once they have arrived, and how much room they may take.

    :param library: where a photo goes in the library, such as ``{camera}/{date}/{name}``
    :param keep_incomplete_days: for how long uploads that broke off are kept
    :param limit: the most that all photos may take on the disk, in bytes; None is no limit
    :param keep_free: how much of the disk stays free, in bytes
    :param cameras: what holds for each camera
    """

    library: str
    keep_incomplete_days: int
    limit: int | None
    keep_free: int
    cameras: tuple[CameraIntake, ...]


@dataclass(frozen=True)
class ControlPort:
    """Where cameras connect first. Each has a daemon of its own; they share the passive range.

    :param port: the TCP port
    :param tls: ``explicit`` (it begins with AUTH TLS), ``implicit`` (at once), or ``none``
    """

    port: int
    tls: Way


@dataclass(frozen=True)
class Encryption:
    """How a server speaks TLS.

    :param versions: of TLS, the lowest first: ``1.2``
    :param ciphers: the cipher suites up to TLS 1.2, by OpenSSL's names, the preferred one first
    """

    versions: tuple[str, ...]
    ciphers: tuple[str, ...]


@dataclass(frozen=True)
class DnsUpdate:
    """How the record that proves a name (DNS-01) is set by RFC 2136.

    :param server: the address of the zone's primary name server
    :param key_name: the name of the TSIG key
    :param algorithm: of that key
    """

    server: IPv4Address
    key_name: str
    algorithm: str


@dataclass(frozen=True)
class Acme:
    """How a server gets its certificate by ACME (RFC 8555).

    :param directory: the URL of the authority's directory
    :param ca_bundle: the PEM file, on the computer that deploys, by which that URL is verified;
        None for the system's own
    :param email: of the account; None for none
    :param challenge: ``http-01`` or ``dns-01``
    :param update: how the record is set for DNS-01; None if a program of the person's does it
    :param hook: that program, on the server
    :param propagation_seconds: until all name servers have a new record
    """

    directory: str
    ca_bundle: str | None
    email: str | None
    challenge: Challenge
    update: DnsUpdate | None
    hook: str | None
    propagation_seconds: int


@dataclass(frozen=True)
class CertificateFiles:
    """A certificate of the person's own, as PEM files on the computer that deploys.

    :param chain: the certificate, and after it those of its issuers
    :param key: its private key
    """

    chain: str
    key: str


@dataclass(frozen=True)
class CertificatePlan:
    """Where a server's certificate comes from.

    :param issuer: ``own-ca``, ``letsencrypt`` (any ACME authority) or ``files``
    :param acme: how ``letsencrypt`` issues it
    :param files: where ``files`` are
    :param root: the PEM file, on the computer that deploys, with the root certificate that cameras
        need; None for the own authority's, and if they have it already
    """

    issuer: Issuer
    acme: Acme | None
    files: CertificateFiles | None
    root: str | None


@dataclass(frozen=True)
class Share:
    """The library as a network folder (SMB) of the home.

    :param may_change: whether photos may be moved, renamed and deleted there
    """

    may_change: bool


@dataclass(frozen=True)
class Message:
    """A program of the person's that a server runs for new photos.

    :param program: its file, on the computer that deploys, from the folder of ``deploy.py``
    :param per: ``photo``, or ``quiet-minute``: once no photo has come for a minute
    :param timeout_seconds: after which it is ended
    """

    program: str
    per: Per
    timeout_seconds: int


@dataclass(frozen=True)
class Push:
    """Where a server sends photos from its library, and how.

    :param name: of the delivery
    :param by: ``sftp``, ``smb``, ``webdav`` or ``s3``
    :param host: the host that the server dials, an address or a name: that of the other side,
        unless a router translates in between
    :param port: the TCP port there
    :param home_address: of the other side, where that is in one of the home's LANs; None for one on
        the Internet
    :param username: there; of S3 the access key's id
    :param folder: where photos go there; None for the folder that is seen first
    :param url: of WebDAV the folder, of S3 the service, as the server dials it
    :param host_key: of SFTP the public key that it has to show: ``ssh-ed25519 AAAA…``
    :param share: of SMB the share
    :param bucket: of S3
    :param region: of S3; None where its service knows none
    :param order: which of the photos that wait goes first, the ``oldest`` or the ``newest``
    :param bytes_per_second: the most that it may take; 0 is no limit
    """

    name: str
    by: By
    host: str
    port: int
    home_address: IPv4Address | None
    username: str
    folder: str | None
    url: str | None
    host_key: str | None
    share: str | None
    bucket: str | None
    region: str | None
    order: Order
    bytes_per_second: int


def fetched_to(address: IPv4Address, folder: str) -> str:
    """Where a computer that fetches puts photos, as ``192.168.1.20:/srv/photos``.

    :param address: its address in its LAN
    :param folder: the folder there
    """
    return f"{address}:{folder}"


@dataclass(frozen=True)
class FetchAccess:
    """A computer at home that fetches photos from a server's library.

    :param name: of the delivery
    :param source: the address that it has where the server sees it: its own, or that of a router
        in between that translates
    :param to: where photos go: its address in its LAN, and the folder there, as
        ``192.168.1.20:/srv/photos``
    :param order: which of the photos that wait goes first, the ``oldest`` or the ``newest``
    """

    name: str
    source: IPv4Address
    to: str
    order: Order


@dataclass(frozen=True)
class Retention:
    """When photos that every delivery has are removed from a library.

    :param after_days: once they have been in the library for so long; None is never for that
    :param keep_free: the oldest first, until so many bytes of the disk are free; None is never for
        that
    """

    after_days: int | None
    keep_free: int | None


@dataclass(frozen=True)
class ServerPlan:
    """The FTP server: all that its host must be.

    :param name: its name
    :param behind: the router in whose LAN it is
    :param address: its address inside the home
    :param address6: its IPv6 address, if cameras may use that
    :param lan: the network it is in
    :param gateway: the router's address in that network
    :param inside: the networks of the home that reach it untranslated
    :param ssh_user: the user that hotshoe logs in as
    :param ssh_port: where SSH answers
    :param ssh_from: the networks that may log in
    :param hostname: what cameras dial; the name on the certificate
    :param public_address: what PASV announces; None if that changes
    :param follower: how it follows the public address; None if that is fixed
    :param tls: ``explicit``, ``implicit``, ``both``, or ``none``
    :param control_ports: where cameras connect first; of several, the explicit one is first
    :param passive: where their transfers connect
    :param only_on: the only interface over which they do, a direct link; None for the network
    :param only_from: the only networks from which they may connect, the home's own among them, none
        in another; empty is all
    :param encryption: how it speaks TLS; None without
    :param certificate: where its certificate comes from; None without TLS
    :param cameras: the users
    :param intake: what becomes of their photos
    :param open_to_lan: other services that the home may reach
    :param may_open: what it may open towards the home behind further routers
    :param accept_rules: for other servers, outside of its router, that may open services here, and
        for the outermost router, which tells its WAN address
    :param max_clients: sessions at once
    :param max_per_address: sessions at once from one address; every camera may be behind one NAT
    :param max_per_camera: sessions of one camera beyond which its longest idle one is ended
    :param login_seconds: after which a session that has not logged in is ended
    :param bytes_per_second: the most that one transfer may take; 0 is no limit
    :param total_bytes_per_second: the most that all transfers may take together; 0 is no limit
    :param control_connections_per_minute: that an address, or one /64 over IPv6, may open, beyond
        which they are dropped; 0 is no limit
    :param data_connections_per_minute: that an address, or one /64 over IPv6, may complete before
        it has received data over one, beyond which they are dropped; 0 is no limit
    :param data_connections_at_once: how many of those it may complete before that rate holds
    :param client_sets: what its firewall remembers about clients
    :param share: how the home sees its library as a network folder; None if it does not
    :param readers: users of its own who may read the library, and not change it
    :param message: the program that is told of new photos; None if none is
    :param pushes: where it sends photos
    :param fetch_port: where those who fetch photos connect (SSH); None if nobody does
    :param fetchers: who fetches photos
    :param retention: when delivered photos are removed from the library; None is never
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
    public_address: IPv4Address | None
    follower: AddressFollower | None
    tls: Tls
    control_ports: tuple[ControlPort, ...]
    passive: PortRange
    only_on: str | None
    only_from: tuple[IPv4Network, ...]
    encryption: Encryption | None
    certificate: CertificatePlan | None
    cameras: tuple[str, ...]
    intake: Intake
    open_to_lan: tuple[Service, ...]
    may_open: tuple[HomeAccess, ...]
    accept_rules: tuple[AcceptRule, ...]
    max_clients: int
    max_per_address: int
    max_per_camera: int
    login_seconds: int
    bytes_per_second: int
    total_bytes_per_second: int
    control_connections_per_minute: int
    data_connections_per_minute: int
    data_connections_at_once: int
    client_sets: ClientSets
    share: Share | None
    readers: tuple[str, ...]
    message: Message | None
    pushes: tuple[Push, ...]
    fetch_port: int | None
    fetchers: tuple[FetchAccess, ...]
    retention: Retention | None

    @property
    def delivers(self) -> bool:
        """Whether photos are brought from its library to other places."""
        return bool(self.pushes or self.fetchers)

    @property
    def lan_services(self) -> tuple[Service, ...]:
        """All that the home may reach besides FTP and SSH: what the Site names, and the share."""
        share = SHARE_SERVICES if self.share else ()
        return tuple(dict.fromkeys((*self.open_to_lan, *share)))

    @property
    def control_port(self) -> int:
        """The control port that cameras are given; of several, the explicit one."""
        return self.control_ports[0].port

    @property
    def ftp_ports(self) -> tuple[PortRange, ...]:
        """The control ports and the passive range."""
        controls = (PortRange(control.port, control.port) for control in self.control_ports)
        return (*controls, self.passive)

    @property
    def forwarded_ports(self) -> tuple[PortRange, ...]:
        """What routers lead cameras to: none to a direct link."""
        return () if self.only_on else self.ftp_ports

    @property
    def challenge_port(self) -> int | None:
        """The port at which a certificate authority asks for proof of the name; None for none."""
        acme = self.certificate.acme if self.certificate else None
        return HTTP_PORT if acme and acme.challenge == "http-01" else None


@dataclass(frozen=True)
class RouterPlan:
    """A router: all that it must do.

    :param name: its name
    :param managed_by: who configures it: ``linux``, ``openwrt`` or ``hand``
    :param mode: ``nat``, ``default-host`` or ``routed``
    :param ssh_user: the user that hotshoe logs in as
    :param ssh_port: where SSH answers
    :param wan_address: its address outside; None if the provider changes it
    :param gateway: the router outside of it, as its gateway; None for the provider's
    :param lan: its address and network inside
    :param wan6: its IPv6 address outside, where that is fixed
    :param lan6: its IPv6 address and network inside
    :param masquerade: the networks whose packets leave with its WAN address; none when routed, for
        those keep their addresses
    :param masquerade_ports: the only source ports that they, and its own packets, may leave with;
        empty is all (MAP-E)
    :param forwards: port forwards from its WAN address to hosts inside
    :param default_host: the host that gets everything without a port forward or own service
    :param accept_rules: what it accepts from its WAN side without NAT
    :param routes: the static routes that it needs
    :param leases: the addresses that its DHCP server must not give to others
    :param hairpin: the networks inside that can dial its WAN address too (hairpin NAT): their
        packets then leave with its LAN address, so that answers come back through it
    :param ddns: how it updates the record of the home's name; None if something else does
    :param notices: whom it tells when its WAN address changes
    :param open_to_wan: what else it answers on its WAN side
    :param other_forwards: what existing rules forward to other devices
    """

    name: str
    managed_by: ManagedBy
    mode: Mode
    ssh_user: str
    ssh_port: int
    wan_address: IPv4Address | None
    gateway: IPv4Address | None
    lan: IPv4Interface
    wan6: IPv6Address | None
    lan6: IPv6Interface | None
    masquerade: tuple[IPv4Network, ...]
    masquerade_ports: tuple[PortRange, ...]
    forwards: tuple[PortForward, ...]
    default_host: IPv4Address | None
    accept_rules: tuple[AcceptRule, ...]
    routes: tuple[Route, ...]
    leases: tuple[Lease, ...]
    hairpin: tuple[IPv4Network, ...]
    ddns: RecordUpdate | None
    notices: tuple[Notice, ...]
    open_to_wan: tuple[Service, ...]
    other_forwards: tuple[Service, ...]

    @property
    def inside(self) -> tuple[Network, ...]:
        """The networks on its inner side: no address outside is in them."""
        own = (self.lan.network, *((self.lan6.network,) if self.lan6 else ()))
        return (*own, *(route.to for route in self.routes))

    @property
    def by_hand(self) -> bool:
        """Whether a person sets it up from its worksheet."""
        return self.managed_by == "hand"

    @property
    def targets(self) -> tuple[IPv4Address, ...]:
        """The hosts inside that get what arrives for its WAN address."""
        default = () if self.default_host is None else (self.default_host,)
        return tuple(dict.fromkeys((*(forward.to for forward in self.forwards), *default)))


@dataclass(frozen=True)
class FetcherPlan:
    """A Debian computer at home that fetches photos from a server's library.

    :param name: of the delivery, which is the host's as well
    :param behind: the router in whose LAN it is
    :param address: its address there
    :param ssh_user: the user that hotshoe logs in as
    :param ssh_port: where SSH answers
    :param server: the name of the server that it fetches from
    :param dial: the address to connect to
    :param port: the TCP port there, where the server's own SSH for this answers
    :param folder: where photos go
    :param order: which of the photos that wait goes first, the ``oldest`` or the ``newest``
    :param bytes_per_second: the most that it may take; 0 is no limit
    :param by_hand: whether a person sets it up, and no deploy logs in there
    :param removed: whether it fetches no more, and all of hotshoe's is taken away there
    """

    name: str
    behind: str
    address: IPv4Address
    ssh_user: str
    ssh_port: int
    server: str
    dial: IPv4Address
    port: int
    folder: str
    order: Order
    bytes_per_second: int
    by_hand: bool
    removed: bool

    @property
    def to(self) -> str:
        """Where photos go, as :class:`FetchAccess` has it."""
        return fetched_to(self.address, self.folder)


# Whatever a deploy logs in to.
HostPlan = RouterPlan | ServerPlan | FetcherPlan


@dataclass(frozen=True)
class ClientRule:
    """What a firewall between a camera and the Internet, such as a guest network's, must allow.

    :param server: the server that it is for
    :param to: the addresses that the camera connects to, as far as they are known
    :param services: the ports there
    """

    server: str
    to: tuple[Address, ...]
    services: tuple[Service, ...]


@dataclass(frozen=True)
class Plan:
    """A whole home, device by device.

    :param hostname: what cameras dial; the name on the certificates
    :param public_address: the home's address on the Internet; None if the provider changes it
    :param ddns: who updates the record of the name then, and how
    :param port_set: the ports of that address that are this home's; empty is all (MAP-E)
    :param servers: in the Site's order
    :param routers: from the Internet inwards
    :param fetchers: computers at home that fetch photos, in the Site's order
    :param client_firewall: what the camera's network must allow outwards; none for direct links
    """

    hostname: str
    public_address: IPv4Address | None
    ddns: RecordUpdate | None
    port_set: tuple[PortRange, ...]
    servers: tuple[ServerPlan, ...]
    routers: tuple[RouterPlan, ...]
    fetchers: tuple[FetcherPlan, ...]
    client_firewall: tuple[ClientRule, ...]

    @property
    def hosts(self) -> tuple[HostPlan, ...]:
        """What a deploy logs in to: routers, from the Internet inwards, servers, and fetchers.

        None that a person sets up by hand is among them.
        """
        routers = (router for router in self.routers if not router.by_hand)
        fetchers = (fetcher for fetcher in self.fetchers if not fetcher.by_hand)
        return (*routers, *self.servers, *fetchers)

    def server(self, name: str) -> ServerPlan:
        """The server of that name.

        :raises KeyError: if there is none
        """
        return {server.name: server for server in self.servers}[name]

    def fetcher(self, name: str) -> FetcherPlan:
        """The computer that fetches photos for the delivery of that name.

        :raises KeyError: if there is none
        """
        return {fetcher.name: fetcher for fetcher in self.fetchers}[name]

    def router(self, name: str) -> RouterPlan:
        """The router of that name.

        :raises KeyError: if there is none
        """
        return {router.name: router for router in self.routers}[name]

    def next_outside(self, router: RouterPlan) -> RouterPlan | None:
        """The router outside of a router; None for the outermost one."""
        i = self.routers.index(router)
        return self.routers[i - 1] if i else None

    def servers_behind(self, router: RouterPlan) -> tuple[ServerPlan, ...]:
        """The servers in a router's LAN."""
        return tuple(server for server in self.servers if server.behind == router.name)

    def fetchers_behind(self, router: RouterPlan) -> tuple[FetcherPlan, ...]:
        """The computers in a router's LAN that fetch photos."""
        return tuple(fetcher for fetcher in self.fetchers if fetcher.behind == router.name)

    def servers_through(self, router: RouterPlan) -> tuple[ServerPlan, ...]:
        """The servers to which cameras get through a router."""
        names = {further.name for further in self.routers[self.routers.index(router) :]}
        return tuple(server for server in self.servers if server.behind in names)

    def routers_to(self, server: ServerPlan) -> tuple[RouterPlan, ...]:
        """The routers through which the Internet reaches a server, the outermost first.

        :returns: none to a direct link
        """
        if server.only_on:
            return ()
        return self.routers[: self.routers.index(self.router(server.behind)) + 1]
