"""Has the program run: systemd starts it in a unit of its own for each connection."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# How much longer than the program a run may take, in seconds: until systemd has started it, and
# until it is ended.
BESIDES = 20
# More than any result is, in bytes.
_LONGEST_RESULT = 1 << 20
# What journalctl is asked for where a run has told nothing.
UNITS = "hotshoe-message-program@*"


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    :param failure: what went wrong, as the rest of a sentence about the program; empty if nothing
    :param output: the end of what the program printed
    :param seconds: how long it took; 0 if it did not start
    """

    failure: str
    output: str = ""
    seconds: float = 0


_SILENT = Outcome(f"did not start, or was ended from outside: see journalctl -u '{UNITS}'")


async def run(entrance: Path, photos: bytes, seconds: float) -> Outcome:
    """Have the program run for some photos.

    When this is cancelled, the program is ended.

    :param entrance: the socket on which systemd listens
    :param photos: what the program reads
    :param seconds: how long it may take
    """
    try:
        async with asyncio.timeout(seconds + BESIDES):
            return await _run(entrance, photos)
    except TimeoutError:
        return Outcome(f"has not been ended {seconds + BESIDES:g} s after it was asked for")
    except ConnectionResetError:
        return _SILENT
    except (OSError, ValueError, TypeError) as error:
        return Outcome(f"could not be started: {error}")


async def _run(entrance: Path, photos: bytes) -> Outcome:
    reader, writer = await asyncio.open_unix_connection(entrance)
    try:
        writer.write(photos)
        with suppress(ConnectionError):
            await writer.drain()
            writer.write_eof()
        told = await reader.read(_LONGEST_RESULT)
        while piece := await reader.read(_LONGEST_RESULT):
            told += piece
    finally:
        writer.close()
    if not told:
        return _SILENT
    return Outcome(**json.loads(told))
