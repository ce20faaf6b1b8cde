"""What a UCI package holds: sections, and in these options and lists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hotshoe.errors import HotshoeError, shown

Value = str | tuple[str, ...]
"""The value of an option; a tuple is a ``list``."""

# util.c, uci_validate_str. A package's name is held to what a `package` line takes, not to the
# wider rule for file names: `uci export` prints that line.
_PACKAGE = re.compile(r"[A-Za-z0-9_-]+")
_TYPE = re.compile(r"[!-~]+")
_NAME = re.compile(r"[A-Za-z0-9_]+")


class UciError(HotshoeError):
    """Configuration that cannot be read, or cannot be changed as wanted.

    :param package: the package it is about, None where none is known yet
    :param where: where in the package: a line, a section
    :param reason: what is wrong
    """

    def __init__(self, package: str | None, where: str, reason: str) -> None:
        self.package = package
        self.where = where
        self.reason = reason
        super().__init__(f"UCI package {package or '(no name yet)'}, {where}: {reason}")


def is_package(text: str) -> bool:
    """Whether a package can have this name: letters, digits, ``_`` and ``-``."""
    return _PACKAGE.fullmatch(text) is not None


def is_type(text: str) -> bool:
    """Whether it can be the type of a section: visible ASCII characters without a space."""
    return _TYPE.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether a section or an option can have this name: letters, digits and ``_``."""
    return _NAME.fullmatch(text) is not None


def value_or_none(value: Value | None) -> Value | None:
    """The value, or None if it says nothing, as an empty one does.

    libuci takes an empty ``option`` for one that is absent (list.c, ``uci_set``), and has no way to
    write a list without items. An empty *item* of a list is like any other.

    :raises ValueError: if a NUL is in it, where C's strings end
    """
    if "\0" in "".join(value or ()):
        raise ValueError(f"a value in UCI holds no NUL: {shown(value)}")
    return value or None


def list_items(value: Value | None) -> tuple[str, ...]:
    """The items of a list; fw4 and netifd also take one option whose items are split by spaces."""
    if value is None:
        return ()
    return tuple(value.split()) if isinstance(value, str) else value


@dataclass(frozen=True)
class Section:
    """A section; two are equal if their content is, in whatever order the options are.

    :param type: what it describes, such as ``redirect``
    :param name: its name, None if it is anonymous
    :param options: its options in order; empty values and empty lists are left out
    :raises ValueError: if libuci would not take a name, the type or a value
    """

    type: str
    name: str | None
    options: Mapping[str, Value]

    def __post_init__(self) -> None:
        if not is_type(self.type):
            raise ValueError(f"{shown(self.type)} is no type of a UCI section")
        if self.name is not None and not is_name(self.name):
            raise ValueError(f"{shown(self.name)} is no name of a UCI section")
        for option in self.options:
            if not is_name(option):
                raise ValueError(f"{shown(option)} is no name of a UCI option")
        said = {name: value for name, value in self.options.items() if value_or_none(value)}
        object.__setattr__(self, "options", MappingProxyType(said))


@dataclass(frozen=True)
class Package:
    """A package: what one file under ``/etc/config`` holds.

    :param name: its name, such as ``firewall``
    :param sections: its sections in order
    :raises ValueError: if it cannot have this name, or if two sections share one
    """

    name: str
    sections: tuple[Section, ...] = ()

    def __post_init__(self) -> None:
        if not is_package(self.name):
            raise ValueError(f"{shown(self.name)} is no name of a UCI package")
        names = [section.name for section in self.sections if section.name is not None]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"UCI package {self.name} has two sections named {name}")

    def section(self, name: str) -> Section | None:
        """The section of this name, None if there is none."""
        return next((section for section in self.sections if section.name == name), None)

    def of_type(self, kind: str) -> tuple[Section, ...]:
        """The sections of a type, in order."""
        return tuple(section for section in self.sections if section.type == kind)

    def addressed(self, kind: str) -> tuple[tuple[str, Section], ...]:
        """The sections of a type, in order, each with what ``uci`` knows it by.

        :returns: pairs of a name, or for an anonymous one an index selector such as ``@zone[1]``,
            and the section; the selector holds as long as no section of this type comes or goes
        """
        return tuple(
            (section.name or f"@{kind}[{index}]", section)
            for index, section in enumerate(self.of_type(kind))
        )
