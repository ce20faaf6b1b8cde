"""How routers connect, and what they forward."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hotshoe.ports.ranges import Service
from hotshoe.site.checks.base import (
    Finding,
    inner_router_of,
    nat_routers_between,
    router_index,
    with_fields,
)
from hotshoe.site.validation import RefusedFieldError

ONE_BY_ONE = "write mode: nat; the FTP ports are then forwarded one by one"


def outermost_router_translates(site: Any) -> Iterator[Finding]:
    """Refuse a routed outermost router: the home's addresses are not on the Internet."""
    outermost = site.routers[0]
    if outermost.mode == "routed":
        yield (
            "routers[0].mode",
            f"{outermost.name} is the outermost router, and the home's addresses cannot be used "
            "on the Internet without NAT",
            "write mode: nat, or list the router that translates before this one",
        )


def default_hosts_expose_servers_only(site: Any) -> Iterator[Finding]:
    """Refuse a default host that receives nothing, or more than it should."""
    servers = [(server, router_index(site, server)) for server in site.servers]
    deepest, shallowest = max(at for _, at in servers), min(at for _, at in servers)
    for i, mode in with_fields(site.routers, "mode"):
        key, router = f"routers[{i}].mode", site.routers[i]
        inner = site.routers[i + 1] if i + 1 < len(site.routers) else None
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
                    ONE_BY_ONE,
                )
        elif deepest <= i:
            yield (
                key,
                f"{router.name} would send everything from the Internet to {inner.name}, which is "
                "there to protect the home behind it",
                ONE_BY_ONE,
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


def source_nat_keeps_clients_distinguishable(site: Any) -> Iterator[Finding]:
    """Refuse source NAT where firewalls rely on source addresses, or where there is no NAT."""
    for i, masks, mode, name in with_fields(site.routers, "masks_source", "mode", "name"):
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
                ONE_BY_ONE,
            )


def home_services_can_be_reached(site: Any) -> Iterator[Finding]:
    """Refuse a may_open that leads nowhere, or whose port something else uses."""
    for i, server in enumerate(site.servers):
        try:
            at = router_index(site, server)
        except RefusedFieldError:
            continue
        dialled: dict[tuple[Any, str], Any] = {}
        for j, target in enumerate(server.may_open):
            key = f"servers[{i}].may_open[{j}]"
            inner = inner_router_of(site, at, target.to)
            if inner is None:
                yield (
                    f"{key}.to",
                    f"{target.to} is not in the LAN of a router inside of {server.name}",
                    "write an address behind a router that protects the home from the server"
                    if at + 1 < len(site.routers)
                    else "remove may_open; no router is between the home and this server",
                )
                continue
            yield from check_host(site, f"{key}.to", target.to, inner)
            nat_routers = nat_routers_between(site, at, inner)
            yield from check_source_is_visible(site, f"{key}.to", server, nat_routers, inner)
            yield from check_ports_are_free(
                site, f"{key}.services", target.to, target.services, nat_routers
            )
            # Behind a translating router, the address to dial is that router's.
            dial = nat_routers[0] if nat_routers else target.to
            for service in target.services:
                wanted = [(dial, f"{port}/{service.protocol}") for port in service.ports]
                for dialling in wanted:
                    if dialling in dialled:
                        yield _port_clash(
                            f"{key}.services", dialling[1], target.to, dialled[dialling]
                        )
                        break
                dialled |= dict.fromkeys(wanted, target.to)


def check_host(site: Any, key: str, host: Any, i: int) -> Iterator[Finding]:
    """Refuse an address in the LAN of router i that no computer there can have."""
    lan = site.routers[i].lan
    routers = {lan.ip: site.routers[i].name}
    for inner in site.routers[i + 1 : i + 2]:
        routers[inner.wan] = inner.name
    remedy = f"write the address of a computer in {lan.network}"
    if host in routers:
        yield (key, f"{host} is the address of {routers[host]} itself", remedy)
    elif host in (lan.network.network_address, lan.network.broadcast_address):
        yield (key, f"{host} is the network's own or its broadcast address", remedy)


def check_source_is_visible(
    site: Any, key: str, server: Any, nat_routers: list[int], inner: int
) -> Iterator[Finding]:
    """Refuse a host behind a router that cannot tell a server from others.

    :param nat_routers: the indexes of the routers in between that translate
    :param inner: the index of the router that has the host in its LAN
    """
    for k in nat_routers:
        router = site.routers[k]
        if router.masks_source and k < inner:
            yield (
                key,
                f"{router.name} replaces source addresses (masks_source), so "
                f"{site.routers[k + 1].name} cannot distinguish {server.name} from others",
                f"switch that off on {router.name} and remove masks_source, or write an address in "
                f"the LAN of {router.name}",
            )


def check_ports_are_free(
    site: Any, key: str, host: Any, services: Iterable[Service], nat_routers: list[int]
) -> Iterator[Finding]:
    """Refuse services of a host that a router in between would be dialled for, and cannot be.

    :param nat_routers: the indexes of the routers in between that translate
    """
    for k in nat_routers:
        router = site.routers[k]
        for field in ("open_to_wan", "other_forwards"):
            for other in getattr(router, field):
                for service in services:
                    if service.protocol == other.protocol and service.ports.overlaps(other.ports):
                        yield (
                            key,
                            f"{service} of {host} would be dialled at {router.name}, where "
                            f"{other} is taken already ({field})",
                            f"let {host} answer on another port, or remove {other} from "
                            f"{field} of {router.name}",
                        )


def _port_clash(key: str, port: str, host: Any, other: Any) -> Finding:
    if host == other:
        return (key, f"{port} of {host} is listed already", "list it once")
    return (
        key,
        f"{port} of {host} and of {other} would be the same port of a router in between",
        "let one of them answer on another port",
    )
