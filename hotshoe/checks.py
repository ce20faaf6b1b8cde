"""What makes no sense together, though every single value is well formed.

Each check is a small function of the Site that yields problems. It may get a Site with holes (see
:mod:`hotshoe.partial`): touching a hole ends the check, for that value was refused already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from itertools import combinations
from typing import Any

from hotshoe import portset
from hotshoe.addresses import why_unreachable
from hotshoe.allocation import (
    CONTROL_PORT,
    LOWEST_PASSIVE_PORT,
    FtpPorts,
    Impossible,
    allocate,
    allowed,
    passive_range,
)
from hotshoe.partial import Missing
from hotshoe.ports import PortRange

# A network with a longer prefix holds no router and server beside its two reserved addresses.
LONGEST_LAN_PREFIX = 30
LONGEST_LAN6_PREFIX = 126
# This network, loopback, link-local, multicast and reserved (RFC 6890).
NO_LAN = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")))
# Global and unique local unicast (RFC 4291, RFC 4193).
GLOBAL6 = IPv6Network("2000::/3")
LAN6 = (GLOBAL6, IPv6Network("fc00::/7"))

# key, reason, remedy
Found = tuple[str, str, str]
Check = Callable[[Any], Iterator[Found]]


def _each(parts: Any, *names: str) -> Iterator[tuple[Any, ...]]:
    """Each part of a list with its index and these fields, unless one of them was refused."""
    for i, part in enumerate(parts):
        try:
            yield (i, *(getattr(part, name) for name in names))
        except Missing:
            continue


def behind(site: Any, server: Any) -> int:
    """The index of the router in whose LAN a server is."""
    names = [router.name for router in site.routers]
    if server.behind is None:
        return len(names) - 1
    if server.behind not in names:
        raise Missing(server.behind)
    return names.index(server.behind)


# -- the outside


def public_address_is_reachable(site: Any) -> Iterator[Found]:
    """Refuse an address that nobody on the Internet can reach."""
    if reason := why_unreachable(site.public_address):
        yield (
            "public_address",
            f"{site.public_address} cannot be reached from the Internet: {reason}",
            "write the address that the provider gave the outermost router; if the provider gives "
            "only an address like this one, ask for a public one",
        )


def outermost_wan_is_public(site: Any) -> Iterator[Found]:
    """Refuse an outermost router whose own address says that another NAT is in front of it."""
    wan, public = site.routers[0].wan, site.public_address
    if wan is None or wan == public:
        return
    if wan in site.routers[0].lan.network:
        yield (
            "routers[0].wan",
            f"{wan} is inside its own LAN",
            "leave wan out; the outermost router's address outside is the public_address",
        )
    elif reason := why_unreachable(wan):
        yield (
            "routers[0].wan",
            f"{wan} cannot be reached from the Internet: {reason}; so nothing that is sent to "
            f"{public} arrives at {site.routers[0].name}",
            "ask the provider for a public IPv4 address; if another router of yours is in front, "
            "add it to the list, before this one",
        )
    else:
        yield (
            "routers[0].wan",
            f"{wan} is not the public_address {public}: something between them translates",
            "write the same address in both, or leave wan out here",
        )


def public_address_is_outside(site: Any) -> Iterator[Found]:
    """Refuse a public address that is inside the home."""
    for _, lan, name in _each(site.routers, "lan", "name"):
        if site.public_address in lan.network:
            yield (
                "public_address",
                f"{site.public_address} is inside the LAN of {name}",
                "write the address on the Internet side of the outermost router",
            )
    wan6 = site.routers[0].wan6
    for _, lan6, name in _each(site.routers, "lan6", "name"):
        if wan6 and lan6 and wan6 in lan6.network:
            yield (
                "routers[0].wan6",
                f"{wan6} is inside the LAN of {name}",
                "write the address on the Internet side of the outermost router, or leave it out",
            )


def port_set_is_one(site: Any) -> Iterator[Found]:
    """Refuse a port set that is neither three numbers nor a list, or that RFC 7597 forbids."""
    shared = site.port_set
    if shared is None:
        return
    numbers = (shared.offset, shared.psid_length, shared.psid)
    if shared.ports and any(number is not None for number in numbers):
        yield (
            "port_set",
            "has both a list of ports and numbers to compute them from",
            "keep one of the two",
        )
    elif not shared.ports and None in numbers:
        yield (
            "port_set",
            "needs offset, psid_length and psid, or the list of ports",
            "write for example: port_set: {offset: 6, psid_length: 8, psid: 0x34}, or "
            "port_set: {ports: [5136-5151, 9232-9247]}",
        )
    elif not shared.ports:
        try:
            portset.port_set(*numbers)
        except ValueError as error:
            yield ("port_set", str(error), "write the numbers that the provider's router shows")


# -- names


def names_are_unique(site: Any) -> Iterator[Found]:
    """Refuse two devices, or two cameras, of one name."""
    devices = _names(site, "routers")
    with suppress(Missing):
        devices += _names(site, "servers")
    yield from _twice("device", devices)
    yield from _twice("camera", _names(site, "cameras"))


def _names(site: Any, key: str) -> list[tuple[str, str]]:
    return [(f"{key}[{i}].name", name) for i, name in _each(getattr(site, key), "name")]


def _twice(what: str, names: list[tuple[str, str]]) -> Iterator[Found]:
    count = Counter(name for _, name in names)
    seen: set[str] = set()
    for key, name in names:
        if count[name] > 1 and name in seen:
            yield (
                key,
                f"{name!r} is the name of another {what} already",
                f"give every {what} a name of its own",
            )
        seen.add(name)


def cameras_know_their_server(site: Any) -> Iterator[Found]:
    """Refuse a camera of which nobody knows where it uploads, and a server without cameras."""
    names = [server.name for server in site.servers]
    chosen = {server or names[0] for _, server in _each(site.cameras, "server")}
    undecided = False
    for i, server in _each(site.cameras, "server"):
        if server is None and len(names) > 1:
            undecided = True
            yield (
                f"cameras[{i}].server",
                f"is missing, and there are {len(names)} servers",
                f"write one of: {', '.join(names)}",
            )
        elif server is not None and server not in names:
            undecided = True
            yield (
                f"cameras[{i}].server",
                f"there is no server named {server!r}",
                f"write one of: {', '.join(names)}",
            )
    for i, name in enumerate(names):
        # A camera that is still to be told its server may be the one.
        if len(names) > 1 and name not in chosen and not undecided:
            yield (
                f"servers[{i}]",
                f"no camera uploads to {name}",
                f"add server: {name} to a camera, or remove this server",
            )


# -- addresses


def lan_is_a_network(site: Any) -> Iterator[Found]:
    """Refuse a LAN too small for a server, and an address that no router can have in it."""
    for i, lan in _each(site.routers, "lan"):
        if lan.network.prefixlen > LONGEST_LAN_PREFIX:
            yield (
                f"routers[{i}].lan",
                f"{lan} leaves no room for a server",
                f"write the prefix length of the whole LAN, for example {lan.ip}/24",
            )
        elif block := next((block for block in NO_LAN if block.overlaps(lan.network)), None):
            yield (
                f"routers[{i}].lan",
                f"{lan} has addresses of {block}, which no LAN can use",
                "write the router's address inside the home, for example 192.168.1.1/24",
            )
        elif lan.ip in (lan.network.network_address, lan.network.broadcast_address):
            yield (
                f"routers[{i}].lan",
                f"{lan.ip} is the network's own or its broadcast address, not a router's",
                f"write the router's address, for example {lan.network[1]}/{lan.network.prefixlen}",
            )


def lan6_is_a_network(site: Any) -> Iterator[Found]:
    """Refuse an IPv6 LAN that nobody can use, and an address that no router can have in it."""
    for i, lan6 in _each(site.routers, "lan6"):
        if lan6 is None:
            continue
        key, network = f"routers[{i}].lan6", lan6.network
        if network.prefixlen > LONGEST_LAN6_PREFIX:
            yield (
                key,
                f"{lan6} leaves no room for a server",
                f"write the prefix length of the whole LAN, for example {lan6.ip}/64",
            )
        elif not any(network.subnet_of(block) for block in LAN6):
            yield (
                key,
                f"{lan6} is in a block that no LAN can use",
                "write the router's address with the provider's prefix, for example "
                "2001:db8:2::1/64",
            )
        elif lan6.ip == network.network_address:
            yield (
                key,
                f"{lan6.ip} is the network's own address, not a router's",
                f"write the router's address, for example {network[1]}/{network.prefixlen}",
            )


def lans_do_not_overlap(site: Any) -> Iterator[Found]:
    """Refuse two LANs that share addresses: a router between them could not tell them apart."""
    for field in ("lan", "lan6"):
        lans = [x for x in _each(site.routers, field, "name") if x[1] is not None]
        for (_, outer, name), (i, inner, _) in combinations(lans, 2):
            if outer.network.overlaps(inner.network):
                yield (
                    f"routers[{i}].{field}",
                    f"{inner.network} overlaps the LAN {outer.network} of {name}",
                    _another(lans, field),
                )


def _another(lans: Any, field: str) -> str:
    if field == "lan6":
        return "give this LAN another /64 of the prefix that the provider gave"
    taken = [lan.network for _, lan, _ in lans]
    free = (
        network
        for block in ("192.168.0.0/16", "10.0.0.0/8", "172.16.0.0/12")
        for network in IPv4Network(block).subnets(new_prefix=24)
        if not any(network.overlaps(other) for other in taken)
    )
    network = next(free, None)
    if network is None:
        return "make the LANs smaller, which is to say their prefixes longer, for example /24"
    return f"give this LAN other addresses, for example {network[1]}/{network.prefixlen}"


def wan_is_in_the_outer_lan(site: Any) -> Iterator[Found]:
    """Refuse a router behind another one without a fixed, free address in that one's LAN."""
    for fields in (_V4, _V6):
        for i in range(1, len(site.routers)):
            try:
                wan = getattr(site.routers[i], fields.wan)
                yield from _place(site, f"routers[{i}].{fields.wan}", wan, i - 1, fields)
            except Missing:
                continue


