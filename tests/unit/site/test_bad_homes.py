"""What makes no sense between the devices of a home, and the messages about it.

Like :mod:`tests.unit.site.test_bad_sites`, where each value by itself is looked at.
"""

from __future__ import annotations

import pytest

from hotshoe.plan.derivation import make_plan
from hotshoe.site.reading import load_site, warnings_of
from tests.unit.refusals import FILE, one_problem, refusal, with_lines

INSIDE = "name: darkroom, address: 192.168.1.10"
BESIDE = "name: studio, address: 192.168.1.11"
ADDRESSES = ("address: 192.168.1.10", "address: 192.168.1.11")
IN_DMZ = "name: darkroom, behind: edge, address: 192.168.178.10"


def router(*more: str) -> str:
    """A single router with something more."""
    return f"routers: [{{{', '.join(['name: gateway, lan: 192.168.1.1/24', *more])}}}]"


def two_routers(edge: str = "", gateway: str = "wan: 192.168.178.2") -> str:
    """An outer and an inner router."""
    outer = ", ".join(filter(None, ["name: edge, lan: 192.168.178.1/24", edge]))
    inner = ", ".join(filter(None, ["name: gateway, lan: 192.168.1.1/24", gateway]))
    return f"routers: [{{{outer}}}, {{{inner}}}]"


def three_routers(middle: str = "") -> str:
    """One more in between."""
    between = ", ".join(filter(None, ["wan: 192.168.178.2, lan: 10.0.0.1/24", middle]))
    return (
        f"routers: [{{name: edge, lan: 192.168.178.1/24}}, {{name: middle, {between}}}, "
        "{name: gateway, wan: 10.0.0.2, lan: 192.168.1.1/24}]"
    )


def server(*more: str) -> str:
    """The server in the innermost LAN."""
    return f"server: {{{', '.join([INSIDE, *more])}}}"


def in_dmz(*more: str) -> str:
    """The server in the outer LAN, from which the inner router protects the home."""
    return f"server: {{{', '.join([IN_DMZ, *more])}}}"


def may_open(*targets: str) -> str:
    """``192.168.1.20 22/tcp`` and so on."""
    written = (target.split(maxsplit=1) for target in targets)
    return f"may_open: [{', '.join(f'{{to: {to}, services: [{s}]}}' for to, s in written)}]"


def two_servers(*more: str, first: str = INSIDE, second: str = BESIDE) -> str:
    """Two servers with a camera each; ``more`` is about the first."""
    return (
        f"servers: [{{{', '.join([first, *more])}}}, {{{second}}}]\n"
        "cameras: [{name: r5, server: darkroom}, {name: a7, server: studio}]"
    )


def dynamic(ddns: str, *more: str) -> str:
    """A public address that changes, with this in the braces after ddns."""
    return "\n".join([f"public_address: dynamic\nddns: {{{ddns}}}", *more])


NSUPDATE = "updated_by: nsupdate, zone: example.net, key_name: hotshoe.example.net"
DYNDNS2 = "updated_by: server, provider: dyndns2, server: dyn.example.net, username: ann"
DUCKDNS = "provider: duckdns"
MY_DUCKDNS = "hotshoe-example.duckdns.org"

IPV6_INSIDE = "wan: 192.168.178.2, wan6: 2001:db8:1::2, lan6: 2001:db8:2::1/64"
IPV6_OUTSIDE = "lan6: 2001:db8:1::1/64"
ONE_CAMERA = (
    "1 camera may use 2 ports at once (one transfer each, and one that broke off less than 60 "
    "seconds ago), and needs 8 for vsftpd's 9 random tries to find a free one"
)

