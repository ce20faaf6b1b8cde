"""An FTP server on loopback, as much of vsftpd as the probe meets, with faults to switch on."""

from __future__ import annotations

import random
import socket
import ssl
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace

from hotshoe.probe.order import Control, Order
from hotshoe.probe.result import Result
from hotshoe.probe.run import run

USER, PASSWORD = "r5", "correct horse"
HOSTNAME = "photos.example.net"
_RESET = struct.pack("ii", 1, 0)


def results(order: Order) -> list[Result]:
    """What a look tells."""
    found: list[Result] = []
    run(order, found.append)
    return found


@dataclass
class Faults:
    """What is wrong with it; by default nothing."""

    banner: str | None = "220 Ready"  # None: it opens, and says nothing
    at_once: str = ""  # what becomes of a connection at once: "reset", "close"
    feat: tuple[str, ...] = ("AUTH TLS", "EPSV", "PASV", "PBSZ", "PROT")
    auth: str = "234 Proceed with negotiation."
    hello: str = ""  # what becomes of it when TLS should begin: "reset", "clear"
    login: str = "230 Login successful."  # empty: it closes instead
    announced: str = "127.0.0.1"
    pasv: str = ""  # an answer to PASV instead of a port
    port_beyond: int = 0  # what is announced in place of the real port, by this much
    refused: frozenset[int] = frozenset()  # of the passive ports, by place in the range
    silent: frozenset[int] = frozenset()
    foreign: frozenset[int] = frozenset()
    stor: str = ""  # an answer to STOR instead of 150
    data_tls: bool = True
    breaks_after: int = 0  # closes the data connection after so many bytes
    stalls_after: int = 0  # reads no more after so many bytes
    forgets_after: float = 0.0  # says no more after a transfer that took so many seconds
    finish: str = "226 Transfer complete."
    sessions: int = 100
    takes_name_again: bool = True
    plain: bool = False
    anonymous: bool = False
    clear_data: bool = False
    active: bool = False
    download: bool = False
    delete: bool = False


@dataclass
class Server:
    """Serves until it is left."""

    tls: ssl.SSLContext | None
    faults: Faults = field(default_factory=Faults)
    implicit: bool = False
    ports: int = 8
    address: str = "127.0.0.1"
    in_use: frozenset[int] = frozenset()  # places that another session has: open, or silent
    stored: dict[str, bytes] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)

    def __enter__(self) -> Server:
        self._lock = threading.Lock()
        self._busy: set[int] = set()
        self._kept: list[socket.socket] = []
        self.count = 0
        self._socket = socket.create_server((self.address, 0))
        self.port = self._socket.getsockname()[1]
        self.first, reserved = _reserved_range(self.ports)
        self._kept += reserved
        for place in self.faults.silent:
            self._fill(self.first + place)
        for place in (self.faults.foreign | self.in_use) - self.faults.silent:
            self._kept.append(socket.create_server((self.address, self.first + place)))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # A blocked accept() would keep the port open.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        for each in (self._socket, *self._kept):
            each.close()

    def _fill(self, port: int) -> None:
        """Nothing answers at a port whose queue is full."""
        listening = socket.create_server((self.address, port), backlog=0)
        self._kept.append(listening)
        for _ in range(2):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex((self.address, port))
            self._kept.append(one)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self.count += 1
        try:
            _Session(self, connection).run()
        except (OSError, EOFError):
            pass
        finally:
            with self._lock:
                self.count -= 1

    def listen(self) -> tuple[int, socket.socket]:
        """Listen at a random passive port."""
        while True:
            place = random.choice(sorted(set(range(self.ports)) - self.in_use))
            port = self.first + place
            # Behind a router that sends it elsewhere, the server can listen nevertheless. Where it
            # is refused, not even for a moment: another session may be told of it just then.
            lost = place in self.faults.silent | self.faults.foreign | self.faults.refused
            with suppress(OSError):
                return port, socket.create_server((self.address, 0 if lost else port))

    def order(self, root: str | None, **changes: object) -> Order:
        """An order to look at this server."""
        tls = "none" if self.tls is None else "implicit" if self.implicit else "explicit"
        order = Order(
            run="abc123",
            hostname=HOSTNAME,
            public=("127.0.0.1",),
            address6=None,
            inside=("192.0.2.0/24",),
            server=self.address,
            controls=(Control(self.port, tls),),
            passive=(self.first, self.first + self.ports - 1),
            versions=("1.2", "1.3"),
            root=root,
            user=USER,
            password=PASSWORD,
            sessions=4,
            quick=False,
            slow_seconds=0.3,
            patience=1.0,
            resolvers=(),
        )
        return replace(order, **changes)


