"""The UCI sections that a router's Plan means."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from hotshoe.openwrt import ddns, paths, sections
from hotshoe.openwrt.uci.changes import Setting, Wanted, diff
from hotshoe.openwrt.uci.data import Section
from hotshoe.openwrt.zones import Zones
from hotshoe.plan.model import Lease, Plan, RouterPlan
from hotshoe.ports.ranges import PortRange
from tests.conftest import EXAMPLES
from tests.homes import HOMES
from tests.random_homes import every_home
from tests.unit.openwrt.routers import ZONES, home, packages, with_all

# What nftables keeps of a comment: NFTNL_UDATA_COMMENT_MAXLEN.
COMMENT = 128


def of(router: RouterPlan, zones: Zones = ZONES) -> tuple[Wanted, ...]:
    return (*sections.outbound(router, zones), *sections.inbound(router, zones))


def all_of(router: RouterPlan) -> list[Section]:
    return [section for wanted in of(router) for section in wanted.sections]


def in_firewall(router: RouterPlan, *kinds: str) -> list[Section]:
    (wanted,) = sections.inbound(router, ZONES)
    return [section for section in wanted.sections if not kinds or section.type in kinds]


def written(found: list[Section]) -> list[str]:
    """Sections as a person would tell them: type, name, options but for the rule's name."""
    return [
        " ".join(
            [
                section.type,
                str(section.name),
                *(f"{k}={v}" for k, v in section.options.items() if k != "name"),
            ]
        )
        for section in found
    ]


# -- of every home


@every_home
def test_sections_have_names_of_their_own_that_uci_takes(plan: Plan):
    for router in plan.routers:
        names = [section.name for section in all_of(router)]
        assert len(set(names)) == len(names)
        assert all(re.fullmatch(r"hotshoe_(in|out)_[A-Za-z0-9_]+", name) for name in names)


@every_home
def test_rules_have_names_that_the_kernel_keeps_whole(plan: Plan):
    for router in plan.routers:
        rules = [section for section in in_firewall(router) if section.type != "include"]
        for rule in rules:
            name = str(rule.options["name"])
            assert name.startswith(sections.LABEL)
            reflected = " (reflection)" if rule.type == "redirect" else ""
            assert len(f"!fw4: {name}{reflected}\0".encode()) <= COMMENT
        # One of them may be in the kernel for the other, if they are called the same.
        told = Counter(str(sorted(rule.options.items())) for rule in rules)
        assert set(told.values()) <= {1}


@every_home
def test_every_forward_has_a_redirect_and_every_accept_rule_a_rule(plan: Plan):
    for router in plan.routers:
        redirects = [
            (
                section.options["proto"],
                section.options["src_dport"],
                section.options["dest_ip"],
                section.options.get("src_ip"),
            )
            for section in in_firewall(router, "redirect")
            if section.options["src"] == "wan" and {"src_dport", "dest_ip"} <= set(section.options)
        ]
        assert redirects == [
            (f.service.protocol, str(f.service.ports), str(f.to), f.source and str(f.source))
            for f in router.forwards
        ]
        rules = [
            (
                section.options["family"],
                section.options["proto"],
                section.options["dest_port"],
                section.options["dest_ip"],
                section.options.get("src_ip"),
            )
            for section in in_firewall(router, "rule")
            if "dest" in section.options
        ]
        assert rules == [
            (
                f"ipv{p.to.version}",
                p.service.protocol,
                str(p.service.ports),
                str(p.to),
                p.source and str(p.source),
            )
            for p in router.accept_rules
        ]


@every_home
def test_a_default_host_comes_last_and_after_what_the_router_answers_itself(plan: Plan):
    for router in plan.routers:
        (wanted,) = sections.inbound(router, ZONES)
        default = [s for s in wanted.sections if s.name == "hotshoe_in_default_host"]
        assert len(default) == (router.default_host is not None)
        assert wanted.last == {section.name for section in default}
        if default:
            assert wanted.sections[-1] == default[0]
            own = [s for s in wanted.sections if str(s.name).startswith("hotshoe_in_own_")]
            each = ["redirect"] * (1 + bool(router.hairpin)) + ["rule"]
            assert [s.type for s in own] == each * len(router.open_to_wan)
            assert not any("dest_ip" in s.options for s in own)


