"""The look that pages and the picture share: its colours can be told apart (WCAG 2.2)."""

from __future__ import annotations

import re

import pytest

from hotshoe import render
from hotshoe.render import unbroken
from tests.conftest import PROJECT

TEXT, LINE = 4.5, 3.0


@pytest.fixture
def palette(monkeypatch):
    monkeypatch.chdir(PROJECT)
    return render._templates().get_template("look/palette.j2").module


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, bright = sorted(map(luminance, (one, other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_lines_can_be_told_from_what_they_are_on(palette, scheme):
    colours = getattr(palette, scheme)
    for ground in ("paper", "band"):
        for text in ("ink", "quiet", "accent"):
            assert contrast(colours[text], colours[ground]) >= TEXT, (text, ground)
    assert contrast(colours["line"], colours["paper"]) >= LINE


def test_each_colour_has_a_counterpart_at_night(palette):
    assert set(palette.light) == set(palette.dark)
    # The picture's style finds them by their values.
    assert len(set(palette.light.values())) == len(palette.light)


def test_no_template_has_a_colour_of_its_own(palette):
    for path in [
        *(PROJECT / "templates/worksheet").iterdir(),
        *(PROJECT / "templates/sheet").iterdir(),
        *(PROJECT / "templates/diagram").iterdir(),
        PROJECT / "templates/look/page.css.j2",
    ]:
        assert re.findall(r"#[0-9a-f]{3,6}\b", path.read_text(encoding="utf-8")) == []


def test_ranges_are_not_broken_and_are_copied_as_they_are():
    assert unbroken("ports 21, 50000-50199") == ('ports 21, <span class="whole">50000-50199</span>')
    assert unbroken("<b>") == "&lt;b&gt;"
    assert re.sub("<.*?>", "", unbroken("on 2026-05-31")) == "on 2026-05-31"