def server_is_behind_a_router(site: Any) -> Iterator[Found]:
    """Refuse a server behind a router that the Site does not have."""
    names = [router.name for router in site.routers]
    for i, router in _each(site.servers, "behind"):
        if router is not None and router not in names:
            yield (
                f"servers[{i}].behind",
                f"there is no router named {router!r}",
                f"write one of: {', '.join(names)}",
            )


def server_is_in_the_lan(site: Any) -> Iterator[Found]:
    """Refuse a server address that its router's LAN does not hold or that somebody else has."""
    for fields in (_V4, _V6):
        for i, server in enumerate(site.servers):
            try:
                address, at = getattr(server, fields.address), behind(site, server)
                key = f"servers[{i}].{fields.address}"
                yield from _place(site, key, address, at, fields, what="server")
            except Missing:
                continue


@dataclass(frozen=True)
class _Fields:
    """What the fields with addresses are called."""

    lan: str
    wan: str
    address: str


_V4, _V6 = _Fields("lan", "wan", "address"), _Fields("lan6", "wan6", "address6")


def _place(
    site: Any, key: str, address: Any, i: int, fields: _Fields, what: str = "router"
) -> Iterator[Found]:
    """Refuse an address that is not a free one of the LAN of router i."""
    outer = site.routers[i]
    lan = getattr(outer, fields.lan)
    if fields is _V6 and None in (lan, address):
        return  # IPv6 is not for everybody; ipv6_is_complete tells what a server needs
    if lan.network.prefixlen > (LONGEST_LAN_PREFIX if fields is _V4 else LONGEST_LAN6_PREFIX):
        return  # refused already; no address in it could be suggested
    free = _free(site, i, fields)
    if free is None:
        give = f"make the LAN of {outer.name} larger"
    else:
        give = f"give the {what} a fixed address in {lan.network}, for example {free}"
    if address is None:
        yield (key, f"is missing, and this router is behind {outer.name}", give)
    elif address not in lan.network:
        yield (key, f"{address} is not in the LAN {lan.network} of {outer.name}", give)
    elif address == lan.ip:
        yield (key, f"{address} is the address of {outer.name} itself", give)
    elif address == lan.network.network_address:
        yield (key, f"{address} is the network's own address", give)
    elif fields is _V4 and address == lan.network.broadcast_address:
        yield (key, f"{address} is the network's broadcast address", give)
    else:
        # Of two that clash, the second is told.
        for other, name, taken in _occupants(site, i, fields):
            if other < key and taken == address:
                yield (key, f"{address} is the address of {name} already", give)