# what it is about, what the lines say, the key in the message, what is wrong, what to do
REFUSED = [
    # -- the outside
    (
        "a private outside address",
        router("wan: 192.168.178.2"),
        "routers[0].wan",
        "192.168.178.2 cannot be reached from the Internet: it is private (RFC 1918); so nothing "
        "that is sent to 203.0.113.20 arrives at gateway",
        "ask the provider for a public IPv4 address; if another router of yours is in front, add "
        "it to the list, before this one",
    ),
    (
        "an outside address behind the provider's NAT",
        router("wan: 100.64.3.4"),
        "routers[0].wan",
        "100.64.3.4 cannot be reached from the Internet: it is behind the provider's carrier-grade "
        "NAT (RFC 6598); so nothing that is sent to 203.0.113.20 arrives at gateway",
        "ask the provider for a public IPv4 address; if another router of yours is in front, add "
        "it to the list, before this one",
    ),
    (
        "two public addresses",
        router("wan: 203.0.113.21"),
        "routers[0].wan",
        "203.0.113.21 is not the public_address 203.0.113.20: something between them translates",
        "write the same address in both, or leave wan out here",
    ),
    (
        "one address outside and inside",
        router("wan: 192.168.1.1"),
        "routers[0].wan",
        "192.168.1.1 is inside its own LAN",
        "leave wan out; the outermost router's address outside is the public_address",
    ),
    (
        "an IPv6 address outside that is inside",
        router("wan6: 2001:db8:2::7, lan6: 2001:db8:2::1/64"),
        "routers[0].wan6",
        "2001:db8:2::7 is inside the LAN of gateway",
        "write the address on the Internet side of the outermost router, or leave it out",
    ),
    # -- an address that changes
    (
        "an address that changes and that nothing follows",
        "public_address: dynamic",
        "ddns",
        "is missing, and the address that photos.example.net leads to changes",
        "write who updates its record, for example ddns: {updated_by: server, provider: duckdns}, "
        "or ddns: {updated_by: none} if something else does",
    ),
    (
        "updates of an address that stays",
        "ddns: {updated_by: none}",
        "ddns",
        "updates the record of an address that changes, and 203.0.113.20 stays",
        "remove ddns, or write public_address: dynamic",
    ),
    (
        "an address that stays, of the router, though the public one changes",
        dynamic("updated_by: none", router("wan: 203.0.113.20")),
        "routers[0].wan",
        "203.0.113.20 is an address that stays, and public_address says dynamic",
        "leave wan out, or write that address as public_address",
    ),
    (
        "a shared address that changes",
        dynamic("updated_by: none", "port_set: {ports: [5136-5153]}"),
        "port_set",
        "is one subscriber's part of one shared address: with another address come other ports, "
        "while a camera keeps the control port that was entered once",
        "write the shared address as public_address; if it does change, ask the provider for an "
        "address of your own, or for one that stays",
    ),
    (
        "updates for nobody",
        dynamic("updated_by: server"),
        "ddns.provider",
        "is missing, and the server has to know whom to tell",
        "write one of: cloudflare, desec, duckdns, dyndns2, dynv6, noip",
    ),
    (
        "updates by the router for nobody",
        dynamic("updated_by: router", router("managed_by: openwrt")),
        "ddns.provider",
        "is missing, and the router has to know whom to tell",
        "write one of: cloudflare, desec, duckdns, dyndns2, dynv6, noip",
    ),
    (
        "an unknown provider",
        dynamic("updated_by: server, provider: duckdsn"),
        "ddns.provider",
        "'duckdsn' is not 'cloudflare', 'desec', 'duckdns', 'dyndns2', 'dynv6' or 'noip'",
        "write for example: provider: duckdns",
    ),
    (
        "a provider of nsupdate",
        dynamic(f"{NSUPDATE}, provider: cloudflare"),
        "ddns.provider",
        "updated_by: nsupdate has no provider",
        "remove it",
    ),
    (
        "a provider of somebody else",
        dynamic("updated_by: none, provider: noip"),
        "ddns.provider",
        "updated_by: none has no provider",
        "remove it",
    ),
    *(
        (
            f"{missing}, which {title} needs and nobody wrote",
            dynamic(", ".join(part for part in ddns.split(", ") if f"{missing}:" not in part)),
            f"ddns.{missing}",
            f"is missing, and {title} needs it",
            f"write for example {missing}: {example}",
        )
        for title, ddns, missing, example in (
            ("dyndns2", DYNDNS2, "server", "dyn.example.net"),
            ("dyndns2", DYNDNS2, "username", "photographer"),
            ("No-IP", "updated_by: server, provider: noip", "username", "photographer"),
            ("Cloudflare", "updated_by: server, provider: cloudflare", "zone", "example.net"),
            ("updated_by: nsupdate", NSUPDATE, "zone", "example.net"),
            ("updated_by: nsupdate", NSUPDATE, "key_name", "hotshoe.example.net"),
        )
    ),
    *(
        (
            f"{key}, which {title} does not use",
            dynamic(f"{ddns}, {key}: {value}"),
            f"ddns.{key}",
            f"{title} does not use it",
            "remove it",
        )
        for title, ddns, key, value in (
            ("deSEC", "updated_by: server, provider: desec", "username", "ann"),
            ("dynv6", "updated_by: server, provider: dynv6", "server", "dynv6.com"),
            ("No-IP", "updated_by: server, provider: noip, username: ann", "zone", "example.net"),
            ("dyndns2", DYNDNS2, "ttl", "30"),
            ("dyndns2", DYNDNS2, "key_name", "hotshoe.example.net"),
            ("dyndns2", DYNDNS2, "algorithm", "hmac-sha512"),
            ("updated_by: nsupdate", NSUPDATE, "username", "ann"),
            ("updated_by: none", "updated_by: none", "zone", "example.net"),
        )
    ),
    *(
        (
            f"{name} for a TSIG key",
            dynamic(f"updated_by: nsupdate, zone: example.net, key_name: {name}"),
            "ddns.key_name",
            f"{told} is not the name of a TSIG key: letters, digits, '-' and '_', and dots in "
            "between",
            "write for example: key_name: hotshoe.example.net",
        )
        for name, told in (
            ("my key", "'my key'"),
            ("'a\"; '", "'a\"; '"),
            ("a..b", "'a..b'"),
            ("5", "5"),
        )
    ),
    (
        "a username with a colon",
        dynamic(DYNDNS2.replace("ann", "ann:secret")),
        "ddns.username",
        "has a colon, at which HTTP takes the rest for the password",
        "write the username without it; the password belongs into the vault, as ddns_secret",
    ),
    (
        "updates by a router that has no client for them",
        dynamic("updated_by: router, provider: dynv6"),
        "ddns.updated_by",
        "gateway is managed_by: linux, and has no client for dynamic DNS",
        "write updated_by: server",
    ),
    *(
        (
            f"the name {name}, which a provider does not give",
            dynamic(f"updated_by: server, {DUCKDNS}", f"hostname: {name}"),
            "hostname",
            f"{name} is none of Duck DNS's names, which are one label and .duckdns.org",
            "write the name that you have there, such as photos-of-ann.duckdns.org, or another "
            "provider",
        )
        for name in ("photos.myname.net", "a.b.duckdns.org", "duckdns.org")
    ),
    *(
        (
            f"a zone that the name is not in, {ddns.split(', ')[0]}",
            dynamic(f"{ddns}, zone: {zone}"),
            "ddns.zone",
            f"photos.example.net is not in the zone {zone}",
            "write the zone that it is in, such as example.net",
        )
        for ddns, zone in (
            ("updated_by: server, provider: cloudflare", "example.org"),
            ("updated_by: nsupdate, key_name: hotshoe.example.net", "ample.net"),
        )
    ),
    # -- names
    (
        "two routers with one name",
        two_routers(gateway="wan: 192.168.178.2").replace("gateway", "edge"),
        "routers[1].name",
        "'edge' is the name of another device already",
        "give every device a name of its own",
    ),
    (
        "two servers with one name",
        two_servers().replace("studio", "darkroom"),
        "servers[1].name",
        "'darkroom' is the name of another device already",
        "give every device a name of its own",
    ),
    (
        "a camera without a server",
        two_servers().replace("a7, server: studio", "a7, server: studio}, {name: z9"),
        "cameras[2].server",
        "is missing, and there are 2 servers",
        "write one of: darkroom, studio",
    ),
    (
        "a camera with an unknown server",
        two_servers().replace(
            "a7, server: studio", "a7, server: studio}, {name: z9, server: attic"
        ),
        "cameras[2].server",
        "there is no server named 'attic'",
        "write one of: darkroom, studio",
    ),
    (
        "a server without cameras",
        two_servers().replace("a7, server: studio", "a7, server: darkroom"),
        "servers[1]",
        "no camera uploads to studio",
        "add server: studio to a camera, or remove this server",
    ),
    # -- IPv4 addresses
    (
        "an inner router without an address outside",
        two_routers(gateway=""),
        "routers[1].wan",
        "is missing, and this router is behind edge",
        "give the router a fixed address in 192.168.178.0/24, for example 192.168.178.2",
    ),
    (
        "an inner router with an address of another network",
        two_routers(gateway="wan: 192.168.179.2"),
        "routers[1].wan",
        "192.168.179.2 is not in the LAN 192.168.178.0/24 of edge",
        "give the router a fixed address in 192.168.178.0/24, for example 192.168.178.2",
    ),
    (
        "an inner router with the outer one's address",
        two_routers(gateway="wan: 192.168.178.1"),
        "routers[1].wan",
        "192.168.178.1 is the address of edge itself",
        "give the router a fixed address in 192.168.178.0/24, for example 192.168.178.2",
    ),
    (
        "an inner router with the network's address",
        two_routers(gateway="wan: 192.168.178.0"),
        "routers[1].wan",
        "192.168.178.0 is the network's own address",
        "give the router a fixed address in 192.168.178.0/24, for example 192.168.178.2",
    ),
    (
        "two routers behind each other with one address outside",
        three_routers().replace("wan: 10.0.0.2", "wan: 192.168.178.2"),
        "routers[2].wan",
        "192.168.178.2 is not in the LAN 10.0.0.0/24 of middle",
        "give the router a fixed address in 10.0.0.0/24, for example 10.0.0.2",
    ),
    (
        "a server with the inner router's address",
        two_routers() + "\n" + in_dmz().replace(".10", ".2"),
        "server.address",
        "192.168.178.2 is the address of gateway already",
        "give the server a fixed address in 192.168.178.0/24, for example 192.168.178.3",
    ),
    (
        "two servers with one address",
        two_servers(second="name: studio, address: 192.168.1.10"),
        "servers[1].address",
        "192.168.1.10 is the address of darkroom already",
        "give the server a fixed address in 192.168.1.0/24, for example 192.168.1.2",
    ),
    (
        "a LAN that is full",
        two_routers().replace("178.1/24", "178.1/30") + "\n" + in_dmz().replace(".10", ".2"),
        "server.address",
        "192.168.178.2 is the address of gateway already",
        "make the LAN of edge larger",
    ),
    (
        "a LAN inside another one",
        two_routers().replace("178.1/24", "178.1/16"),
        "routers[1].lan",
        "192.168.1.0/24 overlaps the LAN 192.168.0.0/16 of edge",
        "give this LAN other addresses, for example 10.0.0.1/24",
    ),
    (
        "a LAN that holds the address outside",
        two_routers().replace("192.168.1.1/24", "192.168.178.129/25")
        + "\nserver: {name: darkroom, address: 192.168.178.130}",
        "routers[1].lan",
        "192.168.178.128/25 overlaps the LAN 192.168.178.0/24 of edge",
        "give this LAN other addresses, for example 192.168.0.1/24",
    ),
    (
        "LANs that leave no private address for another one",
        "routers: [{name: a, lan: 192.168.0.1/16}, {name: b, wan: 192.168.0.2, lan: 10.0.0.1/8}, "
        "{name: c, wan: 10.0.0.2, lan: 172.16.0.1/12}, "
        "{name: d, wan: 172.16.0.2, lan: 192.168.1.1/24}]",
        "routers[3].lan",
        "192.168.1.0/24 overlaps the LAN 192.168.0.0/16 of a",
        "make the LANs smaller, which is to say their prefixes longer, for example /24",
    ),
    # -- IPv6 addresses
    (
        "an IPv6 LAN of two addresses",
        router("lan6: 2001:db8:2::1/127"),
        "routers[0].lan6",
        "2001:db8:2::1/127 leaves no room for a server",
        "write the prefix length of the whole LAN, for example 2001:db8:2::1/64",
    ),
    (
        "an IPv6 LAN of link-local addresses",
        router("lan6: fe80::1/64"),
        "routers[0].lan6",
        "fe80::1/64 is in a block that no LAN can use",
        "write the router's address with the provider's prefix, for example 2001:db8:2::1/64",
    ),
    (
        "an IPv6 network instead of an address in it",
        router("lan6: '2001:db8:2::/64'"),
        "routers[0].lan6",
        "2001:db8:2:: is the network's own address, not a router's",
        "write the router's address, for example 2001:db8:2::1/64",
    ),
    (
        "one IPv6 LAN twice",
        two_routers(IPV6_OUTSIDE, IPV6_INSIDE.replace("lan6: 2001:db8:2::", "lan6: 2001:db8:1::")),
        "routers[1].lan6",
        "2001:db8:1::/64 overlaps the LAN 2001:db8:1::/64 of edge",
        "give this LAN another /64 of the prefix that the provider gave",
    ),
    (
        "an inner router with an IPv6 address of another network",
        two_routers(IPV6_OUTSIDE, IPV6_INSIDE.replace("wan6: 2001:db8:1::", "wan6: 2001:db8:9::")),
        "routers[1].wan6",
        "2001:db8:9::2 is not in the LAN 2001:db8:1::/64 of edge",
        "give the router a fixed address in 2001:db8:1::/64, for example 2001:db8:1::2",
    ),
    (
        "an inner router with the outer one's IPv6 address",
        two_routers(IPV6_OUTSIDE, IPV6_INSIDE.replace("1::2", "1::1")),
        "routers[1].wan6",
        "2001:db8:1::1 is the address of edge itself",
        "give the router a fixed address in 2001:db8:1::/64, for example 2001:db8:1::2",
    ),
    (
        "a server with an IPv6 address of another network",
        router("lan6: 2001:db8:2::1/64") + "\n" + server("address6: 2001:db8:3::10"),
        "server.address6",
        "2001:db8:3::10 is not in the LAN 2001:db8:2::/64 of gateway",
        "give the server a fixed address in 2001:db8:2::/64, for example 2001:db8:2::2",
    ),
    (
        "a server with a link-local address",
        router("lan6: 2001:db8:2::1/64") + "\n" + server("address6: fe80::10"),
        "server.address6",
        "fe80::10 is not in the LAN 2001:db8:2::/64 of gateway",
        "give the server a fixed address in 2001:db8:2::/64, for example 2001:db8:2::2",
    ),
    (
        "a server with the router's IPv6 address",
        router("lan6: 2001:db8:2::1/64") + "\n" + server("address6: 2001:db8:2::1"),
        "server.address6",
        "2001:db8:2::1 is the address of gateway itself",
        "give the server a fixed address in 2001:db8:2::/64, for example 2001:db8:2::2",
    ),
    (
        "a server with the address of the IPv6 network",
        router("lan6: 2001:db8:2::1/126") + "\n" + server("address6: '2001:db8:2::'"),
        "server.address6",
        "2001:db8:2:: is the network's own address",
        "give the server a fixed address in 2001:db8:2::/126, for example 2001:db8:2::2",
    ),
    (
        "a server with the inner router's IPv6 address",
        two_routers(IPV6_OUTSIDE, IPV6_INSIDE) + "\n" + in_dmz("address6: 2001:db8:1::2"),
        "server.address6",
        "2001:db8:1::2 is the address of gateway already",
        "give the server a fixed address in 2001:db8:1::/64, for example 2001:db8:1::3",
    ),
    (
        "two servers with one IPv6 address",
        router("lan6: 2001:db8:2::1/64")
        + "\n"
        + two_servers("address6: 2001:db8:2::10", second=f"{BESIDE}, address6: 2001:db8:2::10"),
        "servers[1].address6",
        "2001:db8:2::10 is the address of darkroom already",
        "give the server a fixed address in 2001:db8:2::/64, for example 2001:db8:2::2",
    ),
    (
        "a server with an IPv6 address that only the home knows",
        router("lan6: fd00:1::1/64") + "\n" + server("address6: fd00:1::10"),
        "server.address6",
        "fd00:1::10 is not a global unicast address (RFC 4291), so nobody on the Internet reaches "
        "it",
        "write the address that begins with the provider's prefix",
    ),
    (
        "a server with IPv6 behind a router without",
        server("address6: 2001:db8:2::10"),
        "routers[0].lan6",
        "is missing, and darkroom has an IPv6 address behind it",
        "write the router's IPv6 address there, or leave the server's out",
    ),
    (
        "a server with IPv6 behind a router that has none outside",
        two_routers(IPV6_OUTSIDE, IPV6_INSIDE.replace("wan6: 2001:db8:1::2, ", ""))
        + "\n"
        + server("address6: 2001:db8:2::10"),
        "routers[1].wan6",
        "is missing, and darkroom has an IPv6 address behind it",
        "write the router's IPv6 address there, or leave the server's out",
    ),
    (
        "two servers with IPv6 behind a router without it",
        two_servers("address6: 2001:db8:2::10", second=f"{BESIDE}, address6: 2001:db8:2::11"),
        "routers[0].lan6",
        "is missing, and darkroom has an IPv6 address behind it",
        "write the router's IPv6 address there, or leave the server's out",
    ),
    (
        "a router with an IPv6 address outside, where there is no IPv6",
        two_routers("", "wan: 192.168.178.2, wan6: 2001:db8:1::2, lan6: 2001:db8:2::1/64"),
        "routers[0].lan6",
        "is missing, and gateway has the IPv6 address 2001:db8:1::2 in that LAN (wan6)",
        "write the router's IPv6 address there, or leave out wan6 of gateway",
    ),
    # -- modes
    (
        "no NAT towards the Internet",
        router("mode: routed"),
        "routers[0].mode",
        "gateway is the outermost router, and the home's addresses cannot be used on the Internet "
        "without NAT",
        "write mode: nat, or list the router that translates before this one",
    ),
    (
        "a routed default host",
        two_routers("mode: default-host", "wan: 192.168.178.2, mode: routed"),
        "routers[0].mode",
        "edge would send everything to the address of gateway itself, which is routed and forwards "
        "nothing",
        "write mode: nat for edge, or for gateway",
    ),
    (
        "a default host with services of its own",
        two_routers("mode: default-host", "wan: 192.168.178.2, open_to_wan: [22/tcp]"),
        "routers[0].mode",
        "edge would send everything from the Internet to gateway, 22/tcp included, which gateway "
        "answers on its WAN side",
        "write mode: nat for edge, or remove 22/tcp from open_to_wan of gateway",
    ),
    (
        "a default host behind the server's router",
        two_routers("mode: default-host") + "\n" + in_dmz(),
        "routers[0].mode",
        "edge would send everything from the Internet to gateway, which is there to protect the "
        "home behind it",
        "write mode: nat; the FTP ports are then forwarded one by one",
    ),
    (
        "a default host inside of the server",
        two_routers(gateway="wan: 192.168.178.2, mode: default-host") + "\n" + in_dmz(),
        "routers[1].mode",
        "gateway would send everything that darkroom opens further into the home, which it is "
        "there to protect",
        "write mode: nat; and name what the server may open in may_open",
    ),
    (
        "a default host that does more than FTP",
        router("mode: default-host") + "\n" + server("open_to_lan: [445/tcp]"),
        "routers[0].mode",
        "gateway would send everything from the Internet to darkroom, 445/tcp included, which is "
        "meant for the home",
        "write mode: nat; the FTP ports are then forwarded one by one",
    ),
    (
        "a default host, which is the first of two, that does more than FTP",
        router("mode: default-host") + "\n" + two_servers("open_to_lan: [445/tcp]"),
        "routers[0].mode",
        "gateway would send everything from the Internet to darkroom, 445/tcp included, which is "
        "meant for the home",
        "write mode: nat; the FTP ports are then forwarded one by one",
    ),
    (
        "source NAT on a routed router",
        two_routers(gateway="wan: 192.168.178.2, mode: routed, masks_source: true"),
        "routers[1].masks_source",
        "gateway is routed, so it replaces no addresses",
        "remove it, or write mode: nat",
    ),
    (
        "source NAT that makes everybody look like the home",
        router("mode: default-host, masks_source: true"),
        "routers[0].masks_source",
        "gateway would send everything from the Internet to darkroom with its own address in the "
        "LAN, so SSH would be open to everybody",
        "write mode: nat; the FTP ports are then forwarded one by one",
    ),
    # -- from where cameras may connect
    (
        "source networks where a router hides who connects",
        router("masks_source: true") + "\nftp: {only_from: [198.51.100.0/24]}",
        "ftp.only_from",
        "gateway replaces source addresses (masks_source), so darkroom sees the address of gateway "
        "whoever connects",
        "switch that off on gateway and remove masks_source, or remove only_from",
    ),
    (
        "source networks that hold for IPv4 alone",
        router("lan6: 2001:db8:2::1/64")
        + "\n"
        + server("address6: 2001:db8:2::10")
        + "\nftp: {only_from: [198.51.100.0/24]}",
        "ftp.only_from",
        "is about IPv4, and everybody can dial darkroom over IPv6",
        "remove servers[0].address6; no camera is known that uploads over IPv6",
    ),
    (
        "source networks that are everybody",
        "ftp: {only_from: [198.51.100.0/24, 0.0.0.0/0]}",
        "ftp.only_from",
        "0.0.0.0/0 is every address",
        "remove only_from; everybody may then dial",
    ),
    (
        "source networks of which one holds another",
        "ftp: {only_from: [198.51.100.0/24, 198.51.100.16/28]}",
        "ftp.only_from",
        "198.51.100.16/28 is in 198.51.100.0/24, which is listed too",
        "write the one you mean",
    ),
    # -- what a server may open
    (
        "may_open without a router inside of the server",
        server(may_open("192.168.1.20 22/tcp")),
        "server.may_open[0].to",
        "192.168.1.20 is not in the LAN of a router inside of darkroom",
        "remove may_open; no router is between the home and this server",
    ),
    (
        "may_open in the server's own LAN",
        two_routers() + "\n" + in_dmz(may_open("192.168.178.20 22/tcp")),
        "server.may_open[0].to",
        "192.168.178.20 is not in the LAN of a router inside of darkroom",
        "write an address behind a router that protects the home from the server",
    ),
    (
        "may_open of the router itself",
        two_routers() + "\n" + in_dmz(may_open("192.168.1.1 22/tcp")),
        "server.may_open[0].to",
        "192.168.1.1 is the address of gateway itself",
        "write the address of a computer in 192.168.1.0/24",
    ),
    (
        "may_open of the next router",
        three_routers() + "\n" + in_dmz(may_open("10.0.0.2 22/tcp")),
        "server.may_open[0].to",
        "10.0.0.2 is the address of gateway itself",
        "write the address of a computer in 10.0.0.0/24",
    ),
    (
        "may_open of the broadcast address",
        two_routers() + "\n" + in_dmz(may_open("192.168.1.255 22/tcp")),
        "server.may_open[0].to",
        "192.168.1.255 is the network's own or its broadcast address",
        "write the address of a computer in 192.168.1.0/24",
    ),
    (
        "may_open behind a router with source NAT",
        three_routers("masks_source: true") + "\n" + in_dmz(may_open("192.168.1.20 22/tcp")),
        "server.may_open[0].to",
        "middle replaces source addresses (masks_source), so gateway cannot distinguish darkroom "
        "from others",
        "switch that off on middle and remove masks_source, or write an address in the LAN of "
        "middle",
    ),
    (
        "may_open through a default host",
        two_routers(gateway="wan: 192.168.178.2, mode: default-host")
        + "\n"
        + in_dmz(may_open("192.168.1.20 22/tcp")),
        "routers[1].mode",
        "gateway would send everything that darkroom opens further into the home, which it is "
        "there to protect",
        "write mode: nat; and name what the server may open in may_open",
    ),
    (
        "may_open of two hosts by one port",
        two_routers() + "\n" + in_dmz(may_open("192.168.1.20 22/tcp", "192.168.1.21 20-30/tcp")),
        "server.may_open[1].services",
        "22/tcp of 192.168.1.21 and of 192.168.1.20 would be the same port of a router in between",
        "let one of them answer on another port",
    ),
    (
        "may_open of one port twice",
        two_routers() + "\n" + in_dmz(may_open("192.168.1.20 22/tcp, 20-30/tcp")),
        "server.may_open[0].services",
        "22/tcp of 192.168.1.20 is listed already",
        "list it once",
    ),
    (
        "may_open of one port behind a routed router twice",
        two_routers(gateway="wan: 192.168.178.2, mode: routed")
        + "\n"
        + in_dmz(may_open("192.168.1.20 22/tcp", "192.168.1.20 22/tcp")),
        "server.may_open[1].services",
        "22/tcp of 192.168.1.20 is listed already",
        "list it once",
    ),
    (
        "may_open of a port that the router answers",
        two_routers(gateway="wan: 192.168.178.2, open_to_wan: [22/tcp]")
        + "\n"
        + in_dmz(may_open("192.168.1.20 22/tcp")),
        "server.may_open[0].services",
        "22/tcp of 192.168.1.20 would be dialled at gateway, where 22/tcp is taken already "
        "(open_to_wan)",
        "let 192.168.1.20 answer on another port, or remove 22/tcp from open_to_wan of gateway",
    ),
    (
        "may_open of a port that is forwarded elsewhere",
        two_routers(gateway="wan: 192.168.178.2, other_forwards: [440-450/tcp]")
        + "\n"
        + in_dmz(may_open("192.168.1.20 445/tcp")),
        "server.may_open[0].services",
        "445/tcp of 192.168.1.20 would be dialled at gateway, where 440-450/tcp is taken already "
        "(other_forwards)",
        "let 192.168.1.20 answer on another port, or remove 440-450/tcp from other_forwards of "
        "gateway",
    ),
    (
        "may_open of an FTP port of another server",
        two_routers()
        + "\n"
        + two_servers(may_open("192.168.1.20 21/tcp, 50100/tcp"), first=IN_DMZ),
        "servers[0].may_open[0].services",
        "50100/tcp is a port that the cameras' FTP connections use (50100)",
        "let 192.168.1.20 answer on another port",
    ),
    # -- ports
    (
        "SSH where the second server's control port is",
        two_servers(second=f"{BESIDE}, ssh_port: 50100"),
        "ftp.passive_ports",
        "50000-50199 holds 50100, where the SSH of studio answers",
        "take a range without it, or let SSH answer on another port",
    ),
    (
        "SSH where the second server's transfers are",
        two_servers(second=f"{BESIDE}, ssh_port: 50110"),
        "ftp.passive_ports",
        "50000-50199 holds 50110, where the SSH of studio answers",
        "take a range without it, or let SSH answer on another port",
    ),
    (
        "another forward where the second server's control port is",
        router("other_forwards: [50100/tcp]") + "\n" + two_servers(),
        "routers[0].other_forwards",
        "50100/tcp is forwarded elsewhere already, and the cameras need 50100",
        "take other FTP ports (ftp.control_port, ftp.passive_ports), or remove that forward from "
        "the router and from here",
    ),
    (
        "a range too small for two servers",
        two_servers() + "\nftp: {passive_ports: 50000-50015}",
        "ftp.passive_ports",
        "50000-50015 has 16 ports; 2 servers with 2 cameras need 17, with a control port in it for "
        "each but the first",
        "write for example: passive_ports: 50000-50199; or leave it out",
    ),
    # -- ports of a shared address
    (
        "a port set without the control port",
        "port_set: {offset: 4, psid_length: 8, psid: 100}\nftp: {control_port: 21}",
        "ftp.control_port",
        "21 is not among the ports that are this home's (5696-5711, 9792-9807 … 63040-63055, 240 "
        "ports)",
        "leave it out; hotshoe then picks one of them",
    ),
    (
        "a port set without one of the passive ports",
        "port_set: {offset: 4, psid_length: 8, psid: 100}\nftp: {passive_ports: 5696-5712}",
        "ftp.passive_ports",
        "5696-5712 is not among the ports that are this home's (5696-5711, 9792-9807 … "
        "63040-63055, 240 ports)",
        "leave it out; hotshoe then picks one of them",
    ),
    (
        "a passive range that is too small for a camera",
        "port_set: {offset: 4, psid_length: 8, psid: 100}\nftp: {passive_ports: 5696-5700}",
        "ftp.passive_ports",
        f"5696-5700 does not hold 8 ports: {ONE_CAMERA}",
        "leave it out; hotshoe then picks some of the ports that are this home's",
    ),
    (
        "too few of a port set for two servers",
        "port_set: {ports: [5696-5711, 9792-9807]}\nftp: {passive_ports: 5696-5710}\n"
        + two_servers(),
        "ftp.passive_ports",
        f"5696-5710 does not hold 8 ports for each of 2 servers: {ONE_CAMERA}",
        "leave it out; hotshoe then picks some of the ports that are this home's",
    ),
    (
        "all of a port set, and none for the control port",
        "port_set: {ports: [5696-5711]}\nftp: {passive_ports: 5696-5711}",
        "ftp.passive_ports",
        "the ports that are this home's (5696-5711, 16 ports) leave none for the control port "
        "beside the passive range",
        "leave it out; hotshoe then picks a smaller one",
    ),
    (
        "a port set just too small for a control port",
        "port_set: {ports: [5704-5711]}",
        "port_set",
        "the ports that are this home's (5704-5711, 8 ports) leave none for the control port "
        "beside the passive range",
        "ask the provider for an address of your own or for more ports",
    ),
    (
        "a port set of rows that are too short",
        "port_set: {offset: 6, psid_length: 8, psid: 0x34}",
        "port_set",
        "the ports that are this home's (1232-1235, 2256-2259 … 64720-64723, 252 ports) do not "
        "hold 8 free ports in a row, which vsftpd must have; the longest row has 4: " + ONE_CAMERA,
        "ask the provider for an address of your own or for more ports in a row (a shorter PSID)",
    ),
    (
        "a port set of a single port",
        "port_set: {ports: [5136]}",
        "port_set",
        "the ports that are this home's (5136, 1 port) do not hold 8 free ports in a row, which "
        "vsftpd must have; the longest row has 1: " + ONE_CAMERA,
        "ask the provider for an address of your own or for more ports in a row (a shorter PSID)",
    ),
    (
        "a port set of no port",
        "port_set: {offset: 0, psid_length: 16, psid: 0}",
        "port_set",
        "the ports that are this home's (none) do not hold 8 free ports in a row, which vsftpd "
        "must have; the longest row has 0: " + ONE_CAMERA,
        "ask the provider for an address of your own or for more ports in a row (a shorter PSID)",
    ),
    (
        "a port set that is too small for the cameras",
        "port_set: {ports: [5136-5151]}\ncameras: [{name: r5}, {name: a7}, {name: z9}]",
        "port_set",
        "the ports that are this home's (5136-5151, 16 ports) do not hold 22 free ports in a row, "
        "which vsftpd must have; the longest row has 16: 3 cameras may use 6 ports at once (one "
        "transfer each, and one that broke off less than 60 seconds ago), and need 22 for vsftpd's "
        "9 random tries to find a free one",
        "ask the provider for an address of your own or for more ports in a row (a shorter PSID); "
        "or use fewer cameras",
    ),
    (
        "a port set that is too small for two servers",
        "port_set: {ports: [5136-5150]}\n" + two_servers(),
        "port_set",
        "the ports that are this home's (5136-5150, 15 ports) do not hold 8 free ports in a row "
        "for each of 2 servers, which vsftpd must have; the longest row has 15: " + ONE_CAMERA,
        "ask the provider for an address of your own or for more ports in a row (a shorter PSID)",
    ),
    (
        "a control port inside the passive range of a port set",
        "port_set: {ports: [5696-5711]}\nftp: {control_port: 5700, passive_ports: 5696-5711}",
        "ftp.control_port",
        "5700 is inside the passive range 5696-5711",
        "take a control port outside the range, or leave it out",
    ),
    (
        "two servers with one hardware address",
        two_servers('mac: "b8:27:eb:12:34:56"', second=f'{BESIDE}, mac: "B8-27-EB-12-34-56"'),
        "servers[1].mac",
        "b8:27:eb:12:34:56 is the hardware address of darkroom already",
        "write that of studio, as ip link shows it there",
    ),
    (
        "another user than root on OpenWrt",
        router("managed_by: openwrt, ssh_user: pi"),
        "routers[0].ssh_user",
        "is 'pi', and OpenWrt lets only root change its configuration",
        "remove ssh_user",
    ),
    (
        "SSH on the control port of a port set",
        "port_set: {ports: [5696-5711]}\nftp: {control_port: 5696}\n" + server("ssh_port: 5696"),
        "ftp.control_port",
        "5696 is where the SSH of darkroom answers",
        "take another control port, or leave it out",
    ),
]


