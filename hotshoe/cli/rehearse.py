"""``hotshoe rehearse``: a home in containers, from end to end."""

from __future__ import annotations

import click

from hotshoe.cli.base import console, debian_option, one_message, site_argument


@click.command("rehearse")
@site_argument
@debian_option
@click.option("--keep", is_flag=True, help="Leave the stage up afterwards.")
@one_message
def command(site: str, release: str, keep: bool) -> None:
    """Rehearse a home: build it, deploy to it, upload photos.

    In containers; every byte is compared. SITE is the name of a file in group_vars/; home unless
    said.
    """
    from hotshoe.stage import rehearsal

    rehearsal.run(site, release, keep, console())