def _occupants(site: Any, i: int, fields: _Fields) -> Iterator[tuple[str, str, Any]]:
    """The devices in the LAN of router i: key, name, address."""
    if i + 1 < len(site.routers):
        for _, name, wan in _each(site.routers[i + 1 : i + 2], "name", fields.wan):
            yield f"routers[{i + 1}].{fields.wan}", name, wan
    for j, server in enumerate(site.servers):
        try:
            if behind(site, server) == i:
                yield f"servers[{j}].{fields.address}", server.name, getattr(server, fields.address)
        except Missing:
            continue


def _free(site: Any, i: int, fields: _Fields) -> Any:
    lan = getattr(site.routers[i], fields.lan)
    taken = {lan.ip, *(address for _, _, address in _occupants(site, i, fields))}
    return next((host for host in lan.network.hosts() if host not in taken), None)


def ipv6_is_complete(site: Any) -> Iterator[Found]:
    """Refuse IPv6 that ends somewhere on the way to a server."""
    told = set()
    for i, server in enumerate(site.servers):
        try:
            if server.address6 is None:
                continue
            last = behind(site, server)
            lan6 = site.routers[last].lan6
        except Missing:
            continue
        in_lan = lan6 is None or server.address6 in lan6.network  # else refused already
        if in_lan and server.address6 not in GLOBAL6:
            yield (
                f"servers[{i}].address6",
                f"{server.address6} is not a global unicast address (RFC 4291), so nobody on the "
                "Internet reaches it",
                "write the address that begins with the provider's prefix",
            )
        for j, router in enumerate(site.routers[: last + 1]):
            for field in ("lan6", "wan6") if j else ("lan6",):
                key = f"routers[{j}].{field}"
                if getattr(router, field) is None and key not in told:
                    told.add(key)
                    yield (
                        key,
                        f"is missing, and {server.name} has an IPv6 address behind it",
                        "write the router's IPv6 address there, or leave the server's out",
                    )


