"""No more than so many bytes a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# How much may pass at once after a pause, in seconds of the rate.
BURST = 0.25


class Rate:
    """A limit (token bucket), for any thread.

    :param bytes_per_second: 0 is none
    :param clock: counts seconds
    :param sleep: waits for some
    """

    def __init__(
        self,
        bytes_per_second: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate, self._clock, self._sleep = bytes_per_second, clock, sleep
        self._lock = threading.Lock()
        # When what has passed so far would have passed at this rate.
        self._due = clock()

    def took(self, size: int) -> None:
        """So many bytes pass; waits until more may."""
        if not self._rate:
            return
        with self._lock:
            now = self._clock()
            self._due = max(self._due, now - BURST) + size / self._rate
            seconds = self._due - now
        if seconds > 0:
            self._sleep(seconds)
