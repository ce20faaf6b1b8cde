"""What the role that takes photos in has on a server."""

from __future__ import annotations

from hotshoe import paths
from hotshoe.debian.device import Footprint
from hotshoe.debian.intake import USER
from hotshoe.debian.units import Unit
from hotshoe.render import modules

# The program: its files on the host, and what each is in templates/.
MODULES = modules("intake/hotshoe_intake", paths.INTAKE_PROGRAM)
INTAKE = Unit.reading("hotshoe-intake.service", paths.INTAKE_CONFIGURATION, *MODULES)
# What told complete photos from incomplete ones before.
SETTLE = "hotshoe-settle.service"
SETTLE_PROGRAM = "/usr/local/sbin/hotshoe-settle"

FOOTPRINT = Footprint(
    paths=(paths.INTAKE_PROGRAM, SETTLE_PROGRAM),
    files=(paths.INTAKE_CONFIGURATION, f"{paths.UNITS}/{SETTLE}"),
    folders=(paths.LIBRARY,),
    packages=("python3", "python3-systemd"),
    accounts=(USER,),
    units=(INTAKE,),
)
