"""Which packets existing redirects and rules match, as fw4 reads them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Interface, IPv6Interface, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotshoe.openwrt.interfaces import Interface
from hotshoe.openwrt.matching import Match, Packets, redirect_match, rule_match
from hotshoe.openwrt.uci.data import Section
from hotshoe.ports.ranges import HIGHEST_PORT, PortRange

WAN_ADDRESS, SERVER = ip_address("203.0.113.20"), ip_address("192.168.1.10")
SERVER6 = ip_address("2001:db8:2::10")
INTERFACES = (
    Interface(
        "lan",
        "br-lan",
        True,
        (IPv4Interface("192.168.1.1/24"), IPv6Interface("2001:db8:2::1/64")),
        False,
    ),
    Interface("wan", "eth0", True, (IPv4Interface("203.0.113.20/28"),), True),
)
DIALLED = Packets("wan", WAN_ADDRESS, "tcp", family=4, ports=PortRange(21, 21))
FORWARDED = Packets("wan", SERVER, "tcp", "lan", 4, PortRange(21, 21))


def redirect(**options: object) -> Match | None:
    usual = {"src": "wan", "proto": "tcp", "src_dport": "21", "dest_ip": "192.168.1.5"}
    said = {name: value for name, value in (usual | options).items() if value is not None}
    return redirect_match(Section("redirect", None, said), INTERFACES, "wan")


def rule(**options: object) -> Match | None:
    usual = {"src": "wan", "dest": "lan", "proto": "tcp", "target": "REJECT"}
    said = {name: value for name, value in (usual | options).items() if value is not None}
    return rule_match(Section("rule", None, said), INTERFACES)


def test_a_redirect_is_parsed_into_all_that_it_matches():
    assert redirect() == Match(
        source="wan",
        destination="",
        family=None,
        protocols=frozenset({"tcp"}),
        addresses=(),
        ports=(PortRange(21, 21),),
        limited=False,
    )


def test_a_rule_is_parsed_into_all_that_it_matches():
    match = rule(family="ipv6", proto="tcpudp", dest_port="21 990", log="1")
    assert match == Match(
        source="wan",
        destination="lan",
        family=6,
        protocols=frozenset({"tcp", "udp"}),
        addresses=(),
        ports=(PortRange(21, 21), PortRange(990, 990)),
        limited=False,
    )


@pytest.mark.parametrize(
    "options",
    [{"enabled": "0"}, {"enabled": "off"}, {"src_dport": "ftp"}, {"src_dport": "21 22"}],
    ids=str,
)
def test_a_redirect_that_fw4_skips_matches_nothing(options):
    assert redirect(**options) is None


def test_a_redirect_from_every_zone_is_one_that_fw4_skips():
    assert redirect(src="*") is None


@pytest.mark.parametrize("options", [{"enabled": "0"}, {"dest_port": "ftp"}], ids=str)
def test_a_rule_that_fw4_skips_matches_nothing(options):
    assert rule(**options) is None


@pytest.mark.parametrize("option", ["src_ip", "src_mac", "src_port", "ipset", "mark", "helper"])
def test_a_redirect_with_further_conditions_certainly_matches_nothing(option):
    match = redirect(**{option: "1"})
    assert match.limited
    assert not match.overlaps(DIALLED)


@pytest.mark.parametrize("option", ["src_ip", "limit", "start_time", "an_option_of_the_future"])
def test_a_rule_with_further_conditions_certainly_matches_nothing(option):
    match = rule(**{option: "1"})
    assert match.limited
    assert not match.overlaps(FORWARDED)


@pytest.mark.parametrize(
    ("zones", "packets", "overlap"),
    [
        ({"src": "wan", "dest": "lan"}, FORWARDED, True),
        ({"src": "*", "dest": "lan"}, FORWARDED, True),
        ({"src": "wan", "dest": "*"}, FORWARDED, True),
        ({"src": "lan", "dest": "lan"}, FORWARDED, False),
        ({"src": "wan", "dest": "guest"}, FORWARDED, False),
        ({"src": "wan", "dest": None}, FORWARDED, False),
        ({"src": None, "dest": "lan"}, FORWARDED, False),
        ({"src": "wan", "dest": None}, DIALLED, True),
        ({"src": "wan", "dest": "lan"}, DIALLED, False),
        ({"src": "wan", "dest": "*"}, DIALLED, False),
    ],
)
def test_zones_overlap(zones, packets, overlap):
    assert rule(**zones).overlaps(packets) is overlap


@pytest.mark.parametrize(
    ("said", "family", "overlap"),
    [
        ("ipv4", 4, True),
        ("ipv6", 4, False),
        ("any", 4, True),
        (None, 6, True),
        ("ipv6", None, True),
        ("ipv4", None, True),
    ],
)
def test_families_overlap(said, family, overlap):
    assert rule(family=said).overlaps(replace(FORWARDED, family=family)) is overlap


def test_an_ipv6_destination_makes_a_section_one_for_ipv6():
    assert rule(dest_ip="2001:db8::/32").family == 6
    assert redirect(dest_ip="2001:db8:2::10").family == 6


@pytest.mark.parametrize(
    ("proto", "tcp", "udp"),
    [
        ("tcp", True, False),
        ("6", True, False),
        ("UDP", False, True),
        ("tcp udp", True, True),
        (None, True, True),
        ("icmp", False, False),
        ("all", True, True),
        (("icmp", "any"), True, True),
    ],
)
def test_protocols_overlap(proto, tcp, udp):
    match = rule(proto=proto)
    assert match.overlaps(FORWARDED) is tcp
    assert match.overlaps(replace(FORWARDED, protocol="udp")) is udp


def test_with_every_protocol_ports_are_ignored():
    assert rule(proto="all", dest_port="80").ports == ()
    assert redirect(proto="*", src_dport="80").ports == ()


@pytest.mark.parametrize(
    ("dest_ip", "to", "covered"),
    [
        ("192.168.1.10", SERVER, True),
        ("192.168.1.11", SERVER, False),
        ("192.168.1.0/24", SERVER, True),
        ("192.168.1.1/255.255.255.0", SERVER, True),
        ("!192.168.1.0/24", SERVER, False),
        ("192.168.1.9-192.168.1.10", SERVER, True),
        ("192.168.1.11-192.168.1.12", SERVER, False),
        ("!192.168.1.11-192.168.1.12", SERVER, True),
        (("192.168.1.5", "192.168.1.10"), SERVER, True),
        ("192.168.1.5 192.168.1.10", SERVER, True),
        ("lan", SERVER, True),
        ("!lan", SERVER, False),
        ("wan", SERVER, False),
        ("!wan", SERVER, True),
        ("lan", SERVER6, True),
        ("2001:db8:2::/64", SERVER6, True),
        ("!2001:db8:3::/64", SERVER6, True),
        # Another version of IP, negated or not.
        ("2001:db8:2::/64", SERVER, False),
        ("!2001:db8:2::/64", SERVER, False),
        ("!192.168.1.0/24", SERVER6, False),
        # What fw4 skips the section because of.
        ("nonsense", SERVER, False),
        ("!nonsense", SERVER, False),
        ("192.168.1.1-2001:db8::1", SERVER, False),
        ("192.168.1.1-", SERVER, False),
    ],
)
def test_addresses_cover(dest_ip, to, covered):
    match = rule(dest_ip=dest_ip)
    assert any(each.covers(to) for each in match.addresses) is covered
    assert match.overlaps(replace(FORWARDED, to=to, family=None)) is covered


def test_a_redirect_without_an_address_or_for_the_wan_s_matches_what_is_dialled_there():
    """Also where something in front translates, and the address is on none of the interfaces."""
    elsewhere = replace(DIALLED, to=ip_address("198.51.100.7"))
    for dialled in (None, "wan"):
        assert redirect(src_dip=dialled).overlaps(elsewhere)
    assert not redirect(src_dip="203.0.113.20").overlaps(elsewhere)
    assert redirect(src_dip="203.0.113.20").overlaps(DIALLED)


ANY_PORT = st.integers(1, HIGHEST_PORT)
RANGES = st.tuples(ANY_PORT, ANY_PORT).map(lambda ends: PortRange(min(ends), max(ends)))


@given(said=st.lists(RANGES, min_size=1, max_size=3), wanted=RANGES)
def test_ports_overlap_where_a_port_is_in_both(said, wanted):
    match = rule(dest_port=" ".join(map(str, said)))
    common = any(each.first <= wanted.last and wanted.first <= each.last for each in said)
    assert match.overlaps(replace(FORWARDED, ports=wanted)) is common
    assert match.overlaps(replace(FORWARDED, ports=None))


@pytest.mark.parametrize(
    ("src_dport", "ports"),
    [
        ("20:22", PortRange(20, 22)),
        ("0-65535", PortRange(1, HIGHEST_PORT)),
        ("!22", PortRange(1, HIGHEST_PORT)),
    ],
)
def test_ports_are_read_as_fw4_does(src_dport, ports):
    assert redirect(src_dport=src_dport).ports == (ports,)
