"""Other sides, and people in the library, that go on without end hold nothing up."""

from __future__ import annotations

import errno
import getpass
import hashlib
import http.client
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from hotshoe_delivery import library
from hotshoe_delivery.ledger import Ledger, Photo
from hotshoe_delivery.photos import Photos
from hotshoe_delivery.rate import Rate
from hotshoe_delivery.rclone import Rclone
from hotshoe_delivery.sftp import LONGEST_ANSWER, Sftp, _answer
from hotshoe_delivery.words import trouble


class _Endless(BaseHTTPRequestHandler):
    """It answers with as much as anybody reads."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(1 << 16))
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        """Not on the standard error."""


def test_a_file_that_is_read_back_without_end_is_none(tmp_path, monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), _Endless) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(Rclone, "_begin", lambda self: None)
        monkeypatch.setattr(Rclone, "root", "there:")
        rclone = Rclone(None, {}, tmp_path)
        where = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
        monkeypatch.setattr(rclone, "_connection", lambda: where)
        assert rclone.read("a.jpg", 10_000) == ""
        server.shutdown()


class _File:
    """A file at an SFTP server that lies."""

    def __init__(self, size: int, says: int) -> None:
        self._left, self._says = size, says

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def stat(self):
        return os.stat_result((0o100600, 0, 0, 1, 0, 0, self._says, 0, 0, 0))

    def prefetch(self, size: int) -> None:
        # That is a list of all requests.
        assert size == 9

    def read(self, most: int) -> bytes:
        piece = bytes(min(most, self._left))
        self._left -= len(piece)
        return piece

    def open(self, *_):
        return self


@pytest.mark.parametrize(
    ("size", "says", "right"), [(9, 9, True), (1 << 40, 9, False), (9, 1 << 62, False)]
)
def test_a_file_of_an_sftp_server_is_read_no_further_than_it_may_be_long(size, says, right):
    store = Sftp.__new__(Sftp)
    store._root, store._back = "in", Rate(0)
    read = store._read_back(_File(size, says), "a.jpg", Photo(1, "a.jpg", 9, 0, 0))
    assert (read == hashlib.sha256(bytes(9)).hexdigest()) is right


def test_what_sha256sum_there_prints_has_an_end(tmp_path):
    endless = [sys.executable, "-c", "while True: print('x' * 1000)"]
    assert len(_answer(endless, {}, 60)) == LONGEST_ANSWER
    silent = [sys.executable, "-c", "import time; time.sleep(60)"]
    began = time.monotonic()
    assert _answer(silent, {}, 0.1) == b""
    assert time.monotonic() - began < 20
    assert _answer([sys.executable, "-c", "print(1)"], {}, 60) == b"1\n"


def test_a_digest_that_was_cut_is_asked_for_again_over_the_next_connection(monkeypatch):
    digest = hashlib.sha256(b"photo").hexdigest()
    answers = [b"", f"{digest} *in/a.jpg\n".encode()]
    monkeypatch.setattr("hotshoe_delivery.sftp._answer", lambda *_: answers.pop(0))
    monkeypatch.setattr(Sftp, "_connected", lambda _: None)
    store = Sftp.__new__(Sftp)
    store._root, store._push, store._options = "in", SimpleNamespace(host="desk"), []
    store._control, store._environment = "control", {}
    store._client = store._ssh = None
    store._digests_there = True
    assert [store._digest_there("a.jpg", 5) for _ in range(2)] == ["", ""]
    assert len(answers) == 1
    store.close()
    assert store._digest_there("a.jpg", 5) == digest


def test_words_without_end_are_looked_at_for_a_moment():
    assert len(str(trouble("exceeded " * 1_000_000))) < 500


def test_folders_that_are_too_deep_hide_no_other(tmp_path: Path):
    """Python 3.11 looks into each by a call of its own, with a handle."""
    (tmp_path / "r5").mkdir()
    (tmp_path / "r5" / "a.jpg").write_bytes(b"photo")
    handle = os.open(tmp_path, os.O_RDONLY)
    root = os.dup(handle)
    for _ in range(1500):
        os.mkdir("d", dir_fd=handle)
        inner = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(handle)
    try:
        found = library.scan(root, os.getuid())
        assert [each.path for each in found.photos] == ["r5/a.jpg"]
    finally:
        os.close(root)
        _remove_chain(tmp_path)


def test_a_folder_that_is_somebodys_own_hides_no_other(tmp_path, monkeypatch, capfd):
    for name in ("mine/b.jpg", "r5/a.jpg"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"photo")
    ledger = Ledger(tmp_path / ".ledger")
    photos = Photos(str(tmp_path), getpass.getuser(), ledger)
    photos.scan()
    really = os.open

    def refuse(path, *others, **options):
        if path == "mine":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return really(path, *others, **options)

    # Whoever runs the tests may be root, whom nothing is closed to.
    monkeypatch.setattr(os, "open", refuse)
    (tmp_path / "r5" / "c.jpg").write_bytes(b"photo")
    for _ in range(2):
        photos.scan()
    assert set(ledger.present()) == {"mine/b.jpg", "r5/a.jpg", "r5/c.jpg"}
    assert capfd.readouterr().out.count("mine cannot be looked into") == 1
    ledger.close()


def _remove_chain(folder: Path) -> None:
    """Remove folders that are too deep for shutil, from the outermost in."""
    number = 0
    while (folder / "d").exists():
        number += 1
        (folder / "d").rename(folder / f"gone{number}")
        if (folder / f"gone{number}" / "d").exists():
            (folder / f"gone{number}" / "d").rename(folder / "d")
        (folder / f"gone{number}").rmdir()
