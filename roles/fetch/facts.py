"""What the SSH for those who fetch has on a server, and what else has to be known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hotshoe import paths
from hotshoe.debian.device import Footprint, Query
from hotshoe.debian.fetch import USER
from hotshoe.debian.units import Unit
from hotshoe.plan.delivery import FETCH_PORT

# What a session runs of the program that delivers, which has a role of its own.
_RUNS = tuple(f"{paths.DELIVERY_PROGRAM}/{name}.py" for name in ("serve", "exchange", "folders"))
FILES = (paths.FETCH_SESSION, paths.FETCH_CONFIGURATION, paths.FETCH_KEYS, paths.FETCH_HOST_KEY)
SSHD = Unit.reading("hotshoe-fetch.service", *FILES, *_RUNS)


def _listeners(lines: Sequence[str]) -> Mapping[int, str]:
    told = (line.split(maxsplit=5) for line in lines)
    return {
        int(columns[3].rpartition(":")[2]): columns[5].split('"')[1] if len(columns) > 5 else "?"
        for columns in told
    }


# The TCP ports from the first one on to which fetchers may connect, and the program on each.
HOLDERS = Query("fetch_ports", f"ss -Hltnp sport ge :{FETCH_PORT}", _listeners)

FOOTPRINT = Footprint(
    paths=(paths.FETCH_SESSION, paths.FETCH_ROOT),
    files=(paths.FETCH_CONFIGURATION, paths.FETCH_KEYS, paths.FETCH_HOST_KEY),
    packages=("openssh-server",),
    accounts=(USER,),
    units=(SSHD,),
    queries=(HOLDERS,),
)
