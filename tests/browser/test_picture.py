"""A browser shows the picture of every home legibly: nothing overlaps, is cut off or too small."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from html import escape
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from hotshoe.show.diagram.layout import WIDTH, picture
from tests.browser.chromium import BrowserError, evaluate
from tests.conftest import PROJECT
from tests.homes import HOMES

MEASURE = Path(__file__).with_name("measure.js").read_text(encoding="utf-8")
# Where a picture is looked at: on A4 between margins of a centimetre, and on a phone held sideways
# and upright; on the last one its reader has to zoom.
PLACES = {"paper": "190mm", "phone": "844px", "upright": "390px"}
PX_PER_PT = 96 / 72
SMALLEST_ON_PAPER_PT = 6.5
SMALLEST_ON_A_PHONE_PX = 9
# Browsers round where they place a glyph.
TOLERANCE = 0.5

Rectangle = tuple[float, float, float, float]


# -- how a picture is judged


def outside(inner: Rectangle, outer: Rectangle) -> bool:
    """Whether a part of one rectangle is not in the other."""
    return (
        min(inner[0] - outer[0], inner[1] - outer[1], outer[2] - inner[2], outer[3] - inner[3])
        < -TOLERANCE
    )


def overlap(one: Rectangle, other: Rectangle) -> bool:
    """Whether two rectangles share more than an edge."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across > TOLERANCE and down > TOLERANCE


def faults(seen: Any, place: str) -> list[str]:
    """What is wrong with a picture, as measured by measure.js.

    :param place: where it is looked at
    """
    texts, boxes = seen["texts"], seen["boxes"]
    found = []
    view = (0, 0, seen["width"], seen["height"])
    for text in texts:
        if outside(text["at"], view):
            found.append(f"{text['text']!r} leaves the picture")
        if text["box"] and outside(text["at"], boxes[text["box"]]):
            found.append(f"{text['text']!r} leaves its box {text['box']}")
        for name, box in boxes.items():
            if name != text["box"] and overlap(text["at"], box):
                found.append(f"{text['text']!r} is on the box {name}")
    for one, other in combinations(texts, 2):
        if overlap(one["at"], other["at"]):
            found.append(f"{one['text']!r} and {other['text']!r} overlap")
    for name, box in boxes.items():
        if outside(box, view):
            found.append(f"the box {name} leaves the picture")
    for (one, a), (other, b) in combinations(boxes.items(), 2):
        if overlap(a, b):
            found.append(f"the boxes {one} and {other} overlap")
    for way in seen["ways"]:
        for piece in way["pieces"]:
            found += [
                f"the connector {way['ends']} crosses {text['text']!r}"
                for text in texts
                if overlap(piece, text["at"])
            ]
            found += [
                f"the connector {way['ends']} crosses the box {name}"
                for name, box in boxes.items()
                if name not in way["ends"] and overlap(piece, box)
            ]
    size = min(text["size"] for text in texts)
    if place == "paper" and size < SMALLEST_ON_PAPER_PT * PX_PER_PT:
        found.append(f"text of {size / PX_PER_PT:.1f} pt")
    if place == "phone" and size < SMALLEST_ON_A_PHONE_PX:
        found.append(f"text of {size:.1f} px")
    return found


# -- pictures that are good, and such that are not


def with_a_long_label(svg: str) -> str:
    return svg.replace(">192.168.1.1/24<", ">192.168.1.1/24 and then some more of it<")


def with_a_label_twice(svg: str) -> str:
    label = re.search(r"<text[^>]*><tspan[^>]*>public</tspan>\s*</text>", svg)
    assert label
    return svg.replace(label[0], label[0] + label[0].replace("public", "private"))


def with_a_label_on_a_connector(svg: str) -> str:
    return re.sub(r'(<tspan x="[\d.]+" y=")([\d.]+)(">public<)', _lower(10), svg)


def with_a_label_on_a_box(svg: str) -> str:
    return re.sub(r'(<tspan x=")([\d.]+)(" y="[\d.]+">public<)', _lower(60), svg)


def with_a_label_outside(svg: str) -> str:
    return re.sub(r'(<tspan x="[\d.]+" y=")([\d.]+)(">The way)', _lower(-10), svg)


