"""``hotshoe sheet``: what to type on the cameras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hotshoe.cli.base import console, one_message, site_argument, tidy_when_ended
from hotshoe.errors import HotshoeError

if TYPE_CHECKING:
    from hotshoe.files import File
    from hotshoe.plan.model import Plan
    from hotshoe.show.camera_menus import Brand

# hotshoe.files refuses what cannot be written, as it refuses other files; click shall not.
_file = click.Path(path_type=Path, readable=False)


@click.command("sheet")
@site_argument
@click.option(
    "--camera", "only", multiple=True, metavar="NAME", help="Only this one; may be repeated."
)
@click.option(
    "--brand",
    "brands",
    multiple=True,
    metavar="[NAME=]BRAND",
    help="Whose menus: canon, nikon, sony, fujifilm, panasonic or generic; r5=canon for one "
    "camera. May be repeated.",
)
@click.option("--with-password", is_flag=True, help="Show the passwords, which are hidden else.")
@click.option("--html", type=_file, metavar="FILE.html", help="Write a page for each camera.")
@click.option("--pdf", type=_file, metavar="FILE.pdf", help="Write the same, to print.")
@click.option(
    "--card", type=_file, metavar="FOLDER", help="Write the root certificate to a memory card."
)
@one_message
def command(
    site: str,
    only: tuple[str, ...],
    brands: tuple[str, ...],
    with_password: bool,
    html: Path | None,
    pdf: Path | None,
    card: Path | None,
) -> None:
    """Show what to type on each camera, in the order of its menus.

    SITE is the name of a file in group_vars/; home unless said. No host is touched. The options may
    be combined; with --html, --pdf or --card alone, nothing is shown.
    """
    from hotshoe import files
    from hotshoe.debian import card as memory_card
    from hotshoe.plan.derivation import make_plan
    from hotshoe.secrets import load_secrets
    from hotshoe.show.sheet import sheets
    from hotshoe.site.reading import SiteFiles, load_site

    site_files = SiteFiles(site)
    described = load_site(site_files)
    plan = make_plan(described)
    _require_cameras(plan, *((f"--camera {name}", name) for name in only))
    chosen = _brands(plan, brands)
    passwords = load_secrets(site_files, described).camera_passwords if with_password else None
    made = sheets(plan, site, chosen, passwords, only)

    # Everything is made before anything is written: a refusal should leave no half of it.
    root = memory_card.root_of(plan, Path()) if card else None
    pages: list[files.File] = []
    if html or pdf:
        from datetime import date

        from hotshoe.show import sheet_page

        today = date.today().isoformat()
        page = sheet_page.html(plan, site, made, today, with_password=with_password)
        pages = list(_pages(page, html, pdf, private=with_password))
    files.write(pages)
    whose = ", readable by you alone, since it holds passwords" if with_password else ""
    for file in pages:
        click.echo(f"{file.path} is written{whose}.", err=True)
    if card and root:
        for written in memory_card.write_card(card, root):
            click.echo(f"{written.path}: {written.how}", err=True)
        click.echo("Eject the card before you take it out.", err=True)
    if not (html or pdf or card):
        from hotshoe.show.sheet_text import tables

        console().print(*tables(plan, made), sep="\n")


def _pages(page: str, html: Path | None, pdf: Path | None, *, private: bool) -> Iterator[File]:
    """The files that are asked for."""
    from hotshoe import browser, files

    if html:
        yield files.File(html, files.SHEET, page, private)
    if pdf:
        # The page is a file meanwhile, which may hold passwords.
        with tidy_when_ended():
            printed = browser.pdf(page)
        yield files.File(pdf, files.SHEET_PDF, printed, private)


def _require_cameras(plan: Plan, *said: tuple[str, str]) -> None:
    """Refuse what is about a camera that there is not: as it was said, and its name."""
    cameras = [camera for server in plan.servers for camera in server.cameras]
    for option, name in said:
        if name not in cameras:
            raise HotshoeError(
                f"{option}: {name} is no camera of the Site\n"
                f"    -> the cameras are {', '.join(cameras)}"
            )


def _brands(plan: Plan, said: tuple[str, ...]) -> Mapping[str, Brand]:
    """The brands of cameras; one that is said for a camera counts more than one for all.

    :raises HotshoeError: if there is no such brand or camera
    """
    from hotshoe.show.camera_menus import BRANDS, brand_of

    cameras = [camera for server in plan.servers for camera in server.cameras]
    for_all: dict[str, Brand] = {}
    for_one: dict[str, Brand] = {}
    for text in said:
        camera, one, name = text.rpartition("=")
        if one:
            _require_cameras(plan, (f"--brand {text}", camera))
        try:
            brand = brand_of(name.lower())
        except KeyError:
            raise HotshoeError(
                f"--brand {text}: hotshoe does not know the menus of {name}\n"
                f"    -> the brands are {', '.join(BRANDS)}, and generic"
            ) from None
        if one:
            for_one[camera] = brand
        else:
            for_all.update(dict.fromkeys(cameras, brand))
    return for_all | for_one
