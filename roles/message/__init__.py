"""A program of the person's is told of new photos."""

from __future__ import annotations

from pyinfra.api.deploy import deploy

from hotshoe.plan.model import Message, ServerPlan
from roles.message.facts import FOOTPRINT
from roles.message.preflight import refuse_unfit

__all__ = ["FOOTPRINT", "install", "packages", "refuse_unfit", "remove"]


def packages(_message: Message) -> tuple[str, ...]:
    """The Debian packages that a server needs for it."""
    return ()


@deploy("Message")
def install(plan: ServerPlan, message: Message) -> None:
    """Run the person's program for new photos."""


@deploy("Message")
def remove() -> None:
    """Run no program for new photos."""
