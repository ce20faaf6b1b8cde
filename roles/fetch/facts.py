"""What the SSH for those who fetch has on a server, and what else has to be known of it."""

from __future__ import annotations

from hotshoe import paths
from hotshoe.debian.device import Footprint
from hotshoe.debian.fetch import USER
from hotshoe.debian.listeners import LISTENERS
from hotshoe.debian.units import Unit

# What a session runs of the program that delivers, which has a role of its own.
_RUNS = tuple(f"{paths.DELIVERY_PROGRAM}/{name}.py" for name in ("serve", "exchange", "folders"))
FILES = (paths.FETCH_SESSION, paths.FETCH_CONFIGURATION, paths.FETCH_KEYS, paths.FETCH_HOST_KEY)
SSHD = Unit.reading("hotshoe-fetch.service", *FILES, *_RUNS)


FOOTPRINT = Footprint(
    paths=(paths.FETCH_SESSION, paths.FETCH_ROOT),
    files=(paths.FETCH_CONFIGURATION, paths.FETCH_KEYS, paths.FETCH_HOST_KEY),
    packages=("openssh-server",),
    accounts=(USER,),
    units=(SSHD,),
    queries=(LISTENERS,),
)
