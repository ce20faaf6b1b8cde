"""What is deployed, what is taken back, and what a run that is killed leaves to the next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hotshoe.deploy.record import Revision
from hotshoe.gitops.pull.decision import MOST_ATTEMPTS, made_worse
from hotshoe.gitops.pull.programs import Ended
from hotshoe.gitops.pull.run import accept
from hotshoe.gitops.pull.state import Health, write_state
from hotshoe.gitops.revision import revision
from tests.unit.gitops.pull.repository import BROKEN, FINE, Box

UNKNOWN = Health()


def test_a_deploy_that_fails_is_taken_back(box: Box) -> None:
    good = box.state.good
    box.home.applies = lambda said: Ended(1, "no such package") if said == "bad" else Ended(0, "")
    bad = box.origin.commit("bad")
    (failed, text, commit), (back, _, to) = box.run()
    assert (failed, commit, back, to) == ("failed", bad, "applied", good)
    assert f"commit {bad} ('bad', by Ann <ann@example.net>) is given up" in text
    assert "no such package" in text
    assert f"going back to {good}" in text
    assert box.home.applied == ["bad", "first"]
    assert box.state.deployed == good
    # It is not tried again.
    assert box.run() == []
    assert box.home.applied == ["bad", "first"]


def test_a_commit_that_breaks_uploads_is_taken_back(box: Box) -> None:
    box.home.checks = lambda holds: BROKEN if holds == "bad" else FINE
    box.origin.commit("bad")
    (failed, text, _), (back, _, _) = box.run()
    assert (failed, back) == ("failed", "applied")
    assert "what worked before does not work any more: home darkroom: log-in" in text
    assert box.home.applied == ["bad", "first"]
    assert set(box.state.troubles) == {"failed"}
    better = box.origin.commit("better")
    box.run()
    assert box.state.deployed == box.state.good == better
    assert box.state.troubles == {}


def test_what_did_not_work_before_is_no_reason_to_go_back(box: Box) -> None:
    """Such as while the line is down."""
    box.home.checks = lambda _: BROKEN
    commit = box.origin.commit("second")
    ((event, text, _),) = box.run()
    assert event == "applied"
    assert "hotshoe check says that it is broken (as before the deploy)" in text
    assert box.home.applied == ["second"]
    assert box.state.deployed == commit


def test_what_does_not_work_at_once_is_looked_at_again(box: Box) -> None:
    answers = iter([FINE, BROKEN, FINE])
    box.home.checks = lambda _: next(answers)
    commit = box.origin.commit("second")
    assert [event for event, _, _ in box.run()] == ["applied"]
    assert box.state.deployed == commit


def test_one_that_was_given_up_is_tried_again_when_the_owner_accepts_it(box: Box) -> None:
    answers = iter([Ended(1, "the disk was full"), Ended(0, ""), Ended(0, "")])
    box.home.applies = lambda _: next(answers)
    commit = box.origin.commit("second")
    box.run()
    write_state(box.places.state, accept(box.state, commit))
    box.run()
    assert box.home.applied == ["second", "first", "second"]
    assert box.state.deployed == commit


def test_a_deploy_that_cannot_begin_waits_and_changes_nothing(box: Box) -> None:
    """A host that does not answer is no reason to go back, nor is a Site that is refused."""
    held = box.state.deployed
    box.home.plans = lambda _: Ended(1, "gateway: does not answer")
    commit = box.origin.commit("second")
    ((event, text, told),) = box.run()
    assert (event, told) == ("unready", commit)
    assert "nothing was changed" in text
    assert "gateway: does not answer" in text
    assert box.run() == []
    assert (box.home.applied, box.state.deployed) == ([], held)
    box.home.plans = lambda _: Ended(0, "")
    box.run()
    assert box.state.deployed == commit
    assert box.state.troubles == {}


class PowerCutError(BaseException):
    """Nothing is done after it."""


def cut(_: str) -> Ended:
    raise PowerCutError


def test_a_deploy_that_was_cut_off_is_begun_again(box: Box) -> None:
    box.home.applies = cut
    commit = box.origin.commit("second")
    with pytest.raises(PowerCutError):
        box.run()
    assert box.state.deployed == ""
    box.home.applies = lambda _: Ended(0, "")
    # Also when the repository cannot be reached meanwhile.
    box.origin.folder.rename(box.origin.folder.with_name("away"))
    box.run()
    assert box.home.applied == ["second", "second"]
    assert box.state.deployed == commit


def test_what_worked_before_a_deploy_that_was_cut_off_is_still_known(box: Box) -> None:
    """Half of a deploy may have broken what the other half does not heal."""
    box.home.checks = lambda holds: FINE if holds == "first" else BROKEN
    box.home.applies = cut
    box.origin.commit("second")
    with pytest.raises(PowerCutError):
        box.run()
    box.home.applies = lambda _: Ended(0, "")
    assert [event for event, _, _ in box.run()] == ["failed", "applied"]
    assert box.home.holds == "first"


def test_one_that_is_cut_off_each_time_is_given_up(box: Box) -> None:
    """It may be what cuts the power."""
    box.home.applies = lambda said: cut(said) if said == "bad" else Ended(0, "")
    box.origin.commit("bad")
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(PowerCutError):
            box.run()
    (failed, text, _), (back, _, _) = box.run()
    assert (failed, back) == ("failed", "applied")
    assert f"its deploy was cut off {MOST_ATTEMPTS} times" in text
    assert box.home.holds == "first"


def test_one_that_is_cut_off_while_going_back_goes_on_going_back(box: Box) -> None:
    good = box.state.good
    box.home.applies = lambda said: Ended(1, "no") if said == "bad" else cut(said)
    box.origin.commit("bad")
    with pytest.raises(PowerCutError):
        box.run()
    assert box.state.deployed == ""
    box.home.applies = lambda _: Ended(0, "")
    assert [event for event, _, _ in box.run()] == ["applied"]
    assert box.state.deployed == good
    assert box.home.applied[-1] == "first"


def test_going_back_that_fails_is_told_and_tried_again(box: Box) -> None:
    good = box.state.good
    box.home.applies = lambda _: Ended(1, "no answer")
    box.origin.commit("bad")
    assert [event for event, _, _ in box.run()] == ["failed", "stuck"]
    assert box.run() == []
    box.home.applies = lambda _: Ended(0, "")
    assert [event for event, _, _ in box.run()] == ["applied"]
    assert box.state.deployed == good
    assert set(box.state.troubles) == {"failed"}


def test_a_refused_history_does_not_keep_a_deploy_from_being_finished(box: Box) -> None:
    box.home.applies = cut
    second = box.origin.commit("second")
    with pytest.raises(PowerCutError):
        box.run()
    box.home.applies = lambda _: Ended(0, "")
    box.origin.commit("third", by=None)
    assert [event for event, _, _ in box.run()] == ["refused", "applied"]
    assert box.state.deployed == second


def test_without_an_earlier_commit_there_is_nothing_to_go_back_to(box: Box) -> None:
    state = replace(box.state, deployed="", good="", trusted="")
    write_state(box.places.state, state)
    box.home.applies = lambda _: Ended(1, "no")
    ((event, text, _),) = box.run()
    assert event == "failed"
    assert "there is no earlier one to go back to" in text
    assert box.run() == []


def test_the_authority_of_the_box_is_in_the_folder_and_stays(box: Box) -> None:
    (box.places.pki / "photos.example.net").mkdir(parents=True)
    (box.places.pki / "photos.example.net" / "ca.key").write_text("only once")
    box.origin.commit("second")
    box.run()
    assert (box.places.home / "pki" / "photos.example.net" / "ca.key").read_text() == "only once"
    assert revision(box.places.home) == Revision(box.state.deployed, True)
    box.origin.commit("third")
    box.run()
    assert (box.places.pki / "photos.example.net" / "ca.key").read_text() == "only once"


LOGIN, NAME = "home darkroom: log-in", "home darkroom: name"


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        (FINE, FINE, False),
        (FINE, BROKEN, True),
        # Nobody can tell, for long, what worked before.
        (FINE, UNKNOWN, True),
        (BROKEN, BROKEN, False),
        (UNKNOWN, BROKEN, False),
        (BROKEN, FINE, False),
        # The name was wrong, and what lies behind it could not be seen.
        (Health("broken", (), (NAME,)), Health("broken", (NAME,), (LOGIN,)), False),
        # The name was wrong, and log-ins at the address worked.
        (Health("broken", (LOGIN,), (NAME,)), Health("broken", (), (NAME, LOGIN)), True),
        # From inside the home, where there is no hairpin NAT.
        (Health("unknown", (LOGIN,)), Health("broken", (), (LOGIN,)), True),
        (Health("unknown", (LOGIN,)), Health("unknown", (LOGIN,)), False),
    ],
)
def test_worse_is_what_worked_before(before: Health, after: Health, worse: bool) -> None:
    assert bool(made_worse(before, after)) is worse
