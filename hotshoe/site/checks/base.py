"""What every check uses.

A check is a small function of the Site that yields what is wrong. It may get a Site with holes (see
:mod:`hotshoe.site.validation`): touching a hole ends the check, for that value was refused already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hotshoe.site.validation import RefusedFieldError

# key, reason, remedy
Found = tuple[str, str, str]
Check = Callable[[Any], Iterator[Found]]


def each(parts: Any, *names: str) -> Iterator[tuple[Any, ...]]:
    """Each part of a list with its index and these fields, unless one of them was refused."""
    for i, part in enumerate(parts):
        try:
            yield (i, *(getattr(part, name) for name in names))
        except RefusedFieldError:
            continue


def behind(site: Any, server: Any) -> int:
    """The index of the router in whose LAN a server is."""
    names = [router.name for router in site.routers]
    if server.behind is None:
        return len(names) - 1
    if server.behind not in names:
        raise RefusedFieldError(server.behind)
    return names.index(server.behind)


def lan_inside(site: Any, at: int, host: Any) -> int | None:
    """The router that has a host in its LAN, if it is one inside of router at."""
    deeper = range(at + 1, len(site.routers))
    return next((k for k in deeper if host in site.routers[k].lan.network), None)


def translating(site: Any, at: int, deep: int) -> list[int]:
    """The routers that translate between the LANs of two routers."""
    return [k for k in range(at + 1, deep + 1) if site.routers[k].mode != "routed"]