@every_home
def test_the_default_host_comes_after_existing_redirects(plan: Plan):
    for router in plan.routers:
        theirs = Section(
            "redirect", "theirs", {"src": "wan", "src_dport": "1", "dest_ip": "10.9.9.9"}
        )
        made = with_all(packages(theirs)["firewall"], *of(router))
        redirects = [section.name for section in made.of_type("redirect")]
        if router.default_host:
            assert redirects[-1] == "hotshoe_in_default_host"
        assert "theirs" in redirects


@every_home
def test_applying_twice_changes_nothing(plan: Plan):
    for router in plan.routers:
        for name, package in packages().items():
            wanted = [each for each in of(router) if each.package == name]
            made = with_all(package, *wanted)
            assert [diff(made, each) for each in wanted] == [()] * len(wanted)


@every_home
def test_nothing_is_wanted_that_the_plan_does_not_say(plan: Plan):
    for router in plan.routers:
        further = len(set(router.hairpin) - {router.lan.network})
        dialled = sum(not f.source for f in router.forwards) + bool(router.default_host)
        default = bool(router.default_host)
        # Where the address outside changes, included rules lead there from inside.
        fixed = router.wan_address is not None
        own = default * len(router.open_to_wan)
        hairpin = bool(router.hairpin) and bool(further * dialled or own)
        assert Counter(section.type for section in all_of(router)) == Counter(
            route=sum(route.to.version == 4 for route in router.routes),
            route6=sum(route.to.version == 6 for route in router.routes),
            host=len(router.leases),
            include=bool(router.masquerade_ports) + (hairpin and not fixed),
            redirect=len(router.forwards)
            + default
            + own * (1 + (fixed and bool(router.hairpin)))
            + further * dialled * fixed,
            nat=further * dialled,
            rule=len(router.accept_rules)
            + len(router.open_to_wan)
            + further * dialled * (not fixed),
        )


@every_home
def test_three_options_of_others_are_set_and_no_more(plan: Plan):
    for router in plan.routers:
        settings = [setting for wanted in of(router) for setting in wanted.settings]
        assert settings == [
            Setting("@zone[1]", "masq", "1" if router.masquerade else "0"),
            Setting("@zone[1]", "auto_helper", "0"),
            Setting("@zone[0]", "auto_helper", "0"),
        ]


def test_a_router_of_which_the_plan_says_nothing_gets_nothing():
    (router,) = home("home").routers
    nothing = dict.fromkeys(
        (
            "masquerade",
            "masquerade_ports",
            "forwards",
            "accept_rules",
            "routes",
            "leases",
            "hairpin",
            "open_to_wan",
        ),
        (),
    )
    assert all_of(replace(router, default_host=None, **nothing)) == []


# -- spelled out


def test_a_home_has_a_redirect_for_each_port():
    (router,) = home("home").routers
    assert written(in_firewall(router)) == [
        "redirect hotshoe_in_tcp_21_to_192_168_1_10 src=wan dest=lan family=ipv4 proto=tcp "
        "src_dport=21 dest_ip=192.168.1.10 target=DNAT reflection=1",
        "redirect hotshoe_in_tcp_50000_50199_to_192_168_1_10 src=wan dest=lan family=ipv4 "
        "proto=tcp src_dport=50000-50199 dest_ip=192.168.1.10 target=DNAT reflection=1",
    ]
    names = [section.options["name"] for section in in_firewall(router)]
    assert names == [
        "hotshoe: cameras to darkroom, 21/tcp to 192.168.1.10",
        "hotshoe: cameras to darkroom, 50000-50199/tcp to 192.168.1.10",
    ]
    network, firewall, dhcp = sections.outbound(router, ZONES)
    assert (network.sections, firewall.sections, dhcp.sections) == ((), (), ())
    assert {each.owner for each in (network, firewall, dhcp)} == {"hotshoe_out"}
    assert [each.package for each in (network, firewall, dhcp)] == ["network", "firewall", "dhcp"]


@pytest.mark.parametrize("side", ["wan", "lan"])
def test_a_zone_that_names_only_devices_has_no_reflection(side):
    """fw4 does not know the addresses of devices."""
    (router,) = home("home").routers
    zones = replace(ZONES, **{side: replace(getattr(ZONES, side), names_interface=False)})
    (wanted,) = sections.inbound(router, zones)
    forward, _, *hairpins = written(list(wanted.sections))
    assert forward.endswith("reflection=0")
    assert hairpins[:2] == [
        "redirect hotshoe_in_hairpin_tcp_21_from_192_168_1_0_24 src=lan dest=lan family=ipv4 "
        "proto=tcp src_ip=192.168.1.0/24 src_dip=203.0.113.20 src_dport=21 dest_ip=192.168.1.10 "
        "target=DNAT reflection=0",
        "nat hotshoe_in_hairpin_back_tcp_21_from_192_168_1_0_24 src=lan family=ipv4 proto=tcp "
        "src_ip=192.168.1.0/24 dest_ip=192.168.1.10 dest_port=21 target=SNAT snat_ip=192.168.1.1",
    ]
    assert len(hairpins) == 4


