"""The ``hotshoe`` command.

What only some commands need is imported inside them, so that the others start without waiting for
it: images, keys and containers together take longer than making a Plan.
"""

from __future__ import annotations

import functools
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hotshoe.errors import HotshoeError
from hotshoe.stage.image import DEFAULT_RELEASE, SUITES

if TYPE_CHECKING:
    from rich.console import Console

    from hotshoe.stage.stage import Stage

_site = click.option(
    "--site", default="home", show_default=True, help="The Site: group_vars/SITE.yml."
)
_debian = click.option(
    "--debian",
    "release",
    type=click.Choice(sorted(SUITES)),
    default=DEFAULT_RELEASE,
    show_default=True,
    help="The Debian release of servers and routers.",
)


def _refusing(command: Callable[..., None]) -> Callable[..., None]:
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


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


@click.group()
@click.version_option(package_name="hotshoe")
def main() -> None:
    """A private FTPS drop at home that a camera reaches from anywhere.

    Run it in the folder that holds deploy.py and group_vars/.
    """


def _print_schema(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from hotshoe.show.schema import json_schema

        click.echo(json_schema(), nl=False)
        context.exit()


# Whether it can be written is said by hotshoe.files, in the words of every other refusal.
_file = click.Path(path_type=Path, readable=False)


@main.command()
@click.argument("site", default="home")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
@click.option(
    "--json-schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON Schema of what --json prints, and end.",
)
@click.option(
    "--worksheet", type=_file, metavar="FILE.html", help="Write what to enter by hand on a router."
)
@click.option("--diagram", type=_file, metavar="FILE.svg", help="Write a picture of the home.")
@_refusing
def plan(site: str, as_json: bool, worksheet: Path | None, diagram: Path | None) -> None:
    """Show what follows from a Site, device by device.

    SITE is the name of a file in group_vars/; home unless said. No host is touched. The options may
    be combined; with --worksheet or --diagram alone, nothing is printed. Warnings go to standard
    error.
    """
    from hotshoe.plan.derivation import make_plan
    from hotshoe.site.reading import SiteFiles, load_site, warnings_of

    files = SiteFiles(site)
    described = load_site(files)
    made = make_plan(described)
    warnings = warnings_of(files, described)
    for warning in warnings:
        click.secho("Warning: ", nl=False, err=True, fg="yellow")
        click.echo(str(warning), err=True)

    # Everything is made before anything is written: a refusal should leave no half of it.
    from hotshoe import files as written

    texts: list[written.File] = []
    if worksheet:
        from hotshoe.plan.manual_setup import by_hand
        from hotshoe.show.worksheet import html

        if by_hand(made):
            texts.append(written.File(worksheet, written.WORKSHEET, html(made, site)))
        else:
            click.echo("No router is set up by hand, so there is no worksheet.", err=True)
    if diagram:
        from hotshoe.show.diagram.layout import picture

        texts.append(written.File(diagram, written.PICTURE, picture(made)))
    written.write(texts)
    for file in texts:
        click.echo(f"{file.path} is written.", err=True)

    if as_json:
        from hotshoe.show.schema import dump

        click.echo(dump(site, made, warnings), nl=False)
    elif not (worksheet or diagram):
        from hotshoe.show.tables import tables

        _console().print(*tables(made), sep="\n")


@main.command()
@click.argument("site", default="home")
@_debian
@click.option("--keep", is_flag=True, help="Leave the stage up afterwards.")
@_refusing
def rehearse(site: str, release: str, keep: bool) -> None:
    """Rehearse a home: build it, deploy to it, upload photos.

    In containers; every byte is compared. SITE is the name of a file in group_vars/; home unless
    said.
    """
    from hotshoe.stage import story as rehearsing

    rehearsing.run(site, release, keep, _console())


@main.group()
def stage() -> None:
    """The home, rehearsed in containers."""


def _stage_of(site: str, release: str = DEFAULT_RELEASE) -> Stage:
    from hotshoe.plan.derivation import make_plan
    from hotshoe.site.reading import SiteFiles, load_site
    from hotshoe.stage.stage import Stage

    return Stage.of(site, make_plan(load_site(SiteFiles(site))), Path(), release)


@stage.command()
@_site
@_debian
@_refusing
def up(site: str, release: str) -> None:
    """Put the stage up; what an earlier run left is cleared away first."""
    console = _console()
    made = _stage_of(site, release)
    made.up(say=console.print)
    arguments = shlex.join(made.pyinfra_arguments())
    console.print("The stage is up. Deploy to it with:", style="green")
    console.print(
        f"pyinfra {arguments} inventories/{site}.py deploy.py", soft_wrap=True, style="bold"
    )


@stage.command()
@_site
@_refusing
def down(site: str) -> None:
    """Take the stage down; harmless when there is none."""
    from hotshoe.stage import podman

    if reason := podman.why_no_stage():
        raise HotshoeError(reason)
    _stage_of(site).down()


@stage.command()
@_site
@_refusing
def status(site: str) -> None:
    """Show the devices on the stage."""
    from rich.table import Table

    from hotshoe.stage import podman

    if reason := podman.why_no_stage():
        raise HotshoeError(reason)
    table = Table("device", "state", "addresses")
    for row in _stage_of(site).status():
        table.add_row(*row)
    _console().print(table)


@stage.command()
@_site
@_refusing
def upload(site: str) -> None:
    """Upload photos from the camera and compare every byte on the server."""
    from hotshoe.plan.derivation import make_plan
    from hotshoe.secrets import load_secrets
    from hotshoe.site.reading import SiteFiles, load_site
    from hotshoe.stage import story as rehearsing

    files = SiteFiles(site)
    described = load_site(files)
    plan = make_plan(described)
    made = _running(site, plan.servers[0].name)
    rehearsing.photograph(made, plan, load_secrets(files, described), _console())


@stage.command()
@_site
@click.argument("name")
@_refusing
def reboot(site: str, name: str) -> None:
    """Restart the device NAME."""
    _running(site, name).reboot(name)


@stage.command()
@_site
@click.argument("name")
@_refusing
def shell(site: str, name: str) -> None:
    """Open a shell on the device NAME."""
    from hotshoe.stage import podman

    stage = _running(site, name)
    program = "/bin/ash" if stage.node(name).image == "openwrt" else "/bin/bash"
    flags = ["--interactive", *(["--tty"] if sys.stdin.isatty() else [])]
    os.execvp("podman", podman.inside(stage.container(name), program, flags=flags))  # noqa: S606


def _running(site: str, name: str) -> Stage:
    """The stage, if it is up and has that device."""
    from hotshoe.stage import podman

    if reason := podman.why_no_stage():
        raise HotshoeError(reason)
    made = _stage_of(site)
    made.node(name)
    if not made.is_up():
        raise HotshoeError("the stage is not up; put it up with: hotshoe stage up")
    return made
