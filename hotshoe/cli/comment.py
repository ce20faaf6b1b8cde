"""``hotshoe comment``: what a merge request changes, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from hotshoe.cli.base import one_message
from hotshoe.cli.sites import WHERE_THEY_ARE
from hotshoe.errors import HotshoeError


@click.command("comment")
@click.argument("sites", nargs=-1, metavar="[SITE]...")
@click.option("--base", metavar="REV", required=True, help="The branch that it is merged into.")
@click.option(
    "--pictures",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write a picture of each home that changes, before and after.",
)
@one_message
def command(sites: Sequence[str], base: str, pictures: Path | None) -> None:
    """Say what a merge request changes, as Markdown for a comment on it.

    For each SITE, or all: what becomes of the Plan, and what a camera would notice. No host is
    touched, no vault is opened. A Site that is refused is told on standard error as well. Exit
    status: 0, or 1 if a Site is refused.
    """
    from hotshoe.gitops import comment

    found = comment.changes(Path(), base, sites)
    if missing := set(sites) - {change.site for change in found}:
        raise HotshoeError(
            f"{', '.join(sorted(missing))}: there is no such Site, neither now nor at {base}\n"
            f"{WHERE_THEY_ARE}"
        )
    click.echo(comment.markdown(found), nl=False)
    if pictures:
        _write(pictures, comment.pictures(found))
    refused = [change.after.refusal for change in found if change.after and change.after.refusal]
    if refused:
        raise HotshoeError("\n".join(refused))


def _write(folder: Path, pictures: Mapping[str, str]) -> None:
    """Write pictures into a folder, which is made.

    :raises HotshoeError: if that cannot be, or a branch has put something else in their place
    """
    from hotshoe import files

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HotshoeError(
            f"{folder}: cannot be made: {error.strerror}\n    -> name another folder"
        ) from None
    paths = {folder / name: text for name, text in pictures.items()}
    for path in paths:
        if path.is_symlink():
            raise HotshoeError(
                f"{path}: is a link, so nothing was written: what it leads to may be a file of "
                "yours\n    -> name a folder outside of what you look at"
            )
    files.write([files.File(path, files.PICTURE, text) for path, text in paths.items()])