# -- how routers connect


def modes_fit(site: Any) -> Iterator[Found]:
    """Refuse chains of modes through which nothing can get, or too much."""
    servers = [(server, behind(site, server)) for server in site.servers]
    deepest, shallowest = max(at for _, at in servers), min(at for _, at in servers)
    for i, mode in _each(site.routers, "mode"):
        key, router = f"routers[{i}].mode", site.routers[i]
        inner = site.routers[i + 1] if i + 1 < len(site.routers) else None
        if mode == "routed" and i == 0:
            yield (
                key,
                f"{router.name} is the outermost router, and the home's addresses cannot be used "
                "on the Internet without NAT",
                "write mode: nat, or list the router that translates before this one",
            )
        if mode != "default-host":
            continue
        if i > shallowest:
            name = next(server.name for server, at in servers if at < i)
            yield (
                key,
                f"{router.name} would send everything that {name} opens further into the home, "
                "which it is there to protect",
                "write mode: nat; and name what the server may open in may_open",
            )
        elif inner is None:
            server, _ = servers[0]  # of several, the first is the default host
            for service in server.open_to_lan:
                yield (
                    key,
                    f"{router.name} would send everything from the Internet to {server.name}, "
                    f"{service} included, which is meant for the home",
                    "write mode: nat; the FTP ports are then forwarded one by one",
                )
        elif deepest <= i:
            yield (
                key,
                f"{router.name} would send everything from the Internet to {inner.name}, which is "
                "there to protect the home behind it",
                "write mode: nat; the FTP ports are then forwarded one by one",
            )
        elif inner.mode == "routed":
            yield (
                key,
                f"{router.name} would send everything to the address of {inner.name} itself, which "
                "is routed and forwards nothing",
                f"write mode: nat for {router.name}, or for {inner.name}",
            )
        else:
            for service in inner.open_to_wan:
                yield (
                    key,
                    f"{router.name} would send everything from the Internet to {inner.name}, "
                    f"{service} included, which {inner.name} answers on its WAN side",
                    f"write mode: nat for {router.name}, or remove {service} from open_to_wan of "
                    f"{inner.name}",
                )


def masks_hide_nobody_that_is_told_apart(site: Any) -> Iterator[Found]:
    """Refuse a hidden source where the home is let in by its addresses, or where none is hidden."""
    for i, masks, mode, name in _each(site.routers, "masks_source", "mode", "name"):
        if masks and mode == "routed":
            yield (
                f"routers[{i}].masks_source",
                f"{name} is routed, so it replaces no addresses",
                "remove it, or write mode: nat",
            )
        elif masks and mode == "default-host" and i == len(site.routers) - 1:
            yield (
                f"routers[{i}].masks_source",
                f"{name} would send everything from the Internet to {site.servers[0].name} with "
                "its own address in the LAN, so SSH would be open to everybody",
                "write mode: nat; the FTP ports are then forwarded one by one",
            )


def home_services_can_be_reached(site: Any) -> Iterator[Found]:
    """Refuse a may_open that leads nowhere, or that cannot be told from something else."""
    for i, server in enumerate(site.servers):
        try:
            at = behind(site, server)
        except Missing:
            continue
        dialled: dict[tuple[Any, str], Any] = {}
        for j, target in enumerate(server.may_open):
            key = f"servers[{i}].may_open[{j}]"
            deep = _lan_inside(site, at, target.to)
            if deep is None:
                yield (
                    f"{key}.to",
                    f"{target.to} is not in the LAN of a router inside of {server.name}",
                    "write an address behind a router that protects the home from the server"
                    if at + 1 < len(site.routers)
                    else "remove may_open; no router is between the home and this server",
                )
                continue
            yield from _is_a_host(site, f"{key}.to", target.to, deep)
            on_the_way = _translating(site, at, deep)
            yield from _is_known_by_its_address(site, f"{key}.to", server, on_the_way, deep)
            yield from _is_taken_by_nobody_else(site, f"{key}.services", target, on_the_way)
            # Behind a translating router, the address to dial is that router's.
            dial = on_the_way[0] if on_the_way else target.to
            for service in target.services:
                each = [(dial, f"{port}/{service.protocol}") for port in service.ports]
                for dialling in each:
                    if dialling in dialled:
                        yield _dialled_twice(
                            f"{key}.services", dialling[1], target.to, dialled[dialling]
                        )
                        break
                dialled |= dict.fromkeys(each, target.to)


def _lan_inside(site: Any, at: int, host: Any) -> int | None:
    """The router that has a host in its LAN, if it is one inside of router at."""
    deeper = range(at + 1, len(site.routers))
    return next((k for k in deeper if host in site.routers[k].lan.network), None)


def _translating(site: Any, at: int, deep: int) -> list[int]:
    """The routers that translate between the LANs of two routers."""
    return [k for k in range(at + 1, deep + 1) if site.routers[k].mode != "routed"]


def _is_a_host(site: Any, key: str, host: Any, i: int) -> Iterator[Found]:
    lan = site.routers[i].lan
    routers = {lan.ip: site.routers[i].name}
    for inner in site.routers[i + 1 : i + 2]:
        routers[inner.wan] = inner.name
    remedy = f"write the address of a computer in {lan.network}"
    if host in routers:
        yield (key, f"{host} is the address of {routers[host]} itself", remedy)
    elif host in (lan.network.network_address, lan.network.broadcast_address):
        yield (key, f"{host} is the network's own or its broadcast address", remedy)


def _is_known_by_its_address(
    site: Any, key: str, server: Any, on_the_way: list[int], deep: int
) -> Iterator[Found]:
    for k in on_the_way:
        router = site.routers[k]
        if router.masks_source and k < deep:
            yield (
                key,
                f"{router.name} hides who connects (masks_source), so "
                f"{site.routers[k + 1].name} cannot tell {server.name} from others",
                f"switch that off on {router.name} and remove masks_source, or write an address in "
                f"the LAN of {router.name}",
            )


def _is_taken_by_nobody_else(
    site: Any, key: str, target: Any, on_the_way: list[int]
) -> Iterator[Found]:
    for k in on_the_way:
        router = site.routers[k]
        for field in ("open_to_wan", "other_forwards"):
            for other in getattr(router, field):
                for service in target.services:
                    if service.protocol == other.protocol and service.ports.overlaps(other.ports):
                        yield (
                            key,
                            f"{service} of {target.to} would be dialled at {router.name}, where "
                            f"{other} is taken already ({field})",
                            f"let {target.to} answer on another port, or remove {other} from "
                            f"{field} of {router.name}",
                        )


def _dialled_twice(key: str, port: str, host: Any, other: Any) -> Found:
    if host == other:
        return (key, f"{port} of {host} is listed already", "list it once")
    return (
        key,
        f"{port} of {host} and of {other} would be the same port of a router in between",
        "let one of them answer on another port",
    )


# -- ports


def control_port_is_free(site: Any) -> Iterator[Found]:
    """Refuse a control port that is a passive port too."""
    control, passive = site.ftp.control_port, site.ftp.passive_ports
    if not _is_shared(site):
        control = control or CONTROL_PORT
        with suppress(Impossible):  # told by ports_suffice
            passive = passive_range(site)
    if control and passive and control in passive:
        yield (
            "ftp.control_port",
            f"{control} is inside the passive range {passive}",
            _another_control_port(site, "take a control port outside the range"),
        )


def _another_control_port(site: Any, remedy: str) -> str:
    return f"{remedy}, or leave it out" if _is_shared(site) else f"{remedy}, for example 21"


def _is_shared(site: Any) -> bool:
    """Whether only some ports of the public address are this home's."""
    if site.port_set is not None and next(port_set_is_one(site), None):
        raise Missing("port_set")
    return allowed(site) is not None


def passive_range_suits_vsftpd(site: Any) -> Iterator[Found]:
    """Refuse a passive range that vsftpd would not take."""
    passive = site.ftp.passive_ports
    if passive is not None and passive.first < LOWEST_PASSIVE_PORT:
        yield (
            "ftp.passive_ports",
            f"{passive} begins below {LOWEST_PASSIVE_PORT}, which vsftpd refuses",
            "write for example: passive_ports: 50000-50099",
        )


def ports_suffice(site: Any) -> Iterator[Found]:
    """Refuse ports that are too few for the cameras, or not this home's."""
    _is_shared(site)
    try:
        allocate(site)
    except Impossible as impossible:
        yield impossible.found


def _allocated(site: Any) -> tuple[FtpPorts, ...]:
    _is_shared(site)
    try:
        return allocate(site)
    except Impossible as impossible:
        raise Missing("ftp") from impossible  # told by ports_suffice


def ssh_keeps_its_port(site: Any) -> Iterator[Found]:
    """Refuse FTP on a port of a server where SSH answers, which would be open to everybody."""
    for i, (server, ports) in enumerate(zip(site.servers, _allocated(site), strict=True)):
        if server.ssh_port == ports.control and i == 0:
            yield (
                "ftp.control_port",
                f"{ports.control} is where the SSH of {server.name} answers",
                _another_control_port(site, "take another control port"),
            )
        elif server.ssh_port == ports.control or server.ssh_port in ports.passive:
            yield (
                "ftp.passive_ports",
                f"{passive_range(site)} holds {server.ssh_port}, where the SSH of {server.name} "
                "answers",
                "take a range without it, or let SSH answer on another port",
            )


def other_services_leave_the_ftp_ports(site: Any) -> Iterator[Found]:
    """Refuse another service, or another forward, on a port that FTP uses there."""
    ports = _allocated(site)
    at = [behind(site, server) for server in site.servers]
    for i, server in enumerate(site.servers):
        key = f"servers[{i}]"
        remedy = "remove it; the FTP ports are opened by themselves"
        yield from _ftp_clashes(f"{key}.open_to_lan", server.open_to_lan, [ports[i]], remedy)
        for j, target in enumerate(server.may_open):
            deep = _lan_inside(site, at[i], target.to)
            on_the_way = _translating(site, at[i], deep) if deep else []
            passing = [
                p for p, k in zip(ports, at, strict=True) if on_the_way and k >= on_the_way[0]
            ]
            remedy = f"let {target.to} answer on another port"
            yield from _ftp_clashes(
                f"{key}.may_open[{j}].services", target.services, passing, remedy
            )
    for i, router in enumerate(site.routers):
        passing = [p for p, k in zip(ports, at, strict=True) if k >= i]
        remedy = "remove it; the FTP ports are opened by themselves"
        yield from _ftp_clashes(f"routers[{i}].open_to_wan", router.open_to_wan, passing, remedy)
        remedy = (
            "take other FTP ports (ftp.control_port, ftp.passive_ports), or remove that forward "
            "from the router and from here"
        )
        yield from _ftp_clashes(
            f"routers[{i}].other_forwards", router.other_forwards, passing, remedy
        )


