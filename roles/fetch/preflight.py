"""Refuse what keeps photos from being fetched, before anything is changed."""

from __future__ import annotations

from pyinfra import host

from hotshoe.debian.listeners import LISTENERS
from hotshoe.plan.model import ServerPlan
from roles.base.device import device_of
from roles.base.plans import refuse
from roles.fetch.facts import SSHD


def refuse_unfit(plan: ServerPlan) -> None:
    """Refuse a server where another program has the port to which those who fetch connect.

    :raises RefusedError: with the reason and what to do
    """
    device = device_of(host)
    holder = device[LISTENERS].get(plan.fetch_port or 0)
    if holder and not device.runs(SSHD.name):
        refuse(
            host,
            f"port {plan.fetch_port}, to which computers connect that fetch photos, is taken by "
            f"{holder}",
            "stop that program, or move it to another port",
        )
