"""As much of X.509 as it takes to say whose certificate a server has, and for when (RFC 5280).

Python's ssl module tells nothing of a certificate that it does not trust.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import NamedTuple

_COMMON_NAME = bytes.fromhex("550403")
_ORGANISATION = bytes.fromhex("55040a")
_ALTERNATIVE_NAMES = bytes.fromhex("551d11")
_SEQUENCE, _SET, _OID, _OCTETS = 0x30, 0x31, 0x06, 0x04
_VERSION, _EXTENSIONS, _DNS_NAME = 0xA0, 0xA3, 0x82
_UTC_TIME, _BMP_STRING = 0x17, 0x1E


@dataclass(frozen=True)
class Certificate:
    """What a certificate says.

    :param common_name: of its subject; empty if it has none
    :param names: the DNS names among its alternative names
    :param issuer: the common name of who issued it, or the organisation
    :param self_signed: whether it names itself as its issuer
    :param begins: since when it is valid
    :param ends: until when
    """

    common_name: str
    names: tuple[str, ...]
    issuer: str
    self_signed: bool
    begins: datetime
    ends: datetime


class _Value(NamedTuple):
    tag: int
    content: bytes
    whole: bytes


def _values(content: bytes) -> Iterator[_Value]:
    at = 0
    while at < len(content):
        start, tag, length = at, content[at], content[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(content[at : at + count], "big")
            at += count
        yield _Value(tag, content[at : at + length], content[start : at + length])
        at += length


def _text(value: _Value) -> str:
    return value.content.decode("utf-16-be" if value.tag == _BMP_STRING else "utf-8", "replace")


def _named(name: bytes, kind: bytes) -> str:
    for relative in _values(name):
        for pair in _values(relative.content):
            oid, value = tuple(_values(pair.content))[:2]
            if oid.content == kind:
                return _text(value)
    return ""


def _time(value: _Value) -> datetime:
    text = value.content.decode("ascii")
    if value.tag == _UTC_TIME:
        text = ("20" if text[:2] < "50" else "19") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)


def _dns_names(extensions: bytes) -> Iterator[str]:
    for extension in _values(next(_values(extensions)).content):
        parts = list(_values(extension.content))
        if parts[0].content == _ALTERNATIVE_NAMES:
            names = next(_values(parts[-1].content))
            yield from (_text(name) for name in _values(names.content) if name.tag == _DNS_NAME)


def read(der: bytes) -> Certificate:
    """Read a certificate.

    :raises ValueError: if it is none
    """
    try:
        signed = next(_values(next(_values(der)).content))
        parts = list(_values(signed.content))
        if parts[0].tag == _VERSION:
            del parts[0]
        _, _, issuer, validity, subject = parts[:5]
        begins, ends = map(_time, _values(validity.content))
        names = [
            name
            for part in parts[6:]
            if part.tag == _EXTENSIONS
            for name in _dns_names(part.content)
        ]
    except (IndexError, StopIteration, ValueError) as error:
        raise ValueError("this is no certificate") from error
    return Certificate(
        _named(subject.content, _COMMON_NAME),
        tuple(names),
        _named(issuer.content, _COMMON_NAME) or _named(issuer.content, _ORGANISATION),
        issuer.content == subject.content,
        begins,
        ends,
    )
