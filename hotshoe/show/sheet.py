"""What to type on each camera, in the words and the order of its menus.

What to enter is in :mod:`hotshoe.plan.camera_setup`, what the menus call it in
:mod:`hotshoe.show.camera_menus`. :mod:`hotshoe.show.sheet_page` makes a page of it, and
:mod:`hotshoe.show.sheet_text` shows it on a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hotshoe.plan.camera_setup import CameraSetup, Entry, Setting, camera_setups
from hotshoe.plan.model import Plan
from hotshoe.show.camera_menus import GENERIC, UNVERIFIED, Brand

HIDDEN = "as in the vault"
# Of words that are unverified, beside such that are not.
STAR = "*"


@dataclass(frozen=True)
class Line:
    """A line of a sheet.

    :param setting: what is set, in the words that most cameras use
    :param word: what this camera's menus call it, with a star if that is unverified and that of
        others is not; empty if it is not known
    :param value: what to enter
    :param note: what is easily missed
    :param typed: whether the value is typed letter by letter
    """

    setting: Setting
    word: str
    value: str
    note: str
    typed: bool


@dataclass(frozen=True)
class Sheet:
    """The sheet of one camera.

    :param setup: what to enter, and what else there is to know
    :param brand: its menus
    :param lines: its settings, in the order of the menus
    """

    setup: CameraSetup
    brand: Brand
    lines: tuple[Line, ...]

    @property
    def is_generic(self) -> bool:
        """Whether it is for a camera of any brand."""
        return self.brand is GENERIC

    @property
    def needs_root(self) -> bool:
        """Whether something has to be loaded from a card."""
        return any(line.setting is Setting.ROOT for line in self.lines)


def sheets(
    plan: Plan,
    site: str,
    brands: Mapping[str, Brand] | None = None,
    passwords: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
) -> tuple[Sheet, ...]:
    """The sheets of a home's cameras.

    :param site: the Site's name
    :param brands: of cameras, by their names; of any brand where it is missing
    :param passwords: of cameras, by their names; None to hide them
    :param only: the names of cameras; empty is all
    """
    known = brands or {}
    return tuple(
        _sheet(setup, known.get(setup.camera, GENERIC), (passwords or {}).get(setup.camera))
        for setup in camera_setups(plan, site)
        if not only or setup.camera in only
    )


def _sheet(setup: CameraSetup, brand: Brand, password: str | None) -> Sheet:
    lines = tuple(_line(entry, brand, password) for entry in _in_order(setup.entries, brand))
    return Sheet(setup, brand, lines)


def _in_order(entries: Sequence[Entry], brand: Brand) -> Iterator[Entry]:
    """The entries in the order of the menus; what has no name there keeps its place."""
    by_setting = {entry.setting: entry for entry in entries}
    named = iter([by_setting[setting] for setting in brand.words if setting in by_setting])
    for entry in entries:
        yield next(named) if entry.setting in brand.words else entry


def _line(entry: Entry, brand: Brand, password: str | None) -> Line:
    value, note = entry.value, entry.note
    if entry.setting is Setting.PASSWORD:
        value, note = (password, "") if password else (HIDDEN, note)
    if entry.setting is Setting.ROOT and brand is not GENERIC:
        note = f"{note} It is loaded by {brand.root} ({UNVERIFIED})."
    word = brand.words.get(entry.setting, "")
    if word and brand.source and entry.setting not in brand.sourced:
        word += STAR
    value = brand.values.get((entry.setting, value), value)
    return Line(entry.setting, word, value, note, entry.typed and value != HIDDEN)
