"""The record of the name: the program that updates it, and what that reads."""

from __future__ import annotations

from pyinfra.api.operation import OperationMeta

from hotshoe import paths
from hotshoe.plan.model import RecordUpdate
from roles.base import operations

# Whatever a Site may need.
FILES = (paths.UPDATE_RECORD,)
PACKAGES: tuple[str, ...] = ()


def packages(_update: RecordUpdate | None) -> tuple[str, ...]:
    """The Debian packages that an update needs.

    :param update: how this server updates the record; None if it does not
    """
    return ()


def files(_update: RecordUpdate | None) -> tuple[str, ...]:
    """The program that updates the record, and the files that it reads; none if it does not."""
    return ()


def install(_hostname: str, update: RecordUpdate | None) -> list[OperationMeta]:
    """Install them, or remove them where this server updates no record.

    :param hostname: the name
    :returns: the operations that bring them
    """
    del update
    return [operations.removed(FILES, name="Remove what updates the record")]
