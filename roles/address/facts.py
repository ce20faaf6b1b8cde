"""What the role that follows the public address has on a server."""

from __future__ import annotations

from hotshoe import paths
from hotshoe.debian.device import Footprint
from hotshoe.debian.units import Unit
from hotshoe.render import modules
from roles.address import record

# The program: its files on the host, and what each is in templates/.
MODULES = modules("address/hotshoe_address", paths.ADDRESS_PROGRAM)
FOLLOWER = Unit.reading(
    "hotshoe-address.service", paths.ADDRESS_CONFIGURATION, *MODULES, *record.FILES
)
PACKAGES = ("ca-certificates", "curl", "python3", "python3-netaddr")

FOOTPRINT = Footprint(
    paths=(paths.ADDRESS_PROGRAM, paths.STATE, *record.FILES),
    files=(paths.ADDRESS_CONFIGURATION,),
    packages=(*PACKAGES, *record.PACKAGES),
    units=(FOLLOWER,),
)
