"""SFTP: OpenSSH's client connects and encrypts, paramiko's speaks the protocol over it.

rclone 1.60 is not used here. It takes whichever host key a server prefers to show, and so refuses
one that has an ECDSA key besides the Ed25519 key that the Site names; nor does it go on where a
transfer was cut.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import select
import shlex
import subprocess
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

with warnings.catch_warnings():
    # Of ciphers that it knows and OpenSSH does not ask it for.
    warnings.simplefilter("ignore")
    from paramiko import SSHException
    from paramiko.sftp import CMD_EXTENDED, SFTPError
    from paramiko.sftp_client import SFTPClient

from hotshoe_delivery.configuration import Push
from hotshoe_delivery.ledger import Photo
from hotshoe_delivery.library import Digests
from hotshoe_delivery.rate import Rate
from hotshoe_delivery.store import Source, part
from hotshoe_delivery.words import OtherContentError, TroubleError, trouble

# How much is written or read at a time, in bytes.
PIECE = 1 << 18
# How long the other side's own digest may take, in seconds: 10 s, and by 20 MB/s.
DIGEST_SECONDS, DIGEST_RATE = 10, 20_000_000
# What sha256sum prints is a line, whose name may be as long as Linux has them; in bytes.
LONGEST_ANSWER = 1 << 16
NO_SFTP = (
    "what it answers is not SFTP: the shell that delivery[].username has there lets nobody in "
    "(nologin), or prints something when it begins, such as by ~/.bashrc"
)
# How long OpenSSH's last words are waited for, in seconds.
LAST_WORDS = 5
_OPTIONS = (
    *("-F", "none", "-T", "-a", "-x", "-oLogLevel=ERROR"),
    # Lower effort (RFC 8622): a router that looks at it sends everything else first.
    "-oIPQoS=le",
    *("-oStrictHostKeyChecking=yes", "-oGlobalKnownHostsFile=/dev/null", "-oUpdateHostKeys=no"),
    *("-oCheckHostIP=no", "-oClearAllForwardings=yes", "-oConnectTimeout=15"),
    # What does not answer within half a minute is gone.
    *("-oServerAliveInterval=10", "-oServerAliveCountMax=2", "-oTCPKeepAlive=yes"),
)


class _Channel:
    """The standard input and output of OpenSSH's client, as paramiko wants a channel to be."""

    def __init__(self, ssh: subprocess.Popen[bytes]) -> None:
        assert ssh.stdin
        assert ssh.stdout
        self._in, self._out = ssh.stdin, ssh.stdout

    def get_name(self) -> str:
        return "ssh"

    def send(self, data: bytes) -> int:
        return os.write(self._in.fileno(), data)

    def recv(self, most: int) -> bytes:
        return os.read(self._out.fileno(), most)

    def recv_ready(self) -> bool:
        return bool(select.select([self._out], [], [], 0)[0])

    def close(self) -> None:
        self._in.close()


