"""Which addresses the Internet can reach."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotshoe.site.routability import why_unreachable


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("0.0.0.0/8", "it means 'this network' (RFC 791)"),
        ("10.0.0.0/8", "it is private (RFC 1918)"),
        ("100.64.0.0/10", "it is behind the provider's carrier-grade NAT (RFC 6598)"),
        ("127.0.0.0/8", "it is loopback (RFC 1122)"),
        ("169.254.0.0/16", "it is link-local (RFC 3927)"),
        ("172.16.0.0/12", "it is private (RFC 1918)"),
        ("192.0.0.0/24", "it is reserved; 192.0.0.0/29 is DS-Lite (RFC 6333)"),
        ("192.168.0.0/16", "it is private (RFC 1918)"),
        ("198.18.0.0/15", "it is for benchmarks (RFC 2544)"),
        ("224.0.0.0/4", "it is multicast (RFC 5771)"),
        ("240.0.0.0/4", "it is reserved (RFC 1112)"),
    ],
)
def test_a_block_is_unreachable_as_a_whole_and_nothing_beyond_it(block, reason):
    network = IPv4Network(block)
    assert why_unreachable(network[0]) == reason
    assert why_unreachable(network[-1]) == reason
    for outside in (int(network[0]) - 1, int(network[-1]) + 1):
        if 0 <= outside < 2**32:
            assert why_unreachable(IPv4Address(outside)) != reason


@pytest.mark.parametrize(
    "address", ["203.0.113.20", "198.51.100.7", "192.0.2.1", "9.9.9.9", "100.128.0.1", "172.32.0.1"]
)
def test_other_addresses_can_be_reached_documentation_included(address):
    assert why_unreachable(IPv4Address(address)) is None


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_no_private_address_passes_for_a_public_one(address):
    """The standard library keeps a list of its own; documentation is the only difference."""
    documentation = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
    if any(address in IPv4Network(block) for block in documentation):
        assert why_unreachable(address) is None
    elif address.is_private or address.is_multicast:
        assert why_unreachable(address) is not None
