"""What changes a UCI package so that it holds our sections as wanted, and nothing else of it.

Ours are the sections whose names begin with the owner's name and ``_``, for instance
``hotshoe_control`` for the owner ``hotshoe``. All others are foreign.

| | sections of ours | foreign sections |
|---|---|---|
| created | those wanted that are not there | never |
| changed | type, options and lists, until they are as wanted | the options that a setting names |
| reordered | the fewest that bring them into the wanted order | never |
| deleted | those that are not wanted | never |

Never touched: the other options of a foreign section, its name, its type, its place among the
foreign ones; other packages. Comments are not kept by any change that ``uci`` commits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hotshoe.errors import shown
from hotshoe.openwrt.uci.data import (
    Package,
    Section,
    UciError,
    Value,
    is_name,
    is_package,
    value_or_none,
)
from hotshoe.openwrt.uci.order import moves
from hotshoe.openwrt.uci.text import SPECIAL, quoted

# list.c, uci_lookup_ext_section; a type with other characters cannot be told apart from the rest of
# the address (util.c, uci_parse_ptr).
_SELECTOR = re.compile(r"@(?P<type>[A-Za-z0-9_-]+)\[(?P<index>[0-9]+)\]")
# util.c, uci_validate_text
_CANNOT_TRAVEL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True)
class Setting:
    """One option of a section that is not ours.

    :param section: the section's name, or an index selector such as ``@zone[1]``, which counts the
        sections of that type, ours as well, as they are before any change
    :param option: the option
    :param value: what it shall be; None or an empty value if it shall be absent
    :raises ValueError: if libuci would not take the section, the option or the value
    """

    section: str
    option: str
    value: Value | None

    def __post_init__(self) -> None:
        if not is_name(self.section) and not _SELECTOR.fullmatch(self.section):
            raise ValueError(f"{shown(self.section)} is neither a name nor such as @zone[1]")
        if not is_name(self.option):
            raise ValueError(f"{shown(self.option)} is no name of a UCI option")
        object.__setattr__(self, "value", value_or_none(self.value))


@dataclass(frozen=True)
class Wanted:
    """What a package shall hold of ours.

    :param package: the package's name
    :param owner: whose the sections are: those whose name begins with it and ``_``
    :param sections: all that the owner shall have, in the order in which they shall be
    :param settings: options of sections that are not the owner's
    :param last: names of wanted sections that shall come after every other section of their type
    :param only: names, if these alone of the owner's sections are meant; all others are foreign
    :raises ValueError: if a name is none, a section is not the owner's, occurs twice or has a type
        with quotes, a setting is about a section of the owner's, or ``last`` contradicts the order
        of the sections
    """

    package: str
    owner: str
    sections: tuple[Section, ...] = ()
    settings: tuple[Setting, ...] = ()
    last: frozenset[str] = frozenset()
    only: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if not is_package(self.package):
            raise ValueError(f"{shown(self.package)} is no name of a UCI package")
        if not is_name(self.owner):
            raise ValueError(f"an owner has letters, digits and _ only, not {shown(self.owner)}")
        for section in self.sections:
            if not self.owns(section.name):
                raise ValueError(
                    f"{shown(section.name)} does not begin with {self.owner}_, as every section "
                    f"of {self.owner} does"
                )
            if SPECIAL & set(section.type):
                raise ValueError(f"uci commits {shown(section.type)} in a way that it cannot read")
        names = [section.name for section in self.sections]
        if len(set(names)) < len(names):
            raise ValueError(f"two wanted sections share a name: {names}")
        for setting in self.settings:
            if self.owns(setting.section):
                raise ValueError(f"{setting.section} is a section of {self.owner}, not a setting's")
        if unknown := self.last - set(names):
            raise ValueError(f"last, but not wanted: {', '.join(sorted(unknown))}")
        closed: set[str] = set()
        for section in self.sections:
            if section.name in self.last:
                closed.add(section.type)
            elif section.type in closed:
                raise ValueError(f"{section.name} is wanted after a {section.type} that is last")

    def owns(self, name: str | None) -> bool:
        """Whether a section of this name is the owner's."""
        return _owned(name, (self.owner,)) and (self.only is None or name in self.only)

    def named(self) -> tuple[tuple[str, Section], ...]:
        """The wanted sections with their names."""
        return tuple((section.name, section) for section in self.sections if section.name)


