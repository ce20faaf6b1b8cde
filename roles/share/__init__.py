"""The library as a network folder of the home, and its readers on the server."""

from __future__ import annotations

from pyinfra.api.deploy import deploy

from hotshoe.plan.model import ServerPlan, Share
from roles.share.facts import FOOTPRINT
from roles.share.preflight import refuse_unfit

__all__ = ["FOOTPRINT", "install", "packages", "readers", "refuse_unfit", "remove"]


def packages(_share: Share) -> tuple[str, ...]:
    """The Debian packages that a server needs for it."""
    return ()


@deploy("Share")
def install(plan: ServerPlan, share: Share) -> None:
    """Have the home see the library as a network folder."""


@deploy("Share")
def readers(plan: ServerPlan) -> None:
    """Let the users whom the Site names read the library, and nobody else who could before."""


@deploy("Share")
def remove() -> None:
    """Have no share."""
