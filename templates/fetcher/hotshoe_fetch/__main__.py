"""The program: fetch what there is, for ever.

Usage: python3 -m hotshoe_fetch CONFIGURATION
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from hotshoe_fetch.fetching import Fetching, StuckError
from hotshoe_fetch.folder import Folder
from hotshoe_fetch.rate import Rate
from hotshoe_fetch.server import LostError, Server

# How many tasks are asked for at a time: the newest photo waits for no more than that.
MOST = 8
# How long to wait for one, in seconds.
PATIENCE = 15
# The pause after what goes wrong; it doubles up to the longest. In seconds.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
WARNING, INFO = 4, 6


@dataclass(frozen=True)
class Configuration:
    """What the deploy wrote.

    :param server: what the server is called
    :param command: connects standard input and output to its program
    :param folder: where photos go, absolute
    :param bytes_per_second: the most that they come at; 0 is no limit
    """

    server: str
    command: list[str]
    folder: str
    bytes_per_second: int


class Program:
    """Fetches, and tells the journal what a person has to know, once.

    :param configuration: what it is told
    :param say: what tells it, with the priority of a line and its text
    :param alive: called while it does its work
    """

    def __init__(
        self,
        configuration: Configuration,
        say: Callable[[int, str], None],
        alive: Callable[[], None],
    ) -> None:
        self._configuration, self._say, self._alive = configuration, say, alive
        self._rate = Rate(configuration.bytes_per_second)
        self._pause = FIRST_PAUSE
        self._trouble = ""

    def run(self, sleep: Callable[[float], None] = time.sleep) -> NoReturn:
        """Fetch, for ever.

        :param sleep: waits for some seconds
        """
        while True:
            try:
                self._connected()
            except StuckError as error:
                if self._told(error):
                    continue
            except LostError as error:
                self._is_wrong(str(error))
            except OSError as error:
                self._is_wrong(f"{self._configuration.folder}: {error.strerror}")
            self._alive()
            sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _connected(self) -> NoReturn:
        """Do what there is to do over one connection.

        :raises LostError: if that ends
        :raises StuckError: if nothing can be fetched for now
        :raises OSError: if the folder is not there
        """
        folder = Folder(self._configuration.folder)
        try:
            with Server(self._configuration.command) as server:
                fetching = Fetching(server, folder, self._rate, self._alive)
                while True:
                    tasks = server.tasks(MOST, PATIENCE)
                    self._alive()
                    if fetching.do(tasks) or not tasks:
                        self._is_well()
        finally:
            folder.close()

    def _told(self, stuck: StuckError) -> bool:
        """Tell the server, over a new connection, what is wrong here.

        :returns: whether the others can be fetched meanwhile
        """
        self._is_wrong(stuck.reason)
        with suppress(LostError), Server(self._configuration.command) as server:
            # It takes nothing that is said of a photo for which it was not asked.
            server.tasks(MOST, 0)
            server.failed(stuck.reason, stuck.number)
            return stuck.number is not None
        return False

    def _is_wrong(self, reason: str) -> None:
        if reason != self._trouble:
            self._say(WARNING, f"{self._configuration.server}: {reason}; it is tried again")
        self._trouble = reason

    def _is_well(self) -> None:
        if self._trouble:
            self._say(INFO, f"{self._configuration.server}: photos are fetched again")
        self._trouble, self._pause = "", FIRST_PAUSE


def say(priority: int, text: str) -> None:
    """Tell the journal, which reads the priority off the line (sd-daemon(3)), or a person."""
    journal = "JOURNAL_STREAM" in os.environ
    print(f"<{priority}>{text}" if journal else text, file=sys.stderr, flush=True)


def notify(state: str) -> None:
    """Tell systemd, if it asks for that (sd_notify(3)).

    :param state: ``READY=1`` or ``WATCHDOG=1``
    """
    if where := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.sendto(state.encode(), where.replace("@", "\0", 1))


def _configuration(path: str) -> Configuration:
    try:
        return Configuration(**json.loads(Path(path).read_text()))
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path}: {error.strerror}") from None
    except (TypeError, ValueError) as error:
        reason = f"{path} is not what hotshoe wrote ({error})"
        raise argparse.ArgumentTypeError(reason) from None


def main() -> None:
    """Fetch as the file says."""
    parser = argparse.ArgumentParser("python3 -m hotshoe_fetch", description="Fetch photos.")
    parser.add_argument("configuration", type=_configuration, help="what hotshoe wrote")
    configuration = parser.parse_args().configuration
    notify("READY=1")
    # By hand, it is ended by Ctrl-C.
    with suppress(KeyboardInterrupt):
        Program(configuration, say, lambda: notify("WATCHDOG=1")).run()


if __name__ == "__main__":
    main()
