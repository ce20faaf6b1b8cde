"""What a probe met, as a short code that a friend reads out or types.

It is a number, written in letters and digits without look-alikes (as Crockford's base 32 has them),
in groups of five, and ends with a check sum that finds a typo. It holds neither a password nor what
the server said.
"""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from ipaddress import IPv4Address

from hotshoe.probe.addresses import is_address
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.order import Order
from hotshoe.probe.ranges import as_ranges, runs
from hotshoe.probe.result import Result

_VERSION = 1
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOK_ALIKES = str.maketrans("OIL", "011")
_GROUP, _BITS = 5, 5
_CHECK_BITS = 20
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_BEGINNING = datetime(2026, 1, 1, tzinfo=timezone.utc)
# The order of these is part of the code: new ones go to the end.
_LAYERS = (
    *(Layer.NAME, Layer.PORT, Layer.BANNER, Layer.TLS, Layer.CERTIFICATE, Layer.LOGIN),
    *(Layer.PASV, Layer.PASSIVE, Layer.UPLOAD, Layer.LARGE, Layer.SLOW, Layer.SESSIONS),
    *(Layer.SAME_NAME, Layer.REFUSALS, Layer.SPEED, Layer.HAIRPIN),
)
_STATUSES = (Status.FINE, Status.WARNING, Status.FAIL, Status.UNKNOWN)
# From the best to the worst: several results of a layer are told as one.
_WORST = (Status.FINE, Status.UNKNOWN, Status.WARNING, Status.FAIL)
# Which way ports do not work, and how many ranges of each are told.
_KINDS, _MOST_RANGES = ("silent", "refused", "unreachable", "foreign"), 3
_LAST_PORT = 65535
_MOST_PROBLEMS = 15
_MOST_CONTROLS = 4


@dataclass(frozen=True)
class Decoded:
    """What a code says.

    :param run: the order's
    :param made: when the probe ran, to the minute
    :param home: which server it looked at, see :func:`home_of`
    :param inside: whether it ran in the home
    :param results: what it met; of evidence, only what a program needs
    """

    run: str
    made: datetime
    home: int
    inside: bool
    results: tuple[Result, ...]


@dataclass
class _Writer:
    bits: list[int] = field(default_factory=list)

    def number(self, value: int, bits: int) -> None:
        if not 0 <= value < 1 << bits:
            raise ValueError(f"{value} does not fit into {bits} bits")
        self.bits += [value >> place & 1 for place in reversed(range(bits))]

    def any_number(self, value: int) -> None:
        """A number of any size, three bits at a time."""
        while True:
            self.number((value > 7) << 3 | value & 7, 4)
            value >>= 3
            if not value:
                return

    def address(self, address: str | None) -> None:
        self.number(address is not None, 1)
        if address is not None:
            self.number(int(IPv4Address(address)), 32)


@dataclass
class _Reader:
    bits: list[int]
    at: int = 0

    def number(self, bits: int) -> int:
        if self.at + bits > len(self.bits):
            raise ValueError("the code is too short")
        value = 0
        for bit in self.bits[self.at : self.at + bits]:
            value = value << 1 | bit
        self.at += bits
        return value

    def any_number(self) -> int:
        value = shift = 0
        while True:
            piece = self.number(4)
            value |= (piece & 7) << shift
            shift += 3
            if not piece & 8:
                return value

    def address(self) -> str | None:
        return str(IPv4Address(self.number(32))) if self.number(1) else None


def home_of(hostname: str, port: int) -> int:
    """A number that tells one server from others: a part of a digest.

    :param port: its first control port
    """
    digest = hashlib.sha256(f"{hostname.lower().rstrip('.')}:{port}".encode()).digest()
    return int.from_bytes(digest[:2], "big")


def encode(order: Order, results: Sequence[Result], now: float | None = None) -> str:
    """Make a code of what a probe met.

    :param order: what it was told
    :param results: what it told
    :param now: when, in seconds since 1970; None for now
    :raises ValueError: for a run that is not made of small letters and digits
    """
    writer = _Writer()
    writer.number(_VERSION, 4)
    writer.number(len(order.run), 4)
    for character in order.run:
        writer.number(_DIGITS.index(character), 6)
    moment = time.time() if now is None else now
    minutes = int(moment - _BEGINNING.timestamp()) // 60
    # A clock may say anything. With 24 bits, the code tells until 2057.
    writer.number(min(max(minutes, 0), (1 << 24) - 1), 24)
    writer.number(home_of(order.hostname, order.controls[0].port), 16)
    for layer in _LAYERS:
        statuses = [result.status for result in results if result.layer is layer]
        writer.number(bool(statuses), 1)
        if statuses:
            writer.number(_STATUSES.index(max(statuses, key=_WORST.index)), 2)
    name = next((r.data for r in results if r.layer is Layer.NAME), {})
    writer.number(bool(name.get("inside")), 1)
    found = list(dict.fromkeys(_problems(order, results)))[:_MOST_PROBLEMS]
    writer.number(len(found), 4)
    for layer_number, status_number, problem, control in found:
        writer.number(layer_number, 4)
        writer.number(status_number, 2)
        writer.number(problem, 7)
        writer.number(control, 2)
    if found:
        _write_addresses(writer, name, results)
        _write_ports(writer, results)
    return _text(writer.bits)


def _problems(order: Order, results: Iterable[Result]) -> Iterable[tuple[int, int, int, int]]:
    ports = [control.port for control in order.controls]
    for result in results:
        if result.problem and result.layer in _LAYERS:
            port = result.data.get("port")
            control = ports.index(port) if port in ports else 0
            yield (
                _LAYERS.index(result.layer),
                _STATUSES.index(result.status),
                result.problem.value,
                min(control, _MOST_CONTROLS - 1),
            )


