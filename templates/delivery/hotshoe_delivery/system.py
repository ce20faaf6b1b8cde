"""What it needs of the system: the journal, and systemd."""

from __future__ import annotations

import os
import socket

# syslog(3)
ERROR, WARNING, NOTICE, INFO = 3, 4, 5, 6


def printable(text: str, most: int = 400) -> str:
    """Text from another host in one line, whatever is in it.

    :param most: how long it may be, in characters
    """
    shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def say(text: str, priority: int = INFO) -> None:
    """Tell the journal."""
    print(f"<{priority}>{printable(text, 2000)}", flush=True)


def notify(state: str) -> None:
    """Tell systemd, as sd_notify(3) does."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.sendto(state.encode(), address.replace("@", "\0", 1))
