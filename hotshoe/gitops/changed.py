"""Which Sites a revision range changes, so that nobody else's routers have to be asked.

What differs between a revision and the files as they are now counts, committed or not: that is what
a deploy would bring onto hosts that were deployed from that revision. A file that is nobody's own
changes every Site.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from hotshoe.errors import HotshoeError, SiteError, shown
from hotshoe.gitops.git import git, top_of
from hotshoe.site.homes import INVENTORIES, homes
from hotshoe.site.reading import FOLDER, SHARED, SiteFiles, read_mapping

# What every Site is deployed with: hotshoe itself, or its pinned version, pyinfra's own settings,
# and authorities.
OF_EVERY_SITE = (
    *("deploy.py", "config.py", "group_data", "roles", "templates", "hotshoe"),
    *("requirements.txt", "requirements.lock", "pyproject.toml", "pki"),
)
# The inventory of all homes, which is no Site's.
OF_NO_SITE = INVENTORIES / "all.py"


def changed_sites(since: str, root: Path = Path()) -> tuple[str, ...]:
    """The Sites of a repository that are not as they were at a revision.

    :param since: a revision, as in gitrevisions(7); the null object name, by which servers of git
        tell that there was nothing before (githooks(5), post-receive), changes all Sites
    :param root: the folder that holds deploy.py
    :returns: their names, of those that :func:`hotshoe.site.homes.homes` knows, in its order
    :raises HotshoeError: if that is no revision, or the folder is in no repository of git
    """
    names = homes(root)
    top = top_of(root)
    if since and not since.strip("0"):
        return names
    changed = frozenset(top / path for path in _paths(root, commit_of(root, since)))
    folder = root.resolve()
    own: set[str] = set()
    for path in changed:
        if not path.is_relative_to(folder):
            continue
        owner = _owner(path.relative_to(folder), names if path.exists() else None)
        if owner is None:
            return names
        own.add(owner)
    return tuple(name for name in names if name in own or _uses(SiteFiles(name, folder), changed))


def commit_of(root: Path, since: str) -> str:
    """The object name of a commit; nothing that a revision is called can be taken for an option.

    :raises HotshoeError: if there is no such commit, or no repository
    """
    try:
        return git(root, "rev-parse", "--verify", "--end-of-options", f"{since}^{{commit}}").strip()
    except HotshoeError:
        # Without a repository, or without git, that is what is wrong.
        top_of(root)
        raise HotshoeError(
            f"{shown(since)}: this repository has no such revision\n"
            "    -> write a branch, a tag or a commit that it has; a shallow clone, as pipelines "
            "make it, gets the others by: git fetch --unshallow"
        ) from None


def _paths(root: Path, commit: str) -> Iterator[PurePosixPath]:
    """What differs from a commit, and what git does not know yet, from the top of the repository.

    A file that was renamed differs under both names.
    """
    options = ("--name-only", "--no-renames", "--no-ext-diff", "--no-relative", "-z")
    differs = git(root, "diff", *options, commit, "--")
    new = git(root, "ls-files", "--others", "--exclude-standard", "--full-name", "-z", ":/")
    for name in f"{differs}{new}".split("\0"):
        if name:
            yield PurePosixPath(name)


def _owner(path: Path, names: tuple[str, ...] | None) -> str | None:
    """The Site that a file belongs to; None if all Sites depend on it, empty if none does.

    :param path: relative to the folder that holds deploy.py
    :param names: of the Sites that there are; None for a file that has gone, maybe with its Site
    """
    if path.parts[0] in OF_EVERY_SITE:
        return None
    # group_vars/home.yml, home.vault.yml, home.known_hosts; and all.yml, which is everybody's.
    if path.parent == FOLDER:
        name = path.name.partition(".")[0]
        return None if name == Path(SHARED).stem else name
    if path.is_relative_to(INVENTORIES) and path != OF_NO_SITE:
        # What is not a Site's inventory is something that inventories import.
        own = path.parent == INVENTORIES and (names is None or path.stem in names)
        return path.stem if own else None
    return ""


def _uses(files: SiteFiles, changed: frozenset[Path]) -> bool:
    """Whether a Site is, or names, a file that has changed, such as its certificate.

    One that cannot be read does as well: whoever looks at it then gets to know why.
    """
    try:
        said = read_mapping(files.site, "")
        shared = read_mapping(files.shared, "") if files.shared.exists() else {}
    except SiteError:
        return True
    # Links are followed: what differs is the file that they lead to.
    used = {path.resolve() for path in (files.site, files.shared, files.vault)}
    for text in _texts([said, shared]):
        named = files.root / text
        used |= {named, _resolved(named)}
    return not changed.isdisjoint(used)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # no path, or links in a circle
        return path
