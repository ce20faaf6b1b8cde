"""Names, and which camera uploads to which server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from hotshoe.site.checks.base import Finding, with_fields
from hotshoe.site.validation import RefusedFieldError


def names_are_unique(site: Any) -> Iterator[Finding]:
    """Refuse two devices, deliveries among them, or two cameras, of one name."""
    devices = _names(site, "routers")
    with suppress(RefusedFieldError):
        devices += _names(site, "servers")
    with suppress(RefusedFieldError):
        # One that fetches is a host of the inventory, and each is a computer on the stage.
        devices += _names(site, "delivery")
    yield from _duplicates("device", devices)
    yield from _duplicates("camera", _names(site, "cameras"))


def _names(site: Any, key: str) -> list[tuple[str, str]]:
    return [(f"{key}[{i}].name", name) for i, name in with_fields(getattr(site, key), "name")]


def _duplicates(what: str, names: list[tuple[str, str]]) -> Iterator[Finding]:
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


def hardware_addresses_are_unique(site: Any) -> Iterator[Finding]:
    """Refuse two servers of one hardware address."""
    seen: dict[str, str] = {}
    for i, mac, name in with_fields(site.servers, "mac", "name"):
        if mac and mac in seen:
            yield (
                f"servers[{i}].mac",
                f"{mac} is the hardware address of {seen[mac]} already",
                f"write that of {name}, as ip link shows it there",
            )
        elif mac:
            seen[mac] = name


def openwrt_is_reached_as_root(site: Any) -> Iterator[Finding]:
    """Refuse any other SSH user on OpenWrt, which has no other."""
    for i, managed_by, user in with_fields(site.routers, "managed_by", "ssh_user"):
        if managed_by == "openwrt" and user != "root":
            yield (
                f"routers[{i}].ssh_user",
                f"is {user!r}, and OpenWrt lets only root change its configuration",
                "remove ssh_user",
            )


def cameras_know_their_server(site: Any) -> Iterator[Finding]:
    """Refuse a camera without a server, and a server without cameras."""
    names = [server.name for server in site.servers]
    chosen = {server or names[0] for _, server in with_fields(site.cameras, "server")}
    undecided = False
    for i, server in with_fields(site.cameras, "server"):
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
        # A camera that still needs a server may be meant for this one.
        if len(names) > 1 and name not in chosen and not undecided:
            yield (
                f"servers[{i}]",
                f"no camera uploads to {name}",
                f"add server: {name} to a camera, or remove this server",
            )
