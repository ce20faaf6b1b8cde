"""What the program that tells the person's program of photos is told on a server."""

from __future__ import annotations

import json

from hotshoe import paths
from hotshoe.debian.intake import USER as INTAKE
from hotshoe.debian.vsftpd import OWNER
from hotshoe.plan.model import Message, ServerPlan

# Who follows the journal and keeps what has to be told, and who runs the person's program.
USER, PROGRAM_USER = "hotshoe-message", "hotshoe-message-program"
# What systemd calls the secret, in the folder $CREDENTIALS_DIRECTORY.
CREDENTIAL = "secret"
# The program may speak HTTPS.
PACKAGES = ("ca-certificates", "python3", "python3-systemd")
QUIET_SECONDS = 60


def configuration(plan: ServerPlan, message: Message) -> str:
    """The text of its configuration; it has no secret.

    :param plan: of the server
    """
    values = {
        "program": message.program,
        "timeout_seconds": message.timeout_seconds,
        "quiet_seconds": QUIET_SECONDS if message.per == "quiet-minute" else None,
        "library": paths.LIBRARY,
        "tree": plan.intake.library,
        "owner": OWNER,
        "intake": INTAKE,
        "entrance": paths.MESSAGE_ENTRANCE,
        "state": f"{paths.MESSAGE_STATE}/messages.sqlite",
        # When one of these is another one, what has failed is tried again at once.
        "files": (paths.MESSAGE_RUNS, paths.MESSAGE_SECRET),
    }
    return json.dumps(values, indent=2) + "\n"
