"""The Site: what a person says about their home, once.

Plain frozen data. What follows from it is in :mod:`hotshoe.plan.model`; what makes no sense
together is refused in :mod:`hotshoe.site.checks`. The examples on the fields are what error
messages suggest. What a person says about the way of photos out of the library is in
:mod:`hotshoe.site.library`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ByteSize, Field

from hotshoe.site.fields import (
    DYNAMIC,
    Address,
    Address6,
    Bits,
    Bytes,
    Days,
    Email,
    Hostname,
    Interface,
    KeyName,
    Lan,
    Lan6,
    LibraryTree,
    LocalPath,
    Mac,
    Name,
    Network,
    Part,
    Port,
    Ports,
    Psid,
    PublicAddress,
    Rate,
    Seconds,
    Services,
    SshUser,
    Text,
    Ttl,
    Url,
)
from hotshoe.site.library import Delivery, Library, Message, Retention

ManagedBy = Literal["linux", "openwrt", "hand"]
Mode = Literal["nat", "default-host", "routed"]
UpdatedBy = Literal["server", "router", "nsupdate", "none"]
Provider = Literal["cloudflare", "desec", "duckdns", "dyndns2", "dynv6", "noip"]
Algorithm = Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"]
Tls = Literal["explicit", "implicit", "both", "none"]
Issuer = Literal["own-ca", "letsencrypt", "files"]
Challenge = Literal["http-01", "dns-01"]


class Router(Part):
    """One router on the way from the Internet inwards."""

    name: Name = Field(examples=["gateway"])
    managed_by: ManagedBy = Field(
        default="linux",
        examples=["linux"],
        description="what it is: linux is Debian, hand is set up by a person with a worksheet",
    )
    wan: Address | None = Field(
        default=None,
        examples=["192.168.178.2"],
        description="its own address outside; needed behind another router",
    )
    lan: Lan = Field(
        examples=["192.168.1.1/24"], description="its own address inside, and the prefix length"
    )
    wan6: Address6 | None = Field(
        default=None, examples=["2001:db8:1::2"], description="its IPv6 address outside"
    )
    lan6: Lan6 | None = Field(
        default=None, examples=["2001:db8:2::1/64"], description="its IPv6 address inside"
    )
    mode: Mode = Field(
        default="nat",
        examples=["nat"],
        description="nat: port forwards; default-host: everything without a rule goes to the next "
        "router (or to the server); routed: no NAT, the router outside it holds a static route",
    )
    ssh_user: SshUser = Field(default="root", examples=["root"])
    ssh_port: Port = Field(default=22, examples=[22])
    open_to_wan: Services = Field(
        default=(), examples=["[51820/udp]"], description="what else it answers on its WAN side"
    )
    other_forwards: Services = Field(
        default=(),
        examples=["[8443/tcp]"],
        description="what it forwards to other devices already",
    )
    masks_source: bool = Field(
        default=False,
        examples=["false"],
        description="whether it replaces the source of what it forwards by its own address",
    )


class HomeService(Part):
    """Something inside the home that a server may open connections to."""

    to: Address = Field(examples=["192.168.2.20"])
    services: Services = Field(min_length=1, examples=["[22/tcp]"])


class Server(Part):
    """A machine that receives photos."""

    name: Name = Field(examples=["darkroom"])
    behind: Name | None = Field(
        default=None,
        examples=["gateway"],
        description="the router in whose LAN it is; the innermost one unless said",
    )
    address: Address = Field(examples=["192.168.1.10"])
    address6: Address6 | None = Field(default=None, examples=["2001:db8:2::10"])
    mac: Mac | None = Field(
        default=None,
        examples=["b8:27:eb:12:34:56"],
        description="its hardware address, so that the router's DHCP always gives it its address",
    )
    ssh_user: SshUser = Field(default="root", examples=["root"])
    ssh_port: Port = Field(default=22, examples=[22])
    ssh_from: tuple[Network, ...] = Field(
        default=(), examples=["[10.9.0.0/24]"], description="who may log in besides the LAN"
    )
    open_to_lan: Services = Field(
        default=(), examples=["[445/tcp]"], description="what else it answers inside the home"
    )
    may_open: tuple[HomeService, ...] = Field(
        default=(),
        examples=["[{to: 192.168.2.20, services: [22/tcp]}]"],
        description="what it may open behind the routers inside of it; nothing unless said",
    )


class Ftp(Part):
    """How the camera talks to the server."""

    tls: Tls = Field(
        default="explicit",
        examples=["explicit"],
        description="explicit: TLS begins with AUTH TLS; implicit: at once, at a port of its own; "
        "both; none: passwords and photos can be read, so only on a direct link",
    )
    control_port: Port | None = Field(
        default=None,
        examples=[21],
        description="of explicit FTPS and of plain FTP: 21, or one of the port set, unless said",
    )
    implicit_port: Port | None = Field(
        default=None,
        examples=[990],
        description="of implicit FTPS: 990, or one of the port set, unless said",
    )
    only_on: Interface | None = Field(
        default=None,
        examples=["eth1"],
        description="with tls: none, the server's interface of a direct link to one computer",
    )
    only_from: tuple[Network, ...] = Field(
        default=(),
        examples=["[198.51.100.0/24]"],
        description="the only networks besides the home from which cameras may connect",
    )
    tls_1_3: bool = Field(
        default=False, examples=["true"], description="whether TLS 1.3 is offered too"
    )
    legacy_tls: bool = Field(
        default=False,
        examples=["false"],
        description="whether TLS 1.0 and 1.1 are offered too, which are broken (RFC 8996)",
    )
    rsa_key_exchange: bool = Field(
        default=False,
        examples=["false"],
        description="whether cipher suites without forward secrecy are offered too, for cameras "
        "that have no others",
    )
    passive_ports: Ports | None = Field(
        default=None, examples=["50000-50199"], description="as large as needed unless said"
    )
    bytes_per_second: Rate | None = Field(
        default=None, examples=["20MB"], description="the most that one transfer may take"
    )
    total_bytes_per_second: Rate | None = Field(
        default=None, examples=["50MB"], description="the most that all transfers may take together"
    )


class Certificate(Part):
    """Where the server's certificate comes from.

    What each issuer needs is in :mod:`hotshoe.site.certificate`; secrets are in the vault.
    """

    issuer: Issuer = Field(
        default="own-ca",
        examples=["own-ca"],
        description="own-ca: an authority of this home's; letsencrypt: Let's Encrypt, or another "
        "one that speaks ACME; files: a certificate of your own",
    )
    challenge: Challenge | None = Field(
        default=None,
        examples=["http-01"],
        description="of letsencrypt: how the name is proved; http-01, by port 80, unless said",
    )
    staging: bool = Field(
        default=False,
        examples=["true"],
        description="of letsencrypt: whether its staging environment issues, whose certificates "
        "nobody trusts",
    )
    directory: Url | None = Field(
        default=None,
        examples=["https://acme.example.net/directory"],
        description="of letsencrypt: the directory of another ACME authority",
    )
    ca_bundle: LocalPath | None = Field(
        default=None,
        examples=["pki/acme-root.pem"],
        description="of letsencrypt: a PEM file here with what that directory's own HTTPS is "
        "verified by",
    )
    email: Email | None = Field(
        default=None, examples=["ann@example.net"], description="of letsencrypt: the account's"
    )
    server: Address | None = Field(
        default=None,
        examples=["203.0.113.53"],
        description="of dns-01 by RFC 2136: the address of the zone's primary name server",
    )
    key_name: KeyName | None = Field(
        default=None,
        examples=["hotshoe.example.net"],
        description="of dns-01 by RFC 2136: the TSIG key's name",
    )
    algorithm: Algorithm = Field(
        default="hmac-sha256", examples=["hmac-sha256"], description="of that key"
    )
    propagation_seconds: Seconds = Field(
        default=60,
        examples=[60],
        description="of dns-01: until all name servers of the zone have a new record",
    )
    hook: LocalPath | None = Field(
        default=None,
        examples=["/usr/local/sbin/dns-hook"],
        description="of dns-01: a program of yours on the server that sets the record",
    )
    chain: LocalPath | None = Field(
        default=None,
        examples=["pki/own/fullchain.pem"],
        description="of files: a PEM file here with the certificate and those of its issuers",
    )
    key: LocalPath | None = Field(
        default=None,
        examples=["pki/own/privkey.pem"],
        description="of files: a PEM file here with its private key",
    )
    root: LocalPath | None = Field(
        default=None,
        examples=["pki/own/root.pem"],
        description="of files and letsencrypt: a PEM file here with the root certificate that "
        "cameras need, where they have it not yet",
    )


class Photos(Part):
    """What becomes of photos on a server, and how much room they may take."""

    library: LibraryTree = Field(
        default="{camera}/{date}/{name}",
        examples=['"{camera}/{year}/{date}/{name}"'],
        description="where a photo goes in the library: {name} at the end, and in the folders "
        "before it {camera}, and {year}, {month}, {day} or {date} of its exposure",
    )
    keep_incomplete: Days = Field(
        default=14, examples=[14], description="for how many days uploads that broke off are kept"
    )
    limit: Bytes | None = Field(
        default=None, examples=["500GB"], description="the most that all photos may take together"
    )
    keep_free: Bytes = Field(
        default=ByteSize(1_000_000_000),
        examples=["5GB"],
        description="how much of the disk stays free",
    )


class SharedAddress(Part):
    """Which ports of a public address are this home's (MAP-E, MAP-T)."""

    offset: Bits | None = Field(default=None, examples=[6], description="PSID offset, in bits")
    psid_length: Bits | None = Field(default=None, examples=[8], description="in bits")
    psid: Psid | None = Field(default=None, examples=["0x34"])
    ports: tuple[Ports, ...] = Field(
        default=(),
        examples=["[5136-5151, 9232-9247]"],
        description="the ports as the router shows them, instead of the three numbers",
    )


