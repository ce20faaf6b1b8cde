"""What a person enters on a router that hotshoe does not configure, as pages to print.

What to enter is in :mod:`hotshoe.plan.manual_setup`; what is said around it, in
:mod:`hotshoe.show.worksheet_advice`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from hotshoe.plan.manual_setup import Menu, Row, by_hand, neighbours, rows
from hotshoe.plan.model import Plan, RouterPlan
from hotshoe.render import render
from hotshoe.show import worksheet_advice
from hotshoe.show.worksheet_advice import Step

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
    """The pages of one router.

    :param router: its name
    :param place: where it is, in a few words
    :param purpose: what it does, in a sentence
    :param steps: the order of all work on the home
    :param taken: the ports that no other forward of it may use; empty if it forwards none
    :param port_keys: where the Site says other ones
    :param sections: what to enter
    :param cannot: what to do if the router cannot do something of that: what, and what to do
    :param checks: how to see that it works
    """

    router: str
    place: str
    purpose: str
    steps: tuple[Step, ...]
    taken: str
    port_keys: tuple[str, ...]
    sections: tuple[Section, ...]
    cannot: tuple[tuple[str, str], ...]
    checks: tuple[str, ...]


def html(plan: Plan, site: str, day: str) -> str:
    """The worksheet: pages for each router that a person sets up.

    :param site: the Site's name
    :param day: the date to print on them, as 2026-05-31
    :returns: an HTML document that needs no other file
    """
    pages = [_page(plan, site, router) for router in by_hand(plan)]
    return render(TEMPLATE, plan=plan, site=site, day=day, pages=pages)


def _page(plan: Plan, site: str, router: RouterPlan) -> Page:
    sections = tuple(
        Section(
            menu,
            ALSO[menu],
            tuple(tuple(same) for _, same in groupby(entries, key=lambda row: row.labels)),
        )
        for menu, entries in groupby(rows(plan, router), key=lambda row: row.menu)
    )
    place = f"router {plan.routers.index(router) + 1} of {len(plan.routers)} from the Internet"
    # A default host gets what no other forward takes.
    needed = [str(forward.service) for forward in router.forwards]
    if router.default_host:
        servers = plan.servers_through(router)
        needed += [f"{ports}/tcp" for server in servers for ports in server.forwarded_ports]
    return Page(
        router.name,
        place,
        _purpose(plan, router),
        worksheet_advice.order_of_work(plan, site, router),
        ", ".join(dict.fromkeys(needed)),
        worksheet_advice.port_keys(plan, router),
        sections,
        worksheet_advice.alternatives(router),
        worksheet_advice.checks(plan, site, router),
    )


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