@pytest.mark.parametrize(
    ("lines", "key", "reason", "remedy"), [pytest.param(*case[1:], id=case[0]) for case in REFUSED]
)
def test_checks_refuse(write_site, lines, key, reason, remedy):
    assert refusal(write_site(with_lines(lines))) == one_problem(key, reason, remedy)


def test_a_wrong_value_hides_no_mistake_elsewhere(write_site):
    files = write_site("""\
hostname: photos.example.net
public_address: 203.0.113.20
port_set: {offset: 4, psid_length: 8, psid: 256}
routers:
  - {name: edge, lan: 192.168.178.1/24, lan6: 2001:db8:1::1/64}
  - {name: middle, mode: bridge, wan: here, lan: 10.0.0.1/24, wan6: 2001:db8:1::1}
  - {name: gateway, wan: 10.0.0.1, lan: 192.168.1.1/24}
servers:
  - {name: darkroom, behind: outside, address: 192.168.1.10}
  - {name: studio, address: 192.168.1.1, may_open: [{to: 192.168.1.20, services: [22/tcp]}]}
cameras: [{name: r5, server: darkroom}, {name: a7}]
""")
    assert (
        refusal(files)
        == f"""\
9 problems, nothing was changed:
{FILE}: routers[1].wan: 'here' is not an IPv4 address
    -> write for example: wan: 192.168.178.2
{FILE}: routers[1].mode: 'bridge' is not 'nat', 'default-host' or 'routed'
    -> write for example: mode: nat
{FILE}: port_set: a PSID of length 8 is 0 to 255, not 256
    -> write the numbers that the provider's router shows
{FILE}: cameras[1].server: is missing, and there are 2 servers
    -> write one of: darkroom, studio
{FILE}: routers[2].wan: 10.0.0.1 is the address of middle itself
    -> give the router a fixed address in 10.0.0.0/24, for example 10.0.0.2
{FILE}: routers[1].wan6: 2001:db8:1::1 is the address of edge itself
    -> give the router a fixed address in 2001:db8:1::/64, for example 2001:db8:1::2
{FILE}: servers[0].behind: there is no router named 'outside'
    -> write one of: edge, middle, gateway
{FILE}: servers[1].address: 192.168.1.1 is the address of gateway itself
    -> give the server a fixed address in 192.168.1.0/24, for example 192.168.1.2
{FILE}: servers[1].may_open[0].to: 192.168.1.20 is not in the LAN of a router inside of studio
    -> remove may_open; no router is between the home and this server"""
    )


