"""What pyinfra says while it runs, line by line: which operation, which host, how it went.

With FAIL_PERCENT, pyinfra 3.10 prints no results at its end if a host failed (``State.fail_hosts``
raises), so what came before is only here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_STARTING = re.compile(r"--> Starting(?: [a-z, ]+)? operation: (.*)")
_OF_HOST = re.compile(r" {4}\[(?P<host>[^]]+)] *(?P<text>.*)")
# How pyinfra ends an operation of a host (``_run_host_op``).
_DONE = {"Success": "changed", "No changes": "unchanged"}
_FAILED = re.compile(r"Error: executed \d+ commands")
# What says nothing that is not said elsewhere.
_NOISE = re.compile(r"Ready: .*|Loading: .*|Skipped|noop: .*")
_GENERIC = re.compile(r"No hosts remaining!|Over \d+% of hosts failed \(\d+%\)")
# The second line of a message about a host.
_REMEDY = "    -> "
_ERROR = re.compile(r"--> (?:pyinfra error|Local IO error|An (?:internal )?exception occurred).*")
TRACEBACK = "Traceback (most recent call last):"


@dataclass
class Operation:
    """An operation as it went.

    :param name: the role's name and its own: ``vsftpd | Configure vsftpd 3.0.5``
    :param changed: the hosts that it changed
    :param failed: the hosts on which it failed
    """

    name: str
    changed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


@dataclass
class Log:
    """What pyinfra has said up to now.

    :param hosts: those that it has connected to, in their order
    :param operations: those that have begun
    :param of_hosts: what was said of each host since its last operation that went well
    :param notices: what the roles said while they looked, each of one or several lines
    :param errors: why pyinfra itself ended, in lines
    """

    hosts: list[str] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    of_hosts: dict[str, list[str]] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    _in_traceback: bool = False
    # Whom the last line was about, if it may go on.
    _host: str = ""

    def add(self, line: str) -> str | None:
        """Take the next line.

        :returns: the operation's name, if one begins with it
        """
        line = line.rstrip()
        before, self._host = self._host, ""
        if self.errors and not line.startswith("--> Disconnecting"):
            self.errors.append(line)
        elif _ERROR.match(line):
            # Everything that comes now is its message, in lines of whatever form.
            self.errors.append(line.removeprefix("--> "))
        elif started := _STARTING.match(line):
            self.operations.append(Operation(started[1].strip()))
            return self.operations[-1].name
        elif found := _OF_HOST.match(line):
            self._add_of_host(found["host"], found["text"].rstrip())
        elif before and line.startswith(_REMEDY):
            self.of_hosts[before].append(line)
        elif line and not line.startswith("-->") and not _NOISE.fullmatch(line.strip()):
            self._add_notice(line)
        return None

    def _add_of_host(self, host: str, text: str) -> None:
        current = self.operations[-1] if self.operations else None
        if text == "Connected":
            self.hosts.append(host)
        elif current and text in _DONE:
            self.of_hosts.pop(host, None)
            if _DONE[text] == "changed":
                current.changed.append(host)
        elif current and _FAILED.fullmatch(text):
            current.failed.append(host)
            self.of_hosts.setdefault(host, [])
        elif not _NOISE.fullmatch(text):
            self.of_hosts.setdefault(host, []).append(text)
            self._host = host

    def _add_notice(self, line: str) -> None:
        text = line.removeprefix("    ")
        if text == TRACEBACK:
            self._in_traceback = True
            return
        if self._in_traceback:
            self._in_traceback = line.startswith(" ")
            if self._in_traceback:
                return
        if self.notices and (text.startswith(("-> ", " ")) or not line.startswith("    ")):
            self.notices[-1] += f"\n{text}"
        else:
            self.notices.append(text)

    def failed_in(self, host: str) -> str:
        """The operation that failed on a host; empty if none did."""
        return next((each.name for each in self.operations if host in each.failed), "")

    def reasons(self) -> tuple[str, ...]:
        """Why pyinfra ended, in lines, if it is said nowhere else."""
        lines = [line.removeprefix("pyinfra error: ") for line in without_tracebacks(self.errors)]
        return tuple(line for line in lines if line and not _GENERIC.fullmatch(line))


def without_tracebacks(lines: Iterable[str]) -> Iterator[str]:
    """Lines without Python's tracebacks; what they end with, the error itself, stays."""
    inside = False
    for line in lines:
        if line.strip() == TRACEBACK:
            inside = True
        elif not inside or not line.startswith(" "):
            inside = False
            yield line
