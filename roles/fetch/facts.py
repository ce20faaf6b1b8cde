"""What the SSH for those who fetch has on a server, and what else has to be known of it."""

from __future__ import annotations

from collections.abc import Sequence

from hotshoe import paths
from hotshoe.debian.device import Footprint, Query
from hotshoe.debian.fetch import USER
from hotshoe.debian.units import Unit
from hotshoe.plan.delivery import FETCH_PORT

# What a session runs of the program that delivers, which has a role of its own.
_RUNS = tuple(f"{paths.DELIVERY_PROGRAM}/{name}.py" for name in ("serve", "exchange", "folders"))
FILES = (paths.FETCH_SESSION, paths.FETCH_CONFIGURATION, paths.FETCH_KEYS, paths.FETCH_HOST_KEY)
SSHD = Unit.reading("hotshoe-fetch.service", *FILES, *_RUNS)


def _holder(lines: Sequence[str]) -> str:
    return next((line.split('"')[1] if '"' in line else "?" for line in lines), "")


# The program that listens where fetchers connect.
HOLDER = Query("fetch_port", f"ss -Hltnp sport = :{FETCH_PORT}", _holder)

FOOTPRINT = Footprint(
    paths=(paths.FETCH_SESSION, paths.FETCH_ROOT),
    files=(paths.FETCH_CONFIGURATION, paths.FETCH_KEYS, paths.FETCH_HOST_KEY),
    packages=("openssh-server",),
    accounts=(USER,),
    units=(SSHD,),
    queries=(HOLDER,),
)
