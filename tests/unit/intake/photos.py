"""Photos as cameras write them, so small that each of their bytes can be missing once."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from PIL import Image

TAKEN, FRACTION = "2024:02:29 12:00:00", "25"
# What that is as `formats` says it.
EXPOSURE = "2024-02-29T12:00:00.25"

DATE_TIME, EXIF, SUB_DIRECTORIES = 0x132, 0x8769, 0x14A
STRIPS, STRIP_LENGTHS = 0x111, 0x117
TILES, TILE_LENGTHS = 0x144, 0x145
THUMBNAIL, THUMBNAIL_LENGTH = 0x201, 0x202
CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
# Seconds from 1904, with which films count, to 1970.
EPOCH = 2082844800

Entries = dict[int, Any]


@dataclass(frozen=True)
class Below:
    """Directories that an entry points at."""

    directories: list[Entries]


@dataclass(frozen=True)
class Parts:
    """Parts of an image that an entry points at."""

    data: list[bytes] = field(default_factory=list)


def dated(taken: str = TAKEN, fraction: str = FRACTION) -> Entries:
    """An Exif directory that says when a photo was taken."""
    return {0x9003: taken.encode() + b"\0", 0x9291: fraction.encode() + b"\0"}


def tiff(
    *chain: Entries, order: str = "<", magic: bytes | None = None, following: int = 0
) -> bytes:
    """A TIFF.

    :param chain: its directories: bytes, whole numbers, tuples of these, Below or Parts
    :param following: what the last directory of the chain says of the next one
    """
    magic = magic or {"<": b"II*\0", ">": b"MM\0*"}[order]
    out = bytearray(magic + struct.pack(order + "I", 8))

    def append(data: bytes) -> int:
        if len(out) % 2:
            out.append(0)
        at = len(out)
        out.extend(data)
        return at

    def put(entries: Entries) -> tuple[int, int]:
        """Append a directory; returns where it is, and where it says what the next one is."""
        at = append(bytes(2 + 12 * len(entries) + 4))
        struct.pack_into(order + "H", out, at, len(entries))
        for index, (tag, value) in enumerate(sorted(entries.items())):
            kind = 4
            if isinstance(value, Below):
                value = tuple(put(one)[0] for one in value.directories)
            elif isinstance(value, Parts):
                value = tuple(append(part) for part in value.data)
            elif isinstance(value, int):
                value = (value,)
            if isinstance(value, bytes):
                kind, count, data = 2, len(value), value
            else:
                count, data = len(value), struct.pack(f"{order}{len(value)}I", *value)
            if len(data) > 4:
                data = struct.pack(order + "I", append(data))
            struct.pack_into(order + "HHI", out, at + 2 + 12 * index, tag, kind, count)
            out[at + 10 + 12 * index : at + 14 + 12 * index] = data.ljust(4, b"\0")
        return at, at + 2 + 12 * len(entries)

    pointer = 4
    for entries in chain:
        at, after = put(entries)
        struct.pack_into(order + "I", out, pointer, at)
        pointer = after
    if following:
        struct.pack_into(order + "I", out, pointer, following)
    return bytes(out)


def raw(magic: bytes | None = None, order: str = "<", **exif: str) -> bytes:
    """A RAW based on TIFF: a thumbnail, Exif, a preview in the chain, the sensor in a SubIFD."""
    return tiff(
        {
            DATE_TIME: b"2023:01:01 00:00:00\0",
            THUMBNAIL: Parts([b"thumbnail"]),
            THUMBNAIL_LENGTH: 9,
            EXIF: Below([dated(**exif)]),
            SUB_DIRECTORIES: Below(
                [
                    {STRIPS: Parts([b"strip", b"strips"]), STRIP_LENGTHS: (5, 6)},
                    {TILES: Parts([b"t" * 30]), TILE_LENGTHS: 30},
                ]
            ),
        },
        {STRIPS: Parts([b"preview" * 9]), STRIP_LENGTHS: 63},
        magic=magic,
        order=order,
    )


def picture(size: tuple[int, int] = (48, 32), shade: int = 0, **options: Any) -> bytes:
    """What Pillow makes of a picture with some detail."""
    image = Image.effect_noise(size, 90).convert("RGB")
    image.paste((shade % 256, shade // 256 % 256, 0), (0, 0, 8, 8))
    file = io.BytesIO()
    image.save(file, **options)
    return file.getvalue()


def segment(marker: int, payload: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def exif(thumbnail: bytes = b"", **when: str) -> bytes:
    """The segment with Exif."""
    chain: list[Entries] = [{DATE_TIME: b"2023:01:01 00:00:00\0", EXIF: Below([dated(**when)])}]
    if thumbnail:
        chain.append({THUMBNAIL: Parts([thumbnail]), THUMBNAIL_LENGTH: len(thumbnail)})
    return segment(0xE1, b"Exif\0\0" + tiff(*chain))


def jpeg(shade: int = 0, thumbnail: bool = False, segments: bytes = b"", **when: str) -> bytes:
    """A JPEG as cameras make it."""
    small = picture((16, 8), format="JPEG") if thumbnail else b""
    image = picture(shade=shade, format="JPEG")
    return image[:2] + exif(small, **when) + segments + image[2:]


@cache
def preview() -> bytes:
    """The larger of two images in a JPEG."""
    return picture((96, 64), format="JPEG")


def jpeg_with_preview() -> bytes:
    """A JPEG followed by a larger preview, as MPF has it."""

    def index(main: int, at: int) -> bytes:
        images = struct.pack("<8I", 0x030000, main, 0, 0, 0x010002, len(preview()), at, 0)
        return segment(0xE2, b"MPF\0" + tiff({0xB001: 2, 0xB002: images}))

    whole = jpeg(segments=index(0, 0))
    header = whole.index(b"MPF\0") + 4
    image = whole.replace(index(0, 0), index(len(whole), len(whole) - header))
    assert len(image) == len(whole)
    return image + preview()


def box(kind: bytes, *content: bytes) -> bytes:
    """A box of ISO base media."""
    data = b"".join(content)
    return struct.pack(">I4s", 8 + len(data), kind) + data


def long_box(kind: bytes, data: bytes) -> bytes:
    """One whose size has 64 bits."""
    return struct.pack(">I4sQ", 1, kind, 16 + len(data)) + data


def movie_header(seconds: int, version: int = 0) -> bytes:
    """The box that says when a film was made, in seconds since 1904."""
    form = ">QQ" if version else ">II"
    return box(b"mvhd", bytes([version, 0, 0, 0]), struct.pack(form, seconds, seconds), bytes(80))


def cr3() -> bytes:
    """Canon's RAW."""
    directories = box(b"CMT1", tiff({DATE_TIME: b"2023:01:01 00:00:00\0"})) + box(
        b"CMT2", tiff(dated())
    )
    return (
        box(b"ftyp", b"crx \0\0\0\1crx isom")
        + box(b"moov", box(b"uuid", CANON, directories), movie_header(EPOCH + 1))
        + box(b"uuid", bytes(16), b"preview")
        + long_box(b"mdat", b"sensor" * 20)
    )


