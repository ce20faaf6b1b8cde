"""Warn of rules of others that keep cameras out whatever ours say."""

from __future__ import annotations

from pyinfra import host, logger

from hotshoe.plan.model import ServerPlan
from roles.base.device import device_of
from roles.firewall.facts import DROPPING


def refuse_unfit(_plan: ServerPlan) -> None:
    """Warn of chains of others that drop packets by default; ours cannot accept for them."""
    for chain in device_of(host)[DROPPING]:
        logger.warning(
            f"{host.name}: the nftables chain '{chain}', which is not hotshoe's, drops packets by "
            "default; if cameras do not get through, allow the FTP ports there too"
        )
