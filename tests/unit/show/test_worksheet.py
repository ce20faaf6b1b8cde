"""The worksheet: a page that says the rows of each router, and nothing else."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from hotshoe.errors import HotshoeError
from hotshoe.plan.manual_setup import Menu, by_hand, rows
from hotshoe.show.worksheet import ALSO, html
from tests.conftest import PROJECT
from tests.homes import HOMES
from tests.random_homes import every_home
from tests.unit.show.worksheet_html import parse


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(PROJECT)


@every_home
def test_the_page_says_exactly_the_rows_in_their_order(plan):
    assert parse(html(plan, "home")) == {r.name: rows(plan, r) for r in by_hand(plan)}


@every_home
def test_the_page_names_its_home_what_the_router_does_and_what_to_check(plan):
    text = html(plan, "home")
    pages = text.split("<article>")[1:]
    for page, router in zip(pages, by_hand(plan), strict=True):
        assert f"Worksheet for {plan.hostname} (site home)" in page
        place = plan.routers.index(router) + 1
        assert f"router {place} of {len(plan.routers)} from the Internet" in page
        (purpose,) = re.findall(r'<p class="purpose">(.*)</p>', page)
        assert purpose.startswith("Between ")
        assert purpose.endswith(".")
        more = 0 if router.wan_address else 2 if router.ddns else 1
        assert len(re.findall("<li>.+</li>", page)) == 2 + more


def test_the_page_of_a_dynamic_address_says_how_to_tell_that_it_is_public():
    text = html(HOMES["updated by a router"], "home")
    for told in ("172.16 to 172.31 (private)", "carrier-grade NAT", "DS-Lite"):
        assert told in text
    assert "ask the provider for a public IPv4 address" in text
    assert "nslookup photos.example.net" in text
    assert "carrier-grade NAT" not in html(HOMES["by-hand"], "home")


def test_small_print_names_the_menus_of_other_routers():
    assert set(ALSO) == set(Menu)
    text = html(HOMES["everything said"], "home") + html(HOMES["updated by a router"], "home")
    for menu in Menu:
        if menu is not Menu.DEFAULT_HOST:
            assert f"<h2>{menu}</h2>".replace("&", "&amp;") in text
    for name in ("Permit access", "Freigaben", "port mapping", "static lease", "NAT reflection"):
        assert name in text


@pytest.mark.parametrize("home", HOMES)
def test_the_page_needs_no_other_file_and_runs_no_program(home):
    class Tags(HTMLParser):
        def handle_starttag(self, tag, attributes):
            opened.append(tag)
            names = {name for name, _ in attributes}
            assert tag not in {"script", "link", "img", "iframe", "object", "form", "input"}
            assert not names & {"src", "href", "style", "background"}
            assert not {name for name in names if name.startswith("on")}

        def handle_endtag(self, tag):
            while (last := opened.pop()) != tag:
                assert last in {"meta", "wbr"}, f"{last} is not closed"

    opened: list[str] = []
    text = html(HOMES[home], "home")
    Tags().feed(text)
    assert opened == []
    assert "@import" not in text
    assert "url(" not in text
    assert "break-after: page" in text


def test_names_cannot_become_markup():
    assert "(site &lt;b&gt;)" in html(HOMES["cascade"], "<b>")


def test_missing_templates_are_refused_with_one_message(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hotshoe.render._templates", _fresh_templates())
    with pytest.raises(HotshoeError, match=r"^templates/worksheet/worksheet.html.j2: there is no"):
        html(HOMES["cascade"], "home")


def _fresh_templates():
    from hotshoe import render

    return render._templates.__wrapped__
