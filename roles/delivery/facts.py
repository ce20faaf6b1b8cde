"""What the delivery of photos has on a server."""

from __future__ import annotations

from hotshoe import paths
from hotshoe.debian.delivery import EVERY_PACKAGE, USER
from hotshoe.debian.device import Footprint
from hotshoe.debian.units import Unit
from hotshoe.render import modules

# The program: its files on the host, and what each is in templates/.
MODULES = modules("delivery/hotshoe_delivery", paths.DELIVERY_PROGRAM)
# OpenSSH runs it to learn a password.
PROGRAMS = (f"{paths.DELIVERY_PROGRAM}/askpass.py",)
DELIVERY = Unit.reading(
    *("hotshoe-delivery.service", paths.DELIVERY_CONFIGURATION, *MODULES),
    secrets=paths.DELIVERY_SECRETS,
)

FOOTPRINT = Footprint(
    paths=(paths.DELIVERY_PROGRAM, paths.DELIVERY_STATE),
    files=(paths.DELIVERY_CONFIGURATION, paths.DELIVERY_SECRETS),
    packages=EVERY_PACKAGE,
    accounts=(USER,),
    units=(DELIVERY,),
)
