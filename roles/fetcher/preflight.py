"""Refuse what keeps a computer from fetching photos, before anything is changed."""

from __future__ import annotations

from pyinfra import host

from hotshoe.plan.model import FetcherPlan
from roles.base.device import read
from roles.base.plans import refuse
from roles.base.preflight import refuse_system
from roles.fetcher.facts import FOOTPRINT


def refuse_unfit(plan: FetcherPlan) -> None:
    """Look at a computer, and refuse it if it is another one or runs another system.

    :raises RefusedError: with the reason and what to do
    """
    device = read(host, (FOOTPRINT,))
    addresses = device.network.addresses
    refuse_system(device)
    if str(plan.address) not in addresses:
        refuse(
            host,
            f"has no address {plan.address}, so it is not the computer of the delivery {plan.name} "
            f"(it has {', '.join(addresses)})",
            "give it that fixed address, or correct the delivery's address",
        )
