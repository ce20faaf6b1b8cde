"""Bytes of a file that somebody else has written: no reader leaves the bounds it was given."""

from __future__ import annotations

from typing import BinaryIO


class CutError(Exception):
    """The file ends before something that it says it has. Its text is the reason, for a person."""


class UnknownError(Exception):
    """The file is none that its reader understands, or one that would take it too long."""


class Span:
    """Some consecutive bytes of a file.

    They are read, not mapped: a file that somebody shortens meanwhile would end the program.

    :param file: the file
    :param start: where they begin, in bytes
    :param size: how many there are, in bytes
    """

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self.size = file, start, size

    def read(self, offset: int, length: int) -> bytes:
        """Read some of them.

        :param offset: where to begin, in bytes
        :param length: how many to read, in bytes
        :raises CutError: if there are fewer
        :raises OSError: if the file cannot be read
        """
        self.within(offset, length, "data")
        self._file.seek(self._start + offset)
        data = self._file.read(length)
        if len(data) < length:
            raise CutError(f"ends at byte {self._start + offset + len(data)}, while it is read")
        return data

    def within(self, offset: int, length: int, what: str) -> None:
        """Make sure that there are as many bytes as something needs.

        :param offset: where it begins, in bytes
        :param length: how many bytes it takes
        :param what: what it is, for a person
        :raises CutError: if there are fewer
        """
        if offset + length > self.size:
            end = self._start + offset + length
            raise CutError(f"ends at byte {self._start + self.size}, its {what} at byte {end}")

    def number(self, offset: int, length: int) -> int:
        """The big-endian number of ``length`` bytes at ``offset``; raises as :meth:`read` does."""
        return int.from_bytes(self.read(offset, length), "big")

    def part(self, offset: int, size: int) -> Span:
        """Some of them as a span of its own, whose offsets begin with 0 again.

        :param offset: where it begins, in bytes
        :param size: how many bytes it has
        :raises CutError: if there are fewer
        """
        self.within(offset, size, "data")
        return Span(self._file, self._start + offset, size)
