"""Whether a photo is whole, and when it was taken, by its content.

That the server has said 226 does not prove that a photo is whole: a client that closes TLS properly
in the middle of one gets it as well. The formats that cameras write say how long they are, or where
they end, so what is missing at the end is seen, without decoding anything.

No library does it. ``exifread`` reads dates, but not whether a file is whole, and no CR3; and its
package on Debian 12, python3-exif 3.0.0-1, holds documentation only. Pillow and libraw decode
images, in C, which is much to trust with what a stranger may have sent, and Pillow knows few RAW
formats.

What is doubtful is UNKNOWN, not CUT: CUT is removed some day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO

from hotshoe_intake import boxes, raf, riff, tiff
from hotshoe_intake.jpeg import MAGIC as JPEG_MAGIC
from hotshoe_intake.jpeg import Jpeg
from hotshoe_intake.spans import CutError, Span, UnknownError


class Verdict(Enum):
    """What the content of a file says of its end."""

    WHOLE = "whole"
    CUT = "cut"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Look:
    """What the content of a file tells.

    :param verdict: whether it is whole
    :param reason: why it is not, or why nothing tells, for a person; empty if it is whole
    :param exposure: when it was taken, local time, such as ``2024-02-29T12:00:00.25``; None if
        that is not said
    """

    verdict: Verdict
    reason: str
    exposure: str | None


@dataclass(frozen=True)
class _Format:
    """How to look at one.

    :param check: raises CutError or UnknownError unless it is whole
    :param exposure: when it was taken; may raise both
    """

    check: Callable[[Span], None]
    exposure: Callable[[Span], str | None]


_JPEG = _Format(lambda span: Jpeg(span).check(), lambda span: Jpeg(span).exposure())
_TIFF = _Format(lambda span: tiff.Tiff(span).check(), tiff.exposure)
_RAF = _Format(raf.check, raf.exposure)
_BOXES = _Format(boxes.check, boxes.exposure)
_RIFF = _Format(riff.check, lambda _: None)
_SIGNATURES = (JPEG_MAGIC, *tiff.MAGIC, raf.MAGIC, riff.MAGIC)


def _format(span: Span) -> _Format | None:
    head = span.read(0, min(span.size, 16))
    if head.startswith(JPEG_MAGIC):
        return _JPEG
    if head[:4] in tiff.MAGIC:
        return _TIFF
    if head == raf.MAGIC:
        return _RAF
    if head[4:8] in boxes.FIRST:
        return _BOXES
    if head.startswith(riff.MAGIC) and head[8:12] in (b"WAVE", b"AVI "):
        return _RIFF
    if any(len(head) < len(each) and each.startswith(head) for each in _SIGNATURES):
        raise CutError("ends within the bytes by which its format is known")
    return None


def look(file: BinaryIO, size: int) -> Look:
    """Look whether a file is whole, and when it was taken.

    Its name does not count. Bytes that nothing in the file tells of may be missing at its end: what
    cameras append to a JPEG outside MPF, a preview that only a MakerNote knows, padding.

    :param file: the file
    :param size: how long it is, in bytes
    :raises OSError: if it cannot be read; never for what is in it
    """
    if not size:
        return Look(Verdict.CUT, "is empty", None)
    return Look(*_verdict(Span(file, 0, size)), exposure(file, size))


def _verdict(span: Span) -> tuple[Verdict, str]:
    try:
        form = _format(span)
        if form is None:
            return Verdict.UNKNOWN, "is in no format that tells where it ends"
        form.check(span)
    except CutError as cut:
        return Verdict.CUT, str(cut)
    except UnknownError as unknown:
        return Verdict.UNKNOWN, str(unknown)
    return Verdict.WHOLE, ""


def exposure(file: BinaryIO, size: int) -> str | None:
    """When a photo was taken, by its content.

    :param file: the file
    :param size: how long it is, in bytes
    :returns: local time, such as ``2024-02-29T12:00:00.25``; None if that is not said
    :raises OSError: if it cannot be read; never for what is in it
    """
    span = Span(file, 0, size)
    try:
        form = _format(span)
        return form.exposure(span) if form else None
    except (CutError, UnknownError):
        return None
