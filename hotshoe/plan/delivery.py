"""From a Site to what its Plan says about the way of photos out of the library.

Whoever fetches connects outwards, to the server; what the server sends inwards passes the routers
inside of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from hotshoe.plan.chain import next_address
from hotshoe.plan.model import (
    AcceptRule,
    FetchAccess,
    FetcherPlan,
    HomeAccess,
    Message,
    Push,
    Retention,
    ServerPlan,
    Share,
    fetched_to,
)
from hotshoe.ports.ranges import Service
from hotshoe.site.checks.base import inward, router_index
from hotshoe.site.delivery import address_of, in_use, peer_of, server_index
from hotshoe.site.library import Delivery
from hotshoe.site.model import Site

# Where a server's own SSH for those who fetch answers; not among the ports from which Linux opens
# connections (ip_local_port_range).
FETCH_PORT = 17022


def share_of(site: Site) -> Share | None:
    """How the home sees the library of each server as a network folder."""
    said = site.library
    return Share(said.share_may_change) if said.share == "smb" else None


def message_of(site: Site) -> Message | None:
    """The program that each server runs for new photos."""
    said = site.message
    return Message(said.program, said.per, said.timeout_seconds) if said else None


def retention_of(site: Site) -> Retention | None:
    """When delivered photos are removed from the library of each server."""
    said = site.retention
    if said is None:
        return None
    return Retention(said.after_days, int(said.keep_free) if said.keep_free else None)


def deliveries_of(site: Site, index: int) -> tuple[Delivery, ...]:
    """What brings photos from the library of the server of that index to other places."""
    return tuple(each for each in in_use(site) if server_index(site, each) == index)


def accesses_of(site: Site, index: int) -> dict[str, HomeAccess]:
    """What deliveries of the server of that index open behind the routers inside of it.

    :returns: by the names of the deliveries
    """
    at = router_index(site, site.servers[index])
    return {
        site.delivery[i].name: HomeAccess(
            Service.tcp(port), host, next_address(site, at, inner, host)
        )
        for i, host, port, inner in inward(site, index)
    }


def pushes_of(site: Site, index: int) -> tuple[Push, ...]:
    """Where the server of that index sends photos."""
    inside = accesses_of(site, index)
    return tuple(
        _push(site, said, inside.get(said.name))
        for said in deliveries_of(site, index)
        if said.by != "fetch"
    )


def _push(site: Site, said: Delivery, inside: HomeAccess | None) -> Push:
    """Where a delivery sends photos.

    :param inside: what it opens behind further routers
    """
    (host, port), url = peer_of(said), said.url
    address = address_of(said)
    at_home = any(address in router.lan.network for router in site.routers) if address else False
    if inside:
        host = str(inside.dial)
        url = url and urlsplit(url)._replace(netloc=f"{host}:{port}").geturl()
    return Push(
        name=said.name,
        by=said.by,
        host=host,
        port=port,
        home_address=address if at_home else None,
        username=said.username or "",
        folder=said.folder,
        url=url,
        host_key=said.host_key,
        share=said.share,
        bucket=said.bucket,
        region=said.region,
        order=said.order,
        bytes_per_second=int(said.bytes_per_second or 0),
    )


def fetchers_of(site: Site, index: int) -> tuple[FetchAccess, ...]:
    """Who fetches photos from the server of that index."""
    return tuple(
        FetchAccess(
            said.name,
            _seen_address(site, index, said),
            fetched_to(_own_address(said), said.folder or ""),
            said.order,
        )
        for said in deliveries_of(site, index)
        if said.by == "fetch"
    )


def _own_address(said: Delivery) -> IPv4Address:
    """The address that whoever fetches has in its LAN."""
    assert isinstance(said.address, IPv4Address), "checked: hotshoe logs in there"
    return said.address


def _seen_address(site: Site, index: int, said: Delivery) -> IPv4Address:
    """The address that whoever fetches has where the server sees it."""
    at, fetcher = router_index(site, site.servers[index]), router_index(site, said)
    # On the way out, the last router that translates is the nearest to the server.
    return next_address(site, at, fetcher, _own_address(said))


def fetch_rules(site: Site, index: int, port: int | None) -> Iterator[AcceptRule]:
    """The accept rules of a server's firewall for those who fetch from it.

    :param port: where they connect
    """
    server = site.servers[index]
    for fetcher in fetchers_of(site, index) if port else ():
        purpose = f"{fetcher.name} fetches from {server.name}"
        yield AcceptRule(Service.tcp(port or 0), server.address, fetcher.source, purpose)


def fetch_rules_of_router(
    site: Site, i: int, servers: tuple[ServerPlan, ...]
) -> Iterator[AcceptRule]:
    """The accept rules of router i for those who fetch from further outside; it is routed."""
    for index, server in enumerate(servers):
        at = router_index(site, site.servers[index])
        for said in deliveries_of(site, index):
            if said.by == "fetch" and router_index(site, said) < i <= at:
                yield from (
                    rule
                    for rule in fetch_rules(site, index, server.fetch_port)
                    if rule.source == said.address
                )


def fetcher_plans(site: Site, servers: tuple[ServerPlan, ...]) -> tuple[FetcherPlan, ...]:
    """The computers at home that fetch photos.

    :param servers: of the Plan
    """
    return tuple(
        _fetcher_plan(site, servers[server_index(site, said)], said)
        for said in site.delivery
        if said.by == "fetch"
    )


def _fetcher_plan(site: Site, server: ServerPlan, said: Delivery) -> FetcherPlan:
    return FetcherPlan(
        name=said.name,
        behind=site.routers[router_index(site, said)].name,
        address=_own_address(said),
        ssh_user=said.ssh_user,
        ssh_port=said.ssh_port,
        server=server.name,
        dial=server.address,
        port=server.fetch_port or FETCH_PORT,
        folder=said.folder or "",
        order=said.order,
        bytes_per_second=int(said.bytes_per_second or 0),
        by_hand=said.by_hand,
        removed=said.removed,
    )
