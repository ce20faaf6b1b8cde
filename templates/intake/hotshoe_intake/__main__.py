"""The program.

Usage: python3 -m hotshoe_intake CONFIGURATION
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from systemd import daemon

from hotshoe_intake.intake import Intake


async def keep_alive() -> None:
    """Tell systemd that events are handled, as often as it asks for (sd_watchdog_enabled(3))."""
    while limit := int(os.environ.get("WATCHDOG_USEC", 0)):
        daemon.notify("WATCHDOG=1")
        await asyncio.sleep(limit / 10**6 / 4)


async def run(intake: Intake) -> None:
    """Take photos in until systemd ends this."""
    living = asyncio.create_task(keep_alive())
    taking = asyncio.create_task(intake.run(ready=lambda: daemon.notify("READY=1")))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, taking.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await taking
    finally:
        await intake.finish()
        living.cancel()


def main() -> None:
    """Take photos in, as the file says."""
    # Threads that look into photos let go this often, since names wait to become free. In seconds.
    sys.setswitchinterval(0.0005)
    configuration = json.loads(Path(sys.argv[1]).read_text())
    if configuration["readable"]:
        # Folders that it makes in the library are then for others as well.
        os.umask(0o002)
    asyncio.run(run(Intake(configuration)))


if __name__ == "__main__":
    main()
