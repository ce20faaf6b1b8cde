"""Many TCP connections at once: which ports answer, and how."""

from __future__ import annotations

import errno
import selectors
import socket
import time
from collections.abc import Iterable

from hotshoe.probe.broken import Trouble, trouble_of

# Few enough for the files that a program may have open on macOS, and for home routers.
_AT_ONCE = 100
_UNDER_WAY = {errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", errno.EAGAIN)}


def scan(
    address: str, ports: Iterable[int], patience: float, budget: float
) -> dict[int, Trouble | None]:
    """Open a TCP connection to each port, and close it at once.

    :param patience: how many seconds to wait for each
    :param budget: how many seconds all of it may take
    :returns: port -> in which way it does not open; None if it opens. Those are missing for which
        there was no time
    """
    end = time.monotonic() + budget
    waiting = list(ports)[::-1]
    found: dict[int, Trouble | None] = {}
    with selectors.DefaultSelector() as selector:
        open_until: dict[int, tuple[socket.socket, float]] = {}
        while (waiting and time.monotonic() < end) or open_until:
            while waiting and len(open_until) < _AT_ONCE and time.monotonic() < end:
                port = waiting.pop()
                sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                sock.setblocking(False)
                code = sock.connect_ex((address, port))
                if code in _UNDER_WAY:
                    selector.register(sock, selectors.EVENT_WRITE, port)
                    open_until[port] = sock, time.monotonic() + patience
                else:
                    found[port] = trouble_of(OSError(code, "")) if code else None
                    sock.close()
            if not open_until:  # Windows cannot wait for nothing
                continue
            soonest = min(until for _, until in open_until.values())
            for key, _ in selector.select(max(soonest - time.monotonic(), 0)):
                sock, _ = open_until.pop(key.data)
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                found[key.data] = trouble_of(OSError(code, "")) if code else None
                selector.unregister(sock)
                sock.close()
            for port in [p for p, (_, until) in open_until.items() if until <= time.monotonic()]:
                sock, _ = open_until.pop(port)
                found[port] = Trouble.SILENT
                selector.unregister(sock)
                sock.close()
    return found
