"""Where photos go from the library, and whether they can get there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address
from itertools import takewhile
from typing import Any

from hotshoe.ports.ranges import Service
from hotshoe.site.checks.base import (
    Finding,
    check_keys,
    inner_router_of,
    inward,
    nat_routers_between,
    peer_key,
    router_index,
    with_fields,
)
from hotshoe.site.checks.connections import (
    check_host,
    check_ports_are_free,
    check_source_is_visible,
)
from hotshoe.site.checks.lans import NOT_ON_THE_INTERNET, UNUSABLE
from hotshoe.site.checks.outside import inside_domain
from hotshoe.site.delivery import COMMON, address_of, needs_of, peer_of, server_index
from hotshoe.site.library import Delivery
from hotshoe.site.validation import RefusedFieldError

# How a folder begins at the other side: at its root, wherever the user begins, or either.
_ABSOLUTE, _RELATIVE = ("fetch",), ("smb", "s3")


def delivery_has_what_it_needs(site: Any) -> Iterator[Finding]:
    """Refuse a delivery that lacks a key, or has one that it does not use."""
    for i, by in with_fields(site.delivery, "by"):
        delivery = site.delivery[i]
        yield from check_keys(delivery, Delivery, f"delivery[{i}]", needs_of(delivery), COMMON)
        if by == "fetch":
            yield from _is_an_address(delivery, i)


def _is_an_address(delivery: Any, i: int) -> Iterator[Finding]:
    try:
        address = delivery.address
    except RefusedFieldError:
        return
    if address is not None and not isinstance(address, IPv4Address):
        yield (
            f"delivery[{i}].address",
            f"{address} is a name, and the server lets in only the address of who fetches",
            "write the address that this computer has in its LAN",
        )


def what_is_set_up_by_hand_is_left_alone(site: Any) -> Iterator[Finding]:
    """Refuse to log in to a computer that the person sets up, and to remove what is there."""
    for i, by_hand, removed in with_fields(site.delivery, "by_hand", "removed"):
        for key in ("ssh_user", "ssh_port") if by_hand else ():
            with suppress(RefusedFieldError):
                if getattr(site.delivery[i], key) != Delivery.model_fields[key].default:
                    yield (
                        f"delivery[{i}].{key}",
                        "is not used: hotshoe does not log in to a computer that is set up by hand "
                        "(by_hand)",
                        "remove it",
                    )
        if by_hand and removed:
            yield (
                f"delivery[{i}].removed",
                "hotshoe does not log in to a computer that is set up by hand (by_hand)",
                "remove what you put there yourself, and take this delivery out",
            )


def username_can_be_sent(site: Any) -> Iterator[Finding]:
    """Refuse a username that HTTP could not tell from the password (RFC 7617, section 2)."""
    for i, by, username in with_fields(site.delivery, "by", "username"):
        if by == "webdav" and ":" in (username or ""):
            yield (
                f"delivery[{i}].username",
                "has a colon, at which HTTP takes the rest for the password",
                "write the username without it; the password belongs into the vault, in "
                "delivery_passwords",
            )


def folder_is_one(site: Any) -> Iterator[Finding]:
    """Refuse a folder that leads elsewhere, or begins where this way to deliver cannot."""
    for i, by, folder in with_fields(site.delivery, "by", "folder"):
        key = f"delivery[{i}].folder"
        parts = (folder or "").split("/")
        if folder is None:
            continue
        if ".." in parts or not any(part not in ("", ".") for part in parts):
            yield (
                key,
                f"{folder!r} is not a folder of its own",
                f"write for example folder: {'/srv/photos' if by in _ABSOLUTE else 'in'}",
            )
        elif by in _ABSOLUTE and not folder.startswith("/"):
            yield (key, f"{folder!r} does not begin with '/'", f"write for example /srv/{folder}")
        elif by in _RELATIVE and folder.startswith("/"):
            where = "the share" if by == "smb" else "the bucket"
            yield (
                key,
                f"{folder!r} begins with '/', and folders begin at {where}",
                f"write folder: {folder.strip('/')}",
            )


def deliveries_know_their_server(site: Any) -> Iterator[Finding]:
    """Refuse a delivery from a server that the Site does not have, or does not say."""
    names = [server.name for server in site.servers]
    for i, server in with_fields(site.delivery, "server"):
        remedy = f"write one of: {', '.join(names)}"
        if server is None and len(names) > 1:
            yield (
                f"delivery[{i}].server",
                f"is missing, and there are {len(names)} servers",
                remedy,
            )
        elif server is not None and server not in names:
            yield (f"delivery[{i}].server", f"there is no server named {server!r}", remedy)


def fetcher_reaches_the_server(site: Any) -> Iterator[Finding]:
    """Refuse a computer that fetches from where the server cannot be dialled."""
    for i, delivery in enumerate(site.delivery):
        try:
            if delivery.by != "fetch":
                continue
            server = site.servers[server_index(site, delivery)]
            at, fetcher = router_index(site, server), router_index(site, delivery)
            nat_routers = nat_routers_between(site, fetcher, at)
        except RefusedFieldError:
            continue
        if nat_routers:
            router = site.routers[nat_routers[0]]
            yield (
                f"delivery[{i}].behind",
                f"{server.name} is behind {router.name}, which translates, so that a computer "
                f"in the LAN of {site.routers[fetcher].name} cannot dial it",
                "write by: sftp (or smb, webdav, s3), by which the server dials that computer; or "
                f"place it in the LAN of {site.routers[at].name} or further inside",
            )


def deliveries_differ(site: Any) -> Iterator[Finding]:
    """Refuse two deliveries to the same place, and two that fetch to the same computer."""
    seen: dict[tuple[Any, ...], str] = {}
    for i, delivery in enumerate(site.delivery):
        try:
            if delivery.by == "fetch":
                # Whoever fetches is set up for one server.
                place: tuple[Any, ...] = ("fetch", delivery.address)
            else:
                folder = (delivery.folder or "").strip("/")
                there = (delivery.share, delivery.bucket, (delivery.url or "").rstrip("/"))
                server = site.servers[server_index(site, delivery)].name
                place = (server, delivery.by, peer_of(delivery), there, folder)
            name = delivery.name
        except RefusedFieldError:
            continue
        if place in seen and delivery.by == "fetch":
            yield (
                f"delivery[{i}].address",
                f"{delivery.address} fetches for {seen[place]} already, and one computer fetches "
                "from one server",
                "let another computer fetch, or have this server send its photos (by: sftp)",
            )
        elif place in seen:
            yield (
                f"delivery[{i}]",
                f"goes to the same place as {seen[place]}",
                "write another folder, or remove one of the two",
            )
        seen.setdefault(place, name)


def pushes_can_reach(site: Any) -> Iterator[Finding]:
    """Refuse to send photos to an address in the home that the server cannot dial."""
    for i, delivery in enumerate(site.delivery):
        try:
            if delivery.by == "fetch":
                continue
            host, server = address_of(delivery), site.servers[server_index(site, delivery)]
            key = peer_key(site, i)
            if host is not None:
                yield from _can_reach(site, key, i, host, server)
            # Split DNS leads the home's own name to the server (docs/site.md).
            elif (name := peer_of(delivery)[0].lower()) in (site.hostname, "localhost"):
                yield (
                    key,
                    f"{name} is {server.name} itself, where the photos are already",
                    "write the address of another computer, or a name of its own",
                )
        except RefusedFieldError:
            continue


def _can_reach(site: Any, key: str, i: int, host: IPv4Address, server: Any) -> Iterator[Finding]:
    at, port = router_index(site, server), peer_of(site.delivery[i])[1]
    # What is delivered to itself is found there at once, and retention would remove it from both.
    if host == server.address or host.is_loopback or host.is_unspecified:
        yield (
            key,
            f"{host} is {server.name} itself, where the photos are already",
            "write the address of another computer",
        )
        return
    home = next((k for k, r in enumerate(site.routers) if host in r.lan.network), None)
    if home is not None:
        yield from check_host(site, key, host, home)
    inner = inner_router_of(site, at, host)
    if inner is None:
        return
    nat_routers = nat_routers_between(site, at, inner)
    service = Service.tcp(port)
    yield from check_source_is_visible(site, key, server, nat_routers, inner)
    yield from check_ports_are_free(site, key, host, (service,), nat_routers)
    for other in _dialled(site, i, nat_routers, service):
        if other != host:
            yield (
                key,
                f"{service} of {host} and of {other} would be the same port of "
                f"{site.routers[nat_routers[0]].name}",
                "let one of them answer on another port",
            )
            return


def peer_is_in_no_lan(site: Any) -> Iterator[Finding]:
    """Warn of a private address that no router of the home has in its LAN; it may be mistyped."""
    for i, delivery in enumerate(site.delivery):
        host = None if delivery.by == "fetch" else address_of(delivery)
        private = host and any(host in block for block in (*NOT_ON_THE_INTERNET, *UNUSABLE))
        if private and not any(host in router.lan.network for router in site.routers):
            yield (
                peer_key(site, i),
                f"{host} is neither in a LAN of this home nor on the Internet, so the server "
                "reaches it by a VPN or another way of yours, or not at all",
                "correct the address if it is mistyped",
            )


def names_open_no_port(site: Any) -> Iterator[Finding]:
    """Warn of a name of the home's, to whose address no router inside of the server lets it in."""
    for i, delivery in enumerate(site.delivery):
        name, _ = peer_of(delivery)
        at = router_index(site, site.servers[server_index(site, delivery)])
        ours = "." not in name or inside_domain(name)
        if ours and not address_of(delivery) and at + 1 < len(site.routers):
            yield (
                peer_key(site, i),
                f"{name} looks like a computer of the home, and for a name "
                f"{site.routers[at + 1].name} lets nothing in",
                "write its address, if it is behind that router",
            )


def _dialled(site: Any, i: int, nat_routers: list[int], service: Service) -> Iterator[IPv4Address]:
    """The hosts for which a server dials a port of the first router in between that translates.

    Those of ``may_open``, and those of deliveries before that of index i.
    """
    index = server_index(site, site.delivery[i])
    server = site.servers[index]
    at = router_index(site, server)
    wanted = [
        (target.to, each, inner_router_of(site, at, target.to))
        for target in server.may_open
        for each in target.services
        if each.protocol == "tcp"
    ]
    sent = takewhile(lambda each: each[0] < i, inward(site, index))
    wanted += [(host, Service.tcp(port), inner) for _, host, port, inner in sent]
    for host, each, inner in wanted:
        if inner is None or not each.ports.overlaps(service.ports):
            continue
        if nat_routers_between(site, at, inner)[:1] == nat_routers[:1] != []:
            yield host
