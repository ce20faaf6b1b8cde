"""What a camera does once it is connected: it logs in, and opens data connections for uploads."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import struct
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field

from hotshoe.probe import tls
from hotshoe.probe.broken import BrokenError, Trouble, telling
from hotshoe.probe.connection import Connection, Reply, dial
from hotshoe.probe.order import Control, Order

_PASV = re.compile(r"(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})(?!\d)")
_EPSV = re.compile(r"\(([!-~])\1\1(\d{1,5})\1\)")
_LAST_PORT = 65535
# A data connection that opens does so within a few round trips, two lost packets included.
DATA_PATIENCE = 5.0
# So many ports that do not work are enough to give up, and so many that are known not to.
_ATTEMPTS, _MOST_DEAD = 4, 40
# The kernel may keep so much back unsent that no stall of a connection would be seen.
_SEND_BUFFER = 128 * 1024
_PIECE = 16 * 1024
# Drop what is not sent yet, and wait for nothing: struct linger, as each system has it.
_RESET = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class NoDataError(BrokenError):
    """No data connection opens, at any port that the server announces."""


class RefusedError(Exception):
    """An FTP server that says no.

    :param command: to what
    :param reply: how
    """

    def __init__(self, command: str, reply: Reply) -> None:
        self.command, self.reply = command, reply
        super().__init__(f"{command} was answered with {reply.text!r}")


def expect(connection: Connection, command: str, *codes: int, named: str = "") -> Reply:
    """Send a command that the server has to take.

    :param codes: of the replies that say so
    :param named: how the command is named where it is told, if it holds what is told to nobody
    :raises RefusedError: if it says no
    :raises BrokenError: if no reply comes
    """
    reply = connection.ask(command)
    if reply.code not in codes:
        raise RefusedError(named or command, reply)
    return reply


def announced_by_pasv(connection: Connection) -> tuple[str, int]:
    """The address and the port that the server announces to PASV.

    :raises RefusedError: if it announces none
    :raises BrokenError: if no reply comes
    """
    reply = expect(connection, "PASV", 227)
    found = _PASV.search(reply.text)
    if found is None:
        raise RefusedError("PASV", reply)
    *address, high, low = found.groups()
    port = int(high) * 256 + int(low)
    if port > _LAST_PORT:
        raise RefusedError("PASV", reply)
    return ".".join(address), port


def announced_by_epsv(connection: Connection) -> int:
    """The port that the server announces to EPSV (RFC 2428).

    :raises RefusedError: if it announces none
    :raises BrokenError: if no reply comes
    """
    reply = expect(connection, "EPSV", 229)
    found = _EPSV.search(reply.text)
    if found is None or int(found[2]) > _LAST_PORT:
        raise RefusedError("EPSV", reply)
    return int(found[2])


@dataclass
class Way:
    """How to get to a server, by one of its control ports.

    :param order: what the probe was told
    :param address: to dial
    :param control: the port
    :param dead: passive ports that are known not to work
    :param opened: passive ports by which a data connection has opened
    :param bytes_per_second: of the large upload, once it is done
    """

    order: Order
    address: str
    control: Control
    dead: set[int] = field(default_factory=set)
    opened: set[int] = field(default_factory=set)
    bytes_per_second: float | None = None

    @property
    def encrypted(self) -> bool:
        """Whether the server speaks TLS there."""
        return self.control.tls != "none"

    def context(self) -> ssl.SSLContext:
        """A client of TLS to which a password may be told."""
        if self.order.unverified:
            return tls.trusting(self.order.versions)
        return tls.verifying(self.order.root, self.order.versions)

    def connect(self) -> Connection:
        """Open a control connection.

        :raises BrokenError: if it does not open
        """
        return Connection(self.address, self.control.port, self.order.patience)

    def connect_until_tls(self) -> Connection:
        """Open a control connection, up to where TLS begins.

        :raises BrokenError: if it does not open
        :raises RefusedError: if the server says no
        """
        connection = self.connect()
        if self.control.tls == "explicit":
            try:
                _banner(connection)
                expect(connection, "AUTH TLS", 234)
            except BaseException:
                connection.close()
                raise
        return connection

    def greet(self) -> Connection:
        """Open a control connection, and begin TLS.

        :raises BrokenError: if it does not open
        :raises RefusedError: if the server says no
        :raises ssl.SSLCertVerificationError: if its certificate does not prove who it is
        """
        connection = self.connect_until_tls()
        try:
            if self.encrypted:
                connection.begin_tls(self.context(), self.order.hostname)
            if self.control.tls != "explicit":
                _banner(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def log_in(self, *, protect: bool = True) -> Connection:
        """Open a control connection, and log in.

        :param protect: whether data connections shall have TLS
        :raises BrokenError: if it does not open, or breaks
        :raises RefusedError: if the server says no
        :raises ssl.SSLCertVerificationError: if its certificate does not prove who it is
        """
        connection = self.greet()
        try:
            log_in(connection, self.order)
            prepare(connection, protect=protect and self.encrypted)
        except BaseException:
            connection.close()
            raise
        return connection

    def data(self, connection: Connection) -> socket.socket:
        """Open a data connection, at the first announced port that works.

        :raises NoDataError: if none opens
        :raises BrokenError: if the control connection breaks
        :raises RefusedError: if the server says no
        """
        failed = passed_over = 0
        while True:
            _, port = announced_by_pasv(connection)
            if port in self.dead and passed_over < _MOST_DEAD:
                passed_over += 1
                continue
            try:
                data = dial(self.address, port, min(self.order.patience, DATA_PATIENCE))
            except BrokenError as error:
                if error.trouble not in (Trouble.SILENT, Trouble.REFUSED, Trouble.UNREACHABLE):
                    raise
                self.dead.add(port)
                failed += 1
                if failed == _ATTEMPTS or passed_over == _MOST_DEAD:
                    raise NoDataError(error.trouble, error.doing, error.more) from error
            else:
                self.opened.add(port)
                return data

    def protect(self, data: socket.socket) -> socket.socket:
        """Begin TLS on a data connection, if the server speaks it.

        :raises BrokenError: if there is no handshake
        """
        if not self.encrypted:
            return data
        doing = "at the TLS handshake of the data connection"
        try:
            with telling(doing):
                data.settimeout(self.order.patience)
                name = self.order.hostname or None
                return self.context().wrap_socket(data, server_hostname=name)
        except ssl.SSLCertVerificationError as error:
            raise BrokenError(Trouble.TLS, doing, error.verify_message) from error


def _banner(connection: Connection) -> None:
    reply = connection.reply("before the banner")
    if reply.code != 220:
        raise RefusedError("the connection", reply)


def log_in(connection: Connection, order: Order) -> Reply:
    """Log in.

    :raises RefusedError: if the server says no
    :raises BrokenError: if the connection breaks
    """
    reply = expect(connection, f"USER {order.user}", 230, 331, named="USER")
    if reply.code == 331:
        reply = expect(connection, f"PASS {order.password or ''}", 230, named="PASS")
    return reply


def prepare(connection: Connection, *, protect: bool) -> None:
    """What a camera says after the log-in.

    :param protect: whether data connections shall have TLS (RFC 4217, section 9)
    :raises RefusedError: if the server says no
    :raises BrokenError: if the connection breaks
    """
    if protect:
        expect(connection, "PBSZ 0", 200)
        expect(connection, "PROT P", 200)
    expect(connection, "TYPE I", 200)


class Upload:
    """A photo on its way.

    :param way: how to get to the server
    :param connection: that is logged in
    :param name: of the file
    :raises BrokenError: if the data connection does not open
    :raises RefusedError: if the server does not take it
    """

    def __init__(self, way: Way, connection: Connection, name: str) -> None:
        self._connection, self._patience = connection, way.order.patience
        self.name, self.size = name, 0
        self._digest = hashlib.sha256()
        self._socket = way.data(connection)
        try:
            with telling("on the data connection"):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            expect(connection, f"STOR {name}", 125, 150, named="STOR")
            self._socket = way.protect(self._socket)
        except BaseException:
            self._socket.close()
            raise
        self.started = time.monotonic()

    @property
    def sha256(self) -> str:
        """Of what was sent."""
        return self._digest.hexdigest()

    def write(self, content: bytes) -> None:
        """Send some of it.

        :raises BrokenError: if the connection breaks, or takes nothing for too long
        """
        with telling("in the middle of the upload"):
            self._socket.settimeout(self._patience)
            for at in range(0, len(content), _PIECE):
                piece = content[at : at + _PIECE]
                self._socket.sendall(piece)
                self._digest.update(piece)
                self.size += len(piece)

    def finish(self) -> Reply:
        """End it as TLS says (close_notify), and wait for the server's word.

        :raises BrokenError: if none comes
        :raises RefusedError: if it is no 226
        """
        try:
            if isinstance(self._socket, ssl.SSLSocket):
                with telling("at the end of the upload"):
                    self._socket.settimeout(2 * self._patience)
                    self._socket = self._socket.unwrap()
        except BrokenError as error:
            # The server's word decides; only if nothing gets through, none will come.
            if error.trouble is Trouble.SILENT:
                raise
        finally:
            self._socket.close()
        reply = self._connection.reply("after the upload", 2 * self._patience)
        if reply.code != 226:
            raise RefusedError("the upload", reply)
        return reply

    def cut(self) -> None:
        """Let go of it, so that the server does so at once (TCP reset)."""
        with suppress(OSError):  # it may be closed
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._socket.close()


def upload(way: Way, connection: Connection, name: str, content: bytes) -> Upload:
    """Upload a photo.

    :returns: the upload, when it is done
    :raises BrokenError: if it breaks
    :raises RefusedError: if the server does not take it
    """
    photo = Upload(way, connection, name)
    try:
        photo.write(content)
    except BaseException:
        photo.cut()
        raise
    photo.finish()
    return photo
