"""What a Debian router has of hotshoe's, and what else has to be known of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hotshoe import paths
from hotshoe.debian.device import Footprint, Query, dropping
from hotshoe.debian.units import Ruleset, Unit
from roles.base import rulesets

ROUTING = Ruleset("hotshoe_routing")
FORWARDS = Ruleset("hotshoe_forwards")
ROUTES = Unit.reading("hotshoe-routes.service", paths.ROUTES)
WAN = Unit.reading("hotshoe-wan.service", paths.WAN)


def _versions(lines: Sequence[str]) -> frozenset[int]:
    return frozenset(version for version, on in zip((4, 6), lines, strict=False) if on == "1")


def _names(lines: Sequence[str]) -> frozenset[str]:
    return frozenset(re.findall(r'"([^"]+)"', "".join(lines)))


def _forwarded(lines: Sequence[str]) -> tuple[str, ...]:
    return dropping(lines, "forward")


# The IP versions that the kernel forwards.
FORWARDING = Query(
    "forwarding",
    "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding",
    _versions,
)
# The interfaces that its rules take for inside since its last deploy; see routing.nft.j2.
INSIDE = Query(
    "inside",
    f"sed -n 's/^ *iifname {{ \\(.*\\) }} accept$/\\1/p' {ROUTING.path} 2>/dev/null",
    _names,
)
# Other people's nftables chains that drop forwarded packets by default.
DROPPING = Query("chains", rulesets.CHAINS, _forwarded)

FOOTPRINT = Footprint(
    paths=(paths.SYSCTL, paths.RULESET, paths.WAN),
    packages=("nftables",),
    files=(paths.ROUTES,),
    rulesets=(ROUTING, FORWARDS),
    units=(ROUTES, WAN),
    queries=(FORWARDING, INSIDE, DROPPING, rulesets.TIMEOUTS),
)
