"""The program that follows the public address: what it believes, does and survives.

It runs here as it does on a server; only the services on the Internet and the provider are played.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hotshoe.site.routability import UNREACHABLE
from hotshoe_address import __main__ as daemon
from hotshoe_address import record as records
from hotshoe_address import truth
from hotshoe_address.record import Record
from hotshoe_address.system import read, write
from hotshoe_address.truth import NOTICE_SECONDS, DoubtError, Notice, Sources, address_in, judge

OLD, NEW, NEWER = (IPv4Address(f"203.0.113.{n}") for n in (4, 5, 6))
URLS = ["https://a.example", "https://b.example", "https://c.example"]


# -- what is an answer


@pytest.mark.parametrize("body", ["203.0.113.5", "203.0.113.5\n", " 203.0.113.5 \r\n"])
def test_an_answer_is_an_address_and_nothing_else(body):
    assert address_in(f"{body}\n200") == NEW


@pytest.mark.parametrize(
    "said",
    [
        "<html>Welcome to Hotel 203.0.113.5</html>\n200",
        "203.0.113.5\n203.0.113.6\n200",
        "203.0.113.5 203.0.113.6\n200",
        "203.0.113.5" + " " * 64 + "\n200",
        "203.0.113.5\n302",
        "203.0.113.5\n404",
        "203.0.113.5\n000",
        "203.0.113.5",
        "203.0.113.05\n200",
        "2001:db8::5\n200",
        "3405803781\n200",
        "\n200",
        "",
    ],
)
def test_any_other_answer_is_refused(said):
    with pytest.raises(ValueError):
        address_in(said)


# -- whom to believe


def answering(answers: dict[str, Any], monkeypatch) -> list[str]:
    """Sources that answer this; returns whom the program asks, as it asks them."""
    asked: list[str] = []

    async def ask(url: str) -> Any:
        asked.append(url)
        answer = answers[url]
        return await answer() if callable(answer) else answer

    monkeypatch.setattr(truth, "ask", ask)
    return asked


def test_two_sources_that_agree_are_believed_and_no_other_is_asked(monkeypatch):
    asked = answering(dict.fromkeys(URLS, NEW), monkeypatch)
    assert asyncio.run(Sources(URLS).address()) == NEW
    assert asked == URLS[:2]


@pytest.mark.parametrize("bad", [OLD, "Connection refused", IPv4Address("10.0.0.1")])
@pytest.mark.parametrize("which", [0, 1])
def test_a_third_source_decides_and_who_was_of_no_use_is_asked_last(monkeypatch, bad, which):
    answers = dict.fromkeys(URLS, NEW) | {URLS[which]: bad}
    asked = answering(answers, monkeypatch)
    sources = Sources(URLS)
    assert asyncio.run(sources.address()) == NEW
    assert asked == URLS
    del asked[:]
    assert asyncio.run(sources.address()) == NEW
    assert asked == [url for url in URLS if url != URLS[which]]


@pytest.mark.parametrize(
    "answers", [(OLD, NEW, NEWER), (NEW, "shut", "shut"), ("shut",) * 3, (NEW, OLD, "shut")]
)
def test_without_two_that_agree_nobody_is_believed(monkeypatch, answers):
    answering(dict(zip(URLS, answers, strict=True)), monkeypatch)
    with pytest.raises(DoubtError, match="no two sources agree on it") as doubt:
        asyncio.run(Sources(URLS).address())
    for url, answer in zip(URLS, answers, strict=True):
        assert f"{url.removeprefix('https://')}: {answer}" in str(doubt.value)


def test_a_source_that_is_shut_for_good_is_told_of_once(monkeypatch, capsys):
    answering(dict.fromkeys(URLS, NEW) | {URLS[0]: "shut"}, monkeypatch)
    sources = Sources(URLS)
    for _ in range(2 * truth.MISSES):
        sources._urls = URLS
        assert asyncio.run(sources.address()) == NEW
    assert capsys.readouterr().out == "<5>a.example is of no use (shut); others are asked\n"


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ("192.168.1.1", r"private \(RFC 1918\)"),
        ("10.0.0.1", r"private \(RFC 1918\)"),
        ("100.64.3.4", "carrier-grade NAT"),
        ("192.0.0.2", "DS-Lite"),
        ("127.0.0.1", "loopback"),
        ("240.0.0.1", "reserved"),
        ("0.0.0.0", "this network"),
    ],
)
def test_an_address_that_nobody_can_reach_is_never_the_public_one(seen, why):
    with pytest.raises(DoubtError, match=why):
        judge(IPv4Address(seen), None, 0, UNREACHABLE)


@pytest.mark.parametrize("at", [None, 0.0, 999.0])
@pytest.mark.parametrize(
    ("wan", "why"), [("100.64.3.4", "carrier-grade NAT"), ("192.168.1.2", "private")]
)
def test_behind_carrier_grade_nat_there_is_no_public_address(at, wan, why):
    """However long ago the router told that."""
    with pytest.raises(DoubtError, match=f"WAN address {wan} is not public: .*{why}"):
        judge(NEW, Notice(IPv4Address(wan), at), 1000, UNREACHABLE)


def test_what_the_router_says_is_believed_before_the_sources_for_a_while():
    with pytest.raises(DoubtError, match=f"WAN address is {OLD}, and the sources see {NEW}"):
        judge(NEW, Notice(OLD, 1000), 1000 + NOTICE_SECONDS - 1, UNREACHABLE)
    judge(NEW, Notice(OLD, 1000), 1000 + NOTICE_SECONDS, UNREACHABLE)
    judge(NEW, Notice(OLD), 1000, UNREACHABLE)
    judge(NEW, Notice(NEW, 1000), 1000, UNREACHABLE)


# -- files


def test_a_file_is_replaced_in_one_step_and_others_may_read_it(tmp_path):
    path = tmp_path / "it"
    path.write_text("before")
    with path.open() as held:
        write(path, "after")
        assert (held.read(), path.read_text()) == ("before", "after")
    assert path.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["it"]


@pytest.mark.parametrize(
    "text", ["", "pasv_address=", "pasv_address=x", "pasv_address=1.2.3", "\0"]
)
def test_a_damaged_file_has_no_address(tmp_path, text):
    path = tmp_path / "it"
    path.write_text(text)
    assert read(path, r"^pasv_address=([0-9.]+)$") is None
    assert read(tmp_path / "missing", r"^pasv_address=([0-9.]+)$") is None


# -- the record


class Provider:
    """Plays the program that updates the record: what it says, and what it was told."""

    def __init__(self, folder: Path, monkeypatch) -> None:
        self.folder = folder
        self.program = folder / "update-record"
        self.calls = folder / "calls"
        self.answers("")
        for name, value in (("GAP", 0), ("FIRST_PAUSE", 0.1), ("LAST_PAUSE", 0.4)):
            monkeypatch.setattr(records, name, value)

    def answers(self, script: str) -> None:
        self.program.write_text(f'#!/bin/sh\necho "$1" >>{self.calls}\n{script}\n')
        self.program.chmod(0o755)

    @property
    def record(self) -> Record:
        return Record("it.example", [str(self.program)], self.folder / "record")

    @property
    def told(self) -> list[str]:
        return self.calls.read_text().split() if self.calls.exists() else []


@pytest.fixture
def provider(tmp_path, monkeypatch) -> Provider:
    return Provider(tmp_path, monkeypatch)


async def until(holds: Callable[[], Any], seconds: float = 15) -> None:
    """Wait until something holds; fails the test if it never does."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


