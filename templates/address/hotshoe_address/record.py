"""The DNS record of the name, kept at the public address by a program of its own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
from ipaddress import IPv4Address
from pathlib import Path

from hotshoe_address.system import ERROR, WARNING, read, say, unless, write

# Between two updates, whatever happens: providers refuse whoever sends too many.
GAP = 5
# The pause after one that failed, which doubles each time, and the longest.
FIRST_PAUSE, LAST_PAUSE = 5, 3600
# How long the record is taken to be where it was put. Others may change it, and providers remove
# the names of those who are silent for a month.
REFRESH = 7 * 86400
# How long an update may take.
SECONDS = 60
# How long one that was ended may take for it.
LAST_WORDS = 5
# sysexits.h: it will be refused until a person corrects something.
REFUSED = 77


class Record:
    """The record, where it is and where it belongs.

    :param hostname: the name
    :param update: the program that updates it, whose argument is the address, and the files that it
        reads; empty if somebody else does
    :param memory: where it is kept, until a reboot, what was sent
    """

    def __init__(self, hostname: str, update: list[str], memory: Path) -> None:
        self._hostname = hostname
        self._program = update
        self._memory = memory
        # A change of how it is sent sends it again; a restart does not.
        settings = b"".join(path.read_bytes() for path in map(Path, update) if path.exists())
        self._digest = hashlib.sha256(settings).hexdigest()
        self._sent = read(memory, rf"^([0-9.]+) {self._digest}$")
        self._wanted: IPv4Address | None = None
        self._news, self._sure = asyncio.Event(), asyncio.Event()
        self._refused = False
        self._told = ""

    def belongs_at(self, address: IPv4Address, *, now: bool = False) -> None:
        """Say where the record belongs.

        :param now: whether to send it at once, although that may have failed lately, or been done
        """
        self._sure.set()
        if now:
            self._sent = None
        if now or address != self._wanted:
            self._wanted = address
            self._news.set()

    def wait(self) -> None:
        """Send nothing until it is said again where the record belongs."""
        self._sure.clear()

    async def keep(self) -> None:
        """Update the record whenever it is not where it belongs, for ever."""
        pause = FIRST_PAUSE
        while self._program:
            wanted = self._wanted
            if wanted is None or wanted == self._sent:
                await unless(self._news, asyncio.sleep(REFRESH))
                if not self._news.is_set():
                    self._sent = None
            if wanted is None or self._news.is_set():
                self._news.clear()
                pause = FIRST_PAUSE
                continue
            if not self._sure.is_set():
                await unless(self._news, self._sure.wait())
                continue
            # What is under way for an address that is gone need not end.
            await unless(self._news, self._update(wanted))
            await asyncio.sleep(GAP)
            if wanted != self._sent:
                seconds = LAST_PAUSE if self._refused else pause
                pause = min(2 * pause, LAST_PAUSE)
                await unless(self._news, asyncio.sleep(seconds - GAP))

    async def _update(self, address: IPv4Address) -> None:
        # Whoever ends this now does not know what the provider has made of it.
        self._sent = None
        self._memory.unlink(missing_ok=True)
        status, said = await self._run(str(address))
        self._refused = status == REFUSED
        if status == 0:
            self._sent, self._told = address, ""
            say(f"the record of {self._hostname} is at {address}")
            # Without it, a restart sends it once more.
            with contextlib.suppress(OSError):
                write(self._memory, f"{address} {self._digest}\n")
            return
        when = "until a person corrects something" if self._refused else "yet; it is tried again"
        text = f"the record of {self._hostname} is not at {address} {when}: {said}"
        if text != self._told:
            say(text, ERROR if self._refused else WARNING)
            self._told = text

    async def _run(self, address: str) -> tuple[int, str]:
        """Run the program.

        :returns: its exit status, and the last line that it said
        """
        try:
            program = await asyncio.create_subprocess_exec(
                self._program[0],
                address,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                # It is ended with whatever it has started.
                start_new_session=True,
            )
        except OSError as error:
            return -1, str(error)
        try:
            _, said = await asyncio.wait_for(program.communicate(), SECONDS)
        except TimeoutError:
            return -1, f"no answer within {SECONDS} s"
        finally:
            if program.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(program.pid, signal.SIGKILL)
                # Its end is not seen before all that it has said is read.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(program.communicate(), LAST_WORDS)
        status = program.returncode or 0
        lines = said.decode(errors="replace").split("\n")
        return status, next((line for line in reversed(lines) if line.strip()), f"exit {status}")
