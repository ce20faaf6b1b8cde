"""Which photos the Site wants to be removed: by age, or for room; the oldest first."""

from __future__ import annotations

import os
import time
from collections.abc import Collection

from hotshoe_delivery.configuration import Retention
from hotshoe_delivery.ledger import Photo
from hotshoe_delivery.photos import Photos

# How long some file systems take to show that something was removed, in seconds (btrfs).
SHOWING = 60
# How many photos are looked at at a time.
BATCH = 50
DAY = 86400


class Due:
    """What is to be removed by now.

    :param retention: when
    :param photos: the library
    """

    def __init__(self, retention: Retention, photos: Photos) -> None:
        self._days, self._keep_free = retention.after_days, retention.keep_free
        self._photos = photos
        # When photos were removed lately, and how large they were.
        self._removed: list[tuple[float, int]] = []

    def photos(self, leaving: int, without: Collection[int]) -> list[Photo]:
        """Those that every destination has, and whose time has come; the oldest first.

        :param leaving: how many bytes are about to be removed already
        :param without: the numbers of those that are left out
        """
        aged: list[Photo] = []
        if self._days is not None:
            before = time.time() - self._days * DAY
            aged = self._photos.ledger.removable(before, BATCH, without)
        if aged or not self.lacks_room(leaving):
            return aged
        return self._photos.ledger.removable(None, BATCH, without)

    def has(self, photo: Photo, leaving: int) -> bool:
        """Whether a photo is to be removed, once so many bytes are about to be."""
        aged = self._days is not None and photo.arrived < time.time() - self._days * DAY
        return aged or self.lacks_room(leaving)

    def lacks_room(self, leaving: int) -> bool:
        """Whether less of the disk is free than the Site says, once so many bytes are removed."""
        if self._keep_free is None:
            return False
        disk = os.fstatvfs(self._photos.root)
        now = time.monotonic()
        self._removed = [(at, size) for at, size in self._removed if now - at < SHOWING]
        removed = sum(size for _, size in self._removed)
        return disk.f_bavail * disk.f_frsize + removed + leaving < self._keep_free

    def removed(self, photo: Photo) -> None:
        """Take note that a photo was removed."""
        self._removed.append((time.monotonic(), photo.size))
