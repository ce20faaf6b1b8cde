"""What each way to deliver photos has to be told, as a table.

The keys are those of :class:`~hotshoe.site.library.Delivery`; how photos travel is where they do
(:mod:`roles.fetch`, :mod:`roles.delivery`).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, get_args
from urllib.parse import urlsplit

from hotshoe.ports.ranges import Service
from hotshoe.site.library import By
from hotshoe.site.needs import Needs
from hotshoe.site.validation import RefusedFieldError


@dataclass(frozen=True)
class Way(Needs):
    """What a way to deliver has to be told.

    :param port: where the other side answers unless the Site says another port (TCP)
    :param password: what its password is called in the vault's messages; empty if it has none
    :param password_needed: whether it cannot do without
    """

    port: int = 0
    password: str = ""
    password_needed: bool = True


# Where a share answers, and where computers look for it: SMB without NetBIOS; mDNS (RFC 6762), by
# which macOS and Linux find it, and WS-Discovery (WSD), by which Windows does.
SHARE_SERVICES = tuple(map(Service.parse, ("445/tcp", "5353/udp", "3702/udp", "3702/tcp")))
# The keys that every delivery may have.
COMMON = ("name", "by", "server", "order", "bytes_per_second")
_OF_USERNAME = "the password of its username"
WAYS: dict[By, Way] = {
    "fetch": Way(
        "by: fetch",
        ("address", "folder"),
        ("behind", "by_hand", "ssh_user", "ssh_port", "removed"),
        22,
    ),
    "sftp": Way(
        "by: sftp",
        ("address", "username", "host_key"),
        ("port", "folder"),
        22,
        _OF_USERNAME,
        password_needed=False,
    ),
    "smb": Way("by: smb", ("address", "username", "share"), ("port", "folder"), 445, _OF_USERNAME),
    "webdav": Way("by: webdav", ("url", "username"), (), 443, _OF_USERNAME),
    "s3": Way(
        "by: s3",
        ("url", "bucket", "username"),
        ("region", "folder"),
        443,
        "the secret access key that belongs to its username, the access key's id",
    ),
}
assert set(WAYS) == set(get_args(By))


def needs_of(delivery: Any) -> Way:
    """What the chosen way needs.

    :param delivery: of a Site, checked or not
    """
    return WAYS[delivery.by]


def peer_of(delivery: Any) -> tuple[str, int]:
    """The host and the TCP port at which the other side of a delivery answers.

    :param delivery: of a Site that passed its checks
    """
    if delivery.url is None:
        return str(delivery.address), delivery.port or needs_of(delivery).port
    url = urlsplit(delivery.url)
    return url.hostname or "", url.port or needs_of(delivery).port


def address_of(delivery: Any) -> IPv4Address | None:
    """The address of the other side of a delivery; None if the Site says a name.

    :param delivery: of a Site that passed its checks
    """
    try:
        return IPv4Address(peer_of(delivery)[0])
    except ValueError:
        return None


def server_index(site: Any, delivery: Any) -> int:
    """The index of the server whose photos are delivered.

    :param site: a Site, checked or not
    :raises RefusedFieldError: if that is not said, or the Site has no such server
    """
    names = [server.name for server in site.servers]
    name = names[0] if delivery.server is None and len(names) == 1 else delivery.server
    if name not in names:
        raise RefusedFieldError("server")
    return names.index(name)


def in_use(site: Any) -> tuple[Any, ...]:
    """The deliveries of a Site, without those that are being removed.

    :param site: a Site that passed its checks
    """
    return tuple(delivery for delivery in site.delivery if not delivery.removed)
