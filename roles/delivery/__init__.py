"""Photos are brought from the library to other places, and verified there."""

from __future__ import annotations

from pyinfra.api.deploy import deploy

from hotshoe.plan.model import ServerPlan
from roles.delivery.facts import FOOTPRINT
from roles.delivery.preflight import refuse_unfit

__all__ = ["FOOTPRINT", "install", "packages", "refuse_unfit", "remove"]


def packages(_plan: ServerPlan) -> tuple[str, ...]:
    """The Debian packages that a server needs for it."""
    return ()


@deploy("Delivery")
def install(plan: ServerPlan) -> None:
    """Keep count of what each delivery has, send what is to be sent, and remove as planned."""


@deploy("Delivery")
def remove() -> None:
    """Deliver nothing."""
