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
from hotshoe.plan.model import RouterPlan, ServerPlan

# For how long a command may run that ends by itself.
SECONDS = 120
# ssh's own status for whatever kept it from running the command (ssh(1), EXIT STATUS).
_NOT_RUN = 255
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
NO_SSH = "ssh: there is no such program\n    -> apt-get install openssh-client"


# With this line an answer ends (see Conversation).
END_OF_ANSWER = b".\n"


class RemoteError(HotshoeError):
    """A server or router that cannot be asked."""


@dataclass(frozen=True)
class Host:
    """A server or router, and how to log in to it.

    :param name: what it is called in messages
    :param address: where it is reached
    :param user: who logs in; anybody but root has to be allowed sudo without a password
    :param port: where SSH answers
    :param config: an ssh_config(5) file to use instead of the person's; None for that
    """

    name: str
    address: str
    user: str
    port: int
    config: Path | None = None

    @classmethod
    def of(cls, device: ServerPlan | RouterPlan, config: Path | None = None) -> Host:
        """A server or router of a Plan, at the address by which it is deployed to."""
        address = device.lan.ip if isinstance(device, RouterPlan) else device.address
        return cls(device.name, str(address), device.ssh_user, device.ssh_port, config)

    def command(self, script: str, *arguments: str) -> list[str]:
        """The command line that runs a shell script there, as root."""
        words = ["sh", "-c", script, "sh", *arguments]
        if self.user != "root":
            words = ["sudo", "-n", "--", *words]
        file = ["-F", str(self.config)] if self.config else []
        options = [word for key, value in OPTIONS.items() for word in ("-o", f"{key}={value}")]
        login = ["-p", str(self.port), "-l", self.user, "--", self.address]
        return ["ssh", *file, *options, *login, shlex.join(words)]

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

    def _login(self) -> str:
        file = ["-F", str(self.config)] if self.config else []
        port = ["-p", str(self.port)] if self.port != 22 else []
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
