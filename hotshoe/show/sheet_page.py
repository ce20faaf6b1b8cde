"""What to type on each camera, as pages to print."""

from __future__ import annotations

import io
from collections.abc import Sequence

import segno

from hotshoe.plan.model import Plan
from hotshoe.render import render
from hotshoe.show.camera_menus import BRANDS, UNVERIFIED
from hotshoe.show.sheet import STAR, Sheet

TEMPLATE = "sheet/sheet.html.j2"


def html(
    plan: Plan, site: str, made: Sequence[Sheet], day: str, *, with_password: bool = False
) -> str:
    """The sheets as a page for each camera.

    :param site: the Site's name
    :param made: the sheets
    :param day: the date to print on them, as 2026-05-31
    :param with_password: whether passwords are on them
    :returns: an HTML document that needs no other file
    """
    codes = {sheet.setup.camera: qr_code(sheet.setup.url) for sheet in made if sheet.setup.url}
    return render(
        TEMPLATE,
        plan=plan,
        site=site,
        sheets=made,
        day=day,
        brands=tuple(BRANDS.values()),
        codes=codes,
        unverified=UNVERIFIED,
        star=STAR,
        with_password=with_password,
    )


def qr_code(text: str) -> str:
    """A QR code as an SVG element that stands in a page."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out,
        kind="svg",
        xmldecl=False,
        svgns=False,
        nl=False,
        omitsize=True,
        border=4,  # which ISO/IEC 18004 wants around it
        dark="#000",
        light="#fff",
        svgclass="qr",
        lineclass=None,
    )
    return out.getvalue().decode()