def heif(version: int = 0) -> bytes:
    """A HEIF with Exif as an item, the second one of its kind."""
    head = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    items = b"".join(
        box(b"infe", bytes([2, 0, 0, 0]), struct.pack(">HH4s", number, 0, kind), b"\0")
        for number, kind in ((1, b"hvc1"), (2, b"Exif"))
    )
    information = box(b"iinf", bytes(4), struct.pack(">H", 2), items)
    image, taken = b"image" * 9, struct.pack(">I", 6) + b"Exif\0\0" + tiff(dated())

    def meta(at: int) -> bytes:
        method = struct.pack(">H", 0) if version else b""
        count = struct.pack(">I" if version == 2 else ">H", 2)
        places = b"".join(
            struct.pack(">I" if version == 2 else ">H", number)
            + method
            + struct.pack(">HHII", 0, 1, where, length)
            for number, where, length in ((1, at, len(image)), (2, at + len(image), len(taken)))
        )
        return box(
            b"meta",
            bytes(4),
            information,
            box(b"iloc", bytes([version, 0, 0, 0]), b"\x44\0", count, places),
        )

    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", image, taken)


def film(taken: int = EPOCH + 1_709_208_000, version: int = 0, brand: bytes = b"isom") -> bytes:
    """An MP4 or MOV whose index is behind its data."""
    return (
        box(b"ftyp", brand, bytes(4), brand)
        + box(b"mdat", b"frames" * 20)
        + box(b"moov", movie_header(taken, version), box(b"trak", b"track"))
    )


def raf() -> bytes:
    """Fujifilm's RAW."""
    preview, metadata, sensor = jpeg(), b"metadata", b"sensor" * 20
    places, at = b"", 160
    for part in (preview, metadata, sensor):
        places += struct.pack(">II", at, len(part))
        at += len(part)
    return (b"FUJIFILMCCD-RAW 0201".ljust(84, b" ") + places).ljust(160, b"\0") + (
        preview + metadata + sensor
    )


def riff(kind: bytes, size: int | None = None) -> bytes:
    """A voice memo (``WAVE``), or a film of an old camera (``AVI ``)."""
    data = kind + b"data" + struct.pack("<I", 50) + bytes(50)
    return b"RIFF" + struct.pack("<I", len(data) if size is None else size) + data
