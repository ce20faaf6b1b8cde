"""A library, other sides that rclone plays, and the real program between them."""

from __future__ import annotations

import base64
import contextlib
import getpass
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROJECT

RCLONE = shutil.which("rclone")
SSHD, SFTP_SERVER = Path("/usr/sbin/sshd"), Path("/usr/lib/openssh/sftp-server")
needs_rclone = pytest.mark.skipif(not RCLONE, reason="this computer has no rclone")
# Tests look for it in all processes, and others may run the same ones at the same time.
PASSWORD = f"a password, and \"quotes\" 'too' $HOME {secrets.token_hex(4)}"
SECONDS = 60


def until(condition: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """Wait until something holds, and say what it is."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)
    return found


def free_port() -> int:
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        port: int = it.getsockname()[1]
        return port


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass
class Peer:
    """Another side, in a folder."""

    by: str
    folder: Path
    port: int = field(default_factory=free_port)
    password: str = PASSWORD
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    more_keys: list[Path] = field(default_factory=list)

    def begin(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command(), stdout=log, stderr=log)

        def answers() -> bool:
            with socket.socket() as it:
                return it.connect_ex(("127.0.0.1", self.port)) == 0

        until(answers)

    def _command(self) -> list[str]:
        assert RCLONE
        command = [RCLONE, "serve", self.by, str(self.folder), "--addr", f"127.0.0.1:{self.port}"]
        command += ["--config", "", "--user", "ann", *self.options]
        if self.by == "sftp":
            command += [
                "--key",
                str(self.key),
                "--vfs-cache-mode",
                "writes",
                "--vfs-write-back",
                "0s",
            ]
            command += ["--cache-dir", f"{self.folder}-cache"]
        # On the command line, since nobody else is here.
        command += ["--pass", self.password]
        return command

    @property
    def log(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.log")

    @property
    def key(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.key")

    def end(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def files(self) -> dict[str, str]:
        """What is there, by name: digests."""
        return {
            str(path.relative_to(self.folder)): sha256(path)
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }

    def wait_until_it_has(self, files: dict[str, str]) -> None:
        """Wait until these are there and no others; rclone's SFTP server writes a little later."""
        with contextlib.suppress(AssertionError):
            until(lambda: self.files() == files, 20)
        assert self.files() == files

    def push(self, name: str, **other: Any) -> dict[str, Any]:
        """What the deploy tells the program of it."""
        said: dict[str, Any] = dict.fromkeys(
            ("folder", "url", "host_key", "share", "bucket", "region"), ""
        )
        said |= {"name": name, "by": self.by, "host": "127.0.0.1", "port": self.port}
        said |= {"username": "ann", "order": "oldest", "bytes_per_second": 0}
        if self.by == "webdav":
            said["url"] = f"http://127.0.0.1:{self.port}"
        if self.by == "sftp":
            said["host_key"] = " ".join(self.key.with_suffix(".key.pub").read_text().split()[:2])
        return said | other


class OpenSsh(Peer):
    """OpenSSH, which runs as whoever runs the tests, and whose users log in by key."""

    def _command(self) -> list[str]:
        configuration = self.folder.with_name(f"{self.folder.name}.conf")
        keys = "\n".join(f"HostKey {key}" for key in (*self.more_keys, self.key))
        configuration.write_text(
            f"""
Port {self.port}
ListenAddress 127.0.0.1
{keys}
AuthorizedKeysFile {self.key}.pub
StrictModes no
UsePAM no
PidFile none
Subsystem sftp {SFTP_SERVER}
{chr(10).join(self.options)}
"""
        )
        return [str(SSHD), "-D", "-e", "-f", str(configuration)]

    def push(self, name: str, **other: Any) -> dict[str, Any]:
        user = {"username": getpass.getuser(), "folder": str(self.folder)}
        return super().push(name, **user | other)


@dataclass
class Home:
    """A server with a library, and the program on it."""

    folder: Path
    pushes: list[dict[str, Any]] = field(default_factory=list)
    fetchers: list[dict[str, str]] = field(default_factory=list)
    retention: dict[str, float | None] | None = None
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    program: tuple[str, ...] = ("-m", "hotshoe_delivery")
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        for name in ("library", "state", "credentials"):
            (self.folder / name).mkdir(parents=True)
        # The path of a socket is 107 bytes long at most.
        (self.folder / "run").symlink_to(tempfile.mkdtemp(prefix="h"))
        os.mkfifo(self.folder / "journal")

    @property
    def library(self) -> Path:
        return self.folder / "library"

    @property
    def configuration(self) -> Path:
        return self.folder / "delivery.json"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def write(self) -> None:
        """Write what the deploy writes."""
        said = {
            "library": str(self.library),
            "intake": getpass.getuser(),
            "ledger": str(self.folder / "state" / "ledger.sqlite"),
            "exchange": str((self.folder / "run").resolve() / "exchange"),
            "asks": getpass.getuser(),
            "pushes": self.pushes,
            "fetchers": self.fetchers,
            "retention": self.retention,
        }
        self.configuration.write_text(json.dumps(said))
        secrets = {each["name"]: {"password": PASSWORD} for each in self.pushes}
        secrets |= self.secrets
        (self.folder / "credentials" / "delivery").write_text(json.dumps(secrets))

    @property
    def environment(self) -> dict[str, str]:
        folders = (PROJECT / "templates" / "delivery", Path(__file__).with_name("fake"))
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": ":".join(map(str, folders)),
            "CREDENTIALS_DIRECTORY": str(self.folder / "credentials"),
            "JOURNAL": str(self.folder / "journal"),
        }

    def begin(self) -> None:
        self.write()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-B", *self.program, str(self.configuration)],
                env=self.environment,
                stdout=log,
                stderr=log,
                # With what it has started.
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it in the middle of whatever it does, as a power cut would."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def put(self, path: str, content: bytes, *, tell: bool = True, age: float = 0) -> Path:
        """A photo comes in."""
        file = self.library / path
        file.parent.mkdir(parents=True, exist_ok=True)
        new = self.library / ".new"
        new.write_bytes(content)
        new.chmod(0o440)
        when = time.time() - age
        os.utime(new, (when, when))
        new.rename(file)
        if tell:
            with (self.folder / "journal").open("wb") as journal:
                journal.write(os.fsencode(str(file)) + b"\n")
        return file

    def status(self, most: int = 1000) -> dict[str, Any]:
        done = subprocess.run(
            [
                *(sys.executable, "-B", "-m", "hotshoe_delivery", "status"),
                *(str(self.configuration), str(most)),
            ],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return {"destinations": [], "photos": [], "said": done.stderr}
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def destination(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(
            (each for each in self.status(0)["destinations"] if each["name"] == name), {}
        )
        return found

    def wait_until_delivered(self, name: str, number: int) -> None:
        until(lambda: self.destination(name).get("delivered") == number)

    def wait_until_told(self, text: str, times: int = 1) -> None:
        until(lambda: self.log.read_text().count(text) >= times)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    it = Home(tmp_path / "h")
    yield it
    it.kill()
    # OpenSSH removes its socket meanwhile.
    shutil.rmtree((it.folder / "run").resolve(), ignore_errors=True)
    if it.log.exists():
        print(it.log.read_text())


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[Callable[..., Peer]]:
    """Makes other sides, and ends them."""
    made: list[Peer] = []

    def make(by: str, **other: Any) -> Peer:
        if by == "openssh" and not (SSHD.exists() and SFTP_SERVER.exists()):
            pytest.skip("this computer has no openssh-server")
        folder = tmp_path / f"peer{len(made)}"
        folder.mkdir()
        kind = OpenSsh if by == "openssh" else Peer
        peer = kind("sftp" if by == "openssh" else by, folder, **other)
        made.append(peer)
        if peer.by == "sftp":
            new_key(peer)
        peer.begin()
        return peer

    yield make
    for peer in made:
        peer.end()


def new_key(peer: Peer) -> None:
    """Give a peer a host key, another than before."""
    peer.key.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(peer.key)], check=True)


def random_content(size: int) -> bytes:
    return base64.b64encode(os.urandom(32)) + os.urandom(size)
