"""The cameras' users: virtual, confined to one folder each, and unable to log in anywhere else."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api.deploy import deploy

from hotshoe import paths
from hotshoe.debian import passwords
from hotshoe.plan.model import ServerPlan
from hotshoe.render import render
from roles.base import operations
from roles.base.device import device_of
from roles.base.plans import secrets_of
from roles.users.facts import FOOTPRINT, SALTS
from roles.users.preflight import refuse_unfit

__all__ = ["FOOTPRINT", "cameras", "refuse_unfit"]


@deploy("Users")
def cameras(plan: ServerPlan) -> None:
    """Create a user and a root folder for each camera, and remove all other users."""
    operations.folders((paths.PHOTOS,), name="Create the folder of all photos")
    operations.folders(
        tuple(f"{paths.PHOTOS}/{camera}" for camera in plan.cameras),
        name="Create the root folders of cameras, which they cannot write to",
    )
    secrets = secrets_of(host.data.site)
    used = {user: passwords.salt_of(hash_) for user, hash_ in device_of(host)[SALTS].items()}
    operations.put(
        paths.PASSWORDS,
        passwords.pwdfile(
            {camera: secrets.camera_passwords[camera] for camera in plan.cameras},
            {user: salt for user, salt in used.items() if salt},
        ),
        mode="600",
        name="Install the hashed passwords of the cameras",
    )
    operations.put(
        paths.PAM,
        render("users/pam.j2", pwdfile=paths.PASSWORDS),
        name="Configure PAM to check the passwords",
    )
