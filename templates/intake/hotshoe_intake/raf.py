"""RAF, Fujifilm's RAW: a header with a table of what follows; the date is in an embedded JPEG."""

from __future__ import annotations

import struct

from hotshoe_intake.jpeg import Jpeg
from hotshoe_intake.spans import CutError, Span, UnknownError

MAGIC = b"FUJIFILMCCD-RAW "
# The table: offset and length of a JPEG, of metadata, and of the data of the sensor.
TABLE, ROWS = 84, 3


def extents(span: Span) -> list[tuple[int, int]]:
    """Offset and length, in bytes, of everything in the table."""
    return list(struct.iter_unpack(">2I", span.read(TABLE, 8 * ROWS)))


def check(span: Span) -> None:
    """Make sure that nothing is missing.

    :raises CutError: if the file ends before something that it says it has
    :raises UnknownError: if it has no data of a sensor
    """
    rows = extents(span)
    if not rows[-1][1]:
        raise UnknownError("is a RAF that does not say how long its image is")
    for offset, length in rows:
        span.within(offset, length, "image")


def exposure(span: Span) -> str | None:
    """When the photo was taken; None if that is not said."""
    try:
        offset, length = extents(span)[0]
        return Jpeg(span.part(offset, length)).exposure()
    except (CutError, UnknownError):
        return None