class Ddns(Part):
    """Who keeps the record of ``hostname`` at a public address that changes, and how.

    What each provider needs is in :mod:`hotshoe.site.ddns`; passwords, tokens and keys are in the
    vault.
    """

    updated_by: UpdatedBy = Field(
        examples=["server"],
        description="server: a client on the server; router: the outermost router; nsupdate: the "
        "server, in a zone of your own (RFC 2136); none: somebody else",
    )
    provider: Provider | None = Field(
        default=None, examples=["duckdns"], description="whose client protocol is spoken"
    )
    username: Text | None = Field(default=None, examples=["photographer"])
    server: Hostname | None = Field(
        default=None,
        examples=["dyn.example.net"],
        description="where updates are sent: of dyndns2 the HTTPS server, of nsupdate the zone's "
        "primary name server",
    )
    zone: Hostname | None = Field(
        default=None, examples=["example.net"], description="of cloudflare and nsupdate"
    )
    key_name: KeyName | None = Field(
        default=None,
        examples=["hotshoe.example.net"],
        description="of nsupdate: the TSIG key's name",
    )
    algorithm: Algorithm = Field(
        default="hmac-sha256", examples=["hmac-sha256"], description="of nsupdate: the TSIG key's"
    )
    ttl: Ttl = Field(
        default=60, examples=[60], description="of nsupdate: the record's time to live in seconds"
    )


