"""Ports, as people read them."""

from __future__ import annotations

from collections.abc import Iterable


def runs(ports: Iterable[int]) -> list[tuple[int, int]]:
    """The first and the last port of each run of neighbours."""
    found: list[tuple[int, int]] = []
    for port in sorted(set(ports)):
        if found and found[-1][1] == port - 1:
            found[-1] = (found[-1][0], port)
        else:
            found.append((port, port))
    return found


def as_ranges(ports: Iterable[int], most: int = 6) -> str:
    """Ports as ranges, such as ``50000-50049, 50060``.

    :param most: how many ranges are told
    """
    ranges = runs(ports)
    parts = [f"{first}-{last}" if first < last else f"{first}" for first, last in ranges]
    more = [f"and {len(parts) - most} more ranges"] if len(parts) > most else []
    return ", ".join(parts[:most] + more)
