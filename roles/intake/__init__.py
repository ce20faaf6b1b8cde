"""Photos are taken in: from the folders that cameras upload to into the library."""

from __future__ import annotations

from pyinfra.api.deploy import deploy

from hotshoe import paths
from hotshoe.debian import intake
from hotshoe.debian.vsftpd import OWNER
from hotshoe.plan.model import ServerPlan
from hotshoe.render import render, texts
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

    def of_cameras(*names: str) -> tuple[str, ...]:
        return tuple(f"{paths.PHOTOS}/{camera}/{name}" for camera in plan.cameras for name in names)

    own = {"owner": intake.USER, "group": OWNER}
    operations.folders((paths.LIBRARY,), **own, mode="2770", name="Create the library")
    operations.folders(
        of_cameras(paths.UPLOAD),
        **own,
        mode="770",
        # While there is no room.
        or_mode="750",
        name="Create the folders that cameras upload to",
    )
    operations.folders(
        of_cameras(paths.ARRIVING),
        **own,
        mode="700",
        name="Create the folders for uploads under way",
    )
    operations.folders(
        of_cameras(paths.INCOMPLETE, paths.UNPROVEN),
        **own,
        mode="750",
        name="Create the folders for uploads that are not, or not surely, whole",
    )


@deploy("Intake")
def run(plan: ServerPlan) -> None:
    """Take photos in, in the place of the program that did part of it before."""
    operations.absent(SETTLE, (SETTLE_PROGRAM,), name="Remove hotshoe-settle")
    operations.folders((paths.INTAKE_PROGRAM,), name="Create the folder of hotshoe-intake")
    program = operations.put_all(
        texts(MODULES),
        name="Install hotshoe-intake",
    )
    configured = operations.put(
        paths.INTAKE_CONFIGURATION,
        intake.configuration(plan.intake, readable=bool(plan.readers)),
        name="Configure hotshoe-intake",
    )
    runs = operations.put(
        INTAKE.path,
        render("intake/service.j2", unit=INTAKE, user=intake.USER, owner=OWNER),
        name="Install the unit of hotshoe-intake",
    )
    operations.service(
        INTAKE.name,
        [program, configured, runs],
        name="Start hotshoe-intake to take photos in",
    )
