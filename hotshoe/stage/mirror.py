"""A Debian mirror that keeps what it has fetched, so that a second run needs no network.

The simulated Internet runs it as a program of its own, so it needs nothing but Python's standard
library; making an image uses it as apt's proxy. Both keep their files in one folder of the
computer, which any number of mirrors may share: a file is put there in one step, when it is whole.

It fetches whatever http URL it is asked for, so it listens only where it is meant to. The one of
the simulated Internet has an address there: every device on the stage reaches it, nothing else. The
one for images has 127.0.0.1 while an image is made: every program of this computer reaches it.

    python3 mirror.py FOLDER ADDRESS PORT     serves in the background once it listens
"""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Of every stage on this computer; `make clean` removes it.
CACHE = Path("/var/cache/hotshoe/debian")

# A file in an archive's pool, or one whose name is the digest of its content, never changes.
_NEVER_CHANGES = re.compile(r"/(pool|by-hash)/")
_URL = re.compile(
    r"http://(?P<host>[a-z0-9][a-z0-9.-]*(:\d+)?)(?P<path>(/[\w.+~%:=@-]+)+)", re.ASCII
)
# What does change is asked for again after a day.
_FRESH_SECONDS = 24 * 3600
# apt in a deploy waits for 20 seconds until it hears something.
_TIMEOUT = 15
# An archive that could not be reached is left alone so long, if something of it is kept: each try
# may take the timeout.
_AWAY_SECONDS = 60
# Files on their way into the folder. What a killed mirror left of them is removed after a day; a
# younger one may be another mirror's.
_NEW = ".new-"
_LEFT_SECONDS = 24 * 3600


