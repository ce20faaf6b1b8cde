"""What the role that takes photos in has on a server."""

from __future__ import annotations

from hotshoe import paths
from hotshoe.debian.device import Footprint
from hotshoe.debian.intake import USER
from hotshoe.debian.units import Unit

# The program: its files, by their names in templates/ and on the host.
MODULES = {
    f"intake/hotshoe_intake/{name}.py": f"{paths.INTAKE_PROGRAM}/{name}.py"
    for name in (
        *("__init__", "__main__", "arrivals", "boxes", "cameras", "ending", "evidence", "folders"),
        *("formats", "inotify", "intake", "journal", "jpeg", "library", "locks", "raf", "reports"),
        *("riff", "space", "spans", "tiff", "uploads", "usage"),
    )
}
INTAKE = Unit.reading("hotshoe-intake.service", paths.INTAKE_CONFIGURATION, *MODULES.values())
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
