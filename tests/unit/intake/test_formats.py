"""Whether a photo is whole, and when it was taken, by its content."""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hotshoe_intake import tiff
from hotshoe_intake.formats import Look, Verdict, exposure, look
from hotshoe_intake.jpeg import FIRST_PIECE
from tests.unit.intake import photos
from tests.unit.intake.photos import EPOCH, EXPOSURE

WHOLE, CUT, UNKNOWN = Verdict.WHOLE, Verdict.CUT, Verdict.UNKNOWN

# Of each kind one that ends with something that cannot be done without.
PHOTOS = {
    "JPEG": photos.jpeg(),
    "JPEG with a thumbnail": photos.jpeg(thumbnail=True),
    "JPEG by Pillow": photos.picture(format="JPEG", progressive=False),
    "progressive JPEG": photos.picture(format="JPEG", progressive=True),
    "JPEG with restart markers": photos.picture(format="JPEG", restart_marker_rows=1),
    "JPEG with a preview behind it (MPF)": photos.jpeg_with_preview(),
    "RAW, little-endian (NEF, ARW, DNG, CR2)": photos.raw(),
    "RAW, big-endian (NEF, PEF)": photos.raw(order=">"),
    "ORF": photos.raw(b"IIRO"),
    "ORF of other models": photos.raw(b"IIRS"),
    "ORF, big-endian": photos.raw(b"MMOR", ">"),
    "CR3": photos.cr3(),
    "HEIF": photos.heif(),
    "MP4": photos.film(),
    "MOV": photos.film(brand=b"qt  "),
    "RAF": photos.raf(),
    "WAV": photos.riff(b"WAVE"),
    "AVI": photos.riff(b"AVI "),
}


class Counting(io.BytesIO):
    """A file that counts how often and how much of it is read."""

    times = bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.times += 1
        self.bytes += len(data)
        return data


def look_at(data: bytes) -> Look:
    return look(io.BytesIO(data), len(data))


# -- whole or cut


@pytest.mark.parametrize("kind", PHOTOS)
def test_a_whole_photo_is_whole(kind):
    found = look_at(PHOTOS[kind])
    assert (found.verdict, found.reason) == (WHOLE, "")


# Of how many beginnings nothing tells whether they are cut: a HEIF that ends just behind meta may
# have its image in there, and the zeros with which the next box begins may be padding; with MPF,
# the image is there, and only a preview is not.
DOUBTFUL = {"HEIF": 4, "JPEG with a preview behind it (MPF)": len(photos.preview())}


@pytest.mark.parametrize("kind", PHOTOS)
def test_wherever_a_photo_is_cut_it_is_not_whole(kind):
    """Each of its beginnings; and all of those with its header are known to be cut, but a few."""
    data = PHOTOS[kind]
    found = [look_at(data[:size]) for size in range(len(data))]
    assert all(one.verdict is not WHOLE and one.reason for one in found)
    assert sum(one.verdict is UNKNOWN for one in found[16:]) == DOUBTFUL.get(kind, 0)


@pytest.mark.parametrize(
    ("options", "suffix"),
    [
        ({}, "strips"),
        ({"compression": "tiff_lzw"}, "strips, compressed"),
        ({"compression": "tiff_adobe_deflate", "strip_size": 512}, "many strips"),
    ],
    ids=str,
)
def test_a_tiff_by_pillow_is_seen_to_be_whole_as_long_as_its_image_is(options, suffix):
    data = photos.picture((90, 60), format="TIFF", **options)
    assert look_at(data).verdict is WHOLE
    # libtiff may leave a byte of padding.
    assert all(look_at(data[:size]).verdict is not WHOLE for size in range(len(data) - 1))


def test_a_jpeg_that_is_cut_behind_the_end_of_its_thumbnail_is_cut():
    data = PHOTOS["JPEG with a thumbnail"]
    end = data.index(b"\xff\xd9") + 2
    assert end < data.index(b"\xff\xda", end)
    assert look_at(data[:end]).verdict is CUT