def foreign(package: Package, owners: Iterable[str]) -> Package:
    """The package without the sections of these owners."""
    names = tuple(owners)
    return Package(
        package.name, tuple(each for each in package.sections if not _owned(each.name, names))
    )


def expected(actual: Package, wanted: Wanted) -> Package:
    """What the package holds once it is as wanted.

    :param actual: what it holds now
    :param wanted: what it shall hold of ours
    :returns: foreign sections with the settings applied and otherwise as they are, in their order;
        among them the wanted sections, in theirs
    :raises UciError: if a setting names a section that is not there or is the owner's, or two
        settings are about the same option
    """
    _same_package(actual, wanted)
    order = list(_unordered(actual, wanted))
    for name, index in _moves(order, wanted):
        moved = next(section for section in order if section.name == name)
        order.remove(moved)
        order.insert(index, moved)
    return Package(actual.name, tuple(order))


def diff(actual: Package, wanted: Wanted) -> tuple[str, ...]:
    """The lines for ``uci batch`` that take a package to what is expected of it.

    There is no ``commit`` among them. A line ends in no newline, but may hold some, in quotes.
    ``uci batch`` goes on after a line that fails and always exits with 0, so what became of the
    package is to be read back.

    Settings come first, since index selectors hold only as long as no section comes or goes. A
    section of ours is changed where it is, its type too (list.c, ``uci_set``).

    :param actual: what the package holds now; an empty one must exist as a file, or ``uci`` refuses
    :param wanted: what it shall hold of ours
    :returns: the lines, none if nothing is to do; each of them is needed
    :raises UciError: as ``expected`` does, and if a value has a character that ``uci`` takes from a
        file, but not from a line
    """
    _same_package(actual, wanted)
    return tuple(_lines(actual, wanted))


def _lines(actual: Package, wanted: Wanted) -> Iterator[str]:
    package = actual.name
    for place, setting in _placed(actual, wanted):
        now = actual.sections[place].options.get(setting.option)
        yield from _option_lines(package, setting.section, setting.option, now, setting.value)
    for name in _unwanted(actual, wanted):
        yield f"delete {package}.{name}"
    for name, section in wanted.named():
        there = actual.section(name)
        if there is None or there.type != section.type:
            yield f"set {package}.{name}={quoted(section.type)}"
        have: Mapping[str, Value] = there.options if there else {}
        for option in dict.fromkeys([*have, *section.options]):
            yield from _option_lines(
                package, name, option, have.get(option), section.options.get(option)
            )
    for name, index in _moves(_unordered(actual, wanted), wanted):
        yield f"reorder {package}.{name}={index}"


def _option_lines(
    package: str, section: str, option: str, now: Value | None, then: Value | None
) -> Iterator[str]:
    """What makes one value of another."""
    address = f"{package}.{section}.{option}"
    if then == now:
        return
    if then is None:
        yield f"delete {address}"
    elif isinstance(then, str):
        yield f"set {address}={_argument(package, address, then)}"
    else:
        kept, dropped = _kept(now or (), then)
        if now and not kept:
            yield f"delete {address}"
        for item in dropped:
            yield f"del_list {address}={_argument(package, address, item)}"
        for item in then[kept:]:
            yield f"add_list {address}={_argument(package, address, item)}"


def _argument(package: str, address: str, value: str) -> str:
    """A value as a line carries it; newlines travel as well, inside the quotes."""
    if _CANNOT_TRAVEL.search(value):
        raise UciError(package, address, f"uci takes no control character from {shown(value)}")
    return quoted(value)


