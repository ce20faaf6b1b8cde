"""The kinds of values that a Site is made of: how each is written, and what is refused of it.

What a field means is where it stands, in :mod:`hotshoe.site.model` and :mod:`hotshoe.site.library`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
)
from typing import Annotated, Any
from urllib.parse import urlsplit

from netaddr import EUI, mac_unix_expanded, valid_mac
from pydantic import (
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    PlainSerializer,
)

from hotshoe.errors import shown
from hotshoe.ports.ranges import HIGHEST_PORT, PortRange, Service

# The longest commonName a certificate may carry (RFC 5280, ub-common-name).
LONGEST_HOSTNAME = 64
# vsftpd reads a rate with atoi(3) and keeps it in 32 bits.
HIGHEST_RATE = 2**31 - 1
# What the folders of the library may be made of, and how long each may become.
LIBRARY_FIELDS = {"camera": 31, "year": 4, "month": 2, "day": 2, "date": 10}
# The longest name that a folder may have (limits.h, NAME_MAX).
LONGEST_NAME = 255
# Two PB, more than a home has.
MOST_BYTES = 2 * 10**15
# How a person writes a public address that the provider changes.
DYNAMIC = "dynamic"
# The kinds of SSH host keys that a peer may be known by.
HOST_KEYS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa")
_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"


def _hostname(value: Any) -> str:
    text = str(value).strip().rstrip(".").lower()
    top = text.rpartition(".")[2]
    if not re.fullmatch(rf"(?:{_LABEL}\.)+{_LABEL}", text) or top.isdecimal():
        raise ValueError(f"{shown(value)} is not a host name with a domain (RFC 1123)")
    if len(text) > LONGEST_HOSTNAME:
        raise ValueError(
            f"is {len(text)} characters long; a certificate's common name holds {LONGEST_HOSTNAME}"
        )
    return text


def _of_form(form: str, what: str) -> Callable[[Any], str]:
    """What reads text of a form.

    :param form: a regular expression
    :param what: what the message calls such a text
    """

    def read(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(form, value):
            raise ValueError(f"{shown(value)} is not {what}")
        return value

    return read


_name = _of_form(
    r"[a-z][a-z0-9-]{0,30}",
    "a name of lower-case letters, digits and '-', beginning with a letter, at most 31 characters",
)
_ssh_user = _of_form(r"[a-z_][a-z0-9_-]{0,31}", "the name of a user on a Linux system")
_text = _of_form(r"[!-~]{1,100}", "a text of ASCII letters, digits and symbols")
_path = _of_form(
    r"[A-Za-z0-9_./@+-]{1,200}", "a path of letters, digits, '.', '_', '-', '@', '+' and '/'"
)
# What the kernel takes (dev_valid_name), without what a shell or nftables would have to quote.
_device = _of_form(r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,14}", "the name of a network interface")
# What Windows and Samba take, without what a shell or a configuration would have to quote.
_share_name = _of_form(r"[A-Za-z0-9_][A-Za-z0-9_. $-]{0,79}", "the name of a share")
# "Bucket naming rules" of S3's documentation, as far as all who speak its protocol share them.
_bucket = _of_form(
    r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "the name of a bucket: 3 to 63 lower-case letters, digits, '.' and '-'",
)
_region = _of_form(r"[a-z0-9][a-z0-9-]{0,39}", "a region of lower-case letters, digits and '-'")


def _email(value: Any) -> str:
    text = _text(value)
    # Authorities refuse others, but at the end of a deploy.
    if not re.fullmatch(r"[^@]+@[^@.]+(\.[^@.]+)+", text):
        raise ValueError(f"{shown(value)} is not an e-mail address")
    return text


def _key_name(value: Any) -> str:
    # The name of a TSIG key is a domain name, often of one label.
    name = str(value).lower().removesuffix(".") if isinstance(value, str) else ""
    if len(name) > 200 or not re.fullmatch(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", name):
        raise ValueError(
            f"{shown(value)} is not the name of a TSIG key: letters, digits, '-' and '_', and dots "
            "in between"
        )
    return name


def _interface(value: Any) -> str:
    name = _device(value)
    if name in (".", "..", "lo"):
        raise ValueError(f"{shown(name)} is no interface that a cable or a Wi-Fi can be on")
    return name


def _url(value: Any) -> str:
    text = value if isinstance(value, str) else ""
    if "@" in text:
        # Not shown: a password may be in it.
        raise ValueError(
            "has an '@', before which a username or a password would stand; they do not belong "
            "here" + ("" if "@" in _authority(text) else ", and in a path it is written %40")
        )
    if not re.fullmatch(r"https://[A-Za-z0-9.:/_~%-]{1,200}", text) or not _has_host(text):
        raise ValueError(f"{shown(value)} is not a URL that begins with https://")
    return text


def _authority(url: str) -> str:
    """What stands for the host, up to the path (RFC 3986, section 3.2)."""
    return url.partition("://")[2].partition("/")[0]


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a port that is none
        return False


def _host(value: Any) -> Any:
    if isinstance(value, str) and re.search("[a-z]", value.lower().partition("/")[0]):
        return _hostname(value)
    try:
        return IPv4Address(_no_number(value))
    except ValueError:
        raise ValueError(
            f"{shown(value)} is neither an IPv4 address nor a host name with a domain"
        ) from None


def _host_key(value: Any) -> str:
    """A public key as ``ssh-keyscan`` and ``/etc/ssh/ssh_host_*.pub`` have it, without its comment.

    What a key is made of is in RFC 4253, section 6.6.
    """
    words = value.split() if isinstance(value, str) else []
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (IndexError, ValueError):
        blob = b""
    kind = words[0].encode() if words else b""
    if (
        words[:1] == []
        or words[0] not in HOST_KEYS
        or not blob.startswith(len(kind).to_bytes(4, "big") + kind)
        or len(blob) < len(kind) + 36
    ):
        raise ValueError(
            f"{shown(value)} is not an SSH host key of one of the kinds {', '.join(HOST_KEYS)}, as "
            "/etc/ssh/ssh_host_ed25519_key.pub has it there"
        )
    return " ".join(words[:2])


def _library_tree(value: Any) -> str:
    folder = r"(?!\.{1,2}/)[A-Za-z0-9_.{}-]+/"
    if not isinstance(value, str) or not re.fullmatch(rf"(?:{folder}){{0,6}}\{{name\}}", value):
        raise ValueError(
            f"{shown(value)} is not a path that ends in {{name}}, of at most six folders of "
            "letters, digits, '.', '_' and '-'"
        )
    for part in value.split("/")[:-1]:
        literal, fields = re.sub(r"\{[^{}]*\}", "", part), re.findall(r"\{([^{}]*)\}", part)
        if re.search("[{}]", literal) or not LIBRARY_FIELDS.keys() >= set(fields):
            raise ValueError(
                f"{shown(value)} has something in braces in {part} that is none of "
                f"{', '.join(f'{{{name}}}' for name in LIBRARY_FIELDS)}"
            )
        if len(literal) + sum(LIBRARY_FIELDS[name] for name in fields) > LONGEST_NAME:
            raise ValueError(f"{shown(part)} may become longer than a folder's name may be")
    return value


def _parsed(kind: type[PortRange] | type[Service]) -> Any:
    def parse(value: Any) -> Any:
        return value if isinstance(value, kind) else kind.parse(value)

    return BeforeValidator(parse)


def _mac(value: Any) -> str:
    if not isinstance(value, str) or not valid_mac(value):
        raise ValueError(
            f"{shown(value)} is not a hardware address of six bytes, such as b8:27:eb:12:34:56"
        )
    mac = EUI(value, dialect=mac_unix_expanded)
    if mac.words[0] & 1:
        raise ValueError(f"{shown(value)} is a multicast address, which no device has")
    return str(mac)


def _no_number(value: Any) -> Any:
    # ipaddress would take a number for an address in binary: 24 for 0.0.0.24.
    if isinstance(value, int | bytes):
        raise ValueError(f"{shown(value)} is not an address")
    return value


def _public_address(value: Any) -> Any:
    if isinstance(value, str) and value.strip().lower() == DYNAMIC:
        return None
    if value is None:
        raise ValueError(f"is empty; an address that changes is written {DYNAMIC}")
    return _no_number(value)


def _no_zone(value: Any) -> Any:
    # ipaddress would keep it, and every text that an address is written into would have it too.
    if isinstance(value, str) and "%" in value:
        raise ValueError(f"{shown(value)} names an interface after its '%'")
    return _no_number(value)


def _lan(value: Any) -> Any:
    if isinstance(value, str) and "/" not in value:
        raise ValueError(f"{shown(value)} has no prefix length")
    return _no_zone(value)


def _no_boolean(value: Any) -> Any:
    # Python would take true for 1.
    if isinstance(value, bool):
        raise ValueError(f"{shown(value)} is not a number")
    return value


def _amount(value: Any) -> Any:
    # ByteSize would take 10% for 10, and overlook whatever else stands behind the unit.
    if isinstance(value, str) and not re.fullmatch(r"\s*\d*\.?\d+\s*[A-Za-z]*\s*", value):
        raise ValueError(f"{shown(value)} is not a number of bytes")
    return _no_boolean(value)


Address = Annotated[IPv4Address, BeforeValidator(_no_number)]
Address6 = Annotated[IPv6Address, BeforeValidator(_no_zone)]
PublicAddress = Annotated[
    IPv4Address | None,
    BeforeValidator(_public_address),
    PlainSerializer(lambda address: address or DYNAMIC),
]
Network = Annotated[IPv4Network, BeforeValidator(_no_number)]
Port = Annotated[int, Field(ge=1, le=HIGHEST_PORT), BeforeValidator(_no_boolean)]
# certbot waits that long, and is ended after 15 minutes.
Seconds = Annotated[int, Field(ge=0, le=600), BeforeValidator(_no_boolean)]
Ttl = Annotated[int, Field(ge=30, le=86400), BeforeValidator(_no_boolean)]
Rate = Annotated[ByteSize, Field(ge=1000, le=HIGHEST_RATE), BeforeValidator(_amount)]
Bytes = Annotated[ByteSize, Field(ge=1_000_000, le=MOST_BYTES), BeforeValidator(_amount)]
Days = Annotated[int, Field(ge=1, le=3650), BeforeValidator(_no_boolean)]
# A program that is told of photos may wait for an external server.
Timeout = Annotated[int, Field(ge=1, le=600), BeforeValidator(_no_boolean)]
Host = Annotated[IPv4Address | str, BeforeValidator(_host)]
HostKey = Annotated[str, BeforeValidator(_host_key)]
ShareName = Annotated[str, BeforeValidator(_share_name)]
Bucket = Annotated[str, BeforeValidator(_bucket)]
Region = Annotated[str, BeforeValidator(_region)]
Mac = Annotated[str, BeforeValidator(_mac)]
Hostname = Annotated[str, BeforeValidator(_hostname)]
LibraryTree = Annotated[str, BeforeValidator(_library_tree)]
KeyName = Annotated[str, BeforeValidator(_key_name)]
Interface = Annotated[str, BeforeValidator(_interface)]
Url = Annotated[str, BeforeValidator(_url)]
LocalPath = Annotated[str, BeforeValidator(_path)]
Name = Annotated[str, BeforeValidator(_name)]
SshUser = Annotated[str, BeforeValidator(_ssh_user)]
Text = Annotated[str, BeforeValidator(_text)]
Email = Annotated[str, BeforeValidator(_email)]
Ports = Annotated[PortRange, _parsed(PortRange), PlainSerializer(str)]
Services = tuple[Annotated[Service, _parsed(Service), PlainSerializer(str)], ...]
Lan = Annotated[IPv4Interface, BeforeValidator(_lan)]
Lan6 = Annotated[IPv6Interface, BeforeValidator(_lan)]
Bits = Annotated[int, Field(ge=0, le=16), BeforeValidator(_no_boolean)]
Psid = Annotated[int, Field(ge=0, le=HIGHEST_PORT), BeforeValidator(_no_boolean)]


class Part(BaseModel):
    """What all parts of a Site have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
