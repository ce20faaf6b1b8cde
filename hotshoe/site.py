"""The Site: what a person says about their home, once.

Plain frozen data. What follows from it is in :mod:`hotshoe.plan`; what makes no sense together is
refused in :mod:`hotshoe.checks`. The examples on the fields are what error messages suggest.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    PlainSerializer,
)

from hotshoe.errors import shown
from hotshoe.ports import HIGHEST_PORT, PortRange, Service

# The longest commonName a certificate may carry (RFC 5280, ub-common-name).
LONGEST_HOSTNAME = 64
# vsftpd reads a rate with atoi(3) and keeps it in 32 bits.
HIGHEST_RATE = 2**31 - 1
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


def _name(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", value):
        raise ValueError(
            f"{shown(value)} is not a name of lower-case letters, digits and '-', beginning with a "
            "letter, at most 31 characters"
        )
    return value


def _ssh_user(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", value):
        raise ValueError(f"{shown(value)} is not the name of a user on a Linux system")
    return value


def _parsed(kind: type[PortRange] | type[Service]) -> Any:
    def parse(value: Any) -> Any:
        return value if isinstance(value, kind) else kind.parse(value)

    return BeforeValidator(parse)


def _no_number(value: Any) -> Any:
    # ipaddress would take a number for an address in binary: 24 for 0.0.0.24.
    if isinstance(value, int | bytes):
        raise ValueError(f"{shown(value)} is not an address")
    return value


def _lan(value: Any) -> Any:
    if isinstance(value, str) and "/" not in value:
        raise ValueError(f"{shown(value)} has no prefix length")
    return _no_number(value)


def _no_truth(value: Any) -> Any:
    # Python would take true for 1.
    if isinstance(value, bool):
        raise ValueError(f"{shown(value)} is not a number")
    return value


Address = Annotated[IPv4Address, BeforeValidator(_no_number)]
Network = Annotated[IPv4Network, BeforeValidator(_no_number)]
Port = Annotated[int, Field(ge=1, le=HIGHEST_PORT), BeforeValidator(_no_truth)]
Rate = Annotated[ByteSize, Field(ge=1000, le=HIGHEST_RATE), BeforeValidator(_no_truth)]
Hostname = Annotated[str, BeforeValidator(_hostname)]
Name = Annotated[str, BeforeValidator(_name)]
SshUser = Annotated[str, BeforeValidator(_ssh_user)]
Ports = Annotated[PortRange, _parsed(PortRange), PlainSerializer(str)]
Services = tuple[Annotated[Service, _parsed(Service), PlainSerializer(str)], ...]
Lan = Annotated[IPv4Interface, BeforeValidator(_lan)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Router(_Part):
    """One router on the way from the Internet to the server."""

    name: Name = Field(examples=["gateway"])
    managed_by: Literal["linux"] = Field(
        default="linux", examples=["linux"], description="who configures it: linux is Debian"
    )
    lan: Lan = Field(
        examples=["192.168.1.1/24"], description="its own address inside, and the prefix length"
    )
    ssh_user: SshUser = Field(default="root", examples=["root"])
    ssh_port: Port = Field(default=22, examples=[22])
    open_to_internet: Services = Field(
        default=(), examples=["[51820/udp]"], description="what else it answers on its WAN side"
    )


class Server(_Part):
    """The machine that receives the photos."""

    name: Name = Field(examples=["darkroom"])
    behind: Name | None = Field(
        default=None, examples=["gateway"], description="the router it hangs behind"
    )
    address: Address = Field(examples=["192.168.1.10"])
    ssh_user: SshUser = Field(default="root", examples=["root"])
    ssh_port: Port = Field(default=22, examples=[22])
    ssh_from: tuple[Network, ...] = Field(
        default=(), examples=["[10.9.0.0/24]"], description="who may log in besides the LAN"
    )
    open_to_lan: Services = Field(
        default=(), examples=["[445/tcp]"], description="what else it answers inside the home"
    )


class Ftp(_Part):
    """How the camera talks to the server."""

    tls: Literal["explicit"] = Field(default="explicit", examples=["explicit"])
    control_port: Port = Field(default=21, examples=[21])
    passive_ports: Ports = Field(default=PortRange(50000, 50099), examples=["50000-50099"])
    bytes_per_second: Rate | None = Field(
        default=None, examples=["20MB"], description="the most that one transfer may take"
    )


class Camera(_Part):
    """A camera; its name is also its user name and its folder."""

    name: Name = Field(examples=["r5"])


class Site(_Part):
    """A whole home."""

    hostname: Hostname = Field(
        examples=["photos.example.net"],
        description="what the camera dials; the name on the certificate",
    )
    public_address: Address = Field(examples=["203.0.113.20"])
    routers: tuple[Router, ...] = Field(
        min_length=1, examples=["[{name: gateway, lan: 192.168.1.1/24}]"]
    )
    server: Server = Field(examples=["{name: darkroom, address: 192.168.1.10}"])
    ftp: Ftp = Field(default=Ftp(), examples=["{control_port: 21}"])
    cameras: tuple[Camera, ...] = Field(min_length=1, examples=["[{name: r5}]"])