def _kept(now: Value, then: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """How a list changes with the fewest lines, if not by deleting it.

    ``del_list`` takes away every item of a value, ``add_list`` adds one at the end (list.c,
    ``uci_del_list``, ``uci_add_list``).

    :returns: how many items of the new list stay from the old one, 0 if the old one has to go as a
        whole; and the values that have to go one by one
    """
    if isinstance(now, str):
        # add_list makes a list of an option; del_list passes an option over.
        return (1, ()) if len(then) > 1 and then[0] == now else (0, ())
    best: tuple[int, tuple[str, ...]] = (0, ())
    cheapest = 1 + len(then)
    for count in range(len(then), 0, -1):
        stay = set(then[:count])
        dropped = tuple(dict.fromkeys(item for item in now if item not in stay))
        cost = len(dropped) + len(then) - count
        if cost < cheapest and then[:count] == tuple(item for item in now if item in stay):
            cheapest, best = cost, (count, dropped)
    return best


def _unordered(actual: Package, wanted: Wanted) -> tuple[Section, ...]:
    """What the package holds before any section moves; those that are new are at the end."""
    changed: dict[int, dict[str, Value | None]] = {}
    for place, setting in _placed(actual, wanted):
        changed.setdefault(place, {})[setting.option] = setting.value
    ours = {section.name: section for section in wanted.sections}
    there = [
        ours.pop(section.name)
        if section.name in ours
        else _changed(section, changed.get(place, {}))
        for place, section in enumerate(actual.sections)
        if section.name in ours or not wanted.owns(section.name)
    ]
    return (*there, *ours.values())


def _changed(section: Section, values: Mapping[str, Value | None]) -> Section:
    options = {name: value or "" for name, value in {**section.options, **values}.items()}
    return Section(section.type, section.name, options)


def _moves(sections: Sequence[Section], wanted: Wanted) -> Iterator[tuple[str, int]]:
    """The moves that bring the wanted sections into their order."""
    last_foreign = {
        section.type: place
        for place, section in enumerate(sections)
        if not wanted.owns(section.name)
    }
    behind = {
        name: last_foreign[section.type]
        for name, section in wanted.named()
        if name in wanted.last and section.type in last_foreign
    }
    return moves(
        [section.name for section in sections], [name for name, _ in wanted.named()], behind
    )


def _placed(actual: Package, wanted: Wanted) -> tuple[tuple[int, Setting], ...]:
    """The settings, each with where its section is."""
    placed: dict[tuple[int, str], Setting] = {}
    for setting in wanted.settings:
        place = _place(actual, setting.section)
        if place is None:
            raise UciError(actual.name, setting.section, "there is no such section")
        if wanted.owns(actual.sections[place].name):
            raise UciError(
                actual.name, setting.section, f"is a section of {wanted.owner}, not a setting's"
            )
        if (place, setting.option) in placed:
            raise UciError(actual.name, f"{setting.section}.{setting.option}", "is set twice")
        placed[place, setting.option] = setting
    return tuple((place, setting) for (place, _), setting in placed.items())


def _place(package: Package, address: str) -> int | None:
    """Where the section of this name or index selector is, None if there is none."""
    if selector := _SELECTOR.fullmatch(address):
        places = [
            place
            for place, section in enumerate(package.sections)
            if section.type == selector["type"]
        ]
        return next(iter(places[int(selector["index"]) :]), None)
    names = [section.name for section in package.sections]
    return names.index(address) if address in names else None


def _unwanted(actual: Package, wanted: Wanted) -> Iterator[str]:
    kept = {section.name for section in wanted.sections}
    for section in actual.sections:
        if section.name and wanted.owns(section.name) and section.name not in kept:
            yield section.name


def _owned(name: str | None, owners: Iterable[str]) -> bool:
    return name is not None and any(name.startswith(f"{owner}_") for owner in owners)


def _same_package(actual: Package, wanted: Wanted) -> None:
    if actual.name != wanted.package:
        raise ValueError(f"package {actual.name} is compared with what {wanted.package} shall hold")
