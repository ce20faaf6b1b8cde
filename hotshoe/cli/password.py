"""``hotshoe password``: passwords that cameras can type."""

from __future__ import annotations

import click

from hotshoe.cli.base import one_message


@click.command("password")
@click.option(
    "--count", type=click.IntRange(1, 100), default=1, show_default=True, help="How many to print."
)
@one_message
def command(count: int) -> None:
    """Print a random password for a camera, or several.

    Each has 15 characters that every camera's keyboard has, none that looks like another, and 70
    bits: nobody guesses it. It is kept nowhere: put it into the vault.
    """
    from hotshoe.debian.passwords import new_password

    for _ in range(count):
        click.echo(new_password())
