"""What pull mode remembers from one run to the next."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from hotshoe import files
from hotshoe.errors import HotshoeError

# What troubles are about, the worst first: those that a person has to end, and those that may end
# by themselves.
SERIOUS = ("stuck", "failed", "refused", "testing-failed")
PASSING = ("unready", "waiting", "testing-ignored")
OUTCOMES = ("fine", "broken", "unknown")


@dataclass(frozen=True)
class Trouble:
    """What is not as it should be.

    :param text: what it is, and what to do
    :param commit: the commit that it is about; empty for none
    :param since: seconds since 1970
    """

    text: str
    commit: str
    since: float


@dataclass(frozen=True)
class Health:
    """What a check said.

    :param outcome: ``fine``, ``broken``, or ``unknown`` if nobody could tell (``OUTCOMES``)
    :param fine: the layers that work, each as ``SITE SERVER: LAYER``
    :param broken: those that do not
    :param text: what is wrong, in a few lines; empty for nothing
    """

    outcome: str = "unknown"
    fine: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class State:
    """Everything that is remembered. Commits are empty as long as there is none.

    :param trusted: the newest commit whose history was found to be signed, or was accepted
    :param deployed: the commit that the home holds; empty while a deploy has begun and not ended
    :param good: the last one that was deployed and broke nothing
    :param failed: the one that was not, and is not tried again
    :param deploying: the one whose deploy has begun
    :param attempts: how often it has begun, since a power cut ends one too
    :param before: what the check before it said
    :param testing: the newest commit of the testing branch, while it may be deployed instead of the
        main branch's; empty for none
    :param testing_failed: the one of that branch that was given up
    :param deployed_of: the testing branch that ``deployed`` is of; empty if it is the main branch's
    :param before_testing: what a check said when the home last held a commit of the main branch,
        since one of the testing branch is there
    :param checked: the outcome of the check after the last deploy; empty before the first
    :param looked: when the server was asked and answered, in seconds since 1970
    :param changed: when a deploy ended, in seconds since 1970
    :param troubles: what is not as it should be, by its kind: ``waiting`` (the server does not
        answer), ``refused`` (the history), ``unready`` (the deploy could not begin), ``failed``,
        ``stuck`` (going back failed as well), ``testing-ignored`` (the testing branch is not
        signed, or lacks commits of the main branch), ``testing-failed``
    """

    trusted: str = ""
    deployed: str = ""
    good: str = ""
    failed: str = ""
    deploying: str = ""
    attempts: int = 0
    before: Health | None = None
    testing: str = ""
    testing_failed: str = ""
    deployed_of: str = ""
    before_testing: Health | None = None
    checked: str = ""
    looked: float = 0
    changed: float = 0
    troubles: dict[str, Trouble] = field(default_factory=dict)

    def without(self, *kinds: str) -> State:
        """The same without troubles of these kinds."""
        kept = {kind: each for kind, each in self.troubles.items() if kind not in kinds}
        return replace(self, troubles=kept)


_READER: TypeAdapter[State] = TypeAdapter(State)


def read_state(path: Path) -> State:
    """What was remembered; nothing, before the first run.

    :raises HotshoeError: if it makes no sense
    """
    try:
        return _READER.validate_json(path.read_bytes())
    except FileNotFoundError:
        return State()
    except ValidationError:
        raise HotshoeError(
            f"{path}: is damaged, so it is not known which history to go on from\n"
            f"    -> remove it, and name the commit to go on from: hotshoe pull accept COMMIT"
        ) from None


def write_state(path: Path, state: State) -> None:
    """Replace it in one step, so that a power cut leaves the old one or the new one."""
    files.replace(path, f"{json.dumps(asdict(state), indent=2)}\n".encode(), 0o600)
