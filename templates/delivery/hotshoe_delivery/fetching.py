"""Answer ``serve``, which a fetcher in the home talks to; see exchange.py."""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from pwd import getpwnam
from typing import Any, BinaryIO

from hotshoe_delivery.configuration import Fetcher
from hotshoe_delivery.exchange import LONGEST
from hotshoe_delivery.ledger import Photo
from hotshoe_delivery.library import is_about_reading, opened, proof
from hotshoe_delivery.photos import Photos
from hotshoe_delivery.pushing import pause
from hotshoe_delivery.system import ERROR, WARNING, printable, say

# How many sessions a fetcher may have at once: one, and those that it lost and that are not missed
# yet. And how many may be about to say whose they are, for which they have so many seconds.
MOST_SESSIONS, MOST_GREETINGS, GREETING = 8, 64, 10
CROWDED = (
    "this delivery has too many sessions at once: does another computer fetch with its key as well?"
)
# How long a session waits where there are no more descriptors or threads, in seconds.
BUSY = 1
# How many tasks one is given at most, and how many of them are proofs while photos wait.
MOST_TASKS, PROOFS_BESIDE = 1000, 1
# How often it is looked whether somebody who waits is still there, in seconds.
HUNG_UP = 10
# Who has no session for so long is told of, in seconds.
SILENCE = 120
# Of what a fetcher says a photo is called there, so many characters are kept (PATH_MAX of Linux).
# It is asked for it by that name, so that is kept as it is, whatever is in it.
LONGEST_NAME = 4096
# For how long a proof counts, and for how long it is kept for whoever asked for it, in seconds.
FRESH, KEPT = 900, 86400
# Linux's struct ucred.
_CREDENTIALS = struct.Struct("3i")


