"""A new repository for homes alone: Sites, vaults, a pipeline, and hotshoe as a dependency."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from hotshoe.errors import HotshoeError
from hotshoe.render import render, text
from hotshoe.secrets.making import make_vault
from hotshoe.site.homes import INVENTORIES
from hotshoe.site.reading import FOLDER, SHARED, SiteFiles

# Where each of them looks for its pipelines.
PIPELINES = {
    "github": Path(".github/workflows/homes.yml"),
    "gitlab": Path(".gitlab-ci.yml"),
    "forgejo": Path(".forgejo/workflows/homes.yml"),
}
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


def make(folder: Path, site: str, pipeline: str | None, version: str) -> None:
    """Make a repository of homes, with one home to fill in and a vault of random secrets.

    It is made beside its place and put there in one step.

    :param folder: it must not be there yet, or be empty
    :param site: the name of its first home
    :param pipeline: a key of ``PIPELINES``, or None for none
    :param version: of hotshoe, which it follows
    :raises HotshoeError: if there can be no such repository; nothing is left then
    """
    if not _NAME.fullmatch(site) or site == Path(SHARED).stem:
        raise HotshoeError(
            f"--name {site!r}: is not a name for a home\n"
            "    -> write small letters, digits and hyphens, a letter first; for example home"
        )
    place = _place(folder)
    new = place.with_name(f".{place.name}.hotshoe-init")
    try:
        # What a run that was killed has left.
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        for name, content in _files(site, pipeline, version).items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_text(content, encoding="utf-8")
        make_vault(SiteFiles(site, new))
        new.replace(place)
    except OSError as error:
        raise HotshoeError(f"{folder}: cannot be made: {error.strerror}") from None
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _place(folder: Path) -> Path:
    """The real path, if a repository may be put there.

    :raises HotshoeError: if not
    """
    try:
        place = folder.resolve()
        there = place.exists() or folder.is_symlink()
        if there and (not place.is_dir() or any(place.iterdir())):
            raise HotshoeError(
                f"{folder}: is there already\n    -> name a folder that is not there yet, or empty"
            )
        if there and (place.is_mount() or place.samefile(Path.cwd())):
            raise HotshoeError(
                f"{folder}: cannot be replaced while somebody is in it\n"
                "    -> name a folder that is not there yet, such as homes"
            )
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "it is a loop of links"
        raise HotshoeError(f"{folder}: cannot be made: {reason}") from None
    if not place.parent.is_dir():
        raise HotshoeError(f"{folder}: cannot be made: there is no folder {place.parent}")
    return place


def _files(site: str, pipeline: str | None, version: str) -> Mapping[Path, str]:
    """The files of a repository and their contents, without secrets."""
    said = {"site": site, "version": version, "pipeline": PIPELINES[pipeline] if pipeline else None}
    files = {
        Path("README.md"): render("repository/README.md.j2", **said),
        Path("deploy.py"): text("repository/deploy.py"),
        Path("requirements.txt"): render("repository/requirements.txt.j2", **said),
        Path(".gitignore"): text("repository/gitignore"),
        FOLDER / SHARED: text("repository/all.yml"),
        FOLDER / f"{site}.yml": render("repository/site.yml.j2", **said),
        INVENTORIES / f"{site}.py": render("repository/inventory.py.j2", **said),
        INVENTORIES / "all.py": text("repository/all.py"),
    }
    if pipeline:
        files[PIPELINES[pipeline]] = text(f"repository/{pipeline}.yml")
    return files
