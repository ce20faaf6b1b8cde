"""Remove from the library what every destination has: by age, or for room.

Right before that, each one is looked at again: what is pushed, by a digest of what is there; what
is fetched, by a proof that the fetcher gives. Then the photo loses its name, and after a moment
each one is looked at once more: one that *is* the library, or mirrors it, has lost the photo as
well. Whichever has, gets the photo back with its name. In doubt a photo stays.
"""

from __future__ import annotations

import errno
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from hotshoe_delivery import library
from hotshoe_delivery.configuration import Retention
from hotshoe_delivery.due import DAY, Due
from hotshoe_delivery.fetching import Fetching
from hotshoe_delivery.ledger import Photo
from hotshoe_delivery.library import Digests, is_about_reading, opened
from hotshoe_delivery.photos import Photos
from hotshoe_delivery.pushing import IN_A_ROW, Destination
from hotshoe_delivery.store import Source, Store
from hotshoe_delivery.system import ERROR, WARNING, say
from hotshoe_delivery.words import TroubleError

# Between two looks, and at least that, in seconds.
PAUSE, LEAST_PAUSE = 600, 1
# How long a fetcher may take to prove once more that it has a photo, after the one before; in
# seconds, and by so many bytes per second.
PROVING, PROVING_RATE = 600, 20_000_000
# What keeps all photos from being read or renamed, not one.
_OF_ALL = (errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
# A name that no photo has, by which a destination is asked whether it answers at all.
NOBODYS = ".hotshoe"
# A destination that answers, and so often in a row could not show a photo any more that had lost
# its name in the library, has lost it: some list for minutes what is gone.
BREAKS = 2

Stores = Mapping[str, Store]


@dataclass
class _Leaving:
    """A photo that has lost its name.

    :param photo: which
    :param digests: of its content
    :param names: what it is called at the destinations, by their names
    :param since: when it lost its name, by the monotonic clock
    :param asked: when fetchers were asked after that, by the same clock; None before
    """

    photo: Photo
    digests: Digests
    names: dict[str, str]
    since: float
    asked: float | None = None


class _LostError(Exception):
    """A destination does not show a photo any more that has lost its name in the library.

    :param name: of the destination
    :param photo: which
    :param trouble: why it cannot be looked at, which may be for the same reason
    """

    def __init__(self, name: str, photo: Photo, trouble: TroubleError | None = None) -> None:
        super().__init__(name)
        self.name, self.photo, self.trouble = name, photo, trouble


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
        self._photos, self._fetching = photos, fetching
        self._due, self._settle = Due(retention, photos), retention.settle
        self._destinations = {each.push.name: each for each in destinations}
        self._names = {*fetching.names, *self._destinations}
        self._news = threading.Event()
        self._told: str | None = ""
        # Those that have lost their names, by their numbers; while that is held, no other does.
        self._leaving: dict[int, _Leaving] = {}
        self._moving = threading.RLock()
        # When one of them was removed, by the monotonic clock.
        self._progress = 0.0
        self._ends = threading.Event()
        # Those that cannot be removed, until the next pause: why, by their numbers. And how many
        # there were in a row that a destination did not show, while others may be like them.
        self._stuck: dict[int, str] = {}
        self._unseen = 0
        # Destinations that were seen to keep what had left the library; how often others could not
        # show it since; and until when, by the monotonic clock, nothing leaves it since one did
        # not keep it, with the reason.
        self._kept: set[str] = set()
        self._breaks = Counter[str]()
        self._off: tuple[float, str] | None = None

    def begin(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, daemon=True, name="retention").start()

    def wake(self) -> None:
        """Something was delivered or proved."""
        self._news.set()

    def end(self) -> None:
        """Remove nothing more, and give photos their names back."""
        with self._moving:
            self._ends.set()
            self._put_back()

    def _run(self) -> None:
        while not self._ends.is_set():
            try:
                seconds = self.look()
            # Whatever it is, photos stay, and the next look may do.
            except Exception as error:
                if self._ends.is_set():
                    return
                self._put_back()
                # That may be that the ledger cannot be written.
                with suppress(sqlite3.Error):
                    self._tell(f"something unforeseen went wrong: {error!r}")
                seconds = PAUSE
            if seconds > 0:
                # In a busy time there is always something new.
                time.sleep(LEAST_PAUSE)
                if not self._news.wait(max(seconds - LEAST_PAUSE, 0)) and self._unseen < IN_A_ROW:
                    self._stuck.clear()
            self._news.clear()

    def look(self) -> float:
        """Remove what may be removed by now, and take their names from those that may follow.

        :returns: in how many seconds to do it again, if there is no news until then
        """
        try:
            with self._stores() as stores:
                self._finish(stores)
                began = self._follow(stores)
        except _LostError as error:
            self._lost(error)
            return PAUSE
        except TroubleError as error:
            self._put_back()
            self._tell(str(error))
            return PAUSE
        if began:
            return 0
        left = [self._until(each) - time.monotonic() for each in self._leaving.values()]
        return max(min(left, default=PAUSE), 0)

    @contextmanager
    def _stores(self) -> Iterator[Stores]:
        """A connection to each destination, made when it is needed."""
        stores = {name: each.store("retention") for name, each in self._destinations.items()}
        try:
            yield stores
        finally:
            for store in stores.values():
                store.close()

    def _tell(self, reason: str | None) -> None:
        """Tell why photos stay that should go; None if none does but those that are stuck."""
        reason = reason or next(iter(self._stuck.values()), None)
        if reason != self._told:
            if reason:
                say(f"retention: photos stay: {reason}", WARNING)
            self._photos.ledger.remark("retention", reason)
        self._told = reason

    # -- those that lose their names

    def _follow(self, stores: Stores) -> bool:
        """Take their names from photos that every side proves that it has.

        :returns: whether there was one, and another may follow at once
        """
        due = self._due.photos(self._leaving_bytes(), {*self._leaving, *self._stuck})
        if not due:
            self._unseen = 0
            self._tell(
                "less of the disk is free than keep_free says, and no photo is at every delivery"
                if not self._leaving and self._due.lacks_room(0)
                else None
            )
            return False
        if self._off:
            until, reason = self._off
            if time.monotonic() < until:
                self._tell(reason)
                return False
            self._off = None
        # One goes first, for all.
        tried = self._names <= self._kept
        if not tried and self._leaving:
            return False
        began = 0
        for photo in due:
            try:
                if self._due.has(photo, self._leaving_bytes()):
                    began += self._set_aside(photo, stores)
            except TroubleError as error:
                if not error.photo:
                    raise
                self._stuck[photo.id] = str(error)
            if (began and not tried) or self._unseen >= IN_A_ROW:
                # What one destination does not show may be all that it has, each after a timeout.
                # The next look begins with those behind them.
                break
        self._tell(None)
        return tried and began > 0

    def _leaving_bytes(self) -> int:
        return sum(each.photo.size for each in self._leaving.values())

    def _set_aside(self, photo: Photo, stores: Stores) -> bool:
        """Take its name from a photo, if every side proves that it has it.

        :returns: whether it has been taken
        :raises TroubleError: if a side cannot be looked at, or the photo cannot be renamed
        """
        has = self._photos.ledger.at(photo.id)
        if not self._names or set(has) != self._names or not photo.sha256 or not photo.md5:
            return False
        try:
            with opened(self._photos.root, photo) as handle:
                if not self._is_proved(photo):
                    return False
                digests = Digests(photo.sha256, photo.md5)
                if library.digest(handle) != digests:
                    self._photos.is_same(photo, handle)
                    return False
                for name, store in stores.items():
                    if not self._is_at(name, store, photo, has[name][0], digests):
                        return False
                self._unseen = 0
                names = {name: called for name, (called, _) in has.items()}
                with self._moving:
                    if self._ends.is_set():
                        return False
                    self._photos.set_aside(photo, handle)
                    self._leaving[photo.id] = _Leaving(photo, digests, names, time.monotonic())
        except OSError as error:
            self._refuse(photo, error)
            return False
        return True

    def _is_at(self, name: str, store: Store, photo: Photo, called: str, digests: Digests) -> bool:
        """Whether a destination has a photo.

        :raises TroubleError: if that cannot be found out; about that photo, if it answers otherwise
        """
        try:
            return self._destinations[name].verify(store, photo, called, digests)
        except TroubleError as error:
            _ask(name, store)
            self._unseen += 1
            reason = f"{photo.path} cannot be removed, since {name} does not show it: {error}"
            raise TroubleError(reason, photo=True) from None

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

    def _refuse(self, photo: Photo, error: OSError) -> None:
        """Take note that a photo is another one by now.

        :param error: what happened to it
        :raises TroubleError: if it is the same, and cannot be removed
        """
        self._photos.changed(photo)
        if is_about_reading(error):
            # Such as one that somebody keeps for himself; others may go.
            reason = f"{photo.path} cannot be removed: {error.strerror}"
            raise TroubleError(reason, photo=error.errno not in _OF_ALL) from None

    # -- those that have lost them

    def _finish(self, stores: Stores) -> None:
        """Remove what every side has still, although it has lost its name.

        :raises _LostError: if a side has lost it, or cannot be looked at
        :raises TroubleError: if a fetcher does not prove in time that it has it
        """
        for leaving in list(self._leaving.values()):
            if self._fetching.names and not self._photos.ledger.photo(leaving.photo.id):
                # Another one has its name by now, and nobody is asked for this one any more.
                with self._moving:
                    self._leaving.pop(leaving.photo.id, None)
                    self._photos.put_back(leaving.photo)
                continue
            settled = time.monotonic() - leaving.since >= self._settle
            if not settled or not self._is_proved_anew(leaving):
                continue
            photo = leaving.photo
            try:
                with opened(self._photos.root, photo) as handle:
                    source = Source(photo, leaving.digests, handle)
                    for name, destination in self._destinations.items():
                        self._look_again(name, destination, stores[name], source, leaving)
                    with self._moving:
                        if self._ends.is_set():
                            return
                        self._photos.remove(photo, handle)
                        del self._leaving[photo.id]
            except OSError as error:
                with self._moving:
                    self._leaving.pop(photo.id, None)
                    self._photos.put_back(photo)
                try:
                    self._refuse(photo, error)
                except TroubleError as refused:
                    self._stuck[photo.id] = str(refused)
                continue
            self._kept |= self._names
            self._breaks.clear()
            self._progress = time.monotonic()
            self._due.removed(photo)
            has = ", ".join(sorted(self._names))
            say(f"{photo.path} is removed from the library; who has it: {has}")

    def _is_proved_anew(self, leaving: _Leaving) -> bool:
        """Whether all fetchers have proved that they have a photo since that lost its name."""
        photo, asked = leaving.photo, leaving.asked or time.monotonic()
        has = self._photos.ledger.at(photo.id)
        for name in self._fetching.names:
            if name not in has:
                raise _LostError(name, photo)
            if not leaving.asked:
                self._fetching.want_anew(name, photo)
        leaving.asked = asked
        # However long other photos, or other sides, have kept this from looking here.
        missing = [
            name
            for name in self._fetching.names
            if not self._fetching.is_proved(name, photo, asked)
        ]
        if missing and time.monotonic() > self._until(leaving):
            raise TroubleError(f"{missing[0]} does not say any more what it has")
        return not missing

    def _until(self, leaving: _Leaving) -> float:
        """When something has to happen to a photo, by the monotonic clock."""
        if not leaving.asked:
            return leaving.since + self._settle
        return max(leaving.asked, self._progress) + PROVING + leaving.photo.size / PROVING_RATE

    @staticmethod
    def _look_again(
        name: str, destination: Destination, store: Store, source: Source, leaving: _Leaving
    ) -> None:
        trouble = None
        # A connection may be an old one.
        for _ in range(2):
            try:
                if destination.still(store, source, leaving.names[name]):
                    return
                raise _LostError(name, source.photo)
            except TroubleError as error:
                trouble = error
                store.close()
        raise _LostError(name, source.photo, trouble)

    def _lost(self, error: _LostError) -> None:
        """Give all photos their names back, and let none go for a day."""
        name, leaving = error.name, list(self._leaving.values())
        self._put_back()
        if destination := self._destinations.get(name):
            store = destination.store("retention")
            try:
                # What is not there is delivered again.
                for each in leaving:
                    destination.verify(store, each.photo, each.names[name], each.digests)
            except TroubleError as still:
                if error.trouble and not self._breaks_off(name, store):
                    self._tell(f"{name} cannot be looked at: {still}")
                    return
            finally:
                store.close()
        self._kept.clear()
        self._breaks.clear()
        reason = (
            f"{name} loses what the library loses. It may be the library itself, or a folder that "
            "follows it; give that delivery a folder that nothing else fills or clears. Nothing is "
            "removed for a day, then one photo is tried"
        )
        self._off = time.monotonic() + DAY, reason
        path = error.photo.path
        say(f"retention: {name} lost {path} when the library did; it is back here", ERROR)
        self._tell(reason)

    def _breaks_off(self, name: str, store: Store) -> bool:
        """Whether a destination answers, and shows no photo any more that has lost its name."""
        with suppress(TroubleError):
            _ask(name, store)
            self._breaks[name] += 1
        return self._breaks[name] >= BREAKS

    def _put_back(self) -> None:
        """Give photos their names back."""
        with self._moving:
            while self._leaving:
                _, leaving = self._leaving.popitem()
                self._photos.put_back(leaving.photo)


def _ask(name: str, store: Store) -> None:
    """Ask a destination over a new connection, since the old one may be broken.

    :raises TroubleError: if it does not answer
    """
    store.close()
    try:
        store.size(NOBODYS)
    except TroubleError as error:
        raise TroubleError(f"{name} cannot be looked at: {error}") from None
