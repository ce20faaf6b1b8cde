"""Deliver to one destination: what waits for it, in its order, until all of it is there."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from hotshoe_delivery.configuration import Push
from hotshoe_delivery.ledger import Ledger, Photo
from hotshoe_delivery.library import Digests, is_about_reading, opened
from hotshoe_delivery.photos import Photos
from hotshoe_delivery.rate import Rate
from hotshoe_delivery.rclone import Rclone, Remote
from hotshoe_delivery.store import Source, Store, deliver
from hotshoe_delivery.system import ERROR, INFO, WARNING, say
from hotshoe_delivery.words import OtherContentError, TroubleError

# How many photos are under way at once: while one waits for answers, another fills the line. Each
# is a TCP connection, and so takes a share of the line as large as one upload's.
LANES = 3
# Until the next try after a failure, which doubles each time, and the longest; in seconds.
FIRST_PAUSE, LAST_PAUSE = 1, 600
# After that without a photo, a connection is closed, in seconds.
IDLE = 30
# After so many photos in a row that failed, something is wrong with the destination.
IN_A_ROW = 3


class Destination:
    """A destination that this server delivers to.

    :param push: which
    :param secret: what it takes to log in there
    :param ledger: the ledger
    :param photos: the library
    :param private: a folder for files that nobody else can read
    :param delivered: called after each photo
    """

    def __init__(
        self,
        push: Push,
        secret: dict[str, str],
        ledger: Ledger,
        photos: Photos,
        private: Path,
        delivered: Callable[[], None] = lambda: None,
    ) -> None:
        self.push, self._secret, self._ledger, self._photos = push, secret, ledger, photos
        self._private, self._delivered = private, delivered
        self._rclone = Rclone(push, secret, private) if push.by != "sftp" else None
        # What is read back takes its part of the other direction.
        self._sent, self._back = Rate(push.bytes_per_second), Rate(push.bytes_per_second)
        # What follows is looked at and changed while this is held.
        self._news = threading.Condition()
        self._busy: set[int] = set()
        self._failures, self._in_a_row = 0, 0
        self._paused_until = 0.0
        self._told = ""
        self._ends = False
        self._lanes = [
            threading.Thread(target=self._work, args=(str(lane),), name=f"{push.name} {lane}")
            for lane in range(LANES)
        ]

    def begin(self) -> None:
        """Begin to deliver."""
        for lane in self._lanes:
            lane.daemon = True
            lane.start()

    def wake(self) -> None:
        """Look anew what waits."""
        with self._news:
            self._news.notify_all()

    def end(self) -> None:
        """End; what is under way is cut, and goes on when this begins the next time."""
        with self._news:
            self._ends = True
            self._news.notify_all()
        if self._rclone:
            self._rclone.close()

    def store(self, lane: str) -> Store:
        """A connection of one's own to it, made when it is needed.

        :param lane: what tells it from others
        """
        if self._rclone:
            return Remote(self._rclone, self.push)
        # What it imports is installed only where there is such a delivery.
        from hotshoe_delivery.sftp import Sftp

        return Sftp(self.push, self._secret, self._private, lane, self._sent, self._back)

    # -- a lane

    def _work(self, lane: str) -> None:
        store = self.store(lane)
        while not self._ends:
            try:
                self._work_on(store)
            # Such as a ledger that cannot be written, since that disk is full.
            except Exception as error:
                say(f"{self.push.name}: something unforeseen went wrong: {error!r}", ERROR)
                with self._news:
                    self._news.wait(IDLE)
        store.close()

    def _work_on(self, store: Store) -> None:
        """Deliver until this ends."""
        while photo := self._take(store):
            try:
                self._deliver(store, photo)
            except TroubleError as error:
                self._failed(photo, error)
            except sqlite3.Error:
                raise
            # Whatever it is, other photos go on.
            except Exception as error:
                self._failed(photo, TroubleError(repr(error), photo=True))
            finally:
                with self._news:
                    self._busy.discard(photo.id)
                    self._news.notify_all()

    def _take(self, store: Store) -> Photo | None:
        """Wait for a photo that may be delivered; None if this ends."""
        idle_at = time.monotonic() + IDLE
        while True:
            with self._news:
                if self._ends:
                    return None
                seconds = self._paused_until - time.monotonic()
                if seconds <= 0 and self._failures and self._busy:
                    # After a failure, one tries for all.
                    seconds = LAST_PAUSE
                elif seconds <= 0:
                    found = self._ledger.waiting(
                        self.push.name, self.push.order, without=self._busy
                    )
                    if found:
                        self._busy.add(found[0].id)
                        return found[0]
                    seconds = self._until_next()
                self._news.wait(min(seconds, IDLE))
            if time.monotonic() > idle_at:
                # A connection that nobody uses only takes a place there.
                store.close()

    def _until_next(self) -> float:
        when = self._ledger.next_try(self.push.name)
        # Those that others are at work on may be tried now, too.
        return LAST_PAUSE if when is None else max(when - time.time(), 1)

    def _deliver(self, store: Store, photo: Photo) -> None:
        try:
            with opened(self._photos.root, photo) as handle:
                digests = self._photos.digests(photo, handle)
                try:
                    name = deliver(store, Source(photo, digests, handle))
                except OtherContentError:
                    if not self._photos.is_same(photo, handle):
                        return
                    raise
        except OSError as error:
            self._photos.changed(photo)
            # Or it is as it was, and something else is missing here, such as a program.
            if is_about_reading(error) or self._photos.ledger.photo(photo.id):
                reason = f"{photo.path} cannot be read or sent from here: {error}"
                raise TroubleError(reason, photo=True) from None
            return
        self._ledger.delivered(photo.id, self.push.name, name)
        say(f"{self.push.name}: {name} is delivered, {photo.size} bytes")
        self._works()
        self._delivered()

    def verify(self, store: Store, photo: Photo, name: str, digests: Digests) -> bool:
        """Whether it has a photo still; if not, the photo waits again.

        :param store: a connection to it
        :param name: what the photo is called there
        :raises TroubleError: if that cannot be found out
        """
        size = store.size(name)
        if size == photo.size and store.same(name, photo, digests):
            self._ledger.verified(photo.id, self.push.name)
            return True
        what = "is not there any more" if size is None else "is not there as it was delivered"
        self._ledger.lost(photo.id, self.push.name, f"{name} {what}")
        say(f"{self.push.name}: {name} {what}; it is kept here and delivered again", WARNING)
        self.wake()
        return False

    def still(self, store: Store, source: Source, name: str) -> bool:
        """Whether it has a photo still that :meth:`verify` has just seen there; nothing is noted.

        Its size and its beginning are enough, which cost little; all of it is read where these, or
        a server that cannot tell the beginning, give reason to.

        :param store: a connection to it
        :param name: what the photo is called there
        :raises TroubleError: if that cannot be found out
        """
        if store.size(name) != source.photo.size:
            return False
        return store.begins(name, source) or store.same(name, source.photo, source.digests)

    # -- how it goes

    def _works(self) -> None:
        with self._news:
            told, self._told = self._told, ""
            self._failures = self._in_a_row = 0
            self._paused_until = 0.0
            if told:
                self._news.notify_all()
        if told:
            say(f"{self.push.name}: photos are delivered again", INFO)

    def _failed(self, photo: Photo, error: TroubleError) -> None:
        with self._news:
            if self._ends:
                return
            self._in_a_row += 1
            alone = error.photo and self._in_a_row < IN_A_ROW
            # Those that were under way at the same time fail for the same reason.
            first = not alone and self._paused_until <= time.monotonic()
            self._failures += first
            seconds = pause(self._failures)
            if first:
                self._paused_until = time.monotonic() + seconds
        reason = str(error)
        # Others are tried before it, in case that it is the photo after all.
        tries = self._ledger.tries(photo.id, self.push.name)
        self._ledger.failed(self.push.name, reason, time.time() + pause(tries + 1), photo.id)
        if error.photo and not tries:
            say(f"{self.push.name}: {photo.path} is not delivered yet: {reason}", WARNING)
        if not first:
            return
        self._ledger.failed(self.push.name, reason, time.time() + seconds)
        with self._news:
            new, self._told = reason != self._told, reason
        if new:
            say(
                f"{self.push.name}: nothing is delivered there: {reason}. Photos wait here, and "
                "it is tried again by itself",
                ERROR,
            )


def pause(failures: int) -> float:
    """How long to wait after so many failures in a row, in seconds."""
    longest: float = min(LAST_PAUSE, FIRST_PAUSE << min(max(failures - 1, 0), 20))
    # Several destinations in one place do not come at the same moment.
    return longest * random.uniform(0.8, 1)  # noqa: S311 - no secret
