"""Files of SSH host keys, such as ``group_vars/home.known_hosts``, in OpenSSH's format.

sshd(8), section SSH_KNOWN_HOSTS FILE FORMAT. Ours hold plain names; a person's own may be hashed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hotshoe.errors import HotshoeError

SSH_PORT = 22
# The person's own, where OpenSSH looks for it.
PERSONAL = "~/.ssh/known_hosts"
# A thousand hosts with long keys have less; a link may lead to an endless file.
MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class HostKey:
    """The public key by which a host proves that it is the one.

    :param kind: its type, as OpenSSH calls it: ``ssh-ed25519``
    :param blob: the key, in base64
    """

    kind: str
    blob: str

    @property
    def fingerprint(self) -> str:
        """As ssh-keygen(1) shows it: ``SHA256:…``."""
        digest = hashlib.sha256(base64.b64decode(self.blob)).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"

    def __str__(self) -> str:
        return f"{self.kind} {self.fingerprint}"


@dataclass(frozen=True)
class Entry:
    """A line that says a key of a host.

    :param number: of the line, from 1
    :param names: what it calls the host; one that is hashed begins with ``|1|``
    :param key: the key
    """

    number: int
    names: tuple[str, ...]
    key: HostKey

    def is_about(self, name: str) -> bool:
        """Whether it is about a host of that name."""
        return any(_is(said, name) for said in self.names)


def host_name(address: str, port: int = SSH_PORT) -> str:
    """What a host is called in such a file.

    :param address: as it is dialled
    """
    return address if port == SSH_PORT else f"[{address}]:{port}"


def entries(text: str) -> Iterator[Entry]:
    """The lines of a file that say a key; others, such as comments and marked ones, are left out.

    :param text: the file's content
    """
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if len(words) >= 3 and words[0][0] not in "#@" and _is_base64(words[2]):
            yield Entry(number, tuple(words[0].split(",")), HostKey(words[1], words[2]))


def revoked(text: str) -> frozenset[HostKey]:
    """The keys that a file says are not to be trusted any more, of whichever host.

    :param text: the file's content
    """
    lines = (line.split() for line in text.splitlines())
    marked = (words for words in lines if words[:1] == ["@revoked"] and len(words) >= 4)
    return frozenset(HostKey(*words[2:4]) for words in marked)


def entries_of(text: str, name: str) -> tuple[Entry, ...]:
    """The lines about one host.

    :param text: the file's content
    :param name: what :func:`host_name` returns
    """
    return tuple(entry for entry in entries(text) if entry.is_about(name))


def with_key(text: str, name: str, key: HostKey) -> str:
    """A file in which one host has this key and no other; what it says of others stays.

    :param text: the file's content
    :param name: what :func:`host_name` returns
    """
    about = {entry.number: entry for entry in entries_of(text, name)}
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if number not in about:
            lines.append(line)
        elif others := [said for said in about[number].names if not _is(said, name)]:
            lines.append(" ".join([",".join(others), *line.split()[1:]]))
    return "".join(f"{line}\n" for line in [*lines, f"{name} {key.kind} {key.blob}"])


def read(path: Path) -> str:
    """The content of a file of host keys; empty if there is none.

    :raises HotshoeError: if it cannot be read
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise HotshoeError(
            f"{path}: cannot be read: {error.strerror}\n    -> make it a file that you may read"
        ) from None
    if len(content) > MOST_BYTES:
        raise HotshoeError(f"{path}: is longer than {MOST_BYTES // 1024} KiB\n    -> shorten it")
    # What is no text in it is no line about a host either.
    return content.decode("utf-8", errors="replace")


def _is(said: str, name: str) -> bool:
    if not said.startswith("|1|"):
        return said == name
    # ssh-keygen -H: HMAC-SHA1 of the name, with a salt as the key.
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in said[3:].split("|"))
    except ValueError:
        return False
    return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), digest)


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except binascii.Error:
        return False
