"""What is known of a Debian host, as a table: a name, the command that tells it, and its reader.

Each role adds its queries and says what it puts on a host (:class:`Footprint`); all of it is asked
in one shell script, so that a deploy that changes nothing costs one round trip a host.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from hotshoe import paths
from hotshoe.debian.leftovers import Claims, Found, read_found
from hotshoe.debian.network import COMMAND, Network, read_network
from hotshoe.debian.units import Ruleset, Unit, is_template
from hotshoe.render import render

# What hotshoe knows: Raspberry Pi OS is a Debian by another name.
SYSTEMS = ("debian", "raspbian")
RELEASES = ("12", "13")

T = TypeVar("T")
Sections = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Query(Generic[T]):
    """Something to know of a host.

    :param name: a word, by which its section of the script's output is found
    :param command: shell commands that print it and change nothing
    :param read: makes it of the lines that they printed; of none, what holds if nothing is known
    """

    name: str
    command: str
    read: Callable[[Sequence[str]], T]


@dataclass(frozen=True)
class Footprint:
    """What a role puts on a host, and what else it has to know of it.

    :param paths: its files outside of hotshoe's folder and of systemd's
    :param files: its files in those, besides those of its units and rulesets
    :param rulesets: its nftables tables
    :param folders: its folders there; what cameras put into them is nobody's business
    :param packages: Debian packages
    :param accounts: system users
    :param units: units of ours
    :param units_of_others: units that it must know the state of
    :param queries: what else it has to know
    """

    paths: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    rulesets: tuple[Ruleset, ...] = ()
    folders: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    units: tuple[Unit, ...] = ()
    units_of_others: tuple[str, ...] = ()
    queries: tuple[Query[Any], ...] = ()


@dataclass(frozen=True)
class PathState:
    """A file or folder of ours.

    :param kind: ``f``, ``d``, or another letter of find(1)'s ``%y``
    :param mode: octal digits, such as ``640``
    :param sha256: of a regular file under /etc or /usr; empty otherwise
    """

    kind: str
    owner: str
    group: str
    mode: str
    sha256: str = ""


@dataclass(frozen=True)
class Device:
    """What is known of a host.

    :param os: ``debian 13``
    :param paths: our files and folders
    :param packages: those of the footprints that are installed
    :param accounts: the passwd(5) entries of our system users, by name
    :param units: ``ActiveState UnitFileState`` of our units, and of others that a role names; then
        ``outdated`` if systemd has not read the unit's file since it changed
    :param loaded: our units that run what the files say
    :param ours: what has hotshoe's name there
    :param network: its addresses and routes
    :param answers: what the queries of roles tell, by their names; a role asks for it by its query
    """

    os: str = ""
    paths: Mapping[str, PathState] = field(default_factory=dict)
    packages: frozenset[str] = frozenset()
    accounts: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    loaded: frozenset[str] = frozenset()
    ours: Found = field(default_factory=Found)
    network: Network = field(default_factory=Network)
    answers: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, query: Query[T]) -> T:
        """What a query of a role tells.

        :raises KeyError: if the host was not asked
        """
        answer: T = self.answers[query.name]
        return answer

    def has_any_of(self, footprint: Footprint) -> bool:
        """Whether it has anything of a role, be it what a run that was killed has left."""
        units = footprint.units
        files = {*footprint.paths, *footprint.files, *(unit.path for unit in units)}
        return (
            any(self.runs(unit.name) for unit in units)
            or not files.isdisjoint(self.paths)
            or any(name in self.accounts for name in footprint.accounts)
        )

    def runs(self, unit: str) -> bool:
        """Whether a unit runs now."""
        return self.units.get(unit, "").startswith("active")

    def is_active(self, unit: str) -> bool:
        """Whether a unit runs now and at every boot."""
        return self.units.get(unit) == "active enabled"


def claims_of(footprints: Iterable[Footprint]) -> Claims:
    """What roles put on a host.

    :param footprints: theirs
    """
    has = Claims()
    for each in footprints:
        others = (name for name in each.units_of_others if name.startswith("hotshoe-"))
        units = (*(unit.name for unit in each.units), *others)
        has |= Claims.of((*each.paths, *each.files), units, each.rulesets, each.accounts)
    return has


def queries_of(footprints: Iterable[Footprint]) -> tuple[Query[Any], ...]:
    """Everything to ask a host for: what each Device has, and the queries of roles.

    :param footprints: of the roles that the host has
    """
    return tuple(_queries(tuple(footprints)))


def _queries(footprints: Sequence[Footprint]) -> Iterator[Query[Any]]:
    def each(name: str) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(value for one in footprints for value in getattr(one, name)))

    globs = [f"{paths.UNITS}/hotshoe-*.{kind}" for kind in ("service", "timer")]
    ours = " ".join((paths.FOLDER, *globs, *each("paths")))
    units: tuple[Unit, ...] = (*each("units"), *(table.unit for table in each("rulesets")))
    names = [*(unit.name for unit in units), *each("units_of_others")]
    # A template is no unit: what is made of it has its state.
    names = [name for name in names if not is_template(name)]
    yield Query("os", '( . /etc/os-release; echo "$ID $VERSION_ID" )', " ".join)
    yield Query(
        "paths",
        f"find {' '.join((ours, *each('folders')))} -maxdepth 2 -printf '%y %u %g %m %p\\n' "
        "2>/dev/null\n"
        f"find {ours} -maxdepth 1 -type f -exec sha256sum {{}} + 2>/dev/null",
        _paths,
    )
    # Without a name, these two would print everything.
    packages, accounts = each("packages"), each("accounts")
    asked = f"dpkg-query -W -f '${{db:Status-Status}} ${{Package}}\\n' {' '.join(packages)}"
    yield Query(
        "packages",
        f"{asked} 2>/dev/null" if packages else ":",
        lambda lines: frozenset(line.split()[1] for line in lines if line.startswith("installed ")),
    )
    yield Query(
        "accounts",
        f"getent passwd {' '.join(accounts)}" if accounts else ":",
        lambda lines: {line.partition(":")[0]: line for line in lines},
    )
    asked = "Id,ActiveState,UnitFileState,NeedDaemonReload"
    yield Query("units", f"systemctl show -p {asked} {' '.join(names)}", _units)
    yield Query(
        "loaded",
        "\n".join(
            # What never ran has no record, and costs no process.
            f"if [ -e {unit.record} ] && ( {unit.loaded} ) 2>/dev/null | cmp -s - {unit.record}; "
            f"then echo {unit.name}; fi"
            for unit in units
        ),
        frozenset,
    )
    yield Query("ours", render("base/ours.sh.j2", accounts=accounts or ("-",)), read_found)
    yield Query("network", COMMAND, read_network)
    yield from each("queries")


def split_sections(output: Iterable[str]) -> dict[str, list[str]]:
    """What a script printed, by its sections: a line ``@NAME`` begins one."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in output:
        if line.startswith("@"):
            current = found.setdefault(line[1:].strip(), [])
        elif line.strip():
            current.append(line)
    return found


