"""The record of the name: the program that updates it, and what that reads."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api.operation import OperationMeta

from hotshoe import paths
from hotshoe.debian import record_update
from hotshoe.plan.model import RecordUpdate
from hotshoe.render import render
from roles.base import operations
from roles.base.plans import secrets_of

# Whatever a Site may need.
FILES = (paths.UPDATE_RECORD, paths.RECORD_CONFIGURATION)
PACKAGES = record_update.EVERY_PACKAGE


def packages(update: RecordUpdate | None) -> tuple[str, ...]:
    """The Debian packages that an update needs.

    :param update: how this server updates the record; None if it does not
    """
    return record_update.packages(update) if update else ()


def files(update: RecordUpdate | None) -> tuple[str, ...]:
    """The program that updates the record, and the file that it reads; none if it does not."""
    return FILES if update else ()


def install(hostname: str, update: RecordUpdate | None) -> list[OperationMeta]:
    """Install them, or remove them where this server updates no record.

    :param hostname: the name
    :returns: the operations that bring them
    """
    if update is None:
        return [operations.removed(FILES, name="Remove what updates the record")]
    secret = secrets_of(host.data.site).ddns_secret
    assert secret, "checked: the vault has it where a server updates the record"
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
            name="Configure hotshoe-update-record",
        ),
    ]
