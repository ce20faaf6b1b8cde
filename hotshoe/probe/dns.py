"""As much of DNS as it takes to see what a camera is told, and by whom (RFC 1035).

The system's own resolver may have the name in a file or in a cache, and asks whomever it likes.
"""

from __future__ import annotations

import secrets
import socket
import struct
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

A, NS, CNAME, AAAA = 1, 2, 5, 28
_TYPES_WITH_NAMES = (NS, CNAME)
_IN = 1
_RECURSION, _TRUNCATED = 0x0100, 0x0200
NAME_ERROR = 3
_LONGEST_CHAIN = 8


class NoAnswerError(Exception):
    """A resolver that does not answer, or not in DNS."""


@dataclass(frozen=True)
class Record:
    """A resource record.

    :param kind: its type, such as :data:`A`
    :param ttl: for how many seconds it may be kept
    :param value: an address, a name, or nothing of the other types
    """

    kind: int
    ttl: int
    value: str


@dataclass(frozen=True)
class Answer:
    """What a server says.

    :param code: its RCODE; 3 is that there is no such name
    :param records: of the answer section
    """

    code: int
    records: tuple[Record, ...]

    def values(self, kind: int) -> tuple[str, ...]:
        """What the answer says of one type, without what leads to it."""
        return tuple(record.value for record in self.records if record.kind == kind)

    def ttl(self, kind: int) -> int | None:
        """For how many seconds that may be kept; None if there is nothing."""
        return min((each.ttl for each in self.records if each.kind == kind), default=None)


def _question(number: int, name: str, kind: int, recursion: bool) -> bytes:
    flags = _RECURSION if recursion else 0
    labels = [label.encode("idna") for label in name.rstrip(".").split(".")]
    encoded = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return struct.pack("!6H", number, flags, 1, 0, 0, 0) + encoded + struct.pack("!2H", kind, _IN)


@dataclass
class _Reader:
    """Reads a message from one end to the other."""

    message: bytes
    at: int = 12

    def name(self) -> str:
        labels: list[str] = []
        at, jumped = self.at, False
        for _ in range(128):
            length = self.message[at]
            if length >= 0xC0:  # a pointer to where the rest is
                if not jumped:
                    self.at, jumped = at + 2, True
                at = struct.unpack_from("!H", self.message, at)[0] & 0x3FFF
                continue
            at += 1
            if length == 0:
                break
            labels.append(self.message[at : at + length].decode("ascii", "replace").lower())
            at += length
        else:
            raise NoAnswerError("a name in the answer has no end")
        if not jumped:
            self.at = at
        return ".".join(labels)

    def numbers(self, form: str) -> tuple[int, ...]:
        found: tuple[int, ...] = struct.unpack_from(form, self.message, self.at)
        self.at += struct.calcsize(form)
        return found

    def record(self) -> Record:
        self.name()  # its owner
        kind, _, ttl, length = self.numbers("!2HIH")
        end, value = self.at + length, ""
        if kind in (A, AAAA):
            value = str(ip_address(self.message[self.at : end]))
        elif kind in _TYPES_WITH_NAMES:
            value = self.name()
        self.at = end
        return Record(kind, ttl, value)


def _read(message: bytes) -> Answer:
    try:
        flags, questions, answers = struct.unpack_from("!3H", message, 2)
        reader = _Reader(message)
        for _ in range(questions):
            reader.name()
            reader.numbers("!2H")
        records = tuple(reader.record() for _ in range(answers))
    except (IndexError, struct.error, ValueError) as error:
        raise NoAnswerError("it answers with something that is not DNS") from error
    return Answer(flags & 15, records)


