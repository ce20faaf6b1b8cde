"""A repository that others push to, and a box that pulls from it; only the deploys are played."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hotshoe.gitops.pull.history import Mirror
from hotshoe.gitops.pull.places import Places
from hotshoe.gitops.pull.programs import Ended
from hotshoe.gitops.pull.reports import Event, Reporter
from hotshoe.gitops.pull.run import Pull
from hotshoe.gitops.pull.state import Health, State, read_state

OWNER, STRANGER = "owner", "stranger"
FINE = Health("fine", ("home darkroom: log-in",))
BROKEN = Health("broken", (), ("home darkroom: log-in",), "home darkroom: log-in: 530")


def make_keys(folder: Path) -> None:
    for name in (OWNER, STRANGER):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / name]
        subprocess.run(command, check=True)


@dataclass(frozen=True)
class Origin:
    """The repository on the server.

    :param folder: where it is
    :param keys: the folder of keys to sign with
    """

    folder: Path
    keys: Path

    def git(self, *words: str) -> str:
        who = {
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in (("NAME", "Ann"), ("EMAIL", "ann@example.net"))
        }
        environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull}
        command = ["git", "-C", str(self.folder), *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, text: str, by: str | None = OWNER) -> str:
        """Commit a file of this text, and return the commit.

        :param by: whose key signs it; None for nobody's
        """
        (self.folder / "home.yml").write_text(text)
        return self.record(text, by)

    def record(self, message: str, by: str | None = OWNER) -> str:
        """Commit all that has changed, and return the commit."""
        self.git("add", "--all")
        return self._commit(by, "commit", "--quiet", "--message", message)

    def merge(self, branch: str, by: str | None = OWNER) -> str:
        """Merge a branch into this one."""
        return self._commit(by, "merge", "--quiet", "--no-ff", "--strategy=ours", branch)

    def _commit(self, by: str | None, command: str, *words: str) -> str:
        key = f"user.signingKey={self.keys / (by or OWNER)}"
        sign = "--gpg-sign" if by else "--no-gpg-sign"
        self.git("-c", "gpg.format=ssh", "-c", key, command, sign, *words)
        return self.git("rev-parse", "HEAD")


class Home:
    """A home that is deployed to and checked; it plays what hotshoe's commands do."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.holds = ""
        self.plans: Callable[[str], Ended] = lambda _: Ended(0, "")
        self.applies: Callable[[str], Ended] = lambda _: Ended(0, "")
        self.checks: Callable[[str], Health] = lambda _: FINE

    def _says(self, folder: Path) -> str:
        return (folder / "home.yml").read_text()

    def plan(self, folder: Path) -> Ended:
        return self.plans(self._says(folder))

    def apply(self, folder: Path) -> Ended:
        said = self._says(folder)
        self.done.append(("apply", said))
        self.holds = "half of it"
        ended = self.applies(said)
        self.holds = said
        return ended

    def check(self, folder: Path) -> Health:
        return self.checks(self.holds)

    @property
    def applied(self) -> list[str]:
        return [said for what, said in self.done if what == "apply"]


class Told(Reporter):
    """Keeps what is told."""

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "events", [])
        self.events: list[tuple[Event, str, str]]

    def say(self, text: str) -> None:
        pass

    def report(self, event: Event, text: str, commit: str = "") -> None:
        self.events.append((event, text, commit))


@dataclass
class Box:
    """A box that pulls."""

    places: Places
    origin: Origin
    home: Home = field(default_factory=Home)
    told: Told = field(default_factory=Told)
    environment: dict[str, str] = field(default_factory=dict)
    repository: str = ""
    testing: str | None = None

    @property
    def mirror(self) -> Mirror:
        where = self.repository or str(self.origin.folder)
        return Mirror(self.places.mirror, where, "main", self.environment, self.testing)

    def may_sign(self, *names: str) -> None:
        keys = [(self.origin.keys / f"{name}.pub").read_text() for name in names]
        lines = [f'{n}@home namespaces="git" {key}' for n, key in zip(names, keys, strict=True)]
        self.places.signers.write_text("".join(lines))

    def run(self) -> list[tuple[Event, str, str]]:
        """One run, and what it tells."""
        self.told.events.clear()
        clock = iter(range(1, 1000))
        Pull(
            self.places,
            self.mirror,
            self.home,
            self.told,
            pauses=(0,),
            now=lambda: float(next(clock)),
        ).run()
        return list(self.told.events)

    @property
    def state(self) -> State:
        return read_state(self.places.state)