ACCEPTED = [
    ("two routers", two_routers()),
    ("a server in a DMZ", two_routers() + "\n" + in_dmz()),
    (
        "may_open of another server",
        two_routers() + "\n" + two_servers(may_open("192.168.1.11 22/tcp"), first=IN_DMZ),
    ),
    (
        "may_open of a port that the router answers by another protocol",
        two_routers(gateway="wan: 192.168.178.2, open_to_wan: [22/udp]")
        + "\n"
        + in_dmz(may_open("192.168.1.20 22/tcp")),
    ),
    (
        "the same port of two hosts behind a routed router, which answers it too",
        two_routers(gateway="wan: 192.168.178.2, mode: routed, open_to_wan: [22/tcp]")
        + "\n"
        + in_dmz(may_open("192.168.1.20 22/tcp", "192.168.1.21 22/tcp")),
    ),
    (
        "may_open of a host in the LAN of a router with source NAT",
        two_routers(gateway="wan: 192.168.178.2, masks_source: true")
        + "\n"
        + in_dmz(may_open("192.168.1.20 22/tcp")),
    ),
    (
        "the FTP ports on a router that cameras do not pass",
        two_routers(gateway="wan: 192.168.178.2, open_to_wan: [21/tcp]") + "\n" + in_dmz(),
    ),
    (
        "the FTP ports of another server",
        two_servers("open_to_lan: [50100-50199/tcp]"),
    ),
    (
        "a service of the second server behind a default host",
        router("mode: default-host")
        + "\n"
        + two_servers(second=f"{BESIDE}, open_to_lan: [445/tcp]"),
    ),
    (
        "IPv6 for one of two servers",
        router("lan6: 2001:db8:2::1/64") + "\n" + two_servers("address6: 2001:db8:2::ffff"),
    ),
    (
        "IPv6 of the last address of a LAN",
        router("lan6: 2001:db8:2::1/126") + "\n" + server("address6: 2001:db8:2::3"),
    ),
    (
        "IPv6 in the innermost LAN alone, which nobody routes to",
        two_routers(gateway="wan: 192.168.178.2, lan6: fd00:2::1/64"),
    ),
    *(
        (f"{ddns.split(', ')[0]} of {name}", dynamic(ddns, f"hostname: {name}", *more))
        for ddns, name, *more in (
            (f"updated_by: server, {DUCKDNS}", MY_DUCKDNS),
            (f"updated_by: router, {DUCKDNS}", MY_DUCKDNS, router("managed_by: openwrt")),
            (f"updated_by: router, {DUCKDNS}", MY_DUCKDNS, router("managed_by: hand")),
            # Only the outermost one knows the public address.
            (
                f"updated_by: router, {DUCKDNS}",
                MY_DUCKDNS,
                two_routers("managed_by: openwrt", "wan: 192.168.178.2, managed_by: linux"),
            ),
            (f"updated_by: server, {DUCKDNS}", MY_DUCKDNS, two_servers()),
            ("updated_by: server, provider: desec", "photos.myname.net"),
            ("updated_by: server, provider: dynv6", "photos.myname.net"),
            ("updated_by: server, provider: noip, username: ann@example.net", "photos.ddns.net"),
            ("updated_by: server, provider: cloudflare, zone: example.net", "photos.example.net"),
            (DYNDNS2, "photos.example.net"),
            (NSUPDATE, "photos.example.net"),
            (f"{NSUPDATE}, server: ns1.example.net, ttl: 30", "example.net"),
            (f"{NSUPDATE}, algorithm: hmac-sha512", "a.b.example.net"),
            (NSUPDATE.replace("hotshoe.example.net", "ddns_key"), "photos.example.net"),
            ("updated_by: none", "photos.example.net"),
        )
    ),
    (
        "a port set just large enough",
        "port_set: {ports: [5136-5153]}\n" + two_servers(),
    ),
]


