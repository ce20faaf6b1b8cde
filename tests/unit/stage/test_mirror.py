"""The stage's Debian mirror: what it keeps, for how long, and what it does without a network."""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
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

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Archive

    def do_GET(self) -> None:
        since = self.headers["If-Modified-Since"]
        self.server.asked.append((self.path, since))
        body = self.server.files.get(self.path)
        if body is None or since == MODIFIED:
            self.send_error(304 if body else 404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", MODIFIED)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.server.breaks_off else body)

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


def test_half_a_file_is_not_kept(get, archive, tmp_path):
    archive.breaks_off = True
    with pytest.raises(http.client.IncompleteRead):
        get(PACKAGE)
    archive.breaks_off = False
    assert get(PACKAGE) == (200, b"a package")
    assert [path.name for path in tmp_path.rglob(".new*")] == []


@pytest.mark.parametrize("path", ["/debian/../../etc/passwd", "/./x", "/debian//x", "/a?b", "/"])
def test_what_no_archive_has_is_refused(get, archive, path):
    assert get(path)[0] == 400
    assert archive.asked == []
