"""What every check uses.

A check is a small function of the Site that yields findings. Some fields of the Site may be missing
because they are invalid (:mod:`hotshoe.site.validation`): reading one ends the check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from typing import Any

from hotshoe.site.delivery import address_of, peer_of, server_index
from hotshoe.site.fields import Part
from hotshoe.site.needs import Needs
from hotshoe.site.validation import RefusedFieldError

# Key, reason, remedy.
Finding = tuple[str, str, str]
Check = Callable[[Any], Iterator[Finding]]


def with_fields(parts: Any, *names: str) -> Iterator[tuple[Any, ...]]:
    """The items of a list: index and these fields of each whose fields are all valid."""
    for i, part in enumerate(parts):
        try:
            yield (i, *(getattr(part, name) for name in names))
        except RefusedFieldError:
            continue


def check_keys(
    part: Any, kind: type[Part], at: str, needs: Needs, others: tuple[str, ...]
) -> Iterator[Finding]:
    """Refuse a part of a Site that lacks a key, or has one that its choice does not use.

    :param kind: the part's type
    :param at: the part's place, for messages
    :param needs: what its choice has to be told
    :param others: keys that have nothing to do with the choice
    """
    for key, field in kind.model_fields.items():
        try:
            value = getattr(part, key)
        except RefusedFieldError:
            continue
        if key in needs.needs and value is None:
            yield (
                f"{at}.{key}",
                f"is missing, and {needs.title} needs it",
                f"write for example {key}: {(field.examples or [''])[0]}",
            )
        elif key not in (*others, *needs.needs, *needs.takes) and value != field.default:
            yield (f"{at}.{key}", f"{needs.title} does not use it", "remove it")


def router_index(site: Any, server: Any) -> int:
    """The index of the router in whose LAN a server is, or a computer that fetches photos."""
    names = [router.name for router in site.routers]
    if server.behind is None:
        return len(names) - 1
    if server.behind not in names:
        raise RefusedFieldError(server.behind)
    return names.index(server.behind)


def inner_router_of(site: Any, at: int, host: Any) -> int | None:
    """The index of the router that has a host in its LAN, if it is inside of router ``at``."""
    deeper = range(at + 1, len(site.routers))
    return next((k for k in deeper if host in site.routers[k].lan.network), None)


def nat_routers_between(site: Any, outer: int, inner: int) -> list[int]:
    """The indexes of the routers that translate (NAT) between the LANs of two routers."""
    return [k for k in range(outer + 1, inner + 1) if site.routers[k].mode != "routed"]


def peer_key(site: Any, i: int) -> str:
    """The key that says where the other side of the delivery of index i is, for messages."""
    return f"delivery[{i}].{'url' if site.delivery[i].url else 'address'}"


def inward(site: Any, index: int) -> Iterator[tuple[int, IPv4Address, int, int]]:
    """What the server of that index sends to addresses in the LANs of routers inside of it.

    :returns: of each delivery its index, the address and TCP port of the other side, and the index
        of the router that has it in its LAN
    """
    at = router_index(site, site.servers[index])
    for i, delivery in enumerate(site.delivery):
        if delivery.by == "fetch" or server_index(site, delivery) != index:
            continue
        address = address_of(delivery)
        inner = inner_router_of(site, at, address) if address else None
        if address and inner is not None:
            yield i, address, peer_of(delivery)[1], inner
