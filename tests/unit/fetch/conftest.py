"""A server's library and a folder to fetch into, with the programs of both ends in between."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socketserver
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hotshoe_delivery.exchange import Task
from tests.conftest import PROJECT

SERVE = (
    "import sys; sys.path.insert(0, {path!r}); from hotshoe_delivery import serve; "
    "serve.main(sys.argv[1:])"
)


@dataclass
class Asked:
    """The service, played: it gives what waits, and remembers what it is told.

    :param library: the folder of the library
    """

    library: Path
    waiting: list[int] = field(default_factory=list)
    proving: dict[int, str] = field(default_factory=dict)
    photos: dict[int, Task] = field(default_factory=dict)
    told: list[tuple[Any, ...]] = field(default_factory=list)
    greeting: dict[str, Any] = field(default_factory=lambda: {"answer": True})
    changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, path: str, content: bytes) -> int:
        """Put a photo into the library, for which the fetcher is waited."""
        photo = self.library / path
        photo.parent.mkdir(parents=True, exist_ok=True)
        photo.write_bytes(content)
        with self.changed:
            number = len(self.photos) + 1
            seen = photo.stat()
            self.photos[number] = Task(number, path, seen.st_size, seen.st_mtime_ns)
            self.waiting.append(number)
            self.changed.notify_all()
        return number

    def prove(self, number: int, name: str) -> None:
        """Ask the fetcher to prove that it has a photo still."""
        with self.changed:
            self.proving[number] = name
            self.changed.notify_all()

    def until(self, *told: Any) -> None:
        """Wait until it is told that."""
        with self.changed:
            assert self.changed.wait_for(lambda: told in self.told, 20), self.told

    def digest(self, number: int, nonce: bytes = b"") -> str:
        content = (self.library / self.photos[number].path).read_bytes()
        return hashlib.sha256(nonce + content).hexdigest()

    # What is asked.

    def tasks(self, most: int, seconds: float) -> list[dict[str, Any]]:
        self.changed.wait_for(lambda: self.waiting or self.proving, min(seconds, 0.2))
        asked = [
            {**asdict(self.photos[n]), "nonce": secrets.token_hex(16), "name": name}
            for n, name in self.proving.items()
        ]
        self.nonces = {each["id"]: bytes.fromhex(each["nonce"]) for each in asked}
        return [*asked, *(asdict(self.photos[n]) for n in self.waiting)][:most]

    def right(self, id: int, sha256: str) -> bool:
        return sha256 == self.digest(id)

    def fetched(self, id: int, sha256: str, name: str) -> bool:
        if right := sha256 == self.digest(id):
            self.waiting.remove(id)
            self.told.append(("fetched", id, name))
        return right

    def proved(self, id: int, nonce: str, sha256: str | None) -> bool:
        assert nonce == self.nonces[id].hex()
        right = sha256 == self.digest(id, self.nonces[id])
        del self.proving[id]
        self.told.append(("proved", id, right, sha256 is None))
        return right

    def failed(self, reason: str, id: int | None) -> None:
        self.told.append(("failed", reason, id))
        if id is not None:
            self.waiting.remove(id)

    def gone(self, id: int) -> None:
        self.waiting.remove(id)
        self.told.append(("gone", id))


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    asked: Asked


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        asked = self.server.asked
        assert json.loads(self.rfile.readline()) == {"fetcher": "nas"}
        self.wfile.write(json.dumps(asked.greeting).encode() + b"\n")
        for line in self.rfile:
            request = json.loads(line)
            with asked.changed:
                answer = getattr(asked, request.pop("ask"))(**request)
                asked.changed.notify_all()
            self.wfile.write(json.dumps({"answer": answer}).encode() + b"\n")


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    """The service, at ``exchange`` in the test's folder, with an empty library."""
    library = tmp_path / "library"
    library.mkdir()
    with _Server(str(tmp_path / "exchange"), _Handler) as server:
        server.asked = Asked(library)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.asked
        server.shutdown()


@pytest.fixture
def served(tmp_path: Path) -> list[str]:
    """The command that ``ssh`` is on a real fetcher: it connects to what the server runs."""
    program = SERVE.format(path=str(PROJECT / "templates" / "delivery"))
    return [
        *(sys.executable, "-c", program),
        *(str(tmp_path / "exchange"), str(tmp_path / "library"), "nas"),
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where photos go."""
    place = tmp_path / "photos"
    place.mkdir()
    return place


def content(size: int, seed: int = 1) -> bytes:
    """Some bytes, the same ones for each seed."""
    return hashlib.shake_256(bytes([seed])).digest(size)


def names(folder: Path) -> list[str]:
    """All photos in a folder, by their paths in it."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(os.fspath(path) for path in found if path.parts[0] != ".hotshoe")
