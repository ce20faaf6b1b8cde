"""The sheet of a camera: its menus' words, in their order, with nothing left out."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from hotshoe.plan.camera_setup import Setting
from hotshoe.show.camera_menus import BRANDS, GENERIC, UNVERIFIED, brand_of
from hotshoe.show.sheet import HIDDEN, STAR, sheets
from hotshoe.show.sheet_page import html
from hotshoe.show.sheet_text import tables
from tests.conftest import PROJECT
from tests.homes import HOMES, example

DAY = "2026-05-31"
PASSWORDS = {"r5": "khm3xt7vprw4ajn", "a7": "wd8ru3jtk7mfpce"}


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(PROJECT)


def page(name="home", brand=GENERIC, **more):
    plan = example(name)
    made = sheets(plan, name, dict.fromkeys(["r5", "a7"], brand), more.pop("passwords", None))
    return html(plan, name, made, DAY, **more)


def text(name="home", brand=GENERIC, width=100):
    console = Console(width=width, file=None, record=True, quiet=False, force_terminal=False)
    plan = example(name)
    with console.capture() as captured:
        console.print(
            *tables(plan, sheets(plan, name, dict.fromkeys(["r5", "a7"], brand))), sep="\n"
        )
    return captured.get()


class TestOrder:
    """The lines of a sheet."""

    @pytest.mark.parametrize("brand", [GENERIC, *BRANDS.values()], ids=lambda b: b.title)
    @pytest.mark.parametrize("name", ["home", "implicit", "letsencrypt", "direct"])
    def test_has_every_setting_once(self, name, brand):
        generic, _ = sheets(example(name), name)
        sheet, _ = sheets(example(name), name, {"r5": brand})
        assert sorted(line.setting for line in sheet.lines) == sorted(
            line.setting for line in generic.lines
        )

    def test_is_that_of_the_brands_menus(self):
        sheet, other = sheets(example("home"), "home", {"r5": BRANDS["sony"]})
        named = [line.setting for line in sheet.lines if line.word]
        assert named == list(BRANDS["sony"].words)
        assert [line.setting for line in other.lines] == list(Setting)

    def test_is_canons_own(self):
        sheet, _ = sheets(example("home"), "home", {"r5": BRANDS["canon"]})
        lines = {line.word.rstrip(STAR): line.value for line in sheet.lines}
        assert lines["FTP mode"] == "FTPS"
        assert lines["Passive mode"] == "Enable"
        assert lines["Proxy server"] == "Disable"
        assert lines["Target folder"] == "Root folder"
        assert lines["Login name"] == "r5"
        assert lines["Trust target server"] == "Disable"

    def test_of_one_camera_alone(self):
        (sheet,) = sheets(example("home"), "home", only=["a7"])
        assert sheet.setup.camera == "a7"


class TestPassword:
    """A password is on a sheet only where it is asked for."""

    def test_is_hidden(self):
        sheet, _ = sheets(example("home"), "home")
        (line,) = (line for line in sheet.lines if line.setting is Setting.PASSWORD)
        assert line.value == HIDDEN
        assert "--with-password" in line.note

    def test_is_shown_alone(self):
        sheet, _ = sheets(example("home"), "home", passwords=PASSWORDS)
        (line,) = (line for line in sheet.lines if line.setting is Setting.PASSWORD)
        assert (line.value, line.note) == (PASSWORDS["r5"], "")

    def test_is_shown_where_it_is_asked_for(self):
        shown = page(passwords=PASSWORDS, with_password=True)
        for password in PASSWORDS.values():
            assert shown.count(password) == 1
        assert shown.count("This page holds a password") == 2
        assert "This page holds a password" not in page()


class TestMenus:
    """The words of menus, and where they are from."""

    def test_what_has_no_source_is_called_unverified(self):
        for brand in BRANDS.values():
            shown = page(brand=brand)
            assert UNVERIFIED in shown
            assert brand.sourced <= set(brand.words)
            if brand.source:
                assert f'<a href="{brand.source.address}">{brand.source.title}</a>' in shown
            sheet, _ = sheets(example("home"), "home", {"r5": brand})
            starred = {line.setting for line in sheet.lines if line.word.endswith(STAR)}
            assert starred == (set(brand.words) - brand.sourced if brand.source else set())
            for remark in brand.remarks:
                if remark.source:
                    assert remark.source.address in shown
                    assert re.match(r"https?://", remark.source.address)

    def test_are_found_by_the_brands_name(self):
        assert brand_of("canon").title == "Canon"
        assert brand_of("generic") is GENERIC
        with pytest.raises(KeyError):
            brand_of("leica")
        assert list(BRANDS) == ["canon", "nikon", "sony", "fujifilm", "panasonic"]


class TestPage:
    """The page."""

    @pytest.mark.parametrize("home", HOMES)
    def test_needs_no_other_file_and_runs_no_program(self, home):
        class Tags(HTMLParser):
            def handle_starttag(self, tag, attributes):
                opened.append(tag)
                assert tag not in {"script", "link", "img", "iframe", "object", "form", "input"}
                assert not {name for name, _ in attributes} & {"src", "style"}
                if link := dict(attributes).get("href"):
                    assert tag == "a"
                    assert link.startswith("http")

            def handle_startendtag(self, tag, attributes):
                assert tag == "path"

            def handle_endtag(self, tag):
                while (last := opened.pop()) != tag:
                    assert last in {"meta", "wbr"}, f"{last} is not closed"

        opened: list[str] = []
        shown = html(HOMES[home], "home", sheets(HOMES[home], "home"), DAY)
        Tags().feed(shown)
        assert opened == []
        assert "@import" not in shown
        assert "url(" not in shown

    def test_is_dated_and_numbered(self):
        shown = page()
        assert "camera 1 of 2, 2026-05-31" in re.sub("<.*?>", "", shown)
        assert "camera 2 of 2, 2026-05-31" in re.sub("<.*?>", "", shown)
        assert "<title>Camera sheet: photos.example.net</title>" in shown
        assert '<html lang="en">' in shown

    def test_has_a_code_for_a_phone_without_the_password(self):
        shown = page(passwords=PASSWORDS, with_password=True)
        assert shown.count("<svg") == 2
        assert "ftpes://r5@photos.example.net:21/" in shown.replace("<wbr>", "")
        assert "<svg" not in page("direct")

    def test_names_cannot_become_markup(self):
        plan = example("home")
        assert "(site &lt;b&gt;)" in html(plan, "<b>", sheets(plan, "home"), DAY)

    def test_any_camera_is_shown_where_brands_have_their_menus(self):
        assert "Where that is on cameras of some brands" in page()
        assert "Where that is on cameras of some brands" not in page(brand=BRANDS["nikon"])


class TestText:
    """A terminal."""

    @pytest.mark.parametrize("brand", [GENERIC, *BRANDS.values()], ids=lambda b: b.title)
    @pytest.mark.parametrize("width", [60, 100])
    def test_is_plain_and_fits(self, brand, width):
        shown = text(brand=brand, width=width)
        assert shown.isascii()
        assert max(map(len, shown.splitlines())) <= width

    def test_says_what_to_enter(self):
        shown = text()
        for told in ("FTPS (explicit)", "photos.example.net", "50000-50199", "Not SFTP"):
            assert told in shown
        assert HIDDEN in shown