def test_a_default_host_has_one_redirect():
    router, _ = home("default-host").routers
    assert written(in_firewall(router)) == [
        "redirect hotshoe_in_default_host src=wan dest=lan family=ipv4 proto=tcp udp "
        "dest_ip=192.168.178.2 target=DNAT reflection=1"
    ]


def test_a_default_host_leaves_the_router_its_own_services():
    router, _ = home("default-host").routers
    own = replace(router, open_to_wan=HOMES["everything said"].routers[0].open_to_wan)
    made = written(in_firewall(own))
    assert made[:6] == [
        "redirect hotshoe_in_own_udp_51820_kept src=wan family=ipv4 proto=udp src_dport=51820 "
        "target=DNAT reflection=0",
        "redirect hotshoe_in_own_udp_51820_kept_inside src=lan family=ipv4 proto=udp "
        "src_dip=203.0.113.20 src_dport=51820 target=DNAT reflection=0",
        "rule hotshoe_in_own_udp_51820 src=wan proto=udp dest_port=51820 target=ACCEPT",
        "redirect hotshoe_in_own_udp_60000_61000_kept src=wan family=ipv4 proto=udp "
        "src_dport=60000-61000 target=DNAT reflection=0",
        "redirect hotshoe_in_own_udp_60000_61000_kept_inside src=lan family=ipv4 proto=udp "
        "src_dip=203.0.113.20 src_dport=60000-61000 target=DNAT reflection=0",
        "rule hotshoe_in_own_udp_60000_61000 src=wan proto=udp dest_port=60000-61000 target=ACCEPT",
    ]
    assert written(in_firewall(replace(own, default_host=None)))[0] == (
        "rule hotshoe_in_own_udp_51820 src=wan proto=udp dest_port=51820 target=ACCEPT"
    )


def test_a_routed_router_has_rules_and_no_redirects():
    edge, gateway = home("routed").routers
    (route,) = sections.outbound(edge, ZONES)[0].sections
    assert written([route]) == [
        "route hotshoe_out_to_192_168_1_0_24 interface=lan target=192.168.1.0/24 "
        "gateway=192.168.178.2"
    ]
    assert written(in_firewall(edge))[2:4] == [
        "redirect hotshoe_in_hairpin_tcp_21_from_192_168_1_0_24 src=lan dest=lan family=ipv4 "
        "proto=tcp src_ip=192.168.1.0/24 src_dip=203.0.113.20 src_dport=21 dest_ip=192.168.1.10 "
        "target=DNAT reflection=0",
        "nat hotshoe_in_hairpin_back_tcp_21_from_192_168_1_0_24 src=lan family=ipv4 proto=tcp "
        "src_ip=192.168.1.0/24 dest_ip=192.168.1.10 dest_port=21 target=SNAT "
        "snat_ip=192.168.178.1",
    ]
    assert written(in_firewall(gateway)) == [
        "rule hotshoe_in_pass_tcp_21_to_192_168_1_10 src=wan dest=lan family=ipv4 proto=tcp "
        "dest_ip=192.168.1.10 dest_port=21 target=ACCEPT",
        "rule hotshoe_in_pass_tcp_50000_50199_to_192_168_1_10 src=wan dest=lan family=ipv4 "
        "proto=tcp dest_ip=192.168.1.10 dest_port=50000-50199 target=ACCEPT",
    ]
    assert sections.outbound(gateway, ZONES)[1].settings[0] == Setting("@zone[1]", "masq", "0")


def test_a_router_inside_of_a_dmz_lets_nobody_in():
    edge, gateway = home("dmz").routers
    assert in_firewall(gateway) == []
    assert [section.type for section in in_firewall(edge)] == ["redirect", "redirect"]


