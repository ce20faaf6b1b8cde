"""One run of pull mode at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hotshoe.errors import HotshoeError
from hotshoe.gitops.pull.places import Places


@contextmanager
def alone(places: Places, waits: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the lock: nothing else of pull mode changes anything meanwhile.

    :param waits: told that another run is waited for; None if it is not
    :raises HotshoeError: if another does, or this user may not
    """
    try:
        places.data.mkdir(parents=True, mode=0o700, exist_ok=True)
        lock = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except PermissionError:
        raise HotshoeError(f"{places.data}: cannot be written\n    -> run this as root") from None
    try:
        _take(lock, waits)
        yield
    finally:
        os.close(lock)


def _take(lock: int, waits: Callable[[str], None] | None) -> None:
    going_on = "another run of pull mode is going on"
    follow = "see what it does: journalctl --follow --unit hotshoe-pull"
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if waits is None:
            raise HotshoeError(f"{going_on}\n    -> {follow}") from None
        waits(f"{going_on}; this waits for its end ({follow})")
        fcntl.flock(lock, fcntl.LOCK_EX)
