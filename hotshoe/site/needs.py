"""What a choice of the Site's has to be told beside itself, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Needs:
    """What a choice has to be told, such as an issuer of certificates.

    :param title: what a message or a page calls it
    :param needs: the keys beside it that it cannot do without
    :param takes: further keys that it uses if they are there
    """

    title: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
