"""Amounts of bytes as a person writes and reads them."""

from __future__ import annotations

_UNITS = ("TB", "GB", "MB", "kB")


def written(size: int) -> str:
    """An amount with the largest unit that leaves it whole, so that no digit is lost.

    :param size: in bytes
    :returns: such as ``500 GB``; units are decimal, as on disks
    """
    for power, unit in zip(range(4, 0, -1), _UNITS, strict=True):
        whole, rest = divmod(size, 1000**power)
        if whole and not rest:
            return f"{whole} {unit}"
    return f"{size} bytes"