def read_device(queries: Iterable[Query[Any]], found: Sections) -> Device:
    """The Device of which a script printed these sections.

    :param queries: of the :func:`queries_of` that the script was made of
    """
    values = {query.name: query.read(found.get(query.name, ())) for query in queries}
    own = {name: values.pop(name) for name in Device.__dataclass_fields__ if name in values}
    return Device(**own, answers=values)


def _paths(lines: Sequence[str]) -> dict[str, PathState]:
    # What find prints of a file begins with one letter, and what sha256sum prints does not.
    states = [line.split(" ", 4) for line in lines if line[1] == " "]
    digests = {line[66:]: line[:64] for line in lines if line[1] != " "}
    return {
        path: PathState(kind, owner, group, mode, digests.get(path, ""))
        for kind, owner, group, mode, path in states
    }


def _units(lines: Sequence[str]) -> dict[str, str]:
    # Nothing else tells where what systemctl says of one unit ends.
    found: list[dict[str, str]] = [{}]
    for line in lines:
        key, _, value = line.partition("=")
        if key in found[-1]:
            found.append({})
        found[-1][key] = value
    return {
        unit["Id"]: " ".join(
            filter(
                None,
                (
                    unit.get("ActiveState"),
                    unit.get("UnitFileState"),
                    "outdated" if unit.get("NeedDaemonReload") == "yes" else "",
                ),
            )
        )
        for unit in found
        if "Id" in unit
    }


def dropping(lines: Sequence[str], hook: str) -> tuple[str, ...]:
    """The nftables chains of others that drop packets by default.

    :param lines: of ``nft --json list chains``; none without nft
    :param hook: ``input`` for packets to the host, ``forward`` for those that it forwards
    """
    listed = json.loads("\n".join(lines))["nftables"] if lines else ()
    chains = [entry["chain"] for entry in listed if "chain" in entry]
    return tuple(
        f"{chain['family']} {chain['table']} {chain['name']}"
        for chain in chains
        if chain.get("hook") == hook
        and chain.get("policy") == "drop"
        and not chain["table"].startswith("hotshoe_")
    )