class Mirror(ThreadingHTTPServer):
    """Serves Debian archives: as what their names lead to, or as an HTTP proxy.

    :param folder: where files are kept, by host and path
    :param address: to listen at
    :param port: to listen at; 0 for any
    """

    daemon_threads = True
    # apt opens a connection for each archive, and many devices may come at once.
    request_queue_size = 64

    def __init__(self, folder: Path, address: str, port: int) -> None:
        super().__init__((address, port), _Handler)
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._remove_leftovers()
        # By the proxy that the computer may have.
        self.opener = urllib.request.build_opener()
        # When an archive that could not be reached is tried again, by its host.
        self.away: dict[str, float] = {}

    def _remove_leftovers(self) -> None:
        for path in self.folder.glob(f"{_NEW}*"):
            # Another mirror may be quicker.
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _LEFT_SECONDS:
                    path.unlink()

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is nothing to tell anybody."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A mirror of this process, while it is needed.

    :returns: the URL of the proxy that it is
    """
    with Mirror(folder, "127.0.0.1", 0) as mirror:
        thread = threading.Thread(target=mirror.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{mirror.server_address[1]}"
        finally:
            mirror.shutdown()


class _Handler(BaseHTTPRequestHandler):
    # apt asks for many files over one connection, without waiting for the answers.
    protocol_version = "HTTP/1.1"
    server: Mirror
    _listens: bool

    def do_GET(self) -> None:
        url = self.path
        if url.startswith("/"):
            url = f"http://{self.headers.get('Host', '').lower()}{url}"
        asked = _URL.fullmatch(url)
        if not asked or any(part in (".", "..") for part in asked["path"].split("/")):
            self._refuse(400)
            return
        kept = self.server.folder / asked["host"] / asked["path"].lstrip("/")
        if not self._is_fresh(kept, url):
            try:
                self._fetch(asked["host"], url, kept)
                return
            except _UseKeptError:
                pass
        self._serve(kept)

    def _is_fresh(self, kept: Path, url: str) -> bool:
        try:
            # The last change of the inode is when it was fetched, or found to be unchanged; its
            # content's time is the archive's.
            age = time.time() - kept.stat().st_ctime
        except OSError:
            return False
        return bool(_NEVER_CHANGES.search(url)) or age < _FRESH_SECONDS

    def _serve(self, kept: Path) -> None:
        try:
            file = kept.open("rb")
        except OSError:
            self.close_connection = True  # as a network does that fails: apt tries again
            return
        with file:
            stat = os.fstat(file.fileno())
            modified = email.utils.formatdate(stat.st_mtime, usegmt=True)
            if self._has(stat.st_mtime):
                self.send_response(304)
                self.send_header("Last-Modified", modified)
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Length", str(stat.st_size))
            self.send_header("Last-Modified", modified)
            self.end_headers()
            shutil.copyfileobj(file, self.wfile, 1 << 20)

    def _has(self, modified: float) -> bool:
        """Whether the client has a version that is no older."""
        since = email.utils.parsedate_to_datetime
        with contextlib.suppress(ValueError, TypeError):
            return since(self.headers["If-Modified-Since"]).timestamp() >= int(modified)
        return False

    def _fetch(self, host: str, url: str, kept: Path) -> None:
        """Pass on what the archive answers, and keep it.

        :raises _UseKeptError: if what is kept is to be served instead
        """
        request = urllib.request.Request(url)  # noqa: S310 - _URL allows http alone
        if kept.exists():
            if time.monotonic() < self.server.away.get(host, 0):
                raise _UseKeptError
            modified = email.utils.formatdate(kept.stat().st_mtime, usegmt=True)
            request.add_header("If-Modified-Since", modified)
        try:
            answer = self.server.opener.open(request, timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 304:
                    os.utime(kept, (time.time(), kept.stat().st_mtime))
                elif error.code in (404, 410):
                    # An archive's lists that are kept may name what has left it since: the next
                    # client gets new ones.
                    self._forget_lists(host)
                    self._refuse(error.code)
                    return
            raise _UseKeptError from error
        except (OSError, http.client.HTTPException) as error:
            self.server.away[host] = time.monotonic() + _AWAY_SECONDS
            raise _UseKeptError from error
        with answer:
            # A folder's name leads to its index, and as a file would be in the way of the folder.
            self._pass_on(answer, kept if answer.url == url else None)

    def _pass_on(self, answer: http.client.HTTPResponse, kept: Path | None) -> None:
        """Send an answer to the client, and keep it if it is whole.

        :param kept: where; None if it is not to be kept
        """
        length = answer.headers["Content-Length"]
        self.send_response(200)
        for name in ("Content-Length", "Last-Modified"):
            if value := answer.headers[name]:
                self.send_header(name, value)
        if not length:
            self.send_header("Connection", "close")
        self.end_headers()
        self._listens = True
        with tempfile.NamedTemporaryFile(dir=self.server.folder, prefix=_NEW) as new:
            size, last = 0, b""
            try:
                while block := answer.read(1 << 16):
                    self._send(last)
                    size, last = size + new.write(block), block
            except (OSError, http.client.HTTPException):
                size = -1
            if size < 0 or (length and size != int(length)):
                self.close_connection = True  # half a file, which the client asks for again
                return
            # Without a length or chunks, half a file ends as a whole one does.
            if kept and (length or answer.chunked):
                new.flush()
                os.fsync(new.fileno())
                with contextlib.suppress(ValueError, TypeError, OverflowError):
                    modified = email.utils.parsedate_to_datetime(answer.headers["Last-Modified"])
                    os.utime(new.name, (time.time(), modified.timestamp()))
                self._keep(Path(new.name), kept)
        # Whoever has a file whole finds it here from then on.
        self._send(last)

    def _send(self, block: bytes) -> None:
        """To the client, as long as it listens; a file is kept although it has gone."""
        if self._listens:
            try:
                self.wfile.write(block)
            except OSError:
                self._listens, self.close_connection = False, True

    def _keep(self, new: Path, kept: Path) -> None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        new.chmod(0o644)
        whole = new.with_suffix(".whole")
        whole.hardlink_to(new)
        whole.replace(kept)

    def _forget_lists(self, host: str) -> None:
        for path in (self.server.folder / host).rglob("*Release*"):
            path.unlink(missing_ok=True)

    def _refuse(self, code: int) -> None:
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _UseKeptError(Exception):
    """What is kept is as good as what the archive has, or all there is."""


def main(folder: str, address: str, port: str) -> None:
    """Serve in the background; the command returns when the mirror listens."""
    mirror = Mirror(Path(folder), address, int(port))
    if os.fork():
        return
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    mirror.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
