"""Which existing sections of a router stand in the way of what a Plan needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network

from hotshoe.openwrt.matching import family, has_protocol, holds, ports
from hotshoe.openwrt.rules import is_enabled
from hotshoe.openwrt.sections import INBOUND, LABEL, OUTBOUND, inbound
from hotshoe.openwrt.uci.changes import expected, foreign
from hotshoe.openwrt.uci.data import Package, Section, list_items
from hotshoe.openwrt.zones import Interface, UnfitRouterError, Zone, Zones
from hotshoe.plan.model import RouterPlan
from hotshoe.ports.ranges import PortRange, Service

# With any of these a redirect takes some connections only; whose, nobody can tell from here.
_LIMITED = ("src_ip", "src_mac", "src_port", "ipset", "mark", "helper")
# All that a rule may say and refuse everybody what it is about nevertheless.
_UNLIMITED = {
    *("enabled", "name", "family", "src", "dest", "proto", "dest_ip", "dest_port", "target"),
    *("counter", "log", "log_limit"),
}


def conflicts(
    router: RouterPlan,
    zones: Zones,
    packages: Mapping[str, Package],
    interfaces: Iterable[Interface],
    services: Iterable[Service] = (),
) -> Iterator[UnfitRouterError]:
    """Find existing sections that have to go, or that the Site has to make room for.

    :param router: what is planned for it
    :param zones: its interfaces and zones
    :param packages: network, firewall and dhcp, as they are
    :param interfaces: its interfaces, with the networks that are directly behind them
    :param services: what has to get through besides its port forwards: to a default host, or passed
    :returns: each conflict, to be shown
    """
    interfaces = tuple(interfaces)
    others = {name: foreign(p, (OUTBOUND, INBOUND)) for name, p in packages.items()}
    theirs = others["firewall"].of_type("redirect")
    # Called as `uci` calls them now, which counts ours as well.
    redirects = (each for each in packages["firewall"].addressed("redirect") if each[1] in theirs)
    needed = dict.fromkeys((*(forward.service for forward in router.forwards), *services))
    yield from _redirects(router, zones, redirects, tuple(needed), interfaces)
    yield from _rules(router, zones, packages["firewall"], interfaces)
    yield from _routes(router, others["network"])
    yield from _connected(router, interfaces)
    yield from _leases(router, others["dhcp"])


def _redirects(
    router: RouterPlan,
    zones: Zones,
    redirects: Iterable[tuple[str, Section]],
    needed: tuple[Service, ...],
    interfaces: Sequence[Interface],
) -> Iterator[UnfitRouterError]:
    for where, theirs in redirects:
        if not _takes(theirs, zones.wan, router, interfaces):
            continue
        what = f"existing port forward {_called(theirs, where)}"
        try:
            taken = ports(theirs, "src_dport")
        except ValueError:
            continue  # fw4 leaves such a section out
        if not taken:
            if needed or router.default_host:
                yield UnfitRouterError(
                    f"{what} already sends everything from outside to {_to(theirs)}",
                    "delete it on the router if it may go; a default host of your own is written "
                    "as mode: default-host in the Site",
                )
            continue
        for service in needed:
            if has_protocol(theirs, service.protocol) and _overlap(taken, service.ports):
                yield UnfitRouterError(
                    f"{what} already takes {service} and sends it to {_to(theirs)}",
                    "delete it on the router if it may go, or choose other ports in the Site",
                )


def _takes(
    redirect: Section, wan: Zone, router: RouterPlan, interfaces: Sequence[Interface]
) -> bool:
    options = redirect.options
    dialled = str(options.get("src_dip", wan.interface))
    return (
        is_enabled(redirect)
        and options.get("src") == wan.name
        and str(options.get("target", "DNAT")).upper() == "DNAT"
        and (dialled == wan.interface or holds(dialled, router.wan_address, interfaces))
        and (family(redirect) != 6 or any(rule.to.version == 6 for rule in router.accept_rules))
        and not any(option in options for option in _LIMITED)
        and has_protocol(redirect, "tcp")
    )


def _called(section: Section, where: str) -> str:
    name = section.options.get("name")
    return f"{name!r} (firewall.{where})" if name else f"firewall.{where}"


def _to(redirect: Section) -> str:
    to = redirect.options.get("dest_ip")
    return str(to) if to else "the router itself"


def _rules(
    router: RouterPlan, zones: Zones, firewall: Package, interfaces: Sequence[Interface]
) -> Iterator[UnfitRouterError]:
    """The first rule that fits decides, and what is new of ours comes after what is there."""
    (wanted,) = inbound(router, zones)
    names = iter(w for w, rule in firewall.addressed("rule") if not wanted.owns(rule.name))
    rules = [
        (rule, None if wanted.owns(rule.name) else next(names))
        for rule in expected(firewall, wanted).of_type("rule")
    ]
    # Those for every zone are in a chain that comes first.
    rules.sort(key=lambda each: each[0].options.get("src") != "*")
    earlier: list[tuple[Section, str]] = []
    for rule, where in rules:
        if where:
            earlier.append((rule, where))
        elif rule.options["target"] == "ACCEPT":
            for theirs, there in earlier:
                if _refuses(theirs, rule, router, interfaces):
                    rule_name = str(rule.options["name"]).removeprefix(LABEL)
                    yield UnfitRouterError(
                        f"existing rule {_called(theirs, there)} matches first and blocks "
                        f"hotshoe's {rule_name!r}",
                        "delete it on the router if it may go, or let it match less",
                    )


def _refuses(
    theirs: Section, ours: Section, router: RouterPlan, interfaces: Sequence[Interface]
) -> bool:
    said, own = theirs.options, ours.options
    networks = list_items(said.get("dest_ip"))
    to = ip_address(str(own.get("dest_ip", router.wan_address)))
    try:
        taken = ports(theirs, "dest_port")
    except ValueError:
        return False  # fw4 leaves such a section out
    return (
        is_enabled(theirs)
        and str(said.get("target")).upper() in ("DROP", "REJECT")
        and set(said) <= _UNLIMITED
        and said.get("src") in (own["src"], "*")
        and ("dest" in said) == ("dest" in own)
        and said.get("dest") in (own.get("dest"), "*")
        and family(theirs) in (None, family(ours) or family(theirs))
        and has_protocol(theirs, str(own["proto"]))
        and (not taken or _overlap(taken, PortRange.parse(str(own["dest_port"]))))
        and (not networks or any(holds(each, to, interfaces) for each in networks))
    )


def _overlap(taken: Iterable[PortRange], ours: PortRange) -> bool:
    return any(each.overlaps(ours) for each in taken)


def _routes(router: RouterPlan, network: Package) -> Iterator[UnfitRouterError]:
    for theirs in (*network.of_type("route"), *network.of_type("route6")):
        target = theirs.options.get("target")
        mask = theirs.options.get("netmask")
        # Other tables are asked by rules of their owner's only.
        is_main = theirs.options.get("table", "main") in ("main", "254")
        if theirs.options.get("disabled") == "1" or not is_main:
            continue
        try:
            to = ip_network(f"{target}/{mask}" if mask else str(target), strict=False)
        except ValueError:
            continue
        gateway = theirs.options.get("gateway")
        for route in router.routes:
            if to == route.to and gateway != str(route.via):
                yield UnfitRouterError(
                    f"existing static route to {route.to} leads to "
                    f"{gateway or theirs.options.get('interface')} instead of {route.via}",
                    "delete it on the router if it may go: LuCI, Network, Routing",
                )


def _connected(router: RouterPlan, interfaces: Iterable[Interface]) -> Iterator[UnfitRouterError]:
    """A route to a network of the router's own would take its place in the kernel.

    netifd does not set the old one again when the route goes, so nothing would undo that.
    """
    for interface in interfaces:
        for address in interface.addresses:
            for route in router.routes:
                if address.network == route.to:
                    yield UnfitRouterError(
                        f"its interface {interface.name} ({address}) is in {route.to} itself, "
                        f"which the Site has behind {route.via}",
                        "give one of the two another network, on the router or in the Site",
                    )


def _leases(router: RouterPlan, dhcp: Package) -> Iterator[UnfitRouterError]:
    """Two leases with one address would keep dnsmasq from starting: no DNS, no addresses."""
    for theirs in dhcp.of_type("host"):
        name = theirs.options.get("name") or theirs.name or "(no name)"
        address = theirs.options.get("ip")
        macs = [mac.lower() for mac in list_items(theirs.options.get("mac"))]
        if theirs.options.get("enable") == "0":
            continue
        for lease in router.leases:
            has_address = isinstance(address, str) and _same(address, str(lease.address))
            if has_address or lease.mac in macs:
                yield UnfitRouterError(
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
