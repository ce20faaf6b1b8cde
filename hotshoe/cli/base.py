"""What every command uses."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from hotshoe.errors import HotshoeError
from hotshoe.stage.image import DEFAULT_RELEASE, SUITES

if TYPE_CHECKING:
    from rich.console import Console

site_argument = click.argument("site", default="home")
site_option = click.option(
    "--site", default="home", show_default=True, help="The Site: group_vars/SITE.yml."
)
debian_option = click.option(
    "--debian",
    "release",
    type=click.Choice(sorted(SUITES)),
    default=DEFAULT_RELEASE,
    show_default=True,
    help="The Debian release of servers and routers.",
)


def one_message(command: Callable[..., None]) -> Callable[..., None]:
    """Print a refusal as one clear message and exit with 1."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except HotshoeError as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:  # standard output is full, for example
            raise click.ClickException(str(error)) from None

    return wrapped


def console() -> Console:
    """Where a command prints what a person reads."""
    from rich.console import Console

    return Console(highlight=False)