def keeping(record: Record, story: Callable[[], Awaitable[Any]]) -> None:
    """While the record is kept, tell a story."""

    async def both() -> None:
        keeper = asyncio.create_task(record.keep())
        await story()
        assert not keeper.done()
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper

    asyncio.run(both())


def test_the_record_is_updated_once_for_an_address(provider, capsys):
    record = provider.record

    async def story() -> None:
        for _ in range(3):
            record.belongs_at(NEW)
            await until(lambda: record._sent == NEW)
            await asyncio.sleep(0.05)

    keeping(record, story)
    assert provider.told == [str(NEW)]
    assert capsys.readouterr().out == f"<6>the record of it.example is at {NEW}\n"


def test_a_restart_does_not_send_it_again_but_a_new_password_does(provider):
    async def sent(record: Record) -> None:
        record.belongs_at(NEW)
        await until(lambda: record._sent == NEW)

    for told in (1, 1):
        record = provider.record
        keeping(record, lambda record=record: sent(record))
        assert provider.told == [str(NEW)] * told
    provider.answers("# other settings")
    record = provider.record
    keeping(record, lambda: sent(record))
    assert provider.told == [str(NEW)] * 2


def test_whoever_was_killed_while_it_sent_one_sends_again(provider):
    """What the provider has made of it is not known."""
    keeping(record := provider.record, lambda: _sends(record, NEW))
    assert (provider.folder / "record").exists()
    provider.answers("sleep 60")
    record = provider.record
    record._sent = NEW

    async def killed() -> None:
        record.belongs_at(NEWER)
        await until(lambda: provider.told[-1:] == [str(NEWER)])

    keeping(record, killed)
    assert not (provider.folder / "record").exists()


