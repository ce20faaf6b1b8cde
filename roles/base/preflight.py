"""Refuse what cannot work on any Debian host, before anything is changed."""

from __future__ import annotations

from pyinfra import host

from hotshoe.debian.device import Device
from hotshoe.debian.vsftpd import VERSIONS
from roles.base.plans import refuse


def refuse_system(device: Device) -> None:
    """Refuse a host that runs another system than those that hotshoe knows.

    :raises RefusedError: with the reason and what to do
    """
    name, _, release = device.os.partition(" ")
    if name not in ("debian", "raspbian") or release not in VERSIONS:
        refuse(
            host,
            f"runs {device.os or 'an unknown system'}; hotshoe knows Debian "
            f"{' and '.join(VERSIONS)}",
            "install one of these",
        )
