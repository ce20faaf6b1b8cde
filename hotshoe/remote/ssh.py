"""Commands on servers and routers, by the person's own OpenSSH.

So the person's configuration, keys, agent and known hosts count, as they do for ``ssh`` itself.
Nothing is ever asked: whoever cannot log in without a question gets a message that says how.
"""

from __future__ import annotations

import contextlib
import queue
import shlex
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from hotshoe.errors import HotshoeError, escaped
from hotshoe.plan.model import HostPlan, RouterPlan
from hotshoe.remote import known_hosts, trust
from hotshoe.site.reading import SiteFiles

# For how long a command may run that ends by itself.
SECONDS = 120
# ssh's own status for whatever kept it from running the command (ssh(1), EXIT STATUS).
_NOT_RUN = 255
# What it says last when a host is not the one that it should be.
_UNVERIFIED = "Host key verification failed."
# How it is run, so that it neither asks nor waits for ever.
OPTIONS = {
    "BatchMode": "yes",
    "ConnectTimeout": "10",
    # A server that vanished while we listen to it; what is left of a connection never ends.
    "ServerAliveInterval": "5",
    "ServerAliveCountMax": "3",
    # What the person's configuration may add for work at a terminal.
    "ClearAllForwardings": "yes",
    "RequestTTY": "no",
    "RemoteCommand": "none",
    # One that shares its connection ends when the last that shares it does.
    "ControlMaster": "no",
    "LogLevel": "ERROR",
}
# With them, no host key counts but those of the files that are named.
ONLY_FILES = {
    # An older OpenSSH knows no such command. And of what the person's configuration says, one for
    # several systems, this option is the only one that counts.
    "IgnoreUnknown": "*",
    "KnownHostsCommand": "none",
    "VerifyHostKeyDNS": "no",
    "GlobalKnownHostsFile": "/dev/null",
}
NO_SSH = "ssh: there is no such program\n    -> apt-get install openssh-client"


# With this line an answer ends (see Conversation).
END_OF_ANSWER = b".\n"


class RemoteError(HotshoeError):
    """A server or router that cannot be asked."""


@dataclass(frozen=True)
class Access:
    """What leads to the hosts of a home, and what proves that they are the ones.

    :param config: an ssh_config(5) file to use instead of the person's, whose host keys count then;
        None for the person's
    :param known_hosts: the host keys that stand beside the Site; of a host that it is about, no
        other key counts
    :param site: the Site's name
    """

    config: Path | None = None
    known_hosts: Path | None = None
    site: str = "home"

    @classmethod
    def of(cls, files: SiteFiles, config: Path | None = None) -> Access:
        """What leads to the hosts of a Site."""
        return cls(config, None if config else files.known_hosts, files.name)


PERSONAL = Access()