async def _sends(record: Record, address: IPv4Address) -> None:
    record.belongs_at(address)
    await until(lambda: record._sent == address)


def test_what_fails_is_tried_again_after_ever_longer_pauses_and_told_once(provider, capsys):
    provider.answers('echo "911: the provider has trouble" >&2; exit 75')
    record = provider.record
    times: list[float] = []

    async def story() -> None:
        record.belongs_at(NEW)
        for tries in range(1, 6):
            await until(lambda tries=tries: len(provider.told) >= tries)
            times.append(time.monotonic())
        provider.answers("")
        await until(lambda: record._sent == NEW)

    keeping(record, story)
    pauses = [after - before for before, after in pairwise(times)]
    assert pauses[0] < pauses[1] < pauses[2]
    assert pauses[3] < 2 * pauses[2]
    assert capsys.readouterr().out.splitlines() == [
        f"<4>the record of it.example is not at {NEW} yet; it is tried again: "
        "911: the provider has trouble",
        f"<6>the record of it.example is at {NEW}",
    ]


def test_what_is_refused_waits_longest_and_a_new_address_is_sent_at_once(
    provider, capsys, monkeypatch
):
    monkeypatch.setattr(records, "LAST_PAUSE", 3600)
    provider.answers('echo "badauth" >&2; exit 77')
    record = provider.record

    async def story() -> None:
        record.belongs_at(NEW)
        await until(lambda: provider.told)
        await asyncio.sleep(0.5)
        assert provider.told == [str(NEW)]
        record.belongs_at(NEWER)
        await until(lambda: len(provider.told) == 2)
        provider.answers("")
        record.belongs_at(NEWER, now=True)
        await until(lambda: record._sent == NEWER)

    keeping(record, story)
    assert capsys.readouterr().out.splitlines()[0] == (
        f"<3>the record of it.example is not at {NEW} until a person corrects something: badauth"
    )


def test_a_record_is_sent_anew_once_in_a_while_and_when_a_person_asks(provider, monkeypatch):
    """Others may have changed it, and providers forget names of which they hear nothing."""
    record = provider.record

    async def asked() -> None:
        await _sends(record, NEW)
        record.belongs_at(NEW, now=True)
        await until(lambda: len(provider.told) == 2)

    keeping(record, asked)
    monkeypatch.setattr(records, "REFRESH", 0.05)
    again = provider.record

    async def in_a_while() -> None:
        again.belongs_at(NEW)
        await until(lambda: len(provider.told) >= 4)

    keeping(again, in_a_while)
    assert set(provider.told) == {str(NEW)}


def test_nothing_is_sent_again_while_the_address_is_in_doubt(provider):
    provider.answers("exit 75")
    record = provider.record

    async def story() -> None:
        record.belongs_at(NEW)
        await until(lambda: provider.told)
        record.wait()
        tried = len(provider.told)
        await asyncio.sleep(1)
        assert len(provider.told) <= tried + 1
        provider.answers("")
        record.belongs_at(NEW)
        await until(lambda: record._sent == NEW)

    keeping(record, story)


def test_an_update_for_an_address_that_is_gone_is_given_up_with_all_its_processes(provider):
    provider.answers(f"[ $1 = {NEWER} ] || sh -c 'echo $$ >{provider.folder}/pid; exec sleep 60'")
    record = provider.record

    async def story() -> None:
        record.belongs_at(NEW)
        await until(lambda: (provider.folder / "pid").exists() and _pid())
        record.belongs_at(NEWER)
        await until(lambda: record._sent == NEWER)
        await until(lambda: not Path(f"/proc/{_pid()}").exists())

    def _pid() -> str:
        return (provider.folder / "pid").read_text().strip()

    keeping(record, story)
    assert provider.told == [str(NEW), str(NEWER)]


