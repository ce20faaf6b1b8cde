"""Which ports are a subscriber's under MAP-E and MAP-T."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotshoe.ports.portset import merged, port_set
from hotshoe.ports.ranges import PortRange
from tests.effort import examples

EVERY_PORT = range(1, 65536)
every_offset = st.integers(0, 15)


def ports_of(ranges):
    return {port for some in ranges for port in range(some.first, some.last + 1)}


def written(ranges):
    return " ".join(str(some) for some in ranges)


@st.composite
def schemes(draw, offsets=every_offset):
    """A PSID offset and a PSID length that fits beside it."""
    offset = draw(offsets)
    return offset, draw(st.integers(0, 16 - offset))


@st.composite
def subscribers(draw, offsets=every_offset):
    """The three parameters of one subscriber."""
    offset, length = draw(schemes(offsets))
    return offset, length, draw(st.integers(0, 2**length - 1))


# Published port sets: offset, PSID length, PSID; the ranges as published, where … stands for those
# left out; and how many ranges there are, or None where the source does not say.
PUBLISHED = {
    # RFC 7597 and RFC 7599, appendix A, example 1: https://www.rfc-editor.org/rfc/rfc7599
    "RFC 7597": (6, 8, 0x34, "1232-1235 2256-2259 … 63696-63699 64720-64723", 63),
    # A line with MAP-T, which OpenWrt describes: https://github.com/openwrt/openwrt/issues/14449
    "OpenWrt on MAP-T": (
        *(6, 6, 0x11),
        "1296-1311 2320-2335 3344-3359 4368-4383 5392-5407 6416-6431 7440-7455 8464-8479 9488-9503 "
        "10512-10527 11536-11551 12560-12575 13584-13599 14608-14623 15632-15647 16656-16671 "
        "17680-17695 18704-18719 19728-19743 20752-20767 21776-21791 22800-22815 23824-23839 "
        "24848-24863 25872-25887 26896-26911 27920-27935 28944-28959 29968-29983 30992-31007 "
        "32016-32031 33040-33055 34064-34079 35088-35103 36112-36127 37136-37151 38160-38175 "
        "39184-39199 40208-40223 41232-41247 42256-42271 43280-43295 44304-44319 45328-45343 "
        "46352-46367 47376-47391 48400-48415 49424-49439 50448-50463 51472-51487 52496-52511 "
        "53520-53535 54544-54559 55568-55583 56592-56607 57616-57631 …",
        None,
    ),
    # v6plus of JPNE, Japan, PSID=100 and 15 ranges 4096 apart, as nftables lists them:
    # https://github.com/openwrt/openwrt/issues/11972 (13 February 2023)
    "v6plus": (4, 8, 100, "5696-5711 9792-9807 13888-13903 …", 15),
    # Another line on v6plus, 240 ports one by one, the PSID seen from the first of them:
    # https://github.com/openwrt/openwrt/issues/11972 (11 July 2023)
    "v6plus, another line": (
        *(4, 8, 211),
        "7472-7487 11568-11583 15664-15679 19760-19775 23856-23871 … "
        "48432-48447 52528-52543 56624-56639 60720-60735 64816-64831",
        15,
    ),
    # BIGLOBE, Japan, all of "MAP-E Port Block NAT (15 blocks)"; the prefix 2404:7a82:…:4100::/56
    # ends in the PSID:
    # https://github.com/TakumiOkayasu/limen/blob/main/scripts/vyos-config-template.txt
    "BIGLOBE": (
        *(4, 8, 0x41),
        "5136-5151 9232-9247 13328-13343 17424-17439 21520-21535 25616-25631 29712-29727 "
        "33808-33823 37904-37919 42000-42015 46096-46111 50192-50207 54288-54303 58384-58399 "
        "62480-62495",
        15,
    ),
    # Cosmote, Greece, port set 6/6/63:
    # https://github.com/atmosx/openbsd-mape-ce/blob/main/docs/status-json.md
    "Cosmote": (6, 6, 63, "2032-2047 … 65520-65535", 63),
    # Bouygues Telecom, France, which announces offset 0, EA length 12 and an IPv4 prefix of 23
    # (so 12 - (32 - 23) = 3 bits of PSID): https://github.com/openwrt/openwrt/issues/25190
    # PSID 2: https://github.com/openwrt/odhcp6c/pull/176
    # The only range: https://github.com/openwrt/openwrt/issues/25191
    "Bouygues Telecom": (0, 3, 2, "16384-24575", 1),
}


@pytest.mark.parametrize(
    ("offset", "length", "psid", "published", "count"), PUBLISHED.values(), ids=PUBLISHED
)
def test_published_port_sets_are_reproduced(offset, length, psid, published, count):
    found = port_set(offset, length, psid)
    start, left_out, end = (part.split() for part in published.partition("…"))
    assert written(found).split()[: len(start)] == start
    assert not end or written(found).split()[-len(end) :] == end
    if not left_out:
        assert len(found) == len(start)
    if count is not None:
        assert len(found) == count


@pytest.mark.parametrize(
    ("offset", "length", "count", "ports"),
    [
        # "JPNE assigns 15 groups (240 ports), while OCN/plala assign 63 groups (1008 ports)":
        # https://github.com/fakemanhk/openwrt-jp-ipoe/blob/main/README.md; both numbers of OCN are
        # 6: https://github.com/JohnsonRan/luci-app-jp-ipoe
        pytest.param(4, 8, 15, 240, id="v6plus"),
        pytest.param(6, 6, 63, 1008, id="OCN Virtual Connect"),
    ],
)
def test_a_provider_gives_everyone_the_same_number_of_ports(offset, length, count, ports):
    for psid in range(2**length):
        found = port_set(offset, length, psid)
        assert {len(some) for some in found} == {16}
        assert len(found) == count
        assert sum(map(len, found)) == ports


# All ports are looked at each time.
@examples(10)
@given(subscribers())
def test_the_bits_of_a_port_say_whose_it_is(subscriber):
    offset, length, psid = subscriber

    def is_theirs(port):
        bits = f"{port:016b}"
        block, owner = bits[:offset], bits[offset : offset + length]
        return owner == (f"{psid:0{length}b}" if length else "") and (not block or "1" in block)

    assert ports_of(port_set(*subscriber)) == set(filter(is_theirs, EVERY_PORT))


@examples(10)
@given(schemes())
def test_subscribers_share_no_port_and_leave_none_over(scheme):
    """With an offset, the ports given out start at 2^(16 - offset); without one, at 1."""
    offset, length = scheme
    sets = [ports_of(port_set(offset, length, psid)) for psid in range(2**length)]
    given_out = set().union(*sets)
    assert sum(map(len, sets)) == len(given_out)
    assert given_out == set(range(2 ** (16 - offset) if offset else 1, 65536))


@examples(20)
@given(subscribers(st.integers(1, 15)))
def test_with_an_offset_no_port_is_below_the_second_block(subscriber):
    offset, length, psid = subscriber
    first = port_set(*subscriber)[0].first
    assert first == 2 ** (16 - offset) + psid * 2 ** (16 - offset - length)


@pytest.mark.parametrize(
    ("port", "offsets"),
    [(21, {0, 12, 13, 14, 15}), (990, {0, 7, 8, 9, 10, 11, 12, 13, 14, 15})],
)
def test_some_offsets_give_somebody_the_ports_of_ftp(port, offsets):
    """With the default offset of 6, and with any other of 1 to 6, nobody has 21 or 990."""
    assert offsets == {
        offset
        for offset in range(16)
        if any(port in some for psid in range(2) for some in port_set(offset, 1, psid))
    }


@examples(20)
@given(subscribers())
def test_a_port_set_is_in_order_and_as_short_as_can_be(subscriber):
    found = port_set(*subscriber)
    assert merged(found) == found


def test_blocks_that_touch_are_one_range():
    assert written(port_set(6, 0, 0)) == "1024-65535"
    assert written(port_set(1, 0, 0)) == "32768-65535"


def test_port_0_is_nobodys():
    assert written(port_set(0, 0, 0)) == "1-65535"
    assert written(port_set(0, 8, 0)) == "1-255"
    assert port_set(0, 16, 0) == ()
    assert written(port_set(0, 16, 1)) == "1"
    assert written(port_set(0, 16, 65535)) == "65535"


@pytest.mark.parametrize(
    ("offset", "length", "psid", "reason"),
    [
        (-1, 0, 0, "a PSID offset is 0 to 15, not -1"),
        (16, 0, 0, "a PSID offset is 0 to 15, not 16"),
        (6, -1, 0, "a PSID length beside offset 6 is 0 to 10, not -1"),
        (6, 11, 0, "a PSID length beside offset 6 is 0 to 10, not 11"),
        (0, 17, 0, "a PSID length beside offset 0 is 0 to 16, not 17"),
        (15, 2, 0, "a PSID length beside offset 15 is 0 to 1, not 2"),
        (6, 6, -1, "a PSID of length 6 is 0 to 63, not -1"),
        (6, 6, 64, "a PSID of length 6 is 0 to 63, not 64"),
        (6, 0, 1, "a PSID of length 0 is 0 to 0, not 1"),
        (0, 16, 65536, "a PSID of length 16 is 0 to 65535, not 65536"),
    ],
)
def test_what_fits_no_port_is_refused_with_a_reason(offset, length, psid, reason):
    with pytest.raises(ValueError) as refusal:
        port_set(offset, length, psid)
    assert str(refusal.value) == reason


@given(st.integers(-3, 18), st.integers(-3, 18), st.integers(-3, 70_000))
def test_any_other_number_is_refused_and_nothing_fails_otherwise(offset, length, psid):
    fits = 0 <= offset <= 15 and 0 <= length <= 16 - offset and 0 <= psid < 2 ** max(length, 0)
    try:
        port_set(offset, length, psid)
    except ValueError:
        assert not fits
    else:
        assert fits


# Short ones, so that they often touch.
short_ranges = st.tuples(st.integers(1, 60), st.integers(0, 6)).map(
    lambda pair: PortRange(pair[0], pair[0] + pair[1])
)
port_lists = st.lists(short_ranges, max_size=12)


@given(port_lists)
def test_merging_keeps_every_port_and_adds_none(ranges):
    assert ports_of(merged(ranges)) == ports_of(ranges)


@given(port_lists)
def test_merged_ranges_are_in_order_with_a_gap_between_any_two(ranges):
    found = merged(ranges)
    assert all(one.last + 1 < other.first for one, other in pairwise(found))


@given(port_lists, st.randoms(use_true_random=False))
def test_merging_asks_for_no_order_and_for_no_list(ranges, chance):
    shuffled = ranges.copy()
    chance.shuffle(shuffled)
    assert merged(iter(shuffled)) == merged(ranges)


@given(port_lists)
def test_merging_again_changes_nothing(ranges):
    assert merged(merged(ranges)) == merged(ranges)


@given(port_lists, port_lists)
def test_lists_may_be_merged_in_turn(some, others):
    assert merged([*merged(some), *others]) == merged([*some, *others])


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ("", ""),
        ("21", "21"),
        ("990 21", "21 990"),
        ("20 21", "20-21"),
        ("20 22", "20 22"),
        ("50000-50099 50010-50020", "50000-50099"),
        ("50000-50010 50005-50099 50100", "50000-50100"),
        ("65535 1-65534", "1-65535"),
    ],
)
def test_ranges_that_touch_or_overlap_are_joined(ranges, expected):
    assert written(merged(PortRange.parse(text) for text in ranges.split())) == expected