@dataclass(frozen=True)
class Host:
    """A server or router, and how to log in to it.

    :param name: what it is called in messages
    :param address: where it is reached
    :param user: who logs in; anybody but root has to be allowed sudo without a password
    :param port: where SSH answers
    :param access: what leads there
    """

    name: str
    address: str
    user: str
    port: int
    access: Access = PERSONAL

    @classmethod
    def of(cls, device: HostPlan, access: Access = PERSONAL) -> Host:
        """A host of a Plan, at the address by which it is deployed to."""
        address = device.lan.ip if isinstance(device, RouterPlan) else device.address
        return cls(device.name, str(address), device.ssh_user, device.ssh_port, access)

    @property
    def known_as(self) -> str:
        """What it is called in files of host keys."""
        return known_hosts.host_name(self.address, self.port)

    def command(self, script: str, *arguments: str) -> list[str]:
        """The command line that runs a shell script there, as root."""
        words = ["sh", "-c", script, "sh", *arguments]
        if self.user != "root":
            words = ["sudo", "-n", "--", *words]
        options = [
            word
            for key, value in {**OPTIONS, **self._host_keys()}.items()
            for word in ("-o", f"{key}={value}")
        ]
        login = ["-p", str(self.port), "-l", self.user, "--", self.address]
        return ["ssh", *self._file(), *options, *login, shlex.join(words)]

    def _file(self) -> list[str]:
        return ["-F", str(self.access.config)] if self.access.config else []

    def _host_keys(self) -> dict[str, str]:
        """Where ssh looks for the host's key; whatever the person's configuration says of it.

        :raises HotshoeError: if the keys beside the Site cannot be read
        """
        strict = {"StrictHostKeyChecking": "yes"}
        path = self.access.known_hosts
        if not path or not known_hosts.entries_of(known_hosts.read(path), self.known_as):
            return strict
        # ssh_config(5), TOKENS: of a percent sign, two mean one.
        quoted = str(path.absolute()).replace("%", "%%")
        return strict | {
            **ONLY_FILES,
            "UserKnownHostsFile": f'"{quoted}"',
            # The person's configuration may call it otherwise.
            "HostKeyAlias": self.known_as,
            # The file is for a person to change.
            "UpdateHostKeys": "no",
        }

    def run(self, script: str, *arguments: str, given: bytes = b"") -> bytes:
        """Run a shell script there, as root, to its end.

        :param given: its standard input
        :returns: its standard output
        :raises RemoteError: if it cannot be run, fails, or takes longer than :data:`SECONDS`
        """
        try:
            done = subprocess.run(
                self.command(script, *arguments),
                input=given,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except FileNotFoundError:
            raise RemoteError(NO_SSH) from None
        except subprocess.TimeoutExpired:
            raise RemoteError(
                f"{self.name}: did not answer within {SECONDS} s\n"
                f"    -> see what keeps it busy: {self._login()}"
            ) from None
        if done.returncode != 0:
            raise self.error(done.returncode, done.stderr)
        return done.stdout

    def listen(self, script: str, *arguments: str) -> Listening:
        """Run a shell script there, as root, that goes on until it is ended.

        :raises RemoteError: if there is no ssh
        """
        return Listening(self, self._start(script, *arguments))

    def converse(self, script: str, *arguments: str) -> Conversation:
        """Run a shell script there, as root, that answers every line which it is given.

        It ends when its standard input does: also when this program, ssh or the connection is gone.

        :raises RemoteError: if there is no ssh
        """
        return Conversation(self, self._start(script, *arguments))

    def _start(self, script: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a script there, whose standard input ends when this program does."""
        # What goes wrong is told in a few lines, which the pipe holds until the end.
        pipe = subprocess.PIPE
        command = self.command(script, *arguments)
        try:
            return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
        except FileNotFoundError:
            raise RemoteError(NO_SSH) from None

    def error(self, status: int, stderr: bytes) -> RemoteError:
        """What went wrong, and what to do about it.

        :param status: of ssh
        :param stderr: what ssh or the script said
        """
        lines = stderr.decode(errors="backslashreplace").strip().splitlines()
        reason = escaped(lines[-1].strip()) if lines else f"exit status {status}"
        if status == _NOT_RUN and reason == _UNVERIFIED:
            return RemoteError(f"{self.name}: {self._unverified(lines)}")
        if status == _NOT_RUN:
            return RemoteError(
                f"{self.name}: {self.user}@{self.address} cannot be reached by SSH: {reason}\n"
                f"    -> this has to work without a question: {self._login()}"
            )
        if reason.startswith("sudo:"):
            return RemoteError(
                f"{self.name}: {self.user} may not become root: {reason}\n"
                f"    -> allow {self.user} to use sudo without a password, as the deploy needs it"
            )
        return RemoteError(f"{self.name}: {reason}")

    def _unverified(self, lines: list[str]) -> str:
        """Why ssh does not take it for the host that it should be, and what to do."""
        offending = next((line for line in lines if line.startswith("Offending ")), "")
        if not offending:
            return trust.unknown("its host key is not known", self.access.site, self._login())
        file, _, number = escaped(offending.partition(" in ")[2]).rpartition(":")
        shown = next((line.strip(".") for line in lines if line.startswith("SHA256:")), "another")
        where = f"{file}, line {number}"
        return trust.changed(escaped(shown), "another one", where, self.access.site)

    def _login(self) -> str:
        file = self._file()
        port = ["-p", str(self.port)] if self.port != known_hosts.SSH_PORT else []
        return shlex.join(["ssh", *file, *port, f"{self.user}@{self.address}"])


class Listening:
    """A script on a server that goes on, and what it prints."""

    def __init__(self, host: Host, process: subprocess.Popen[bytes]) -> None:
        self._host, self._process = host, process

    def __iter__(self) -> Listening:
        return self

    def __next__(self) -> bytes:
        """The next line; waits for it.

        :raises RemoteError: with the reason, when the script or the connection has ended
        """
        assert self._process.stdout
        if line := self._process.stdout.readline():
            return line
        assert self._process.stderr
        said = self._process.stderr.read()
        raise self._host.error(self._process.wait(), said)

    def end(self) -> None:
        """End the connection, and with it the script."""
        self._process.terminate()
        self._process.wait()


class Conversation:
    """A script on a server or router that answers what it is asked, line by line."""

    # How long it may take to end by itself, once nothing more is asked.
    LAST_WORDS = 10

    def __init__(self, host: Host, process: subprocess.Popen[bytes]) -> None:
        self._host, self._process = host, process
        self._said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._said.put(line)
        # Which is no line, and so the end.
        self._said.put(b"")

    def answer(self, seconds: float) -> list[str]:
        """The lines of its next answer; it begins with one that nobody asked for.

        :param seconds: how long to wait for it
        :raises RemoteError: if none comes
        """
        lines: list[str] = []
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._said.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise RemoteError(
                    f"{self._host.name}: did not answer within {seconds:g} s"
                ) from None
            if line == END_OF_ANSWER:
                return lines
            if not line:
                # Whoever asks again gets the same.
                self._said.put(b"")
                raise self._error()
            lines.append(line.decode(errors="surrogateescape").rstrip("\n"))

    def ask(self, question: str, seconds: float) -> list[str]:
        """Give it a line, and return the lines of its answer.

        :param seconds: how long to wait for it
        :raises RemoteError: if none comes
        """
        assert self._process.stdin
        # Where nobody is left to read it, there is an end of what was said as well.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{question}\n".encode())
            self._process.stdin.flush()
        return self.answer(seconds)

    def _error(self) -> RemoteError:
        assert self._process.stderr
        said = self._process.stderr.read()
        return self._host.error(self._process.wait(), said)

    def end(self) -> None:
        """Ask nothing more, and let it tidy up."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(self.LAST_WORDS)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            self._process.wait()
