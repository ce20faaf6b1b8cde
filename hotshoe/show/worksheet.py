"""What a person enters on a router that hotshoe does not configure, as a page to print.

What to enter is in :mod:`hotshoe.plan.manual_setup`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from hotshoe.plan.manual_setup import Menu, Row, by_hand, neighbours, rows
from hotshoe.plan.model import Plan, RouterPlan
from hotshoe.render import render

TEMPLATE = "worksheet/worksheet.html.j2"

# The small print: what other routers call a menu, and what is easily missed there.
ALSO = {
    Menu.WAN: "Internet connection, account information, WAN interface. Where a DNS server is "
    "asked for beside a static address, the default gateway usually is one.",
    Menu.DDNS: "DDNS, “DynDNS” (FRITZ!Box, below “Permit access” or “Freigaben”). A provider that "
    "is not in the router's list is a custom one: the provider says its update URL, and the router "
    "what to write in it for the name and the address.",
    Menu.LAN: "home network, IPv4 configuration, LAN interface. If the router's own address "
    "changes here, open its menus again at the new one.",
    Menu.RESERVATION: "static lease, address binding, “always assign this device the same IPv4 "
    "address” (FRITZ!Box). Pick the device from the router's list.",
    Menu.NAT: "masquerading, router mode. On for the router's own network as it comes; a further "
    "network here is one that is behind the next router.",
    Menu.ROUTE: "static routing table, IPv4 routes, IPv6 routes.",
    Menu.FORWARD: "port mapping, port sharing, NAT rule, “Permit access” or “Freigaben” "
    "(FRITZ!Box). The port is the same outside and inside.",
    Menu.DEFAULT_HOST: "default server, “open this device completely” (FRITZ!Box, below “Permit "
    "access” or “Freigaben”).",
    Menu.SERVICE: "remote access, remote management, VPN server.",
    Menu.FIREWALL: "traffic rule, access rule, inbound rule, packet filter. Most routers block "
    "everything else as they come.",
    Menu.PINHOLE: "inbound rule, IPv6 filter, “Permit access” or “Freigaben” for IPv6 (FRITZ!Box). "
    "Where an interface ID is asked for, it is the last four groups of the address.",
    Menu.HAIRPIN: "NAT reflection. Many routers have no switch for it because it is always on.",
    Menu.HELPER: "FTP helper, NAT helper, NAT passthrough. Many routers have no switch for it "
    "because they have no such thing.",
}


@dataclass(frozen=True)
class Section:
    """One menu of a page.

    :param menu: its name
    :param also: the small print
    :param tables: its rows, those with the same labels together
    """

    menu: Menu
    also: str
    tables: tuple[tuple[Row, ...], ...]


@dataclass(frozen=True)
class Page:
    """The page of one router.

    :param router: its name
    :param place: where it is, in a few words
    :param purpose: what it does, in a sentence
    :param sections: what to enter
    :param checks: how to see that it works
    """

    router: str
    place: str
    purpose: str
    sections: tuple[Section, ...]
    checks: tuple[str, ...]


def html(plan: Plan, site: str) -> str:
    """The worksheet: a page for each router that a person sets up.

    :param site: the Site's name
    :returns: an HTML document that needs no other file
    """
    pages = [_page(plan, router) for router in by_hand(plan)]
    return render(TEMPLATE, plan=plan, site=site, pages=pages)


def _page(plan: Plan, router: RouterPlan) -> Page:
    sections = tuple(
        Section(
            menu,
            ALSO[menu],
            tuple(tuple(same) for _, same in groupby(entries, key=lambda row: row.labels)),
        )
        for menu, entries in groupby(rows(plan, router), key=lambda row: row.menu)
    )
    place = f"router {plan.routers.index(router) + 1} of {len(plan.routers)} from the Internet"
    return Page(router.name, place, _purpose(plan, router), sections, _checks(plan, router))


def _purpose(plan: Plan, router: RouterPlan) -> str:
    outer = plan.next_outside(router)
    outside = outer.name if outer else "the Internet"
    nearby = neighbours(plan, router)
    inside = " and ".join(nearby.values()) or "the home"
    between = f"Between {outside} on one side and {inside} on the other: "
    if not router.masquerade:
        return f"{between}translates no addresses, and accepts what is allowed below."
    if router.default_host:
        to = nearby[router.default_host]
        return f"{between}translates addresses (NAT), and sends all that arrives to {to}."
    if router.forwards or router.other_forwards:
        return f"{between}translates addresses (NAT), and forwards the ports below."
    return f"{between}translates addresses (NAT), and lets nothing in."


def _checks(plan: Plan, router: RouterPlan) -> tuple[str, ...]:
    return (*_dynamic_checks(plan, router), *_passing_checks(plan, router))


def _dynamic_checks(plan: Plan, router: RouterPlan) -> Iterator[str]:
    """Whether the address that the provider gives is one that the Internet can reach."""
    follower = plan.servers[0].follower
    if router.wan_address or not follower:
        return
    yield (
        f"The Internet or WAN page of {router.name} shows an IPv4 address that begins neither with "
        "10, 192.168 or 172.16 to 172.31 (private), nor with 100.64 to 100.127 (carrier-grade "
        f"NAT), nor with 192.0.0 (DS-Lite), and {follower.sources[0]} shows the same one to a "
        "computer at home. Otherwise no camera gets in, whatever is entered here: ask the provider "
        "for a public IPv4 address, dynamic or fixed."
    )
    if router.ddns:
        yield (
            f"The dynamic DNS page says that {plan.hostname} was updated, and “nslookup "
            f"{plan.hostname}” shows that address."
        )


def _passing_checks(plan: Plan, router: RouterPlan) -> tuple[str, ...]:
    if inside := plan.servers_through(router):
        ports = " or ".join(str(server.control_port) for server in inside)
        return (
            f"From outside, with a phone whose Wi-Fi is off: an FTP app reaches {plan.hostname}, "
            f"port {ports}, and is asked for a password.",
            "From the home's own Wi-Fi: the same.",
        )
    outside = " and ".join(server.name for server in plan.servers)
    return (
        f"A computer behind {router.name} still reaches the Internet.",
        f"From {outside}, nothing behind {router.name} answers that is not allowed above.",
    )
