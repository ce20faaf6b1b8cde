"""Where the files of a router and what is in force differ, before a change.

A reload puts into force whatever the files say, also what others committed and never loaded; and a
rollback restores files. So a change begins only where both agree.

Not compared, since it changes by itself or cannot be asked for: elements of sets, flow offloading,
other tables, rules without fw4's mark that are in the kernel alone (miniupnpd, pbr and others put
theirs into fw4's chains), what services ask of fw4, which helpers follow connections (fw4 takes
those whose kernel modules are there), scripts that the firewall includes; addresses by DHCP, PPPoE
and the like, routes of interfaces with a routing table of their own, bridges, VLANs, and other
options of networks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network

from hotshoe.openwrt.interfaces import Interface, Route
from hotshoe.openwrt.routes import route_target
from hotshoe.openwrt.rules import name_of, rules_of
from hotshoe.openwrt.uci.changes import Wanted
from hotshoe.openwrt.uci.data import Package, Section, list_items
from hotshoe.openwrt.verify.live import comment_of, is_route, masquerading_rule

_TRUE, _FALSE = ("1", "true", "on", "yes"), ("0", "false", "off", "no")
# As netifd reads an interface's `disabled` (config.c, config_parse_interface).
_DISABLED = ("1", "true")
# Whose routes those are that name none (interface-ip.c, interface_ip_add_route).
_LOOPBACK = "loopback"
# Not a whole line: nft prints a `{` of a set at its end as well.
_CHAIN = re.compile(r"chain (\S+) \{")
_DEVICES = re.compile(r"\b[io]ifname ")
# What fw4 adds where a zone has redirects or helpers, ours and those of services among them; these
# are compared themselves, as far as they are others'.
_FOLLOWS = re.compile(
    r' comment "!fw4: (Accept port (redirections|forwards)|'
    r'Handle \S+ \S+ ((dst|src)nat traffic|helper assignment))"'
)


def drift(
    wanted: Iterable[Wanted],
    packages: Mapping[str, Package],
    from_files: Iterable[str],
    rules: Iterable[str],
    interfaces: Iterable[Interface],
    label: str = "",
) -> tuple[str, ...]:
    """Find where what is in force is not what the files say.

    :param wanted: what packages shall hold; that this is not in force yet is no difference
    :param packages: network and firewall
    :param from_files: what the kernel lists of the table that the firewall's files make; empty if
        that is not known
    :param rules: what it lists of the one in force; empty if the firewall is not loaded
    :param interfaces: the router's interfaces
    :param label: what the names of all rules of this owner begin with
    :returns: a message for each difference; empty if there is none
    """
    wanted, interfaces, rules = tuple(wanted), tuple(interfaces), tuple(rules)
    from_files = tuple(from_files)
    found: list[str] = []
    if from_files and rules:
        ours = _Ours(wanted, packages["firewall"], label)
        # fw4 is not told when an interface goes down, nor always of one that comes by itself.
        is_settled = all(each.up and not each.dynamic for each in interfaces)
        found += _rules(_chains(from_files), _chains(rules), ours, is_settled)
    found += _networks(packages["network"], interfaces, wanted)
    return tuple(found)


# -- the firewall


class _Ours:
    """The rules that a change is about, which may differ."""

    def __init__(self, wanted: tuple[Wanted, ...], firewall: Package, label: str) -> None:
        self._names = {name_of(section) for each in wanted for section in rules_of(each)}
        self._names |= {
            masquerading_rule(firewall, setting.section)
            for each in wanted
            for setting in each.settings
            if (each.package, setting.option) == ("firewall", "masq")
        }
        self._label = label

    def has(self, line: str) -> bool:
        """Whether a line of a listing is one of these rules."""
        name = comment_of(line).removesuffix(" (reflection)")
        labelled = bool(self._label) and f' comment "{self._label}' in line
        return name in self._names or labelled or bool(self._label and name.startswith(self._label))


def _chains(listed: Iterable[str]) -> dict[str, list[str]]:
    """The lines of each chain, policy and rules."""
    chains: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in listed:
        if match := _CHAIN.fullmatch(line):
            current = chains.setdefault(match[1], [])
        elif line == "}":
            current = None
        elif current is not None and "flow add @ft" not in line:
            current.append(line)
    return chains


def _rules(
    from_files: Mapping[str, list[str]],
    live: Mapping[str, list[str]],
    ours: _Ours,
    is_settled: bool,
) -> Iterator[str]:
    for chain in dict.fromkeys((*from_files, *live)):
        files = [line for line in from_files.get(chain, ()) if _is_compared(line, ours, is_settled)]
        kernel = [
            line
            for line in live.get(chain, ())
            if _is_compared(line, ours, is_settled) and (line in files or "!fw4: " in line)
        ]
        missing, stale = Counter(files) - Counter(kernel), Counter(kernel) - Counter(files)
        for line in missing.elements():
            yield f"firewall, chain {chain}: in the files, but not in force: {line}"
        for line in stale.elements():
            yield f"firewall, chain {chain}: in force, but no longer in the files: {line}"
        if not missing and not stale and files != kernel:
            yield f"firewall, chain {chain}: rules are in force in another order than in the files"


def _is_compared(line: str, ours: _Ours, is_settled: bool) -> bool:
    """Whether a line has to be the same in the files and in the kernel."""
    if ours.has(line) or "!fw4: ubus:" in line or " ct helper set " in line:
        return False
    if _FOLLOWS.search(line):
        return False
    # These depend on which interfaces are up, and by which addresses.
    by_interface = (_DEVICES.search(line) and "!fw4: " in line) or '(reflection)"' in line
    return is_settled or not by_interface


# -- networks


def _networks(
    network: Package, interfaces: tuple[Interface, ...], wanted: tuple[Wanted, ...]
) -> Iterator[str]:
    if not interfaces:
        return
    running = {each.name: each for each in interfaces if not each.dynamic}
    said = {
        section.name: section
        for kind in ("interface", "alias")
        for section in network.of_type(kind)
        if section.name and section.options.get("disabled") not in _DISABLED
    }
    for name in sorted(said.keys() - running.keys()):
        # What does not come up by itself is not put into force by a reload.
        if said[name].options.get("auto") not in _FALSE:
            yield f"network.{name}: in the file, but not in force"
    for name in sorted(running.keys() - said.keys()):
        yield f"network.{name}: in force, but no longer in the file"
    names = {each.name for wants in wanted for each in wants.sections}
    ours = frozenset(
        route
        for wants in wanted
        for section in wants.sections
        if is_route(wants, section) and (route := _route(section))
    )
    for name in sorted(said.keys() & running.keys()):
        routes = [
            section
            for kind in ("route", "route6")
            for section in network.of_type(kind)
            if section.options.get("interface", _LOOPBACK) == name and section.name not in names
        ]
        yield from _interface(said[name], running[name], routes, ours)


def _interface(
    section: Section, running: Interface, routes: list[Section], ours: frozenset[Route]
) -> Iterator[str]:
    at, options = f"network.{section.name}", section.options
    proto = str(options.get("proto", "none"))
    # Without the program for a protocol, netifd calls it none.
    if proto != running.protocol and running.protocol not in ("", "none"):
        yield _differs(f"{at}.proto", proto, running.protocol)
        return
    if not running.up:
        return
    try:
        said = frozenset(route for each in routes if (route := _route(each)))
        addresses = _addresses(section) if proto == "static" else frozenset()
        gateways = _gateways(section, addresses) if proto == "static" else frozenset()
    except ValueError:
        # netifd leaves out what it cannot read.
        return
    # With a table of its own, netifd does not tell which of its routes are in the main one.
    own = {v for v, option in ((4, "ip4table"), (6, "ip6table")) if option in options}
    said = frozenset(route for route in said if route.to.version not in own)
    gateways = frozenset(route for route in gateways if route.to.version not in own)
    for route in said | gateways:
        if route not in running.routes:
            yield f"{at}: in the file, but not in force: {route}"
    if proto != "static":
        return
    device = options.get("device")
    is_plain = isinstance(device, str) and re.fullmatch(r"[^@\s]\S*", device)
    # With `type`, as releases before 21.02 wrote a bridge, the device is one of its ports.
    if is_plain and "type" not in options and running.carrier and device != running.carrier:
        yield _differs(f"{at}.device", str(device), running.carrier)
    for version, option in ((4, "ipaddr"), (6, "ip6addr")):
        there = {each for each in running.addresses if each.version == version}
        wants = {each for each in addresses if each.version == version}
        # An IPv6 address may be part of a prefix that the provider gave.
        if wants - there or (version == 4 and there - wants):
            yield _differs(f"{at}.{option}", _listed(wants), _listed(there))
    is_complete = all(_route(each) or each.options.get("disabled") in _TRUE for each in routes)
    left = {r for r in running.routes - said - gateways - ours if r.to.version not in own}
    for route in left if is_complete else ():
        yield f"{at}: in force, but no longer in the file: {route}"


def _addresses(section: Section) -> frozenset[IPv4Interface | IPv6Interface]:
    mask = section.options.get("netmask", "32")
    options = (section.options.get(name) for name in ("ipaddr", "ip6addr"))
    found = [address for option in options for address in list_items(option)]
    return frozenset(
        ip_interface(each if "/" in each or ":" in each else f"{each}/{mask}") for each in found
    )


def _gateways(
    section: Section, addresses: frozenset[IPv4Interface | IPv6Interface]
) -> frozenset[Route]:
    if section.options.get("defaultroute") in _FALSE:
        return frozenset()
    # Without an address of that version, netifd leaves it out (proto.c, proto_apply_static…).
    versions = {address.version for address in addresses}
    return frozenset(
        Route(to, str(ip_address(str(section.options[option]))))
        for option, to in (("gateway", ip_network("0.0.0.0/0")), ("ip6gw", ip_network("::/0")))
        if option in section.options and to.version in versions
    )


def _route(section: Section) -> Route | None:
    """A route of the main table to somewhere; None if it is another one, or off.

    :raises ValueError: if it cannot be read
    """
    options = section.options
    if options.get("disabled") in _TRUE or {"table", "type"} & options.keys():
        return None
    gateway = options.get("gateway")
    return Route(route_target(section), str(ip_address(str(gateway))) if gateway else "")


def _differs(what: str, said: str, found: str) -> str:
    return f"{what}: {said or 'nothing'} in the file, but {found or 'nothing'} in force"


def _listed(addresses: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, addresses)))
