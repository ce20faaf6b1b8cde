"""What it needs of the system: the journal, systemd, and files that are whole whenever it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import Coroutine
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

# syslog(3)
ERROR, WARNING, NOTICE, INFO = 3, 4, 5, 6


def say(text: str, priority: int = INFO) -> None:
    """Tell the journal."""
    print(f"<{priority}>{text}", flush=True)


def notify(state: str) -> None:
    """Tell systemd, as sd_notify(3) does."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.sendto(state.encode(), address.replace("@", "\0", 1))


def write(path: Path, text: str) -> None:
    """Replace a file in one step.

    :raises OSError: if that cannot be done; then the old one is still there
    """
    new = path.with_name(f"{path.name}.new")
    with new.open("w") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path, form: str) -> IPv4Address | None:
    """The address in a file.

    :param form: a regular expression, whose group is the address
    :returns: None if there is no such file, or if it has another form
    """
    with contextlib.suppress(OSError, ValueError):
        if found := re.search(form, path.read_text(), re.MULTILINE):
            return IPv4Address(found[1])
    return None


async def unless(event: asyncio.Event, work: Coroutine[Any, Any, Any]) -> None:
    """Do something, and give it up when an event comes."""
    working, waiting = asyncio.create_task(work), asyncio.create_task(event.wait())
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        # Which says nothing to what has ended.
        working.cancel()
    # That these two were cancelled is their end; that the caller was is the caller's.
    for ended in await asyncio.gather(working, waiting, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended
