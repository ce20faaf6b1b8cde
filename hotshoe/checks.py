"""What makes no sense together, though every single value is well formed.

Each check is a small function of the Site that yields problems. It may get a Site with holes (see
:mod:`hotshoe.partial`): touching a hole ends the check, for that value was refused already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from hotshoe.addresses import why_unreachable
from hotshoe.partial import Missing

# A network with a longer prefix holds no router and server beside its two reserved addresses.
LONGEST_LAN_PREFIX = 30

# key, reason, remedy
Found = tuple[str, str, str]
Check = Callable[[Any], Iterator[Found]]

# vsftpd refuses a passive range that begins at or below this (its source, standalone start-up).
LOWEST_PASSIVE_PORT = 1025
# A camera keeps two connections at most, and vsftpd tries about nine random ports before it ends
# the session. With ten ports a camera the odds that all nine are taken stay below one in a million:
# (2/10)^9.
PASSIVE_PORTS_PER_CAMERA = 10


def public_address_is_reachable(site: Any) -> Iterator[Found]:
    """Refuse an address that nobody on the Internet can reach."""
    if reason := why_unreachable(site.public_address):
        yield (
            "public_address",
            f"{site.public_address} cannot be reached from the Internet: {reason}",
            "write the address that the provider gave the outermost router; if the provider gives "
            "only an address like this one, ask for a public one",
        )


def one_router(site: Any) -> Iterator[Found]:
    """Refuse chains of routers, which this version does not plan."""
    if len(site.routers) > 1:
        yield (
            "routers",
            f"lists {len(site.routers)} routers; this version plans homes with exactly one",
            "leave only the router between the Internet and the server",
        )


def lan_is_a_network(site: Any) -> Iterator[Found]:
    """Refuse a LAN too small for a server, and an address that no router can have in it."""
    for i, router in enumerate(site.routers):
        try:
            lan = router.lan
        except Missing:
            continue
        if lan.network.prefixlen > LONGEST_LAN_PREFIX:
            yield (
                f"routers[{i}].lan",
                f"{lan} leaves no room for a server",
                f"write the prefix length of the whole LAN, for example {lan.ip}/24",
            )
        elif lan.is_loopback or lan.is_multicast or lan.is_link_local or lan.is_unspecified:
            yield (
                f"routers[{i}].lan",
                f"{lan} is in a block that no LAN can use",
                "write the router's address inside the home, for example 192.168.1.1/24",
            )
        elif lan.ip in (lan.network.network_address, lan.network.broadcast_address):
            yield (
                f"routers[{i}].lan",
                f"{lan.ip} is the network's own or its broadcast address, not a router's",
                f"write the router's address, for example {lan.network[1]}/{lan.network.prefixlen}",
            )


def names_are_unique(site: Any) -> Iterator[Found]:
    """Refuse two devices, or two cameras, of one name."""
    yield from _twice("device", [*_names("routers", site.routers), *_server_name(site)])
    yield from _twice("camera", _names("cameras", site.cameras))


def _names(key: str, parts: Any) -> Iterator[tuple[str, str]]:
    for i, part in enumerate(parts):
        try:
            yield f"{key}[{i}].name", part.name
        except Missing:
            continue


def _server_name(site: Any) -> Iterator[tuple[str, str]]:
    try:
        yield "server.name", site.server.name
    except Missing:
        return


def _twice(what: str, names: Any) -> Iterator[Found]:
    names = list(names)
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


def server_is_behind_a_router(site: Any) -> Iterator[Found]:
    """Refuse a server behind a router that the Site does not have."""
    behind = site.server.behind
    names = [router.name for router in site.routers]
    if behind is not None and behind not in names:
        yield (
            "server.behind",
            f"there is no router named {behind!r}",
            f"write one of: {', '.join(names)}",
        )


def server_is_in_the_lan(site: Any) -> Iterator[Found]:
    """Refuse a server address that its router's LAN does not hold or that somebody else has."""
    lan = site.routers[-1].lan
    address = site.server.address
    if lan.network.prefixlen > LONGEST_LAN_PREFIX:
        return  # lan_is_a_network refuses it; no address in it could be suggested
    if address not in lan.network:
        yield (
            "server.address",
            f"{address} is not in the LAN {lan.network}",
            f"give the server a fixed address in that LAN, for example {_free(lan)}",
        )
    elif address == lan.ip:
        yield (
            "server.address",
            f"{address} is the router's own address",
            f"give the server another address in {lan.network}, for example {_free(lan)}",
        )
    elif address in (lan.network.network_address, lan.network.broadcast_address):
        yield (
            "server.address",
            f"{address} is the network's own or its broadcast address",
            f"give the server another address in {lan.network}, for example {_free(lan)}",
        )


def _free(lan: Any) -> Any:
    return next(host for host in lan.network.hosts() if host != lan.ip)


def public_address_is_outside(site: Any) -> Iterator[Found]:
    """Refuse a public address that is inside the home."""
    for router in site.routers:
        if site.public_address in router.lan.network:
            yield (
                "public_address",
                f"{site.public_address} is inside the LAN of {router.name}",
                "write the address on the Internet side of the outermost router",
            )


def control_port_is_free(site: Any) -> Iterator[Found]:
    """Refuse a control port that something else needs."""
    control, passive = site.ftp.control_port, site.ftp.passive_ports
    if control in passive:
        yield (
            "ftp.control_port",
            f"{control} is inside the passive range {passive}",
            "take a control port outside the range, for example 21",
        )
    if control == site.server.ssh_port:
        yield (
            "ftp.control_port",
            f"{control} is where the server's SSH answers",
            "take another control port, for example 21",
        )


def other_services_leave_the_ftp_ports(site: Any) -> Iterator[Found]:
    """Refuse another service on a port that FTP uses."""
    ftp = (site.ftp.control_port, site.ftp.passive_ports)
    lists = [("server.open_to_lan", site.server.open_to_lan)]
    lists += [
        (f"routers[{i}].open_to_internet", r.open_to_internet) for i, r in enumerate(site.routers)
    ]
    for key, services in lists:
        for service in services:
            if service.protocol == "tcp" and (
                ftp[0] in service.ports or service.ports.overlaps(ftp[1])
            ):
                yield (
                    key,
                    f"{service} is a port that the camera's FTP connections use",
                    f"remove it; the control port {ftp[0]} and the passive range {ftp[1]} are "
                    "opened by themselves",
                )


def passive_range_is_large_enough(site: Any) -> Iterator[Found]:
    """Refuse a passive range that would run dry, or that vsftpd would not take."""
    passive, cameras = site.ftp.passive_ports, len(site.cameras)
    if passive.first < LOWEST_PASSIVE_PORT:
        yield (
            "ftp.passive_ports",
            f"{passive} begins below {LOWEST_PASSIVE_PORT}, which vsftpd refuses",
            "write for example: passive_ports: 50000-50099",
        )
    needed = cameras * PASSIVE_PORTS_PER_CAMERA
    if len(passive) < needed:
        yield (
            "ftp.passive_ports",
            f"{passive} has {len(passive)} ports; {cameras} camera(s) need {needed} "
            f"({PASSIVE_PORTS_PER_CAMERA} each)",
            f"write for example: passive_ports: 50000-{50000 + needed - 1}",
        )


CHECKS: tuple[Check, ...] = (
    public_address_is_reachable,
    public_address_is_outside,
    one_router,
    lan_is_a_network,
    names_are_unique,
    server_is_behind_a_router,
    server_is_in_the_lan,
    control_port_is_free,
    other_services_leave_the_ftp_ports,
    passive_range_is_large_enough,
)


def run(site: Any) -> Iterator[Found]:
    """Run every check that the valid part of a Site allows."""
    for check in CHECKS:
        try:
            yield from check(site)
        except Missing:
            continue
