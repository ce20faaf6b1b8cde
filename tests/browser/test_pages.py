"""A browser shows the worksheet and the camera sheet of every home legibly, on a phone and on A4.

What is measured on A4 is the style for print, shown on a screen as wide as the paper between its
margins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest

from hotshoe import browser
from hotshoe.plan.manual_setup import by_hand
from hotshoe.plan.model import Plan
from hotshoe.show import sheet_page, worksheet
from hotshoe.show.camera_menus import BRANDS
from hotshoe.show.sheet import sheets
from tests.browser.chromium import evaluate
from tests.conftest import PROJECT
from tests.homes import HOMES

MEASURE = Path(__file__).with_name("pages.js").read_text(encoding="utf-8")
DAY = "2026-05-31"
# Where pages are looked at: width in CSS pixels, and the least size of text there.
PLACES = {"phone": ("390px", 12.0), "phone at night": ("390px", 12.0), "paper": ("182mm", 9.5)}
# A sheet of a hundred cameras is a hundred times the same.
MOST_CAMERAS = 4


def worksheet_of(plan: Plan) -> str:
    return worksheet.html(plan, "home", DAY)


def sheet_of(plan: Plan) -> str:
    return sheet_page.html(plan, "home", some_sheets(plan), DAY)


def some_sheets(plan: Plan, brand: str | None = None) -> Any:
    names = [camera for server in plan.servers for camera in server.cameras][:MOST_CAMERAS]
    brands = dict.fromkeys(names, BRANDS[brand]) if brand else {}
    # The longest password that a camera may have.
    return sheets(plan, "home", brands, dict.fromkeys(names, "m" * 32), names)


def pages() -> Iterator[tuple[str, str]]:
    """Every page, by its name."""
    for name, plan in HOMES.items():
        yield f"sheet: {name}", sheet_of(plan)
        if by_hand(plan):
            yield f"worksheet: {name}", worksheet_of(plan)
    plan = HOMES["eight routers, all long"]
    for brand in BRANDS:
        yield f"sheet: {brand}", sheet_page.html(plan, "home", some_sheets(plan, brand), DAY)


def as_printed(html: str) -> str:
    """A page with its style for print on a screen, without the margins of the screen's style."""
    return html.replace("@media print", "@media all").replace("@media screen", "@media not all")


# -- pages that are good, and such that are not


def too_wide(html: str) -> str:
    return html.replace("</h1>", "</h1><p><span class=whole>" + "w" * 90 + "</span></p>", 1)


def too_pale(html: str) -> str:
    return html.replace("--quiet: #3d4854", "--quiet: #99a")


def too_dark_at_night(html: str) -> str:
    return html.replace("--quiet: #b9c2cb", "--quiet: #555")


def too_small(html: str) -> str:
    return html.replace("</h1>", '</h1><p style="font-size: 9px">small print</p>', 1)


def without_scope(html: str) -> str:
    return html.replace(' scope="col"', "", 1)


def out_of_order(html: str) -> str:
    return html.replace("<h2", "<h3", 1).replace("</h2>", "</h3>", 1)


BROKEN: dict[str, tuple[Callable[[str], str], str, str]] = {
    "too wide": (too_wide, "phone", "scrolls sideways"),
    "too wide on paper": (too_wide, "paper", "leaves its page: wwww"),
    "too pale": (too_pale, "phone", "contrast 2."),
    "too dark at night": (too_dark_at_night, "phone at night", "contrast 2."),
    "too small": (too_small, "phone", "text of 9.0 px"),
    "without scope": (without_scope, "phone", "a header without a scope"),
    "out of order": (out_of_order, "phone", "a heading of level 3 after one of level 1"),
}


@pytest.fixture(scope="module")
def shown() -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(PROJECT)
        return dict(pages())


@pytest.fixture(scope="module")
def seen(shown: dict[str, str]) -> Any:
    """What the browser made of all pages in all places; one start of it does for all."""
    good = shown["worksheet: cascade"]
    broken = {name: breaking(good) for name, (breaking, _, _) in BROKEN.items()}
    assert all(html != good for html in broken.values())
    frames = []
    for place, (width, _) in PLACES.items():
        scheme = "dark" if place == "phone at night" else "light"
        for name, html in (shown | broken).items():
            made = as_printed(html) if place == "paper" else html
            frames.append(
                f'<iframe data-page="{place}: {escape(name)}" srcdoc="{escape(made)}" '
                f'style="width: {width}; height: 800px; border: 0; color-scheme: {scheme}">'
                "</iframe>"
            )
    return evaluate(f"<!doctype html><meta charset=utf-8><body>{''.join(frames)}</body>", MEASURE)


def faults(measured: Any, place: str) -> list[str]:
    least = PLACES[place][1]
    small = [f"text of {measured['smallest']:.1f} px"] if measured["smallest"] < least else []
    return [*measured["faults"], *small]


NAMES = [
    *(f"sheet: {name}" for name in (*HOMES, *BRANDS)),
    *(f"worksheet: {name}" for name, plan in HOMES.items() if by_hand(plan)),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_legible(seen, name, place):
    measured = seen[f"{place}: {name}"]
    assert measured["texts"] > 30
    assert measured["dark"] is (place == "phone at night")
    assert faults(measured, place) == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_page_is_found_out(seen, name):
    _, place, fault = BROKEN[name]
    assert any(fault in found for found in faults(seen[f"{place}: {name}"], place))


def test_a_pdf_has_one_page_for_each_camera(shown):
    """Of all homes and brands at once: none fills more than a page, and none less than one."""
    articles = "".join(
        article
        for name, html in shown.items()
        if name.startswith("sheet: ")
        for article in re.findall(r"<article>.*?</article>", html, re.DOTALL)
    )
    home = shown["sheet: home"]
    before, _, rest = home.partition("<main>")
    after = rest.partition("</main>")[2]
    printed = browser.pdf(f"{before}<main>{articles}</main>{after}")
    assert printed.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) == articles.count("<article>")


def test_a_pdf_is_known_as_a_camera_sheet(shown):
    from hotshoe.files import SHEET_PDF

    assert SHEET_PDF.mark.encode() in browser.pdf(shown["sheet: home"])[:2000]
