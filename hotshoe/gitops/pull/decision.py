"""What to do next, and whether a deploy has broken something. Pure."""

from __future__ import annotations

from hotshoe.gitops.pull.state import Health, State

# How often a deploy that is cut off, such as by the power, is begun again.
MOST_ATTEMPTS = 3


def target(state: State) -> str:
    """The commit that the home has to hold; empty if there is none yet.

    The newest one that is trusted, unless it has failed: then the last good one.
    """
    return state.good if state.trusted == state.failed else state.trusted


def has_to_deploy(state: State) -> bool:
    """Whether the home does not hold what it has to."""
    return target(state) not in ("", state.deployed)


def is_given_up(state: State) -> bool:
    """Whether the deploy that is due has been cut off too often to be begun once more.

    The last good one is never given up: there is nothing else to go to.
    """
    due = target(state)
    return due == state.deploying != state.good and state.attempts >= MOST_ATTEMPTS


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
