"""``hotshoe plan``: what follows from a Site."""

from __future__ import annotations

from pathlib import Path

import click

from hotshoe.cli.base import console, json_schema_option, one_message, site_argument


def _schema() -> str:
    from hotshoe.show.schema import json_schema

    return json_schema()


# hotshoe.files refuses what cannot be written, as it refuses other files; click shall not.
_file = click.Path(path_type=Path, readable=False)


@click.command("plan")
@site_argument
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
@json_schema_option(_schema)
@click.option(
    "--worksheet", type=_file, metavar="FILE.html", help="Write what to enter by hand on a router."
)
@click.option("--diagram", type=_file, metavar="FILE.svg", help="Write a picture of the home.")
@one_message
def command(site: str, as_json: bool, worksheet: Path | None, diagram: Path | None) -> None:
    """Show what follows from a Site, device by device.

    SITE is the name of a file in group_vars/; home unless said. No host is touched. The options may
    be combined; with --worksheet or --diagram alone, nothing is printed. Warnings go to standard
    error.
    """
    from datetime import date

    from hotshoe import files
    from hotshoe.plan.derivation import make_plan
    from hotshoe.site.reading import SiteFiles, load_site, warnings_of

    site_files = SiteFiles(site)
    described = load_site(site_files)
    plan = make_plan(described)
    warnings = warnings_of(site_files, described)
    for warning in warnings:
        click.secho("Warning: ", nl=False, err=True, fg="yellow")
        click.echo(str(warning), err=True)

    # Everything is made before anything is written: a refusal should leave no half of it.
    texts: list[files.File] = []
    if worksheet:
        from hotshoe.plan.manual_setup import by_hand
        from hotshoe.show.worksheet import html

        if by_hand(plan):
            texts.append(
                files.File(worksheet, files.WORKSHEET, html(plan, site, date.today().isoformat()))
            )
        else:
            click.echo("No router is set up by hand, so there is no worksheet.", err=True)
    if diagram:
        from hotshoe.show.diagram.layout import picture

        texts.append(files.File(diagram, files.PICTURE, picture(plan)))
    files.write(texts)
    for file in texts:
        click.echo(f"{file.path} is written.", err=True)

    if as_json:
        from hotshoe.show.schema import dump

        click.echo(dump(site, plan, warnings), nl=False)
    elif not (worksheet or diagram):
        from hotshoe.show.tables import tables

        console().print(*tables(plan), sep="\n")
