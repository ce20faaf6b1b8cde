"""The journal of hotshoe-intake, from where it was last read on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from systemd import journal

from hotshoe_message.photos import UNSEEN, Photo

INTAKE = "hotshoe-intake.service"
# That a photo is in the library and on the disk.
EVENT = "library"


def read_entry(entry: dict[str, Any], library: str) -> Photo | None:
    """The photo that an entry of the journal tells of.

    :param entry: its fields
    :param library: the path of the library
    :returns: None if it tells of none
    """
    path, camera = _text(entry.get("HOTSHOE_PATH")), _text(entry.get("HOTSHOE_CAMERA"))
    if not path.startswith(f"{library}/"):
        return None
    try:
        state = Path(path).lstat()
        size, written = state.st_size, state.st_mtime_ns
    except OSError:
        # Somebody has moved it already.
        size, written = int(_text(entry.get("HOTSHOE_BYTES")) or 0), UNSEEN
    return Photo(camera, path, size, written, entry["__REALTIME_TIMESTAMP"].timestamp())


def _text(value: Any) -> str:
    """A field; one that is no UTF-8 comes as bytes. Whoever sends several of a name gets none."""
    if isinstance(value, int):
        return str(value)
    return os.fsdecode(value) if isinstance(value, str | bytes) else ""


class Journal:
    """What hotshoe-intake tells of photos in the library.

    :param owner: the user id of hotshoe-intake
    :param library: the path of the library
    :param cursor: of the entry that was read last; None if none was
    :param since: from when on, as time.time() counts, where there is no cursor
    """

    def __init__(self, owner: int, library: str, cursor: str | None, since: float) -> None:
        self._library = library
        self._reader = journal.Reader()
        # The first two are journald's own word; programs may send the third.
        self._reader.add_match(_UID=owner, _SYSTEMD_UNIT=INTAKE, HOTSHOE_EVENT=EVENT)
        self._read = cursor
        if cursor:
            # Where that entry is gone, this is the one that came next.
            self._reader.seek_cursor(cursor)
        else:
            self._reader.seek_realtime(max(0, since))
        self.fd: int = self._reader.fileno()

    def read(self) -> Iterator[tuple[str, Photo | None]]:
        """What is new, without waiting for it: the cursor of each entry, and its photo."""
        self._reader.process()
        for entry in self._reader:
            cursor = entry["__CURSOR"]
            if cursor == self._read:
                continue
            try:
                photo = read_entry(entry, self._library)
            except (ValueError, TypeError, KeyError):
                # One that makes no sense must not hide the others.
                photo = None
            self._read = cursor
            yield cursor, photo
