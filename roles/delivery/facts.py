"""What the delivery of photos has on a server."""

from __future__ import annotations

from hotshoe import paths
from hotshoe.debian.delivery import EVERY_PACKAGE, USER
from hotshoe.debian.device import Footprint
from hotshoe.debian.units import Unit

# The program: its files, by their names in templates/ and on the host.
MODULES = {
    f"delivery/hotshoe_delivery/{name}.py": f"{paths.DELIVERY_PROGRAM}/{name}.py"
    for name in (
        *("__init__", "__main__", "askpass", "configuration", "exchange", "fetching", "folders"),
        *("journal", "ledger", "library", "photos", "pushing", "rclone", "retention", "serve"),
        *("service", "sftp", "status", "store", "system", "words"),
    )
}
# OpenSSH runs it to learn a password.
PROGRAMS = (f"{paths.DELIVERY_PROGRAM}/askpass.py",)
DELIVERY = Unit.reading(
    *("hotshoe-delivery.service", paths.DELIVERY_CONFIGURATION, *MODULES.values()),
    secrets=paths.DELIVERY_SECRETS,
)

FOOTPRINT = Footprint(
    paths=(paths.DELIVERY_PROGRAM, paths.DELIVERY_STATE),
    files=(paths.DELIVERY_CONFIGURATION, paths.DELIVERY_SECRETS),
    packages=EVERY_PACKAGE,
    accounts=(USER,),
    units=(DELIVERY,),
)
