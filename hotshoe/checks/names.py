"""Names, and who belongs to whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from hotshoe.checks.base import Found, each
from hotshoe.partial import Missing


def names_are_unique(site: Any) -> Iterator[Found]:
    """Refuse two devices, or two cameras, of one name."""
    devices = _names(site, "routers")
    with suppress(Missing):
        devices += _names(site, "servers")
    yield from _twice("device", devices)
    yield from _twice("camera", _names(site, "cameras"))


def _names(site: Any, key: str) -> list[tuple[str, str]]:
    return [(f"{key}[{i}].name", name) for i, name in each(getattr(site, key), "name")]


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
    chosen = {server or names[0] for _, server in each(site.cameras, "server")}
    undecided = False
    for i, server in each(site.cameras, "server"):
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
