"""Who reads the library, and when photos go from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hotshoe.site.checks.base import Finding, router_index
from hotshoe.site.checks.connections import ONE_BY_ONE
from hotshoe.site.delivery import in_use, server_index
from hotshoe.site.sizes import written


def share_options_are_used(site: Any) -> Iterator[Finding]:
    """Refuse to say how a share behaves that is not there."""
    if site.library.share == "none" and site.library.share_may_change:
        yield (
            "library.share_may_change",
            "is not used without a share",
            "write share: smb as well, or remove it",
        )


def share_is_for_the_home(site: Any) -> Iterator[Finding]:
    """Refuse a share on a server that gets everything from the Internet."""
    last = len(site.routers) - 1
    if site.library.share == "none" or site.routers[last].mode != "default-host":
        return
    server = site.servers[0]
    if router_index(site, server) == last:
        yield (
            f"routers[{last}].mode",
            f"{site.routers[last].name} would send everything from the Internet to {server.name}, "
            "its share included, which is meant for the home",
            ONE_BY_ONE,
        )


def readers_are_people(site: Any) -> Iterator[Finding]:
    """Refuse readers who are named twice, or need no permission."""
    seen: set[str] = set()
    for i, name in enumerate(site.library.readers):
        key = f"library.readers[{i}]"
        if name in seen:
            yield (key, f"{name} is listed already", "list each user once")
        elif name == "root" or name.startswith("hotshoe"):
            yield (
                key,
                f"{name} is no person's user",
                "write the name of a user on the server who reads the photos",
            )
        seen.add(name)


def retention_has_a_limit(site: Any) -> Iterator[Finding]:
    """Refuse a retention that says nothing, or that comes too late."""
    said = site.retention
    if said is None:
        return
    if said.after_days is None and said.keep_free is None:
        yield (
            "retention",
            "says neither after how many days photos are removed nor how much of the disk is to be "
            "free",
            "write for example {after_days: 30}, or remove it",
        )
    elif said.keep_free is not None and said.keep_free <= site.photos.keep_free:
        yield (
            "retention.keep_free",
            f"{written(said.keep_free)} is no more than {written(site.photos.keep_free)} "
            "(photos.keep_free), and with less than that free, uploads are refused already",
            "write more here, or less there",
        )


def retention_has_a_delivery(site: Any) -> Iterator[Finding]:
    """Refuse to remove photos that are nowhere else."""
    if site.retention is None:
        return
    has = {server_index(site, delivery) for delivery in in_use(site)}
    for i, server in enumerate(site.servers):
        if i not in has:
            yield (
                "retention",
                f"removes only what every delivery has, and nothing is delivered from "
                f"{server.name}",
                f"add a delivery for {server.name}, or remove retention",
            )
