"""A record of what was applied: JSON lines that are only ever added to, and no secret in them.

An apply writes a line when it begins and one when it ends, and each is on the disk before it goes
on. So one that was killed is known by what is missing.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from hotshoe.deploy.folder import folder_of, open_file, writing
from hotshoe.deploy.results import SiteResult

Outcome = Literal["applied", "failed", "interrupted"]


@dataclass(frozen=True)
class Revision:
    """What is checked out.

    :param commit: in hexadecimal digits
    :param clean: whether the files are those of the commit; what git ignores does not count
    """

    commit: str
    clean: bool


@dataclass(frozen=True)
class Begun:
    """An apply that begins.

    :param apply: a word of its own
    :param when: in UTC, as in RFC 3339
    :param site: the Site's name
    :param stage: whether it is to the stage of that Site
    :param who: ``USER@COMPUTER``
    :param revision: what is checked out; None without git
    """

    apply: str
    when: str
    site: str
    stage: bool
    who: str
    revision: Revision | None


@dataclass(frozen=True)
class Ended:
    """How it ended.

    :param apply: that of :class:`Begun`
    :param when: in UTC
    :param outcome: how; ``interrupted`` is written by the next one
    :param hosts: those that it connected to
    :param changed: of each host that it changed, the names of the operations that did
    :param failed: of each host that failed, the operation, empty if it could not be reached
    """

    apply: str
    when: str
    outcome: Outcome
    hosts: tuple[str, ...] = ()
    changed: dict[str, list[str]] | None = None
    failed: dict[str, str] | None = None


def now() -> str:
    """The time, in UTC, as in RFC 3339."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Record:
    """The record of a Site; whoever writes holds its lock.

    :param root: the folder that holds deploy.py
    :param key: the Site's, which is part of the file's name
    """

    def __init__(self, root: Path, key: str) -> None:
        self.path = folder_of(root) / f"{key}.jsonl"

    def begin(
        self, site: str, stage: bool, who: str, revision: Revision | None
    ) -> tuple[Begun, Begun | None]:
        """Note that an apply begins.

        :returns: it, and the one before if that never ended
        """
        before = self._unfinished()
        if before:
            self._add("ended", Ended(before.apply, now(), "interrupted"))
        begun = Begun(secrets.token_hex(8), now(), site, stage, who, revision)
        self._add("begun", begun)
        return begun, before

    def end(self, begun: Begun, result: SiteResult) -> None:
        """Note how it ended."""
        changed = {
            host.host: [each.name for each in host.operations if each.effect == "changed"]
            for host in result.hosts
        }
        failed = {
            host.host: next((each.name for each in host.operations if each.effect == "failed"), "")
            for host in result.hosts
            if host.failed
        }
        ended = Ended(
            begun.apply,
            now(),
            "failed" if result.error else "applied",
            tuple(host.host for host in result.hosts),
            {host: names for host, names in changed.items() if names},
            failed,
        )
        self._add("ended", ended)

    def lines(self) -> Iterator[dict[str, Any]]:
        """What it says; a line that was cut short, as by a power cut, says nothing."""
        if not self.path.exists():
            return
        with open(open_file(self.path, os.O_RDONLY), "rb") as file:  # noqa: PTH123 - a descriptor
            said = file.read().decode(errors="replace")
        for line in said.splitlines():
            try:
                read = json.loads(line)
            except json.JSONDecodeError:
                continue
            if isinstance(read, dict):
                yield read

    def _unfinished(self) -> Begun | None:
        last: Begun | None = None
        for line in self.lines():
            event = line.pop("event", "")
            if event == "begun":
                last = _begun(line)
            elif event == "ended":
                last = None
        return last

    def _add(self, event: str, what: Begun | Ended) -> None:
        line = json.dumps({"event": event, **asdict(what)}).encode() + b"\n"
        descriptor = open_file(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line
            with writing(self.path):
                # On a disk that is nearly full, a part is written first.
                while line:
                    line = line[os.write(descriptor, line) :]
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _begun(line: Mapping[str, Any]) -> Begun:
    """What a line tells, whatever is in it."""
    words = {name: str(line.get(name, "?")) for name in ("apply", "when", "site", "who")}
    return Begun(**words, stage=bool(line.get("stage")), revision=None)
