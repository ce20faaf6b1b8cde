"""A mirror of the repository, and what is new in it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hotshoe.errors import HotshoeError, escaped
from hotshoe.gitops.git import git
from hotshoe.remote.known_hosts import PERSONAL

# The newest commits that were fetched, of the main branch and of the testing one; nothing else is
# kept by name, least of all refs/replace.
SEEN, SEEN_TESTING = "refs/hotshoe/seen", "refs/hotshoe/testing"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# A server that says nothing more is given up; a repository of homes is fetched in seconds.
SECONDS = 300
# Bytes. A repository of homes has a few million; whoever may push, signed or not, can send more
# each time. A fetch comes as one file, which the service limits to half of what has to be free.
MOST_BYTES, FREE_BYTES = 1024**3, 512 * 1024**2
# The testing branch has to leave room for a fetch of the main branch.
TESTING_SHARE = 2
_ENVIRONMENT = {"GIT_ALLOW_PROTOCOL": "ssh:https:file", "GIT_NO_REPLACE_OBJECTS": "1"}
_CONFIGURATION = {
    "transfer.fsckObjects": "true",
    # What was fetched is still there after a power cut.
    "core.fsync": "all",
    # Seconds, of less than a byte each.
    "http.lowSpeedTime": "60",
    "http.lowSpeedLimit": "1",
    # After a rewind, nothing but our own memory refers to the commit that is good.
    "gc.auto": "0",
}


@dataclass(frozen=True)
class Commit:
    """A commit, as a message names it.

    :param id: all of its digits
    :param author: who wrote it, by the commit's own account
    :param subject: the first line of its message
    """

    id: str
    author: str
    subject: str

    def __str__(self) -> str:
        return f"{self.id} ('{self.subject}', by {self.author})"


@dataclass(frozen=True)
class Newest:
    """What a server says that its branches end at.

    :param main: the newest commit of the main branch
    :param testing: that of the testing branch; empty if there is none
    """

    main: str
    testing: str = ""


@dataclass(frozen=True)
class Mirror:
    """A bare repository of the box's own.

    :param folder: where it is
    :param repository: where it is fetched from
    :param branch: the main branch of that
    :param environment: what git has to know to get there
    :param testing: its testing branch; None if there is to be none
    """

    folder: Path
    repository: str
    branch: str
    environment: Mapping[str, str] = field(default_factory=dict)
    testing: str | None = None

    def run(
        self,
        *arguments: str,
        configuration: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> str:
        """Run git in it.

        :param configuration: what else counts more than any file of git-config(1)
        :param seconds: how long it may take; None for as long as it takes
        :raises HotshoeError: with what it says, if it fails
        """
        return git(
            self.folder,
            *arguments,
            environment={**_ENVIRONMENT, **self.environment},
            configuration={**_CONFIGURATION, **(configuration or {})},
            seconds=seconds,
        )

    def newest(self) -> Newest:
        """The newest commits, by the server's account; fetches nothing.

        :raises HotshoeError: if the server cannot be asked, or has no main branch
        """
        self._prepare()
        names = [f"refs/heads/{each}" for each in (self.branch, self.testing) if each]
        said = self.run("ls-remote", "--", self.repository, *names, seconds=SECONDS)
        found: dict[str, str] = {}
        for line in said.splitlines():
            commit, _, name = line.partition("\t")
            if _COMMIT.fullmatch(commit):
                found[name] = commit
        if main := found.get(names[0]):
            return Newest(main, found.get(names[1], "") if self.testing else "")
        raise HotshoeError(
            f"{self.repository}: has no branch {self.branch}\n"
            "    -> push it, or name another: hotshoe pull install --branch"
        )

    def fetch(self) -> str:
        """Fetch the main branch, and return its newest commit.

        Until everything has come, nothing refers to it. A mirror that a power cut has damaged is
        made anew.

        :raises HotshoeError: if it cannot be fetched, or there is no room for it
        """
        self._require_room(MOST_BYTES, FREE_BYTES)
        return self._fetch_or_renew((self.branch, SEEN))

    def fetch_testing(self, newest: str) -> str:
        """Fetch the testing branch, and return its newest commit.

        By itself, so that nothing that is pushed to it keeps the main branch from being fetched.

        :param newest: its newest commit, by the server's account
        :raises HotshoeError: if it cannot be fetched, or there is no room for it
        """
        assert self.testing
        if newest == self._seen(SEEN_TESTING) and self.has(newest):
            return newest
        self._require_room(MOST_BYTES // TESTING_SHARE, FREE_BYTES * TESTING_SHARE)
        return self._fetch_or_renew((self.branch, SEEN), (self.testing, SEEN_TESTING))

    def _fetch_or_renew(self, *branches: tuple[str, str]) -> str:
        """Fetch the last of some branches, or all of them into a mirror that is made anew."""
        try:
            return self._fetch(*branches[-1])
        except HotshoeError:
            if self._is_sound():
                raise
        shutil.rmtree(self.folder)
        self._prepare()
        return [self._fetch(*each) for each in branches][-1]

    def _fetch(self, branch: str, seen: str) -> str:
        reference = f"+refs/heads/{branch}:{seen}"
        options = ("--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
        self.run("fetch", *options, "--quiet", "--", self.repository, reference, seconds=SECONDS)
        return self.run("rev-parse", "--verify", f"{seen}^{{commit}}").strip()

    def _seen(self, name: str) -> str:
        """The commit that was fetched last; empty if none was."""
        return self.run("for-each-ref", "--format=%(objectname)", name).strip()

    def _require_room(self, most: int, free: int) -> None:
        held = sum(each.stat().st_size for each in self.folder.rglob("*") if each.is_file())
        if held > most:
            raise HotshoeError(
                f"{self.folder}: holds more than {most // 1024**2} MiB, which is too much "
                "for homes\n    -> look who pushes that; once it is gone there: "
                f"rm -r {self.folder}, and it is fetched anew"
            )
        if shutil.disk_usage(self.folder).free < free:
            raise HotshoeError(
                f"{self.folder}: less than {free // 1024**2} MiB are left on its disk\n"
                "    -> make room, for photos as well; nothing was changed"
            )

    def _is_sound(self) -> bool:
        try:
            self.run("fsck", "--connectivity-only", "--no-dangling")
        except HotshoeError:
            return False
        return True

    def _prepare(self) -> None:
        """Make it, or remove what a git that was killed left in it; the caller holds the lock."""
        if not (self.folder / "HEAD").exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True, mode=0o700)
            self.run("init", "--quiet", "--bare", "--template=")
            # Links of ours in a folder with a commit's files; no line of a .gitignore that ends in
            # a slash is about links.
            (self.folder / "info").mkdir(exist_ok=True)
            (self.folder / "info" / "exclude").write_text("/pki\n/.hotshoe\n")
        for pattern in ("*.lock", "refs/**/*.lock", "worktrees/*/*.lock", "objects/*/tmp_*"):
            for left in self.folder.glob(pattern):
                with suppress(OSError):
                    left.unlink()

    def has(self, commit: str) -> bool:
        """Whether a commit is in it, with its history."""
        try:
            self.run("rev-list", "--quiet", commit, "--")
        except HotshoeError:
            return False
        return True

    def new(self, head: str, known: str) -> tuple[str, ...]:
        """The commits that one has in its history and another has not, the oldest first.

        By every way, not by the first parents alone: a merge brings in all that it merges.

        :param known: the other one; empty for the newest alone, since its signature stands for all
            that it was made from
        """
        if not known:
            return (head,)
        said = self.run("rev-list", "--reverse", "--topo-order", head, "--not", known, "--")
        return tuple(said.split())

    def descends(self, head: str, known: str) -> bool:
        """Whether one commit has another in its history, or is it; not if one of them is gone."""
        if not self.has(known) or not self.has(head):
            return False
        return not self.run("rev-list", "--max-count=1", known, "--not", head, "--").strip()

    def describe(self, commit: str) -> Commit:
        """A commit, for a message; others chose what is in it."""
        said = self.run("log", "--max-count=1", "--format=%an <%ae>%x00%s", commit, "--")
        author, _, subject = said.rstrip("\n").partition("\0")
        return Commit(commit, _short(author), _short(subject))


def require_whole(commit: str) -> None:
    """Refuse a commit that is named by its first digits: others can make one that begins alike.

    :raises HotshoeError: if it is not
    """
    if not _COMMIT.fullmatch(commit):
        raise HotshoeError(
            f"{escaped(commit)}: is not the whole number of a commit, which has 40 digits\n"
            "    -> copy it from hotshoe pull status"
        )


def _short(text: str) -> str:
    return escaped(text if len(text) <= 80 else f"{text[:79]}…")


def ssh_command(key: Path, known_hosts: Path) -> str:
    """How git logs in: with a key of the box's own, and to known hosts only.

    :param key: the key
    :param known_hosts: which host keys are known, besides those that root knows
    """
    # Quoted by git's rules, which are the shell's; no path here has a quote in it.
    return (
        f"ssh -i '{key}' -o BatchMode=yes -o StrictHostKeyChecking=yes "
        f"-o UserKnownHostsFile='{known_hosts} {PERSONAL}' -o ConnectTimeout=20 "
        "-o ServerAliveInterval=10 -o ServerAliveCountMax=3"
    )
