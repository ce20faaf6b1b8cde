"""The record of the name: the program that updates it, and the secret that this reads."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api.operation import OperationMeta

from hotshoe import paths
from hotshoe.debian import record_update
from hotshoe.plan.model import RecordUpdate
from hotshoe.render import render
from roles.base import operations
from roles.base.plans import secrets_of

# Whatever a Site may need of it.
FILES = (paths.UPDATE_RECORD, paths.RECORD_CONFIGURATION)
PACKAGES = record_update.EVERY_PACKAGE


def install(hostname: str, update: RecordUpdate | None) -> list[OperationMeta]:
    """Install what updates the record, or remove it where something else does.

    :param hostname: the name
    :param update: how this server updates its record
    :returns: the operations that change it
    """
    if update is None:
        return [operations.removed(FILES, name="Remove what updates the record")]
    secret = secrets_of(host.data.site).ddns_secret
    assert secret is not None, "checked: the vault has it wherever a host updates the record"
    return [
        operations.put(
            paths.UPDATE_RECORD,
            render(record_update.PROGRAM, **record_update.values(update, hostname)),
            mode="755",
            name="Install hotshoe-update-record",
        ),
        operations.put(
            paths.RECORD_CONFIGURATION,
            record_update.configuration(update, hostname, secret),
            mode="600",
            name="Install the secret of hotshoe-update-record",
        ),
    ]
