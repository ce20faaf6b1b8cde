"""Errors: what is wrong with what a person wrote, where, and how to correct it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

LONGEST_SHOWN = 60


def shown(value: Any) -> str:
    """A value as a message quotes it: short, and spelt as in YAML."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = value if isinstance(value, str) else repr(value)
    if len(text) > LONGEST_SHOWN:
        text = f"{text[:LONGEST_SHOWN]}…"
    return repr(text) if isinstance(value, str) else text


def escaped(text: str) -> str:
    """Text that others chose, such as the name of a file, as it may be printed on a terminal.

    Whatever cannot be printed is shown as an escape: control characters could move the cursor, and
    marks of direction could make a name look like another one.

    :param text: bytes that are not UTF-8 stand in it as surrogates, as os.fsdecode() leaves them
    """
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def escaped_lines(text: str) -> str:
    """The same, with the lines that it has."""
    return "\n".join(map(escaped, text.split("\n")))


def _escape(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake, or one warning.

    :param file: the file that it is in, as the person would type it
    :param key: the key inside the file, dotted, list items by position (``cameras[0].name``)
    :param reason: what is wrong
    :param remedy: what to do about it
    """

    file: str
    key: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        # Whoever wrote the file chose its name and its keys.
        where = escaped(f"{self.file}: {self.key}" if self.key else self.file)
        return f"{where}: {self.reason}\n    -> {self.remedy}"


class HotshoeError(Exception):
    """A refusal with one clear message; the command line prints it without a traceback."""


class SiteError(HotshoeError):
    """A Site (or its vault) that cannot be used.

    :param problems: all of them, so that one run shows everything to correct
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "1 problem" if count == 1 else f"{count} problems"
        super().__init__(
            "\n".join([f"{head}, nothing was changed:", *(str(p) for p in self.problems)])
        )
