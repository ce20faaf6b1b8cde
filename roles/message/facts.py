"""What the program that is told of photos has on a server, and what else has to be known of it."""

from __future__ import annotations

from hotshoe import paths
from hotshoe.debian.device import Footprint
from hotshoe.debian.message import PACKAGES, PROGRAM_USER, USER
from hotshoe.debian.units import Unit
from hotshoe.render import modules

# The program: its files on the host, and what each is in templates/.
MODULES = modules("message/hotshoe_message", paths.MESSAGE_PROGRAM)
# By which systemd runs the person's program: for each connection to the socket, one of these.
SOCKET, RUN = "hotshoe-message-program.socket", "hotshoe-message-program@.service"
SOCKET_PATH, RUN_PATH = f"{paths.UNITS}/{SOCKET}", f"{paths.UNITS}/{RUN}"
# Not the secret: a digest of it would tell of it.
MESSAGE = Unit.reading(
    "hotshoe-message.service",
    *(paths.MESSAGE_CONFIGURATION, paths.MESSAGE_RUNS, SOCKET_PATH, RUN_PATH, *MODULES),
)

FOOTPRINT = Footprint(
    # Of systemd's, only services and timers are looked for.
    paths=(paths.MESSAGE_PROGRAM, paths.MESSAGE_STATE, SOCKET_PATH),
    files=(
        *(paths.MESSAGE_CONFIGURATION, paths.MESSAGE_RUNS, paths.MESSAGE_SECRET),
        RUN_PATH,
    ),
    packages=PACKAGES,
    accounts=(USER, PROGRAM_USER),
    units=(MESSAGE,),
    units_of_others=(SOCKET, RUN),
)