def test_what_a_server_in_a_dmz_may_open_is_for_its_address_alone():
    gateway = home("may open").routers[1]
    assert written(in_firewall(gateway))[0] == (
        "redirect hotshoe_in_tcp_22_to_10_0_1_20_from_10_0_0_101 src=wan dest=lan family=ipv4 "
        "proto=tcp src_ip=10.0.0.101 src_dport=22 dest_ip=10.0.1.20 target=DNAT reflection=0"
    )


def test_ipv6_has_rules_and_no_redirects():
    edge, _ = home("ipv6").routers
    network, *_ = sections.outbound(edge, ZONES)
    assert written(list(network.sections)) == [
        "route6 hotshoe_out_to_2001_db8_100_2___64 interface=lan target=2001:db8:100:2::/64 "
        "gateway=2001:db8:100:1::2"
    ]
    assert [line for line in written(in_firewall(edge)) if "ipv6" in line] == [
        f"rule hotshoe_in_pass_tcp_{ports.replace('-', '_')}_to_2001_db8_100_2__10 src=wan "
        f"dest=lan family=ipv6 proto=tcp dest_ip=2001:db8:100:2::10 dest_port={ports} "
        "target=ACCEPT"
        for ports in ("21", "50000-50199")
    ]


def test_a_shared_address_has_rules_for_its_source_ports():
    box, gateway = home("map-e").routers
    (include,) = sections.outbound(box, ZONES)[1].sections
    path = sections.source_ports_path(box, ZONES)
    assert re.fullmatch(r"/etc/hotshoe/source-ports-[0-9a-f]{12}\.nft", path)
    assert written([include]) == [
        f"include hotshoe_out_source_ports type=nftables path={path} position=chain-prepend "
        "chain=srcnat_wan"
    ]
    first, *_, last = sections.source_ports(box, ZONES).splitlines()
    assert first == (
        "ip saddr { 192.168.178.0/24, 203.0.113.20 } meta l4proto { 1, 6, 17 } numgen random mod "
        f"{len(box.masquerade_ports)} 0 counter masquerade to :{box.masquerade_ports[0]} "
        'comment "hotshoe: ports of the shared address"'
    )
    # What no rule before it has taken, the last one takes.
    assert f"numgen random mod 1 0 counter masquerade to :{box.masquerade_ports[-1]} " in last
    assert sections.source_ports(gateway, ZONES) == sections.source_ports_path(gateway, ZONES) == ""


def test_only_files_of_ours_that_nothing_includes_are_stale():
    path = sections.source_ports_path(home("map-e").routers[0], ZONES)
    old = "/etc/hotshoe/hairpin-0123456789ab.nft"
    others = ("/etc/hotshoe/limit.nft", "/etc/hotshoe/my-source-ports-1.nft", paths.INIT)
    assert sections.stale_files((*others, path, old), (path, "")) == (old,)
    assert sections.stale_files((*others, path, old), ("", "")) == tuple(sorted((old, path)))


@pytest.mark.parametrize("plan", HOMES.values(), ids=HOMES)
def test_no_section_that_is_wanted_is_left_over(plan: Plan):
    for router in plan.routers:
        wanted = list(of(router))
        if router.ddns:
            wanted.append(ddns.wanted(router.ddns, plan.hostname, ZONES))
        named = [(each.package, name) for each in wanted for name, _ in each.named()]
        assert sections.leftovers(named) == ()


def test_sections_with_our_name_that_no_role_has_are_left_over_each_in_its_package():
    named = (
        ("system", "hotshoe_clock"),
        ("firewall", "hotshoe_old"),
        ("firewall", "hotshoe_in_tcp_21"),
        ("firewall", "hotshoe_in"),
        ("network", "hotshoe_in_tcp_21"),
        ("ddns", "hotshoe_ddns_record"),
    )
    assert sections.leftovers(named) == (
        Wanted("firewall", "hotshoe", only=frozenset({"hotshoe_old", "hotshoe_in"})),
        Wanted("network", "hotshoe", only=frozenset({"hotshoe_in_tcp_21"})),
        Wanted("system", "hotshoe", only=frozenset({"hotshoe_clock"})),
    )


def test_an_address_outside_that_changes_is_in_no_section_and_no_rule():
    for name, plan in HOMES.items():
        router = replace(plan.routers[0], wan_address=None)
        if router.masquerade_ports:
            continue  # the ports of a shared address go with the address
        told = str([section.options for section in all_of(router)])
        told += sections.hairpin_rules(router, ZONES)
        assert "None" not in told, name
        assert str(plan.public_address) not in told, name


