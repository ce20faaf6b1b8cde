"""ISO base media (ISO/IEC 14496-12) and what is based on it: CR3, HEIF, MP4, QuickTime's MOV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from hotshoe_intake import tiff
from hotshoe_intake.spans import CutError, Span, UnknownError

# What the first box may be; before ftyp there was, QuickTime began with any of the others.
FIRST = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
# More boxes than any camera writes one after another, and items of a HEIF.
BOXES, ITEMS = 4096, 4096
# The most of a box that is read at once, in bytes.
MOST = 1 << 20
# HEIF: one image, or several (ISO/IEC 23008-12); AVIF.
IMAGES = frozenset({b"mif1", b"msf1", b"heic", b"heix", b"hevc", b"heif", b"avif"})
# Where CR3 keeps directories of TIFF, each in a box of its own: of the image, and of Exif.
CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
# From 1904, with which ISO/IEC 14496-12 begins to count seconds, to 1970.
EPOCH = 2082844800


class CutBoxError(CutError):
    """The file ends within a box.

    :param type: of the box
    """

    def __init__(self, type: bytes, reason: str) -> None:
        super().__init__(reason)
        self.type = type


@dataclass(frozen=True)
class Box:
    """A box.

    :param type: four characters
    :param content: what is in it
    :param end: where the next one begins, in bytes; None if it has no size and reaches to the end
    """

    type: bytes
    content: Span
    end: int | None


def boxes(span: Span) -> Iterator[Box]:
    """The boxes in a span, one after another.

    :raises CutBoxError: if the file ends within one
    :raises CutError: if it ends within the head of one
    :raises UnknownError: if something else is there, or too many of them
    """
    at = 0
    for _ in range(BOXES):
        if at == span.size:
            return
        rest = span.size - at
        head = span.read(at, min(8, rest))
        if not head.strip(b"\0"):
            # Zeros are padding.
            return
        span.within(at, 8, "boxes")
        size, kind, header = int.from_bytes(head[:4], "big"), head[4:], 8
        if not all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in kind):
            raise UnknownError("has something else between its boxes")
        if size == 1:
            size, header = span.number(at + 8, 8), 16
        if size == 0:
            yield Box(kind, span.part(at + 8, rest - 8), None)
            return
        if size < header:
            raise UnknownError("has a box that is shorter than its head")
        try:
            span.within(at, size, f"{kind.decode('latin-1')} box")
        except CutError as cut:
            raise CutBoxError(kind, str(cut)) from None
        yield Box(kind, span.part(at + header, size - header), at + size)
        at += size
    raise UnknownError(f"has more than {BOXES} boxes")


def _child(span: Span, kind: bytes) -> Span | None:
    return next((box.content for box in boxes(span) if box.type == kind), None)


def _is_image(span: Span) -> bool:
    brands = _child(span, b"ftyp")
    if brands is None:
        return False
    data = brands.read(0, min(brands.size, 256))
    return data[:4] in IMAGES or b"mif1" in data[8:]


def check(span: Span) -> None:
    """Make sure that all of its boxes are there.

    That boxes without data of images, behind those with it, are missing as a whole is not seen.

    :raises CutError: if the file ends before the end of its data, or before a box that it cannot do
        without
    :raises UnknownError: if it has these but not all others, or does not say where it ends
    """
    found, open_end, cut = set(), False, None
    try:
        for box in boxes(span):
            found.add(box.type)
            open_end = box.end is None
    except CutError as error:
        cut = error
    is_image = _is_image(span)
    index = {b"meta", b"moov"} if is_image else {b"moov"}
    if cut:
        in_data = isinstance(cut, CutBoxError) and cut.type == b"mdat"
        if in_data or b"mdat" not in found or not found & index:
            raise cut
        raise UnknownError(f"has its image, but {cut}")
    if open_end:
        raise UnknownError("does not say how long its last box is")
    if b"moof" in found:
        raise UnknownError("is a film in fragments, which does not say how many there are")
    if not found & index:
        raise CutError("ends before its index")
    if b"mdat" not in found:
        # A small image may be within its index.
        raise (UnknownError if is_image else CutError)("ends before its data")


def exposure(span: Span) -> str | None:
    """When the photo was taken, by its camera's clock, or the film, by this host's time zone.

    :returns: such as ``2024-02-29T12:00:00.25``; None if that is not said
    """
    try:
        for box in boxes(span):
            if box.type == b"moov":
                return _in_canon(box.content) or _in_movie(box.content)
            if box.type == b"meta":
                return _in_image(span, box.content)
    except (CutError, UnknownError):
        pass
    return None


def _in_canon(movie: Span) -> str | None:
    for box in boxes(movie):
        if box.type == b"uuid" and box.content.size > 16 and box.content.read(0, 16) == CANON:
            inside = box.content.part(16, box.content.size - 16)
            found = [_child(inside, kind) for kind in (b"CMT2", b"CMT1")]
            return next(filter(None, (tiff.exposure(span) for span in found if span)), None)
    return None


def _in_movie(movie: Span) -> str | None:
    head = _child(movie, b"mvhd")
    if head is None:
        return None
    # In version 1 it has 64 bits.
    seconds = head.number(4, 8 if head.number(0, 1) == 1 else 4)
    if seconds <= EPOCH:
        return None
    try:
        # Times of photos are local, without a zone.
        return datetime.fromtimestamp(seconds - EPOCH).isoformat()
    except (OverflowError, ValueError, OSError):
        return None


def _in_image(file: Span, meta: Span) -> str | None:
    """When the photo was taken, by Exif, which is an item of a HEIF (ISO/IEC 23008-12, annex A)."""
    # Behind its version and flags.
    inside = meta.part(4, meta.size - 4)
    information, places = _child(inside, b"iinf"), _child(inside, b"iloc")
    item = _exif_item(information) if information else None
    if item is None or not places or places.size > MOST:
        return None
    place = _place(places.read(0, places.size), item)
    if place is None or place[1] < 4:
        return None
    exif = file.part(*place)
    # So many bytes are before the TIFF, behind this number.
    begin = 4 + exif.number(0, 4)
    return tiff.exposure(exif.part(begin, exif.size - begin))


def _exif_item(information: Span) -> int | None:
    begin = 6 if information.number(0, 1) == 0 else 8
    for box in boxes(information.part(begin, information.size - begin)):
        # Versions 2 and 3 of infe: its number, two bytes for protection, its type.
        width = 2 if box.content.number(0, 1) == 2 else 4
        if box.type == b"infe" and box.content.read(6 + width, 4) == b"Exif":
            return box.content.number(4, width)
    return None


def _place(data: bytes, wanted: int) -> tuple[int, int] | None:
    """Where an item is in the file.

    :param data: the content of iloc (ISO/IEC 14496-12, section 8.11.3)
    :param wanted: the item's number
    :returns: offset and length, in bytes; None if it is not in the file, or not in one piece
    """
    at = 4

    def number(width: int) -> int:
        nonlocal at
        at += width
        if at > len(data):
            raise CutError("its iloc box ends within an item")
        return int.from_bytes(data[at - width : at], "big")

    version, sizes = data[0] if data else 0, number(2)
    of_offset, of_length, of_base, of_index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2
    for _ in range(min(number(wide), ITEMS)):
        item = number(wide)
        method = number(2) & 15 if version else 0
        number(2)  # the file that it is in, another or this
        base, extents = number(of_base), number(2)
        of_index = of_index if version else 0
        if item == wanted:
            number(of_index)
            offset, length = number(of_offset), number(of_length)
            return (base + offset, length) if method == 0 and extents == 1 else None
        at += extents * (of_index + of_offset + of_length)
    return None
