"""The ledger: which photos there are, who has them, and what waits. All SQL is here.

Photos are identified by path, size and time of last change: another content under the same path is
another photo. Their numbers are in the order in which they came into the library, and are never
given again. One that has left the library keeps its row, so that what comes back is not delivered
twice; after a year it is forgotten.

Any thread may call anything here; each call is a transaction. Paths are from the root of the
library on, as :func:`os.fsdecode` gives them.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# How long a photo that has left the library is remembered, in seconds.
REMEMBERED = 365 * 86400
# PRAGMA user_version of what is below. A ledger of another one is begun anew.
VERSION = 1
_TABLES = """
CREATE TABLE photos (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    arrived REAL NOT NULL,
    sha256 TEXT,
    md5 TEXT,
    gone REAL,
    why_gone TEXT,
    UNIQUE (path, size, mtime_ns)
);
CREATE INDEX photos_present ON photos (path) WHERE gone IS NULL;
CREATE INDEX photos_by_age ON photos (arrived, id) WHERE gone IS NULL;
CREATE VIEW library AS
    SELECT id, path, size, mtime_ns, arrived, sha256, md5 FROM photos WHERE gone IS NULL;
CREATE TABLE destinations (
    name TEXT PRIMARY KEY,
    place TEXT NOT NULL,
    error TEXT,
    failing_since REAL,
    next_try REAL,
    succeeded REAL
);
CREATE TABLE deliveries (
    destination TEXT NOT NULL REFERENCES destinations ON DELETE CASCADE,
    photo INTEGER NOT NULL REFERENCES photos ON DELETE CASCADE,
    state TEXT NOT NULL DEFAULT 'waiting',
    name BLOB,
    delivered REAL,
    verified REAL,
    error TEXT,
    tries INTEGER NOT NULL DEFAULT 0,
    next_try REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (destination, photo)
) WITHOUT ROWID;
CREATE TABLE remarks (
    about TEXT PRIMARY KEY,
    text TEXT NOT NULL
);
CREATE INDEX deliveries_waiting ON deliveries (destination, photo) WHERE state = 'waiting';
CREATE INDEX deliveries_of_photo ON deliveries (photo);
"""


@dataclass(frozen=True)
class Found:
    """A photo as it is in the library.

    :param path: from the root of the library on
    :param size: in bytes
    :param mtime_ns: when it was changed last, in nanoseconds since 1970
    :param arrived: since when it is there, in seconds since 1970
    """

    path: str
    size: int
    mtime_ns: int
    arrived: float


@dataclass(frozen=True)
class Photo:
    """A photo that the ledger knows.

    :param id: its number
    :param path: from the root of the library on
    :param size: in bytes
    :param mtime_ns: when it was changed last, in nanoseconds since 1970
    :param arrived: since when it is in the library, in seconds since 1970
    :param sha256: of its content, in hexadecimal digits; None until that has been read
    :param md5: the same
    :param name: what it is called at the destination that was asked about, from its folder on; None
        until it is there
    """

    id: int
    path: str
    size: int
    mtime_ns: int
    arrived: float
    sha256: str | None = None
    md5: str | None = None
    name: str | None = None


# SQLite would begin with all that is in the library.
_WAITING = (
    "SELECT library.*, name FROM deliveries INDEXED BY deliveries_waiting"
    " CROSS JOIN library ON library.id = photo WHERE destination = ?1 AND state = 'waiting'"
    # Or later than anything is put off: the clock was wrong then.
    " AND (next_try <= ?2 OR next_try > ?2 + 3600) "
)
# What people are told of a photo.
_TOLD = "id path size arrived sha256 gone why_gone"
_SELECT_TOLD = "SELECT id, path, size, arrived, sha256, gone, why_gone FROM photos "
# In the order of the index, so that the first one costs the same however many wait.
_ORDERED = {
    "oldest": _WAITING + "ORDER BY photo LIMIT ?3",
    "newest": _WAITING + "ORDER BY photo DESC LIMIT ?3",
}


class Ledger:
    """The ledger in a file.

    :param path: of the file; it is made if it is missing, and begun anew, with the old one beside
        it, if it cannot be read
    :param read_only: whether it is only looked at, while the service goes on writing
    :raises OSError: if there is no such file, and it is only looked at
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._lock = threading.RLock()
        self.begun_anew = ""
        if read_only:
            if not path.exists():
                raise FileNotFoundError(2, "there is no ledger", str(path))
            self._db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)
            return
        try:
            self._db = _open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                # Such as a disk that is full: nothing is wrong with the file.
                raise
            self.begun_anew = str(error)
            for each in (path, *(path.with_name(f"{path.name}-{end}") for end in ("wal", "shm"))):
                if each.exists():
                    each.replace(each.with_name(f"{each.name}.unreadable"))
            self._db = _open(path)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._db:
            yield self._db

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    # -- which photos there are

    def configure(self, places: Mapping[str, str]) -> None:
        """Set where photos are delivered; what is in the library waits for each new destination.

        :param places: of each destination, by its name: where it is. At another place than before,
            nothing counts as delivered
        """
        with self._change() as db:
            known = dict(self._rows("SELECT name, place FROM destinations"))
            for name in known:
                if places.get(name) != known[name]:
                    db.execute("DELETE FROM destinations WHERE name = ?", (name,))
            for name, place in places.items():
                db.execute(
                    "INSERT OR IGNORE INTO destinations (name, place) VALUES (?, ?)", (name, place)
                )
                db.execute(
                    "INSERT OR IGNORE INTO deliveries (destination, photo)"
                    " SELECT ?, id FROM photos WHERE gone IS NULL",
                    (name,),
                )

    def see(self, found: Iterable[Found]) -> list[int]:
        """Take note of photos in the library; what else was under their paths is gone.

        :param found: in the order in which they came
        :returns: the numbers of those that were not there before
        """
        new: list[int] = []
        with self._change() as db:
            for each in found:
                path = os.fsencode(each.path)
                key = path, each.size, each.mtime_ns
                row = db.execute(
                    "SELECT id, gone FROM photos WHERE path = ? AND size = ? AND mtime_ns = ?", key
                ).fetchone()
                if row and row[1] is None:
                    continue
                db.execute(
                    "UPDATE photos SET gone = ?, why_gone = 'replaced'"
                    " WHERE path = ? AND gone IS NULL",
                    (time.time(), path),
                )
                if row:
                    number = row[0]
                    # What has it was seen to have it; retention looks again at both.
                    db.execute(
                        "UPDATE photos SET gone = NULL, why_gone = NULL, arrived = ? WHERE id = ?",
                        (each.arrived, number),
                    )
                else:
                    added = db.execute(
                        "INSERT INTO photos (path, size, mtime_ns, arrived) VALUES (?, ?, ?, ?)",
                        (*key, each.arrived),
                    )
                    number = int(added.lastrowid or 0)
                new.append(number)
                db.execute(
                    "INSERT OR IGNORE INTO deliveries (destination, photo)"
                    " SELECT name, ? FROM destinations",
                    (number,),
                )
        return new

    def present(self) -> dict[str, Photo]:
        """All photos that are in the library, as far as is known, by their paths."""
        rows = self._rows("SELECT * FROM library")
        return {photo.path: photo for photo in map(_photo, rows)}

    def gone(self, numbers: Iterable[int], why: str) -> None:
        """Take note that photos are not in the library any more; they do not wait any more.

        :param numbers: of the photos
        :param why: ``moved`` (by a person, or removed), ``replaced`` (another content is there) or
            ``retention``
        """
        with self._change() as db:
            db.executemany(
                "UPDATE photos SET gone = ?, why_gone = ? WHERE id = ? AND gone IS NULL",
                [(time.time(), why, number) for number in numbers],
            )
            db.execute("DELETE FROM photos WHERE gone < ?", (time.time() - REMEMBERED,))

    def digests(self, number: int, sha256: str, md5: str) -> None:
        """Take note of the digests of a photo's content, in hexadecimal digits."""
        with self._change() as db:
            db.execute("UPDATE photos SET sha256 = ?, md5 = ? WHERE id = ?", (sha256, md5, number))

    def another(self, number: int, sha256: str, md5: str) -> None:
        """Take note that a photo has another content, of the same size and time; it waits again."""
        with self._change() as db:
            db.execute("UPDATE photos SET sha256 = ?, md5 = ? WHERE id = ?", (sha256, md5, number))
            db.execute(
                "UPDATE deliveries SET state = 'waiting', next_try = 0 WHERE photo = ?", (number,)
            )

    def photo(self, number: int) -> Photo | None:
        """A photo that is in the library; None if it is not there any more."""
        rows = self._rows("SELECT * FROM library WHERE id = ?", number)
        return _photo(rows[0]) if rows else None

    # -- who has them

    def waiting(
        self,
        destination: str,
        order: str,
        most: int = 1,
        without: Collection[int] = (),
        now: float | None = None,
    ) -> list[Photo]:
        """What waits for a destination, and may be tried now.

        :param destination: its name
        :param order: ``oldest`` first or ``newest`` first
        :param most: how many at most
        :param without: the numbers of those that somebody is at work on
        :param now: in seconds since 1970; None for the time as it is
        """
        rows = self._rows(
            _ORDERED[order],
            *(destination, time.time() if now is None else now, most + len(without)),
        )
        return [photo for photo in map(_photo, rows) if photo.id not in without][:most]

    def next_try(self, destination: str) -> float | None:
        """When the first of those may be tried that wait for a destination; None if none waits."""
        [(when,)] = self._rows(
            "SELECT min(next_try) FROM deliveries INDEXED BY deliveries_waiting"
            " CROSS JOIN library ON library.id = photo"
            " WHERE destination = ? AND state = 'waiting'",
            destination,
        )
        return None if when is None else float(when)

    def delivered(self, number: int, destination: str, name: str) -> None:
        """Take note that a destination was seen to have a photo, by its digest.

        :param name: what it is called there, from the destination's folder on
        """
        now = time.time()
        with self._change() as db:
            db.execute(
                "UPDATE deliveries SET state = 'delivered', name = ?, delivered = ?, verified = ?,"
                " error = NULL, tries = 0, next_try = 0 WHERE destination = ? AND photo = ?",
                (os.fsencode(name), now, now, destination, number),
            )
            self._works(db, destination, now)

    def verified(self, number: int, destination: str) -> None:
        """Take note that a destination was seen to have a photo still, by its digest."""
        now = time.time()
        with self._change() as db:
            db.execute(
                "UPDATE deliveries SET verified = ?"
                " WHERE destination = ? AND photo = ? AND state = 'delivered'",
                (now, destination, number),
            )
            self._works(db, destination, now)

    def lost(self, number: int, destination: str, reason: str) -> None:
        """Take note that a destination does not have a photo any more; it waits again.

        :param reason: in plain words
        """
        with self._change() as db:
            db.execute(
                "UPDATE deliveries SET state = 'waiting', verified = NULL, error = ?"
                " WHERE destination = ? AND photo = ?",
                (reason, destination, number),
            )

    def failed(
        self, destination: str, reason: str, next_try: float | None, number: int | None = None
    ) -> None:
        """Take note that something could not be delivered.

        :param reason: in plain words
        :param next_try: when it is tried again, in seconds since 1970; None if that is not known
        :param number: of the photo that it is about; None if it is about all
        """
        now = time.time()
        with self._change() as db:
            if number is None:
                db.execute(
                    "UPDATE destinations SET error = ?, next_try = ?,"
                    " failing_since = coalesce(failing_since, ?) WHERE name = ?",
                    (reason, next_try, now, destination),
                )
            else:
                db.execute(
                    "UPDATE deliveries SET error = ?, next_try = ?, tries = tries + 1"
                    " WHERE destination = ? AND photo = ?",
                    (reason, next_try or 0, destination, number),
                )

    def tries(self, number: int, destination: str) -> int:
        """How often a photo could not be delivered to a destination."""
        rows = self._rows(
            "SELECT tries FROM deliveries WHERE destination = ? AND photo = ?", destination, number
        )
        return rows[0][0] if rows else 0

    def works(self, destination: str) -> None:
        """Take note that a destination does its work; what was wrong with it is over."""
        with self._change() as db:
            self._works(db, destination, time.time())

    @staticmethod
    def _works(db: sqlite3.Connection, destination: str, now: float) -> None:
        db.execute(
            "UPDATE destinations SET error = NULL, failing_since = NULL, next_try = NULL,"
            " succeeded = ? WHERE name = ?",
            (now, destination),
        )

    # -- what may be removed

    def removable(
        self, before: float | None, most: int, without: Collection[int] = ()
    ) -> list[Photo]:
        """Photos in the library that every destination has, the oldest first.

        :param before: only those that came before that, in seconds since 1970; None for all
        :param most: how many at most
        :param without: the numbers of those that are left out
        """
        rows = self._rows(
            "SELECT * FROM library WHERE (?1 IS NULL OR arrived < ?1)"
            " AND EXISTS (SELECT 1 FROM destinations)"
            " AND NOT EXISTS (SELECT 1 FROM destinations LEFT JOIN deliveries"
            "  ON destination = destinations.name AND photo = library.id"
            "  WHERE state IS NOT 'delivered')"
            " ORDER BY arrived, id LIMIT ?2",
            before,
            most + len(without),
        )
        return [photo for photo in map(_photo, rows) if photo.id not in without][:most]

    def at(self, number: int) -> dict[str, tuple[str, float]]:
        """Which destinations have a photo.

        :returns: by their names: what it is called there, and when that was verified last, in
            seconds since 1970
        """
        rows = self._rows(
            "SELECT destination, name, verified FROM deliveries"
            " WHERE photo = ? AND state = 'delivered'",
            number,
        )
        return {each: (os.fsdecode(name), verified) for each, name, verified in rows}

    def remark(self, about: str, text: str | None) -> None:
        """Take note of what is wrong with something else than a destination.

        :param about: what it is, such as ``retention``
        :param text: in plain words; None if nothing is
        """
        with self._change() as db:
            if text is None:
                db.execute("DELETE FROM remarks WHERE about = ?", (about,))
            else:
                db.execute("INSERT OR REPLACE INTO remarks VALUES (?, ?)", (about, text))

    # -- for people

    def remarks(self) -> dict[str, str]:
        """What is wrong with something else than a destination, by what that is."""
        return dict(self._rows("SELECT about, text FROM remarks"))

    def destinations(self) -> list[dict[str, Any]]:
        """Every destination: its name, what waits, and what is wrong; see status.py."""
        columns = "name error failing_since next_try succeeded waiting waiting_bytes delivered"
        rows = self._rows(
            "SELECT destinations.name, destinations.error, failing_since, destinations.next_try,"
            " succeeded, count(photos.id) FILTER (WHERE state = 'waiting'),"
            " coalesce(sum(size) FILTER (WHERE state = 'waiting'), 0),"
            " count(photos.id) FILTER (WHERE state = 'delivered')"
            " FROM destinations LEFT JOIN deliveries ON destination = destinations.name"
            " LEFT JOIN photos ON photos.id = photo AND gone IS NULL"
            " GROUP BY destinations.name ORDER BY destinations.name"
        )
        return [dict(zip(columns.split(), row, strict=True)) for row in rows]

    def latest(self, most: int) -> list[dict[str, Any]]:
        """The photos that came last, in the library or not, and their deliveries; see status.py."""
        rows = self._rows(_SELECT_TOLD + "ORDER BY id DESC LIMIT ?", most)
        return [self._told(row) for row in reversed(rows)]

    def under(self, paths: Iterable[str]) -> list[dict[str, Any]]:
        """The same of the photos under these paths, as far as any is known.

        Of several under one path, it is the one in the library, or else the one that left it last.
        """
        query = (
            _SELECT_TOLD + "WHERE path = ? ORDER BY gone IS NOT NULL, gone DESC, id DESC LIMIT 1"
        )
        found = (self._rows(query, os.fsencode(path)) for path in paths)
        return [self._told(row) for rows in found for row in rows]

    def _told(self, row: tuple[Any, ...]) -> dict[str, Any]:
        photo = dict(zip(_TOLD.split(), row, strict=True))
        photo["path"] = os.fsdecode(photo["path"])
        photo["deliveries"] = self._deliveries(photo.pop("id"))
        return photo

    def _deliveries(self, number: int) -> list[dict[str, Any]]:
        columns = "destination state name delivered verified error"
        rows = self._rows(
            "SELECT destination, state, name, delivered, verified, error FROM deliveries"
            " WHERE photo = ? ORDER BY destination",
            number,
        )
        found = [dict(zip(columns.split(), row, strict=True)) for row in rows]
        for each in found:
            each["name"] = None if each["name"] is None else os.fsdecode(each["name"])
        return found


def _open(path: Path) -> sqlite3.Connection:
    """Open the file, or make it.

    :raises sqlite3.DatabaseError: if it is no ledger of ours
    """
    db = sqlite3.connect(path, check_same_thread=False, timeout=30)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        # A power cut may take the last entries, which are found out again, and nothing else.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
        elif version != VERSION:
            raise sqlite3.DatabaseError(f"it is of version {version}, not {VERSION}")
        # Or what is wrong in the middle would be met later, again and again.
        (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(found)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _photo(row: tuple[Any, ...]) -> Photo:
    number, path, size, mtime_ns, arrived, sha256, md5, *name = row
    called = os.fsdecode(name[0]) if name and name[0] is not None else None
    return Photo(number, os.fsdecode(path), size, mtime_ns, arrived, sha256, md5, called)
