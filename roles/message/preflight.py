"""Refuse what keeps a message from being sent, before anything is changed."""

from __future__ import annotations

from pyinfra import host

from hotshoe.plan.model import ServerPlan
from roles.base.plans import program_of


def refuse_unfit(plan: ServerPlan) -> None:
    """Refuse a program that no server could run.

    :raises RefusedError: with the reason and what to do
    """
    if plan.message:
        program_of(host.data.site, plan.message.program)