@pytest.mark.parametrize("lines", [pytest.param(case[1], id=case[0]) for case in ACCEPTED])
def test_checks_accept(write_site, lines):
    assert make_plan(load_site(write_site(with_lines(lines))))


# -- warnings

BROKEN = (
    "TLS 1.0 and 1.1 sign with MD5 and SHA-1, which can be forged (RFC 8996): somebody on the way "
    "may make a camera and the server use them, and read a password. So strangers get fewer "
    "sessions and connections and less time to log in"
)
WARNED = [
    (
        "ftp: {passive_ports: 40000-40028}",
        "ftp.passive_ports",
        "darkroom gets the passive ports 40000-40028, which suffice for 4 transfers of each camera "
        "at once; where a camera opens more, of up to 8 as some do, the server may now and then "
        "end one that finds no free port, and the camera has to dial again",
        "write for example: passive_ports: 50000-50199; or leave it out",
    ),
    (
        "port_set: {ports: [5136-5144]}",
        "port_set",
        "darkroom gets the passive ports 5136-5143, which suffice for 1 transfer of each camera at "
        "once; where a camera opens more, of up to 8 as some do, the server may now and then end "
        "one that finds no free port, and the camera has to dial again",
        "ask the provider for an address of your own or for more ports in a row",
    ),
    (
        "port_set: {ports: [5136-5153]}\nftp: {passive_ports: 5136-5150}",
        "ftp.passive_ports",
        "darkroom gets the passive ports 5136-5150, which suffice for 2 transfers of each camera "
        "at once; where a camera opens more, of up to 8 as some do, the server may now and then "
        "end one that finds no free port, and the camera has to dial again",
        "leave it out",
    ),
    (
        "ftp: {legacy_tls: true}",
        "ftp.legacy_tls",
        f"{BROKEN}; all who can reach the server may still try",
        "remove it once no camera needs it; until then write ftp.only_from: [the networks that "
        "cameras use]",
    ),
    (
        "ftp: {legacy_tls: true, only_from: [198.51.100.0/24, 192.0.2.0/24]}",
        "ftp.legacy_tls",
        f"{BROKEN}; all who can reach the server from 198.51.100.0/24 and 192.0.2.0/24 may still "
        "try",
        "remove it once no camera needs it",
    ),
    (
        router("masks_source: true"),
        "routers[0].masks_source",
        "gateway replaces the source of all connections from outside by its own address, so the "
        "server cannot distinguish cameras from others: limits for each address are off, and "
        "anybody who hits an open passive port passes vsftpd's check that both connections come "
        "from the same address",
        "switch that off on the router if it lets you (source NAT of forwarded connections), and "
        "remove masks_source",
    ),
    (
        router("mode: default-host"),
        "routers[0].mode",
        "gateway sends everything from the Internet to the server, whose own firewall is then the "
        "only one",
        "write mode: nat if the router can forward single ports",
    ),
    (
        server('mac: "B8-27-EB-12-34-56"'),
        "servers[0].mac",
        "gateway runs Debian, on which hotshoe sets up no DHCP server, so darkroom has to keep its "
        "address by itself",
        "give the server a fixed address in its own settings, and remove mac",
    ),
    (
        "public_address: 84.12.33.4",
        "hostname",
        "photos.example.net is for documentation (RFC 2606), so no camera finds this home by it",
        "write a name of your own that leads to 84.12.33.4",
    ),
    (
        "hostname: photos.myfritz.net",
        "public_address",
        "203.0.113.20 is for documentation (RFC 5737), so nobody on the Internet reaches it",
        "write the address that the provider gave the outermost router",
    ),
]