class Sftp:
    """A place at an SFTP server.

    :param push: where it is
    :param secret: ``password``, or ``key``
    :param folder: where files for OpenSSH may be put, which nobody else can read
    :param lane: which of the connections to that place this is
    :param sent: the rate at which photos are sent
    :param back: the rate at which they are read back
    """

    def __init__(
        self, push: Push, secret: dict[str, str], folder: Path, lane: str, sent: Rate, back: Rate
    ) -> None:
        self._push, self._sent, self._back, self._root = push, sent, back, push.folder or "."
        # The path of a socket is 107 bytes long at most, and OpenSSH appends some.
        digest = hashlib.sha256(f"{push.name} {lane}".encode()).hexdigest()
        self._control = folder / digest[:8]
        known = _private(folder / f"{push.name}.known", f"{push.name} {push.host_key}\n")
        self._options = [
            *_OPTIONS,
            f"-oUserKnownHostsFile={known}",
            f"-oHostKeyAlias={push.name}",
            *("-p", str(push.port), "-l", push.username),
        ]
        self._environment = {"PATH": "/usr/bin:/bin"}
        if "key" in secret:
            key = _private(folder / f"{push.name}.key", secret["key"])
            self._options += ["-oBatchMode=yes", "-oIdentitiesOnly=yes", "-i", str(key)]
        else:
            # It is read from systemd's credential, so it is in no command line nor environment.
            self._options += [
                *("-oPubkeyAuthentication=no", "-oNumberOfPasswordPrompts=1"),
                "-oPreferredAuthentications=password,keyboard-interactive",
            ]
            self._environment |= {
                "SSH_ASKPASS": str(Path(__file__).with_name("askpass.py")),
                "SSH_ASKPASS_REQUIRE": "force",
                "CREDENTIALS_DIRECTORY": os.environ.get("CREDENTIALS_DIRECTORY", ""),
                "HOTSHOE_DELIVERY": push.name,
            }
        self._ssh: subprocess.Popen[bytes] | None = None
        self._client: SFTPClient | None = None
        self._digests_there = True

    # -- the connection

    def _connected(self) -> SFTPClient:
        """The connection, made if there is none."""
        if self._client:
            return self._client
        with suppress(FileNotFoundError):
            self._control.unlink()
        self._ssh = subprocess.Popen(
            ["ssh", *self._options, "-M", "-S", str(self._control), "-s", self._push.host, "sftp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=self._environment,
            start_new_session=True,
        )
        with self._translated():
            self._client = SFTPClient(_Channel(self._ssh))  # type: ignore[arg-type]
            try:
                self._client.stat(_raw(self._root))
            except FileNotFoundError:
                self.close()
                raise TroubleError(f"there is no folder {self._root} (delivery[].folder)") from None
        return self._client

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Tell what goes wrong in plain words, and hang up if the connection is no more."""
        try:
            yield
        except PermissionError as error:
            raise trouble(f"Permission denied: {error}") from None
        except SFTPError:
            self.close()
            raise TroubleError(NO_SFTP) from None
        except (EOFError, SSHException, BrokenPipeError, ConnectionError) as error:
            raise trouble(self._last_words() or f"Connection closed: {error}") from None
        except OSError as error:
            if self._ssh and self._ssh.poll() is not None:
                raise trouble(self._last_words() or "Connection closed") from None
            if self._is_full():
                raise trouble("disk full") from None
            raise trouble(str(error.strerror or error), photo=True) from None

    def _last_words(self) -> str:
        """What OpenSSH says when it ends; and hang up."""
        said = b""
        if self._ssh:
            if self._ssh.stdin:
                self._ssh.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._ssh.wait(LAST_WORDS)
            self._ssh.kill()
            if self._ssh.stderr:
                said = self._ssh.stderr.read()
        self.close()
        return said.decode(errors="replace").strip()

    def close(self) -> None:
        """Hang up."""
        if self._client:
            with suppress(OSError, EOFError, SSHException):
                self._client.close()
        self._client = None
        # What was cut in the middle says nothing of the next connection.
        self._digests_there = True
        if self._ssh:
            self._ssh.kill()
            self._ssh.wait()
            for each in (self._ssh.stdin, self._ssh.stdout, self._ssh.stderr):
                if each:
                    with suppress(OSError):
                        each.close()
        self._ssh = None

    def _at(self, name: str) -> bytes:
        return _raw(f"{self._root.rstrip('/')}/{name}")

    # -- what is there

    def size(self, name: str) -> int | None:
        """How large a file there is, in bytes; None if there is none."""
        client = self._connected()
        with self._translated():
            try:
                return client.stat(self._at(name)).st_size or 0
            except FileNotFoundError:
                return None

    def same(self, name: str, photo: Photo, digests: Digests) -> bool:
        """Whether a file there has a content: by sha256sum there, or by reading it back."""
        said = self._digest_there(name, photo.size)
        if said and hmac.compare_digest(said, digests.sha256):
            return True
        client = self._connected()
        with self._translated():
            try:
                return hmac.compare_digest(self._read_back(client, name, photo), digests.sha256)
            except FileNotFoundError:
                return False

    def begins(self, name: str, source: Source) -> bool:
        """Whether a file there has the beginning of a content."""
        wanted, found = source.beginning(), b""
        client = self._connected()
        with self._translated():
            try:
                with client.open(self._at(name), "rb") as file:
                    while len(found) < len(wanted):
                        if not (piece := file.read(len(wanted) - len(found))):
                            break
                        found += piece
            except FileNotFoundError:
                return False
        return found == wanted

    def _read_back(self, client: SFTPClient, name: str, photo: Photo) -> str:
        """The digest of what is there; of nothing that is larger than the photo, or never ends."""
        sha256, length = hashlib.sha256(), 0
        with client.open(self._at(name), "rb") as file:
            if file.stat().st_size != photo.size:
                return ""
            file.prefetch(photo.size)
            while length <= photo.size and (piece := file.read(PIECE)):
                self._back.took(len(piece))
                sha256.update(piece)
                length += len(piece)
        return sha256.hexdigest() if length == photo.size else ""

    def _digest_there(self, name: str, size: int) -> str:
        """What sha256sum there says, in a session of its own; empty if there is none to be had."""
        if not self._digests_there:
            return ""
        self._connected()
        command = f"exec sha256sum -b -- {shlex.quote(os.fsdecode(self._at(name)))}"
        said = b""
        with suppress(OSError):
            said = _answer(
                [
                    *("ssh", *self._options, "-oControlMaster=no", "-S", str(self._control)),
                    *(self._push.host, command),
                ],
                self._environment,
                DIGEST_SECONDS + size / DIGEST_RATE,
            )
        found = re.search(rb"^\\?([0-9a-f]{64}) ", said, re.MULTILINE)
        if found:
            return found[1].decode()
        # Such as a server that offers SFTP and nothing else; over this connection it stays so.
        self._digests_there = False
        return ""

    # -- sending

    def send(self, name: str, source: Source) -> None:
        """Send a photo, from where that was cut, see that its content is there, and name it."""
        client = self._connected()
        photo, digests = source.photo, source.digests
        temporary = part(name, digests)
        with self._translated():
            self._make_folders(client, name)
            have = self.size(temporary) or 0
            if have > photo.size:
                client.remove(self._at(temporary))
                have = 0
            self._write(client, temporary, source, have)
        if not self.same(temporary, photo, digests):
            with self._translated():
                client.remove(self._at(temporary))
            raise OtherContentError
        with self._translated():
            # In version 3 of the protocol, what has that name is not replaced.
            client.rename(self._at(temporary), self._at(name))

    def _write(self, client: SFTPClient, temporary: str, source: Source, have: int) -> None:
        with client.open(self._at(temporary), "r+b" if have else "wb") as file:
            file.set_pipelined(True)
            file.seek(have)
            at = have
            while piece := os.pread(source.handle, PIECE, at):
                self._sent.took(len(piece))
                file.write(piece)
                at += len(piece)
            file.flush()
            # paramiko hears the answers to some writes only, and drops the others.
            while file._reqs:  # type: ignore[attr-defined]
                client._read_response(file._reqs.popleft())  # type: ignore[attr-defined]
            # On the disk there, if the server knows how.
            with suppress(OSError):
                _extended(client, "fsync@openssh.com", file.handle)

    def _make_folders(self, client: SFTPClient, name: str) -> None:
        folders = name.split("/")[:-1]
        for depth in range(len(folders), 0, -1):
            if self._is_there(client, "/".join(folders[:depth])):
                break
        else:
            depth = 0
        for more in range(depth + 1, len(folders) + 1):
            try:
                client.mkdir(self._at("/".join(folders[:more])))
            except OSError:
                # Another lane may have made it just now.
                if not self._is_there(client, "/".join(folders[:more])):
                    raise

    def _is_there(self, client: SFTPClient, name: str) -> bool:
        try:
            client.stat(self._at(name))
        except FileNotFoundError:
            return False
        return True

    def _is_full(self) -> bool:
        """Whether there is no room there; SFTP only says that something failed."""
        try:
            if not self._client:
                return False
            answer = _extended(self._client, "statvfs@openssh.com", _raw(self._root))
            # Block size, fragment size, blocks, free blocks, free ones for others than root.
            _, fragment, _, _, available = (answer.get_int64() for _ in range(5))
        except (OSError, EOFError, SSHException):
            return False
        return bool(fragment * available < PIECE)


def _answer(command: list[str], environment: dict[str, str], seconds: float) -> bytes:
    """What a program prints; the beginning of that, from one that prints without end.

    :param seconds: after which it is ended
    :raises OSError: if it cannot be run
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:
        assert process.stdout
        late = threading.Timer(seconds, process.kill)
        late.start()
        try:
            return process.stdout.read(LONGEST_ANSWER)
        finally:
            late.cancel()
            process.kill()


def _extended(client: Any, request: str, about: Any) -> Any:
    """Ask for one of OpenSSH's extensions of the protocol.

    :returns: the answer's message
    :raises OSError: if the server does not know it, or refuses
    """
    return client._request(CMD_EXTENDED, request, about)[1]


_writing = threading.Lock()


def _private(path: Path, text: str) -> Path:
    """A file that nobody else can read."""
    with _writing:
        new = path.with_name(f"{path.name}.new")
        new.touch(0o600)
        new.write_text(text)
        new.replace(path)
    return path


def _raw(path: str) -> bytes:
    return os.fsencode(path)
