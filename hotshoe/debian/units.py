"""systemd units of ours, and the nftables tables that some of them load.

A unit records what it loads when it starts: digests of its files, and for a ruleset the live rules
without counters. A deploy computes the same again. A difference means that what runs is not what
the files say, whoever changed which.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from hotshoe import paths

# What systemd makes of a template, such as for a connection: its name, and a part of its own.
_INSTANCE = re.compile(r"(?P<name>[^@]+@)[^@]+(?P<kind>\.[a-z]+)")


def is_template(name: str) -> bool:
    """Whether units are made of it, as of ``it@.service`` (systemd.unit(5))."""
    return "@." in name


def template_of(unit: str) -> str:
    """The template that a unit is made of; itself, if of none."""
    found = _INSTANCE.fullmatch(unit)
    return found["name"] + found["kind"] if found else unit


@dataclass(frozen=True)
class Unit:
    """A systemd unit of ours.

    :param name: such as ``hotshoe-vsftpd.service``
    :param loaded: the shell command that tells what it has loaded, or would load now
    """

    name: str
    loaded: str

    @classmethod
    def reading(cls, name: str, *files: str, secrets: str = "") -> Self:
        """A unit that has loaded what these files, and its own, hold.

        :param secrets: a further file, of secrets. Their digest would be one to try passwords on,
            so what tells whether it is the same file is its inode and when that changed
        """
        digests = f"sha256sum {' '.join((*files, f'{paths.UNITS}/{name}'))}"
        return cls(name, f"{digests}; stat -c %i.%Z {secrets}" if secrets else digests)

    @property
    def path(self) -> str:
        """Its file."""
        return f"{paths.UNITS}/{self.name}"

    @property
    def record(self) -> str:
        """Where it records what it has loaded."""
        return f"{paths.RECORDS}/{self.name.removesuffix('.service')}.loaded"


@dataclass(frozen=True)
class Ruleset:
    """An nftables table of ours, in the inet family.

    :param table: its name, which begins with ``hotshoe_``
    """

    table: str

    @property
    def path(self) -> str:
        """The file that it is loaded from at boot."""
        return f"{paths.FOLDER}/{self.table}.nft"

    @property
    def unit(self) -> Unit:
        """The unit that loads it at boot."""
        name = f"{self.table.replace('_', '-')}.service"
        live = f"nft --stateless --terse list table inet {self.table}"
        return Unit(name, f"sha256sum {self.path}; {live}")
