"""The Sites of a repository as they are now, and as they were at a revision."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from hotshoe.errors import HotshoeError, SiteError
from hotshoe.gitops.changed import commit_of
from hotshoe.gitops.git import git
from hotshoe.plan.derivation import make_plan
from hotshoe.plan.model import Plan
from hotshoe.site.homes import INVENTORIES, homes
from hotshoe.site.reading import FOLDER, SiteFiles, load_site


@dataclass(frozen=True)
class Version:
    """A Site at one time.

    :param plan: what follows from it; None if it is refused
    :param refusal: why it is
    """

    plan: Plan | None
    refusal: str = ""


def branched_off(root: Path, base: str) -> str:
    """The commit at which this work branched off from another branch.

    :param base: that branch, or another revision
    :raises HotshoeError: if there is no such revision
    """
    commit = commit_of(root, base)
    try:
        return git(root, "merge-base", commit, "HEAD").strip()
    except HotshoeError:  # unrelated, or a clone that is too shallow to tell
        return commit


def now(root: Path) -> dict[str, Version]:
    """Each Site that can be deployed, as its files are."""
    return {name: _version(SiteFiles(name, root)) for name in homes(root)}


def then(root: Path, commit: str) -> dict[str, Version]:
    """Each Site that could be deployed at a commit, by what was said then and what follows now.

    :param root: the folder that holds deploy.py
    :param commit: an object name
    """
    with tempfile.TemporaryDirectory(prefix="hotshoe-then-") as folder:
        old = Path(folder)
        for part in (FOLDER, INVENTORIES):
            (old / part).mkdir()
            for name in _names(root, commit, part):
                said = _said(root, f"{commit}:./{name}") if part == FOLDER else ""
                (old / name).write_text(said, encoding="utf-8", errors="surrogateescape")
        return now(old)


def _said(root: Path, file: str) -> str:
    """What a file held at a commit; of a link, what it led to inside the repository.

    :param file: as in gitrevisions(7)
    """
    options = ("--batch=%(objecttype)", "--follow-symlinks")
    kind, _, rest = git(root, "cat-file", *options, input_text=f"{file}\n").partition("\n")
    # A link that led nowhere, or out of the repository, is refused as what is empty.
    return rest.removesuffix("\n") if kind == "blob" else ""


def _names(root: Path, commit: str, part: Path) -> list[Path]:
    """The Sites and inventories in a folder at a commit; vaults are none of them."""
    listed = git(root, "ls-tree", "-z", "--name-only", commit, f"{part}/")
    paths = [Path(name) for name in listed.split("\0") if name]
    return [path for path in paths if path.suffix in (".yml", ".py") and "." not in path.stem]


def _version(files: SiteFiles) -> Version:
    try:
        return Version(make_plan(load_site(files)))
    except SiteError as error:
        return Version(None, str(error))
