"""The daemon: what makes it look, and what follows.

Usage: python3 -m hotshoe_address CONFIGURATION

What vsftpd announces changes before the record does. Who finds this home by the new address needs
it at once, and nobody gets here by the old one any more; and a provider that refuses the update
does not hold it up.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import random
import signal
import sys
import time
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from hotshoe_address.events import from_the_kernel, from_the_router
from hotshoe_address.record import Record
from hotshoe_address.system import WARNING, notify, read, say, unless, write
from hotshoe_address.truth import NOTICE_SECONDS, DoubtError, Notice, Sources, judge

# Of what the kernel tells, so much belongs together.
GAP = 5
# Of a router that tells something every minute.
SILENCE = 3600
# The pause after a look that ends in doubt; it doubles up to the usual one.
FIRST_PAUSE = 1


@dataclass(frozen=True)
class Configuration:
    """What the deploy wrote.

    :param hostname: the name whose record is updated
    :param sources: URLs of services that tell whoever asks its own address
    :param seconds: between two looks when nothing happens
    :param router: the address from which the outermost router tells its WAN address, if it does
    :param notice_port: where it tells it
    :param unreachable: blocks of addresses that the Internet cannot reach, each with its reason
    :param update: the program that updates the record, and the files that it reads; may be none
    :param public_address: the file that vsftpd loads for clients outside
    :param router_address: the file for what the router told last
    :param record: the file for what was sent to the provider, which a reboot removes
    """

    hostname: str
    sources: list[str]
    seconds: int
    router: str | None
    notice_port: int
    unreachable: dict[str, str]
    update: list[str]
    public_address: str
    router_address: str
    record: str


class Follower:
    """Follows the public address."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._sources = Sources(configuration.sources)
        self._record = Record(
            configuration.hostname, configuration.update, Path(configuration.record)
        )
        self._announced = Path(configuration.public_address)
        self._kept = Path(configuration.router_address)
        self._notice: Notice | None = None
        self._began = time.monotonic()
        self._doubt = ""
        self._anew = False
        # A reason to look, and one to give up a look that began before it.
        self._event, self._news = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Follow it for ever."""
        if not self._announced.exists():
            # A session of vsftpd ends if the file that it should load is missing.
            write(self._announced, "")
        if self._configuration.router is None:
            self._kept.unlink(missing_ok=True)
        elif wan := read(self._kept, r"^wan ([0-9.]+)$"):
            self._notice = Notice(wan)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._look_anew)
        with from_the_kernel(self._event.set):
            if self._configuration.router:
                port = self._configuration.notice_port
                await from_the_router(self._configuration.router, port, self._told)
            notify("READY=1")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._record.keep())
                tasks.create_task(self._keep_looking())

    def _look_anew(self) -> None:
        """Look at once, and try again what failed lately."""
        self._anew = True
        self._event.set()
        self._news.set()

    def _told(self, wan: IPv4Address) -> None:
        """The router has told its WAN address."""
        before, self._notice = self._notice, Notice(wan, time.monotonic())
        self._event.set()
        if before is None or before.wan != wan:
            self._news.set()
            with contextlib.suppress(OSError):
                write(self._kept, f"wan {wan}\n")

    async def _keep_looking(self) -> None:
        pause = FIRST_PAUSE
        while True:
            if self._news.is_set():
                pause = FIRST_PAUSE
            self._event.clear()
            self._news.clear()
            notify("WATCHDOG=1")
            await unless(self._news, self._look())
            # Not at the same moment as everybody else's.
            wait = self._configuration.seconds * random.uniform(0.8, 1)  # noqa: S311 - no secret
            if self._doubt:
                wait, pause = min(wait, pause), min(2 * pause, self._configuration.seconds)
            else:
                pause = FIRST_PAUSE
            quiet = min(wait, GAP)
            await unless(self._news, asyncio.sleep(quiet))
            await unless(self._event, asyncio.sleep(wait - quiet))

    def _address(self) -> IPv4Address | None:
        """The address that vsftpd announces."""
        return read(self._announced, r"^pasv_address=([0-9.]+)$")

    async def _look(self) -> None:
        before = self._address()
        try:
            seen = await self._sources.address()
            self._forget_silent_router()
            self._judge(seen)
            if seen != before:
                write(self._announced, f"pasv_address={seen}\n")
        except DoubtError as doubt:
            self._tell(before, doubt.kind, str(doubt))
            return
        except OSError as error:
            self._tell(before, "system", str(error))
            return
        if seen != before:
            say(f"new sessions get {seen}, the public address{f' after {before}' * bool(before)}")
        elif self._doubt:
            say(f"{seen} is the public address, without doubt")
        self._doubt = ""
        self._record.belongs_at(seen, now=self._anew)
        self._anew = False

    def _forget_silent_router(self) -> None:
        """Who tells nothing any more may have been replaced by another, or set up anew."""
        if self._notice is None:
            return
        heard = self._began if self._notice.at is None else self._notice.at
        if time.monotonic() - heard > SILENCE:
            say(
                "the router no longer tells its WAN address; what it told last is forgotten",
                WARNING,
            )
            self._notice = None
            self._kept.unlink(missing_ok=True)

    def _judge(self, seen: IPv4Address) -> None:
        now = time.monotonic()
        judge(seen, self._notice, now, self._configuration.unreachable)
        # The first notice ever may tell of an address that nobody can reach.
        if self._configuration.router and not self._notice and now - self._began < NOTICE_SECONDS:
            raise DoubtError("silent", "the router has not told its WAN address yet")

    def _tell(self, address: IPv4Address | None, kind: str, reason: str) -> None:
        """Tell a doubt once."""
        if kind != self._doubt:
            stays = f"{address} stays" if address else "no public address is known"
            say(f"{stays}: {reason}", WARNING)
        self._doubt = kind
        self._record.wait()


def main() -> None:
    """Follow it as the file says, unless another one does already."""
    configuration = Configuration(**json.loads(Path(sys.argv[1]).read_text()))
    with Path(configuration.record).with_name("address.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("hotshoe-address runs already")
        asyncio.run(Follower(configuration).run())


if __name__ == "__main__":
    main()
