"""A program of the person's is told of new photos.

hotshoe-message keeps what has to be told. For each message it connects to a socket of systemd's,
which runs the person's program in a unit of its own, as another user: whatever the program does
ends with that unit.
"""

from __future__ import annotations

from pyinfra import host
from pyinfra.api.deploy import deploy

from hotshoe import paths
from hotshoe.debian import message as core
from hotshoe.debian.vsftpd import OWNER
from hotshoe.plan.model import Message, ServerPlan
from hotshoe.render import render, texts
from roles.base import operations
from roles.base.plans import program_of, secrets_of
from roles.message.facts import (
    FOOTPRINT,
    MESSAGE,
    MODULES,
    RUN_PATH,
    SOCKET,
    SOCKET_PATH,
)

__all__ = ["FOOTPRINT", "install", "remove"]


@deploy("Message")
def install(plan: ServerPlan, message: Message) -> None:
    """Run the person's program for new photos."""
    operations.account(
        core.USER, "/nonexistent", unit=MESSAGE.name, name="Create the user who keeps messages"
    )
    operations.account(
        *(core.PROGRAM_USER, "/nonexistent"),
        unit=MESSAGE.name,
        name="Create the user who runs the person's program",
    )
    operations.folders((paths.MESSAGE_PROGRAM,), name="Create the folder of hotshoe-message")
    program = operations.put_all(
        texts(MODULES),
        name="Install hotshoe-message",
    )
    configured = operations.put(
        paths.MESSAGE_CONFIGURATION,
        core.configuration(plan, message),
        name="Configure hotshoe-message",
    )
    theirs = operations.put(
        paths.MESSAGE_RUNS,
        program_of(host.data.site),
        mode="755",
        name="Install the person's program",
    )
    secret = secrets_of(host.data.site).message_secret
    if secret is None:
        known = operations.removed((paths.MESSAGE_SECRET,), name="Remove that program's secret")
    else:
        known = operations.put(
            paths.MESSAGE_SECRET, f"{secret}\n", mode="600", name="Install that program's secret"
        )
    units = {
        MESSAGE.path: render(
            "message/service.j2", unit=MESSAGE, socket=SOCKET, user=core.USER, owner=OWNER
        ),
        SOCKET_PATH: render("message/socket.j2", unit=MESSAGE, user=core.USER),
        RUN_PATH: render(
            "message/run.service.j2",
            program=message.program,
            user=core.PROGRAM_USER,
            owner=OWNER,
            seconds=message.timeout_seconds,
            credential=core.CREDENTIAL if secret is not None else "",
        ),
    }
    runs = operations.put_all(units, name="Install the units of hotshoe-message")
    operations.service(
        MESSAGE.name,
        [program, configured, theirs, known, runs],
        ready=f"systemctl is-active --quiet {MESSAGE.name} {SOCKET}",
        name="Start hotshoe-message to tell the person's program of photos",
    )


@deploy("Message")
def remove() -> None:
    """Run no program for new photos, and forget those that it was not told of."""
    operations.absent(
        MESSAGE.name,
        (*FOOTPRINT.paths, *FOOTPRINT.files, MESSAGE.record),
        name="Remove hotshoe-message",
    )
    operations.no_accounts(FOOTPRINT.accounts, name="Remove the users of hotshoe-message")
