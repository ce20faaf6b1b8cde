"""JPEG (ITU-T T.81) with Exif, and the further images that CIPA DC-007 (MPF) appends to one."""

from __future__ import annotations

import re
import struct

from hotshoe_intake.spans import CutError, Span, UnknownError
from hotshoe_intake.tiff import Tiff
from hotshoe_intake.tiff import exposure as tiff_exposure

MAGIC = b"\xff\xd8\xff"
# Markers (T.81, table B.1), and those that no length follows: TEM, RST0 to RST7.
START_OF_IMAGE, END_OF_IMAGE, START_OF_SCAN, APP1, APP2 = 0xD8, 0xD9, 0xDA, 0xE1, 0xE2
ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
# In a scan, 0xFF is followed by 0 or is part of a restart marker, or it begins the next segment.
NEXT_SEGMENT = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
EXIF, MPF = b"Exif\0\0", b"MPF\0"
# The images that follow the first one: attributes, size, offset from MPF's own header, …
MPF_ENTRIES, MPF_ENTRY = 0xB002, 16
# More segments than any camera writes, fill bytes included.
SEGMENTS = 4096
# How much is searched at a time, in bytes: a scan may be short, or be nearly all of the file.
FIRST_PIECE, LAST_PIECE = 1 << 12, 1 << 20
# Zeros behind the end are padding; so much of it is looked through from behind, in bytes.
TAIL = 1 << 16


class Jpeg:
    """A JPEG.

    :param span: the file
    :raises CutError: if it ends before its image begins
    :raises UnknownError: if it is no JPEG
    """

    def __init__(self, span: Span) -> None:
        self._span = span
        self._left = SEGMENTS
        self._exif: Span | None = None
        self._mpf: Span | None = None
        at = 2
        while True:
            marker, at, length = self._segment(at)
            if marker == START_OF_SCAN:
                self._scan = at + length
                return
            if marker == END_OF_IMAGE:
                raise UnknownError("is a JPEG without an image")
            payload = span.part(at, length)
            if marker == APP1 and not self._exif and length > 6 and payload.read(0, 6) == EXIF:
                self._exif = payload.part(6, length - 6)
            if marker == APP2 and not self._mpf and length > 4 and payload.read(0, 4) == MPF:
                # Its offsets lead behind the segment.
                self._mpf = span.part(at + 4, span.size - at - 4)
            at += length

    def _segment(self, at: int) -> tuple[int, int, int]:
        """The segment at an offset: its marker, where its content begins, and how long it is."""
        while self._left:
            self._left -= 1
            lead, marker = self._span.read(at, 2)
            if lead != 0xFF:
                raise UnknownError("is a JPEG with something else between its segments")
            if marker == 0xFF:  # a fill byte
                at += 1
            elif marker in ALONE:
                at += 2
            elif marker == END_OF_IMAGE:
                return marker, at + 2, 0
            else:
                length = self._span.number(at + 2, 2)
                if length < 2 or marker in (0, START_OF_IMAGE):
                    raise UnknownError("is a JPEG with a segment that is none")
                self._span.within(at + 2, length, "segments")
                return marker, at + 4, length - 2
        raise UnknownError(f"is a JPEG of more than {SEGMENTS} segments")

    def check(self) -> None:
        """Make sure that it has the end of its image, and all images that MPF says follow.

        What else cameras append has no length, so it is not missed.

        :raises CutError: if it ends before the end of its image
        :raises UnknownError: if it has that but not all others, or if its segments make no sense
        """
        size = min(TAIL, self._span.size - self._scan)
        tail = self._span.read(self._span.size - size, size)
        # No such bytes are in a scan; a thumbnail's own, in Exif, would be before it.
        if not tail.rstrip(b"\0").endswith(b"\xff\xd9"):
            self._find_end()
        if self._mpf:
            try:
                self._check_appended(self._mpf)
            except CutError as cut:
                raise UnknownError(f"has its image, but {cut}") from None

    def _check_appended(self, mpf: Span) -> None:
        index = Tiff(mpf)
        entry = index.directory(index.first)[0].get(MPF_ENTRIES)
        if entry is None or entry.size > SEGMENTS * MPF_ENTRY:
            raise UnknownError("has an MPF index without images")
        for size, offset in _extents(index.value(entry), index.order):
            # The first image has none.
            if offset:
                mpf.within(offset, size, "further images")

    def _find_end(self) -> None:
        marker, at = START_OF_SCAN, self._scan
        while marker != END_OF_IMAGE:
            marker, at, length = self._segment(self._next_segment(at))
            at += length

    def _next_segment(self, at: int) -> int:
        wanted = FIRST_PIECE
        while at + 2 <= self._span.size:
            piece = self._span.read(at, min(wanted, self._span.size - at))
            if found := NEXT_SEGMENT.search(piece):
                return at + found.start()
            at += len(piece) - 1
            wanted = min(2 * wanted, LAST_PIECE)
        raise CutError("ends before the end of its image")

    def exposure(self) -> str | None:
        """When the photo was taken, by Exif; None if that is not said."""
        return tiff_exposure(self._exif) if self._exif else None


def _extents(entries: bytes, order: str) -> list[tuple[int, int]]:
    """Size and offset of each image in MPF's index."""
    whole = len(entries) - len(entries) % MPF_ENTRY
    return [(size, at) for _, size, at, _ in struct.iter_unpack(order + "4I", entries[:whole])]
