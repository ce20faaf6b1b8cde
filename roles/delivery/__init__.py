"""Photos are brought from the library to other places, and verified there."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api.deploy import deploy

from hotshoe import paths
from hotshoe.debian import delivery as core
from hotshoe.debian.vsftpd import OWNER
from hotshoe.plan.model import ServerPlan
from hotshoe.render import render, texts
from hotshoe.secrets.delivery_keys import sftp_key
from roles.base import operations
from roles.base.plans import secrets_of
from roles.delivery.facts import DELIVERY, FOOTPRINT, MODULES, PROGRAMS

__all__ = ["FOOTPRINT", "install", "packages", "remove"]


def packages(plan: ServerPlan) -> tuple[str, ...]:
    """The Debian packages that a server needs for it."""
    return core.packages(plan)


@deploy("Delivery")
def install(plan: ServerPlan) -> None:
    """Keep count of what each delivery has, send what is to be sent, and remove as planned."""
    operations.account(
        core.USER, "/nonexistent", unit=DELIVERY.name, name="Create the user who delivers photos"
    )
    operations.folders((paths.DELIVERY_PROGRAM,), name="Create the folder of hotshoe-delivery")
    vault = secrets_of(host.data.site)

    def key(name: str) -> str:
        assert vault.delivery_secret is not None, "checked: the vault has it wherever it is used"
        return sftp_key(vault.delivery_secret, plan.hostname, name).private

    needs = [
        operations.put_all(
            texts(MODULES),
            programs=PROGRAMS,
            name="Install hotshoe-delivery",
        ),
        operations.put(
            paths.DELIVERY_CONFIGURATION,
            core.configuration(plan),
            name="Configure hotshoe-delivery",
        ),
        operations.put(
            paths.DELIVERY_SECRETS,
            core.secrets(plan, vault.delivery_passwords, key),
            mode="600",
            name="Install the secrets of hotshoe-delivery",
        ),
        operations.put(
            DELIVERY.path,
            render(
                "delivery/service.j2",
                unit=DELIVERY,
                user=core.USER,
                owner=OWNER,
                credential=core.CREDENTIAL,
                removes=plan.retention is not None,
            ),
            name="Install the unit of hotshoe-delivery",
        ),
    ]
    operations.service(
        DELIVERY.name,
        needs,
        name="Start hotshoe-delivery",
    )


@deploy("Delivery")
def remove() -> None:
    """Deliver nothing, and forget what was delivered."""
    operations.absent(
        DELIVERY.name,
        (
            *(paths.DELIVERY_PROGRAM, paths.DELIVERY_CONFIGURATION, paths.DELIVERY_SECRETS),
            *(paths.DELIVERY_STATE, paths.DELIVERY_ASKED, DELIVERY.record),
        ),
        name="Remove hotshoe-delivery",
    )
    operations.no_accounts((core.USER,), name="Remove the user who delivered photos")
