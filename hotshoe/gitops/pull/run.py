"""A run of pull mode: look, verify, deploy, check, and go back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hotshoe.errors import HotshoeError
from hotshoe.gitops.pull import decision, signatures
from hotshoe.gitops.pull.checkout import check_out
from hotshoe.gitops.pull.history import Commit, Mirror
from hotshoe.gitops.pull.places import Places
from hotshoe.gitops.pull.programs import Programs
from hotshoe.gitops.pull.reports import Event, Reporter
from hotshoe.gitops.pull.state import Health, State, Trouble, read_state, write_state

# Seconds between the checks after a deploy: what it has restarted needs a moment, and a name server
# that does not answer once is no reason to go back.
PAUSES = (5.0, 15.0, 30.0)
ACCEPT = "hotshoe pull accept"


@dataclass
class Pull:
    """A run.

    :param places: where things are on the box
    :param mirror: the repository
    :param programs: what deploys and checks
    :param reporter: who is told
    :param pauses: between the checks after a deploy, in seconds
    :param now: the time, in seconds since 1970
    """

    places: Places
    mirror: Mirror
    programs: Programs
    reporter: Reporter
    pauses: Sequence[float] = PAUSES
    now: Callable[[], float] = time.time
    state: State = field(init=False)

    def run(self) -> State:
        """Look once, and do what is due; the caller holds the lock.

        :returns: how it is now
        """
        self.state = read_state(self.places.state)
        self._look()
        self._settle()
        return self.state

    # -- what is new

    def _look(self) -> None:
        """Ask the server, and trust what is new if all of it is signed."""
        try:
            newest = self.mirror.newest()
            if newest == self.state.trusted and self.mirror.has(newest):
                head = newest
            else:
                head = self.mirror.fetch()
        except (HotshoeError, OSError) as error:
            self._trouble("waiting", _waiting(error, self.places))
            return
        self._over("waiting", "the repository can be fetched again")
        self._remember(looked=self.now())
        if reason := self._why_refused(head):
            self._trouble("refused", reason, head)
            return
        self._over("refused")
        if head != self.state.trusted:
            self._remember(trusted=head)

    def _why_refused(self, head: str) -> str | None:
        """Why the history that leads to a commit is not trusted; None if it is."""
        trusted = self.state.trusted
        known = trusted if trusted and self.mirror.has(trusted) else ""
        new = self.mirror.new(head, known)
        refused = next(signatures.unsigned(self.mirror, new, self.places.signers), "")
        why = signatures.why_not(self.mirror, refused, self.places.signers) if refused else ""
        unsigned = f"commit {self.mirror.describe(refused)}: {why}" if refused else ""
        if trusted and not self.mirror.descends(head, trusted):
            besides = f"; besides, {unsigned}" if refused else ""
            return (
                f"refused: the branch {self.mirror.branch} was rewound: its newest commit is now "
                f"{self.mirror.describe(head)}, which does not come after {trusted}, the newest "
                f"that was accepted here{besides}. Nothing was changed\n"
                f"    -> if that is what you want: {ACCEPT} {head}; else push the history of "
                "before, and look who may push"
            )
        if refused:
            rest = "" if refused == head else f"; the newest one, {head}, has it in its history"
            return (
                f"refused: {unsigned}{rest}. Nothing was changed\n"
                f"    -> if it is yours, sign it and push again, or accept it: {ACCEPT} {refused}; "
                f"who may sign is in {self.places.signers}"
            )
        return None

    # -- what is due

    def _settle(self) -> None:
        """Have the home hold what it has to."""
        if decision.is_given_up(self.state):
            due = decision.target(self.state)
            self._fail(due, f"its deploy was cut off {self.state.attempts} times")
        # Once for what is new, and once more to go back.
        for _ in range(2):
            if not decision.has_to_deploy(self.state) or not self._deploy():
                return

    def _deploy(self) -> bool:
        """Deploy what is due.

        :returns: whether something else may be due now
        """
        commit = decision.target(self.state)
        going_back = commit == self.state.good
        try:
            before = self.state.before or self._health_before()
            folder = check_out(self.mirror, self.places, commit)
        except (HotshoeError, OSError) as error:
            self._trouble("unready", f"{commit}: its files cannot be put there: {error}", commit)
            return False
        planned = self.programs.plan(folder)
        if planned.status != 0:
            half_done = not self.state.deployed and (going_back or self.state.deploying)
            if not half_done:
                text = _unready(self.mirror.describe(commit), planned.text)
                self._trouble("unready", text, commit)
            else:
                self._trouble("stuck", _stuck(commit, planned.text), commit)
            return False
        self._over("unready")
        attempts = self.state.attempts + 1 if self.state.deploying == commit else 1
        self._remember(deployed="", deploying=commit, attempts=attempts, before=before)
        self.reporter.say(f"deploying {self.mirror.describe(commit)}")
        applied = self.programs.apply(folder)
        if applied.status != 0:
            if going_back:
                self._trouble("stuck", _stuck(commit, applied.text), commit)
                return False
            self._fail(commit, f"its deploy failed:\n{applied.text}")
            return True
        after = self._health_after(folder, before)
        worse = decision.made_worse(before, after)
        if worse and not going_back:
            self._fail(commit, f"{worse}\n{after.text}")
            return True
        self._hold(commit, after, worse)
        return False

    def _hold(self, commit: str, after: Health, worse: str | None) -> None:
        """Remember what the home holds now."""
        self._remember(
            deployed=commit,
            good=commit,
            deploying="",
            attempts=0,
            before=None,
            changed=self.now(),
        )
        self._over("stuck")
        named = self.mirror.describe(commit)
        if commit == self.state.trusted:
            self._over("failed")
            text = f"deployed: {named}"
        else:
            text = f"gone back to the last good commit, {named}"
        if after.outcome != "fine":
            since = worse or "as before the deploy"
            text += f"; hotshoe check says that it is {after.outcome} ({since}):\n{after.text}"
        self.reporter.report("applied", text, commit)

    def _fail(self, commit: str, why: str) -> None:
        """Give a commit up; the last good one is due then."""
        self._remember(failed=commit, deploying="", attempts=0)
        good = self.state.good
        back = f"going back to {good}" if good else "there is no earlier one to go back to"
        text = (
            f"commit {self.mirror.describe(commit)} is given up: {why}\n"
            f"    -> {back}; correct it with a new commit, or try it again: {ACCEPT} {commit}"
        )
        self._trouble("failed", text, commit)

    def _health_before(self) -> Health:
        """Whether cameras get in, by what the home holds now."""
        if not self.state.deployed:
            return Health()
        return self.programs.check(check_out(self.mirror, self.places, self.state.deployed))

    def _health_after(self, folder: Path, before: Health) -> Health:
        """Whether they do after a deploy; asked again while it seems to have broken something."""
        after = self.programs.check(folder)
        for pause in self.pauses:
            if not decision.made_worse(before, after):
                break
            time.sleep(pause)
            after = self.programs.check(folder)
        return after

    # -- what is remembered and told

    def _remember(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]
        write_state(self.places.state, self.state)

    def _trouble(self, kind: Event, text: str, commit: str = "") -> None:
        """Remember what is wrong, and tell it unless it was told of the same commit."""
        known = self.state.troubles.get(kind)
        new = known is None or known.commit != commit
        since = self.now() if known is None or new else known.since
        self._remember(troubles=self.state.troubles | {kind: Trouble(text, commit, since)})
        if new:
            self.reporter.report(kind, text, commit)

    def _over(self, kind: Event, text: str = "") -> None:
        """Forget what was wrong."""
        if kind in self.state.troubles:
            self.state = self.state.without(kind)
            write_state(self.places.state, self.state)
            if text:
                self.reporter.report("recovered", text)


def accept(state: State, commit: str) -> State:
    """The same after the owner has said that a commit, and all that leads to it, is trusted."""
    cleared = state.without("refused", "failed", "unready")
    return replace(cleared, trusted=commit, failed="", attempts=0)


def _waiting(error: Exception, places: Places) -> str:
    said = str(error)
    if isinstance(error, OSError):
        said = f"{places.data}: {error.strerror or error}"
    remedy = "" if "\n    -> " in said else f"\n    -> {_remedy(said, places)}"
    return f"the repository cannot be fetched, and is asked again each time: {said}{remedy}"


def _remedy(said: str, places: Places) -> str:
    if "Host key verification failed" in said:
        return (
            f"compare its host key, and put it into {places.known_hosts}: "
            f"ssh-keyscan HOST >>{places.known_hosts}"
        )
    if "Permission denied" in said:
        return f"let this key read the repository: {places.key}.pub"
    if "No space left" in said:
        return "make room; nothing was changed"
    return "nothing was changed; if it stays so, see whether this computer gets there"


def _unready(commit: Commit, said: str) -> str:
    return (
        f"the deploy of {commit} cannot begin, so nothing was changed; it is "
        f"tried again each time. hotshoe diff says:\n{said}"
    )


def _stuck(commit: str, said: str) -> str:
    return (
        f"{commit} cannot be deployed, though the deploy of another commit was not brought to its "
        f"end; it is tried again each time:\n{said}\n"
        "    -> look after this home: hotshoe check says what does not work"
    )
