"""A run of pull mode: look, verify, deploy, check, and go back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hotshoe.errors import HotshoeError
from hotshoe.gitops.pull import decision, trust
from hotshoe.gitops.pull.checkout import check_out
from hotshoe.gitops.pull.history import Commit, Mirror
from hotshoe.gitops.pull.places import Places
from hotshoe.gitops.pull.programs import Programs
from hotshoe.gitops.pull.reports import Event, Reporter
from hotshoe.gitops.pull.state import Health, State, Trouble, read_state, write_state
from hotshoe.gitops.pull.trust import ACCEPT

# Seconds between the checks after a deploy: what it has restarted needs a moment, and a name server
# that does not answer once is no reason to go back.
PAUSES = (5.0, 15.0, 30.0)


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
        self._take_over()
        self._settle()
        return self.state

    # -- what is new

    def _look(self) -> None:
        """Ask the server, and trust what is new if all of it is signed."""
        try:
            newest = self.mirror.newest()
            if newest.main == self.state.trusted and self.mirror.has(newest.main):
                head = newest.main
            else:
                head = self.mirror.fetch()
        except (HotshoeError, OSError) as error:
            self._trouble("waiting", _fetching("the repository", error, self.places))
            if self.state.testing:
                # Somebody may have accepted another history, may not sign any more, or wants none.
                self._judge_testing(self.state.testing if self.mirror.testing else "")
            return
        self._over("waiting", "the repository can be fetched again")
        self._remember(looked=self.now())
        trusted, signers = self.state.trusted, self.places.signers
        if reason := trust.why_refused(self.mirror, head, trusted, signers):
            self._trouble("refused", reason, head)
        else:
            self._over("refused")
            if head != trusted:
                self._remember(trusted=head)
        self._look_at_testing(newest.testing)

    def _look_at_testing(self, head: str) -> None:
        """Fetch the testing branch, and have its newest commit deployed if it may be.

        :param head: that commit, by the server's account; empty if there is none
        """
        if head in ("", self.state.trusted):
            self._judge_testing("")
            return
        try:
            fetched = self.mirror.fetch_testing(head)
        except (HotshoeError, OSError) as error:
            said = _fetching(f"the testing branch {self.mirror.testing}", error, self.places)
            self._judge_testing(self.state.testing, said, head)
        else:
            self._judge_testing(fetched)

    def _judge_testing(self, head: str, why: str = "", about: str = "") -> None:
        """Remember a commit of the testing branch if it may be deployed, and tell why not.

        :param head: the commit; empty for none
        :param why: what else there is to tell; empty for nothing
        :param about: the commit that this is about
        """
        trusted, signers = self.state.trusted, self.places.signers
        try:
            reason = trust.why_ignored(self.mirror, head, trusted, signers) if head else ""
        except HotshoeError as error:
            # Nothing that git cannot read there keeps the main branch from being deployed.
            reason = f"the testing branch {self.mirror.testing} is not deployed: {error}"
        if text := why or reason:
            self._trouble("testing-ignored", text, about or head)
        else:
            self._over("testing-ignored")
        taken = head if reason is None else ""
        if taken != self.state.testing:
            self._remember(testing=taken)
        if not taken and self.state.testing_failed:
            self._over("testing-failed")
            self._remember(testing_failed="")

    def _take_over(self) -> None:
        """What was deployed of the testing branch is the main branch's once that has it."""
        held, trusted = self.state.deployed, self.state.trusted
        if held and self.state.deployed_of and self.mirror.descends(trusted, held):
            if held == trusted:
                self.state = self.state.without("failed")
            self._remember(good=held, deployed_of="", before_testing=None)

    # -- what is due

    def _settle(self) -> None:
        """Have the home hold what it has to."""
        if decision.is_given_up(self.state):
            due = decision.target(self.state)
            self._fail(due, f"its deploy was cut off {self.state.attempts} times")
        # Once for what is tested, once for what is new, and once more to go back.
        for _ in range(3):
            if not decision.has_to_deploy(self.state):
                # Such as a testing branch that is gone.
                self._over("unready")
                return
            if not self._deploy():
                return

    def _deploy(self, instead: str = "") -> bool:
        """Deploy what is due.

        :param instead: the last good commit, if that cannot begin in a home that is half done
        :returns: whether something else may be due now
        """
        commit = instead or decision.target(self.state)
        testing = decision.is_testing(self.state) and not instead
        going_back = decision.is_going_back(self.state) or bool(instead)
        try:
            before = self.state.before or self._health_before()
            before_testing = self.state.before_testing
            if testing:
                before_testing = before_testing or before
            elif before_testing:
                before = decision.worked(before, before_testing)
            folder = check_out(self.mirror, self.places, commit)
        except (HotshoeError, OSError) as error:
            self._trouble("unready", f"{commit}: its files cannot be put there: {error}", commit)
            return False
        planned = self.programs.plan(folder)
        if planned.status != 0:
            half_done = not self.state.deployed and (self.state.good or self.state.deploying)
            if not half_done:
                text = _unready(self.mirror.describe(commit), planned.text)
                self._trouble("unready", text, commit)
            elif not going_back and self.state.good:
                return self._deploy(self.state.good)
            else:
                self._trouble("stuck", _stuck(commit, planned.text), commit)
            return False
        self._over("unready")
        attempts = self.state.attempts + 1 if self.state.deploying == commit else 1
        self._remember(
            deployed="",
            deploying=commit,
            attempts=attempts,
            before=before,
            before_testing=before_testing,
        )
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
        named = self.mirror.describe(commit)
        over = ["stuck"]
        changes: dict[str, object]
        if decision.is_testing(self.state):
            # What the main branch goes back to stays, and what has failed of it.
            changes = {"deployed_of": self.mirror.testing, "testing_failed": ""}
            over.append("testing-failed")
            text = f"deployed, of the testing branch {self.mirror.testing}: {named}"
        else:
            changes = {"deployed_of": "", "good": commit, "before_testing": None}
            text = f"gone back to the last good commit, {named}"
            if commit == self.state.trusted:
                over.append("failed")
                text = f"deployed: {named}"
        self.state = self.state.without(*over)
        self._remember(
            deployed=commit,
            deploying="",
            attempts=0,
            before=None,
            checked=after.outcome,
            changed=self.now(),
            **changes,
        )
        if after.outcome != "fine":
            since = worse or "as before the deploy"
            text += f"; hotshoe check says that it is {after.outcome} ({since}):\n{after.text}"
        self.reporter.report("applied", text, commit)

    def _fail(self, commit: str, why: str) -> None:
        """Give a commit up; the last good one, or the main branch's, is due then."""
        named, testing = self.mirror.describe(commit), self.mirror.testing
        if decision.is_testing(self.state):
            text = (
                f"commit {named} of the testing branch {testing} is given up: {why}\n"
                f"    -> going back to {decision.of_main(self.state)}, of {self.mirror.branch}; "
                "correct it and push it again (to try it as it is: git commit --amend --no-edit)"
            )
            over = {"testing_failed": commit, "deploying": "", "attempts": 0}
            self._trouble("testing-failed", text, commit, **over)
            return
        good = self.state.good
        back = f"going back to {good}" if good else "there is no earlier one to go back to"
        text = (
            f"commit {named} is given up: {why}\n"
            f"    -> {back}; correct it with a new commit, or try it again: {ACCEPT} {commit}"
        )
        self._trouble("failed", text, commit, failed=commit, deploying="", attempts=0)

    def _health_before(self) -> Health:
        """Whether cameras get in, by what the home holds now."""
        # Of a testing branch that is gone, a mirror that was made anew has nothing.
        if not self.state.deployed or not self.mirror.has(self.state.deployed):
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

    def _trouble(self, kind: Event, text: str, commit: str = "", **changes: object) -> None:
        """Remember what is wrong, and tell it unless it was told of the same commit.

        :param changes: what else is remembered with it
        """
        known = self.state.troubles.get(kind)
        new = known is None or known.commit != commit
        since = self.now() if known is None or new else known.since
        trouble = Trouble(text, commit, since)
        self._remember(troubles=self.state.troubles | {kind: trouble}, **changes)
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


def _fetching(what: str, error: Exception, places: Places) -> str:
    said = str(error)
    if isinstance(error, OSError):
        said = f"{places.data}: {error.strerror or error}"
    remedy = "" if "\n    -> " in said else f"\n    -> {_remedy(said, places)}"
    return f"{what} cannot be fetched, and is asked again each time: {said}{remedy}"


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
