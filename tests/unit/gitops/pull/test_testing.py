"""A testing branch: deployed instead of the main branch, which it never harms."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest

from hotshoe.errors import HotshoeError
from hotshoe.gitops.pull import history, trust
from hotshoe.gitops.pull.decision import MOST_ATTEMPTS
from hotshoe.gitops.pull.programs import Ended
from hotshoe.gitops.pull.run import accept
from hotshoe.gitops.pull.state import Health, write_state
from tests.unit.gitops.pull.repository import BROKEN, FINE, OWNER, STRANGER, Box
from tests.unit.gitops.pull.test_run import PowerCutError, cut


@pytest.fixture
def box(box: Box) -> Box:
    """It follows a testing branch, which is not there yet."""
    box.testing = "try"
    return box


def events(box: Box) -> list[str]:
    return [event for event, _, _ in box.run()]


def push(box: Box, text: str, by: str | None = OWNER, onto: str = "main") -> str:
    """Have the testing branch end at a new commit, after another."""
    box.origin.git("checkout", "--quiet", "-B", "try", onto)
    commit = box.origin.commit(text, by)
    box.origin.git("checkout", "--quiet", "main")
    return commit


def merge(box: Box) -> str:
    """Have the main branch end where the testing branch does."""
    box.origin.git("merge", "--quiet", "--ff-only", "try")
    return box.origin.git("rev-parse", "HEAD")


def works(*said: str) -> Callable[[str], Health]:
    return lambda holds: FINE if holds in said else BROKEN


def test_it_is_deployed_instead_of_the_main_branch(box: Box) -> None:
    main = box.state.trusted
    commit = push(box, "tried")
    ((event, text, told),) = box.run()
    assert (event, told) == ("applied", commit)
    assert text.startswith(f"deployed, of the testing branch try: {commit} ('tried', by Ann")
    state = box.state
    assert (state.deployed, state.deployed_of, state.checked) == (commit, "try", "fine")
    assert (state.trusted, state.good, state.failed) == (main, main, "")
    assert box.run() == []


def test_it_counts_for_nothing_unless_it_is_asked_for(box: Box) -> None:
    box.testing = None
    push(box, "tried")
    assert box.run() == []
    assert box.home.applied == []


@pytest.mark.parametrize("how", ["deleted", "rewound", "no longer asked for"])
def test_without_it_the_home_goes_back_to_the_main_branch_by_itself(box: Box, how: str) -> None:
    main = box.state.trusted
    push(box, "tried")
    box.run()
    if how == "deleted":
        box.origin.git("branch", "--quiet", "-D", "try")
    elif how == "rewound":
        box.origin.git("branch", "--quiet", "--force", "try", "main")
    else:
        box.testing = None
        # Which the box knows by itself.
        box.origin.folder.rename(box.origin.folder.with_name("away"))
    event, text, told = box.run()[-1]
    assert (event, told, text.startswith("deployed: ")) == ("applied", main, True)
    assert box.home.applied == ["tried", "first"]
    assert (box.state.deployed, box.state.deployed_of) == (main, "")
    assert "testing-ignored" not in box.state.troubles


def test_it_may_be_rewound(box: Box) -> None:
    push(box, "tried")
    box.run()
    other = push(box, "other")
    assert events(box) == ["applied"]
    assert box.state.deployed == other


def test_one_that_lacks_the_newest_commit_of_main_is_ignored_and_told_once(box: Box) -> None:
    tried = push(box, "tried")
    box.run()
    second = box.origin.commit("second")
    (ignored, text, told), (applied, _, commit) = box.run()
    assert (ignored, told, applied, commit) == ("testing-ignored", tried, "applied", second)
    assert f"its newest commit, {tried} ('tried'" in text
    assert f"does not come after {second}, the newest of main that is trusted" in text
    assert "\n    -> git rebase main try, and push it again with --force" in text
    assert box.run() == []
    third = box.origin.commit("third")
    assert events(box) == ["applied"]  # and not that again
    assert box.state.deployed == box.state.good == third
    rebased = push(box, "tried")
    assert events(box) == ["applied"]
    assert (box.state.deployed, box.state.troubles) == (rebased, {})


def test_merged_it_is_not_deployed_again_and_is_what_main_goes_back_to(box: Box) -> None:
    push(box, "tried")
    box.run()
    commit = merge(box)
    assert box.run() == []
    state = box.state
    assert (state.deployed, state.deployed_of, state.good) == (commit, "", commit)
    box.home.applies = lambda said: Ended(1, "no") if said == "bad" else Ended(0, "")
    box.origin.commit("bad")
    assert events(box) == ["failed", "applied"]
    assert box.home.applied == ["tried", "bad", "tried"]
    # The branch that was merged is still there, and there is nothing to tell of it.
    assert set(box.state.troubles) == {"failed"}


def test_merged_below_a_bad_commit_it_is_what_main_goes_back_to(box: Box) -> None:
    commit = push(box, "tried")
    box.run()
    merge(box)
    box.home.applies = lambda said: Ended(1, "no") if said == "bad" else Ended(0, "")
    box.origin.commit("bad")
    assert events(box) == ["failed", "applied"]
    assert box.state.deployed == box.state.good == commit


@pytest.mark.parametrize("by", [None, STRANGER])
def test_one_with_a_commit_that_nobody_signed_who_may_is_ignored(box: Box, by: str | None) -> None:
    main = box.state.deployed
    hidden = push(box, "hidden", by)
    head = push(box, "signed", onto=hidden)
    ((event, text, told),) = box.run()
    assert (event, told) == ("testing-ignored", head)
    assert f"the testing branch try is not deployed: commit {hidden} ('hidden'" in text
    assert "hotshoe pull accept" not in text
    assert box.run() == []
    assert (box.state.deployed, box.home.applied) == (main, [])
    assert main == box.state.trusted == box.state.good


def test_who_may_not_sign_any_more_is_not_tested_any_more(box: Box) -> None:
    box.may_sign(OWNER, STRANGER)
    push(box, "tried", by=STRANGER)
    box.run()
    box.may_sign(OWNER)
    # Also while the server cannot be asked.
    box.origin.folder.rename(box.origin.folder.with_name("away"))
    assert events(box) == ["waiting", "testing-ignored", "applied"]
    assert box.home.holds == "first"


def test_one_that_breaks_uploads_is_taken_back(box: Box) -> None:
    main = box.state.trusted
    box.home.checks = works("first", "better")
    bad = push(box, "bad")
    (failed, text, told), (applied, _, back) = box.run()
    assert (failed, told, applied, back) == ("testing-failed", bad, "applied", main)
    assert f"commit {bad} ('bad', by Ann <ann@example.net>) of the testing branch try is" in text
    assert "what worked before does not work any more: home darkroom: log-in" in text
    assert f"-> going back to {main}, of main; " in text
    # Nor is it tried again.
    assert box.run() == []
    assert set(box.state.troubles) == {"testing-failed"}
    assert (box.state.trusted, box.state.good, box.state.failed) == (main, main, "")
    better = push(box, "better")
    assert events(box) == ["applied"]
    assert (box.state.deployed, box.state.troubles) == (better, {})


def test_what_has_failed_there_is_tried_once_when_it_is_merged(box: Box) -> None:
    """The main branch counts for itself: what failed a test may have failed by chance."""
    push(box, "tried")
    box.home.applies = lambda said: Ended(1, "no mirror") if said == "tried" else Ended(0, "")
    assert events(box) == ["testing-failed", "applied"]
    box.home.applies = lambda _: Ended(0, "")
    commit = merge(box)
    assert events(box) == ["applied"]
    assert box.state.deployed == box.state.good == commit
    assert box.state.troubles == {}


def test_it_does_not_make_the_box_forget_what_has_failed_of_main(box: Box) -> None:
    """Else the two would take turns for ever."""
    good = box.state.good
    box.home.checks = works("first", "fixed")
    bad = box.origin.commit("bad")
    box.run()
    push(box, "worse")
    assert events(box) == ["testing-failed", "applied"]
    assert box.run() == []
    assert box.state.failed == bad
    fixed = push(box, "fixed")
    assert events(box) == ["applied"]
    assert set(box.state.troubles) == {"failed"}
    box.origin.git("branch", "--quiet", "-D", "try")
    assert events(box) == ["applied"]
    assert (box.state.deployed, box.home.holds) == (good, "first")
    box.origin.git("branch", "try", fixed)
    box.run()
    merge(box)
    assert box.run() == []
    assert (box.state.good, box.state.troubles) == (fixed, {})
    assert box.home.applied == ["bad", "first", "worse", "first", "fixed", "first", "fixed"]


def test_what_only_it_has_brought_is_not_held_against_main(box: Box) -> None:
    """Uploads were broken with main, the testing branch repairs them, and main goes on without."""
    box.home.checks = works("repaired")
    second = box.origin.commit("second")
    box.run()
    push(box, "repaired")
    box.run()
    third = box.origin.commit("third")
    assert events(box) == ["testing-ignored", "applied"]
    assert box.state.deployed == box.state.good == third
    assert box.home.applied == ["second", "repaired", "third"]
    assert second != third


def test_what_worked_with_both_is_held_against_main(box: Box) -> None:
    box.home.checks = works("first", "tried")
    push(box, "tried")
    box.run()
    box.origin.commit("bad")
    assert events(box) == ["testing-ignored", "failed", "applied"]
    assert box.home.holds == "first"


def test_when_both_are_new_and_bad_the_last_good_commit_is_deployed(box: Box) -> None:
    """In one run."""
    good = box.state.good
    box.home.checks = works("first")
    box.origin.commit("bad")
    push(box, "bad as well")
    assert events(box) == ["testing-failed", "failed", "applied"]
    assert box.home.applied == ["bad as well", "bad", "first"]
    assert box.state.deployed == good
    assert box.run() == []


def test_main_comes_first_in_a_home_of_which_nothing_is_known(box: Box) -> None:
    """Such as a new one: what worked before is known only then."""
    box.places.state.unlink()
    push(box, "tried")
    assert events(box) == ["applied"]
    assert box.home.applied == ["first"]
    assert events(box) == ["applied"]
    assert box.home.applied == ["first", "tried"]


def cut_off(box: Box, text: str = "tried") -> str:
    """The power goes while the testing branch is deployed."""
    box.home.applies = lambda said: cut(said) if said == text else Ended(0, "")
    commit = push(box, text)
    with pytest.raises(PowerCutError):
        box.run()
    return commit


def test_a_deploy_of_it_that_was_cut_off_is_begun_again(box: Box) -> None:
    commit = cut_off(box)
    box.home.applies = lambda _: Ended(0, "")
    # Also when the repository cannot be reached meanwhile.
    box.origin.folder.rename(box.origin.folder.with_name("away"))
    assert events(box) == ["waiting", "applied"]
    assert (box.state.deployed, box.state.deployed_of) == (commit, "try")


@pytest.mark.parametrize("then", ["deleted", "behind", "another", "not signed"])
def test_whatever_becomes_of_it_meanwhile_main_is_deployed(box: Box, then: str) -> None:
    cut_off(box)
    main = box.state.trusted
    if then == "deleted":
        box.origin.git("branch", "--quiet", "-D", "try")
    elif then == "behind":
        main = box.origin.commit("second")
    elif then == "another":
        push(box, "other")
    else:
        push(box, "other", by=None)
    assert events(box)[-1] == "applied"
    assert box.state.deployed == box.state.good == main
    assert box.home.holds == ("second" if then == "behind" else "first")
    box.run()
    assert box.home.holds == {"another": "other", "behind": "second"}.get(then, "first")


def test_one_that_is_cut_off_each_time_is_given_up(box: Box) -> None:
    cut_off(box)
    for _ in range(MOST_ATTEMPTS - 1):
        with pytest.raises(PowerCutError):
            box.run()
    (failed, text, _), (back, _, _) = box.run()
    assert (failed, back) == ("testing-failed", "applied")
    assert f"its deploy was cut off {MOST_ATTEMPTS} times" in text
    assert box.home.holds == "first"
    assert box.run() == []


def test_a_half_done_home_is_put_right_by_the_last_good_commit(box: Box) -> None:
    """Where the one that is due, of whichever branch, cannot begin."""
    good = box.state.good
    cut_off(box)
    box.origin.commit("broken")
    box.home.plans = lambda said: Ended(1, "refused") if said == "broken" else Ended(0, "")
    assert events(box) == ["testing-ignored", "applied"]
    assert (box.state.deployed, box.home.holds) == (good, "first")
    assert events(box) == ["unready"]
    assert box.run() == []


def test_nor_does_it_stay_half_done_where_the_newest_of_main_cannot_begin(box: Box) -> None:
    good = box.state.good
    box.home.plans = lambda said: Ended(1, "refused") if said == "broken" else Ended(0, "")
    box.home.applies = lambda said: Ended(1, "no") if said == "bad" else Ended(0, "")
    box.origin.commit("broken")
    push(box, "bad")
    assert events(box) == ["testing-failed", "applied"]
    assert (box.state.deployed, box.home.holds) == (good, "first")
    assert events(box) == ["unready"]


def test_one_that_cannot_begin_changes_nothing(box: Box) -> None:
    push(box, "tried")
    box.run()
    broken = push(box, "broken")
    box.home.plans = lambda said: Ended(1, "refused") if said == "broken" else Ended(0, "")
    ((event, _, told),) = box.run()
    assert (event, told) == ("unready", broken)
    assert box.home.holds == "tried"
    box.origin.git("branch", "--quiet", "-D", "try")
    assert events(box) == ["applied"]
    assert box.home.holds == "first"
    assert box.state.troubles == {}
    box.origin.git("branch", "try", broken)
    assert events(box) == ["unready"]
    box.origin.git("branch", "--quiet", "-D", "try")
    assert box.run() == []
    assert box.state.troubles == {}


def test_a_rewound_main_branch_is_refused_as_before(box: Box) -> None:
    second = box.origin.commit("second")
    box.run()
    tried = push(box, "tried")
    box.run()
    box.origin.git("reset", "--quiet", "--hard", "HEAD~1")
    other = box.origin.commit("other")
    ((event, text, told),) = box.run()
    assert (event, told) == ("refused", other)
    assert f"does not come after {second}" in text
    # The testing branch still comes after what is trusted; its end does not change that.
    assert (box.state.trusted, box.state.deployed) == (second, tried)
    box.origin.git("branch", "--quiet", "-D", "try")
    assert events(box) == ["applied"]
    assert (box.state.trusted, box.state.deployed) == (second, second)
    assert set(box.state.troubles) == {"refused"}


def test_a_testing_branch_on_a_rewound_main_branch_is_ignored(box: Box) -> None:
    box.origin.commit("second")
    box.run()
    box.home.done.clear()
    box.origin.git("reset", "--quiet", "--hard", "HEAD~1")
    push(box, "tried")
    assert events(box) == ["refused", "testing-ignored"]
    assert box.home.applied == []


def test_what_is_accepted_of_main_ends_a_testing_branch_without_it(box: Box) -> None:
    second = box.origin.commit("second", by=None)
    push(box, "tried", onto="main~1")
    assert events(box) == ["refused", "applied"]
    assert box.home.holds == "tried"
    box.origin.folder.rename(box.origin.folder.with_name("away"))
    write_state(box.places.state, accept(box.state, second))
    assert events(box) == ["waiting", "testing-ignored", "applied"]
    assert (box.state.deployed, box.home.holds) == (second, "second")


def test_nothing_pushed_to_it_keeps_main_from_being_fetched(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, none of them signed: half of the room is left for main."""
    monkeypatch.setattr(history, "MOST_BYTES", 250_000)
    sizes = []
    for number in range(4):
        (box.origin.folder / "large").write_bytes(os.urandom(70_000))
        push(box, f"large {number}", by=None)
        box.run()
        sizes.append(sum(each.stat().st_size for each in box.places.mirror.rglob("pack-*")))
    assert sizes[-2] == sizes[-1]
    text = box.state.troubles["testing-ignored"].text
    assert text.startswith("the testing branch try cannot be fetched, and is asked again each")
    assert "is too much for homes\n    -> look who pushes that" in text
    commit = box.origin.commit("second")
    assert events(box) == ["applied"]
    assert box.state.deployed == commit


