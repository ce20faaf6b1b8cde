"""One run of pull mode at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from hotshoe.errors import HotshoeError
from hotshoe.gitops.pull.places import Places


@contextmanager
def alone(places: Places) -> Iterator[None]:
    """Hold the lock: nothing else of pull mode changes anything meanwhile.

    :raises HotshoeError: if another does, or this user may not
    """
    try:
        places.data.mkdir(parents=True, mode=0o700, exist_ok=True)
        lock = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except PermissionError:
        raise HotshoeError(f"{places.data}: cannot be written\n    -> run this as root") from None
    try:
        _take(lock)
        yield
    finally:
        os.close(lock)


def _take(lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise HotshoeError(
            "another run of pull mode is going on\n"
            "    -> see what it does: journalctl --follow --unit hotshoe-pull"
        ) from None
