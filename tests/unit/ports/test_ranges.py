"""Ports, ranges of them, and services."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotshoe.ports.ranges import PortRange, Service

ports = st.integers(1, 65535)
ranges = st.tuples(ports, ports).map(lambda pair: PortRange(min(pair), max(pair)))
# Short ones, so that they often touch.
short_ranges = st.tuples(st.integers(1, 30), st.integers(0, 8)).map(
    lambda pair: PortRange(pair[0], pair[0] + pair[1])
)


@given(ranges)
def test_a_range_is_read_as_it_is_written(some):
    assert PortRange.parse(str(some)) == some


@given(ports)
def test_a_single_port_is_a_range_of_one(port):
    assert PortRange.parse(port) == PortRange.parse(str(port)) == PortRange(port, port)
    assert len(PortRange.parse(port)) == 1
    assert str(PortRange(port, port)) == str(port)


@given(ranges, ports)
def test_a_range_holds_its_ends_and_what_is_between(some, port):
    assert (port in some) == (port in range(some.first, some.last + 1))
    assert some.first in some
    assert some.last in some


@given(short_ranges)
def test_the_length_is_the_number_of_ports(some):
    assert len(some) == sum(port in some for port in range(1, 60))


@given(short_ranges, short_ranges)
def test_ranges_overlap_when_they_share_a_port(one, other):
    shared = set(range(one.first, one.last + 1)) & set(range(other.first, other.last + 1))
    assert one.overlaps(other) == other.overlaps(one) == bool(shared)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("50199-50000", "the range 50199-50000 ends before it starts"),
        ("0", "ports run from 1 to 65535, not 0"),
        ("1-65536", "ports run from 1 to 65535, not 1-65536"),
        ("", "'' is neither a port nor a range such as 50000-50199"),
        ("ftp", "'ftp' is neither a port nor a range such as 50000-50199"),
        ("21,990", "'21,990' is neither a port nor a range such as 50000-50199"),
        ("1-2-3", "'1-2-3' is neither a port nor a range such as 50000-50199"),
        ("-5", "'-5' is neither a port nor a range such as 50000-50199"),
        ("٢١", "'٢١' is neither a port nor a range such as 50000-50199"),
        (True, "true is neither a port nor a range such as 50000-50199"),
        (21.0, "21.0 is neither a port nor a range such as 50000-50199"),
    ],
)
def test_text_that_is_no_range_is_refused_with_a_reason(text, reason):
    with pytest.raises(ValueError) as refusal:
        PortRange.parse(text)
    assert str(refusal.value) == reason


@given(st.sampled_from(["tcp", "udp"]), ranges)
def test_a_service_is_read_as_it_is_written(protocol, some):
    service = Service(protocol, some)
    assert Service.parse(str(service)) == service


@pytest.mark.parametrize("text", ["445", "445/", "445/sctp", "445/TCP", "tcp/445", "", 445])
def test_a_service_needs_its_protocol(text):
    with pytest.raises(ValueError, match="is not a port with its protocol, such as 445/tcp"):
        Service.parse(text)


@given(st.text(max_size=12))
def test_no_text_makes_the_parser_fail_otherwise(text):
    for kind in (PortRange, Service):
        with contextlib.suppress(ValueError):
            assert kind.parse(str(kind.parse(text))) == kind.parse(text)
