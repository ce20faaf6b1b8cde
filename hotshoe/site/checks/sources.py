"""From which networks cameras may connect (``ftp.only_from``)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from hotshoe.site.checks.base import Finding, router_index, with_fields
from hotshoe.site.validation import RefusedFieldError

KEY = "ftp.only_from"


def sources_are_networks_of_their_own(site: Any) -> Iterator[Finding]:
    """Refuse networks of which one holds another, or which are the whole Internet."""
    for network in site.ftp.only_from:
        if network.prefixlen == 0:
            yield (KEY, f"{network} is every address", "remove only_from; everybody may then dial")
    for one, other in combinations(site.ftp.only_from, 2):
        if one.overlaps(other) and 0 not in (one.prefixlen, other.prefixlen):
            smaller, larger = sorted((one, other), key=lambda network: -network.prefixlen)
            yield (KEY, f"{smaller} is in {larger}, which is listed too", "write the one you mean")


def cameras_can_be_distinguished_by_source(site: Any) -> Iterator[Finding]:
    """Refuse networks where the server does not see who connects, or where nobody else does."""
    if not site.ftp.only_from:
        return
    if site.ftp.tls == "none":
        yield (
            KEY,
            "is not for a direct link (tls: none), where nobody else can connect",
            "remove it",
        )
        return
    for i, server in enumerate(site.servers):
        try:
            behind = router_index(site, server)
        except RefusedFieldError:
            continue
        for k, masks in with_fields(site.routers, "masks_source"):
            if masks and k <= behind:
                name = site.routers[k].name
                yield (
                    KEY,
                    f"{name} replaces source addresses (masks_source), so {server.name} sees the "
                    f"address of {name} whoever connects",
                    f"switch that off on {name} and remove masks_source, or remove only_from",
                )
        if server.address6:
            yield (
                KEY,
                f"is about IPv4, and everybody can dial {server.name} over IPv6",
                f"remove servers[{i}].address6; no camera is known that uploads over IPv6",
            )
