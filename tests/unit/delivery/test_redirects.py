"""A WebDAV server that sends rclone elsewhere: neither the password nor a photo goes there."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hotshoe_delivery.configuration import Push
from hotshoe_delivery.ledger import Photo
from hotshoe_delivery.library import Digests
from hotshoe_delivery.rclone import Rclone, Remote
from hotshoe_delivery.store import Source, deliver
from hotshoe_delivery.words import TroubleError
from tests.unit.delivery.conftest import PASSWORD, needs_rclone

CONTENT = b"the content of a photo"
DIGESTS = Digests(
    hashlib.sha256(CONTENT).hexdigest(), hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
)
FOUND = """<?xml version="1.0"?><d:multistatus xmlns:d="DAV:"><d:response><d:href>{}</d:href>
<d:propstat><d:prop><d:getcontentlength>{}</d:getcontentlength></d:prop>
<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>"""


class _Dav(ThreadingHTTPServer):
    """A WebDAV server that has one file.

    :param elsewhere: where it sends who comes with these methods
    """

    def __init__(
        self, has: str = "", elsewhere: str = "", code: int = 0, methods: str = ""
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.has, self.elsewhere, self.code, self.methods = has, elsewhere, code, methods
        # The method, whether it came with a password, and with what.
        self.asked: list[tuple[str, bool, bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Dav

    def _answer(self) -> None:
        here = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        here.asked.append((self.command, "Authorization" in self.headers, body))
        text = b""
        if self.command in here.methods.split():
            self.send_response(here.code)
            self.send_header("Location", here.elsewhere + self.path)
        elif self.command == "PROPFIND" and not self.path.endswith(here.has):
            self.send_response(404)
        elif self.command == "PROPFIND":
            text = FOUND.format(self.path, len(CONTENT)).encode()
            self.send_response(207)
        else:
            text = CONTENT if self.command == "GET" else b""
            self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Not on the standard error."""


for _method in ("GET", "PUT", "PROPFIND", "MKCOL", "MOVE", "DELETE", "HEAD"):
    setattr(_Handler, f"do_{_method}", _Handler._answer)


@contextmanager
def served(server: _Dav) -> Iterator[str]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@contextmanager
def remote(url: str, folder) -> Iterator[Remote]:
    push = Push("cloud", "webdav", "", 0, "ann", "", url, "", "", "", "", "oldest", 0)
    rclone = Rclone(push, {"password": PASSWORD}, folder)
    yield Remote(rclone, push)
    rclone.close()


@needs_rclone
@pytest.mark.parametrize("code", [301, 302, 307, 308])
@pytest.mark.parametrize("methods", ["PUT", "PROPFIND PUT GET MKCOL MOVE"])
def test_what_is_sent_goes_nowhere_else(tmp_path, code, methods):
    other = _Dav("nothing")
    file = tmp_path / "photo"
    file.write_bytes(CONTENT)
    handle = os.open(file, os.O_RDONLY)
    source = Source(Photo(1, "a.jpg", len(CONTENT), 0, 0), DIGESTS, handle)
    with (
        served(other) as elsewhere,
        served(_Dav("nothing", elsewhere, code, methods)) as url,
        remote(url, tmp_path) as store,
        pytest.raises(TroubleError),
    ):
        deliver(store, source)
    os.close(handle)
    assert not [each for each in other.asked if each[1] or each[2]]


@needs_rclone
@pytest.mark.parametrize("code", [302, 307])
def test_what_is_read_back_may_come_from_elsewhere_and_is_digested(tmp_path, code):
    """Such as from the storage behind it; without the password."""
    other, photo = _Dav("a.jpg"), Photo(1, "a.jpg", len(CONTENT), 0, 0)
    with (
        served(other) as elsewhere,
        served(_Dav("a.jpg", elsewhere, code, "GET")) as url,
        remote(url, tmp_path) as store,
    ):
        assert store.size("a.jpg") == len(CONTENT)
        assert store.same("a.jpg", photo, DIGESTS)
        assert not store.same("a.jpg", photo, Digests("0" * 64, ""))
    assert {(method, password) for method, password, _ in other.asked} == {("GET", False)}
