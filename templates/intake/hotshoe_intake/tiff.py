"""TIFF 6.0 and what cameras base on it: CR2, NEF, ARW, DNG, PEF, ORF, RW2, and Exif in any file."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import add

from hotshoe_intake.spans import CutError, Span, UnknownError

# The first four bytes: TIFF, Olympus' ORF, Panasonic's RW2.
PANASONIC = b"IIU\0"
MAGIC = {
    b"II*\0": "<",
    b"MM\0*": ">",
    b"IIRO": "<",
    b"IIRS": "<",
    b"MMOR": ">",
    PANASONIC: "<",
}
# What no camera exceeds: directories of a file, entries of a directory, strips and tiles of a file.
DIRECTORIES, ENTRIES, NUMBERS = 64, 1024, 1 << 16

# Bytes that a value of each type takes (TIFF 6.0, section 2; 13 is a pointer to a directory).
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I"}

# TIFF 6.0, TIFF/EP, Exif 2.32
DATE_TIME, SUB_SECONDS = 0x132, 0x9290
DATE_TIME_ORIGINAL, SUB_SECONDS_ORIGINAL = 0x9003, 0x9291
SUB_DIRECTORIES, EXIF, GPS = 0x14A, 0x8769, 0x8825
# Where parts of an image are, and how long: strips, tiles, a JPEG thumbnail.
EXTENTS = ((0x111, 0x117), (0x144, 0x145), (0x201, 0x202))
# Panasonic says where the data of the sensor begin, but not how long they are: what it has for the
# length of strips is 0 in some models, in others the length of something not compressed.
PANASONIC_DATA = 0x118

DATE = re.compile(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
# Before it there were no photos; a camera whose clock was never set says 0000.
FIRST_YEAR = 1826


@dataclass(frozen=True)
class Entry:
    """A value of a directory.

    :param type: of its numbers, a key of SIZES if the directory is one
    :param count: how many of them
    :param offset: where they are, in bytes
    """

    type: int
    count: int
    offset: int

    @property
    def size(self) -> int:
        """How many bytes it takes.

        :raises UnknownError: if it is of a type that TIFF does not have
        """
        if self.type not in SIZES:
            raise UnknownError(f"has a value of type {self.type}, which TIFF does not have")
        return SIZES[self.type] * self.count


class Tiff:
    """A TIFF.

    :param span: the file, or what of it offsets in the TIFF count from
    :raises UnknownError: if it is none
    :raises CutError: if it ends within its header
    """

    def __init__(self, span: Span) -> None:
        header = span.read(0, 8)
        order = MAGIC.get(header[:4])
        if order is None:
            raise UnknownError("is no TIFF")
        self._span, self.order = span, order
        self._panasonic = header[:4] == PANASONIC
        self.first: int = struct.unpack(order + "I", header[4:])[0]

    def directory(self, offset: int) -> tuple[dict[int, Entry], int]:
        """Read a directory.

        :param offset: where it is, in bytes
        :returns: its entries by their tags, and where the next directory is (0: nowhere)
        :raises CutError: if the file ends within it
        :raises UnknownError: if it is none
        """
        (count,) = struct.unpack(self.order + "H", self._span.read(offset, 2))
        if not 0 < count <= ENTRIES:
            raise UnknownError(f"has a directory of {count} entries")
        data = self._span.read(offset + 2, 12 * count + 4)
        entries = {}
        for index in range(count):
            where = offset + 2 + 12 * index
            tag, kind, number, pointer = struct.unpack_from(self.order + "HHII", data, 12 * index)
            inline = SIZES.get(kind, 0) * number <= 4
            entries[tag] = Entry(kind, number, where + 8 if inline else pointer)
        return entries, struct.unpack_from(self.order + "I", data, 12 * count)[0]

    def numbers(self, entry: Entry | None) -> tuple[int, ...]:
        """The whole numbers of an entry; none if there is no such entry, or if it has others.

        :raises CutError: if the file ends within them
        :raises UnknownError: if there are too many of them
        """
        if entry is None or entry.type not in WHOLE_NUMBERS:
            return ()
        if entry.count > NUMBERS:
            raise UnknownError(f"has {entry.count} numbers in one entry")
        data = self.value(entry)
        return struct.unpack(f"{self.order}{entry.count}{WHOLE_NUMBERS[entry.type]}", data)

    def value(self, entry: Entry) -> bytes:
        """The bytes of an entry.

        :raises CutError: if the file ends within them
        """
        return self._span.read(entry.offset, entry.size)

    def check(self) -> None:
        """Make sure that nothing of it is missing.

        Some cameras keep a preview where only their own MakerNote tells; this is not missed if it
        comes last.

        :raises CutError: if the file ends before a directory or a part of an image
        :raises UnknownError: if it has its images but not all of what is told of them, if no
            directory says how long an image is, or if it is none
        """
        parts, lacks = 0, None
        for entries in self._directories():
            parts += self._check_images(entries)
            if parts > NUMBERS:
                raise UnknownError(f"has an image of more than {NUMBERS} parts")
            try:
                self._check_metadata(entries)
            except CutError as cut:
                lacks = cut
        if lacks:
            raise UnknownError(f"has its image, but {lacks}")
        if not parts:
            raise UnknownError("does not say how long its image is")

    def _check_images(self, entries: dict[int, Entry]) -> int:
        """Make sure that the images of a directory are there; returns how many parts they have."""
        parts = 0
        if self._panasonic:
            for data in self.numbers(entries.get(PANASONIC_DATA))[:1]:
                self._span.within(data, 1, "image")
            return parts
        for offsets, lengths in EXTENTS:
            begins, sizes = (self.numbers(entries.get(tag)) for tag in (offsets, lengths))
            if len(begins) == len(sizes) and any(sizes):
                parts += len(sizes)
                self._span.within(max(map(add, begins, sizes)), 0, "image")
        return parts

    def _check_metadata(self, entries: dict[int, Entry]) -> None:
        """Make sure that all values of a directory are there, and those of its Exif and GPS."""
        below = [at for tag in (EXIF, GPS) for at in self.numbers(entries.get(tag))[:1]]
        for each in (entries, *(self.directory(at)[0] for at in below)):
            for entry in each.values():
                self._span.within(entry.offset, entry.size, "metadata")

    def _directories(self) -> Iterator[dict[int, Entry]]:
        """The directories of images, each once: those of the chain, and those below them."""
        waiting, seen = [(self.first, True)], set[int]()
        while waiting:
            offset, in_chain = waiting.pop()
            if offset in seen:
                continue
            seen.add(offset)
            if len(seen) > DIRECTORIES:
                raise UnknownError(f"has more than {DIRECTORIES} directories")
            entries, following = self.directory(offset)
            yield entries
            # Outside the chain, some cameras leave anything there.
            if in_chain and following:
                waiting.append((following, True))
            below = self.numbers(entries.get(SUB_DIRECTORIES))[: DIRECTORIES + 1]
            waiting += [(each, False) for each in below]

    def exposure(self) -> str | None:
        """When the photo was taken, by its camera's clock, or else when it was last changed.

        :returns: such as ``2024-02-29T12:00:00.25``
        :raises CutError: if the file ends before that
        :raises UnknownError: if it is no TIFF
        """
        entries, _ = self.directory(self.first)
        for below in self.numbers(entries.get(EXIF))[:1]:
            entries = self.directory(below)[0] | entries
        for date, fraction in (
            (DATE_TIME_ORIGINAL, SUB_SECONDS_ORIGINAL),
            (DATE_TIME, SUB_SECONDS),
        ):
            if found := moment(self._text(entries.get(date)), self._text(entries.get(fraction))):
                return found
        return None

    def _text(self, entry: Entry | None) -> str:
        # A date takes 20 bytes.
        if entry is None or entry.size > 64:
            return ""
        return self.value(entry).partition(b"\0")[0].decode("ascii", "replace").strip()


def moment(date: str, fraction: str) -> str | None:
    """A moment as Exif has it, in the form of ISO 8601.

    :param date: such as ``2024:02:29 12:00:00`` (Exif 2.32, DateTimeOriginal)
    :param fraction: the digits behind the point of the second (Exif 2.32, SubSecTimeOriginal)
    :returns: None if there is no such moment
    """
    parts = DATE.match(date)
    if not parts:
        return None
    try:
        at = datetime(*map(int, parts.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None
    if at.year < FIRST_YEAR:
        return None
    digits = fraction if fraction.isascii() and fraction.isdecimal() else ""
    return f"{at.isoformat()}{'.' * bool(digits)}{digits}"


def exposure(span: Span) -> str | None:
    """As :meth:`Tiff.exposure`, of a part of a file that need not be a TIFF."""
    try:
        return Tiff(span).exposure()
    except (CutError, UnknownError):
        return None
