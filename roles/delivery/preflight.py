"""Refuse what keeps photos from being delivered, before anything is changed."""

from __future__ import annotations

from hotshoe.plan.model import ServerPlan


def refuse_unfit(_plan: ServerPlan) -> None:
    """Refuse what keeps photos from being delivered.

    :raises RefusedError: with the reason and what to do
    """
