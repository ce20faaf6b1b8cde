"""A main branch and a testing branch, whatever happens to them and to the box, in any order.

All of ``run.py``, ``trust.py`` and ``decision.py`` as it is; git, the disk and the home are played.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from hotshoe.errors import HotshoeError
from hotshoe.gitops.pull import decision, run, signatures
from hotshoe.gitops.pull.history import Commit, Newest
from hotshoe.gitops.pull.places import Places
from hotshoe.gitops.pull.programs import Ended
from hotshoe.gitops.pull.run import Pull, accept
from hotshoe.gitops.pull.state import Health, State
from tests.effort import examples
from tests.unit.gitops.pull.repository import BROKEN, FINE, Told
from tests.unit.gitops.pull.test_run import PowerCutError

# What becomes of a home that is given a commit: it works; its deploy cannot begin, or fails; it has
# no log-in any more.
KINDS = ("good", "cannot begin", "fails", "breaks")
HALF = "half of it"


@dataclass(frozen=True)
class Played:
    """A commit.

    :param parents: all that it comes after, itself included
    """

    id: str
    kind: str
    signed: bool
    parents: frozenset[str]


@dataclass
class Server:
    """The repository, as the server has it."""

    commits: dict[str, Played] = field(default_factory=dict)
    main: str = ""
    testing: str = ""
    up: bool = True

    def commit(self, after: str, kind: str, signed: bool) -> str:
        name = f"{len(self.commits) + 1:040x}"
        before = self.commits[after].parents if after else frozenset()
        self.commits[name] = Played(name, kind, signed, before | {name})
        return name

    def has(self, head: str, known: str) -> bool:
        """Whether a commit has another in its history."""
        return bool(head) and known in self.commits[head].parents

    def may_be_tested(self, head: str, trusted: str) -> bool:
        if not self.has(head, trusted) or head == trusted:
            return False
        new = self.commits[head].parents - self.commits[trusted].parents
        return all(self.commits[each].signed for each in new)


@dataclass
class Mirror:
    """Plays a mirror that always has everything."""

    server: Server
    testing: str | None
    branch: str = "main"

    def newest(self) -> Newest:
        if not self.server.up:
            raise HotshoeError("no answer")
        return Newest(self.server.main, self.server.testing if self.testing else "")

    def fetch(self) -> str:
        return self.server.main

    def fetch_testing(self, newest: str) -> str:
        return newest

    def has(self, commit: str) -> bool:
        return commit in self.server.commits

    def new(self, head: str, known: str) -> tuple[str, ...]:
        if not known:
            return (head,)
        return tuple(sorted(self.server.commits[head].parents - self.server.commits[known].parents))

    def descends(self, head: str, known: str) -> bool:
        return self.has(known) and self.server.has(head, known)

    def describe(self, commit: str) -> Commit:
        return Commit(commit, "Ann", self.server.commits[commit].kind)


@dataclass
class Home:
    """Plays a home. ``writes`` is after how many more writes to the disk the power goes."""

    server: Server
    holds: str = ""
    hosts: bool = True
    line: bool = True
    cut: bool = False
    writes: int = -1
    applied: list[str] = field(default_factory=list)

    def plan(self, folder: Path) -> Ended:
        kind = self.server.commits[folder.name].kind
        return Ended(int(not self.hosts or kind == "cannot begin"), "no")

    def apply(self, folder: Path) -> Ended:
        self.applied.append(folder.name)
        self.holds = HALF
        if self.cut:
            self.cut = False
            raise PowerCutError
        if self.server.commits[folder.name].kind == "fails":
            return Ended(1, "no")
        self.holds = folder.name
        return Ended(0, "")

    def check(self, folder: Path) -> Health:
        works = self.holds in self.server.commits and self.line
        return FINE if works and self.server.commits[self.holds].kind != "breaks" else BROKEN


@dataclass
class Box:
    """A box whose memory is kept here."""

    home: Home
    mirror: Mirror
    state: State = field(default_factory=State)
    told: Told = field(default_factory=Told)

    def write(self, _: Path, state: State) -> None:
        if self.home.writes == 0:
            self.home.writes = -1
            raise PowerCutError
        self.home.writes -= 1
        self.state = state

    def run(self) -> list[str]:
        """One run; what it tells, ``cut`` if the power went."""
        self.told.events.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(run, "read_state", lambda _: self.state)
            patch.setattr(run, "write_state", self.write)
            patch.setattr(run, "check_out", lambda _mirror, _places, commit: Path(commit))
            patch.setattr(signatures, "unsigned", self.unsigned)
            patch.setattr(signatures, "why_not", lambda *_: "not signed")
            pull = Pull(Places(Path("/none")), self.mirror, self.home, self.told, (0.0,))  # type: ignore[arg-type]
            try:
                pull.run()
            except PowerCutError:
                return ["cut"]
        return [event for event, _, _ in self.told.events]

    def unsigned(self, _mirror: Mirror, commits: Sequence[str], _signers: Path) -> Iterator[str]:
        return (each for each in commits if not self.home.server.commits[each].signed)


kinds = st.sampled_from(KINDS) | st.just("good")
signed = st.sampled_from((True, True, True, False))


class AnyOrder(RuleBasedStateMachine):
    """The box has a twin that follows the main branch alone."""

    def __init__(self) -> None:
        super().__init__()
        self.server = Server()
        self.box, self.twin = (
            Box(Home(self.server), Mirror(self.server, testing)) for testing in ("try", None)
        )
        # All that was ever trusted of the main branch.
        self.mains: set[str] = set()
        self.rough = False

    @initialize()
    def first(self) -> None:
        self.server.main = self.server.commit("", "good", True)

    # -- what people do

    @rule(kind=kinds, signed=signed)
    def push(self, kind: str, signed: bool) -> None:
        self.server.main = self.server.commit(self.server.main, kind, signed)

    @rule(data=st.data())
    def rewind(self, data: st.DataObject) -> None:
        self.server.main = data.draw(st.sampled_from(sorted(self.server.commits)))

    @rule(kind=kinds, signed=signed, onto_main=st.booleans())
    def push_testing(self, kind: str, signed: bool, onto_main: bool) -> None:
        onto = self.server.main if onto_main or not self.server.testing else self.server.testing
        self.server.testing = self.server.commit(onto, kind, signed)

    @rule(data=st.data())
    def rewind_testing(self, data: st.DataObject) -> None:
        self.server.testing = data.draw(st.sampled_from(sorted(self.server.commits)))

    @rule()
    def delete_testing(self) -> None:
        self.server.testing = ""

    @rule()
    def ask_for_it_or_not(self) -> None:
        self.box.mirror.testing = None if self.box.mirror.testing else "try"

    @precondition(lambda self: self.server.has(self.server.testing, self.server.main))
    @rule()
    def merge(self) -> None:
        self.server.main = self.server.testing

    @precondition(lambda self: self.box.state.trusted)
    @rule()
    def accept(self) -> None:
        for box in (self.box, self.twin):
            box.state = accept(box.state, self.server.main)

    # -- what happens

    @rule()
    def server_goes_or_comes(self) -> None:
        self.server.up = not self.server.up

    @rule()
    def hosts_go_or_come(self) -> None:
        for box in (self.box, self.twin):
            box.home.hosts = not box.home.hosts

    @rule()
    def line_goes_or_comes(self) -> None:
        self.rough = True
        for box in (self.box, self.twin):
            box.home.line = not box.home.line

    @rule()
    def power_goes_in_a_deploy(self) -> None:
        self.rough = True
        self.box.home.cut = True

    @rule(writes=st.integers(0, 12))
    def power_goes_at_a_write(self, writes: int) -> None:
        self.rough = True
        self.box.home.writes = writes

    # -- what the box does

    @rule()
    def look(self) -> None:
        before, done = self.box.state, len(self.box.home.applied)
        cut_off = self.box.run() == ["cut"]
        self.twin.run()
        self.mains |= self.history()
        testing = self.box.state.testing
        if testing and not cut_off:
            assert self.server.may_be_tested(testing, self.box.state.trusted)
        for commit in self.box.home.applied[done:]:
            assert commit in self.mains or self.may_be_tested(commit, before.testing)

    @rule()
    def settle(self) -> None:
        """With everything up, and the power on, it comes to an end, and tells nothing twice."""
        self.server.up = True
        for box in (self.box, self.twin):
            box.home.hosts, box.home.line, box.home.cut, box.home.writes = True, True, False, -1
        for _ in range(6):
            self.look()
            if not self.box.told.events:
                break
        applied = list(self.box.home.applied)
        self.look()
        assert self.box.told.events == []
        self.ends_where_it_should()
        if not self.stuck():
            assert self.box.home.applied == applied

    def ends_where_it_should(self) -> None:
        state, holds = self.box.state, self.box.home.holds
        if state.deployed in self.history():
            assert (state.good, state.deployed_of) == (state.deployed, "")
        if state.deployed == state.trusted:
            assert "failed" not in state.troubles
        if not self.stuck():
            assert "stuck" not in state.troubles
            assert holds == state.deployed
            assert ("unready" in state.troubles) == decision.has_to_deploy(state)
            kind = self.server.commits[decision.target(state)].kind
            assert holds == decision.target(state) or kind == "cannot begin"
        tested = self.server.testing
        wanted = self.box.mirror.testing and self.server.may_be_tested(tested, state.trusted)
        tested = tested if wanted else ""
        assert state.testing == tested
        assert tested or not state.testing_failed
        if self.rough:
            return
        if tested and self.kind(tested) == "good":
            assert holds == tested
        elif self.kind(state.trusted) == "good" and self.kind(tested) != "cannot begin":
            assert holds == state.trusted

    def stuck(self) -> bool:
        """Nothing has ever been good, so there is nothing to go back to; the person is told."""
        return not self.box.state.good

    def kind(self, commit: str) -> str:
        return self.server.commits[commit].kind if commit else ""

    def history(self) -> frozenset[str]:
        trusted = self.box.state.trusted
        return self.server.commits[trusted].parents if trusted else frozenset()

    def may_be_tested(self, commit: str, before: str) -> bool:
        testing = self.box.state.testing or before
        trusted = self.box.state.trusted
        return commit == testing and self.server.may_be_tested(commit, trusted)

    # -- what is always so

    @invariant()
    def nothing_is_trusted_or_distrusted_for_the_testing_branch(self) -> None:
        state, twin = self.box.state, self.twin.state
        if not self.rough:
            assert state.trusted == twin.trusted
            assert ("refused" in state.troubles) == ("refused" in twin.troubles)
        assert {state.good, state.failed} - {""} <= self.mains | self.history()

    @invariant()
    def whatever_is_given_up_is_told(self) -> None:
        state = self.box.state
        trouble = state.troubles.get("testing-failed")
        if state.testing_failed or not self.rough:
            assert (trouble.commit if trouble else "") == state.testing_failed
        assert (state.testing_failed == "") or state.testing_failed != state.deployed


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(examples(100), stateful_step_count=40)
