"""Refuse what keeps a message from being sent, before anything is changed."""

from __future__ import annotations

from hotshoe.plan.model import ServerPlan


def refuse_unfit(_plan: ServerPlan) -> None:
    """Refuse nothing: the person's program was judged before any host was contacted."""
