"""What the journal tells of photos that have just come into the library."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from systemd import journal

from hotshoe_delivery.system import WARNING, say

# The unit of such a line is journald's word, which nobody can forge.
UNIT = "hotshoe-intake.service"
# Until a journal that cannot be read is tried again, in seconds.
PAUSE = 10


def follower(came: Callable[[str, float], None], lost: Callable[[], None]) -> threading.Thread:
    """What follows the journal from now on, and tells it once it is started.

    What came before is found by a look at all of the library, so no place in it is remembered.

    :param came: called with the whole path of each photo, and when it came, in seconds since 1970
    :param lost: called when lines may have been missed
    """
    arguments = _reader(), came, lost
    return threading.Thread(target=_follow, args=arguments, daemon=True, name="journal")


def _reader() -> Any:
    reader = journal.Reader()
    reader.add_match(_SYSTEMD_UNIT=UNIT)
    reader.add_match(HOTSHOE_EVENT="library")
    reader.seek_tail()
    # Without that, the first look begins anywhere; and where there is no such line yet, what
    # follows the end is never found.
    if not reader.get_previous():
        reader.seek_head()
    return reader


def _follow(reader: Any, came: Callable[[str, float], None], lost: Callable[[], None]) -> None:
    while True:
        try:
            reader.wait(60)
            for entry in reader:
                path = entry.get("HOTSHOE_PATH")
                if isinstance(path, str | bytes):
                    whole = path if isinstance(path, str) else os.fsdecode(path)
                    came(whole, entry["__REALTIME_TIMESTAMP"].timestamp())
        # Such as a ledger that cannot be written, since that disk is full.
        except Exception as error:
            say(f"the journal cannot be followed: {error!r}; photos are found by looking", WARNING)
            time.sleep(PAUSE)
            with suppress(OSError):
                reader = _reader()
            lost()
