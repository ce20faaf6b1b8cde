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

# Between two looks, and at least that, in seconds.
PAUSE, LEAST_PAUSE = 600, 1
# How long some file systems take to show that something was removed, in seconds (btrfs).
SHOWING = 60
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
        self._told: str | None = ""
        # When photos were removed lately, and how large they were.
        self._removed: list[tuple[float, int]] = []

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
                self._tell(f"something unforeseen went wrong: {error!r}")
                more = False
            if not more:
                # In a busy time there is always something new.
                time.sleep(LEAST_PAUSE)
                self._news.wait(PAUSE)
            self._news.clear()

    def look(self) -> bool:
        """Remove what may be removed by now, and have fetchers prove what may follow.

        :returns: whether there is more to do at once
        """
        due = self._due()
        if not due:
            self._tell(
                "less of the disk is free than keep_free says, and no photo is at every delivery"
                if self._lacks_room()
                else None
            )
            return False
        stores = {name: each.store("retention") for name, each in self._destinations.items()}
        removed, stays = 0, None
        try:
            for photo in due:
                try:
                    removed += self._is_wanted(photo) and self._do(photo, stores)
                except TroubleError as error:
                    if not error.photo:
                        raise
                    stays = stays or str(error)
        except TroubleError as error:
            self._tell(str(error))
            return False
        finally:
            for store in stores.values():
                store.close()
        self._tell(stays)
        return removed > 0

    def _tell(self, reason: str | None) -> None:
        """Tell why photos stay that should go; None if none does."""
        if reason != self._told:
            self._photos.ledger.remark("retention", reason)
            if reason:
                say(f"retention: photos stay: {reason}", WARNING)
        self._told = reason

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
        now = time.monotonic()
        self._removed = [(at, size) for at, size in self._removed if now - at < SHOWING]
        removed = sum(size for _, size in self._removed)
        return disk.f_bavail * disk.f_frsize + removed < wanted

    def _is_wanted(self, photo: Photo) -> bool:
        days = self._retention.after_days
        return self._lacks_room() or (days is not None and photo.arrived < time.time() - days * DAY)

    def _do(self, photo: Photo, stores: dict[str, Store]) -> bool:
        """Remove a photo, if every side proves that it has it.

        :returns: whether it is removed
        :raises TroubleError: if a side cannot be looked at, or the photo cannot be removed
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
                    try:
                        found = destination.verify(stores[name], photo, has[name][0], digests)
                    except TroubleError as error:
                        raise TroubleError(f"{name} cannot be looked at: {error}") from None
                    if not found:
                        return False
                # What is marked and still there after a power cut, the next scan finds.
                self._photos.ledger.gone([photo.id], "retention")
                library.remove(self._photos.root, photo, handle)
                self._removed.append((time.monotonic(), photo.size))
        except OSError as error:
            self._photos.changed(photo)
            if is_about_reading(error) or error.errno == errno.EROFS:
                # Such as one that somebody keeps for himself; others may go.
                alone = error.errno in (errno.EACCES, errno.EPERM)
                reason = f"{photo.path} cannot be removed: {error.strerror}"
                raise TroubleError(reason, photo=alone) from None
            return False
        say(f"{photo.path} is removed from the library; who has it: {', '.join(sorted(names))}")
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
