"""Photos are taken in: from the folders that cameras upload to into the library."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api.deploy import deploy

from hotshoe import paths
from hotshoe.debian import intake
from hotshoe.debian.vsftpd import OWNER
from hotshoe.plan.model import ServerPlan
from hotshoe.render import render
from roles.base import operations
from roles.intake.facts import FOOTPRINT, INTAKE, MODULES, SETTLE, SETTLE_PROGRAM

__all__ = ["FOOTPRINT", "account", "folders", "run"]


@deploy("Intake")
def account() -> None:
    """Create the user that moves photos, who is not the one that stores them."""
    operations.account(
        intake.USER, "/nonexistent", unit=INTAKE.name, name="Create the user who takes photos in"
    )


@deploy("Intake")
def folders(plan: ServerPlan) -> None:
    """Create the library, and the folders that a camera's photos pass on the way there.

    The folders of a camera that left the Site stay, with its photos.
    """
    operations.folder(
        paths.LIBRARY,
        owner=intake.USER,
        group=OWNER,
        mode="2770",
        name="Create the library",
    )
    for camera in host.loop(plan.cameras):
        root = f"{paths.PHOTOS}/{camera}"
        operations.folder(
            f"{root}/{paths.UPLOAD}",
            owner=intake.USER,
            group=OWNER,
            mode="770",
            # While there is no room.
            or_mode="550",
            name=f"{camera}: create its upload folder",
        )
        operations.folder(
            f"{root}/{paths.ARRIVING}",
            owner=intake.USER,
            group=OWNER,
            mode="700",
            name=f"{camera}: create its folder for uploads under way",
        )
        operations.folder(
            f"{root}/{paths.INCOMPLETE}",
            owner=intake.USER,
            group=OWNER,
            mode="750",
            name=f"{camera}: create its folder for incomplete uploads",
        )
        operations.folder(
            f"{root}/{paths.UNPROVEN}",
            owner=intake.USER,
            group=OWNER,
            mode="750",
            name=f"{camera}: create its folder for uploads of which nothing tells",
        )


@deploy("Intake")
def run(plan: ServerPlan) -> None:
    """Take photos in, in the place of the program that did part of it before."""
    operations.absent(SETTLE, (SETTLE_PROGRAM,), name="Remove hotshoe-settle")
    operations.folder(paths.INTAKE_PROGRAM, name="Create the folder of hotshoe-intake")
    needs = []
    for template, path in host.loop(MODULES.items()):
        module = path.rpartition("/")[2]
        written = operations.put(path, render(template), name=f"Install hotshoe-intake: {module}")
        needs.append(written)
    configured = operations.put(
        paths.INTAKE_CONFIGURATION,
        intake.configuration(plan.intake),
        name="Configure hotshoe-intake",
    )
    runs = operations.put(
        INTAKE.path,
        render("intake/service.j2", unit=INTAKE, user=intake.USER, owner=OWNER),
        name="Install the unit of hotshoe-intake",
    )
    operations.service(
        INTAKE.name,
        [*needs, configured, runs],
        ready=f"systemctl is-active --quiet {INTAKE.name}",
        name="Start hotshoe-intake to take photos in",
    )
