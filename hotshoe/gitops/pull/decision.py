"""What to do next, and whether a deploy has broken something. Pure."""

from __future__ import annotations

from hotshoe.gitops.pull.state import Health, State

# How often a deploy that is cut off, such as by the power, is begun again.
MOST_ATTEMPTS = 3


def of_main(state: State) -> str:
    """The commit of the main branch that the home has to hold; empty if there is none yet.

    The newest one that is trusted, unless it has failed: then the last good one.
    """
    return state.good if state.trusted == state.failed else state.trusted


def is_testing(state: State) -> bool:
    """Whether the commit of the testing branch has to be there instead.

    Its deploy begins in a home that is known to hold something: what a deploy has left half done is
    ended by that deploy or by the main branch, and not by a commit that nobody has tried yet.
    """
    if state.testing in ("", state.testing_failed):
        return False
    return bool(state.deployed) or state.deploying == state.testing or not of_main(state)


def target(state: State) -> str:
    """The commit that the home has to hold; empty if there is none yet."""
    return state.testing if is_testing(state) else of_main(state)


def is_going_back(state: State) -> bool:
    """Whether that is the last good one, after which there is nothing else to go to."""
    return not is_testing(state) and target(state) == state.good


def has_to_deploy(state: State) -> bool:
    """Whether the home does not hold what it has to."""
    return target(state) not in ("", state.deployed)


def is_given_up(state: State) -> bool:
    """Whether the deploy that is due has been cut off too often to be begun once more.

    The last good one is never given up: there is nothing else to go to.
    """
    begun = target(state) == state.deploying and not is_going_back(state)
    return begun and state.attempts >= MOST_ATTEMPTS


def worked(now: Health, then: Health) -> Health:
    """What can be held against a commit of the main branch that follows one of the testing branch.

    What worked with both: nobody has to keep what only the testing branch has brought.

    :param now: what a check says of the testing branch's commit
    :param then: what it said of the main branch's, before that
    """
    outcome = now.outcome if now.outcome == then.outcome else "unknown"
    fine = tuple(layer for layer in now.fine if layer in then.fine)
    return Health(outcome, fine, now.broken, now.text)


def made_worse(before: Health, after: Health) -> str | None:
    """What a deploy has broken, as a sentence; None if nothing.

    What did not work before is no reason to go back: the line may be down, or the router off. Nor
    is what nobody could see before that, behind an outer fault.

    :param before: what a check said before it
    :param after: what it says now, and went on saying
    """
    broken = [layer for layer in after.broken if layer in before.fine]
    if broken:
        return f"what worked before does not work any more: {', '.join(broken)}"
    if before.outcome == "fine" and after.outcome != "fine":
        return "uploads worked before, and now nobody can tell that they do"
    return None