def _ftp_clashes(key: str, services: Any, ports: list[FtpPorts], remedy: str) -> Iterator[Found]:
    used = [PortRange(p.control, p.control) for p in ports] + [p.passive for p in ports]
    for service in services:
        clash = next((p for p in used if service.ports.overlaps(p)), None)
        if service.protocol != "tcp" or clash is None:
            continue
        if key.endswith("other_forwards"):
            yield (key, f"{service} goes elsewhere already, and the cameras need {clash}", remedy)
        else:
            reason = f"{service} is a port that the cameras' FTP connections use ({clash})"
            yield (key, reason, remedy)


def helper_only_without_tls(site: Any) -> Iterator[Found]:
    """Refuse FTP helpers together with TLS."""
    if site.ftp.helper and site.ftp.tls != "none":
        yield (
            "ftp.helper",
            "a router's FTP helper (ALG) reads and changes the commands of FTP, which TLS hides "
            "from it; some then break the connection instead",
            "remove it; hotshoe forwards the passive range, so no helper is needed",
        )


CHECKS: tuple[Check, ...] = (
    public_address_is_reachable,
    outermost_wan_is_public,
    public_address_is_outside,
    port_set_is_one,
    lan_is_a_network,
    lan6_is_a_network,
    lans_do_not_overlap,
    names_are_unique,
    cameras_know_their_server,
    wan_is_in_the_outer_lan,
    server_is_behind_a_router,
    server_is_in_the_lan,
    ipv6_is_complete,
    modes_fit,
    masks_hide_nobody_that_is_told_apart,
    home_services_can_be_reached,
    control_port_is_free,
    passive_range_suits_vsftpd,
    ports_suffice,
    ssh_keeps_its_port,
    other_services_leave_the_ftp_ports,
    helper_only_without_tls,
)


# -- warnings: what works, though not as well as one may think


def plain_ftp_can_be_read(site: Any) -> Iterator[Found]:
    """Warn of FTP without TLS."""
    if site.ftp.tls == "none":
        yield (
            "ftp.tls",
            "without TLS, everybody on the way can read the passwords and the photos",
            "use it only on a direct link; otherwise write tls: explicit",
        )


def source_is_masked(site: Any) -> Iterator[Found]:
    """Warn of a router that hides who connects."""
    for i, masks, name in _each(site.routers, "masks_source", "name"):
        last = max(behind(site, server) for server in site.servers)
        if masks and i <= last:
            yield (
                f"routers[{i}].masks_source",
                f"{name} gives all connections from outside its own address, so the server cannot "
                "tell cameras from strangers: limits for each address are off, and anybody who "
                "hits an open passive port passes vsftpd's check that both connections come from "
                "the same address",
                "switch that off on the router if it lets you (source NAT of forwarded "
                "connections), and remove masks_source",
            )


def server_is_exposed(site: Any) -> Iterator[Found]:
    """Warn of a server that gets everything from the Internet."""
    *_, (i, mode, name) = _each(site.routers, "mode", "name")
    if mode == "default-host" and i == len(site.routers) - 1:
        yield (
            f"routers[{i}].mode",
            f"{name} sends everything from the Internet to the server, whose own firewall is then "
            "the only one",
            "write mode: nat if the router can forward single ports",
        )


def openwrt_is_set_up_by_hand(site: Any) -> Iterator[Found]:
    """Warn of routers that this version does not configure."""
    for i, managed_by, name in _each(site.routers, "managed_by", "name"):
        if managed_by == "openwrt":
            yield (
                f"routers[{i}].managed_by",
                f"this version of hotshoe does not configure OpenWrt, so {name} stays as it is",
                "set it up from the worksheet: hotshoe plan --worksheet FILE.html",
            )


WARNINGS: tuple[Check, ...] = (
    plain_ftp_can_be_read,
    source_is_masked,
    server_is_exposed,
    openwrt_is_set_up_by_hand,
)


def run(site: Any, checks: tuple[Check, ...] = CHECKS) -> Iterator[Found]:
    """Run every check that the valid part of a Site allows."""
    for check in checks:
        try:
            yield from check(site)
        except Missing:
            continue
