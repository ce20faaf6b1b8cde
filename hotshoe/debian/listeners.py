"""Which programs listen on a host's TCP ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hotshoe.debian.device import Query


def _listeners(lines: Sequence[str]) -> Mapping[int, str]:
    listeners = {}
    for line in lines:
        columns = line.split(maxsplit=5)
        program = columns[5].split('"')[1] if len(columns) > 5 and '"' in columns[5] else "?"
        listeners[int(columns[3].rpartition(":")[2])] = program
    return listeners


# By port, the program's name; ``?`` where that is not known.
LISTENERS = Query("listeners", "ss -Hltnp", _listeners)