@pytest.mark.parametrize("behind", [b"\0" * 70_000, b"SEFT vendor data", b"\xff\xd9", b"\0\xff"])
def test_what_cameras_append_to_a_jpeg_is_no_part_of_its_image(behind):
    assert look_at(photos.jpeg() + behind).verdict is WHOLE


def test_zeros_where_the_disk_lost_the_end_are_not_the_end():
    """As after a power cut: the size is right, the content is not there."""
    data = photos.jpeg()
    assert look_at(data[:-300] + bytes(300)) == Look(
        CUT, "ends before the end of its image", EXPOSURE
    )


def test_a_photo_that_only_lacks_what_belongs_to_it_is_not_cut():
    """CUT is removed some day, and this has its image."""
    data = photos.jpeg_with_preview()
    size = len(data)
    reason = f"has its image, but ends at byte {size - 1}, its further images at byte {size}"
    assert look_at(data[:-1]) == Look(UNKNOWN, reason, EXPOSURE)
    strip = {photos.STRIPS: photos.Parts([b"strip"]), photos.STRIP_LENGTHS: 5}
    data = photos.tiff(strip | {0xF000: b"metadata behind the image"})
    size = len(data)
    reason = f"has its image, but ends at byte {size - 1}, its metadata at byte {size}"
    assert look_at(data[:-1]) == Look(UNKNOWN, reason, None)
    data = photos.tiff(strip | {photos.EXIF: 10**6})
    assert look_at(data).verdict is UNKNOWN
    for film in (photos.film(), photos.film()[20:]):
        found = look_at((film + photos.box(b"uuid", bytes(30)))[:-1])
        assert found.verdict is UNKNOWN
        assert found.reason.startswith("has its data, but ends at byte"), found
    # Its data may go on in a second box.
    assert look_at(photos.film() + photos.box(b"mdat", bytes(30))[:-1]).verdict is CUT


def test_what_is_no_directory_of_a_tiff_is_not_a_cut_one():
    """Sony's first ARW has the data of the sensor where others have a directory."""
    entries = {photos.STRIPS: photos.Parts([b"strip"]), photos.STRIP_LENGTHS: 5}
    sensor = struct.pack("<H", 900) + bytes(range(1, 250)) * 50
    data = photos.tiff(entries | {photos.SUB_DIRECTORIES: 200}).ljust(200, b"\0") + sensor
    assert look_at(data).verdict is UNKNOWN


def test_the_rest_of_a_tiff_s_chain_counts_and_what_follows_other_directories_does_not():
    preview = {photos.STRIPS: photos.Parts([b"preview"]), photos.STRIP_LENGTHS: 7}
    assert look_at(photos.tiff(preview)).verdict is WHOLE
    assert look_at(photos.tiff(preview, following=10**6)).verdict is CUT
    # Some cameras leave anything behind the Exif directory.
    data = photos.raw()
    exif = data.index(struct.pack("<HH", 0x9003, 2))
    after = exif + 2 * 12
    assert data[after : after + 4] == bytes(4)
    assert look_at(data[:after] + b"\xff" * 4 + data[after + 4 :]).verdict is WHOLE


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("no image", photos.tiff({photos.DATE_TIME: b"2024:02:29 12:00:00\0"})),
        ("strips without lengths", photos.tiff({photos.STRIPS: photos.Parts([b"strip"])})),
        ("fewer lengths", photos.tiff({photos.STRIPS: (8, 9), photos.STRIP_LENGTHS: 1})),
        ("BigTIFF", b"II+\0\x08\0\0\0" + bytes(60)),
        ("last box open", photos.film() + struct.pack(">I4s", 0, b"mdat") + bytes(9)),
        ("fragments", photos.film() + photos.box(b"moof", b"1") + photos.box(b"mdat", b"1")),
        ("meta only", photos.box(b"ftyp", b"heic\0\0\0\0mif1") + photos.box(b"meta", bytes(4))),
        ("no box", photos.film() + b"\0\0\0\x20\1\2\3\4" + bytes(24)),
        ("recorded without a size", photos.riff(b"WAVE", 0)),
        ("recorded without a size", photos.riff(b"AVI ", 0xFFFFFFFF)),
        ("another RIFF", photos.riff(b"WEBP")),
        ("no image", b"\xff\xd8\xff\xd9"),
        ("no segment", b"\xff\xd8\xff\xe0\0\4ab" + b"junk" * 9),
        ("text", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"),
        ("PNG", b"\x89PNG\r\n\x1a\n" + bytes(50)),
        ("CRW", b"II\x1a\0\0\0HEAPCCDR" + bytes(50)),
        ("one byte", b"x"),
    ],
)
def test_what_does_not_tell_where_it_ends_is_neither_whole_nor_cut(what, data):
    found = look_at(data)
    assert found.verdict is UNKNOWN, found
    assert found.reason


