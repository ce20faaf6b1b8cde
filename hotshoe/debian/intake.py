"""What the program that takes photos in is told on a server."""

from __future__ import annotations

import json

from hotshoe import paths
from hotshoe.debian.vsftpd import OWNER
from hotshoe.plan.model import Intake

# The user that it runs as: nobody else may move photos into the library.
USER = "hotshoe-intake"


def configuration(plan: Intake, *, readable: bool = False) -> str:
    """The text of its configuration.

    :param plan: of the server
    :param readable: whether photos are for those who may read the library and not change it
    """
    values = {
        "photos": paths.PHOTOS,
        "owner": OWNER,
        "library": plan.library,
        "readable": readable,
        "keep_incomplete_days": plan.keep_incomplete_days,
        "limit": plan.limit,
        "keep_free": plan.keep_free,
        "ending": paths.ENDING,
        "cameras": {
            camera.name: {
                "limit": camera.limit,
                "tolerates_unclean_close": camera.tolerates_unclean_close,
            }
            for camera in plan.cameras
        },
    }
    return json.dumps(values, indent=2) + "\n"
