"""The stage's Debian mirror: what it keeps, for how long, and what it does without a network."""

from __future__ import annotations

import http.client
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hotshoe.stage import mirror

PACKAGE = "/debian/pool/main/v/vsftpd/vsftpd_3.0.5-0.2_amd64.deb"
LISTS = "/debian/dists/trixie/InRelease"
MODIFIED = "Sat, 06 Sep 2025 10:00:00 GMT"
# Whatever proxy the computer has: the archive here is on the computer itself.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Archive(ThreadingHTTPServer):
    """A Debian archive on this computer, which counts what it is asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {PACKAGE: b"a package", LISTS: b"lists of the first day"}
        self.asked: list[tuple[str, str | None]] = []
        self.breaks_off = False
        # How it tells the length of what it sends: "length", "chunked" or "close".
        self.framing = "length"
        self.modified = MODIFIED
        self.moved: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Archive

    def do_GET(self) -> None:
        since = self.headers["If-Modified-Since"]
        self.server.asked.append((self.path, since))
        if to := self.server.moved.get(self.path):
            self.send_response(301)
            self.send_header("Location", to)
            self.end_headers()
            return
        body = self.server.files.get(self.path)
        if body is None or since == MODIFIED:
            self.send_error(304 if body else 404)
            return
        framing, breaks_off = self.server.framing, self.server.breaks_off
        if framing == "chunked":
            self.protocol_version = "HTTP/1.1"
            self.close_connection = True
        self.send_response(200)
        if framing == "length":
            self.send_header("Content-Length", str(len(body)))
        if framing == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Last-Modified", self.server.modified)
        self.end_headers()
        sent = body[: len(body) // 2] if breaks_off else body
        if framing == "chunked":
            end = b"" if breaks_off else b"0\r\n\r\n"
            sent = b"%x\r\n%b\r\n%b" % (len(sent), sent, end)
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Archive() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def get(tmp_path: Path, archive: Archive) -> Iterator[object]:
    """Ask a mirror of that archive for a file, as apt asks its proxy."""
    with mirror.serving(tmp_path) as proxy:

        def ask(path: str, **headers: str) -> tuple[int, bytes]:
            request = urllib.request.Request(f"{archive.url}{path}", headers=headers)
            request.set_proxy(proxy.removeprefix("http://"), "http")
            try:
                with DIRECT.open(request) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as error:
                return error.code, error.read()

        yield ask


def go_away(archive: Archive) -> None:
    archive.shutdown()
    archive.server_close()


def test_a_package_is_fetched_once(get, archive):
    assert get(PACKAGE) == get(PACKAGE) == (200, b"a package")
    assert [path for path, _ in archive.asked] == [PACKAGE]


def test_everything_fetched_is_there_without_a_network(get, archive, monkeypatch):
    get(PACKAGE), get(LISTS)
    go_away(archive)
    # However old it is.
    monkeypatch.setattr(mirror, "_FRESH_SECONDS", -1)
    assert get(PACKAGE) == (200, b"a package")
    assert get(LISTS) == (200, b"lists of the first day")
    with pytest.raises(http.client.RemoteDisconnected):
        get("/debian/pool/main/n/nftables/nftables_1.1_amd64.deb")


def test_lists_are_asked_for_again_after_a_day_and_only_then(get, archive, monkeypatch):
    get(LISTS), get(LISTS)
    assert archive.asked == [(LISTS, None)]
    monkeypatch.setattr(mirror, "_FRESH_SECONDS", -1)
    assert get(LISTS) == (200, b"lists of the first day")
    assert archive.asked[1:] == [(LISTS, MODIFIED)]


def test_a_client_that_has_the_lists_already_is_told_so(get):
    assert get(LISTS, **{"If-Modified-Since": MODIFIED})[0] == 200  # from the archive
    assert get(LISTS, **{"If-Modified-Since": MODIFIED}) == (304, b"")
    assert get(LISTS, **{"If-Modified-Since": "Sat, 06 Sep 2025 09:59:59 GMT"})[0] == 200


def test_lists_that_name_a_package_which_left_the_archive_are_fetched_anew(get, archive):
    get(LISTS)
    archive.files = {LISTS: b"lists of the next day"}
    assert get(LISTS) == (200, b"lists of the first day")
    assert get(PACKAGE)[0] == 404
    assert get(LISTS) == (200, b"lists of the next day")


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_half_a_file_is_not_kept(get, archive, tmp_path, framing):
    archive.breaks_off, archive.framing = True, framing
    # Only a length tells the client that this is not all.
    with pytest.raises(http.client.IncompleteRead) if framing == "length" else nullcontext():
        get(PACKAGE)
    archive.breaks_off = False
    assert get(PACKAGE) == (200, b"a package")
    assert [path.name for path in tmp_path.rglob(".new*")] == []


def test_a_whole_file_in_chunks_is_kept(get, archive):
    archive.framing = "chunked"
    assert get(PACKAGE) == get(PACKAGE) == (200, b"a package")
    assert len(archive.asked) == 1


def test_an_answer_after_a_redirect_is_passed_on_but_not_kept(get, archive):
    """A folder's name leads to its index; as a file, it would be in the way of the folder."""
    archive.files |= {"/debian/pool/": b"an index"}
    archive.moved = {"/debian/pool": "/debian/pool/"}
    assert get("/debian/pool") == (200, b"an index")
    assert get(PACKAGE) == get(PACKAGE) == (200, b"a package")
    assert [path for path, _ in archive.asked].count(PACKAGE) == 1


def test_a_file_with_an_unreadable_date_is_kept(get, archive):
    archive.modified = "yesterday"
    assert get(PACKAGE) == get(PACKAGE) == (200, b"a package")
    assert len(archive.asked) == 1


def test_files_that_killed_mirrors_left_are_removed_after_a_day(tmp_path):
    for name, hours in ((".new-old", 25), (".new-old.whole", 25), (".new-young", 23)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - hours * 3600,) * 2)
    with mirror.Mirror(tmp_path, "127.0.0.1", 0):
        assert [path.name for path in tmp_path.iterdir()] == [".new-young"]


@pytest.mark.parametrize("path", ["/debian/../../etc/passwd", "/./x", "/debian//x", "/a?b", "/"])
def test_what_no_archive_has_is_refused(get, archive, path):
    assert get(path)[0] == 400
    assert archive.asked == []


@pytest.mark.parametrize("host", ["..", ".", "", "-a", "a:b", "a:", "a/../b"])
def test_a_host_that_is_none_is_refused(tmp_path, host):
    """It becomes the name of a folder."""
    with mirror.serving(tmp_path / "debian") as proxy:
        request = urllib.request.Request(f"{proxy}/etc/passwd", headers={"Host": host})
        with pytest.raises(urllib.error.HTTPError, match="400"):
            DIRECT.open(request)
