"""A name server on loopback: answers by UDP and TCP what it is told to."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address

from hotshoe.probe.dns import AAAA, CNAME, NS, A

Records = dict[tuple[str, int], list[str]]


def _name(name: str) -> bytes:
    labels = [label.encode() for label in name.split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


@dataclass
class NameServer:
    """Serves until it is left.

    :param records: (name, type) -> values
    :param port: shared by all, each at an address of its own
    :param silent: answers nothing
    :param truncated: says by UDP that the answer is too long for it
    :param code: of every answer
    :param garbage: answers this instead
    :param dripping: sends byte by byte by TCP, this many seconds apart
    """

    records: Records
    address: str = "127.0.0.1"
    port: int = 0
    silent: bool = False
    truncated: bool = False
    code: int | None = None
    garbage: bytes = b""
    dripping: float = 0
    asked: list[tuple[str, int, bool]] = field(default_factory=list)

    def __enter__(self) -> NameServer:
        self._udp, self._tcp = self._bound()
        self.port = self._udp.getsockname()[1]
        for serve in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=serve, daemon=True).start()
        return self

    def _bound(self) -> tuple[socket.socket, socket.socket]:
        """UDP and TCP at one port; a port that is free for the one may be taken for the other."""
        while True:
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                udp.bind((self.address, self.port))
                return udp, socket.create_server(udp.getsockname())
            except OSError:
                udp.close()
                if self.port:
                    raise

    def __exit__(self, *_: object) -> None:
        for each in (self._udp, self._tcp):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _serve_udp(self) -> None:
        with suppress(OSError):
            while True:
                question, client = self._udp.recvfrom(4096)
                if not question:
                    return
                if not self.silent:
                    answer = self.answer(question, self.truncated)
                    # What somebody forges has another number.
                    forged = bytes([answer[0] ^ 1]) + answer[1:-1] + b"\x07"
                    self._udp.sendto(forged, client)
                    self._udp.sendto(answer, client)

    def _serve_tcp(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._tcp.accept()
                with client, client.makefile("rb") as stream:
                    question = stream.read(struct.unpack("!H", stream.read(2))[0])
                    answer = self.answer(question)
                    said = struct.pack("!H", len(answer)) + answer
                    for byte in said if self.dripping else ():
                        client.sendall(bytes([byte]))
                        time.sleep(self.dripping)
                    client.sendall(said)

    def answer(self, question: bytes, truncated: bool = False) -> bytes:
        number, flags = struct.unpack_from("!2H", question)
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1 : at + 1 + question[at]].decode())
            at += 1 + question[at]
        name, kind = ".".join(labels), struct.unpack_from("!H", question, at + 1)[0]
        self.asked.append((name, kind, bool(flags & 0x100)))
        if self.garbage:
            return question[:2] + self.garbage
        found: list[tuple[str, int, str]] = []
        alias = name
        while values := self.records.get((alias, CNAME)):
            found.append((alias, CNAME, values[0]))
            alias = values[0]
        found += [(alias, kind, value) for value in self.records.get((alias, kind), [])]
        known = any(each == alias for each, _ in self.records)
        code = self.code if self.code is not None else 0 if known or found else 3
        header = struct.pack(
            "!6H", number, 0x8180 | (0x200 if truncated else 0) | code,
            1, 0 if truncated else len(found), 0, 0,
        )  # fmt: skip
        body = question[12 : at + 5]
        for owner, its, value in found if not truncated else ():
            data = ip_address(value).packed if its in (A, AAAA) else _name(value)
            # A name that stands in the question is told by a pointer (RFC 1035, 4.1.4).
            encoded = b"\xc0\x0c" if owner == name else _name(owner)
            body += encoded + struct.pack("!2HIH", its, 1, 300, len(data)) + data
        return header + body


def zone(name: str, address: str | None, server: str, where: str) -> Records:
    """What a resolver has of a name and of its zone, which one name server serves."""
    parent = name.split(".", 1)[1]
    records: Records = {(parent, NS): [server], (server, A): [where]}
    if address:
        records[name, A] = [address]
    return records
