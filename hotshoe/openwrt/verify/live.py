"""Whether what the configuration says is really in force: the rules in the kernel, and the routes.

fw4 leaves out a section that it does not like and exits 0; netifd leaves out a route that it cannot
set and says nothing. So the kernel is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_network

from hotshoe.openwrt.rules import name_of, rules_of
from hotshoe.openwrt.uci.changes import Wanted
from hotshoe.openwrt.uci.data import Package, Section
from hotshoe.openwrt.zones import words

# Options whose values are in the rule as nft lists it.
_SHOWN = ("src_ip", "src_dip", "dest_ip", "src_dport", "dest_port", "snat_ip")


def not_live(
    wanted: Iterable[Wanted],
    firewall: Package,
    rules: Iterable[str],
    routes: Mapping[str, str],
    label: str = "",
) -> tuple[str, ...]:
    """Tell what is wanted and not in force, and what is in force and no longer wanted.

    :param wanted: what packages shall hold
    :param firewall: /etc/config/firewall, for the names of the zones
    :param rules: ``nft --stateless list table inet fw4``, line by line
    :param routes: the networks that have a gateway, and that gateway
    :param label: what the names of all rules of this owner begin with; those that are not wanted
        must not be there. Empty: nothing is said of others
    :returns: in words; empty if all is well
    """
    listed = [line for line in rules if "comment" in line]
    # A rule and its reflections have one name.
    return tuple(dict.fromkeys(_not_live(tuple(wanted), firewall, listed, routes, label)))


def _not_live(
    wanted: tuple[Wanted, ...],
    firewall: Package,
    listed: list[str],
    routes: Mapping[str, str],
    label: str,
) -> Iterator[str]:
    names = set()
    for each in wanted:
        for section in rules_of(each):
            names.add(name_of(section))
            if not any(_shows(line, section) for line in listed):
                yield f"the rule {name_of(section)!r}"
        for section in each.sections:
            if is_route(each, section) and not is_set(section, routes):
                options = section.options
                yield f"the route to {options.get('target')} by {options.get('gateway')}"
        for setting in each.settings:
            if each.package == "firewall" and setting.option == "masq":
                yield from _masquerading(firewall, setting.section, setting.value == "1", listed)
    if label:
        for line in listed:
            name = comment_of(line).removesuffix(" (reflection)")
            if name.startswith(label) and name not in names:
                yield f"gone is not yet the rule {name!r}"


def is_route(wanted: Wanted, section: Section) -> bool:
    """Whether a section is a static route that shall be in force."""
    is_one = wanted.package == "network" and section.type in ("route", "route6")
    return is_one and section.options.get("disabled") != "1"


def is_set(route: Section, routes: Mapping[str, str]) -> bool:
    """Whether the kernel has a static route.

    :param route: its section; without a gateway it counts as set
    :param routes: the networks that have a gateway, and that gateway
    """
    return routes.get(_target(route)) == route.options.get("gateway")


def _target(section: Section) -> str:
    target, mask = section.options.get("target"), section.options.get("netmask")
    return str(ip_network(f"{target}/{mask}" if mask else str(target), strict=False))


def comment_of(line: str) -> str:
    """What fw4 calls a rule, of its line as nft lists it; without fw4's mark, the whole line."""
    # The last one: the name itself may hold the word.
    return line.rpartition('comment "!fw4: ')[2].removesuffix('"')


def _shows(line: str, section: Section) -> bool:
    if comment_of(line) != name_of(section):
        return False
    # The comment names ports and addresses too, but says nothing of what the rule does with them.
    rule = line.rpartition(" comment ")[0].replace(",", " ").split()
    # In `dnat ip to 192.168.1.10:21` are two.
    shown = {part for word in rule for part in (word, *word.rsplit(":", 1))}
    values = (value for option in _SHOWN for value in words(section.options.get(option)))
    return all(value in shown for value in values)


def _masquerading(
    firewall: Package, selector: str, wanted: bool, listed: list[str]
) -> Iterator[str]:
    name = masquerading_name(firewall, selector)
    if wanted != any(comment_of(line) == name for line in listed):
        zone = _zone(firewall, selector)
        yield f"masquerading of zone {zone} {'on' if wanted else 'off'}"


def masquerading_name(firewall: Package, selector: str) -> str:
    """What fw4 calls the rule by which a zone masquerades (zone-masq.uc).

    :param selector: the zone's section
    """
    return f"Masquerade IPv4 {_zone(firewall, selector)} traffic"


def _zone(firewall: Package, selector: str) -> str:
    zone = dict(firewall.addressed("zone")).get(selector)
    return str(zone.options.get("name")) if zone else selector
