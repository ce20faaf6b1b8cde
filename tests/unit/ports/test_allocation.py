"""Which ports each server gets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotshoe.ports.allocation import (
    CONTROL_PORT,
    FAILURE_ODDS,
    LOWEST_PASSIVE_PORT,
    PASV_TRIES,
    SESSIONS_PER_CAMERA,
    AllocationError,
    Demand,
    FtpPorts,
    allocate,
    default_range,
    explain_need,
    ports_needed,
    sessions_at_once,
    summary,
)
from hotshoe.ports.portset import merged, port_set
from hotshoe.ports.ranges import PortRange


def demand(
    *cameras: int,
    control: int | None = None,
    passive: str | None = None,
    own: tuple[PortRange, ...] | None = None,
    taken: frozenset[int] = frozenset(),
) -> Demand:
    """What servers with so many cameras each need."""
    said = PortRange.parse(passive) if passive else None
    return Demand(cameras, (control,), passive_ports=said, port_set=own, taken=taken)


def listed(*ranges: str) -> tuple[PortRange, ...]:
    return merged(map(PortRange.parse, ranges))


def text(ports: tuple[FtpPorts, ...]) -> list[str]:
    """As in ``21 50000-50199``."""
    return [f"{each.controls[0]} {each.passive}" for each in ports]


class TestHowManyPortsAreNeeded:
    @given(st.integers(0, 1000), st.integers(1, SESSIONS_PER_CAMERA))
    def test_all_tries_hardly_ever_fail(self, cameras, sessions):
        in_use = 2 * sessions * max(cameras, 1)
        needed = ports_needed(cameras, sessions)
        assert (in_use / needed) ** PASV_TRIES <= FAILURE_ODDS
        assert (in_use / (needed - 1)) ** PASV_TRIES > FAILURE_ODDS

    def test_eight_transfers_of_a_camera_at_once_need_58(self):
        assert [ports_needed(n) for n in (1, 2, 3, 10)] == [58, 116, 173, 576]

    def test_one_transfer_of_a_camera_at_once_needs_eight(self):
        assert [ports_needed(n, 1) for n in (1, 2, 3, 10)] == [8, 15, 22, 72]

    @given(st.integers(0, 500), st.integers(1, 65535))
    def test_as_many_transfers_at_once_as_the_ports_suffice_for(self, cameras, ports):
        sessions = sessions_at_once(cameras, ports)
        assert sessions == 1 or ports_needed(cameras, sessions) <= ports
        assert sessions == SESSIONS_PER_CAMERA or ports_needed(cameras, sessions + 1) > ports

    def test_a_sentence_explains_the_number(self):
        assert explain_need(1, 1).startswith("1 camera may use 2 ports at once (one transfer each")
        assert explain_need(2, 8).startswith("2 cameras may use 32 ports at once (8 transfers each")
        assert "needs 8 for" in explain_need(1, 1)
        assert "need 116 for" in explain_need(2, 8)
        assert explain_need(0, 1) == explain_need(1, 1)


class TestWithAllPortsOfAnAddress:
    def test_one_server_has_the_usual_ports(self):
        assert text(allocate(demand(1))) == text(allocate(demand(3))) == ["21 50000-50199"]

    def test_the_range_grows_with_the_cameras(self):
        assert text(allocate(demand(4))) == ["21 50000-50230"]

    def test_a_long_range_begins_further_down(self):
        assert text(allocate(demand(300))) == [f"21 {65536 - ports_needed(300)}-65535"]

    def test_very_many_cameras_have_fewer_transfers_each(self):
        (ports,) = allocate(demand(3000))
        assert len(ports.passive) == ports_needed(3000, 2)

    def test_too_many_cameras_are_refused(self):
        for attempt in (lambda: allocate(demand(9000)), lambda: default_range([9000])):
            with pytest.raises(AllocationError) as impossible:
                attempt()
            assert impossible.value.finding == (
                "cameras",
                "are so many that they need 64689 passive ports, and vsftpd can use 64511",
                "list fewer cameras",
            )

    def test_further_servers_have_their_control_ports_in_the_range(self):
        assert text(allocate(demand(1, 1, 1))) == [
            "21 50000-50065",
            "50066 50067-50132",
            "50133 50134-50199",
        ]

    def test_ports_that_the_person_says_are_used(self):
        wanted = demand(1, control=2121, passive="40000-40007")
        assert text(allocate(wanted)) == ["2121 40000-40007"]

    def test_servers_share_spare_ports(self):
        small, large = allocate(demand(1, 10, passive="40000-40100"))
        assert (len(small.passive), len(large.passive)) == (8 + 10, 72 + 10)

    def test_the_cameras_of_all_servers_get_equally_many_transfers(self):
        small, large = allocate(demand(1, 3, passive="40000-40120"))
        assert sessions_at_once(1, len(small.passive)) == 4
        assert sessions_at_once(3, len(large.passive)) == 4

    def test_a_range_that_lacks_one_port_is_refused(self):
        assert allocate(demand(1, 1, passive="40000-40016"))
        with pytest.raises(AllocationError):
            allocate(demand(1, 1, passive="40000-40015"))


class TestSeveralControlPorts:
    """A server that offers explicit and implicit FTPS has a control port for each."""

    def both(self, *cameras: int, **said: Any) -> Demand:
        return Demand(cameras, **{"control_ports": (None, None), "usual": (21, 990)} | said)

    def test_the_first_server_has_the_usual_ones(self):
        (ports,) = allocate(self.both(1))
        assert (ports.controls, str(ports.passive)) == ((21, 990), "50000-50199")

    def test_each_may_be_said_alone(self):
        assert allocate(self.both(1, control_ports=(None, 9990)))[0].controls == (21, 9990)
        assert allocate(self.both(1, control_ports=(2121, None)))[0].controls == (2121, 990)

    def test_further_servers_have_theirs_at_the_beginning_of_their_part(self):
        first, second = allocate(self.both(1, 1))
        assert first.controls == (21, 990)
        assert (second.controls, second.passive.first) == ((50099, 50100), 50101)
        assert first.passive.last == 50098

    def test_of_a_shared_address_each_is_one_of_its_ports(self):
        own = port_set(offset=4, psid_length=8, psid=100)
        ours = {port for ports in own for port in ports}
        first, second = allocate(self.both(1, 1, port_set=own))
        every = [*first.controls, *second.controls, *first.passive, *second.passive]
        assert set(every) <= ours
        assert len(every) == len(set(every)), "no port has two uses"
        assert len(first.controls) == len(second.controls) == 2

    def test_one_that_the_person_says_of_a_shared_address_keeps_its_place(self):
        own = port_set(offset=4, psid_length=8, psid=100)
        for said in ((5700, None), (None, 5700)):
            (ports,) = allocate(self.both(1, port_set=own, control_ports=said))
            assert ports.controls[said.index(5700)] == 5700
            assert len(set(ports.controls)) == 2

    def test_ports_of_a_shared_address_that_leave_one_of_two_are_refused(self):
        row = listed("5000-5009")
        assert allocate(demand(1, own=row))
        with pytest.raises(AllocationError):
            allocate(self.both(1, port_set=listed("5000-5008")))

    def test_a_range_that_lacks_the_second_one_is_refused(self):
        said = PortRange(40000, 40017)
        assert allocate(self.both(1, 1, passive_ports=said))
        with pytest.raises(AllocationError, match="with control ports in it"):
            allocate(self.both(1, 1, passive_ports=PortRange(40000, 40016)))


class TestWithSomePortsOfAnAddress:
    V6PLUS = port_set(offset=4, psid_length=8, psid=100)

    def test_a_server_has_a_row_and_a_control_port_from_the_next(self):
        assert text(allocate(demand(2, own=self.V6PLUS))) == ["9792 5696-5711"]

    def test_several_servers_have_a_row_each(self):
        assert text(allocate(demand(1, 2, own=self.V6PLUS))) == [
            "13888 9792-9807",
            "13889 5696-5711",
        ]

    def test_rows_leave_out_a_control_port_that_the_person_says(self):
        assert text(allocate(demand(1, control=5700, own=self.V6PLUS))) == ["5700 9792-9807"]

    def test_one_server_uses_all_of_a_range_that_the_person_says(self):
        assert text(allocate(demand(1, passive="9792-9807", own=self.V6PLUS))) == ["5696 9792-9807"]

    def test_two_servers_share_a_range_that_the_person_says(self):
        assert text(allocate(demand(1, 1, passive="9792-9807", own=self.V6PLUS))) == [
            "5696 9792-9799",
            "5697 9800-9807",
        ]

    def test_the_person_may_say_both(self):
        ports = allocate(demand(1, control=5700, passive="9792-9807", own=self.V6PLUS))
        assert text(ports) == ["5700 9792-9807"]

    def test_a_single_long_row_is_halved(self):
        half = port_set(offset=0, psid_length=8, psid=0x80)
        assert text(allocate(demand(1, own=half))) == ["32896 32768-32895"]

    def test_a_row_is_cut_unevenly_when_halves_are_too_short(self):
        assert text(allocate(demand(1, own=listed("5000-5008")))) == ["5008 5000-5007"]
        assert text(allocate(demand(1, 2, own=listed("5000-5024")))) == [
            "5023 5015-5022",
            "5024 5000-5014",
        ]

    def test_a_row_is_cut_when_whole_rows_leave_no_control_port(self):
        own = listed("5000-5015", "6000-6007", "7000")
        assert text(allocate(demand(1, 1, own=own))) == ["5008 6000-6007", "5009 5000-5007"]

    def test_the_lowest_ports_are_not_used(self):
        assert text(allocate(demand(1, own=listed("1000-1040")))) == ["1040 1025-1039"]

    def test_taken_ports_are_not_used(self):
        own = listed("5000-5015")
        assert text(allocate(demand(1, own=own))) == ["5015 5000-5014"]
        taken = demand(1, own=own, taken=frozenset({5003}))
        assert text(allocate(taken)) == ["5000 5004-5015"]


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        ([], "none"),
        (["80"], "80, 1 port"),
        (["80-81", "90"], "80-81, 90, 3 ports"),
        (["1", "3", "5", "7"], "1, 3, 5, 7, 4 ports"),
        (["1", "3", "5", "7", "9-10"], "1, 3 … 9-10, 6 ports"),
    ],
)
def test_a_summary_tells_ranges_in_a_few_words(ranges, words):
    assert summary([PortRange.parse(text) for text in ranges]) == words


# -- whatever is asked for

counts = st.lists(st.integers(1, 4), min_size=1, max_size=4)
odd_ports = st.integers(1, 65535)


@st.composite
def port_sets(draw) -> tuple[PortRange, ...]:
    """Computed ones with rows of 4 to 4096 ports, and listed ones of a few rows near each other."""
    if draw(st.booleans()):
        offset = draw(st.integers(0, 8))
        length = draw(st.integers(1, 14 - offset))
        psid = draw(st.integers(0, 2**length - 1))
        return port_set(offset, length, psid)
    rows = draw(st.lists(st.tuples(st.integers(1000, 1200), st.integers(0, 40)), min_size=1))
    return merged(PortRange(first, first + more) for first, more in rows)


def assert_sound(ports: tuple[FtpPorts, ...], cameras: list[int]) -> None:
    """Every server has what it needs, and nobody has what another one has."""
    assert len(ports) == len(cameras)
    for each, count in zip(ports, cameras, strict=True):
        assert len(each.passive) >= ports_needed(count, 1)
        assert each.passive.first >= LOWEST_PASSIVE_PORT
    every = [PortRange(port, port) for each in ports for port in each.controls]
    every += [each.passive for each in ports]
    for i, one in enumerate(every):
        assert not any(one.overlaps(other) for other in every[:i])


@given(counts, st.integers(LOWEST_PASSIVE_PORT, 60000), st.integers(0, 200))
def test_a_range_that_is_large_enough_is_used_up(cameras, first, more):
    size = sum(ports_needed(count, 1) for count in cameras) + len(cameras) - 1 + more
    passive = PortRange(first, first + size - 1)
    ports = allocate(Demand(tuple(cameras), passive_ports=passive))
    assert_sound(ports, cameras)
    assert ports[0].controls == (CONTROL_PORT,)
    used = [*(PortRange(port, port) for each in ports[1:] for port in each.controls)]
    assert merged([*used, *(each.passive for each in ports)]) == (passive,)


@given(counts)
def test_the_usual_range_is_always_large_enough(cameras):
    ports = allocate(demand(*cameras))
    assert_sound(ports, cameras)
    assert ports[-1].passive.last == default_range(cameras).last


@given(counts, port_sets(), st.sets(odd_ports | st.integers(1000, 1250), max_size=4))
def test_inside_a_port_set_the_choice_is_sound_or_impossible(cameras, own, taken):
    free = {port for ports in own for port in ports if port >= LOWEST_PASSIVE_PORT} - taken
    try:
        ports = allocate(demand(*cameras, own=own, taken=frozenset(taken)))
    except AllocationError as impossible:
        key, reason, remedy = impossible.finding
        assert key == "port_set"
        assert reason and remedy
        # It never gives up where a single row would do for all.
        wanted = sum(ports_needed(count, 1) for count in cameras) + len(cameras)
        assert not any(free.issuperset(range(port, port + wanted)) for port in free)
    else:
        assert_sound(ports, cameras)
        chosen = {port for each in ports for port in each.controls}.union(
            *(each.passive for each in ports)
        )
        assert chosen <= free


@given(counts, port_sets(), st.data())
def test_ports_that_the_person_says_inside_a_port_set_are_kept_or_impossible(cameras, own, data):
    ours = sorted({port for ports in own for port in ports})
    if not ours:
        return
    control = data.draw(st.none() | st.sampled_from(ours), label="control")
    first = data.draw(st.sampled_from(ours), label="first")
    size = data.draw(st.integers(1, 40), label="size")
    passive = PortRange(first, min(first + size - 1, 65535))
    if first < LOWEST_PASSIVE_PORT or control in set(passive) or not set(passive) <= set(ours):
        return  # refused by checks
    try:
        ports = allocate(demand(*cameras, control=control, passive=str(passive), own=own))
    except AllocationError as impossible:
        assert impossible.finding[0] in ("ftp.passive_ports", "port_set")
    else:
        assert_sound(ports, cameras)
        assert control in (None, *ports[0].controls)
        assert all(set(each.passive) <= set(passive) for each in ports)
        assert {port for each in ports for port in each.controls} <= set(ours) - set(passive)
