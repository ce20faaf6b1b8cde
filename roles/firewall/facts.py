"""What the firewall role has on a server, and what else has to be known of it."""

from __future__ import annotations

from collections.abc import Sequence

from hotshoe import paths
from hotshoe.debian.device import Footprint, Query, dropping
from hotshoe.debian.units import Ruleset
from roles.base import rulesets

INCOMING = Ruleset("hotshoe_firewall")
OUTGOING = Ruleset("hotshoe_outgoing")


def _incoming(lines: Sequence[str]) -> tuple[str, ...]:
    return dropping(lines, "input")


# Other people's nftables chains that drop packets to the host by default.
DROPPING = Query("chains", rulesets.CHAINS, _incoming)

FOOTPRINT = Footprint(
    paths=(paths.RULESET,),
    packages=("nftables",),
    rulesets=(INCOMING, OUTGOING),
    queries=(DROPPING, rulesets.TIMEOUTS),
)
