"""What every other side is used for, whatever it speaks, and in which order.

A photo is sent under a temporary name, which its content and its name decide, so that whatever is
sent again later goes on there. It is digested there, and only then gets its name. What has that
name already, with another content, stays as it is; the photo is kept beside it, with the beginning
of its digest in its name: whoever tries that again comes to the same name.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Protocol

from hotshoe_delivery.ledger import Photo
from hotshoe_delivery.library import Digests
from hotshoe_delivery.names import split, suffixed
from hotshoe_delivery.words import TroubleError

# How much of a photo is its beginning, in bytes; with the time and a preview, it is no other's.
BEGINNING = 1 << 16
# How many digits of a digest tell contents apart, of one name and of all.
DIGITS, MANY_DIGITS = 8, 16


@dataclass(frozen=True)
class Source:
    """A photo that is delivered.

    :param photo: as the ledger knows it
    :param digests: of its content
    :param handle: of its file, open for reading
    """

    photo: Photo
    digests: Digests
    handle: int

    def beginning(self) -> bytes:
        """Of the photo's content; nothing else is that long."""
        return os.pread(self.handle, min(BEGINNING, self.photo.size), 0)


class Store(Protocol):
    """The other side; for one thread. Names are from the destination's folder on.

    Everything here raises :class:`TroubleError` if it cannot be done.
    """

    def size(self, name: str) -> int | None:
        """How large a file there is, in bytes; None if there is none."""

    def same(self, name: str, photo: Photo, digests: Digests) -> bool:
        """Whether a file there has a content, by a digest of what is there now."""

    def begins(self, name: str, source: Source) -> bool:
        """Whether a file there has the beginning of a content, or all of it, where that is told."""

    def send(self, name: str, source: Source) -> None:
        """Send a photo, see that its content is there, and give it its name."""

    def close(self) -> None:
        """Hang up."""


def part(name: str, digests: Digests) -> str:
    """The temporary name of what is sent: of this content under this name, and of no other."""
    folder, slash, last = name.rpartition("/")
    told = f"{digests.sha256} {last}".encode(errors="surrogateescape")
    return f"{folder}{slash}.hotshoe-{hashlib.sha256(told).hexdigest()[:MANY_DIGITS]}.part"


def beside(path: str, digests: Digests) -> str:
    """The name of a photo where another content has its own."""
    folder, slash, last = path.rpartition("/")
    stem, extension = split(last)
    return f"{folder}{slash}{suffixed(stem, f'-{digests.sha256[:DIGITS]}', extension)}"


def deliver(store: Store, source: Source) -> str:
    """Deliver a photo, unless it is there.

    :returns: what it is called there, from the destination's folder on; its content has been seen
        there by a digest
    :raises TroubleError: if that cannot be done; then it is not there under its name
    """
    photo, digests = source.photo, source.digests
    for name in (photo.path, beside(photo.path, digests)):
        size = store.size(name)
        if size is None:
            store.send(name, source)
            return name
        if size == photo.size and store.same(name, photo, digests):
            return name
    raise TroubleError(
        f"{name} and the name without those digits are taken there by other files", photo=True
    )
