"""Interim."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import BinaryIO


class Verdict(enum.Enum):
    """Verdict."""

    WHOLE = "whole"
    CUT = "cut"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Look:
    """Look."""

    verdict: Verdict
    reason: str
    exposure: str | None


def look(file: BinaryIO, size: int) -> Look:
    """Look."""
    if size == 0:
        return Look(Verdict.CUT, "it is empty", None)
    if file.read(2) == b"\xff\xd8":
        file.seek(size - 2)
        whole = file.read(2) == b"\xff\xd9"
        return Look(Verdict.WHOLE if whole else Verdict.CUT, "a JPEG without its end", None)
    return Look(Verdict.UNKNOWN, "", None)
