"""The cameras' users: virtual, confined to one folder each, and unable to log in anywhere else."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api.deploy import deploy

from hotshoe import paths
from hotshoe.debian import passwords, vsftpd
from hotshoe.plan.model import ServerPlan
from hotshoe.render import render
from roles.base import operations
from roles.base.device import SETTLE_UNIT, look
from roles.base.plans import refuse, secrets_of


@deploy("Users")
def cameras(plan: ServerPlan) -> None:
    """Have a user and an upload folder for each camera, and no user for any other.

    The folder of a camera that left the Site stays, with its photos.

    :raises RefusedError: if the vault is refused, or is still the published demo outside a stage
    """
    secrets = secrets_of(host.data.site)
    if secrets.demo and not host.data.get("stage"):
        refuse(
            host,
            "the vault opens with the published demo password, or still holds published passwords "
            "(they begin with demo-), so anybody may know them",
            "ansible-vault edit it, put new passwords in, then ansible-vault rekey it with a "
            "password of your own in .vault-password",
        )
    operations.account(
        vsftpd.OWNER,
        vsftpd.OWNER_HOME,
        unit=SETTLE_UNIT,
        name="Owner of the photos, who cannot log in",
    )
    operations.account(
        vsftpd.UNPRIVILEGED, "/nonexistent", name="User of vsftpd's unprivileged process"
    )
    operations.folder(paths.PHOTOS, name="Folder of all photos")
    for camera in host.loop(plan.cameras):
        root = f"{paths.PHOTOS}/{camera}"
        operations.folder(root, name=f"{camera}: a root that it cannot write to")
        operations.folder(
            f"{root}/{paths.UPLOAD}",
            owner=vsftpd.OWNER,
            group=vsftpd.OWNER,
            mode="2770",
            name=f"{camera}: a folder that it can upload to",
        )
        # Closed even to its owner, who opens it for a moment to set something aside.
        operations.folder(
            f"{root}/{paths.INCOMPLETE}",
            owner=vsftpd.OWNER,
            group=vsftpd.OWNER,
            mode="550",
            name=f"{camera}: a folder for uploads that broke off",
        )
    used = {user: passwords.salt_of(hash_) for user, hash_ in look(host).salts.items()}
    operations.put(
        paths.PASSWORDS,
        passwords.pwdfile(
            {camera: secrets.camera_passwords[camera] for camera in plan.cameras},
            {user: salt for user, salt in used.items() if salt},
        ),
        mode="600",
        name="Passwords of the cameras, hashed",
    )
    operations.put(
        paths.PAM,
        render("users/pam.j2", pwdfile=paths.PASSWORDS),
        name="How the passwords are checked",
    )
