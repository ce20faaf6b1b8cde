"""What a home whose public address changes asks and tells on the Internet, over HTTPS.

One server plays all: services that tell whoever asks its own address, and those that take updates
of a name's record, by the protocols of DynDNS ("dyndns2") and DuckDNS. An update really changes the
record, by RFC 2136, on the name server beside it.

The simulated Internet runs it as a program of its own, so it needs nothing but Python's standard
library and nsupdate(1). A file in ``faults/``, named as a service, says what is wrong with it:

    shut                  no TLS handshake succeeds
    silent                none ends
    status CODE [TEXT]    that answer, such as «status 200 <html>» or «status 401 badauth»
    redirect URL

    python3 provider.py FOLDER ADDRESS SERVER ZONE NAME TTL     serves in the background
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

DUCKDNS = ".duckdns.org"
# Longer than any client waits.
_SILENCE = 120


def update(server: str, zone: str, name: str, ttl: int, address: str) -> str:
    """What nsupdate(1) is told for a name to lead to an address."""
    return (
        f"server {server}\nzone {zone}\nupdate delete {name} A\n"
        f"update add {name} {ttl} A {address}\nsend\n"
    )


@dataclass(frozen=True)
class Record:
    """The record of one name, on a name server that takes updates from here.

    :param server: the name server
    :param zone: the zone of the name
    :param name: the name
    :param ttl: the record's time to live in seconds
    """

    server: str
    zone: str
    name: str
    ttl: int

    def address(self) -> str:
        """Where the name leads to; empty for nowhere."""
        command = ("dig", "+short", f"@{self.server}", self.name, "A")
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def set(self, address: str) -> bool:
        """Make the name lead there, and tell whether it did not before."""
        if address == self.address():
            return False
        told = update(self.server, self.zone, self.name, self.ttl, address)
        subprocess.run(("nsupdate",), input=told, text=True, check=True)
        return True


class Services(ThreadingHTTPServer):
    """All of them, at one address; which one is meant, its name says.

    :param folder: with the certificate, the account and the faults
    :param address: to listen at
    :param port: to listen at; 0 for any
    :param record: what updates change
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, folder: Path, address: str, port: int, record: Record) -> None:
        super().__init__((address, port), _Handler)
        self.folder, self.record = folder, record
        self.lock = threading.Lock()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "services.pem")
        self.context.sni_callback = self._greet

    def fault(self, service: str) -> list[str]:
        """What is wrong with a service, in words; none if nothing is."""
        file = self.folder / "faults" / service.strip("./")
        try:
            return file.read_text().strip().split(maxsplit=2)
        except OSError:
            return []

    def _greet(self, _: object, service: str | None, __: object) -> int | None:
        match self.fault(service or "nameless"):
            case ["shut", *_]:
                return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
            case ["silent", *_]:
                time.sleep(_SILENCE)
        return None

    def account(self) -> tuple[list[str], str]:
        """The user names that updates are taken from, and the secret that they need."""
        try:
            found = json.loads((self.folder / "account.json").read_text())
        except OSError:
            return [], ""
        return found["usernames"], found["secret"]

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is nothing to tell anybody."""


class _Handler(BaseHTTPRequestHandler):
    server: Services
    timeout = 30

    def setup(self) -> None:
        # Here, so that a client that dawdles keeps no other waiting.
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def do_GET(self) -> None:
        service = self.headers.get("Host", "").split(":")[0].lower()
        asked = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(asked.query).items()}
        match self.server.fault(service):
            case ["status", code, *text]:
                status, answer = int(code), " ".join(text)
            case ["redirect", url, *_]:
                status, answer = 302, url
            case _:
                status, answer = self._answer(asked.path, query)
        with self.server.lock, (self.server.folder / "log").open("a") as log:
            told = query.get("myip") or query.get("ip") or ""
            log.write(f"{service} {asked.path} {told} {status} {answer}\n")
        self._send(status, answer)

    def _answer(self, path: str, query: dict[str, str]) -> tuple[int, str]:
        if path in ("/", "/ip"):
            return 200, self.client_address[0]
        if path == "/nic/update":
            return self._dyndns2(query.get("hostname", ""), query.get("myip", ""))
        if path == "/update":
            return self._duckdns(query)
        return 404, "not found"

    def _dyndns2(self, name: str, address: str) -> tuple[int, str]:
        usernames, secret = self.server.account()
        expected = [base64.b64encode(f"{each}:{secret}".encode()).decode() for each in usernames]
        if self.headers.get("Authorization", "").removeprefix("Basic ") not in expected:
            return 401, "badauth"
        if name != self.server.record.name:
            return 200, "nohost"
        address = address or self.client_address[0]
        return 200, f"{'good' if self._set(address) else 'nochg'} {address}"

    def _duckdns(self, query: dict[str, str]) -> tuple[int, str]:
        names = (self.server.record.name, self.server.record.name.removesuffix(DUCKDNS))
        _, secret = self.server.account()
        if query.get("domains") not in names or not secret or query.get("token") != secret:
            return 200, "KO"
        self._set(query.get("ip") or self.client_address[0])
        return 200, "OK"

    def _set(self, address: str) -> bool:
        with self.server.lock:
            return self.server.record.set(str(IPv4Address(address)))

    def _send(self, status: int, answer: str) -> None:
        body = f"{answer}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if "<" in answer else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        # Of somebody else; clients have been seen that believe what is in a header.
        self.send_header("X-Forwarded-For", "198.51.100.199")
        if status == 302:
            self.send_header("Location", answer)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main(folder: str, address: str, server: str, zone: str, name: str, ttl: str) -> None:
    """Serve in the background; the command returns when the services listen."""
    services = Services(Path(folder), address, 443, Record(server, zone, name, int(ttl)))
    if os.fork():
        return
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    services.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
