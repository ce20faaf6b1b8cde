"""The commands that pull mode runs in the folder of a commit: the same that a person types."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from hotshoe.errors import escaped, escaped_lines
from hotshoe.gitops.pull.places import Places
from hotshoe.gitops.pull.release import why_another_release
from hotshoe.gitops.pull.state import Health
from hotshoe.venv import program

# Seconds. A deploy installs packages, on slow boxes and by slow lines; a check has its own limits.
DEPLOY_SECONDS, CHECK_SECONDS = 7200, 1800
# What is kept of what a command says, for a message: its last words.
LINES = 12
# What of a service's own environment its commands may see.
PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR")


@dataclass(frozen=True)
class Ended:
    """A command that has ended.

    :param status: its exit status
    :param text: its last words, fit for a terminal
    """

    status: int
    text: str


class Programs(Protocol):
    """What can be done with the folder of a commit."""

    def plan(self, folder: Path) -> Ended:
        """Whether a deploy could begin: the Site makes sense, and all hosts answer."""

    def apply(self, folder: Path) -> Ended:
        """Deploy."""

    def check(self, folder: Path) -> Health:
        """Whether cameras get in."""


@dataclass(frozen=True)
class Commands:
    """The commands of hotshoe.

    :param sites: the Sites that they are about
    :param environment: what they see
    :param say: told each line that they print
    :param check_from: where a camera is played: ``here``, or ``ssh://HOST``
    """

    sites: Sequence[str]
    environment: Mapping[str, str]
    say: Callable[[str], None]
    check_from: str = "here"

    def plan(self, folder: Path) -> Ended:
        if reason := why_another_release(folder):
            return Ended(1, escaped_lines(reason))
        return _ended(self._start("diff", *self.sites, folder=folder), DEPLOY_SECONDS)

    def apply(self, folder: Path) -> Ended:
        process = self._start("apply", *self.sites, folder=folder)
        return _ended(process, DEPLOY_SECONDS, self.say)

    def check(self, folder: Path) -> Health:
        checks = [self._check(site, folder) for site in self.sites]
        outcomes = {each.outcome for each in checks}
        worst = next(o for o in ("broken", "unknown", "fine") if o in outcomes)
        return Health(
            worst,
            tuple(layer for each in checks for layer in each.fine),
            tuple(layer for each in checks for layer in each.broken),
            "\n".join(each.text for each in checks if each.text),
        )

    def _check(self, site: str, folder: Path) -> Health:
        options = ("--quick", "--json", "--from", self.check_from)
        process = self._start("check", site, *options, folder=folder, apart=True)
        printed, said = _communicate(process, CHECK_SECONDS)
        try:
            return health(json.loads(printed))
        except (ValueError, LookupError, TypeError):
            # It could not be made: a message instead of a document.
            return Health(text=_last(said.splitlines() or printed.splitlines()))

    def _start(self, *words: str, folder: Path, apart: bool = False) -> subprocess.Popen[str]:
        """Start a command; what goes wrong is told among the rest, or apart."""
        return subprocess.Popen(
            [str(program("hotshoe")), *words],
            cwd=folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if apart else subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )


def health(document: Mapping[str, Any]) -> Health:
    """What a check says, of what ``hotshoe check --json`` prints.

    :raises LookupError: if it is nothing of the kind
    """
    site, servers = document["site"], document["servers"]
    outcomes = {server["outcome"] for server in servers}
    broken: dict[str, None] = {}
    fine: dict[str, None] = {}
    text: list[str] = []
    for server in servers:
        for finding in server["findings"]:
            layer = f"{site} {server['server']}: {finding['layer']}"
            if finding["status"] == "fail":
                broken[layer] = None
                text.append(f"{layer}: {finding['evidence']}\n    -> {finding['remedy']}")
            elif finding["status"] in ("pass", "warning"):
                fine[layer] = None
    outcome = next((o for o in ("broken", "unknown", "fine") if o in outcomes), "unknown")
    works = tuple(layer for layer in fine if layer not in broken)
    return Health(outcome, works, tuple(broken), escaped_lines("\n".join(text)))


def _ended(
    process: subprocess.Popen[str], seconds: float, say: Callable[[str], None] = lambda _: None
) -> Ended:
    """Wait for a command, and tell its lines as they come."""
    assert process.stdout
    last: deque[str] = deque(maxlen=LINES)
    with _limited(process, seconds) as late:
        for line in process.stdout:
            last.append(line.rstrip())
            say(escaped(line.rstrip()))
        status = process.wait()
    if late:
        last.append(f"it did not end within {seconds:g} s")
    return Ended(status, _last(last))


def _last(lines: Sequence[str] | deque[str]) -> str:
    return escaped_lines("\n".join([line for line in list(lines)[-LINES:] if line.strip()]))


def _communicate(process: subprocess.Popen[str], seconds: float) -> tuple[str, str]:
    with _limited(process, seconds):
        return process.communicate()


@contextmanager
def _limited(process: subprocess.Popen[str], seconds: float) -> Iterator[list[float]]:
    """End a command, and all that it has started, after so many seconds, or when this ends.

    :returns: what has the seconds in it if it was late
    """
    import threading

    late: list[float] = []

    def end() -> None:
        late.append(seconds)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)

    limit = threading.Timer(seconds, end)
    limit.daemon = True
    limit.start()
    try:
        yield late
    finally:
        limit.cancel()
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def environment_of(places: Places, agent: Path) -> dict[str, str]:
    """What the commands see.

    :param agent: where the ssh-agent listens that has the box's key; ansible gets a folder beside
        it for what it wants to write at home
    """
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    passed |= {"LC_ALL": "C.UTF-8", "SSH_AUTH_SOCK": str(agent), "COLUMNS": "100"}
    passed["ANSIBLE_HOME"] = str(agent.with_name("ansible"))
    if places.vault_password.exists():
        passed["ANSIBLE_VAULT_PASSWORD_FILE"] = str(places.vault_password)
    return passed
