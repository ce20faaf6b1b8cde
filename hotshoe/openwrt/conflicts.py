"""Which existing sections of a router stand in the way of what a Plan needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address

from hotshoe.openwrt.interfaces import Interface
from hotshoe.openwrt.matching import (
    EVERY_ZONE,
    Match,
    Packets,
    family,
    redirect_match,
    rule_match,
)
from hotshoe.openwrt.routes import route_target
from hotshoe.openwrt.sections import LABEL, OWNER, inbound
from hotshoe.openwrt.uci.changes import expected, foreign
from hotshoe.openwrt.uci.data import Package, Section, list_items
from hotshoe.openwrt.zones import Zones
from hotshoe.plan.model import RouterPlan
from hotshoe.ports.ranges import PortRange, Service


@dataclass(frozen=True)
class Conflict:
    """What a router has that has to go, or that the Site has to make room for.

    :param reason: what it is, and what of the Plan it is in the way of
    :param remedy: what to do about it
    """

    reason: str
    remedy: str


def conflicts(
    router: RouterPlan,
    zones: Zones,
    packages: Mapping[str, Package],
    interfaces: Iterable[Interface],
    services: Iterable[Service] = (),
) -> Iterator[Conflict]:
    """Find existing sections that have to go, or that the Site has to make room for.

    :param router: what is planned for it
    :param zones: the WAN's and the LAN's zone
    :param packages: network, firewall and dhcp, as they are
    :param interfaces: its interfaces, with the networks that are directly behind them
    :param services: what has to get through besides its port forwards: to a default host, or passed
    :returns: each conflict, to be shown
    """
    interfaces = tuple(interfaces)
    existing = {name: foreign(p, (OWNER,)) for name, p in packages.items()}
    foreign_redirects = existing["firewall"].of_type("redirect")
    # Called as `uci` calls them now, which counts ours as well.
    redirects = (
        (selector, redirect)
        for selector, redirect in packages["firewall"].addressed("redirect")
        if redirect in foreign_redirects
    )
    needed = dict.fromkeys((*(forward.service for forward in router.forwards), *services))
    yield from _redirects(router, zones, redirects, tuple(needed), interfaces)
    yield from _rules(router, zones, packages["firewall"], interfaces)
    yield from _routes(router, existing["network"])
    yield from _connected(router, interfaces)
    yield from _leases(router, existing["dhcp"])


def _redirects(
    router: RouterPlan,
    zones: Zones,
    redirects: Iterable[tuple[str, Section]],
    needed: tuple[Service, ...],
    interfaces: Sequence[Interface],
) -> Iterator[Conflict]:
    uses_ipv6 = any(rule.to.version == 6 for rule in router.accept_rules)
    family = None if uses_ipv6 else 4
    everything = Packets(zones.wan.name, router.wan_address, "tcp", family=family)
    for selector, existing in redirects:
        match = redirect_match(existing, interfaces, zones.wan.interface)
        if not match or not _is_port_forward(existing) or not match.overlaps(everything):
            continue
        what = f"existing port forward {_called(existing, selector)}"
        if not match.ports:
            if needed or router.default_host:
                yield Conflict(
                    f"{what} already sends everything from outside to {_target(existing)}",
                    "delete it on the router if it may go; a default host of your own is written "
                    "as mode: default-host in the Site",
                )
            continue
        for service in needed:
            packets = replace(everything, protocol=service.protocol, ports=service.ports)
            if match.overlaps(packets):
                yield Conflict(
                    f"{what} already takes {service} and sends it to {_target(existing)}",
                    "delete it on the router if it may go, or choose other ports in the Site",
                )


def _is_port_forward(redirect: Section) -> bool:
    return str(redirect.options.get("target", "DNAT")).upper() == "DNAT"


def _called(section: Section, selector: str) -> str:
    name = section.options.get("name")
    return f"{name!r} (firewall.{selector})" if name else f"firewall.{selector}"


def _target(redirect: Section) -> str:
    to = redirect.options.get("dest_ip")
    return str(to) if to else "the router itself"


def _rules(
    router: RouterPlan, zones: Zones, firewall: Package, interfaces: Sequence[Interface]
) -> Iterator[Conflict]:
    """The first rule that matches decides, and new ones of ours come after existing ones."""
    (wanted,) = inbound(router, zones)
    selectors = iter(at for at, rule in firewall.addressed("rule") if not wanted.owns(rule.name))
    rules = [
        (rule, None if wanted.owns(rule.name) else next(selectors))
        for rule in expected(firewall, wanted).of_type("rule")
    ]
    # Those for every zone are in a chain that comes first.
    rules.sort(key=lambda each: each[0].options.get("src") != EVERY_ZONE)
    blocking: list[tuple[Match, str]] = []
    for rule, selector in rules:
        if selector:
            match = rule_match(rule, interfaces) if _refuses(rule) else None
            if match:
                blocking.append((match, _called(rule, selector)))
        elif rule.options["target"] == "ACCEPT":
            packets = _accepted(rule, router)
            for match, called in blocking:
                if match.overlaps(packets):
                    name = str(rule.options["name"]).removeprefix(LABEL)
                    yield Conflict(
                        f"existing rule {called} matches first and blocks hotshoe's {name!r}",
                        "delete it on the router if it may go, or let it match less",
                    )


def _refuses(rule: Section) -> bool:
    return str(rule.options.get("target")).upper() in ("DROP", "REJECT")


def _accepted(rule: Section, router: RouterPlan) -> Packets:
    """What a rule of ours accepts."""
    options = {name: str(value) for name, value in rule.options.items()}
    return Packets(
        source=options["src"],
        to=ip_address(options["dest_ip"]) if "dest_ip" in options else router.wan_address,
        protocol=options["proto"],
        destination=options.get("dest", ""),
        family=family(rule),
        ports=PortRange.parse(options["dest_port"]) if "dest_port" in options else None,
    )


def _routes(router: RouterPlan, network: Package) -> Iterator[Conflict]:
    for existing in (*network.of_type("route"), *network.of_type("route6")):
        # Other tables are asked by rules of their owner's only.
        is_main = existing.options.get("table", "main") in ("main", "254")
        if existing.options.get("disabled") == "1" or not is_main:
            continue
        try:
            to = route_target(existing)
        except ValueError:
            continue
        gateway = existing.options.get("gateway")
        for route in router.routes:
            if to == route.to and gateway != str(route.via):
                yield Conflict(
                    f"existing static route to {route.to} leads to "
                    f"{gateway or existing.options.get('interface')} instead of {route.via}",
                    "delete it on the router if it may go: LuCI, Network, Routing",
                )


def _connected(router: RouterPlan, interfaces: Iterable[Interface]) -> Iterator[Conflict]:
    """A route to a network of the router's own would take its place in the kernel.

    netifd does not set the old one again when the route goes, so nothing would undo that.
    """
    for interface in interfaces:
        for address in interface.addresses:
            for route in router.routes:
                if address.network == route.to:
                    yield Conflict(
                        f"its interface {interface.name} ({address}) is in {route.to} itself, "
                        f"which the Site has behind {route.via}",
                        "give one of the two another network, on the router or in the Site",
                    )


def _leases(router: RouterPlan, dhcp: Package) -> Iterator[Conflict]:
    """Two leases with one address would keep dnsmasq from starting: no DNS, no addresses."""
    for existing in dhcp.of_type("host"):
        name = existing.options.get("name") or existing.name or "(no name)"
        address = existing.options.get("ip")
        macs = [mac.lower() for mac in list_items(existing.options.get("mac"))]
        if existing.options.get("enable") == "0":
            continue
        for lease in router.leases:
            has_address = isinstance(address, str) and _same(address, str(lease.address))
            if has_address or lease.mac in macs:
                yield Conflict(
                    f"existing static lease {name} has "
                    f"{' '.join(macs) or 'no MAC'} at {address or 'no address'}",
                    f"delete it on the router if it may go, or remove the mac of {lease.name} from "
                    "the Site",
                )


def _same(first: str, second: str) -> bool:
    try:
        return ip_address(first) == ip_address(second)
    except ValueError:
        return False
