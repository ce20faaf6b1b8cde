"""How the program that follows the public address asks a source: by the real curl, over TLS."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from threading import Thread

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hotshoe.debian.authority import issue, make_authority
from hotshoe.debian.authority_files import utc_now
from hotshoe_address import truth
from hotshoe_address.truth import ask

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="this computer has no curl")
ADDRESS = IPv4Address("203.0.113.9")
NOT_AN_ADDRESS = "its answer is not an address and nothing else"


class Source(BaseHTTPRequestHandler):
    """Answers by the path that it is asked for."""

    def do_GET(self) -> None:
        with contextlib.suppress(OSError):
            getattr(self, f"answer_{self.path.strip('/')}")()

    def log_message(self, *_: object) -> None:
        pass

    def _say(self, body: str, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def answer_good(self) -> None:
        self._say(f"{ADDRESS}\n")

    def answer_portal(self) -> None:
        self._say(f"<html><body>Welcome, {ADDRESS}</body></html>")

    def answer_elsewhere(self) -> None:
        self._say(f"{ADDRESS}\n", 302, Location="/good")

    def answer_broken(self) -> None:
        self._say(f"{ADDRESS}\n", 503)

    def answer_header(self) -> None:
        self._say("", X_Forwarded_For=f"{ADDRESS}", Date=f"{ADDRESS}")

    def answer_endless(self) -> None:
        self._say(f"{ADDRESS}\n")
        while True:
            self.wfile.write(b" " * 65536)

    def answer_trickle(self) -> None:
        self._say("")
        for byte in f"{ADDRESS}\n" * 9:
            self.wfile.write(byte.encode())
            time.sleep(0.1)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("source")
    authority = make_authority("localhost", utc_now())
    (folder / "root.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    issued = issue(authority, "localhost", utc_now())
    (folder / "server.pem").write_bytes(issued)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Source)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CURL_CA_BUNDLE", str(folder / "root.pem"))
        yield f"https://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_address_in_the_body_is_the_answer(url):
    assert asyncio.run(ask(f"{url}/good")) == ADDRESS


@pytest.mark.parametrize("path", ["portal", "elsewhere", "broken", "header", "endless"])
def test_what_is_not_an_address_and_nothing_else_is_none(url, path):
    began = time.monotonic()
    assert asyncio.run(ask(f"{url}/{path}")) == NOT_AN_ADDRESS
    # It does not wait for all of what is too long.
    assert time.monotonic() - began < 3


def test_a_source_that_never_stops_talking_holds_nothing_up(url, monkeypatch):
    """Not even when more of it has arrived than is read."""
    read = asyncio.StreamReader.read

    async def slowly(self: asyncio.StreamReader, size: int = -1) -> bytes:
        await asyncio.sleep(0.1)
        return await read(self, size)

    monkeypatch.setattr(asyncio.StreamReader, "read", slowly)
    assert asyncio.run(asyncio.wait_for(ask(f"{url}/endless"), 10)) == NOT_AN_ADDRESS


def test_an_answer_that_trickles_is_given_up(url, monkeypatch):
    monkeypatch.setattr(
        truth, "CURL", [{"6": "0.5"}.get(argument, argument) for argument in truth.CURL]
    )
    assert "timed out" in str(asyncio.run(ask(f"{url}/trickle"))).lower()


def test_a_source_is_not_asked_without_a_certificate_that_is_trusted(url, monkeypatch):
    monkeypatch.delenv("CURL_CA_BUNDLE")
    assert "certificate" in str(asyncio.run(ask(f"{url}/good")))


def test_a_source_of_another_name_is_not_believed(url):
    said = asyncio.run(ask(f"{url.replace('localhost', '127.0.0.1')}/good"))
    assert not isinstance(said, IPv4Address)


def test_a_source_is_never_asked_in_clear(url):
    said = asyncio.run(ask(f"{url.replace('https', 'http')}/good"))
    assert "not supported or disabled" in str(said)


def test_a_source_that_is_shut_says_so(url):
    assert "connect" in str(asyncio.run(ask("https://localhost:1/good"))).lower()
