"""A control connection, each of whose waits has an end."""

from __future__ import annotations

import re
import socket
import ssl
import time
from dataclasses import dataclass, field

from hotshoe.probe.broken import BrokenError, Trouble, telling

# vsftpd's longest reply, of STAT, is far below; a reply without an end is none of FTP.
_LONGEST_REPLY, _ENDLESS = 65536, "it has no end"
_FIRST_LINE = re.compile(r"([1-5][0-9]{2})([ -]|$)")


def dial(address: str, port: int, patience: float) -> socket.socket:
    """Open a TCP connection.

    :raises BrokenError: if it does not open
    """
    with telling(f"at {address}, port {port}"):
        return socket.create_connection((address, port), timeout=patience)


@dataclass(frozen=True)
class Reply:
    """What an FTP server answers.

    :param code: its three digits
    :param text: all of it, its lines joined by `` / ``
    """

    code: int
    text: str


@dataclass
class Connection:
    """A control connection.

    :param address: which was dialled
    :param port: which was dialled
    :param patience: how many seconds to wait for an answer
    :param seconds: what took how long: ``connect``, ``tls``
    :param waits: how long each reply took to come
    """

    address: str
    port: int
    patience: float
    seconds: dict[str, float] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        started = time.monotonic()
        self.socket = dial(self.address, self.port, self.patience)
        self.seconds["connect"] = time.monotonic() - started
        self._read = b""

    @property
    def own(self) -> str:
        """The address from which it was opened."""
        return str(self.socket.getsockname()[0])

    @property
    def tls(self) -> ssl.SSLSocket | None:
        """Its TLS, if that has begun."""
        return self.socket if isinstance(self.socket, ssl.SSLSocket) else None

    def begin_tls(self, context: ssl.SSLContext, hostname: str) -> None:
        """Begin TLS.

        :param hostname: what the certificate has to be for, if the context checks it
        :raises BrokenError: if there is no handshake
        :raises ssl.SSLCertVerificationError: if the certificate does not prove who the server is
        """
        # What came in clear before is nothing that TLS protects (the STARTTLS injection).
        self._read = b""
        started = time.monotonic()
        with telling("at the TLS handshake"):
            self.socket.settimeout(self.patience)
            self.socket = context.wrap_socket(self.socket, server_hostname=hostname or None)
        self.seconds["tls"] = time.monotonic() - started

    def say(self, command: str, doing: str = "") -> None:
        """Send a command, and wait for nothing.

        :raises BrokenError: if the connection is broken
        """
        with telling(doing or f"at {command.split()[0]}"):
            self.socket.settimeout(self.patience)
            self.socket.sendall(command.encode() + b"\r\n")

    def ask(self, command: str) -> Reply:
        """Send a command and wait for the reply.

        :raises BrokenError: if none comes
        """
        doing = f"after {' '.join(command.split()[: 2 if command.startswith('AUTH') else 1])}"
        self.say(command, doing)
        started = time.monotonic()
        reply = self.reply(doing)
        self.waits.append(time.monotonic() - started)
        return reply

    def reply(self, doing: str, patience: float | None = None) -> Reply:
        """Wait for a reply (RFC 959, section 4.2).

        :param doing: when it is due, such as ``after STOR``
        :param patience: how many seconds to wait, if not as for others
        :raises BrokenError: if none comes
        """
        end = time.monotonic() + (self.patience if patience is None else patience)
        first = self._line(doing, end)
        begins = _FIRST_LINE.match(first)
        if begins is None:
            raise BrokenError(Trouble.GARBLED, doing, repr(first[:60]))
        lines, size = [first], len(first)
        while begins[2] == "-" and not lines[-1].startswith(f"{begins[1]} "):
            lines.append(self._line(doing, end))
            size += len(lines[-1]) + 1
            if size > _LONGEST_REPLY:
                raise BrokenError(Trouble.GARBLED, doing, _ENDLESS)
        return Reply(int(begins[1]), " / ".join(lines))

    def _line(self, doing: str, end: float) -> str:
        while b"\n" not in self._read:
            left = end - time.monotonic()
            if left <= 0:
                raise BrokenError(Trouble.SILENT, doing)
            if len(self._read) > _LONGEST_REPLY:
                raise BrokenError(Trouble.GARBLED, doing, _ENDLESS)
            with telling(doing):
                self.socket.settimeout(left)
                came = self.socket.recv(4096)
            if not came:
                raise BrokenError(Trouble.ENDED, doing)
            self._read += came
        line, self._read = self._read.split(b"\n", 1)
        return line.decode("ascii", "replace").rstrip()

    def close(self) -> None:
        """End it, without a word."""
        self.socket.close()

    def quit(self) -> None:
        """Say goodbye, and end it."""
        try:
            self.ask("QUIT")
        except BrokenError:
            pass
        finally:
            self.close()