def _reserved_range(length: int) -> tuple[int, list[socket.socket]]:
    """The first of some neighbouring ports at which nobody listens, and what keeps them for us.

    That is a UDP socket at each: tests that run beside this one would get the same ports.
    """
    while True:
        first, reserved = random.randrange(20000, 32000), list[socket.socket]()
        try:
            for port in range(first, first + length):
                reserved.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                reserved[-1].bind(("127.0.0.1", port))
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            for each in reserved:
                each.close()
        else:
            return first, reserved


class _Session:
    def __init__(self, server: Server, connection: socket.socket) -> None:
        self.server, self.faults, self.socket = server, server.faults, connection
        self.buffer = b""
        self.listening: socket.socket | None = None
        self.active: tuple[str, int] | None = None
        self.user, self.logged_in, self.protected = "", False, False

    @property
    def encrypted(self) -> bool:
        return isinstance(self.socket, ssl.SSLSocket)

    def say(self, text: str) -> None:
        self.socket.sendall(text.encode() + b"\r\n")

    def line(self) -> str:
        while b"\n" not in self.buffer:
            came = self.socket.recv(4096)
            if not came:
                raise EOFError
            self.buffer += came
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode().rstrip()

    def drop(self, how: str) -> None:
        if how == "reset":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.socket.close()
        raise EOFError

    def begin_tls(self) -> None:
        assert self.server.tls is not None
        if self.faults.hello == "clear":
            self.say("220 I speak no TLS")
            self.drop("close")
        if self.faults.hello:
            self.socket.recv(1)
            self.drop(self.faults.hello)
        self.socket = self.server.tls.wrap_socket(self.socket, server_side=True)

    def run(self) -> None:
        try:
            if self.faults.at_once:
                self.drop(self.faults.at_once)
            if self.server.implicit:
                self.begin_tls()
            if self.server.count > self.faults.sessions:
                self.say("421 There are too many connected users, please try later.")
                self.drop("close")
            if self.faults.banner is None:
                time.sleep(30)
            self.say(self.faults.banner or "")
            while True:
                command, _, argument = self.line().partition(" ")
                self.server.commands.append(command)
                getattr(self, f"do_{command.lower()}", self.unknown)(argument)
        finally:
            if self.listening:
                self.listening.close()
            self.socket.close()

    def unknown(self, _: str) -> None:
        self.say("550 Permission denied." if self.logged_in else "530 Please login.")

    def do_quit(self, _: str) -> None:
        self.say("221 Goodbye.")
        raise EOFError

    def do_feat(self, _: str) -> None:
        self.say("\r\n".join(["211-Features:", *(f" {f}" for f in self.faults.feat), "211 End"]))

    def do_auth(self, _: str) -> None:
        self.say(self.faults.auth)
        if self.faults.auth.startswith("234"):
            self.begin_tls()

    def do_noop(self, _: str) -> None:
        self.say("200 NOOP ok.")

    do_pbsz = do_type = do_noop

    def do_user(self, name: str) -> None:
        self.user = name
        anonymous = name in ("anonymous", "ftp")
        if self.server.tls and not self.encrypted and not self.faults.plain:
            self.say("530 Non-anonymous sessions must use encryption.")
        elif anonymous and not self.faults.anonymous:
            self.say("530 Permission denied.")
        else:
            self.say("331 Please specify the password.")

    def do_pass(self, password: str) -> None:
        if not self.faults.login:
            self.drop("close")
        good = password == PASSWORD or (self.user == "anonymous" and self.faults.anonymous)
        self.logged_in = good and self.faults.login.startswith("230")
        self.say(self.faults.login if good else "530 Login incorrect.")

    def do_prot(self, level: str) -> None:
        self.protected = level == "P"
        self.say("200 PROT now.")

    def _listen(self) -> int:
        if self.listening:
            self.listening.close()
        port, self.listening = self.server.listen()
        return port + self.faults.port_beyond

    def do_pasv(self, _: str) -> None:
        if self.faults.pasv:
            self.say(self.faults.pasv)
            return
        port = self._listen()
        address = self.faults.announced.replace(".", ",")
        self.say(f"227 Entering Passive Mode ({address},{port // 256},{port % 256}).")

    def do_epsv(self, _: str) -> None:
        self.say(f"229 Entering Extended Passive Mode (|||{self._listen()}|)")

    def do_port(self, _: str) -> None:
        self.say("200 PORT command successful." if self.faults.active else "550 Permission denied.")

    do_eprt = do_port

    def do_dele(self, name: str) -> None:
        if self.faults.delete:
            self.server.stored.pop(name, None)
        self.say("250 Deleted." if self.faults.delete else "550 Permission denied.")

    def _data(self) -> socket.socket:
        assert self.listening is not None
        self.listening.settimeout(5)
        data, _ = self.listening.accept()
        self.listening.close()
        self.listening = None
        return data

    def _protect(self, data: socket.socket) -> socket.socket:
        if not self.protected or self.server.tls is None:
            return data
        if not self.faults.data_tls:
            data.recv(1)
            data.sendall(b"425 no TLS here")
            data.close()
            raise EOFError
        return self.server.tls.wrap_socket(data, server_side=True)

    def do_nlst(self, _: str) -> None:
        data = self._data()
        self.say("150 Here comes the directory listing.")
        data = self._protect(data)
        _end(data)
        self.say("226 Directory send OK.")

    def do_retr(self, name: str) -> None:
        if not self.faults.download:
            self.say("550 Permission denied.")
            return
        if self.listening is None:
            self.say("425 Use PORT or PASV first.")
            return
        self.say("150 Opening data connection.")
        data = self._data()
        data.close()
        self.say("226 Transfer complete.")

    def do_stor(self, name: str) -> None:
        if self.faults.stor:
            self.say(self.faults.stor)
            return
        if self.server.tls and not self.protected and not self.faults.clear_data:
            self.say("522 Data connections must be encrypted.")
            return
        if name in self.server.stored and not self.faults.takes_name_again:
            self.say("553 Could not create file.")
            return
        self.server.stored[name] = b""
        started = time.monotonic()
        data = self._data()
        self.say("150 Ok to send data.")
        data = self._protect(data)
        content = b""
        with suppress(OSError):
            while came := data.recv(65536):
                content += came
                if self.faults.breaks_after and len(content) > self.faults.breaks_after:
                    data.close()
                    self.say("426 Failure reading network stream.")
                    return
                if self.faults.stalls_after and len(content) > self.faults.stalls_after:
                    time.sleep(10)
        _end(data)
        self.server.stored[name] = content
        forgets = self.faults.forgets_after
        if forgets and time.monotonic() - started > forgets:
            time.sleep(30)
        self.say(self.faults.finish)


def _end(data: socket.socket) -> None:
    with suppress(OSError):
        if isinstance(data, ssl.SSLSocket):
            data = data.unwrap()
    data.close()
