"""Small servers that speak as much of the APIs of ntfy and Immich as the examples need.

ntfy, after https://docs.ntfy.sh/publish/#publish-as-json, #access-tokens, #limitations: a POST to
the root with JSON that names the topic; a bearer token; 200 and the message, 401, 403 or 429, each
as JSON with ``code``, ``http`` and ``error``; text of more than 4,096 bytes becomes an attachment.

Immich, after https://api.immich.app/endpoints/assets/uploadAsset, and the server's own
``asset-media.dto.ts``, ``asset-media.controller.ts`` and ``asset-media.service.ts``: a POST to
/api/assets with multipart/form-data; 201 with ``status: created``, 200 with ``status: duplicate``
where there is a file of that content; version 2 refuses who leaves out ``deviceAssetId`` and
``deviceId``, version 3 ignores both.
"""

from __future__ import annotations

import email.parser
import email.policy
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "the-key-of-immich"
TOKEN = "tk_agq9th6h4ddjo2r3yzmzp0uvzp3pr"
LONGEST_TEXT = 4096


class Handler(BaseHTTPRequestHandler):
    """What both need."""

    protocol_version = "HTTP/1.1"
    server: Endpoint

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def answer(self, status: int, said: dict[str, Any] | bytes) -> None:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))


class Endpoint(ThreadingHTTPServer):
    """One of them; it begins to answer when it is made."""

    handler: type[Handler] = Handler
    daemon_threads = True

    def __init__(self, at: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        super().__init__(at, self.handler)

    def note(self, said: dict[str, Any]) -> None:
        """Something has been taken."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def answering(endpoint: Endpoint) -> Iterator[Endpoint]:
    threading.Thread(target=endpoint.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield endpoint
    finally:
        endpoint.shutdown()
        endpoint.server_close()


class Ntfy(Endpoint):
    """ntfy, with one topic that needs a token: ``private``."""

    def __init__(self, *at: tuple[str, int]) -> None:
        self.messages: list[dict[str, Any]] = []
        self.busy = False
        super().__init__(*at)

    class handler(Handler):  # noqa: N801
        server: Ntfy

        def do_POST(self) -> None:
            raw = self.body()
            if self.server.busy:
                return self.fails(429, 42901, "limit reached: too many requests")
            try:
                said = json.loads(raw)
                topic, text = said["topic"], said.get("message") or "triggered"
            except (ValueError, KeyError):
                return self.fails(400, 40017, "invalid request: request body must be message JSON")
            token = self.headers["Authorization"]
            if token not in (None, f"Bearer {TOKEN}"):
                return self.fails(401, 40101, "unauthorized")
            if topic == "private" and token is None:
                return self.fails(403, 40301, "forbidden")
            assert len(text.encode()) <= LONGEST_TEXT, "it would become an attachment"
            self.server.messages.append(said)
            self.server.note(said)
            return self.answer(200, {"id": "sPs71M8A2T", "event": "message", **said})

        def fails(self, status: int, code: int, error: str) -> None:
            self.answer(status, {"code": code, "http": status, "error": error})


@dataclass
class Asset:
    """A file that Immich has."""

    name: str
    content: bytes
    fields: dict[str, str] = field(default_factory=dict)


class Immich(Endpoint):
    """Immich, of version 2 or 3."""

    def __init__(self, version: int, *at: tuple[str, int]) -> None:
        self.version = version
        self.assets: dict[str, Asset] = {}
        self.uploads = 0
        super().__init__(*at)

    class handler(Handler):  # noqa: N801
        server: Immich

        def do_POST(self) -> None:
            raw = self.body()
            if self.headers["x-api-key"] != KEY:
                return self.answer(401, {"message": "Invalid API key", "statusCode": 401})
            if self.path != "/api/assets":
                return self.answer(404, {"message": f"Cannot POST {self.path}"})
            self.server.uploads += 1
            asset = self.read_form(raw)
            if not asset.name.lower().endswith((".jpg", ".cr3", ".mov")):
                return self.answer(400, {"message": f"Unsupported file type {asset.name}"})
            wanted = {"fileCreatedAt", "fileModifiedAt"}
            if self.server.version < 3:
                wanted |= {"deviceAssetId", "deviceId"}
            if missing := wanted - {name for name, value in asset.fields.items() if value}:
                return self.answer(400, {"message": [f"{n} should not be empty" for n in missing]})
            for name in ("fileCreatedAt", "fileModifiedAt"):
                assert datetime.fromisoformat(asset.fields[name]).tzinfo
            digest = hashlib.sha1(asset.content).hexdigest()
            duplicate = digest in self.server.assets
            self.server.assets.setdefault(digest, asset)
            status = "duplicate" if duplicate else "created"
            self.server.note({"name": asset.name, "sha1": digest, "status": status})
            return self.answer(200 if duplicate else 201, {"id": digest, "status": status})

        def read_form(self, raw: bytes) -> Asset:
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            parts = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + raw)
            found = Asset("", b"")
            for part in parts.iter_parts():
                name = part.get_param("name", header="content-disposition")
                content = part.get_payload(decode=True)
                if name == "assetData":
                    found.name, found.content = part.get_filename() or "", content
                else:
                    found.fields[str(name)] = content.decode()
            return found


class Elsewhere(Endpoint):
    """A web server that leads all who come to another URL, where a page is; or has only that page.

    :param url: where it leads
    """

    def __init__(self, url: str = "") -> None:
        self.to = url
        self.read: list[str | None] = []
        super().__init__()

    class handler(Handler):  # noqa: N801
        server: Elsewhere

        def do_POST(self) -> None:
            self.body()
            if not self.server.to:
                return self.do_GET()
            self.send_response(301)
            self.send_header("Location", f"{self.server.to}{self.path}")
            self.send_header("Content-Length", "0")
            return self.end_headers()

        def do_GET(self) -> None:
            self.server.read.append(self.headers["Authorization"] or self.headers["x-api-key"])
            self.answer(200, b"[1]")
