"""The photos that are to be delivered: the library, and what the ledger knows of it."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pwd import getpwnam

from hotshoe_delivery import library
from hotshoe_delivery.ledger import Found, Ledger, Photo
from hotshoe_delivery.library import Digests
from hotshoe_delivery.system import WARNING, say

# How many photos are taken note of at once.
MOST_AT_ONCE = 1000


class Photos:
    """The library, and what the ledger knows of it; for any thread.

    :param path: of the library's folder
    :param intake: the name of the user to whom belongs what cameras upload
    :param ledger: the ledger
    :param news: called when there is something new to deliver
    """

    def __init__(
        self, path: str, intake: str, ledger: Ledger, news: Callable[[], None] = lambda: None
    ) -> None:
        self.path, self.ledger, self.news = path, ledger, news
        self.root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._intake = getpwnam(intake).pw_uid
        self._scanning = threading.Lock()
        # Photos that are set aside, by their paths; held while one gets or loses its name.
        self._aside: set[str] = set()
        self._naming = threading.RLock()
        # Of which it has been told that they cannot be looked into, or do not get their names back.
        self._closed: dict[str, str] = {}
        self._nameless: set[str] = set()

    def see(self, found: Iterable[Found]) -> None:
        """Take note of photos in the library."""
        if self.ledger.see(found):
            self.news()

    def came(self, path: str, at: float) -> None:
        """A photo has just come into the library.

        :param path: its whole path
        :param at: when, in seconds since 1970
        """
        within = path.removeprefix(f"{self.path}/")
        # What begins with a point is no photo, as for the look at all of the library.
        if within != path and not any(each.startswith(".") for each in within.split("/")):
            with suppress(OSError):
                self.see([library.look(self.root, within, at)])

    def scan(self) -> bool:
        """Compare the ledger with all of the library.

        :returns: whether there is something that may still grow, and so was left out
        :raises OSError: if the library cannot be read
        """
        with self._scanning:
            before = self.ledger.present()
            seen = library.scan(self.root, self._intake)
            if self._heal(seen.aside):
                seen = library.scan(self.root, self._intake)
            for folder in seen.closed.keys() - self._closed:
                why = f"{seen.closed[folder]}; what was seen in it before is not taken for gone"
                say(f"the library's folder {folder} cannot be looked into: {why}", WARNING)
            self._closed = seen.closed
            found = {each.path: each for each in seen.photos}
            gone = []
            for path, photo in before.items():
                # What somebody changes in place counts once it is at rest.
                if path not in found and not self._is_there(path):
                    gone.append(photo.id)
            self.ledger.gone(gone, "moved")
            new = [each for each in seen.photos if _is_new(each, before)]
            # Others need the ledger in between.
            for first in range(0, len(new), MOST_AT_ONCE):
                self.see(new[first : first + MOST_AT_ONCE])
            return seen.growing

    def _heal(self, aside: Iterable[str]) -> bool:
        """Give photos their names back that were set aside when this ended the last time.

        :returns: whether there was one
        """
        healed = False
        for path in aside:
            with self._naming:
                if path in self._aside:
                    continue
                try:
                    library.put_back(self.root, path)
                    healed = True
                except FileNotFoundError:
                    # It was removed, or got its name, since it was seen.
                    continue
                except OSError as error:
                    # Such as without retention, when this may not write there.
                    if path not in self._nameless:
                        hidden = f"it is called {library.ASIDE}… in its folder"
                        say(f"{path} does not get its name back: {error}; {hidden}", WARNING)
                    self._nameless.add(path)
        return healed

    def _is_there(self, path: str) -> bool:
        with self._naming:
            return path in self._aside or self._has_its_name(path)

    def _has_its_name(self, path: str) -> bool:
        try:
            os.close(library.open_photo(self.root, path))
        except OSError as error:
            # What only cannot be read does not count as gone.
            return library.is_about_reading(error)
        return True

    def changed(self, photo: Photo) -> None:
        """A photo is not any more what the ledger says: take note of what it is now."""
        with self._naming:
            try:
                self.see([library.look(self.root, photo.path)])
            except OSError as error:
                if photo.path not in self._aside and not library.is_about_reading(error):
                    self.ledger.gone([photo.id], "moved")

    def set_aside(self, photo: Photo, handle: int) -> None:
        """Take a photo's name away; it is still one of the library.

        :param handle: of its file
        :raises OSError: if that cannot be done; then it has its name
        """
        with self._naming:
            library.set_aside(self.root, photo, handle)
            self._aside.add(photo.path)

    def put_back(self, photo: Photo) -> None:
        """Give a photo that is set aside its name back, or one beside what has that by now."""
        # Also while the ledger cannot be written, as on a full disk; a look at all tells it later.
        with self._naming, suppress(sqlite3.Error):
            self._aside.discard(photo.path)
            try:
                path = library.put_back(self.root, photo.path)
                self.see([library.look(self.root, path, photo.arrived)])
            except OSError:
                # Such as when somebody has moved its folder; then a look at all finds it.
                self.changed(photo)

    def remove(self, photo: Photo, handle: int) -> None:
        """Remove a photo that is set aside.

        :param handle: of its file
        :raises OSError: if that cannot be done
        """
        with self._naming:
            # What is marked, and still there after a power cut, the next scan finds.
            self.ledger.gone([photo.id], "retention")
            library.remove(self.root, photo, handle)
            self._aside.discard(photo.path)

    def digests(self, photo: Photo, handle: int) -> Digests:
        """The digests of a photo's content, as they were when it was read first.

        :param handle: of its file
        """
        if photo.sha256 and photo.md5:
            return Digests(photo.sha256, photo.md5)
        found = library.digest(handle)
        self.ledger.digests(photo.id, found.sha256, found.md5)
        return found

    def is_same(self, photo: Photo, handle: int) -> bool:
        """Whether the content of a photo is what it was when it was read first.

        If it is not, in spite of its size and time, it is delivered everywhere as another one.

        :param handle: of its file
        """
        found = library.digest(handle)
        known = self.ledger.photo(photo.id)
        if known is None or known.sha256 in (None, found.sha256):
            return True
        self.ledger.another(photo.id, found.sha256, found.md5)
        self.news()
        return False


def _is_new(found: Found, before: dict[str, Photo]) -> bool:
    known = before.get(found.path)
    return known is None or (known.size, known.mtime_ns) != (found.size, found.mtime_ns)
