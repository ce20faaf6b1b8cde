"""Which sessions hotshoe-sessions ends, told from folders that hold what /proc would."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hotshoe import paths
from hotshoe.debian.units import Unit
from hotshoe.render import render
from tests.conftest import PROJECT

PERL = shutil.which("perl")
pytestmark = pytest.mark.skipif(not PERL, reason="needs perl, which every Debian has")

LIMITS = {"seconds": 60, "all": 200, "address": 48, "camera": 8}
LISTENER = 1


@dataclass(frozen=True)
class Session:
    """A session of vsftpd: one that waits for a log-in, unless it is a camera's.

    :param pid: of the process that lives as long as it does
    :param does: what it does, as vsftpd's title says; a camera's
    :param turns: how often its process had something to do
    """

    pid: int
    address: str = "203.0.113.7"
    camera: str = ""
    does: str = "IDLE"
    turns: int = 1
    started: int = 0
    unit: str = "system.slice/hotshoe-vsftpd.service"


def write_process(
    proc: Path, pid: int, parent: int, uid: int, title: str, unit: str, started: int, turns: int
) -> None:
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    zeros = "0 " * 17
    (folder / "stat").write_text(f"{pid} (vsftpd) S {parent} {zeros}{started} 0 0\n")
    (folder / "cgroup").write_text(f"0::/{unit}\n")
    (folder / "status").write_text(
        f"Name:\tvsftpd\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n"
        f"voluntary_ctxt_switches:\t{turns}\nnonvoluntary_ctxt_switches:\t0\n"
    )
    (folder / "cmdline").write_bytes(f"vsftpd: {title}".ljust(80).encode() + b"\0")


class Watched:
    """What the watcher saw, moment by moment, and what it would end."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._moments = folder, list[Path]()

    @property
    def ending(self) -> Path:
        """What hotshoe-intake writes."""
        return self._folder / "ending"

    def at(self, seconds: float, *sessions: Session) -> None:
        proc = self._folder / str(len(self._moments))
        self._moments.append(proc)
        write_process(proc, LISTENER, 1, 0, "LISTENER", Session(0).unit, 0, 1)
        (proc / "uptime").write_text(f"{seconds}.00 1.00\n")
        (proc / "self").mkdir()
        (proc / "self" / "cgroup").write_text("0::/system.slice/hotshoe-sessions.service\n")
        for each in sessions:
            rest = each.unit, each.started
            head_uid, child_uid = (998, 999) if each.camera else (0, 998)
            write_process(
                proc, each.pid, LISTENER, head_uid, f"{each.address}: connected", *rest, 1
            )
            title = f"{each.address}: not logged in"
            if each.camera:
                title = f"{each.address}/{each.camera}: {each.does}"
            write_process(proc, each.pid + 1, each.pid, child_uid, title, *rest, each.turns)

    def ended(self, **limits: int) -> list[int]:
        """The sessions that it would end, in the order of their numbers."""
        return sorted(int(line.split()[1]) for line in self.said(**limits) if line[:4] == "end ")

    def said(self, **limits: int) -> list[str]:
        program = self._folder / "hotshoe-sessions"
        program.write_text(render("vsftpd/sessions.pl.j2"))
        command = [str(PERL), str(program), *(f"{k}={v}" for k, v in (LIMITS | limits).items())]
        command.append(f"ending={self.ending}")
        done = subprocess.run(
            [*command, *map(str, self._moments)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()


@pytest.fixture
def watched(tmp_path, monkeypatch) -> Watched:
    monkeypatch.chdir(PROJECT)
    return Watched(tmp_path)


def waiting(number: int, address: str = "203.0.113.7", first: int = 100) -> list[Session]:
    """Sessions that have not logged in, the oldest first."""
    return [Session(first + 10 * i, address, started=i) for i in range(number)]


def of_camera(number: int, name: str = "r5", first: int = 5000, **more: object) -> list[Session]:
    return [Session(first + 10 * i, camera=name, started=i, **more) for i in range(number)]  # type: ignore[arg-type]


def test_a_session_without_log_in_ends_after_a_minute_whatever_it_sends(watched):
    watched.at(1000, Session(100), Session(200, camera="r5"))
    watched.at(1059, Session(100, turns=50), Session(200, camera="r5"), Session(300, started=9))
    assert watched.ended() == []
    watched.at(1060, Session(100, turns=90), Session(200, camera="r5"), Session(300, started=9))
    assert watched.said() == [
        "end 100",
        "ended 1 of 203.0.113.7, not logged in within 60 s",
    ]


def test_another_process_of_the_same_number_is_another_session(watched):
    watched.at(1000, Session(100, started=1))
    watched.at(1060, Session(100, started=2))
    assert watched.ended() == []


def test_who_waits_has_half_of_the_places_of_an_address_at_most(watched):
    watched.at(1000, *waiting(24))
    assert watched.ended() == []


def test_the_oldest_give_way(watched):
    watched.at(1000, *waiting(10))
    watched.at(1001, *waiting(26))
    assert watched.ended() == [100, 110]


def test_where_cameras_have_places_fewer_are_left_for_who_waits(watched):
    watched.at(1000, *waiting(24), *of_camera(8))
    assert watched.ended() == [100, 110, 120, 130]


def test_somebody_may_always_wait(watched):
    watched.at(1000, *waiting(1), *of_camera(8), *of_camera(8, "a7", first=9000))
    assert watched.ended(address=16) == []


def test_the_address_that_has_most_gives_way(watched):
    many = [each for i in range(20) for each in waiting(5, f"203.0.113.{i}", 1000 * (i + 1))]
    most = waiting(20, "203.0.113.200", 50_000)
    watched.at(1000, *many, *most)
    gone = watched.ended()
    assert len(gone) == 20
    assert len([pid for pid in gone if pid >= 50_000]) >= 15


def test_of_ipv6_a_whole_64_is_an_address(watched):
    same = [f"2001:db8::{i:x}" for i in range(1, 15)] + [
        f"2001:db8:0:0:{i}::" for i in range(1, 13)
    ]
    sessions = [Session(100 + 10 * i, address) for i, address in enumerate(same)]
    other = Session(5000, "2001:db8:0:1::1")
    watched.at(1000, *sessions, other)
    gone = watched.ended()
    assert len(gone) == 2
    assert 5000 not in gone


def test_ipv4_and_ipv6_have_places_of_their_own(watched):
    """A daemon each, and each counts its own sessions."""
    old = [each for i in range(9) for each in waiting(10, f"203.0.113.{i}", 1000 * (i + 1))]
    new = [
        Session(20_000 + 10 * i, f"2001:db8:{i:x}::1", unit="system.slice/hotshoe-vsftpd6.service")
        for i in range(90)
    ]
    watched.at(1000, *old, *new)
    assert watched.ended() == []


IMPLICIT = "system.slice/hotshoe-vsftpd-implicit.service"


def at_implicit_port(sessions: list[Session]) -> list[Session]:
    return [replace(each, unit=IMPLICIT) for each in sessions]


def test_strangers_at_two_control_ports_get_no_more_than_at_one(watched):
    """Of all places half, and of those of an address half, as if one daemon had them all."""
    here = [each for i in range(8) for each in waiting(10, f"203.0.113.{i}", 1000 * (i + 1))]
    there = at_implicit_port(
        [each for i in range(8) for each in waiting(10, f"203.0.113.{i}", 20_000 + 1000 * i)]
    )
    watched.at(1000, *here, *there)
    assert len(watched.ended()) == 160 - 100
    one = watched_anew(watched)
    one.at(1000, *waiting(20), *at_implicit_port(waiting(20, first=9000)))
    assert len(one.ended()) == 40 - 24


def watched_anew(watched: Watched) -> Watched:
    folder = watched.ending.parent / "anew"
    folder.mkdir()
    return Watched(folder)


def test_idle_sessions_of_a_camera_count_whatever_port_it_dialled(watched):
    old = [*of_camera(4), *at_implicit_port(of_camera(4, first=7000))]
    watched.at(1000, *old)
    watched.at(1010, *old, *of_camera(2, first=8000))
    assert len(watched.ended()) == 2


def test_a_session_at_the_implicit_port_that_begins_no_tls_ends_after_a_minute(watched):
    for seconds in (1000, 1059, 1061):
        watched.at(seconds, *at_implicit_port(waiting(1)))
    assert watched.ended() == [100]


def test_the_longest_idle_sessions_of_a_camera_give_way(watched):
    old = of_camera(8)
    watched.at(1000, *old)
    busy = [replace(each, turns=2) for each in old[:6]]
    watched.at(1010, *busy, *old[6:], *of_camera(2, first=8000))
    assert watched.said() == [
        *(f"end {each.pid}" for each in old[6:]),
        "ended 2 of 203.0.113.7, longest idle of more than 8 idle ones of camera r5",
    ]


def test_as_many_sessions_as_a_camera_uses_stay_however_long_they_are_idle(watched):
    watched.at(1000, *of_camera(8))
    watched.at(1250, *of_camera(8))
    assert watched.ended() == []


def test_a_session_that_has_just_logged_in_does_not_give_way(watched):
    watched.at(1000, *of_camera(12))
    watched.at(1004, *of_camera(12))
    assert watched.ended() == []


def test_transfers_take_no_idle_session_its_place(watched):
    """Eight died in the middle of one, and their camera has as many new sessions."""
    for seconds in (1000, 1050):
        watched.at(seconds, *of_camera(8, does="STOR a.JPG"), *of_camera(8, first=8000))
    assert watched.ended() == []


@pytest.mark.parametrize("does", ["STOR IDLE", "STOR x: IDLE", "STOR", "LIST", "NLST a"])
def test_a_transfer_never_gives_way(watched, does):
    for seconds in (1000, 1100, 1200):
        watched.at(seconds, *of_camera(30, does=does))
    assert watched.ended() == []


def test_each_camera_is_counted_by_itself(watched):
    for seconds in (1000, 1100):
        watched.at(seconds, *of_camera(8), *of_camera(8, "a7", first=9000))
    assert watched.ended() == []


def test_processes_of_others_are_left_alone(watched):
    """Another vsftpd, and another program of ours."""
    units = ("system.slice/vsftpd.service", "system.slice/ssh.service")
    for seconds in (1000, 2000):
        watched.at(seconds, *(Session(100 + 10 * i, unit=unit) for i, unit in enumerate(units)))
    assert watched.said() == []


@pytest.mark.parametrize(
    "unit",
    [
        "user.slice/user-1000.slice/user@1000.service/app.slice/hotshoe-vsftpd.service",
        "user.slice/user-1000.slice/user@1000.service/system.slice/hotshoe-vsftpd.service",
        "machine.slice/libpod-1.scope/system.slice/hotshoe-vsftpd.service",
    ],
)
def test_units_of_the_same_name_elsewhere_are_not_ours(watched, unit):
    """Any local user may have one, and titles are what a program says of itself."""
    forged = of_camera(150, first=10_000, does="STOR a.JPG", unit=unit)
    for seconds in (1000, 1030):
        watched.at(seconds, *of_camera(8), *waiting(20), *forged)
    assert watched.ended() == []


def test_a_camera_cannot_look_like_another_session(watched):
    """The name of a file is in the title."""
    name = "STOR 203.0.113.9: connected"
    for seconds in (1000, 1100):
        watched.at(seconds, *of_camera(1, does=name))
    assert watched.said() == []


def test_the_unit_passes_the_numbers_of_the_plan(example_plan, monkeypatch):
    monkeypatch.chdir(PROJECT)
    unit = render(
        "vsftpd/sessions.service.j2",
        server=example_plan.servers[0],
        unit=Unit.reading("hotshoe-sessions.service", "it"),
        daemons=["one.service", "other.service"],
    )
    assert "\nAfter=one.service other.service\n" in unit
    arguments = " ".join(f"{name}={limit}" for name, limit in (LIMITS | {"address": 64}).items())
    assert (
        f"\nExecStart=/usr/local/sbin/hotshoe-sessions {arguments} ending={paths.ENDING}\n" in unit
    )
    assert "\nCapabilityBoundingSet=CAP_KILL\n" in unit


# -- uploads that outgrow the room for photos


@pytest.mark.parametrize("process", [100, 101])
def test_a_session_whose_upload_is_too_large_ends(watched, process):
    watched.ending.write_text(f"{process} 20.00\n")
    watched.at(1000, *of_camera(3, first=100, does="STOR"), Session(50))
    assert watched.said() == [
        "end 101",
        "end 100",
        "ended 1 of 203.0.113.7, its upload to camera r5 outgrows the room for photos",
    ]


def test_a_process_that_has_only_got_the_number_goes_on(watched):
    watched.ending.write_text("100 20.00\n200 20.00\n")
    watched.at(1000, Session(100, camera="r5", started=2001), Session(200, camera="r5", started=2))
    assert watched.ended() == [200, 201]


def test_only_sessions_of_our_vsftpd_are_ended(watched):
    """Whoever takes hotshoe-intake over ends nothing else."""
    watched.ending.write_text(f"{LISTENER} 20.00\n100 20.00\n300 20.00\n")
    watched.at(1000, Session(100, camera="r5", unit="user.slice/hotshoe-vsftpd.service"))
    assert watched.ended() == []


@pytest.mark.parametrize(
    "text",
    ["", "100", "100 20", "-100 20.00", "100 20.00 ", "x100 20.00", "\0", "100 20.00\0", "\n" * 9],
)
def test_what_is_no_line_ends_nothing(watched, text):
    watched.ending.write_text(text)
    watched.at(1000, *of_camera(1, first=100))
    assert watched.ended() == []


@pytest.mark.parametrize("what", ["link", "pipe", "folder"])
def test_what_is_no_file_is_not_read(watched, what):
    real = watched.ending.with_name("real")
    real.write_text("100 20.00\n")
    if what == "link":
        watched.ending.symlink_to(real)
    elif what == "pipe":
        os.mkfifo(watched.ending)
    else:
        watched.ending.mkdir()
    watched.at(1000, *of_camera(1, first=100))
    assert watched.ended() == []
