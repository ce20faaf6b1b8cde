"""Remove from the library what every destination has: by age, or for room.

Right before that, each one is looked at again: what is pushed, by a digest of what is there; what
is fetched, by a proof that the fetcher gives. In doubt a photo stays.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Sequence

from hotshoe_delivery import library
from hotshoe_delivery.configuration import Retention
from hotshoe_delivery.fetching import Fetching
from hotshoe_delivery.ledger import Photo
from hotshoe_delivery.library import Digests, is_about_reading, opened
from hotshoe_delivery.photos import Photos
from hotshoe_delivery.pushing import Destination
from hotshoe_delivery.store import Store
from hotshoe_delivery.system import WARNING, say
from hotshoe_delivery.words import TroubleError

# Between two looks, in seconds.
PAUSE = 600
# How many photos are looked at at a time.
BATCH = 50
DAY = 86400


class Keeper:
    """Removes what may be removed.

    :param retention: when
    :param photos: the library
    :param fetching: the fetchers of the Site
    :param destinations: those that this server delivers to
    """

    def __init__(
        self,
        retention: Retention,
        photos: Photos,
        fetching: Fetching,
        destinations: Sequence[Destination],
    ) -> None:
        self._retention, self._photos, self._fetching = retention, photos, fetching
        self._destinations = {each.push.name: each for each in destinations}
        self._news = threading.Event()
        self._told = ""

    def begin(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, daemon=True, name="retention").start()

    def wake(self) -> None:
        """Something was delivered or proved."""
        self._news.set()

    def _run(self) -> None:
        while True:
            try:
                more = self.look()
            except Exception as error:  # whatever it is, photos stay, and the next look may do
                say(f"retention: {error!r}; photos stay", WARNING)
                more = False
            if not more:
                self._news.wait(PAUSE)
            self._news.clear()

    def look(self) -> bool:
        """Remove what may be removed by now, and have fetchers prove what may follow.

        :returns: whether there is more to do at once
        """
        due = self._due()
        stores = {name: each.store("retention") for name, each in self._destinations.items()}
        try:
            removed = [photo for photo in due if self._is_wanted(photo) and self._do(photo, stores)]
        except TroubleError as error:
            if str(error) != self._told:
                say(f"retention: photos stay, since one side cannot be looked at: {error}", WARNING)
            self._told = str(error)
            return False
        finally:
            for store in stores.values():
                store.close()
        self._told = ""
        return bool(removed)

    def _due(self) -> list[Photo]:
        """Photos that every destination has, and whose time has come; the oldest first."""
        days = self._retention.after_days
        aged: list[Photo] = []
        if days is not None:
            aged = self._photos.ledger.removable(time.time() - days * DAY, BATCH)
        if aged or not self._lacks_room():
            return aged
        return self._photos.ledger.removable(None, BATCH)

    def _lacks_room(self) -> bool:
        wanted = self._retention.keep_free
        if wanted is None:
            return False
        disk = os.fstatvfs(self._photos.root)
        return disk.f_bavail * disk.f_frsize < wanted

    def _is_wanted(self, photo: Photo) -> bool:
        days = self._retention.after_days
        return self._lacks_room() or (days is not None and photo.arrived < time.time() - days * DAY)

    def _do(self, photo: Photo, stores: dict[str, Store]) -> bool:
        """Remove a photo, if every side proves that it has it.

        :returns: whether it is removed
        :raises TroubleError: if a side cannot be looked at
        """
        has = self._photos.ledger.at(photo.id)
        names = {*self._fetching.names, *self._destinations}
        if not names or set(has) != names or not photo.sha256 or not photo.md5:
            return False
        try:
            with opened(self._photos.root, photo) as handle:
                if not self._is_proved(photo):
                    return False
                digests = Digests(photo.sha256, photo.md5)
                if library.digest(handle) != digests:
                    self._photos.is_same(photo, handle)
                    return False
                for name, destination in self._destinations.items():
                    if not destination.verify(stores[name], photo, has[name][0], digests):
                        return False
                # What is marked and still there after a power cut, the next scan finds.
                self._photos.ledger.gone([photo.id], "retention")
                library.remove(self._photos.root, photo, handle)
        except OSError as error:
            self._photos.changed(photo)
            if is_about_reading(error) or error.errno == errno.EROFS:
                raise TroubleError(f"{photo.path} cannot be removed: {error.strerror}") from None
            return False
        say(f"{photo.path} is removed from the library: {', '.join(sorted(names))} have it")
        return True

    def _is_proved(self, photo: Photo) -> bool:
        """Whether all fetchers have proved just now that they have it; if not, they are asked.

        That they once told its digest is no proof that they have kept it.
        """
        missing = [
            name for name in self._fetching.names if not self._fetching.is_proved(name, photo)
        ]
        for name in missing:
            self._fetching.want(name, photo)
        return not missing
