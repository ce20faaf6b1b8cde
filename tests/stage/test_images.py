"""Images are made over a network that fails now and then."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hotshoe.stage import mirror, podman

# By itself, apt gives up after eight connections for each of the three lists.
FAILURES = 30


class Proxy(ThreadingHTTPServer):
    """An HTTP proxy that hangs up on the first requests."""

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.failures = FAILURES
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": behind}))


class Handler(BaseHTTPRequestHandler):
    server: Proxy

    def do_GET(self) -> None:
        if self.server.failures:
            self.server.failures -= 1
            return
        try:
            with self.server.opener.open(self.path) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            self.send_error(error.code)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def flaky_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """For a mirror that keeps nothing yet. Behind it is the one that keeps everything."""
    with mirror.serving(mirror.CACHE) as behind, Proxy(behind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(mirror, "CACHE", tmp_path / "cache")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("no_proxy", "")
        yield server
        server.shutdown()


def test_an_image_is_made_although_the_mirror_fails_at_first(
    tmp_path: Path, flaky_network: Proxy
) -> None:
    root = tmp_path / "root"
    podman.mmdebstrap("--variant=extract", "--include=hostname", suite="trixie", target=root)
    assert flaky_network.failures == 0
    assert (root / "usr" / "bin" / "hostname").exists()
