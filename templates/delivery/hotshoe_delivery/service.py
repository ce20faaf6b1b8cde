"""The service: learns of photos, delivers them, answers fetchers, and removes what may go."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import threading
import time
from pathlib import Path

from hotshoe_delivery import journal
from hotshoe_delivery.configuration import Configuration, secrets
from hotshoe_delivery.fetching import Fetching
from hotshoe_delivery.ledger import Ledger
from hotshoe_delivery.photos import Photos
from hotshoe_delivery.pushing import Destination
from hotshoe_delivery.retention import Keeper
from hotshoe_delivery.system import WARNING, notify, say

# Between two looks at all of the library, and until the next one if something may still grow; in
# seconds.
SCAN, SOON = 3600, 60


class Service:
    """All of it.

    :param configuration: what the deploy wrote
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._ledger = Ledger(Path(configuration.ledger))
        if self._ledger.begun_anew:
            say(
                f"the ledger could not be read ({self._ledger.begun_anew}) and is begun anew; what "
                "others have is looked up there, and not sent twice",
                WARNING,
            )
        self._ledger.configure({each.name: each.to for each in configuration.destinations})
        self._photos = Photos(configuration.library, configuration.intake, self._ledger, self._wake)
        private = Path(configuration.exchange).with_name("private")
        # What is there of a delivery that is no more, such as a key, is not kept until a reboot.
        shutil.rmtree(private, ignore_errors=True)
        private.mkdir(mode=0o700)
        known = secrets()
        self._fetching = Fetching(
            configuration.fetchers, self._photos, configuration.asks, self._told
        )
        self._destinations = [
            Destination(
                push, known.get(push.name, {}), self._ledger, self._photos, private, self._told
            )
            for push in configuration.pushes
        ]
        self._keeper = (
            Keeper(configuration.retention, self._photos, self._fetching, self._destinations)
            if configuration.retention
            else None
        )
        self._look, self._ends = threading.Event(), False

    def _wake(self) -> None:
        self._fetching.wake()
        for each in self._destinations:
            each.wake()

    def _told(self) -> None:
        if self._keeper:
            self._keeper.wake()

    def run(self) -> None:
        """Do it until SIGTERM."""
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, self._end)
        # From before the first look on, so that nothing comes in between.
        follower = journal.follower(self._photos.came, self._look.set)
        self._fetching.begin(Path(self._configuration.exchange))
        for each in self._destinations:
            each.begin()
        notify("READY=1")
        scanned = 0.0
        pause = 0.0
        knows = False
        while not self._ends:
            if self._look.is_set() or time.monotonic() - scanned >= pause:
                self._look.clear()
                pause = SOON if self._scan() else SCAN
                scanned = time.monotonic()
                if not knows:
                    knows = True
                    # Not before it is known what is there: what has just come is newer.
                    follower.start()
                    if self._keeper:
                        self._keeper.begin()
            self._fetching.look()
            notify("WATCHDOG=1")
            self._look.wait(_watchdog(min(pause, 20)))
        if self._keeper:
            self._keeper.end()
        for each in self._destinations:
            each.end()
        self._ledger.close()

    def _scan(self) -> bool:
        """Look at all of the library.

        :returns: whether to do it again soon
        """
        try:
            return self._photos.scan()
        # A ledger that is broken ends this; the next start begins it anew.
        except (OSError, sqlite3.OperationalError) as error:
            say(f"the library cannot be looked at: {error}; next try in {SOON} s", WARNING)
            return True

    def _end(self, *_: object) -> None:
        self._ends = True
        self._look.set()
        if self._keeper:
            # A look at all of the library may take longer than systemd waits for the end.
            threading.Thread(target=self._keeper.end, daemon=True).start()


def _watchdog(most: float) -> float:
    """How long to wait until systemd wants to hear of it, in seconds."""
    limit = int(os.environ.get("WATCHDOG_USEC", 0)) / 10**6 / 4
    return min(most, limit) if limit else most