def test_a_program_that_hangs_or_is_missing_is_a_failure_like_others(provider, monkeypatch, capsys):
    monkeypatch.setattr(records, "SECONDS", 0.2)
    provider.answers("sleep 60")
    record = provider.record

    async def story() -> None:
        record.belongs_at(NEW)
        await until(lambda: len(provider.told) == 2)
        provider.program.unlink()
        await asyncio.sleep(1)
        provider.answers("")
        await until(lambda: record._sent == NEW)

    keeping(record, story)
    said = capsys.readouterr().out
    assert "no answer within" in said
    assert "No such file" in said


# -- the daemon


class Home:
    """A server whose sources, router and provider are played."""

    def __init__(self, folder: Path, monkeypatch) -> None:
        self.folder = folder
        self.answers: dict[str, Any] = dict.fromkeys(URLS, OLD)
        self.asked = answering(self.answers, monkeypatch)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.router: str | None = None
        self.follower: Any = None
        monkeypatch.setattr(daemon, "GAP", 0.05)
        monkeypatch.setattr(daemon, "FIRST_PAUSE", 0.05)

    @property
    def configuration(self) -> dict[str, Any]:
        return {
            "hostname": "it.example",
            "sources": URLS,
            "seconds": 30,
            "router": self.router,
            "notice_port": self.port,
            "unreachable": UNREACHABLE,
            "update": [],
            "public_address": str(self.folder / "public-address.conf"),
            "router_address": str(self.folder / "router-address"),
            "record": str(self.folder / "record"),
        }

    def outside_sees(self, address: Any) -> None:
        for url in URLS:
            self.answers[url] = address

    @property
    def announced(self) -> str:
        path = self.folder / "public-address.conf"
        return path.read_text().removeprefix("pasv_address=").strip() if path.exists() else "none"

    async def router_tells(self, line: bytes) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(line)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    def live(self, story: Callable[[], Awaitable[Any]]) -> None:
        """While the daemon runs, tell a story."""

        async def both() -> None:
            self.follower = daemon.Follower(daemon.Configuration(**self.configuration))
            task = asyncio.create_task(self.follower.run())
            await until(lambda: self.asked or task.done())
            await story()
            assert not task.done()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

        asyncio.run(both())


@pytest.fixture
def home(tmp_path, monkeypatch) -> Home:
    return Home(tmp_path, monkeypatch)


def announces(home: Home, address: object) -> Awaitable[None]:
    return until(lambda: home.announced == str(address))


def test_what_the_sources_see_is_announced(home, capsys):
    home.live(lambda: announces(home, OLD))
    assert capsys.readouterr().out == f"<6>new sessions get {OLD}, the public address\n"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("Could not resolve host", "no two sources agree on it"),
        ("its answer is not an address and nothing else", "no two sources agree on it"),
        (IPv4Address("100.64.0.9"), "carrier-grade NAT"),
        (IPv4Address("192.168.1.10"), "private"),
    ],
)
def test_in_doubt_the_last_good_address_stays_and_one_line_says_why(home, capsys, answer, why):
    write(home.folder / "public-address.conf", f"pasv_address={OLD}\n")
    home.outside_sees(answer)

    async def story() -> None:
        await until(lambda: len(home.asked) > 6)
        assert home.announced == str(OLD)
        home.outside_sees(OLD)
        await until(lambda: not home.follower._doubt)

    home.live(story)
    doubt, end = capsys.readouterr().out.splitlines()
    assert doubt.startswith(f"<4>{OLD} stays: ")
    assert why in doubt
    assert end == f"<6>{OLD} is the public address, without doubt"


def test_a_hangup_signal_makes_it_look_at_once(home):
    async def story() -> None:
        await announces(home, OLD)
        home.outside_sees(NEW)
        os.kill(os.getpid(), signal.SIGHUP)
        await announces(home, NEW)

    home.live(story)


def test_what_the_router_tells_makes_it_look_at_once(home):
    home.router = "127.0.0.1"

    async def story() -> None:
        await until(lambda: home.follower._doubt == "silent")
        assert home.announced == ""
        await home.router_tells(f"wan {OLD}\n".encode())
        await announces(home, OLD)
        home.outside_sees(NEW)
        await home.router_tells(f"wan {NEW}\n".encode())
        await announces(home, NEW)

    home.live(story)


