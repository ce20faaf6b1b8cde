"""Computers at home fetch photos: by an SSH of its own, which gives them nothing else."""

from __future__ import annotations

from pyinfra.api.deploy import deploy

from hotshoe.plan.model import ServerPlan
from roles.fetch.facts import FOOTPRINT
from roles.fetch.preflight import refuse_unfit

__all__ = ["FOOTPRINT", "install", "packages", "refuse_unfit", "remove"]


def packages(_plan: ServerPlan) -> tuple[str, ...]:
    """The Debian packages that a server needs for it."""
    return ()


@deploy("Fetch")
def install(plan: ServerPlan) -> None:
    """Let the computers of the Plan fetch photos."""


@deploy("Fetch")
def remove() -> None:
    """Let nobody fetch photos."""