def test_one_that_cannot_be_fetched_leaves_what_is_deployed(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = push(box, "tried")
    box.run()
    push(box, "other")
    monkeypatch.setattr(history, "TESTING_SHARE", 2**40)
    assert events(box) == ["testing-ignored"]
    assert box.run() == []
    assert box.state.deployed == box.state.testing == tried
    monkeypatch.undo()
    assert events(box) == ["applied"]
    assert (box.home.holds, box.state.troubles) == ("other", {})


def test_one_that_cannot_be_judged_is_no_hindrance(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> str:
        raise HotshoeError("git rev-list failed")

    push(box, "tried")
    commit = box.origin.commit("second")
    monkeypatch.setattr(trust, "why_ignored", fails)
    assert events(box) == ["testing-ignored", "applied"]
    assert box.state.deployed == commit
    assert box.run() == []


@pytest.mark.parametrize("gone", [True, False])
def test_a_mirror_that_is_made_anew_lacks_nothing_that_is_needed(box: Box, gone: bool) -> None:
    tried = push(box, "tried")
    box.run()
    if gone:
        box.origin.git("branch", "--quiet", "-D", "try")
        box.origin.git("reflog", "expire", "--expire=now", "--all")
        box.origin.git("gc", "--quiet", "--prune=now")
    shutil.rmtree(box.places.mirror)
    box.run()
    assert box.home.holds == ("first" if gone else "tried")
    assert box.mirror.has(tried) is not gone


def test_a_damaged_testing_branch_is_fetched_anew_with_all_else(box: Box) -> None:
    push(box, "tried")
    box.run()
    held = box.origin.git("rev-list", "--objects", "main..try").split()
    for name in held:
        for path in box.places.mirror.glob(f"objects/{name[:2]}/{name[2:]}"):
            path.chmod(0o600)
            path.write_bytes(b"")
    other = push(box, "other", onto="try")
    assert events(box) == ["applied"]
    assert box.state.deployed == other
    assert box.mirror.has(box.state.trusted)


def test_the_memory_of_before_has_no_testing_branch(box: Box) -> None:
    """A state.json of a release without it is read."""
    state = box.state
    text = box.places.state.read_text()
    for field in ("testing", "testing_failed", "deployed_of", "before_testing", "checked"):
        assert f'"{field}"' in text
        text = "\n".join(line for line in text.splitlines() if f'"{field}":' not in line)
    box.places.state.write_text(text)
    assert box.state == replace(state, checked="")
