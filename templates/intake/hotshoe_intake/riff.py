"""RIFF: the voice memos and the films of older cameras, WAV and AVI."""

from __future__ import annotations

from hotshoe_intake.spans import Span, UnknownError

MAGIC = b"RIFF"
# OpenDML continues a long film in further chunks, each of about a gigabyte.
CHUNKS = 4096
# A recorder that does not know how long it will be says one of these.
NO_SIZES = frozenset({0, 0xFFFFFFFF})


def check(span: Span) -> None:
    """Make sure that its chunks are there to their ends.

    That a long film (OpenDML) ends just between two of them is not seen.

    :raises CutError: if the file ends before
    :raises UnknownError: if it does not say how long it is
    """
    at = 0
    for _ in range(CHUNKS):
        if at + 8 > span.size or span.read(at, 4) != MAGIC:
            return
        size = int.from_bytes(span.read(at + 4, 4), "little")
        if size in NO_SIZES:
            raise UnknownError("does not say how long it is")
        span.within(at + 8, size, "content")
        at += 8 + size + size % 2
    raise UnknownError(f"has more than {CHUNKS} RIFF chunks")
