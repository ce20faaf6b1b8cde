"""Which ports each server gets.

Sites here are only as much of one as the allocation looks at.
"""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotshoe.ports.allocation import (
    CONTROL_PORT,
    LOWEST_PASSIVE_PORT,
    ODDS,
    PORTS_IN_USE_PER_CAMERA,
    TRIES,
    AllocationError,
    FtpPorts,
    allocate,
    allowed,
    bound,
    brief,
    cameras_of,
    needed,
)
from hotshoe.ports.portset import merged
from hotshoe.ports.ranges import PortRange
from hotshoe.site import checks
from hotshoe.site.model import Camera, Ftp, HomeService, Router, Server, SharedAddress, Site


def site(
    *cameras: int,
    control: int | None = None,
    passive: str | None = None,
    shared: SharedAddress | None = None,
    own: str = "",
    forwarded: str = "",
    to_lan: str = "",
    may_open: str = "",
    ssh_port: int = 22,
) -> Site:
    """A home of servers with so many cameras each.

    :param own: what the router answers on its WAN side, as in ``80/tcp 51820/udp``
    :param forwarded: what it forwards already
    :param to_lan: what the servers answer inside
    :param may_open: what the servers may open at home
    """
    doors = [HomeService(to="192.168.2.20", services=may_open.split())] if may_open else []
    return Site(
        hostname="photos.example.net",
        public_address="203.0.113.20",
        port_set=shared,
        routers=[
            Router(
                name="gateway",
                lan="192.168.1.1/24",
                open_to_wan=own.split(),
                other_forwards=forwarded.split(),
            )
        ],
        servers=[
            Server(
                name=f"server{n}",
                address=IPv4Address("192.168.1.10") + n,
                ssh_port=ssh_port,
                open_to_lan=to_lan.split(),
                may_open=doors,
            )
            for n in range(len(cameras))
        ],
        ftp=Ftp(control_port=control, passive_ports=passive),
        cameras=[
            Camera(name=f"c{n}-{k}", server=f"server{n}")
            for n, count in enumerate(cameras)
            for k in range(count)
        ],
    )


def listed(*ranges: str) -> SharedAddress:
    return SharedAddress(ports=ranges)


def told(ports: tuple[FtpPorts, ...]) -> list[str]:
    """As in ``21 50000-50099``."""
    return [f"{each.control} {each.passive}" for each in ports]


class TestHowManyPortsAreNeeded:
    @given(st.integers(0, 8000))
    def test_so_many_that_all_tries_hardly_ever_fail(self, cameras):
        in_use = PORTS_IN_USE_PER_CAMERA * max(cameras, 1)
        assert (in_use / needed(cameras)) ** TRIES <= ODDS
        assert (in_use / (needed(cameras) - 1)) ** TRIES > ODDS

    def test_which_is_eight_for_one_and_fifteen_for_two(self):
        assert [needed(n) for n in (1, 2, 3, 10)] == [8, 15, 22, 72]

    def test_and_is_told(self):
        assert bound(1).startswith("1 camera may use 2 ports at once")
        assert bound(2).startswith("2 cameras may use 4 ports at once")
        assert "needs 8 for" in bound(1)
        assert "need 15 for" in bound(2)
        assert bound(0) == bound(1)


class TestWithAllPortsOfAnAddress:
    def test_one_server_has_the_usual_ones(self):
        assert told(allocate(site(1))) == ["21 50000-50099"]

    def test_the_range_grows_with_the_cameras(self):
        assert told(allocate(site(40))) == ["21 50000-50287"]

    def test_and_begins_further_down_when_it_must(self):
        assert told(allocate(site(3000))) == [f"21 {65536 - needed(3000)}-65535"]

    def test_and_ends_where_ports_do(self):
        with pytest.raises(AllocationError) as impossible:
            allocate(site(9000))
        assert impossible.value.found == (
            "cameras",
            "are so many that they need 64689 passive ports, and vsftpd can use 64511",
            "list fewer cameras",
        )
        assert list(checks.run(site(9000))) == [impossible.value.found]

    def test_further_servers_have_their_control_ports_in_it(self):
        assert told(allocate(site(1, 1, 1))) == [
            "21 50000-50032",
            "50033 50034-50066",
            "50067 50068-50099",
        ]

    def test_what_is_said_is_done(self):
        assert told(allocate(site(1, control=2121, passive="40000-40007"))) == ["2121 40000-40007"]

    def test_what_is_spare_is_shared(self):
        small, large = allocate(site(1, 10, passive="40000-40100"))
        assert (len(small.passive), len(large.passive)) == (8 + 10, 72 + 10)

    def test_one_port_too_few_is_impossible(self):
        assert allocate(site(1, 1, passive="40000-40016"))
        with pytest.raises(AllocationError):
            allocate(site(1, 1, passive="40000-40015"))

    def test_nobody_shares_an_address_whose_psid_has_no_bits(self):
        alone = SharedAddress(offset=6, psid_length=0, psid=0)
        assert allowed(site(1, shared=alone)) is None
        assert told(allocate(site(1, shared=alone))) == ["21 50000-50099"]


