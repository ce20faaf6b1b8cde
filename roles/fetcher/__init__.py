"""A computer at home that fetches photos from a server's library."""

from __future__ import annotations

from pyinfra.api.deploy import deploy

from hotshoe.plan.model import FetcherPlan
from roles.fetcher.facts import FOOTPRINT
from roles.fetcher.preflight import refuse_unfit

__all__ = ["FOOTPRINT", "install", "refuse_unfit"]


@deploy("Fetcher")
def install(plan: FetcherPlan) -> None:
    """Fetch photos as soon as they are in the library."""
