"""What the fetcher role has on a computer at home, and what else has to be known of it."""

from __future__ import annotations

from collections.abc import Sequence

from hotshoe import paths
from hotshoe.debian.device import Footprint, PathState, Query
from hotshoe.debian.fetch import FETCHER, FETCHER_USER
from hotshoe.debian.units import Unit
from hotshoe.plan.model import FetcherPlan
from hotshoe.render import modules

# The program: its files on the host, and what each is in templates/.
MODULES = modules("fetcher/hotshoe_fetch", paths.FETCHER_PROGRAM)
FETCHES = Unit.reading(
    FETCHER,
    *(paths.FETCHER_CONFIGURATION, paths.FETCHER_KEY, paths.FETCHER_KNOWN_HOSTS),
    *MODULES,
)

FOOTPRINT = Footprint(
    paths=(paths.FETCHER_PROGRAM,),
    files=(paths.FETCHER_CONFIGURATION, paths.FETCHER_KEY, paths.FETCHER_KNOWN_HOSTS),
    packages=("openssh-client", "python3"),
    accounts=(FETCHER_USER,),
    units=(FETCHES,),
)


def folder_query(plan: FetcherPlan) -> Query[PathState | None]:
    """What is where photos go, which is the person's; None if nothing is."""
    command = f"find {plan.folder} -maxdepth 0 -printf '%y %u %g %m\\n' 2>/dev/null"
    return Query("photos", command, _state)


def _state(lines: Sequence[str]) -> PathState | None:
    return PathState(*lines[0].split()) if lines else None


def takes_photos(folder: PathState) -> bool:
    """Whether photos can be put into a folder that is there."""
    owner, group, others = (int(digit, 8) & 2 for digit in folder.mode.zfill(3)[-3:])
    if folder.owner == FETCHER_USER:
        return bool(owner)
    return bool(group if folder.group == FETCHER_USER else others)