class TestWithSomePortsOfAnAddress:
    V6PLUS = SharedAddress(offset=4, psid_length=8, psid=100)

    def test_a_server_has_a_row_and_a_control_port_from_the_next(self):
        assert told(allocate(site(2, shared=self.V6PLUS))) == ["9792 5696-5711"]

    def test_several_servers_have_a_row_each(self):
        assert told(allocate(site(1, 2, shared=self.V6PLUS))) == [
            "13888 9792-9807",
            "13889 5696-5711",
        ]

    def test_a_control_port_that_is_said_is_kept_out_of_the_rows(self):
        assert told(allocate(site(1, control=5700, shared=self.V6PLUS))) == ["5700 9792-9807"]

    def test_a_range_that_is_said_is_used_whole(self):
        assert told(allocate(site(1, passive="9792-9807", shared=self.V6PLUS))) == [
            "5696 9792-9807"
        ]

    def test_a_range_that_is_said_is_split(self):
        assert told(allocate(site(1, 1, passive="9792-9807", shared=self.V6PLUS))) == [
            "5696 9792-9799",
            "5697 9800-9807",
        ]

    def test_both_may_be_said(self):
        ports = allocate(site(1, control=5700, passive="9792-9807", shared=self.V6PLUS))
        assert told(ports) == ["5700 9792-9807"]

    def test_one_long_row_is_halved(self):
        half = SharedAddress(offset=0, psid_length=8, psid=0x80)
        assert told(allocate(site(1, shared=half))) == ["32896 32768-32895"]

    def test_and_cut_unevenly_when_halves_are_too_short(self):
        assert told(allocate(site(1, shared=listed("5000-5008")))) == ["5008 5000-5007"]
        assert told(allocate(site(1, 2, shared=listed("5000-5024")))) == [
            "5023 5015-5022",
            "5024 5000-5014",
        ]

    def test_a_row_is_cut_when_whole_rows_leave_no_control_port(self):
        shared = listed("5000-5015", "6000-6007", "7000")
        assert told(allocate(site(1, 1, shared=shared))) == ["5008 6000-6007", "5009 5000-5007"]

    def test_the_lowest_ports_are_not_used(self):
        assert told(allocate(site(1, shared=listed("1000-1040")))) == ["1033 1025-1032"]

    def test_ports_that_others_have_are_not_used(self):
        free = site(1, shared=listed("5000-5015"))
        assert told(allocate(free)) == ["5008 5000-5007"]
        for taken in (
            {"own": "5003/tcp"},
            {"forwarded": "5003/tcp"},
            {"to_lan": "5003/tcp"},
            {"may_open": "5003/tcp"},
            {"ssh_port": 5003},
        ):
            assert told(allocate(site(1, shared=listed("5000-5015"), **taken))) == [
                "5000 5004-5015"
            ]

    def test_unless_they_are_of_udp(self):
        busy = site(1, shared=listed("5000-5015"), own="5003/udp", to_lan="5003/udp")
        assert told(allocate(busy)) == ["5008 5000-5007"]

    def test_listed_ranges_may_touch_and_overlap(self):
        shared = listed("5008-5015", "5000-5010")
        assert allowed(site(1, shared=shared)) == (PortRange(5000, 5015),)


def test_cameras_belong_to_the_server_that_they_name():
    home = site(2, 1)
    assert cameras_of(home, 0) == list(home.cameras[:2])
    assert cameras_of(home, 1) == list(home.cameras[2:])