def test_a_look_that_began_before_the_change_is_given_up(home):
    home.router = "127.0.0.1"

    async def never() -> None:
        await asyncio.sleep(60)

    async def story() -> None:
        await home.router_tells(f"wan {OLD}\n".encode())
        await announces(home, OLD)
        home.outside_sees(never)
        asked = len(home.asked)
        home.follower._event.set()
        await until(lambda: len(home.asked) > asked)
        home.outside_sees(NEW)
        await home.router_tells(f"wan {NEW}\n".encode())
        await announces(home, NEW)

    home.live(story)


def test_behind_carrier_grade_nat_nothing_is_announced_also_after_a_restart(home, capsys):
    home.router = "127.0.0.1"
    write(home.folder / "public-address.conf", f"pasv_address={OLD}\n")
    home.outside_sees(NEW)

    async def told() -> None:
        await home.router_tells(b"wan 100.64.7.7\n")
        await until(lambda: home.follower._doubt == "private")

    async def still() -> None:
        await until(lambda: home.follower._doubt == "private")

    for story in (told, still):
        home.live(story)
        assert home.announced == str(OLD)
    assert "100.64.7.7 is not public: it is behind the provider's" in capsys.readouterr().out


def test_what_a_router_told_is_forgotten_when_it_tells_nothing_any_more(home, capsys, monkeypatch):
    """Another one may be in its place, which tells nothing."""
    home.router = "127.0.0.1"
    kept = home.folder / "router-address"
    write(kept, "wan 100.64.7.7\n")

    async def story() -> None:
        await until(lambda: home.follower._doubt == "private")
        assert home.announced == ""
        monkeypatch.setattr(daemon, "SILENCE", 0)
        monkeypatch.setattr(daemon, "NOTICE_SECONDS", 0)
        await announces(home, OLD)

    home.live(story)
    assert not kept.exists()
    assert "the router no longer tells its WAN address" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line",
    [b"", b"wan\n", b"wan 1.2.3\n", b"wan 203.0.113.5", b"wan 203.0.113.5\nx\n" * 99, b"\xff\n"],
)
def test_what_is_no_notice_is_not_heard(home, line):
    home.router = "127.0.0.1"

    async def story() -> None:
        with contextlib.suppress(ConnectionError):
            await home.router_tells(line)
        await home.router_tells(f"wan {OLD}\n".encode())
        await announces(home, OLD)

    home.live(story)


def test_nobody_but_the_router_is_heard(home):
    home.router = "192.0.2.1"

    async def story() -> None:
        await home.router_tells(b"wan 10.0.0.1\n")
        await until(lambda: len(home.asked) > 6)
        assert home.follower._notice is None

    home.live(story)
    assert not (home.folder / "router-address").exists()


def test_a_full_disk_changes_nothing_and_is_told(home, capsys, monkeypatch):
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    write(home.folder / "public-address.conf", f"pasv_address={OLD}\n")
    home.outside_sees(NEW)
    monkeypatch.setattr(daemon, "write", full)

    async def story() -> None:
        await until(lambda: home.follower._doubt)
        monkeypatch.setattr(daemon, "write", write)
        await announces(home, NEW)

    home.live(story)
    assert f"<4>{OLD} stays: [Errno 28] No space left on device" in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["", "pasv_add", None])
def test_a_file_that_is_damaged_or_gone_is_written_again(home, damage):
    path = home.folder / "public-address.conf"

    async def story() -> None:
        await announces(home, OLD)
        path.unlink() if damage is None else path.write_text(damage)
        os.kill(os.getpid(), signal.SIGHUP)
        await announces(home, OLD)

    home.live(story)


def test_of_two_at_once_the_second_one_ends(home, tmp_path, monkeypatch):
    file = tmp_path / "address.json"
    file.write_text(json.dumps(home.configuration))
    monkeypatch.setattr(daemon.sys, "argv", ["hotshoe-address", str(file)])
    with (tmp_path / "address.lock").open("w") as lock:
        daemon.fcntl.flock(lock, daemon.fcntl.LOCK_EX)
        with pytest.raises(SystemExit, match="runs already"):
            daemon.main()