@pytest.mark.parametrize(("lines", "key", "reason", "remedy"), WARNED)
def test_checks_warn_of(write_site, lines, key, reason, remedy):
    files = write_site(with_lines(lines))
    (warning,) = warnings_of(files, load_site(files))
    assert str(warning) == f"{FILE}: {key}: {reason}\n    -> {remedy}"


def test_checks_warn_of_ssh_that_a_default_host_opens_to_the_internet(write_site):
    lines = router("mode: default-host") + "\n" + server("ssh_from: [0.0.0.0/0, 10.9.0.0/24]")
    files = write_site(with_lines(lines))
    _, warning = warnings_of(files, load_site(files))
    assert str(warning) == (
        f"{FILE}: servers[0].ssh_from: gateway sends everything from the Internet to darkroom, so "
        "0.0.0.0/0 may log in there from the Internet\n"
        "    -> remove it from ssh_from, or write mode: nat for gateway"
    )


@pytest.mark.parametrize(("number", "both"), [(0, False), (1, False), (0, True)])
def test_checks_warn_of_a_name_that_leads_to_one_of_several_servers_over_ipv6(
    write_site, number, both
):
    """Whoever prefers IPv6 and wants the other one ends at this one, on a port that is closed."""
    wanted = [("darkroom", "studio"), ("studio", "darkroom")]
    having = wanted if both else wanted[number : number + 1]
    servers = [f"name: darkroom, {ADDRESSES[0]}", f"name: studio, {ADDRESSES[1]}"]
    for i, name in enumerate(("darkroom", "studio")):
        if name in dict(having):
            servers[i] += f", address6: 2001:db8:2::1{i}"
    files = write_site(
        with_lines(
            router("lan6: 2001:db8:2::1/64")
            + "\n"
            + two_servers(first=servers[0], second=servers[1])
        )
    )
    warnings = warnings_of(files, load_site(files))
    assert [str(warning) for warning in warnings] == [
        f"{FILE}: servers[{['darkroom', 'studio'].index(name)}].address6: over IPv6, "
        f"photos.example.net leads to {name} on every port, so a client that prefers IPv6 looks "
        f"for {other} there too\n"
        "    -> leave address6 out; over IPv4 the port distinguishes the servers"
        for name, other in having
    ]


@pytest.mark.parametrize(
    "lines",
    [
        "ftp: {tls: explicit}",
        "hostname: photos.myfritz.net\npublic_address: 84.12.33.4",
        "hostname: www.example.com",
        server("ssh_from: [0.0.0.0/0]"),
        two_routers("mode: default-host"),
        # It hides source addresses that no server has to know.
        two_routers(gateway="wan: 192.168.178.2, masks_source: true") + "\n" + in_dmz(),
    ],
)
def test_checks_warn_of_nothing_that_is_right(write_site, lines):
    files = write_site(with_lines(lines))
    assert warnings_of(files, load_site(files)) == []
