"""The program as it runs: what it tells, and that it goes on by itself."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from hotshoe.debian.fetch import configuration
from hotshoe.plan.model import FetcherPlan
from hotshoe_fetch import __main__ as program
from hotshoe_fetch import fetching
from hotshoe_fetch.__main__ import INFO, WARNING, Configuration, Program
from hotshoe_fetch.folder import part_of
from hotshoe_fetch.words import HUNG_UP, in_words
from tests.conftest import PROJECT
from tests.unit.fetch.conftest import Asked, content

LARGE = 5_000_000


class EndedError(BaseException):
    """The test is over."""


class Running:
    """The program, in a thread.

    :param command: what connects it
    """

    def __init__(self, command: list[str], place: Path) -> None:
        self.said: list[tuple[int, str]] = []
        self.pauses: list[float] = []
        self.changed = threading.Condition()
        self._over = threading.Event()
        configuration = Configuration("darkroom", command, str(place), 0)
        self._program = Program(configuration, self._say, self._alive)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with suppress(EndedError):
            self._program.run(self._sleep)

    def _alive(self) -> None:
        if self._over.is_set():
            raise EndedError

    def _say(self, priority: int, text: str) -> None:
        with self.changed:
            self.said.append((priority, text))
            self.changed.notify_all()

    def _sleep(self, seconds: float) -> None:
        with self.changed:
            self.pauses.append(seconds)
            self.changed.notify_all()
        if self._over.wait(0.01):
            raise EndedError

    def until(self, condition) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, 20), (self.said, self.pauses)

    def end(self) -> None:
        self._over.set()
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def run() -> Iterator:
    running: list[Running] = []

    def begin(command: list[str], place: Path) -> Running:
        running.append(Running(command, place))
        return running[-1]

    yield begin
    for each in running:
        each.end()


def test_what_comes_later_is_fetched_at_once(asked: Asked, served, folder, run):
    run(served, folder)
    for number, name in enumerate(("a.jpg", "b.jpg"), 1):
        asked.add(name, content(9, number))
        asked.until("fetched", number, name)


class TestADiskThatIsFull:
    def test_is_told_and_what_has_come_is_kept(self, asked, served, folder, run, monkeypatch):
        write, room = fetching._write, [1_000_000]

        def one_megabyte(handle: int, data: bytes, at: int) -> int:
            if at > room[0]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(handle, data, at)

        monkeypatch.setattr(fetching, "_write", one_megabyte)
        number = asked.add("a.jpg", content(LARGE))
        running = run(served, folder)
        asked.until("failed", "the disk there is full", None)
        part = folder / ".hotshoe" / part_of(asked.photos[number])
        assert 1_000_000 < part.stat().st_size < LARGE
        running.until(lambda: len(running.pauses) > 3)
        room[0] = LARGE
        asked.until("fetched", number, "a.jpg")
        assert (folder / "a.jpg").read_bytes() == content(LARGE)
        running.until(lambda: len(running.said) == 2)
        assert running.said == [
            (WARNING, "darkroom: the disk there is full; it is tried again"),
            (INFO, "darkroom: photos are fetched again"),
        ]
        assert running.pauses == sorted(running.pauses)

    def test_a_name_that_it_does_not_take_holds_up_no_other(
        self, asked, served, folder, run, monkeypatch
    ):
        place = program.Folder.place

        def picky(self, task, sha256):
            if task.path == "bad.jpg":
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            return place(self, task, sha256)

        monkeypatch.setattr(program.Folder, "place", picky)
        bad, good = asked.add("bad.jpg", content(LARGE)), asked.add("good.jpg", content(9, 2))
        running = run(served, folder)
        asked.until("fetched", good, "good.jpg")
        asked.until("failed", "its name is not possible on the disk there", bad)
        assert running.pauses == []


class TestAServerThatIsAway:
    def test_is_told_once_and_asked_ever_more_rarely(self, asked, served, folder, run, tmp_path):
        (tmp_path / "exchange").rename(tmp_path / "elsewhere")
        running = run(served, folder)
        running.until(lambda: len(running.pauses) >= 9)
        assert running.said == [
            (WARNING, "darkroom: hotshoe-delivery does not run on the server; it is tried again")
        ]
        assert running.pauses[:9] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
        number = asked.add("a.jpg", content(9))
        (tmp_path / "elsewhere").rename(tmp_path / "exchange")
        asked.until("fetched", number, "a.jpg")
        running.until(lambda: running.said[-1] == (INFO, "darkroom: photos are fetched again"))

    def test_a_folder_that_is_gone_is_told(self, asked, served, tmp_path, run):
        running = run(served, tmp_path / "nowhere")
        running.until(lambda: running.said)
        assert running.said[0][1].startswith(f"darkroom: {tmp_path}/nowhere: No such file")


TASK = {"id": 1, "path": "a.jpg", "size": 9, "mtime_ns": 1, "nonce": None, "name": None}


def says(*answers: object) -> list[str]:
    """What answers these, one after the other, whatever it is asked."""
    lines = [each if isinstance(each, str) else json.dumps(each) for each in answers]
    program = "import sys\nfor line, answer in zip(sys.stdin, {!r}): print(answer, flush=True)"
    return [sys.executable, "-c", program.format(lines)]


class TestAServerThatIsTakenOver:
    """Or of another release. Whatever it says, the program goes on, and tells it in plain words."""

    @pytest.mark.parametrize(
        "other",
        [
            {"id": "1"},
            {"path": 5},
            {"path": "\ud800.jpg"},
            {"size": "9"},
            {"size": -1},
            {"size": 1 << 70},
            {"mtime_ns": "now"},
            {"mtime_ns": 1 << 70},
            {"nonce": "no digits", "name": "a.jpg"},
            {"nonce": "00", "name": 7},
            {"nonce": "00", "name": "\ud800"},
        ],
        ids=str,
    )
    def test_a_task_that_makes_no_sense(self, run, tmp_path, other):
        self.makes_no_sense(run, tmp_path, {"tasks": [TASK | other]})

    @pytest.mark.parametrize("length", [None, "9", -1, 8, 10, 1 << 70])
    def test_as_much_of_a_photo_as_it_does_not_have(self, run, tmp_path, length):
        self.makes_no_sense(run, tmp_path, {"tasks": [TASK]}, {"length": length})

    def test_no_word_whether_a_digest_is_right(self, run, tmp_path):
        # With the end of its line, that is a photo of nine bytes.
        content = '{"length": 9}\n12345678'
        self.makes_no_sense(run, tmp_path, {"tasks": [TASK]}, content, {})

    @pytest.mark.parametrize("answer", ["[" * 100_000, "[]", '{"tasks": 1}', '{"tasks": [1]}'])
    def test_no_tasks(self, run, tmp_path, answer):
        self.makes_no_sense(run, tmp_path, answer)

    def makes_no_sense(self, run, place, *answers):
        running = run(says(*answers), place)
        running.until(lambda: running.said)
        (_, said), *_ = running.said
        assert "makes no sense" in said
        assert len(said) < 400
        assert [each.name for each in place.iterdir()] == [".hotshoe"]


def test_a_computer_without_openssh_is_told(tmp_path, run):
    running = run(["/nowhere/ssh", "-F", "none"], tmp_path)
    running.until(lambda: running.said)
    assert "/nowhere/ssh cannot be run: No such file or directory" in running.said[0][1]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@\n…", "another host key"),
        ("No ED25519 host key is known for x\nHost key verification failed.", "host key is not"),
        ("hotshoe-fetch@10.0.0.1: Permission denied (publickey).", "does not accept the key"),
        ("ssh: connect to host 10.0.0.1 port 17022: Connection refused", "nothing answers"),
        ("ssh: connect to host 10.0.0.1 port 17022: Connection timed out", "does not answer"),
        ("Timeout, server 10.0.0.1 not responding.", "does not answer any more"),
        ("ssh: connect to host 10.0.0.1 port 17022: No route to host", "no way"),
        ("hotshoe-delivery does not run on the server", "hotshoe-delivery does not run"),
        ("Connection closed by 10.0.0.1 port 17022", "has closed"),
        ("kex_exchange\nsomething \x1b[31melse", "something [31melse"),
        ("", HUNG_UP),
    ],
)
def test_what_ssh_says_is_put_in_plain_words(said, words):
    assert words in in_words(said)


def test_systemd_hears_of_it(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        program.notify("READY=1")
        assert listening.recv(99) == b"READY=1"


def test_the_program_reads_what_the_deploy_writes():
    plan = FetcherPlan(
        name="nas",
        behind="gateway",
        address=IPv4Address("192.168.1.20"),
        ssh_user="root",
        ssh_port=22,
        server="darkroom",
        dial=IPv4Address("192.168.178.10"),
        port=17022,
        folder="/srv/photos",
        order="oldest",
        bytes_per_second=5,
        by_hand=False,
        removed=False,
    )
    read = Configuration(**json.loads(configuration(plan)))
    assert read.command[-5:] == ["-p", "17022", "-l", "hotshoe-fetch", "192.168.178.10"]
    assert (read.server, read.folder, read.bytes_per_second) == ("darkroom", "/srv/photos", 5)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (None, "fetcher.json: No such file or directory"),
        ("photos", "fetcher.json is not what hotshoe wrote (Expecting value"),
        ('{"folder": "/srv/photos"}', "fetcher.json is not what hotshoe wrote ("),
    ],
)
def test_a_wrong_configuration_is_told_to_who_starts_it_by_hand(
    written: str | None,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if written is not None:
        Path("fetcher.json").write_text(written)
    monkeypatch.setattr("sys.argv", ["hotshoe_fetch", "fetcher.json"])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err


def test_only_the_journal_is_told_a_priority(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    program.say(WARNING, "its disk is full")
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    program.say(WARNING, "its disk is full")
    assert capsys.readouterr().err == "its disk is full\n<4>its disk is full\n"


def test_by_hand_it_is_ended_by_ctrl_c_without_a_word(tmp_path: Path) -> None:
    said = {"server": "darkroom", "command": ["/nowhere/ssh"], "folder": str(tmp_path)}
    (tmp_path / "fetcher.json").write_text(json.dumps(said | {"bytes_per_second": 0}))
    with subprocess.Popen(
        [sys.executable, "-B", "-m", "hotshoe_fetch", "fetcher.json"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PROJECT / "templates" / "fetcher")},
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background of a shell ignores Ctrl-C, and so do they.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stderr
        # It waits now until it tries again.
        assert "cannot be run" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == ""
    assert process.returncode == 0
