"""Where the files of a router and what is in force differ, and what is no difference."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_interface, ip_network
from typing import Any

import pytest

from hotshoe.openwrt import sections
from hotshoe.openwrt.interfaces import Interface, Route, read_interfaces
from hotshoe.openwrt.uci.changes import Setting, Wanted
from hotshoe.openwrt.uci.data import Package, Section
from hotshoe.openwrt.verify.drift import drift
from tests.unit.openwrt.routers import TEXTS, firewall, packages

LISTED = tuple(line.strip() for line in (TEXTS / "default_host.nft").read_text().splitlines())
CHAIN = LISTED.index("chain input_lan {")
DEVICE = next(line for line in LISTED if line.startswith("iifname") and "input_lan" in line)
PING = next(line for line in LISTED if "Allow-Ping" in line)
THEIRS = 'tcp dport 22 counter accept comment "!fw4: theirs"'

LAN = Interface(
    "lan", "br-lan", True, (ip_interface("192.168.1.1/24"),), False, "static", carrier="br-lan"
)
WAN = Interface(
    "wan",
    "pppoe-wan",
    True,
    (ip_interface("203.0.113.20/32"),),
    True,
    "pppoe",
    carrier="eth0",
    routes=frozenset({Route(ip_network("0.0.0.0/0"), "203.0.113.1")}),
)
SAID_LAN = Section(
    "interface",
    "lan",
    {
        "device": "br-lan",
        "proto": "static",
        "ipaddr": "192.168.1.1",
        "netmask": "255.255.255.0",
        "ip6assign": "60",
    },
)
SAID_WAN = Section("interface", "wan", {"device": "eth0", "proto": "pppoe", "username": "me"})


def with_line(line: str, at: int = CHAIN + 1) -> tuple[str, ...]:
    return (*LISTED[:at], line, *LISTED[at:])


def without(*lines: str) -> tuple[str, ...]:
    return tuple(line for line in LISTED if line not in lines)


def of_firewall(
    made: tuple[str, ...],
    live: tuple[str, ...],
    *wanted: Wanted,
    interfaces: tuple[Interface, ...] = (),
    label: str = sections.LABEL,
) -> tuple[str, ...]:
    return drift(wanted, {"firewall": firewall(), "network": Package("network")}, made, live,
                 interfaces, label)  # fmt: skip


def of_network(
    *said: Section, interfaces: tuple[Interface, ...] = (LAN, WAN), wanted: tuple[Wanted, ...] = ()
) -> tuple[str, ...]:
    return drift(wanted, packages(network=said), (), (), interfaces)


# -- the firewall


def test_what_is_in_force_as_the_files_say_does_not_differ():
    assert of_firewall(LISTED, LISTED) == ()


@pytest.mark.parametrize(("made", "live"), [((), LISTED), (LISTED, ())])
def test_what_is_not_known_or_not_loaded_is_not_compared(made, live):
    assert of_firewall(made, live) == ()


def test_a_rule_that_is_in_the_files_alone_differs():
    assert of_firewall(with_line(THEIRS), LISTED) == (
        f"firewall, chain input_lan: in the files, but not in force: {THEIRS}",
    )
    plain = "tcp dport 22 drop"
    assert of_firewall(with_line(plain), LISTED) == (
        f"firewall, chain input_lan: in the files, but not in force: {plain}",
    )


def test_a_rule_of_fw4_that_is_in_force_alone_differs():
    assert of_firewall(LISTED, with_line(THEIRS)) == (
        f"firewall, chain input_lan: in force, but no longer in the files: {THEIRS}",
    )


def test_rules_in_another_order_differ():
    ours = LISTED.index(PING)
    moved = (*LISTED[: ours - 1], PING, LISTED[ours - 1], *LISTED[ours + 1 :])
    chain = "firewall, chain input_wan: rules are in force in another order than in the files"
    assert of_firewall(LISTED, moved) == (chain,)


def test_a_policy_differs():
    (old,) = (line for line in LISTED if "hook input priority filter" in line)
    new = old.replace("policy drop", "policy accept")
    live = tuple(new if line == old else line for line in LISTED)
    assert of_firewall(LISTED, live) == (
        f"firewall, chain input: in the files, but not in force: {old}",
    )


def test_a_chain_that_is_left_over_and_empty_does_not_differ():
    """fw4 takes no chain away."""
    assert of_firewall(LISTED, (*LISTED[:-1], "chain old {", "}", "}")) == ()


@pytest.mark.parametrize(
    "line",
    [
        "tcp dport 4711 counter accept",
        'tcp dport 4711 counter accept comment "miniupnpd"',
        'tcp dport 53 counter redirect to :53 comment "!fw4: ubus:dns[main] redirect 0"',
        "meta l4proto { tcp, udp } flow add @ft",
    ],
)
def test_what_others_add_while_it_runs_does_not_differ(line):
    assert of_firewall(LISTED, with_line(line)) == ()


def test_a_helper_whose_module_was_installed_since_does_not_differ():
    """fw4 then makes rules of it for each zone that is not translated; a deploy may install it."""
    helper = 'tcp dport 21 ct helper set "ftp" comment "!fw4: FTP passive connection tracking"'
    assert of_firewall(with_line(helper), LISTED, label="") == ()


def test_what_the_change_itself_is_about_does_not_differ():
    """It may have been damaged, which the change corrects."""
    ours = [line for line in LISTED if "hotshoe: " in line]
    assert ours
    assert of_firewall(LISTED, without(*ours)) == ()
    assert of_firewall(without(*ours), LISTED) == ()
    wanted = Wanted("firewall", "x", (Section("rule", "x_a", {"name": "theirs"}),))
    assert of_firewall(with_line(THEIRS), LISTED, wanted, label="") == ()
    masquerading = next(line for line in LISTED if "Masquerade IPv4 wan" in line)
    setting = Wanted("firewall", "x", settings=(Setting("@zone[1]", "masq", "1"),))
    assert of_firewall(LISTED, without(masquerading), setting) == ()
    assert of_firewall(LISTED, without(masquerading)) != ()


def test_what_follows_from_the_change_itself_does_not_differ():
    """Somebody took all of ours out of the files, and did not load them: the change corrects that.

    The same lines come and go with the redirects that services ask of fw4.
    """
    ours = [line for line in LISTED if "hotshoe: " in line]
    follow = [line for line in LISTED if "Accept port" in line or "dstnat traffic" in line]
    assert len(follow) > 2
    assert of_firewall(without(*ours, *follow), LISTED) == ()
    assert of_firewall(LISTED, without(*ours, *follow)) == ()
    theirs = 'tcp dport 81 dnat ip to 192.168.1.9:81 comment "!fw4: theirs"'
    redirect = LISTED.index("chain dstnat_wan {") + 2
    assert of_firewall(LISTED, with_line(theirs, redirect)) != ()


def test_what_depends_on_interfaces_is_compared_only_while_all_are_up():
    """fw4 is not told when an interface goes down."""
    without_device = without(DEVICE)
    vpn = Interface("vpn", "wg0", True, (), False, "wireguard")
    package = {
        "firewall": firewall(),
        "network": Package("network", (SAID_LAN, Section("interface", "vpn", {"proto": "x"}))),
    }
    for other in (replace(vpn, up=False), replace(vpn, dynamic=True)):
        found = drift((), package, LISTED, without_device, (LAN, other))
        assert not any("firewall" in each for each in found)
        assert drift((), package, with_line(THEIRS), LISTED, (LAN, other))
    assert of_firewall(LISTED, without_device) == (
        f"firewall, chain input: in the files, but not in force: {DEVICE}",
    )


# -- networks


def test_an_ordinary_router_does_not_differ():
    guest = Section("interface", "off", {"proto": "static", "disabled": "1"})
    later = Section("interface", "later", {"proto": "wireguard", "auto": "0"})
    by_itself = Interface("wan_6", "pppoe-wan", True, (), False, "dhcpv6", dynamic=True)
    assert of_network(SAID_LAN, SAID_WAN, guest, later, interfaces=(LAN, WAN, by_itself)) == ()


def test_a_router_of_which_netifd_says_nothing_is_not_compared():
    assert of_network(SAID_LAN, interfaces=()) == ()


def lan(**options: str | tuple[str, ...]) -> Section:
    return Section("interface", "lan", {**SAID_LAN.options, **options})


def route(**options: str) -> Section:
    said = {"interface": "lan", "target": "10.5.0.0/16", "gateway": "192.168.1.10"}
    return Section("route", "theirs_way", said | options)


NOT_IN_FORCE = "network.lan: in the file, but not in force: the route to "
DIFFERING = {
    "an address": (
        (lan(ipaddr="192.168.77.1"),),
        "network.lan.ipaddr: 192.168.77.1/24 in the file, but 192.168.1.1/24 in force",
    ),
    "a second address": (
        (lan(ipaddr=("192.168.1.1/24", "10.0.0.1/8")),),
        "network.lan.ipaddr: 10.0.0.1/8, 192.168.1.1/24 in the file, but 192.168.1.1/24 in force",
    ),
    "a prefix length": (
        (lan(netmask="255.255.0.0"),),
        "network.lan.ipaddr: 192.168.1.1/16 in the file, but 192.168.1.1/24 in force",
    ),
    "no address": (
        (lan(ipaddr=""),),
        "network.lan.ipaddr: nothing in the file, but 192.168.1.1/24 in force",
    ),
    "an IPv6 address": (
        (lan(ip6addr="fd00::1/64"),),
        "network.lan.ip6addr: fd00::1/64 in the file, but nothing in force",
    ),
    "a device": (
        (lan(device="eth7"),),
        "network.lan.device: eth7 in the file, but br-lan in force",
    ),
    "a protocol": (
        (lan(proto="dhcp"),),
        "network.lan.proto: dhcp in the file, but static in force",
    ),
    "a gateway": ((lan(gateway="192.168.1.9"),), f"{NOT_IN_FORCE}0.0.0.0/0 by 192.168.1.9"),
    "a route": ((SAID_LAN, route()), f"{NOT_IN_FORCE}10.5.0.0/16 by 192.168.1.10"),
    "a route with a mask": (
        (SAID_LAN, route(target="10.5.0.0", netmask="255.255.0.0")),
        f"{NOT_IN_FORCE}10.5.0.0/16 by 192.168.1.10",
    ),
    "a route without a gateway": (
        (SAID_LAN, route(gateway="")),
        f"{NOT_IN_FORCE}10.5.0.0/16",
    ),
    "a disabled interface": (
        (lan(disabled="1"),),
        "network.lan: in force, but no longer in the file",
    ),
    "a new interface": (
        (SAID_LAN, Section("interface", "guest", {"proto": "static"})),
        "network.guest: in the file, but not in force",
    ),
}


@pytest.mark.parametrize("what", DIFFERING)
def test_what_the_file_says_and_is_not_in_force_differs(what):
    said, message = DIFFERING[what]
    assert of_network(*said, SAID_WAN) == (message,)


def test_a_route_that_the_file_no_longer_says_differs():
    to = Route(ip_network("10.5.0.0/16"), "192.168.1.10")
    interfaces = (replace(LAN, routes=frozenset({to})), WAN)
    assert of_network(SAID_LAN, SAID_WAN, interfaces=interfaces) == (
        f"network.lan: in force, but no longer in the file: {to}",
    )
    assert of_network(SAID_LAN, SAID_WAN, route(), interfaces=interfaces) == ()
    wanted = Wanted("network", "theirs", (route(),))
    assert of_network(SAID_LAN, SAID_WAN, interfaces=interfaces, wanted=(wanted,)) == ()
    assert of_network(SAID_LAN, SAID_WAN, route(), wanted=(wanted,)) == ()


@pytest.mark.parametrize(
    "said",
    [
        (lan(device="@wan"),),
        (lan(device="br-lan eth7"),),
        (lan(ipaddr="nonsense"),),
        (SAID_LAN, route(gateway="nonsense")),
        (SAID_LAN, route(target="default")),
        (SAID_LAN, route(disabled="1")),
        (SAID_LAN, route(table="100")),
        (SAID_LAN, route(interface="nobody")),
    ],
)
def test_what_netifd_reads_otherwise_or_leaves_out_is_not_compared(said):
    assert of_network(*said, SAID_WAN) == ()


def read(**entry: Any) -> Interface:
    """The LAN, as netifd tells of it, with more fields."""
    address = {"address": "192.168.1.1", "mask": 24}
    plain = {"interface": "lan", "device": "br-lan", "up": True, "proto": "static"}
    (found,) = read_interfaces({"interface": [plain | {"ipv4-address": [address]} | entry]})
    return found


@pytest.mark.parametrize(
    ("said", "interfaces"),
    [
        pytest.param(
            (lan(ip4table="100", gateway="192.168.1.9"), route()),
            read(
                ip4table=100,
                route=[
                    {"target": "0.0.0.0", "mask": 0, "nexthop": "192.168.1.9"},
                    {"target": "10.5.0.0", "mask": 16, "nexthop": "192.168.1.10"},
                ],
            ),
            id="a routing table of its own, as with several uplinks",
        ),
        pytest.param((lan(ip6gw="fd00::9"),), LAN, id="a gateway without an address"),
        pytest.param((lan(type="bridge", device="eth0.1"),), LAN, id="a bridge of old"),
        pytest.param((lan(disabled="yes"),), LAN, id="not disabled for netifd"),
    ],
)
def test_what_netifd_does_with_ordinary_options_does_not_differ(said, interfaces):
    assert of_network(*said, SAID_WAN, interfaces=(interfaces, WAN)) == ()


def test_a_route_that_names_no_interface_is_the_loopback_s():
    """As one that refuses what nobody has: `type blackhole`."""
    loopback = Interface(
        "loopback", "lo", True, (ip_interface("127.0.0.1/8"),), False, "static", carrier="lo",
        routes=frozenset({Route(ip_network("10.0.0.0/8"), "")}),
    )  # fmt: skip
    said = {"device": "lo", "proto": "static", "ipaddr": "127.0.0.1", "netmask": "255.0.0.0"}
    nowhere = Section("route", "nowhere", {"target": "10.0.0.0/8", "type": "blackhole"})
    section = Section("interface", "loopback", said)
    assert of_network(section, nowhere, interfaces=(loopback,)) == ()
    assert of_network(section, interfaces=(loopback,)) != ()


def test_an_alias_does_not_differ():
    said = Section("alias", "second", {"interface": "lan", "proto": "static", "ipaddr": "10.1.1.1"})
    second = replace(LAN, name="second", addresses=(ip_interface("10.1.1.1/32"),))
    assert of_network(SAID_LAN, SAID_WAN, said, interfaces=(LAN, second, WAN)) == ()


def test_an_interface_that_is_down_or_whose_protocol_is_missing_is_not_compared():
    down = replace(LAN, up=False, addresses=(), device="", carrier="")
    assert of_network(lan(ipaddr="192.168.77.1"), SAID_WAN, interfaces=(down, WAN)) == ()
    unknown = replace(WAN, protocol="none", up=False)
    assert of_network(SAID_LAN, SAID_WAN, interfaces=(LAN, unknown)) == ()
