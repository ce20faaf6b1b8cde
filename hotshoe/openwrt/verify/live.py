"""Whether the wanted configuration is in force: rules, masquerading and routes in the kernel.

fw4 skips a section that it does not accept and exits 0; netifd skips a route that it cannot set and
says nothing. So the kernel is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hotshoe.openwrt.routes import route_target
from hotshoe.openwrt.rules import name_of, rules_of
from hotshoe.openwrt.uci.changes import Wanted
from hotshoe.openwrt.uci.data import Package, Section, list_items

# Options whose values are in the rule as nft lists it.
_SHOWN = ("src_ip", "src_dip", "dest_ip", "src_dport", "dest_port", "snat_ip")


def live_errors(
    wanted: Iterable[Wanted],
    firewall: Package,
    rules: Iterable[str],
    routes: Mapping[str, str],
    label: str = "",
) -> tuple[str, ...]:
    """Find what is wanted and not in force, and what is in force and no longer wanted.

    :param wanted: what packages shall hold
    :param firewall: /etc/config/firewall, for the names of the zones
    :param rules: ``nft --stateless list table inet fw4``, line by line
    :param routes: the networks that have a gateway, and that gateway
    :param label: what the names of all rules of this owner begin with; those that are not wanted
        are stale. Empty: nothing is said of others
    :returns: messages; empty if all is well
    """
    listed = [line for line in rules if "comment" in line]
    # A rule and its reflections have one name.
    return tuple(dict.fromkeys(_errors(tuple(wanted), firewall, listed, routes, label)))


def _errors(
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
                yield f"rule {name_of(section)!r} is not in force"
        for section in each.sections:
            if is_route(each, section) and not is_set(section, routes):
                target, gateway = (section.options.get(name) for name in ("target", "gateway"))
                yield f"the route to {target} by {gateway} is not in force"
        for setting in each.settings:
            if each.package == "firewall" and setting.option == "masq":
                yield from _masquerading(firewall, setting.section, setting.value == "1", listed)
    if label:
        for line in listed:
            name = comment_of(line).removesuffix(" (reflection)")
            if name.startswith(label) and name not in names:
                yield f"stale rule {name!r} is still loaded"


def is_route(wanted: Wanted, section: Section) -> bool:
    """Whether a section is a static route that shall be in force."""
    is_type = wanted.package == "network" and section.type in ("route", "route6")
    return is_type and section.options.get("disabled") != "1"


def is_set(route: Section, routes: Mapping[str, str]) -> bool:
    """Whether the kernel has a static route.

    :param route: its section; without a gateway it counts as set
    :param routes: the networks that have a gateway, and that gateway
    """
    return routes.get(str(route_target(route))) == route.options.get("gateway")


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
    values = (value for option in _SHOWN for value in list_items(section.options.get(option)))
    return all(value in shown for value in values)


def _masquerading(
    firewall: Package, selector: str, wanted: bool, listed: list[str]
) -> Iterator[str]:
    name = masquerading_rule(firewall, selector)
    if wanted != any(comment_of(line) == name for line in listed):
        zone = _zone(firewall, selector)
        yield f"masquerading of zone {zone} is not {'on' if wanted else 'off'}"


def masquerading_rule(firewall: Package, selector: str) -> str:
    """What fw4 calls the rule by which a zone masquerades (zone-masq.uc).

    :param selector: the zone's section
    """
    return f"Masquerade IPv4 {_zone(firewall, selector)} traffic"


def _zone(firewall: Package, selector: str) -> str:
    zone = dict(firewall.addressed("zone")).get(selector)
    return str(zone.options.get("name")) if zone else selector
