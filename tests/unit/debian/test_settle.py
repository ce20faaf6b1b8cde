"""What the program that settles uploads decides, by a journal that a test writes."""

from __future__ import annotations

import fcntl
import getpass
import os
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from hotshoe import paths
from hotshoe.render import render
from tests.conftest import PROJECT

# Programs that the real ones are replaced by. ``sleep`` ends the loop after some rounds.
FAKES = {
    "sleep": 'n=$(cat "$FAKE/rounds"); [ "$n" -gt 0 ] && echo $((n - 1)) >"$FAKE/rounds"',
    "journalctl": (
        'case " $* " in *" --boot "*) cat "$FAKE/first";; *) cat "$FAKE/journal";; esac'
    ),
    "logger": 'while [ "$1" != -- ]; do shift; done; shift; '
    'echo "$(date +%s.%N) host hotshoe-settle[1]: $*" >>"$FAKE/journal"',
    "stat": 'case " $* " in *dev-log*) cat "$FAKE/socket";; *) /usr/bin/stat "$@";; esac',
}


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(PROJECT)


class Server:
    """Folders of photos, a journal, and the program."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.photos = folder, folder / "photos"
        self.upload, self.aside = self.photos / "r5/upload", self.photos / "r5/incomplete"
        for each in (self.upload, self.aside, folder / "bin", folder / "state"):
            each.mkdir(parents=True)
        self.program = folder / "settle"
        places = {"PHOTOS": self.photos}
        places |= {"UPLOAD": paths.UPLOAD, "INCOMPLETE": paths.INCOMPLETE}
        owner, where = getpass.getuser(), SimpleNamespace(**places)
        self.program.write_text(render("vsftpd/settle.sh.j2", paths=where, owner=owner))
        for name, text in FAKES.items():
            self.fake(name, text)
        self.journal = folder / "journal"
        self.journal.touch()
        self.journal_begins(time.time() - 60)
        (folder / "socket").write_text("0")

    def fake(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def journal_begins(self, when: float) -> None:
        (self.folder / "first").write_text(f"{when:.6f} host kernel: the first entry\n")

    def photo(self, name: str, content: bytes = b"1234567") -> Path:
        path = self.upload / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o660)
        return path

    def log(self, message: str, when: float = 0, more: str = "") -> None:
        with self.journal.open("a") as file:
            file.write(f"{when or time.time():.6f} host vsftpd[42]: {message}\n{more}")

    def settle(self, rounds: int = 3) -> list[str]:
        """Run the program for some rounds, and return what it said."""
        (self.folder / "rounds").write_text(str(rounds))
        done = subprocess.run(
            ["sh", self.program],
            env={
                "PATH": f"{self.folder}/bin:/usr/bin:/bin",
                "FAKE": str(self.folder),
                "RUNTIME_DIRECTORY": str(self.folder / "state"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return done.stdout.splitlines()


@pytest.fixture
def server(tmp_path) -> Server:
    return Server(tmp_path)


def line(path: str, size: int = 7, user: str = "r5") -> str:
    number = f"{size} bytes, " if size else ""
    return f'[{user}] OK UPLOAD: Client "::ffff:192.0.2.1", "{path}", {number}0.99Kbyte/sec'


def is_complete(path: Path) -> bool:
    return path.exists() and path.stat().st_mode & 0o777 == 0o440


def is_untouched(path: Path) -> bool:
    return path.exists() and path.stat().st_mode & 0o777 == 0o660


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("a.JPG", "/upload/a.JPG"),
        ("a.JPG", "/upload/../upload//./a.JPG"),
        ("trip/a.JPG", "/upload/x/../trip/a.JPG"),
        ('odd "7 bytes, é* [5] %s \\n.JPG', '/upload/odd "7 bytes, é* [5] %s \\n.JPG'),
        ('x", 9 bytes, 1Kbyte', '/upload/x", 9 bytes, 1Kbyte'),
        ("line\nbreak.JPG", "/upload/line?break.JPG"),
        ("-dash.JPG", "/upload/-dash.JPG"),
        (" blank ", "/upload/ blank "),
    ],
)
def test_a_photo_is_complete_when_the_journal_says_so(server, name, typed):
    photo = server.photo(name)
    server.log(line(typed))
    assert server.settle(1) == []
    assert is_complete(photo)


def test_an_empty_file_may_be_complete_too(server):
    photo = server.photo("empty.JPG", b"")
    server.log(line("/upload/empty.JPG", 0))
    server.settle(1)
    assert is_complete(photo)


@pytest.mark.parametrize(
    "log",
    [
        {"message": line("/upload/a.JPG", 8)},
        {"message": line("/upload/a.JPG", 0)},
        {"message": line("/upload/b.JPG")},
        {"message": line("/upload/trip/a.JPG")},
        {"message": line("/upload/a.JPG", user="a7")},
        {"message": line("/upload/a.JPG"), "when": time.time() - 3600},
        {"message": line("/upload/a.JPG"), "more": "               a second line\n"},
        {"message": line("/upload/a.JPG") + " "},
        {"message": "x " + line("/upload/a.JPG")},
        {"message": line("/upload/a.JPG").replace("OK", "FAIL", 1)},
        {"message": line("/upload/a.JPG").replace("UPLOAD", "MKDIR", 1)},
    ],
)
def test_a_photo_that_the_journal_does_not_call_complete_is_set_aside(server, log):
    photo = server.photo("a.JPG")
    server.log(**log)
    assert server.settle(1) == []
    assert is_untouched(photo)
    assert server.settle(3) == [
        f"r5: the upload of a.JPG broke off; 7 bytes arrived and are in {server.aside}"
    ]
    assert not photo.exists()
    assert (server.aside / "a.JPG").read_bytes() == b"1234567"
    assert server.aside.stat().st_mode & 0o777 == 0o550


def test_a_file_set_aside_under_the_same_name_stays(server):
    (server.aside / "a.JPG").mkdir()
    for content in (b"first", b"second"):
        server.photo("a.JPG", content)
        server.settle()
    found = sorted(path.read_bytes() for path in server.aside.iterdir() if path.is_file())
    assert found == [b"first", b"second"]


def test_a_file_that_is_being_written_stays(server):
    photo = server.photo("a.JPG")
    with photo.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)  # as vsftpd does
        assert server.settle(4) == []
        assert is_untouched(photo)
    assert len(server.settle()) == 1


def test_nothing_is_set_aside_before_the_program_s_own_line_can_be_read_back(server):
    photo = server.photo("a.JPG")
    server.fake("logger", "true")
    assert server.settle(5) == []
    assert is_untouched(photo)


def test_a_file_that_changed_since_that_line_was_sent_stays(server):
    photo = server.photo("a.JPG")
    server.settle(1)
    server.photo("a.JPG", b"other!!")
    server.settle(1)
    assert is_untouched(photo)


def test_without_the_journal_nothing_is_decided(server):
    photo = server.photo("a.JPG")
    server.fake("journalctl", "exit 1")
    assert server.settle(5) == []
    assert is_untouched(photo)


@pytest.mark.parametrize("why", ["the journal is younger", "no birth times", "a new socket"])
def test_an_undecided_upload_stays_and_is_reported_once(server, why):
    photo, whole = server.photo("a.JPG"), server.photo("whole.JPG")
    if why == "the journal is younger":
        server.journal_begins(time.time() + 1)
    elif why == "a new socket":
        (server.folder / "socket").write_text(str(int(time.time()) + 1))
    else:
        server.fake("stat", FAKES["stat"].replace('"$@"', '"$@" | sed "s/ .*/ 0/"'))
    server.log(line("/upload/whole.JPG"))
    (said,) = server.settle(4)
    assert said.startswith(f"{photo}: it cannot be told whether this photo arrived completely")
    assert is_untouched(photo)
    assert is_complete(whole)


def test_a_name_that_the_log_cannot_spell_on_one_line_stays(server):
    photo = server.photo("line\nbreak.JPG")
    server.log(
        '[r5] OK UPLOAD: Client "192.0.2.1", "/upload/line', more='  break.JPG", 7 bytes, 1\n'
    )
    (said,) = server.settle(4)
    assert "line\1break.JPG: it cannot be told" in said
    assert is_untouched(photo)


def test_each_camera_has_its_own_files_and_lines(server):
    other = server.photos / "a7/upload/a.JPG"
    other.parent.mkdir(parents=True)
    (server.photos / "a7/incomplete").mkdir()
    other.write_bytes(b"1234567")
    photo = server.photo("a.JPG")
    server.log(line("/upload/a.JPG", user="a7"))
    assert len(server.settle()) == 1
    assert is_complete(other)
    assert not photo.exists()


def test_links_are_not_followed(server):
    elsewhere = server.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.JPG").write_bytes(b"1234567")
    (elsewhere / "a.JPG").chmod(0o660)
    (server.upload / "folder").symlink_to(elsewhere)
    (server.upload / "file.JPG").symlink_to(elsewhere / "a.JPG")
    server.log(line("/upload/folder/a.JPG"))
    server.log(line("/upload/file.JPG"))
    assert server.settle() == []
    assert is_untouched(elsewhere / "a.JPG")


def test_a_path_may_be_longer_than_the_kernel_takes(server):
    here = os.open(server.upload, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 240, dir_fd=here)
        inner = os.open("d" * 240, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("deep.JPG", os.O_CREAT | os.O_WRONLY, 0o660, dir_fd=here))
    broken = server.photo("broken.JPG")
    said = server.settle(4)
    assert len(said) == 2
    assert sum("deep.JPG: it cannot be told" in each for each in said) == 1
    assert not broken.exists()
    os.stat("deep.JPG", dir_fd=here)
    os.close(here)


def test_two_thousand_at_once_are_settled_in_batches(server):
    for n in range(1200):
        server.photo(f"{n}.JPG")
        server.log(line(f"/upload/{n}.JPG"))
    server.settle(2)
    assert all(is_complete(path) for path in server.upload.iterdir())
