"""Every home of a repository in one run of pyinfra: a process for each, several at a time.

pyinfra keeps hosts in step: each operation waits until all of them have done it, and a failure ends
the run for all (``FAIL_PERCENT = 0``), so that no router is opened towards a server that failed.
Between homes neither may be: one that fails or hangs is no reason for another one to wait. So this
process, which has loaded everything already, forks for each home, and the child goes on as
``pyinfra inventories/SITE.py deploy.py``: whatever is promised of one home holds for each.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import IO, Any

import click
import gevent
import zxcvbn
from gevent import monkey
from pyinfra import logger
from pyinfra.api.connectors import get_all_connectors

from hotshoe import environment, render
from hotshoe.errors import shown
from hotshoe.site.homes import INVENTORIES, homes
from roles import fetcher, inventory, leftovers, openwrt, router_linux, server, speed
from roles.base.plans import RefusedError, refusing

# What a deploy needs, loaded once, before there are several processes.
LOADED = (fetcher, inventory, leftovers, openwrt, router_linux, server, zxcvbn)
TEMPLATES = (
    *("acme", "address", "base", "delivery", "fetch", "fetcher", "firewall", "intake", "message"),
    *("openwrt", "router_linux", "share", "tls", "users", "vsftpd"),
)

# Those that are deployed; all of them unless said.
VARIABLE = "HOTSHOE_SITES"
# Processes at a time for each of the computer's cores; they mostly wait.
AT_A_TIME = 4


def this_home() -> dict[str, list[Any]]:
    """The groups of hosts of one home, in a process of its own; the one that forks never returns.

    :raises RefusedError: if there is no such home, or the vault's password is empty
    """
    names = _names()
    # Before there are several processes: none of them has it in its environment, this one neither.
    refusing(environment.take)
    options = _options()
    flags = ("yes", "dry", "json_output", "debug_facts", "debug_operations")
    asks = not any(options.get(flag) for flag in flags)
    # Whoever is asked is asked about one home after the other.
    most = 1 if asks else options.get("parallel") or AT_A_TIME * (os.cpu_count() or 1)
    run = _Run(most, shown=asks, as_json=bool(options.get("json_output")))
    speed.hasten()
    render.load(*TEMPLATES)
    get_all_connectors()
    # What is there now stays the same for all of them, and need not be copied.
    gc.freeze()
    for name in names:
        if run.start(name):
            groups = runpy.run_path(str(INVENTORIES / f"{name}.py"))
            return {key: value for key, value in groups.items() if isinstance(value, list)}
    run.end()
    raise SystemExit(run.report())


def _names() -> tuple[str, ...]:
    known = homes()
    said = os.environ.get(VARIABLE)
    asked = (said or "").replace(",", " ").split()
    if said is not None and not asked:
        # A list that came out empty, such as a pipeline's, must not deploy to all.
        raise RefusedError(
            f"{VARIABLE}: is empty\n    -> name homes, or unset it, which means all of them"
        )
    for name in asked:
        if name not in known:
            raise RefusedError(
                f"{VARIABLE}: there is no home {shown(name)}\n"
                f"    -> name some of these: {' '.join(known)}"
            )
    if not known:
        raise RefusedError(
            "there is no home here\n    -> each has a file in group_vars/ and one in inventories/"
        )
    return tuple(name for name in known if name in asked or not asked)


def _options() -> dict[str, Any]:
    """The options of pyinfra's command line."""
    context = click.get_current_context(silent=True)
    return context.params if context else {}


@dataclass
class _Home:
    """A home that is deployed.

    :param said: what pyinfra prints: its documents, and its messages
    """

    name: str
    said: tuple[IO[bytes], IO[bytes]]
    status: int = 0

    def text(self, which: int) -> str:
        file = self.said[which]
        file.seek(0)
        return file.read().decode(errors="replace")


@dataclass
class _Run:
    """All of them.

    :param most: how many at a time
    :param shown: whether what they print is shown at once, and the person answers
    :param as_json: whether they print documents
    """

    most: int
    shown: bool
    as_json: bool
    _running: dict[int, _Home] = field(default_factory=dict)
    _done: list[_Home] = field(default_factory=list)
    _signal: int = 0

    def start(self, name: str) -> bool:
        """Begin with a home.

        :returns: whether this is the process that deploys it
        """
        while len(self._running) >= self.most:
            self._wait()
        if self._signal:
            return False
        home = _Home(name, (tempfile.TemporaryFile(), tempfile.TemporaryFile()))  # noqa: SIM115
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        if self.shown:
            logger.info(f"--> {name}:")
        before = {each: signal.getsignal(each) for each in _ENDING}
        # Until this process knows of the new one, it must not be ended without it.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        pid = _fork()
        if pid:
            self._running[pid] = home
            for each in _ENDING:
                signal.signal(each, self._forward)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
            return False
        gevent.reinit()
        if not self.shown:
            for number, file in zip((1, 2), home.said, strict=True):
                os.dup2(file.fileno(), number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for each, handler in before.items():
            signal.signal(each, signal.SIG_DFL if handler == self._forward else handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        return True

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        """Have all of them end, as this process was told to."""
        self._signal = number
        for pid in self._running:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def _wait(self) -> None:
        """Wait until one is done, and show what it said."""
        pid, status = os.wait()
        home = self._running.pop(pid)
        home.status = os.waitstatus_to_exitcode(status)
        self._done.append(home)
        if not self.shown:
            logger.info(f"--> {home.name}:")
            sys.stderr.write(home.text(1))
            if not self.as_json:
                sys.stdout.write(home.text(0))

    def end(self) -> None:
        """Wait until all are done."""
        while self._running:
            self._wait()

    def report(self) -> int:
        """Name those that failed.

        :returns: the status to exit with
        """
        if self.as_json:
            print(json.dumps({home.name: _document(home.text(0)) for home in self._done}, indent=4))
        if self._signal:
            logger.error("--> Ended early: run it again, and it goes on from there")
            return 128 + self._signal
        failed = sorted(home.name for home in self._done if home.status)
        if failed:
            others = "; the others are done" if len(failed) < len(self._done) else ""
            logger.error(
                f"--> {len(failed)} of {len(self._done)} homes failed: {', '.join(failed)}\n"
                f"    -> what each of them said is above{others}"
            )
        return bool(failed)


def _document(text: str) -> Any:
    """What a home's pyinfra printed; None if it ended before."""
    with suppress(json.JSONDecodeError):
        return json.loads(text)
    return None


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# gevent's own would have its event loop wait for the child, which nothing runs here.
_fork = monkey.get_original("os", "fork")