def test_panasonic_does_not_say_how_long_its_data_are():
    """Strips at 0xFFFFFFFF of a length that is none: RW2 has them, and is not cut by that."""
    entries = {
        photos.STRIPS: 0xFFFFFFFF,
        photos.STRIP_LENGTHS: 20_511_792,
        0x2E: b"a JPEG",
        0x118: 200,
        photos.EXIF: photos.Below([photos.dated()]),
    }
    data = photos.tiff(entries, magic=b"IIU\0").ljust(300, b"d")
    assert look_at(data) == Look(UNKNOWN, "does not say how long its image is", EXPOSURE)
    assert look_at(data[:200]).verdict is CUT
    assert look_at(data[:120]).verdict is CUT


def test_zeros_behind_boxes_are_padding():
    assert look_at(photos.film() + bytes(20)).verdict is WHOLE
    assert look_at(photos.film() + bytes(3)).verdict is WHOLE


@pytest.mark.parametrize("missing", [b"moov", b"mdat"])
def test_a_film_cut_between_two_boxes_is_cut(missing):
    head, data = photos.box(b"ftyp", b"isom", bytes(4)), photos.box(b"mdat", b"1")
    rest = photos.box(b"moov", b"") if missing == b"mdat" else data
    reason = f"ends before its {'index' if missing == b'moov' else 'data'}"
    assert look_at(head + rest) == Look(CUT, reason, None)


def test_a_long_film_goes_on_in_further_chunks():
    first = photos.riff(b"AVI ")
    assert look_at(first + photos.riff(b"AVIX")).verdict is WHOLE
    assert look_at(first + photos.riff(b"AVIX")[:-1]).verdict is CUT
    # A chunk of an odd size is followed by a byte of padding.
    odd = b"RIFF" + struct.pack("<I", 7) + b"AVI odd"
    assert look_at(odd + b"\0" + photos.riff(b"AVIX")[:-1]).verdict is CUT


@pytest.mark.parametrize("head", [b"\xff", b"\xff\xd8", b"II", b"MM\0", b"FUJIFILMCCD-RAW"])
def test_what_ends_within_its_signature_is_cut(head):
    assert look_at(head).verdict is CUT


def test_an_empty_file_is_cut():
    assert look_at(b"") == Look(CUT, "is empty", None)


def test_a_file_that_gets_shorter_while_it_is_read_is_cut():
    data = photos.raw()
    assert look(io.BytesIO(data[:100]), len(data)).verdict is CUT


# -- when


@pytest.mark.parametrize(
    "kind", [kind for kind in PHOTOS if not any(no in kind for no in ("Pillow", "pro", "restart"))]
)
def test_when_a_photo_was_taken_is_read(kind):
    taken = look_at(PHOTOS[kind]).exposure
    assert exposure(io.BytesIO(PHOTOS[kind]), len(PHOTOS[kind])) == taken
    if kind in ("WAV", "AVI"):
        assert taken is None
    elif kind in ("MP4", "MOV"):
        assert taken is not None
    else:
        assert taken == EXPOSURE


