"""What systemd and a program of ours tell each other: that it is ready, lives, and has to end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from systemd import daemon


async def keep_alive() -> None:
    """Tell systemd that events are handled, as often as it asks for (sd_watchdog_enabled(3))."""
    while limit := int(os.environ.get("WATCHDOG_USEC", 0)):
        daemon.notify("WATCHDOG=1")
        await asyncio.sleep(limit / 10**6 / 4)


async def live(
    run: Callable[[Callable[[], None]], Coroutine[Any, Any, None]],
    finish: Callable[[], Awaitable[None]],
) -> None:
    """Do the work of a program until systemd ends it.

    :param run: does it until it is cancelled, and calls what it is given once it does
    :param finish: brings what is under way to an end
    """
    living = asyncio.create_task(keep_alive())
    working = asyncio.create_task(run(lambda: daemon.notify("READY=1")))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await working
    finally:
        await finish()
        living.cancel()