def test_networks_behind_routed_routers_dial_an_address_that_changes_by_included_rules():
    edge = replace(home("routed").routers[0], wan_address=None)
    zones = replace(ZONES, addresses=(IPv4Address("10.9.0.1"),))
    dialled = (
        "ip saddr 192.168.1.0/24 fib daddr type local ip daddr != { 10.9.0.1, 192.168.178.1 } tcp "
    )
    assert sections.hairpin_rules(edge, zones).splitlines() == [
        f"{dialled}dport {ports} counter dnat ip to 192.168.1.10 "
        f'comment "hotshoe: hairpin from 192.168.1.0/24, {ports}/tcp"'
        for ports in ("21", "50000-50199")
    ]
    (wanted,) = sections.inbound(edge, zones)
    path = sections.hairpin_path(edge, zones)
    assert written(list(wanted.sections))[2:5] == [
        f"include hotshoe_in_hairpin_rules type=nftables path={path} position=chain-prepend "
        "chain=dstnat",
        "rule hotshoe_in_hairpin_tcp_21_from_192_168_1_0_24 src=lan dest=lan family=ipv4 proto=tcp "
        "src_ip=192.168.1.0/24 dest_ip=192.168.1.10 dest_port=21 target=ACCEPT",
        "nat hotshoe_in_hairpin_back_tcp_21_from_192_168_1_0_24 src=lan family=ipv4 proto=tcp "
        "src_ip=192.168.1.0/24 dest_ip=192.168.1.10 dest_port=21 target=SNAT "
        "snat_ip=192.168.178.1",
    ]


def test_a_home_whose_networks_fw4_reflects_needs_no_included_rules():
    router = replace(home("home").routers[0], wan_address=None)
    assert sections.hairpin_rules(router, ZONES) == sections.hairpin_path(router, ZONES) == ""
    assert in_firewall(router) == in_firewall(home("home").routers[0])


@pytest.mark.skipif(not shutil.which("nft") or os.geteuid() != 0, reason="needs nft and root")
@pytest.mark.parametrize("name", ["routed", "default-host"])
def test_nft_takes_the_included_rules(name):
    own = HOMES["everything said"].routers[0].open_to_wan
    router = replace(home(name).routers[0], wan_address=None, open_to_wan=own)
    rules = sections.hairpin_rules(router, ZONES)
    assert rules
    table = (
        "table inet t { chain dstnat { type nat hook prerouting priority dstnat; policy accept;\n"
        f"{rules}\n}}\n}}\n"
    )
    done = subprocess.run(
        ["nft", "--check", "--file", "-"], input=table, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_another_set_of_ports_has_another_path():
    box, _ = home("map-e").routers
    other = replace(box, masquerade_ports=(PortRange(1024, 2047),))
    assert sections.source_ports_path(other, ZONES) != sections.source_ports_path(box, ZONES)


def test_map_translates_to_its_ports_itself():
    box, _ = home("map-e").routers
    by_map = replace(ZONES, wan=replace(ZONES.wan, protocol="map"))
    assert sections.source_ports(box, by_map) == ""
    assert all(
        section.type != "include" for wanted in of(box, by_map) for section in wanted.sections
    )


def test_servers_have_static_leases():
    lease = Lease("darkroom-2", "b8:27:eb:12:34:56", IPv4Address("192.168.1.10"))
    router = replace(home("home").routers[0], leases=(lease,))
    (host,) = sections.outbound(router, ZONES)[2].sections
    assert host == Section(
        "host",
        "hotshoe_out_darkroom_2",
        {"name": "darkroom-2", "mac": "b8:27:eb:12:34:56", "ip": "192.168.1.10"},
    )


def test_zones_and_interfaces_are_called_as_they_are_on_the_router():
    zones = Zones(
        replace(ZONES.wan, name="internet", section="z_out", interface="uplink"),
        replace(ZONES.lan, name="home", section="z_in", interface="rooms"),
    )
    edge, _ = home("routed").routers
    network, firewall, _ = sections.outbound(edge, zones)
    assert network.sections[0].options["interface"] == "rooms"
    assert [setting.section for setting in firewall.settings] == ["z_out", "z_out", "z_in"]
    (inbound,) = sections.inbound(edge, zones)
    zones = {section.options.get(key) for section in inbound.sections for key in ("src", "dest")}
    assert zones <= {"internet", "home", None}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_small(name):
    """What a person sees in LuCI."""
    for router in home(name).routers:
        assert len(all_of(router)) <= 12