def _write_addresses(writer: _Writer, name: dict[str, object], results: Iterable[Result]) -> None:
    dialled, truth = name.get("address"), name.get("truth")
    named = truth[0] if isinstance(truth, (list, tuple)) and truth else None
    announced = next((r.data["announced"] for r in results if "announced" in r.data), None)
    for address in (dialled, named, announced):
        known = isinstance(address, str) and is_address(address)
        writer.address(str(address) if known else None)


def _write_ports(writer: _Writer, results: Iterable[Result]) -> None:
    data = next((r.data for r in results if r.layer is Layer.PASSIVE), {})
    for kind in _KINDS:
        ranges = runs(data.get(kind, ()))
        writer.any_number(len(ranges))
        for first, last in ranges[:_MOST_RANGES]:
            writer.number(first, 16)
            writer.any_number(last - first)


def _text(bits: list[int]) -> str:
    """Bits as text, with a check sum."""
    padded = bits + [0] * (-len(bits) % _BITS)
    digits = [
        _ALPHABET[_Reader(padded[at : at + _BITS]).number(_BITS)]
        for at in range(0, len(padded), _BITS)
    ]
    body = "".join(digits)
    writer = _Writer()
    writer.number(_check_sum(body), _CHECK_BITS)
    for at in range(0, _CHECK_BITS, _BITS):
        body += _ALPHABET[_Reader(writer.bits, at).number(_BITS)]
    return "-".join(body[at : at + _GROUP] for at in range(0, len(body), _GROUP))


def _check_sum(body: str) -> int:
    return zlib.crc32(body.encode()) & ((1 << _CHECK_BITS) - 1)


def decode(text: str) -> Decoded:
    """Read a code.

    :raises ValueError: with what is wrong with it, as a sentence: a typo, a newer version
    """
    letters = [each for each in text.upper().translate(_LOOK_ALIKES) if each.isalnum()]
    unknown = [each for each in letters if each not in _ALPHABET]
    if unknown:
        raise ValueError(f"no code has a {unknown[0]!r}; please look at it again")
    check = _CHECK_BITS // _BITS
    body = "".join(letters[:-check])
    writer = _Writer()
    for letter in letters[-check:]:
        writer.number(_ALPHABET.index(letter), _BITS)
    if len(letters) <= check or _Reader(writer.bits).number(_CHECK_BITS) != _check_sum(body):
        raise ValueError("this code has a typo, or a part of it is missing")
    content = _Writer()
    for letter in body:
        content.number(_ALPHABET.index(letter), _BITS)
    reader = _Reader(content.bits)
    version = reader.number(4)
    if version != _VERSION:
        raise ValueError(
            f"this code is of version {version}, and this hotshoe reads version {_VERSION}; the"
            " checker and hotshoe have to be of the same age"
        )
    return _read(reader)


def _read(reader: _Reader) -> Decoded:
    run = "".join(_digit(reader.number(6)) for _ in range(reader.number(4)))
    made = _BEGINNING + timedelta(minutes=reader.number(24))
    home = reader.number(16)
    statuses = {layer: _STATUSES[reader.number(2)] for layer in _LAYERS if reader.number(1)}
    inside = bool(reader.number(1))
    problems = [
        (
            _LAYERS[reader.number(4)],
            _STATUSES[reader.number(2)],
            _problem(reader.number(7)),
            reader.number(2),
        )
        for _ in range(reader.number(4))
    ]
    dialled = named = announced = None
    ports: dict[str, list[int]] = {}
    if problems:
        dialled, named, announced = (reader.address() for _ in range(3))
        ports = {kind: _read_ports(reader) for kind in _KINDS}
    results = []
    for layer, status in statuses.items():
        of_layer = [each for each in problems if each[0] is layer]
        data: dict[str, object] = {}
        if layer is Layer.NAME:
            data = {"address": dialled, "truth": [named] if named else [], "inside": inside}
        if layer is Layer.PASV and announced:
            data = {"announced": announced, "dialled": dialled}
        if layer is Layer.PASSIVE:
            data = dict(ports)
        for _, worse, problem, control in of_layer:
            evidence = _evidence(problem, named, announced, ports)
            results.append(Result(layer, worse, evidence, problem, data | {"control": control}))
        if not of_layer:
            results.append(Result(layer, status, "as the code tells", None, data))
    return Decoded(run, made, home, inside, tuple(results))


def _problem(number: int) -> Problem:
    try:
        return Problem(number)
    except ValueError:
        raise ValueError(
            "this code tells of a problem that this hotshoe does not know; it has to be as new as"
            " the checker"
        ) from None


def _read_ports(reader: _Reader) -> list[int]:
    ports: list[int] = []
    for _ in range(min(reader.any_number(), _MOST_RANGES)):
        first = reader.number(16)
        last = first + reader.any_number()
        # Whoever writes a code by hand may write any number.
        if last > _LAST_PORT:
            raise ValueError("this is no code of hotshoe")
        ports += range(first, last + 1)
    return ports


def _digit(number: int) -> str:
    if number >= len(_DIGITS):
        raise ValueError("this is no code of hotshoe")
    return _DIGITS[number]


def _evidence(
    problem: Problem, named: str | None, announced: str | None, ports: dict[str, list[int]]
) -> str:
    """What is left of the evidence."""
    words = problem.name.lower().replace("_", " ")
    if problem.name.startswith("NAME") and named:
        return f"{words}: the name leads to {named}"
    if problem.name.startswith("PASV") and announced:
        return f"{words}: it announces {announced}"
    if problem.name.startswith("PASSIVE"):
        parts = [f"{as_ranges(each)} {kind}" for kind, each in ports.items() if each]
        return f"{words}: {'; '.join(parts)}"
    return words
