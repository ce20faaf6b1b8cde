"""What a Debian host holds of hotshoe's that no role of it has any more.

Found by name (``hotshoe``, ``hotshoe-…``, ``hotshoe_…``, and hotshoe's folders), and compared with
what the roles say that they put there. Photos and their folders are never looked at. Several Sites
may share a host, one as its server, another as its router; so each notes on the host as what it
uses it (:data:`hotshoe.paths.NOTES`), and what another Site's roles may have put there stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hotshoe import paths
from hotshoe.debian.units import Ruleset, is_template, template_of

# hotshoe's own, but no role's: what takes deploys to a host by itself, the tables of checks, and
# the timers that put rules back. And what systemd names by its path (systemd.mount(5)), such as a
# disk at /hotshoe/photos.
_NOT_OF_ROLES = re.compile(
    r"hotshoe-pull(\b.*)?|hotshoe_(check|probe)(_.*)?|hotshoe-rollback-.*"
    r"|hotshoe.*\.(mount|automount|swap|device|slice|scope)(\.d)?"
)
_DROP_IN = re.compile(rf"{paths.UNITS}/(?P<unit>[^/]+)\.d/(?P<file>[^/]+)")
# Of whoever says ``systemctl edit``, unless the file has our name.
_OURS = re.compile(r"hotshoe(\b|_).*")


@dataclass(frozen=True)
class Found:
    """What has hotshoe's name on a host.

    :param paths: files and folders, with those of units and drop-ins
    :param units: units that are active or have failed
    :param tables: nftables tables in the inet family
    :param users: system users who own nothing below the photos' folder
    :param groups: groups without a user of their name, likewise
    :param notes: of each Site that uses the host, as what it does: kinds of hosts
    """

    paths: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    notes: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Claims:
    """What roles put on a host.

    :param paths: each with what is below it
    :param units: systemd units
    :param tables: nftables tables
    :param accounts: users, each with its group
    """

    paths: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    tables: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        files: Iterable[str],
        units: Iterable[str],
        rulesets: Iterable[Ruleset],
        accounts: Iterable[str],
    ) -> Claims:
        """The claims of roles that have these.

        :param files: absolute paths of files and folders
        :param units: names of units
        """
        tables = tuple(rulesets)
        names = {*units, *(table.unit.name for table in tables)}
        own = {*files, *(table.path for table in tables)}
        own |= {f"{paths.UNITS}/{name}" for name in names}
        return cls(
            frozenset(own),
            frozenset(names),
            frozenset(table.table for table in tables),
            frozenset(accounts),
        )

    def __or__(self, other: Claims) -> Claims:
        return Claims(
            self.paths | other.paths,
            self.units | other.units,
            self.tables | other.tables,
            self.accounts | other.accounts,
        )

    def has_path(self, path: str) -> bool:
        """Whether a path is among them, or what a program writes before it replaces one."""
        return any(path in (own, f"{own}.new") or path.startswith(f"{own}/") for own in self.paths)


@dataclass(frozen=True)
class Leftovers:
    """What goes.

    :param units: timers first, since they start others
    :param restarted: units that stay and lose a drop-in
    :param paths: files and folders
    :param note: as what the Site uses the host, once they are gone; empty for nothing
    :param forgotten: whether the Site's own note goes as well
    """

    units: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    note: str = ""
    forgotten: bool = False

    def __bool__(self) -> bool:
        gone = (self.units, self.paths, self.tables, self.users, self.groups)
        return any(gone) or self.forgotten

    def named(self) -> Iterator[str]:
        """Each, as a person reads it."""
        yield from (f"unit {name}" for name in self.units)
        own = {f"{paths.UNITS}/{name}" for name in self.units}
        yield from (path for path in self.paths if path not in own)
        yield from (f"table inet {name}" for name in self.tables)
        yield from (f"user {name}" for name in self.users)
        yield from (f"group {name}" for name in self.groups)


def read_found(lines: Sequence[str]) -> Found:
    """Read what ``templates/base/ours.sh.j2`` prints: a word for what it is, and its name."""
    told: dict[str, list[str]] = {}
    notes: dict[str, frozenset[str]] = {}
    for line in lines:
        what, _, name = line.partition(" ")
        if what == "note":
            kinds, _, site = name.partition(" ")
            notes[site] = frozenset(kinds.split(","))
        else:
            told.setdefault(what, []).append(name)
    return Found(
        paths=tuple(told.get("path", ())),
        units=tuple(told.get("unit", ())),
        tables=tuple(told.get("table", ())),
        users=tuple(told.get("user", ())),
        groups=tuple(told.get("group", ())),
        notes=notes,
    )


def note(found: Found, site: str, kind: str, claims: Mapping[str, Claims]) -> str:
    """The text of a Site's note, from when its roles begin: with what it had there before.

    :param kind: as what the Site uses the host now, a key of ``claims``
    :param claims: what each kind of host has
    """
    kept = {kind}
    for before in found.notes.get(site, frozenset()) & {*claims} - {kind}:
        if _leftovers(found, claims[before], claims[kind] | _of_others(found, site, claims)):
            kept.add(before)
    return _note(kept)


def leftovers(
    found: Found, site: str, kind: str, claims: Mapping[str, Claims], kept: Iterable[str] = ()
) -> Leftovers:
    """What goes from a host.

    :param site: the Site's name
    :param kind: as what the Site uses the host, a key of ``claims``
    :param claims: what each kind of host has
    :param kept: paths of the person's own that the Site names
    """
    others = _of_others(found, site, claims)
    stays = claims[kind] | others | Claims(frozenset(kept))
    # What another kind of host has, and this Site never noted, may be that of a Site which was last
    # deployed by an earlier release, that knew no notes.
    noted = found.notes.get(site, frozenset())
    for other, has in claims.items():
        if other not in noted:
            stays |= has
    gone = _leftovers(found, None, stays, _note({kind}))
    if claims[kind] == Claims():
        # The Site does not use the host any more, and leaves no note of that either.
        return replace(gone, note="", forgotten=site in found.notes)
    return gone


def _of_others(found: Found, site: str, claims: Mapping[str, Claims]) -> Claims:
    """What the roles of other Sites may have put there."""
    has = Claims()
    for other, kinds in found.notes.items():
        if other != site:
            for kind in kinds & {*claims}:
                has |= claims[kind]
    return has


def _leftovers(found: Found, among: Claims | None, stays: Claims, text: str = "") -> Leftovers:
    """What is found and does not stay.

    :param among: look only at what these roles have
    """

    def goes(name: str, claimed: frozenset[str], of: frozenset[str] | None) -> bool:
        return not (
            name in claimed or _NOT_OF_ROLES.fullmatch(name) or (of is not None and name not in of)
        )

    files = [path for path in found.paths if _path_goes(path, among, stays)]
    active = {
        name
        for name in found.units
        if goes(template_of(name), stays.units, among.units if among else None)
    }
    installed = {
        path.rpartition("/")[2]
        for path in files
        if path.rpartition("/")[0] == paths.UNITS and "." in path and not path.endswith(".d")
        # Nobody can stop a template.
        if not is_template(path)
    }
    units = sorted(active | installed, key=lambda name: (not name.endswith(".timer"), name))
    accounts = among.accounts if among else None
    drop_ins = {told["unit"] for path in files if (told := _DROP_IN.fullmatch(path))}
    return Leftovers(
        tuple(units),
        tuple(sorted(drop_ins & stays.units)),
        tuple(sorted(files)),
        tuple(
            sorted(
                name
                for name in found.tables
                if goes(name, stays.tables, among.tables if among else None)
            )
        ),
        tuple(sorted(name for name in found.users if goes(name, stays.accounts, accounts))),
        tuple(sorted(name for name in found.groups if goes(name, stays.accounts, accounts))),
        text,
    )


def _path_goes(path: str, among: Claims | None, stays: Claims) -> bool:
    name = path.rpartition("/")[2]
    if stays.has_path(path) or _NOT_OF_ROLES.fullmatch(name):
        return False
    if path.startswith(f"{paths.NOTES}"):
        return False
    if among is not None and not among.has_path(path):
        return False
    if found := _DROP_IN.fullmatch(path):
        return _OURS.fullmatch(found["file"]) is not None
    # The folder of drop-ins goes with its unit; the link that starts a unit at boot stays with it.
    unit = name.removesuffix(".d")
    return unit not in stays.units


def own_drop_ins(found: Found, claims: Claims) -> tuple[str, ...]:
    """Drop-ins of the person's own, by which units of ours run in another way than a role says."""
    drop_ins = ((path, _DROP_IN.fullmatch(path)) for path in found.paths)
    return tuple(
        path
        for path, told in drop_ins
        if told and told["unit"] in claims.units and not _OURS.fullmatch(told["file"])
    )


def _note(kinds: Iterable[str]) -> str:
    return ",".join(sorted(kinds)) + "\n"
