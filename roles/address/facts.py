"""What the role that follows the public address has on a server."""

from __future__ import annotations

from hotshoe import paths
from hotshoe.debian.device import Footprint
from hotshoe.debian.units import Unit
from roles.address import record

# The program: its files, by their names in templates/ and on the host.
MODULES = {
    f"address/hotshoe_address/{name}.py": f"{paths.ADDRESS_PROGRAM}/{name}.py"
    for name in ("__init__", "__main__", "events", "record", "system", "truth")
}
FOLLOWER = Unit.reading(
    "hotshoe-address.service", paths.ADDRESS_CONFIGURATION, *MODULES.values(), *record.FILES
)
PACKAGES = ("ca-certificates", "curl", "python3", "python3-netaddr")

FOOTPRINT = Footprint(
    paths=(paths.ADDRESS_PROGRAM, paths.STATE, *record.FILES),
    files=(paths.ADDRESS_CONFIGURATION,),
    packages=(*PACKAGES, *record.PACKAGES),
    units=(FOLLOWER,),
)
