"""Refuse what cannot work on any Debian host, before anything is changed."""

from __future__ import annotations

from pyinfra import host

from hotshoe.debian.device import RELEASES, SYSTEMS, Device
from roles.base.plans import refuse


def refuse_another(device: Device, address: object, what: str, remedy: str) -> None:
    """Refuse a host that is another one than that of the Plan, or runs an unknown system.

    :param address: that the Plan's has
    :param what: what that one is, such as ``the server of the Site``
    :param remedy: what to do if it is that one
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
    addresses = device.network.addresses
    if str(address) not in addresses:
        refuse(
            host,
            f"has no address {address}, so it is not {what} (it has {', '.join(addresses)})",
            remedy,
        )