def test_cameras_that_name_none_belong_to_the_only_one(example_site):
    assert cameras_of(example_site, 0) == list(example_site.cameras)


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
def test_ranges_in_a_few_words(ranges, words):
    assert brief([PortRange.parse(text) for text in ranges]) == words


# -- whatever is asked for

counts = st.lists(st.integers(1, 4), min_size=1, max_size=4)
odd_ports = st.integers(1, 65535)


@st.composite
def port_sets(draw) -> SharedAddress:
    """Computed ones with rows of 4 to 4096 ports, and listed ones of a few rows near each other."""
    if draw(st.booleans()):
        offset = draw(st.integers(0, 8))
        length = draw(st.integers(1, 14 - offset))
        psid = draw(st.integers(0, 2**length - 1))
        return SharedAddress(offset=offset, psid_length=length, psid=psid)
    rows = draw(st.lists(st.tuples(st.integers(1000, 1200), st.integers(0, 40)), min_size=1))
    return SharedAddress(ports=[PortRange(first, first + more) for first, more in rows])


def assert_sound(ports: tuple[FtpPorts, ...], cameras: list[int]) -> None:
    """Every server has what it needs, and nobody has what another one has."""
    assert len(ports) == len(cameras)
    for each, count in zip(ports, cameras, strict=True):
        assert len(each.passive) >= needed(count)
        assert each.passive.first >= LOWEST_PASSIVE_PORT
    every = [PortRange(each.control, each.control) for each in ports]
    every += [each.passive for each in ports]
    for i, one in enumerate(every):
        assert not any(one.overlaps(other) for other in every[:i])


@given(counts, st.integers(LOWEST_PASSIVE_PORT, 60000), st.integers(0, 200))
def test_a_range_that_is_large_enough_is_used_up(cameras, first, more):
    size = sum(map(needed, cameras)) + len(cameras) - 1 + more
    passive = PortRange(first, first + size - 1)
    ports = allocate(site(*cameras, passive=str(passive)))
    assert_sound(ports, cameras)
    assert ports[0].control == CONTROL_PORT
    used = [*(PortRange(each.control, each.control) for each in ports[1:])]
    assert merged([*used, *(each.passive for each in ports)]) == (passive,)


@given(counts)
def test_the_usual_range_is_always_large_enough(cameras):
    assert_sound(allocate(site(*cameras)), cameras)


@given(counts, port_sets(), st.sets(odd_ports | st.integers(1000, 1250), max_size=4))
def test_inside_a_port_set_the_choice_is_sound_or_impossible(cameras, shared, taken):
    services = " ".join(f"{port}/tcp" for port in taken)
    home = site(*cameras, shared=shared, own=services, ssh_port=2022)
    ours = set().union(*allowed(home))
    free = {port for port in ours if port >= LOWEST_PASSIVE_PORT} - taken - {2022}
    try:
        ports = allocate(home)
    except AllocationError as impossible:
        key, reason, remedy = impossible.found
        assert key == "port_set"
        assert reason and remedy
        # It never gives up where a single row would do for all.
        wanted = sum(map(needed, cameras)) + len(cameras)
        assert not any(free.issuperset(range(port, port + wanted)) for port in free)
    else:
        assert_sound(ports, cameras)
        chosen = {each.control for each in ports}.union(*(each.passive for each in ports))
        assert chosen <= free


@given(counts, port_sets(), st.data())
def test_what_is_said_inside_a_port_set_is_kept_or_impossible(cameras, shared, data):
    ours = sorted(set().union(*allowed(site(1, shared=shared))))
    if not ours:
        return
    control = data.draw(st.none() | st.sampled_from(ours), label="control")
    first = data.draw(st.sampled_from(ours), label="first")
    size = data.draw(st.integers(1, 40), label="size")
    if first < LOWEST_PASSIVE_PORT or (control and control in range(first, first + size)):
        return  # refused by checks
    passive = PortRange(first, min(first + size - 1, 65535))
    try:
        ports = allocate(site(*cameras, control=control, passive=str(passive), shared=shared))
    except AllocationError as impossible:
        assert impossible.found[0] in ("ftp.passive_ports", "port_set")
    else:
        assert_sound(ports, cameras)
        assert control in (None, ports[0].control)
        assert all(set(each.passive) <= set(passive) for each in ports)
        assert {each.control for each in ports} <= set(ours) - set(passive)
