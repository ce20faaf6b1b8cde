"""``hotshoe rehearse``: a home in containers, from end to end."""

from __future__ import annotations

from pathlib import Path

import click

from hotshoe.cli.base import console, debian_option, one_message
from hotshoe.errors import HotshoeError


@click.command("rehearse")
@click.argument("site", required=False)
@debian_option
@click.option("--keep", is_flag=True, help="Leave the stage up afterwards.")
@click.option(
    "--changed-since",
    metavar="REV",
    help="All Sites that are not as they were at this revision of git, one after the other.",
)
@click.option(
    "--throwaway-secrets",
    is_flag=True,
    help="With passwords made up for it, and without opening the vault.",
)
@one_message
def command(
    site: str | None, release: str, keep: bool, changed_since: str | None, throwaway_secrets: bool
) -> None:
    """Rehearse a home: build it, deploy to it, upload photos.

    In containers; every byte is compared. SITE is the name of a file in group_vars/; home unless
    said.
    """
    if throwaway_secrets and keep:
        raise click.UsageError("--keep would keep a stage whose passwords are gone")
    sites = _sites(site, changed_since)
    if not sites:
        click.echo("No Site has changed.", err=True)
    failed = []
    for each in sites:
        try:
            _rehearse(each, release, keep, throwaway_secrets)
        except HotshoeError as error:
            if len(sites) == 1:
                raise
            click.echo(f"Error: {each}: {error}", err=True)
            failed.append(each)
    if failed:
        raise HotshoeError(f"{len(failed)} of {len(sites)} Sites failed: {', '.join(failed)}")


def _sites(site: str | None, changed_since: str | None) -> tuple[str, ...]:
    if changed_since is None:
        return ("home" if site is None else site,)
    if site is not None:
        raise click.UsageError("--changed-since looks at all Sites: name none")
    from hotshoe.gitops.changed import changed_sites

    return changed_sites(changed_since)


def _rehearse(site: str, release: str, keep: bool, throwaway_secrets: bool) -> None:
    from hotshoe.stage import rehearsal, throwaway

    if throwaway_secrets:
        with throwaway.copy(Path(), site):
            rehearsal.run(site, release, keep, console())
    else:
        rehearsal.run(site, release, keep, console())
