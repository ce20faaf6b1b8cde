"""S3 stores an object on the condition that there is none of its name, if it knows how."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hotshoe_delivery.configuration import Push
from hotshoe_delivery.ledger import Photo
from hotshoe_delivery.library import Digests
from hotshoe_delivery.rclone import Rclone, Remote
from hotshoe_delivery.store import Source, beside, deliver
from hotshoe_delivery.words import TroubleError
from tests.unit.delivery.conftest import PASSWORD, needs_rclone

CONTENT, OTHER = b"the content of a photo", b"another program's"
ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>no</Message></Error>"


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


class _S3(ThreadingHTTPServer):
    """As much of S3 as an upload needs.

    :param condition: what it does with one: ``knows``, ``ignores`` or ``refuses``
    :param faster: whether another client is, once
    """

    def __init__(self, condition: str, faster: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.condition, self.faster = condition, faster
        self.objects: dict[str, bytes] = {}
        self.refusal = ""


class _Handler(BaseHTTPRequestHandler):
    server: _S3

    def do_GET(self) -> None:
        if self.server.refusal:
            return self._say(403, ERROR.format(self.server.refusal))
        return self._say(200, "<?xml version='1.0'?><ListBucketResult></ListBucketResult>")

    def do_HEAD(self) -> None:
        content = self.server.objects.get(self.path)
        if self.server.refusal:
            self._say(403)
        elif content is None:
            self._say(404)
        elif self.headers.get("If-None-Match") and self.server.condition == "knows":
            self._say(304)
        else:
            self._say(200, "x" * len(content), f'"{md5(content)}"')

    def do_PUT(self) -> None:
        here = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if here.faster:
            here.faster = False
            here.objects[self.path] = OTHER
        if self.headers.get("If-None-Match"):
            if here.condition == "refuses":
                return self._say(501, ERROR.format("NotImplemented"))
            if here.condition == "knows" and self.path in here.objects:
                return self._say(412, ERROR.format("PreconditionFailed"))
        here.objects[self.path] = body
        return self._say(200, "", f'"{md5(body)}"')

    def _say(self, code: int, text: str = "", etag: str = "") -> None:
        self.send_response(code)
        if etag:
            self.send_header("ETag", etag)
            self.send_header("Last-Modified", "Wed, 01 Jan 2025 00:00:00 GMT")
        if code != 304:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Not on the standard error."""


@pytest.fixture
def source(tmp_path) -> Iterator[Source]:
    file = tmp_path / "photo"
    file.write_bytes(CONTENT)
    handle = os.open(file, os.O_RDONLY)
    digests = Digests(hashlib.sha256(CONTENT).hexdigest(), md5(CONTENT))
    yield Source(Photo(1, "a.jpg", len(CONTENT), 0, 0), digests, handle)
    os.close(handle)


@contextmanager
def storing(folder: Path, condition: str, *, faster: bool = False) -> Iterator[tuple[_S3, Remote]]:
    """A server, and a connection to it."""
    with _S3(condition, faster) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        push = Push("b", "s3", "", 0, "AK", "", url, "", "", "photos", "eu", "oldest", 0)
        rclone = Rclone(push, {"password": PASSWORD}, folder)
        try:
            yield server, Remote(rclone, push)
        finally:
            rclone.close()
            server.shutdown()


@needs_rclone
@pytest.mark.parametrize("condition", ["knows", "ignores", "refuses"])
@pytest.mark.parametrize("faster", [False, True])
def test_an_object_that_came_meanwhile(tmp_path, source, condition, faster):
    with storing(tmp_path, condition, faster=faster) as (server, store):
        if faster and condition == "knows":
            with pytest.raises(TroubleError, match="another file got that name"):
                deliver(store, source)
        name = deliver(store, source)
        assert store.begins(name, source)
    if faster and condition == "knows":
        beside_it = beside("a.jpg", source.digests)
        assert server.objects == {"/photos/a.jpg": OTHER, f"/photos/{beside_it}": CONTENT}
    else:
        # Whoever knows no condition replaces what came in between (docs/limits.md).
        assert server.objects == {"/photos/a.jpg": CONTENT}


@needs_rclone
@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ("InvalidAccessKeyId", "it does not take the access key"),
        ("AccessDenied", "it does not let the user read or write there"),
    ],
)
def test_why_it_refuses_what_it_took_before_is_told(tmp_path, source, refusal, words):
    """Also over a connection that has looked there already; HEAD is answered with no words."""
    with storing(tmp_path, "knows") as (server, store):
        deliver(store, source)
        server.refusal = refusal
        for _ in range(2):
            with pytest.raises(TroubleError, match=words):
                deliver(store, source)
