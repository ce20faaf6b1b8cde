"""SMB, WebDAV and S3, by rclone: a process for each destination, which is asked over loopback.

It is asked over HTTP with a password that is made anew each time (rclone 1.60 has no Unix socket),
and is told secrets that way alone: in no file, no command line and no environment.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import secrets
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hotshoe_delivery.configuration import Push
from hotshoe_delivery.ledger import Photo
from hotshoe_delivery.library import Digests
from hotshoe_delivery.store import Source, part
from hotshoe_delivery.words import OtherContentError, TroubleError, trouble

# How it is called in its own configuration.
REMOTE = "there"
PIECE = 1 << 18
# S3 takes no more in one request (5 GiB). What is sent in one, it digests as a whole.
LARGEST = 5 << 30
_OPTIONS = (
    # Its configuration is in its memory.
    *("--config", "", "--rc-addr", "127.0.0.1:0", "--rc-serve"),
    # A film may take hours.
    *("--rc-server-read-timeout", "9999h", "--rc-server-write-timeout", "9999h"),
    # What is tried again, and when, is decided here.
    *("--low-level-retries", "2", "--contimeout", "15s", "--timeout", "60s"),
    *("--multi-thread-streams", "0", "--buffer-size", "4M", "--ignore-times"),
    # What is sent is such a link: an open file, in /proc.
    "--copy-links",
    # Lower effort (RFC 8622): a router that looks at it sends everything else first.
    *("--dscp", "LE"),
)
# Sent along with all that is asked while an object is stored. What is asked about it later would be
# told that it has not changed (304).
_UNLESS_IT_IS_THERE = {"Headers": [{"Key": "If-None-Match", "Value": "*"}]}
TAKEN = "another file got that name there just now"
_BEGINS = re.compile(r"Serving remote control on http://127\.0\.0\.1:(\d+)/")


class Rclone:
    """rclone for one destination, begun when it is asked first; for any thread.

    :param push: where it is
    :param secret: ``password``; of S3 the secret of the access key
    :param folder: where a file may be put that nobody else can read
    """

    def __init__(self, push: Push, secret: dict[str, str], folder: Path) -> None:
        self._push, self._secret, self._folder = push, secret, folder
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self._password = ""

    @property
    def root(self) -> str:
        """The destination's folder, as rclone names it."""
        return self._root(REMOTE)

    @property
    def unasked(self) -> str:
        """The same of S3, where it is not asked about an object after that has been stored."""
        return self._root(f"{REMOTE},no_head=true")

    def _root(self, remote: str) -> str:
        push = self._push
        inner = "/".join(filter(None, (push.share, push.bucket, push.folder.strip("/"))))
        return f"{remote}:{inner}"

    def ask(self, what: str, **said: Any) -> dict[str, Any]:
        """Have it do something.

        :param what: such as ``operations/copyfile``
        :param said: what it has to know for that
        :returns: what it answers
        :raises TroubleError: if it fails
        """
        try:
            body = json.dumps(said, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise TroubleError(
                "its name is not UTF-8, as names there have to be; rename it", photo=True
            ) from None
        self._begin()
        status, answer = self._post(what, body)
        if status != 200:
            raise trouble(str(answer.get("error", status)), photo=True)
        return answer

    def read(self, name: str, size: int) -> str | None:
        """Read a file there.

        :param size: how large it has to be, in bytes; of a larger one, no more than that is read,
            and what is returned is no file's
        :returns: its SHA-256 in hexadecimal digits; None if it is not there
        :raises TroubleError: if it cannot be read
        """
        sha256, length = hashlib.sha256(), 0
        with self._reading(name) as answer:
            if answer is None:
                return None
            while piece := answer.read(PIECE):
                sha256.update(piece)
                length += len(piece)
                if length > size:
                    # Or a server that never ends would hold this up for ever.
                    return ""
            if answer.length:
                raise trouble("EOF while it was read back")
        return sha256.hexdigest()

    @contextmanager
    def _reading(
        self, name: str, headers: Mapping[str, str] = MappingProxyType({})
    ) -> Iterator[http.client.HTTPResponse | None]:
        """Have a file there sent; None if it is not there.

        :raises TroubleError: if it cannot be read
        """
        self._begin()
        connection = self._connection()
        try:
            path = urllib.parse.quote(f"/[{self.root}]/{name}")
            connection.request("GET", path, headers={**self._headers(), **headers})
            answer = connection.getresponse()
            if answer.status not in (200, 206, 404):
                raise trouble(answer.read(PIECE).decode(errors="replace"), photo=True)
            yield None if answer.status == 404 else answer
        except (OSError, http.client.HTTPException) as error:
            raise trouble(f"EOF while it was read back: {error!r}") from None
        finally:
            connection.close()

    def beginning(self, name: str, size: int) -> bytes:
        """Read the beginning of a file there.

        :param size: how much of it, in bytes
        :returns: that; empty if it is not there
        :raises TroubleError: if it cannot be read
        """
        with self._reading(name, {"Range": f"bytes=0-{size - 1}"} if size else {}) as answer:
            return answer.read(size) if answer else b""

    def close(self) -> None:
        """End it."""
        with self._lock:
            if self._process:
                self._process.kill()
                self._process.wait()
            self._process = None

    # -- the process

    def _begin(self) -> None:
        """Begin it, unless it runs.

        :raises TroubleError: if it cannot be begun, or the destination cannot be used
        """
        with self._lock:
            if self._process and self._process.poll() is None:
                return
            self._password = secrets.token_urlsafe(24)
            digest = base64.b64encode(
                hashlib.sha1(self._password.encode(), usedforsecurity=False).digest()
            ).decode()
            file = self._folder / f"{self._push.name}.htpasswd"
            file.touch(0o600)
            file.write_text(f"hotshoe:{{SHA}}{digest}\n")
            limit = self._push.bytes_per_second
            pace = ("--bwlimit", f"{limit}B") if limit else ()
            try:
                process = subprocess.Popen(
                    ["rclone", "rcd", *_OPTIONS, *pace, "--rc-htpasswd", file],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                    errors="replace",
                    env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
                )
            except OSError as error:
                raise TroubleError(f"rclone cannot be run: {error}") from None
            try:
                self._port = self._wait(process)
                self._configure()
            except TroubleError:
                process.kill()
                process.wait()
                raise
            self._process = process

    @staticmethod
    def _wait(process: subprocess.Popen[str]) -> int:
        """Wait until it answers.

        :returns: its port
        """
        assert process.stderr
        said = process.stderr
        last = ""
        for line in said:
            last = line
            if found := _BEGINS.search(line):
                # What it says later of failures, it also answers.
                threading.Thread(target=_drain, args=(said,), daemon=True).start()
                return int(found[1])
        raise TroubleError(f"rclone does not begin: {last.strip()}")

    def _configure(self) -> None:
        push, password = self._push, self._secret.get("password", "")
        kinds: dict[str, dict[str, Any]] = {
            "smb": {
                "host": push.host,
                "port": str(push.port),
                "user": push.username,
                "pass": password,
            },
            "webdav": {
                "url": push.url,
                "vendor": "other",
                "user": push.username,
                "pass": password,
            },
            "s3": {
                "provider": "Other",
                "endpoint": push.url,
                "region": push.region,
                "access_key_id": push.username,
                "secret_access_key": password,
                "no_check_bucket": "true",
                # Without a unit it would be KiB.
                "upload_cutoff": f"{LARGEST}B",
            },
        }
        body = {
            "name": REMOTE,
            "type": push.by,
            "parameters": {key: value for key, value in kinds[push.by].items() if value},
            "opt": {"obscure": True, "nonInteractive": True},
        }
        status, answer = self._post("config/create", json.dumps(body).encode())
        if status != 200:
            raise TroubleError(f"rclone does not take it: {answer.get('error')}")

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port)

    def _headers(self) -> dict[str, str]:
        login = base64.b64encode(f"hotshoe:{self._password}".encode()).decode()
        return {"Authorization": f"Basic {login}"}

    def _post(self, what: str, body: bytes) -> tuple[int, dict[str, Any]]:
        connection = self._connection()
        headers = {"Content-Type": "application/json", **self._headers()}
        try:
            connection.request("POST", f"/{what}", body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise TroubleError(f"rclone has ended: {error!r}") from None
        finally:
            connection.close()


class Remote:
    """A place that rclone knows.

    :param rclone: which
    :param push: where it is
    """

    def __init__(self, rclone: Rclone, push: Push) -> None:
        self._rclone, self._by, self._folder = rclone, push.by, push.folder
        self._seen, self._conditions = False, True

    def size(self, name: str) -> int | None:
        """How large a file there is, in bytes; None if there is none."""
        self._look()
        try:
            item = self._stat(name)
        except TroubleError:
            if self._by == "s3":
                # What HEAD is answered has no words: is it the key, or a right that is missing?
                self._seen = False
                self._look()
            raise
        return None if item is None else int(item["Size"])

    def same(self, name: str, photo: Photo, digests: Digests) -> bool:
        """Whether a file there has a content: by S3's own digest, or by reading it back."""
        if self._by == "s3" and photo.size <= LARGEST:
            item = self._stat(name, hashes=True)
            if item is None:
                return False
            if said := (item.get("Hashes") or {}).get("md5"):
                return hmac.compare_digest(said, digests.md5) and item["Size"] == photo.size
        said = self._rclone.read(name, photo.size)
        return said is not None and hmac.compare_digest(said, digests.sha256)

    def begins(self, name: str, source: Source) -> bool:
        """Whether a file there has the beginning of a content; what S3 says is about all of it.

        An archive of S3's tells digests at once, and gives nothing to read for hours.
        """
        if self._by == "s3":
            return self.same(name, source.photo, source.digests)
        wanted = source.beginning()
        return self._rclone.beginning(name, len(wanted)) == wanted

    def send(self, name: str, source: Source) -> None:
        """Send a photo, see that its content is there, and give it its name.

        What is sent to S3 is there as a whole or not at all, so it has its name at once.
        """
        temporary = name if self._by == "s3" else part(name, source.digests)
        if self._by == "s3" and self._conditions and source.photo.size <= LARGEST:
            self._put(name, source)
        else:
            self._copy(temporary, source)
        if not self.same(temporary, source.photo, source.digests):
            self._drop(temporary)
            raise OtherContentError
        if temporary != name:
            # Its sending may have taken hours, and rclone would replace what has the name by now.
            if self._stat(name) is not None:
                self._drop(temporary)
                raise TroubleError(TAKEN, photo=True)
            self._rclone.ask(
                "operations/movefile",
                srcFs=self._rclone.root,
                srcRemote=temporary,
                dstFs=self._rclone.root,
                dstRemote=name,
            )

    def _copy(self, name: str, source: Source, root: str = "", **more: Any) -> None:
        self._rclone.ask(
            "operations/copyfile",
            # The file that was opened, whatever its path leads to by now.
            srcFs=f"/proc/{os.getpid()}/fd",
            srcRemote=str(source.handle),
            dstFs=root or self._rclone.root,
            dstRemote=name,
            **more,
        )

    def _put(self, name: str, source: Source) -> None:
        """Store an object unless there is one by now, where S3 knows that (If-None-Match).

        Some do not, and say so or store it all the same.
        """
        try:
            self._copy(name, source, self._rclone.unasked, _config=_UNLESS_IT_IS_THERE)
        except TroubleError as error:
            said = str(error)
            if "PreconditionFailed" in said:
                raise TroubleError(TAKEN, photo=True) from None
            if "NotImplemented" not in said:
                raise
            self._conditions = False
            self._copy(name, source)

    def _drop(self, name: str) -> None:
        with suppress(TroubleError):
            self._rclone.ask("operations/deletefile", fs=self._rclone.root, remote=name)

    def close(self) -> None:
        """Nothing is kept open here."""

    def _stat(self, name: str, *, hashes: bool = False) -> dict[str, Any] | None:
        options = {"filesOnly": True, "showHash": hashes, "hashTypes": ["md5"]}
        said = self._rclone.ask("operations/stat", fs=self._rclone.root, remote=name, opt=options)
        item: dict[str, Any] | None = said["item"]
        return item

    def _look(self) -> None:
        """See, once, that there is such a place, before anything is made there.

        :raises TroubleError: if there is none
        """
        if self._seen:
            return
        if self._by == "s3":
            # What HEAD is answered has no words.
            try:
                self._rclone.ask("operations/list", fs=f"{self._rclone.root}/.hotshoe", remote="")
            except TroubleError as error:
                if "no such folder" not in str(error):
                    raise
        elif self._by == "smb" and self._folder.strip("/"):
            share = self._rclone.root.partition("/")[0]
            options = {"dirsOnly": True, "noModTime": True}
            found = self._rclone.ask(
                "operations/stat", fs=share, remote=self._folder.strip("/"), opt=options
            )
            if found["item"] is None:
                raise TroubleError(f"there is no folder {self._folder} (delivery[].folder)")
        self._seen = True


def _drain(said: Any) -> None:
    """Read what nobody needs, so that its writer does not wait."""
    with suppress(OSError, ValueError):
        for _ in said:
            pass