@pytest.mark.parametrize("version", [0, 1, 2])
def test_exif_is_found_in_every_form_of_heif(version):
    assert look_at(photos.heif(version)) == Look(WHOLE, "", EXPOSURE)


def test_a_cut_photo_says_when_it_was_taken_if_that_arrived():
    data = photos.jpeg()
    assert look_at(data[: len(data) // 2 + 200]).exposure == EXPOSURE


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("version", [0, 1])
def test_a_film_s_time_is_utc_and_becomes_local(monkeypatch, zone, version):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        at = 1_709_208_000  # 12:00 UTC
        expected = {"UTC": "12", "Europe/Berlin": "13", "America/New_York": "07"}[zone]
        film = photos.film(EPOCH + at, version)
        assert look_at(film).exposure == f"2024-02-29T{expected}:00:00"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("seconds", [0, 1, EPOCH, 2**64 - 1, 2**63])
def test_a_film_whose_clock_was_never_set_has_no_time(seconds):
    assert look_at(photos.film(seconds, version=1)) == Look(WHOLE, "", None)


@pytest.mark.parametrize(
    ("taken", "fraction", "expected"),
    [
        ("2024:02:29 12:00:00", "", "2024-02-29T12:00:00"),
        ("2024:02:29 12:00:00", "007", "2024-02-29T12:00:00.007"),
        ("2024:02:29 12:00:00", " 5 ", "2024-02-29T12:00:00.5"),
        ("2024:02:29 12:00:00", "²", "2024-02-29T12:00:00"),
        ("2024:02:29 12:00:00", "../../x", "2024-02-29T12:00:00"),
        ("2024-02-29T12:00:00", "", "2024-02-29T12:00:00"),
        # Not in the calendar, never set, or something else: the date of the change is used.
        ("2023:02:29 12:00:00", "1", "2023-01-01T00:00:00"),
        ("0000:00:00 00:00:00", "1", "2023-01-01T00:00:00"),
        ("0001:01:01 00:00:00", "1", "2023-01-01T00:00:00"),
        ("    :  :     :  :  ", "", "2023-01-01T00:00:00"),
        ("2024:02:29 24:00:00", "", "2023-01-01T00:00:00"),
        ("٢٠٢٤:02:29 12:00:00", "", "2023-01-01T00:00:00"),
        ("", "", "2023-01-01T00:00:00"),
    ],
)
def test_only_what_is_a_moment_counts(taken, fraction, expected):
    assert look_at(photos.jpeg(taken=taken, fraction=fraction)).exposure == expected
    assert look_at(photos.raw(taken=taken, fraction=fraction)).exposure == expected


# -- whatever a stranger sends

HEADS = [
    b"",
    b"\xff\xd8\xff",
    b"\xff\xd8\xff\xe1\0\x20Exif\0\0II*\0\x08\0\0\0",
    *tiff.MAGIC,
    b"II*\0\x08\0\0\0",
    b"FUJIFILMCCD-RAW ",
    b"RIFF\x20\0\0\0WAVE",
    b"\0\0\0\x14ftypheic\0\0\0\0mif1",
    b"\0\0\0\x10ftypcrx \0\0\0\1\0\0\0\x40moov",
]


@given(st.sampled_from(HEADS), st.binary(max_size=400))
@example(b"", b"")
def test_garbage_is_never_an_error(head, rest):
    found = look_at(head + rest)
    assert bool(found.reason) is (found.verdict is not WHOLE)


@given(
    st.sampled_from(sorted(PHOTOS)),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6),
    st.integers(0, 3000),
)
def test_a_damaged_photo_is_never_an_error(kind, changes, size):
    data = bytearray(PHOTOS[kind])
    for at, byte in changes:
        data[at % len(data)] = byte
    look_at(bytes(data[:size] or data))


def _directory(*entries: tuple[int, int, int, int]) -> bytes:
    data = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + data + struct.pack("<I", 8)


def _items() -> bytes:
    item = struct.pack(">HHH", 7, 0, 0xFFFF)
    places = photos.box(b"iloc", bytes(4), b"\0\0", struct.pack(">H", 0xFFFF), item * 0xFFFF)
    exif = photos.box(b"infe", bytes([2, 0, 0, 0]), struct.pack(">HH4s", 1, 0, b"Exif"))
    items = photos.box(b"iinf", bytes(4), struct.pack(">H", 1), exif)
    return photos.box(b"ftyp", b"heic\0\0\0\0mif1") + photos.box(b"meta", bytes(4), items, places)


TAGS = (photos.STRIPS, photos.STRIP_LENGTHS, photos.SUB_DIRECTORIES)
# What would take for ever, or all memory, if one believed it.
ENDLESS: dict[str, Callable[[], bytes]] = {
    "a directory below itself": lambda: _directory((photos.SUB_DIRECTORIES, 4, 1, 8)),
    "numbers": lambda: _directory(*((tag, 4, 1 << 30, 0) for tag in TAGS)),
    "numbers that are there": lambda: (
        _directory(*((tag, 4, 1 << 18, 0) for tag in TAGS)) + bytes(1 << 20)
    ),
    "directories": lambda: photos.tiff(*[{1: 1}] * 1000),
    "one directory": lambda: photos.tiff({photos.SUB_DIRECTORIES: photos.Below([{1: 1}] * 1000)}),
    "segments": lambda: b"\xff\xd8" + b"\xff\xe0\0\2" * 100_000,
    "fill bytes": lambda: b"\xff\xd8" + b"\xff" * 300_000,
    "segments in a scan": lambda: PHOTOS["JPEG"][:-2] + b"\xff\xe0\0\2" * 100_000,
    "boxes": lambda: photos.film() + photos.box(b"free") * 100_000,
    "boxes in a box": lambda: (
        photos.box(b"ftyp", b"isom") + photos.box(b"moov", photos.box(b"free") * 100_000)
    ),
    "items": _items,
    "chunks": lambda: photos.riff(b"AVI ") + b"RIFF\2\0\0\0xx" * 100_000,
    "zeros": lambda: PHOTOS["JPEG"][:-2] + bytes(8 << 20),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_no_file_takes_long(what):
    file = Counting(ENDLESS[what]())
    size = len(file.getvalue())
    began = time.process_time()
    assert look(file, size).verdict is not WHOLE
    assert file.times < 30_000
    assert file.bytes < size + (1 << 25)
    assert time.process_time() - began < 2


def test_of_a_film_its_boxes_are_read(tmp_path):
    """Of 4 GB in its middle, which are a hole here, nothing is."""
    path, size = tmp_path / "film", 1 << 32
    head = photos.box(b"ftyp", b"isom", bytes(4))
    with path.open("wb") as file:
        file.write(head + struct.pack(">I4sQ", 1, b"mdat", size))
        file.seek(len(head) + size)
        file.write(photos.box(b"moov", photos.movie_header(EPOCH + 1)))
    began = time.process_time()
    with path.open("rb") as film:
        assert look(film, path.stat().st_size).verdict is WHOLE
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("padding", [0, 1000])
def test_of_a_jpeg_its_beginning_and_its_end_are_read(padding):
    data = photos.jpeg()
    begin = data.index(b"\xff\xda") + 200
    file = Counting(data[:begin] + b"\x11" * (20 << 20) + data[begin:] + bytes(padding))
    assert look(file, len(file.getvalue())).verdict is WHOLE
    assert file.bytes < 200_000


def test_the_end_of_an_image_is_found_across_the_pieces_that_are_read():
    data = photos.picture(format="JPEG", quality=50)[:-2]
    for more in range(FIRST_PIECE):
        scan = data + b"\x11" * more + b"\xff\xd9"
        # What is behind it keeps the end from being seen at once.
        assert look_at(scan + b"vendor").verdict is WHOLE, more
