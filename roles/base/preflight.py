"""Refuse what cannot work on any Debian host, before anything is changed."""

from __future__ import annotations

from pyinfra import host

from hotshoe.debian.device import RELEASES, SYSTEMS, Device
from roles.base.plans import refuse


def refuse_system(device: Device) -> None:
    """Refuse a host that runs another system than those that hotshoe knows.

    :raises RefusedError: with the reason and what to do
    """
    name, _, release = device.os.partition(" ")
    if name not in SYSTEMS or release not in RELEASES:
        refuse(
            host,
            f"runs {device.os or 'an unknown system'}; hotshoe knows Debian "
            f"{' and '.join(RELEASES)}",
            "install one of these",
        )