class Fetching:
    """What fetchers are told, and what they are believed.

    :param fetchers: those of the Site
    :param photos: the library
    :param asks: the name of the user that ``serve`` runs as
    :param told: called when a fetcher has told something that retention may wait for
    """

    def __init__(
        self,
        fetchers: tuple[Fetcher, ...],
        photos: Photos,
        asks: str,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._fetchers = {each.name: each for each in fetchers}
        self._photos, self._asks, self._told = photos, asks, told
        self._news = threading.Condition()
        # What retention wants to be proved: of each fetcher, a nonce for each photo.
        self._nonces: dict[str, dict[int, str]] = {each.name: {} for each in fetchers}
        # When what was wanted was proved, by the monotonic clock.
        self._proofs: dict[tuple[str, int], float] = {}
        self._wrong: dict[str, str] = {}
        # Those of which it is told that they do not ask.
        self._missing: set[str] = set()
        # Of each fetcher: how many of its sessions there are, and since when there is none. Those
        # that have not said whose they are have no name.
        self._sessions = Counter[str]()
        self._silent = dict.fromkeys(self._fetchers, time.time())
        # Those of which it is told that they have too many.
        self._crowded: set[str] = set()
        self._socket: socket.socket | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the fetchers."""
        return tuple(self._fetchers)

    def begin(self, path: Path) -> None:
        """Answer at a socket.

        :param path: where it is made, in the place of an old one
        """
        # It gets its name when it answers, so that nobody finds one that does not.
        new = path.with_name("new")
        new.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(new))
        # Who asks is decided by the kernel's word.
        new.chmod(0o666)
        self._socket.listen()
        new.rename(path)
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()

    def wake(self) -> None:
        """Tell those who wait that there is something new."""
        with self._news:
            self._news.notify_all()

    def look(self) -> None:
        """Tell of fetchers that have not asked for long, and of those that do again."""
        for fetcher in self._fetchers:
            with self._news:
                silent = not self._sessions[fetcher]
                since = self._silent[fetcher]
            if silent and time.time() - since > SILENCE and fetcher not in self._wrong:
                when = time.strftime("%Y-%m-%d %H:%M", time.localtime(since))
                self._failed(
                    fetcher,
                    f"it has not asked since {when}: does hotshoe-fetcher run there, and is the "
                    "way open?",
                    None,
                )
                self._missing.add(fetcher)
            elif not silent and fetcher in self._missing:
                self._missing.discard(fetcher)
                self._photos.ledger.works(fetcher)
                self._works(fetcher)

    def want(self, fetcher: str, photo: Photo) -> None:
        """Have a fetcher prove that it has a photo."""
        with self._news:
            if photo.id not in self._nonces[fetcher]:
                self._nonces[fetcher][photo.id] = secrets.token_hex(32)
                self._news.notify_all()

    def want_anew(self, fetcher: str, photo: Photo) -> None:
        """Have a fetcher prove once more that it has a photo; what it has proved counts no more."""
        with self._news:
            self._proofs.pop((fetcher, photo.id), None)
        self.want(fetcher, photo)

    def is_proved(self, fetcher: str, photo: Photo, since: float | None = None) -> bool:
        """Whether a fetcher has proved just now that it has a photo.

        :param since: or since then, by the monotonic clock
        """
        with self._news:
            at = self._proofs.get((fetcher, photo.id))
            return at is not None and at >= (time.monotonic() - FRESH if since is None else since)

    # -- the socket

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()
            except (OSError, RuntimeError):
                # Others give theirs back.
                time.sleep(BUSY)

    def _serve(self, client: socket.socket) -> None:
        nonsense = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
        with client, suppress(*nonsense), client.makefile("rb") as lines:
            if not self._may_ask(client):
                return
            name, _, to = self._greeted(client, lines).partition(" ")
            fetcher = self._fetchers.get(name)
            # Or one that was let in before the Site said another computer or folder.
            if fetcher is None or fetcher.to != to:
                _say(client, {"refused": "there is no such delivery by fetch in the Site"})
                return
            with self._place(name) as free:
                if not free:
                    _say(client, {"refused": CROWDED})
                    return
                _say(client, {"answer": True})
                while (line := lines.readline(LONGEST)).endswith(b"\n"):
                    _say(client, self._answer(fetcher, json.loads(line), client))

    def _greeted(self, client: socket.socket, lines: BinaryIO) -> str:
        """Whose session it is and where photos go there, which it says first.

        :raises OSError: if it says nothing; others if it says nonsense
        """
        client.settimeout(GREETING)
        with self._place("", MOST_GREETINGS) as free:
            if not free:
                raise OSError("too many sessions begin at once")
            name = str(json.loads(lines.readline(LONGEST))["fetcher"])
        client.settimeout(None)
        return name

    @contextmanager
    def _place(self, fetcher: str, most: int = MOST_SESSIONS) -> Iterator[bool]:
        """Count a session, so that whoever has one key keeps nobody with another one out.

        :returns: whether there is a place for it
        """
        with self._news:
            free = self._sessions[fetcher] < most
            self._sessions[fetcher] += free
            told = free or fetcher in self._crowded
            if not free:
                self._crowded.add(fetcher)
        if fetcher and not told:
            say(f"{fetcher}: {CROWDED}", WARNING)
        try:
            yield free
        finally:
            with self._news:
                self._sessions[fetcher] -= free
                self._silent[fetcher] = time.time()
                if not self._sessions[fetcher]:
                    self._crowded.discard(fetcher)

    def _may_ask(self, client: socket.socket) -> bool:
        said = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, uid, _ = _CREDENTIALS.unpack(said)
        with suppress(KeyError):
            return bool(uid in (0, getpwnam(self._asks).pw_uid))
        return bool(uid == 0)

    def _answer(
        self, fetcher: Fetcher, asked: Mapping[str, Any], client: socket.socket
    ) -> dict[str, Any]:
        ask = asked["ask"]
        if ask == "tasks":
            return {
                "answer": self._tasks(fetcher, int(asked["most"]), float(asked["seconds"]), client)
            }
        if ask == "failed":
            number = asked.get("id")
            self._failed(fetcher.name, printable(str(asked["reason"])), number and int(number))
            return {"answer": True}
        number = int(asked["id"])
        if ask == "right":
            return {"answer": self._is_right(fetcher.name, number, str(asked["sha256"]))}
        if ask == "fetched":
            told = str(asked["sha256"]), str(asked["name"])[:LONGEST_NAME]
            return {"answer": self._fetched(fetcher.name, number, *told)}
        if ask == "proved":
            said = str(asked["nonce"]), asked["sha256"]
            return {"answer": self._proved(fetcher.name, number, *said)}
        if ask == "gone":
            self._gone(fetcher.name, number)
            return {"answer": True}
        return {"refused": "nobody knows that question"}

    # -- what is answered

    def _tasks(
        self, fetcher: Fetcher, most: int, seconds: float, client: socket.socket
    ) -> list[dict[str, Any]]:
        most = min(most, MOST_TASKS)
        until = time.monotonic() + min(max(seconds, 0), 3600)
        while True:
            with self._news:
                waits = self._photos.ledger.waiting(fetcher.name, fetcher.order, most)
                # New photos wait for few proofs, each of which may read a film. These go
                # first: what cannot be fetched, as on a full disk, ends a round.
                found = self._wanted(fetcher.name, PROOFS_BESIDE if waits else most)
                found += [_task(each, None) | {"name": None} for each in waits[: most - len(found)]]
                left = until - time.monotonic()
                if found or left <= 0 or _has_hung_up(client):
                    return found
                # One that failed may be tried again soon.
                soon = (
                    self._photos.ledger.next_try(fetcher.name) or time.time() + left
                ) - time.time()
                self._news.wait(min(left, HUNG_UP, max(soon, 0.1)))

    def _wanted(self, fetcher: str, most: int) -> list[dict[str, Any]]:
        found = []
        for number, nonce in list(self._nonces[fetcher].items())[:most]:
            photo = self._photos.ledger.photo(number)
            if photo is None:
                del self._nonces[fetcher][number]
            else:
                has = self._photos.ledger.at(number).get(fetcher)
                found.append(_task(photo, nonce) | {"name": has[0] if has else photo.path})
        return found

    def _is_right(self, fetcher: str, number: int, sha256: str) -> bool:
        """Whether a photo has that digest, which only who has read it knows."""
        photo = self._photos.ledger.photo(number)
        if photo is None:
            return False
        try:
            with opened(self._photos.root, photo) as handle:
                right = self._photos.digests(photo, handle).sha256
                if hmac.compare_digest(right.encode(), sha256.encode()):
                    return True
                if self._photos.is_same(photo, handle):
                    reason = "what it has is not what was sent"
                    self._photos.ledger.failed(fetcher, reason, 0, number)
                    say(f"{fetcher}: {photo.path}: {reason}; it is fetched again", WARNING)
        except OSError as error:
            self._unreadable(fetcher, photo, error)
        return False

    def _fetched(self, fetcher: str, number: int, sha256: str, name: str) -> bool:
        if not self._is_right(fetcher, number, sha256):
            return False
        self._photos.ledger.delivered(number, fetcher, name)
        say(f"{fetcher}: {name} is fetched")
        self._works(fetcher)
        self._told()
        return True

    def _gone(self, fetcher: str, number: int) -> None:
        """A photo could not be opened as the ledger has it."""
        photo = self._photos.ledger.photo(number)
        if photo is None:
            return
        try:
            with opened(self._photos.root, photo):
                # Such as one that its owner lets the service read alone.
                self._failed(fetcher, f"{self._asks} cannot read it on the server", number)
        except OSError as error:
            self._unreadable(fetcher, photo, error)

    def _unreadable(self, fetcher: str, photo: Photo, error: OSError) -> None:
        """A photo cannot be opened here: it is another one, or gone; or it waits for a while."""
        if is_about_reading(error):
            reason = f"it cannot be read on the server: {error.strerror}"
            self._failed(fetcher, reason, photo.id)
        else:
            self._photos.changed(photo)

    def _proved(self, fetcher: str, number: int, nonce: str, sha256: object) -> bool:
        photo = self._photos.ledger.photo(number)
        with self._news:
            if self._nonces[fetcher].get(number) != nonce:
                return False
            # It is asked once.
            del self._nonces[fetcher][number]
        if photo is None:
            return False
        try:
            with opened(self._photos.root, photo) as handle:
                right = proof(handle, bytes.fromhex(nonce))
        except OSError:
            self._photos.changed(photo)
            return False
        if isinstance(sha256, str) and hmac.compare_digest(right.encode(), sha256.encode()):
            self._photos.ledger.verified(number, fetcher)
            with self._news:
                now = time.monotonic()
                self._proofs = {k: at for k, at in self._proofs.items() if now - at < KEPT}
                self._proofs[fetcher, number] = now
            self._works(fetcher)
            self._told()
            return True
        what = "is not there any more" if sha256 is None else "is not there as it was fetched"
        self._photos.ledger.lost(number, fetcher, f"{photo.path} {what}")
        say(f"{fetcher}: {photo.path} {what}; it is kept here and fetched again", WARNING)
        self.wake()
        self._told()
        return False

    def _failed(self, fetcher: str, reason: str, number: int | None) -> None:
        if number is not None:
            tries = self._photos.ledger.tries(number, fetcher)
            self._photos.ledger.failed(fetcher, reason, time.time() + pause(tries + 1), number)
            return
        self._photos.ledger.failed(fetcher, reason, None)
        if self._wrong.get(fetcher) != reason:
            self._wrong[fetcher] = reason
            say(f"{fetcher}: nothing is fetched: {reason}. Photos wait here", ERROR)

    def _works(self, fetcher: str) -> None:
        if self._wrong.pop(fetcher, ""):
            say(f"{fetcher}: photos are fetched again")


def _say(client: socket.socket, answer: Mapping[str, Any]) -> None:
    client.sendall(json.dumps(answer).encode() + b"\n")


def _task(photo: Photo, nonce: str | None) -> dict[str, Any]:
    return {
        "id": photo.id,
        "path": photo.path,
        "size": photo.size,
        "mtime_ns": photo.mtime_ns,
        "nonce": nonce,
    }


def _has_hung_up(client: socket.socket) -> bool:
    """Whether nobody waits for the answer any more."""
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