def with_a_box_too_low(svg: str) -> str:
    return re.sub(r'(data-frame="" x="523" y=")([\d.]+)(")', _lower(100), svg)


def with_small_print(svg: str) -> str:
    return svg.replace('font-size="11"', 'font-size="8"')


def _lower(by: float) -> Callable[[re.Match[str]], str]:
    return lambda found: f"{found[1]}{float(found[2]) + by}{found[3]}"


BROKEN: dict[str, tuple[Callable[[str], str], str, str]] = {
    "a long label": (with_a_long_label, "paper", "leaves its box router-0"),
    "a label twice": (with_a_label_twice, "paper", "'public' and 'private' overlap"),
    "a label on a line": (with_a_label_on_a_connector, "paper", "'router-0'] crosses 'public'"),
    "a label on a box": (with_a_label_on_a_box, "upright", "'public' is on the box router-0"),
    "a label outside": (with_a_label_outside, "phone", "photos.example.net' leaves the picture"),
    "a box too low": (with_a_box_too_low, "paper", "the box server-0 leaves the picture"),
    "small print": (with_small_print, "paper", "text of 6.0 pt"),
    "small print on a phone": (with_small_print, "phone", "text of 8.0 px"),
}


@pytest.fixture(scope="module")
def pictures() -> dict[str, str]:
    """The pictures of all homes, by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(PROJECT)
        return {name: picture(plan) for name, plan in HOMES.items()}


@pytest.fixture(scope="module")
def seen(pictures: dict[str, str]) -> Any:
    """What the browser made of all pictures in all places; one start of it does for all."""
    broken = {name: breaking(pictures["home"]) for name, (breaking, _, _) in BROKEN.items()}
    assert all(svg != pictures["home"] for svg in broken.values())
    holders = "".join(
        f'<div data-picture="{place}: {name}" style="width: {width}">{svg}</div>'
        for place, width in PLACES.items()
        for name, svg in (pictures | broken).items()
    )
    return evaluate(f"<!doctype html><meta charset=utf-8><body>{holders}</body>", MEASURE)


# -- the tests


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", HOMES)
def test_a_picture_is_legible(seen, name, place):
    measured = seen[f"{place}: {name}"]
    assert len(measured["texts"]) > 20
    assert len(measured["boxes"]) >= 4
    assert faults(measured, place) == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_picture_is_found_out(seen, name):
    _, place, fault = BROKEN[name]
    assert any(fault in found for found in faults(seen[f"{place}: {name}"], place))


def test_a_picture_is_a_whole_image(pictures):
    """In an <img> nothing but the file itself counts: no style, font or script of the page."""
    image = base64.b64encode(pictures["three-routers"].encode()).decode()
    page = f'<!doctype html><img src="data:image/svg+xml;base64,{image}">'
    width = evaluate(
        page, "const it = document.images[0]; await it.decode(); return it.naturalWidth"
    )
    assert width == WIDTH


def test_a_picture_is_dark_at_night(pictures):
    """By the colours that pages have then, in every text and on every ground."""
    frames = "".join(
        f'<iframe srcdoc="{escape(pictures["dmz"])}" style="color-scheme: {scheme}"></iframe>'
        for scheme in ("light", "dark")
    )
    light, dark = evaluate(
        f"<!doctype html><body>{frames}",
        """
        return [...document.querySelectorAll("iframe")].map((frame) => {
          const fills = (selector) => [...new Set(
            [...frame.contentDocument.querySelectorAll(selector)].map(
              (it) => frame.contentWindow.getComputedStyle(it).fill))];
          return { texts: fills("text"), grounds: fills(`rect[fill="#fff"]`) };
        });
        """,
    )
    assert light["grounds"] == ["rgb(255, 255, 255)"]
    assert dark["grounds"] == ["rgb(20, 24, 28)"]
    assert not set(light["texts"]) & set(dark["texts"])
    assert len(light["texts"]) == len(dark["texts"])


def test_a_script_that_fails_is_told():
    with pytest.raises(BrowserError, match="nowhere is not defined"):
        evaluate("<!doctype html><p>a page</p>", "return nowhere")
