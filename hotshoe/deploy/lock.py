"""One apply of a Site at a time.

pyinfra inherits the lock: as long as it runs, also after hotshoe was killed, nobody else begins.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hotshoe.deploy.folder import folder_of, open_file, writing
from hotshoe.errors import HotshoeError

# Seconds between two attempts.
INTERVAL = 0.2


@contextmanager
def locked(root: Path, key: str, note: dict[str, str], wait: float = 0) -> Iterator[int]:
    """Hold the lock of a Site.

    :param root: the folder that holds deploy.py
    :param key: the Site's, which is part of the file's name
    :param note: who holds it, for whoever finds it held
    :param wait: seconds until it is given up
    :returns: its file descriptor, for programs that have to hold it as well
    :raises HotshoeError: if somebody holds it, with who
    """
    path = folder_of(root) / f"{key}.lock"
    descriptor = open_file(path, os.O_RDWR | os.O_CREAT)
    try:
        _acquire(descriptor, key, time.monotonic() + wait)
        with writing(path):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(note).encode(), 0)
        yield descriptor
        # A holder that was killed leaves its note, which nobody reads then.
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, key: str, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise HotshoeError(_refusal(descriptor, key)) from None
            time.sleep(INTERVAL)
        else:
            return


def refuse_while_locked(root: Path, key: str) -> None:
    """Refuse to look at a Site that is being deployed to: what one sees would be half of it.

    :raises HotshoeError: with who deploys
    """
    path = folder_of(root) / f"{key}.lock"
    if not path.exists():
        return
    descriptor = open_file(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise HotshoeError(_refusal(descriptor, key)) from None
    finally:
        os.close(descriptor)


def _refusal(descriptor: int, key: str) -> str:
    try:
        held = json.loads(os.pread(descriptor, 4096, 0))
        process = f"process {held['process']}"
        if not Path("/proc", str(int(held["process"]))).exists():
            process += ", which was killed; what it started runs still"
        by = f" by {held['who']} since {held['when']} ({process})"
    except (ValueError, KeyError, TypeError):
        by = ""
    return (
        f"{key}: is being deployed to{by}, so nothing was done\n"
        "    -> wait until that is over, as hotshoe apply --wait SECONDS does"
    )