class Camera(Part):
    """A camera; its name is also its user name and its folder."""

    name: Name = Field(examples=["r5"])
    server: Name | None = Field(
        default=None, examples=["darkroom"], description="where it uploads, if there are several"
    )
    limit: Bytes | None = Field(
        default=None, examples=["100GB"], description="the most that its photos may take"
    )
    tolerates_unclean_close: bool = Field(
        default=False,
        examples=["false"],
        description="whether it may end transfers without closing TLS; its photos then count as "
        "complete if their content proves it",
    )


class Site(Part):
    """A whole home."""

    hostname: Hostname = Field(
        examples=["photos.example.net"],
        description="what the camera dials; the name on the certificate",
    )
    public_address: PublicAddress = Field(
        examples=["203.0.113.20"],
        description=f"the home's address on the Internet, or {DYNAMIC} if the provider changes it",
    )
    ddns: Ddns | None = Field(
        default=None,
        examples=["{updated_by: server, provider: duckdns}"],
        description="who updates the name's record when the public address changes",
    )
    port_set: SharedAddress | None = Field(
        default=None,
        examples=["{offset: 6, psid_length: 8, psid: 0x34}"],
        description="which ports of the public address are this home's (MAP-E, MAP-T)",
    )
    routers: tuple[Router, ...] = Field(
        min_length=1, examples=["[{name: gateway, lan: 192.168.1.1/24}]"]
    )
    servers: tuple[Server, ...] = Field(
        min_length=1,
        examples=["[{name: darkroom, address: 192.168.1.10}]"],
        description="a single one may be written as server: {…}",
    )
    ftp: Ftp = Field(default=Ftp(), examples=["{control_port: 21}"])
    certificate: Certificate = Field(default=Certificate(), examples=["{issuer: letsencrypt}"])
    photos: Photos = Field(default=Photos(), examples=["{limit: 500GB}"])
    cameras: tuple[Camera, ...] = Field(min_length=1, examples=["[{name: r5}]"])
    library: Library = Field(default=Library(), examples=["{share: smb}"])
    message: Message | None = Field(
        default=None,
        examples=["{program: messages/ntfy}"],
        description="the program that is told of new photos",
    )
    delivery: tuple[Delivery, ...] = Field(
        default=(),
        examples=["[{name: nas, by: fetch, address: 192.168.1.20, folder: /srv/photos}]"],
        description="where photos go from the library",
    )
    retention: Retention | None = Field(
        default=None,
        examples=["{after_days: 30}"],
        description="when delivered photos are removed from the library; never unless said",
    )