def ask(
    server: str, name: str, kind: int, patience: float, *, recursion: bool = True, port: int = 53
) -> Answer:
    """Ask a server, by UDP, and by TCP if the answer is too long for that.

    :param kind: of which type, such as :data:`A`
    :param recursion: whether it shall ask others
    :raises NoAnswerError: if it does not answer in time, though it was asked twice
    """
    # Whoever does not see the question cannot guess the number and the port (RFC 5452).
    number = secrets.randbelow(65536)
    try:
        question = _question(number, name, kind, recursion)
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((server, port))
            for _ in range(2):
                sock.send(question)
                message = _receive(sock, question[:2], time.monotonic() + patience / 2)
                if message:
                    break
            else:
                raise NoAnswerError("no answer")
        if struct.unpack_from("!H", message, 2)[0] & _TRUNCATED:
            message = _by_tcp(server, port, question, patience)
    # An alias, or a name server, may have a name that nobody can ask for.
    except (OSError, struct.error, UnicodeError) as error:
        raise NoAnswerError(str(error) or "no answer") from error
    return _read(message)


def _receive(sock: socket.socket, number: bytes, end: float) -> bytes:
    """The answer with this number; nothing if none comes."""
    while (left := end - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            message = sock.recv(4096)
        except socket.timeout:
            break
        if message[:2] == number and len(message) >= 12 and message[2] & 0x80:
            return message
    return b""


def _by_tcp(server: str, port: int, question: bytes, patience: float) -> bytes:
    end = time.monotonic() + patience
    with socket.create_connection((server, port), timeout=patience) as sock:
        sock.sendall(struct.pack("!H", len(question)) + question)
        length = struct.unpack("!H", _exactly(sock, 2, end))[0]
        message = _exactly(sock, length, end)
    if message[:2] != question[:2]:
        raise NoAnswerError("it answers another question")
    return message


def _exactly(sock: socket.socket, size: int, end: float) -> bytes:
    """So many bytes, by a moment: somebody may send one after the other, without an end."""
    came = b""
    while len(came) < size:
        left = end - time.monotonic()
        if left <= 0:
            raise NoAnswerError("no answer")
        sock.settimeout(left)
        piece = sock.recv(size - len(came))
        if not piece:
            raise NoAnswerError("it answers with something that is not DNS")
        came += piece
    return came


def name_servers(name: str, resolver: str, patience: float, *, port: int = 53) -> Mapping[str, str]:
    """The name servers of the zone that a name is in: their names, and the address of each.

    :param resolver: whom to ask
    :raises NoAnswerError: if the resolver does not answer
    """
    labels = name.rstrip(".").split(".")
    found: dict[str, str] = {}
    for zone in (".".join(labels[n:]) for n in range(len(labels))):
        servers = ask(resolver, zone, NS, patience, port=port).values(NS)
        for server in servers[:3]:
            for address in ask(resolver, server, A, patience, port=port).values(A)[:1]:
                found[server] = address
        if servers:
            break
    return found


def ask_authority(
    name: str, kind: int, resolver: str, patience: float, *, port: int = 53
) -> tuple[str, Answer] | None:
    """Ask those who have the last word on a name, not whoever remembers what they said.

    :param resolver: whom to ask where they are
    :returns: the server that answered, and what; None if none is found, or none answers
    :raises NoAnswerError: if the resolver does not answer
    """
    for _ in range(_LONGEST_CHAIN):
        for server, address in name_servers(name, resolver, patience, port=port).items():
            try:
                answer = ask(address, name, kind, patience, recursion=False, port=port)
            except NoAnswerError:
                continue
            aliases = answer.values(CNAME)
            if answer.values(kind) or not aliases:
                # Neither has an opinion (REFUSED, SERVFAIL) nor says that there is none.
                if answer.code not in (0, NAME_ERROR):
                    continue
                return server, answer
            name = aliases[-1]
            break
        else:
            return None
    return None


def ask_system(name: str, patience: float) -> Sequence[str] | None:
    """The addresses that this computer's programs get for a name, IPv4 and IPv6.

    :returns: None if it did not get to an answer in time
    """
    found: list[str] = []
    done = threading.Event()

    def ask() -> None:
        try:
            for *_, address in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM):
                found.append(str(address[0]).partition("%")[0])
        except OSError:
            pass
        done.set()

    # It takes as long as it likes, and cannot be ended.
    threading.Thread(target=ask, daemon=True).start()
    return list(dict.fromkeys(found)) if done.wait(patience) else None
