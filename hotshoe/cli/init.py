"""``hotshoe init``: a repository for a person's own homes."""

from __future__ import annotations

from pathlib import Path

import click

from hotshoe.cli.base import one_message, tidy_when_ended


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", "site", default="home", show_default=True, help="What its home is called.")
@click.option(
    "--pipeline",
    type=click.Choice(["github", "gitlab", "forgejo", "none"]),
    default="none",
    show_default=True,
    help="What runs its merge requests.",
)
@one_message
def command(folder: Path, site: str, pipeline: str) -> None:
    """Make FOLDER, a repository for homes of your own.

    It holds a home to fill in, a vault with random passwords, the vault's password in a file that
    git ignores, and a pipeline; hotshoe is a dependency of it, at one release.
    """
    from importlib.metadata import version

    from hotshoe.gitops import repository
    from hotshoe.secrets.vault import PASSWORD_FILE

    with tidy_when_ended():
        repository.make(folder, site, None if pipeline == "none" else pipeline, version("hotshoe"))
    click.echo(f"{folder} is made. Keep a copy of {folder / PASSWORD_FILE} in a password manager:")
    click.echo("it opens the vault, and git ignores it. README.md there says how to go on.")
