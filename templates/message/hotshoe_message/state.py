"""What has to be told and what has been, in a file (SQLite) that a power cut leaves whole."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hotshoe_message.photos import UNSEEN, Photo

_TABLES = """
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, tries INTEGER NOT NULL, due REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS photo (
    id INTEGER PRIMARY KEY, camera TEXT NOT NULL, path BLOB NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, at REAL NOT NULL, message INTEGER
);
CREATE INDEX IF NOT EXISTS photo_file ON photo (size, mtime_ns);
CREATE INDEX IF NOT EXISTS photo_message ON photo (message);
"""
# In the place of a message's number: what was there before messages were wanted. Until it is in a
# message, a photo has none.
_NOT_TOLD = 0
# How long after its last byte a photo is in the library at most, unless something was down, in
# seconds.
_RIGHT_AFTER = 60


@dataclass(frozen=True)
class Message:
    """Photos that the program has to be told of together.

    :param number: of the message
    :param tries: how often the program was started for it
    :param photos: in the order in which they came
    """

    number: int
    tries: int
    photos: tuple[Photo, ...]


class State:
    """The file.

    :param path: of it
    :raises sqlite3.Error: if it cannot be read or written
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        # What is told to be written is on the disk: the journal may lose its last lines.
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Have nothing open any more."""
        self._db.close()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """All of what is changed in it, or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def fact(self, name: str) -> str | None:
        """What is remembered under a name."""
        row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def remember(self, name: str, value: str) -> None:
        """Remember something under a name."""
        self._db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    # -- photos

    def files(self) -> set[tuple[int, int]]:
        """Size and time (:attr:`Photo.mtime_ns`) of every photo that is known.

        By these, one is known again wherever somebody has moved it.
        """
        return set(self._db.execute("SELECT size, mtime_ns FROM photo"))

    def has(self, photo: Photo) -> bool:
        """Whether that photo is known at that place."""
        query = "SELECT 1 FROM photo WHERE size = ? AND mtime_ns = ? AND path = ? LIMIT 1"
        values = (photo.size, photo.mtime_ns, os.fsencode(photo.path))
        return self._db.execute(query, values).fetchone() is not None

    def found_again(self, photo: Photo) -> bool:
        """Whether a photo is one that somebody had moved before it could be looked at.

        Of such a one the size is known, and when it came, which is right after it was written.
        """
        query = (
            "UPDATE photo SET mtime_ns = ? WHERE id = (SELECT id FROM photo"
            " WHERE size = ? AND mtime_ns = ? AND abs(at - ?) < ? LIMIT 1)"
        )
        written = photo.mtime_ns / 10**9
        values = (photo.mtime_ns, photo.size, UNSEEN, written, _RIGHT_AFTER)
        return self._db.execute(query, values).rowcount > 0

    def add(self, photo: Photo, *, told: bool) -> None:
        """A photo is there.

        :param told: whether it is to be told, as soon as it is in a message
        """
        self._db.execute(
            "INSERT INTO photo (camera, path, size, mtime_ns, at, message)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(photo.camera, os.fsencode(photo.path), photo.size, photo.mtime_ns, photo.at),
                None if told else _NOT_TOLD,
            ),
        )

    def waiting(self) -> int:
        """How many photos are to be told and in no message yet."""
        row = self._db.execute("SELECT count(*) FROM photo WHERE message IS NULL").fetchone()
        return int(row[0])

    # -- messages

    def make_message(self, now: float) -> None:
        """Put all photos that wait into one message.

        :param now: as time.time() counts
        """
        self._db.execute(
            "UPDATE photo SET message = ? WHERE message IS NULL", (self._new_message(now),)
        )

    def make_messages(self, now: float) -> None:
        """Put each photo that waits into a message of its own."""
        for (photo,) in self._db.execute("SELECT id FROM photo WHERE message IS NULL").fetchall():
            number = self._new_message(now)
            self._db.execute("UPDATE photo SET message = ? WHERE id = ?", (number, photo))

    def _new_message(self, now: float) -> int | None:
        return self._db.execute("INSERT INTO message (tries, due) VALUES (0, ?)", (now,)).lastrowid

    def due(self, now: float, besides: Iterable[int], most: int) -> list[Message]:
        """Messages whose time has come: new ones first, so that none waits for those that fail.

        :param now: as time.time() counts
        :param besides: those that are under way
        :param most: how many
        """
        query = "SELECT id, tries FROM message WHERE due <= ? ORDER BY tries, id"
        busy = set(besides)
        found: list[Message] = []
        for number, tries in self._db.execute(query, (now,)):
            if len(found) >= most:
                break
            if number not in busy:
                found.append(Message(number, tries, self._photos_of(number)))
        return found

    def _photos_of(self, number: int) -> tuple[Photo, ...]:
        rows = self._db.execute(
            "SELECT camera, path, size, mtime_ns, at FROM photo WHERE message = ? ORDER BY at, id",
            (number,),
        )
        return tuple(Photo(camera, os.fsdecode(path), *rest) for camera, path, *rest in rows)

    def next_due(self, besides: Iterable[int]) -> float | None:
        """When the next message is due, as time.time() counts; None if there is none."""
        busy = set(besides)
        dues = self._db.execute("SELECT due, id FROM message ORDER BY due")
        return next((due for due, number in dues if number not in busy), None)

    def tried(self, number: int, due: float) -> None:
        """The program has failed for a message, which is due again then."""
        self._db.execute(
            "UPDATE message SET tries = tries + 1, due = ? WHERE id = ?", (due, number)
        )

    def done(self, number: int) -> None:
        """A message is not to be told any more. Its photos stay known."""
        self._db.execute("DELETE FROM message WHERE id = ?", (number,))

    def try_all(self, now: float) -> int:
        """Have all messages for which the program has failed be due, as if they were new.

        :param now: as time.time() counts
        :returns: how many
        """
        query = "UPDATE message SET tries = 0, due = ? WHERE tries > 0"
        return self._db.execute(query, (now,)).rowcount

    def not_later(self, latest: float) -> None:
        """Have no message be due later than then, as after a clock that was wrong.

        :param latest: as time.time() counts
        """
        self._db.execute("UPDATE message SET due = ? WHERE due > ?", (latest, latest))
