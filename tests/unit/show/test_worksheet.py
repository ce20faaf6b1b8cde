"""The worksheet: a page that says the rows of each router, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from markupsafe import escape

from hotshoe.errors import HotshoeError
from hotshoe.plan.manual_setup import Menu, by_hand, rows
from hotshoe.show.worksheet import ALSO, html
from hotshoe.show.worksheet_advice import alternatives, checks, order_of_work
from tests.conftest import PROJECT
from tests.homes import HOMES, example, home
from tests.random_homes import HOST_KEY, every_home
from tests.unit.show.worksheet_html import parse

DAY = "2026-05-31"
# Of deliveries.
CLOUD = {"name": "cloud", "username": "ann"}
SFTP = {"name": "desk", "username": "ann", "host_key": HOST_KEY}


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(PROJECT)


@every_home
def test_the_page_says_exactly_the_rows_in_their_order(plan):
    assert parse(html(plan, "home", DAY)) == {r.name: rows(plan, r) for r in by_hand(plan)}


@every_home
def test_the_page_names_its_home_what_the_router_does_and_what_to_check(plan):
    text = html(plan, "home", DAY)
    pages = text.split("<article")[1:]
    for page, router in zip(pages, by_hand(plan), strict=True):
        assert f"Worksheet for {plan.hostname} (site home)" in page
        place = plan.routers.index(router) + 1
        assert f"router {place} of {len(plan.routers)} from the Internet" in page
        (purpose,) = re.findall(r'<p class="purpose">(.*)</p>', page)
        assert purpose.startswith("Between ")
        assert purpose.endswith(".")
        assert len(re.findall(r"<strong>Set up ", page)) == 1
        for check in checks(plan, "home", router):
            assert check.endswith(".")
            assert str(escape(check))[:30] in page


@every_home
def test_each_sheet_of_paper_names_its_router_its_number_the_day_and_the_order_of_work(plan):
    text = html(plan, "home", DAY)
    for i, router in enumerate(by_hand(plan), 1):
        (style,) = re.findall(rf"@page router-{i} {{(.*?)\n}}", text, re.DOTALL)
        assert f'@top-left {{ content: "{router.name}"' in style
        assert f'"{plan.hostname}, {DAY}"' in style
        assert '"page " counter(page) " of " counter(pages)' in style
        assert f"[{router.name}]" in style
        assert "deploy" in style
        assert f"#router-{i} {{ page: router-{i}; }}" in text


class TestOrderOfWork:
    """The steps on each page."""

    def test_the_name_comes_first_and_the_check_after_the_deploy(self):
        plan = HOMES["cascade"]
        steps = order_of_work(plan, "cascade", plan.routers[0])
        assert [step.short for step in steps] == [
            "save",
            "name",
            "box",
            "deploy",
            "check",
            "cameras",
        ]
        assert [step.here for step in steps].index(True) == 2
        assert "an A record for 203.0.113.20 and no AAAA record" in steps[1].text
        assert "sets up darkroom and gateway" in steps[3].text
        assert "hotshoe check cascade" in steps[4].text

    def test_a_name_that_something_updates_is_only_made_ready(self):
        plan = HOMES["updated by a router"]
        _, name, *_ = order_of_work(plan, "home", plan.routers[0])
        assert "points it at the address, and again whenever that changes" in name.text

    def test_a_certificate_authority_needs_the_name_before_the_deploy(self):
        plan = HOMES["letsencrypt"]
        _, name, *_ = order_of_work(plan, "letsencrypt", plan.routers[0])
        assert "the certificate authority asks there" in name.text

    def test_a_direct_link_has_no_name(self):
        plan = example("direct")
        assert "name" not in {s.short for s in order_of_work(plan, "direct", plan.routers[0])}


class TestWhatARouterCannot:
    """What to do then; only what its rows want of it."""

    @staticmethod
    def cannot(router):
        return dict(alternatives(router))

    def test_forward_beyond_its_lan_and_hold_a_route(self):
        plan = example("routed")
        found = self.cannot(replace(plan.routers[0], managed_by="hand"))
        assert "mode: nat" in found["forward to an address outside its LAN"]
        assert "mode: nat" in found["hold a static route"]
        inner = self.cannot(plan.routers[1])
        assert "mode: routed" in inner["turn NAT off"]

    def test_restrict_a_source(self):
        sources = [
            router
            for plan in HOMES.values()
            for router in plan.routers
            if any(f.source for f in router.forwards) or any(r.source for r in router.accept_rules)
        ]
        assert sources
        for router in sources:
            assert "leave the rule out" in self.cannot(router)["restrict a source"]

    def test_what_it_need_not_do_is_not_told(self):
        (router,) = example("by-hand").routers
        assert set(self.cannot(router)) == {
            "forward a range",
            "reserve an address",
            "do NAT loopback",
            "turn the FTP ALG off",
        }


def test_there_is_room_for_other_forwards_and_it_is_said_which_ports_they_must_not_use():
    text = html(HOMES["by-hand"], "by-hand", DAY)
    assert '<table role="table" class="yours">' in text
    used = 'None of it may use 21/tcp, <span class="whole">50000-50199</span>/tcp: if one does'
    assert used in text
    # They would take these ports from a default host.
    assert used in html(HOMES["default-host"], "default-host", DAY)


@pytest.mark.parametrize(
    ("said", "keys"),
    [
        ({"may_open": [{"to": "10.0.1.20", "services": ["22/tcp"]}]}, "servers[].may_open"),
        ({"delivery": [{"by": "sftp", "address": "10.0.1.20", **SFTP}]}, "delivery[].port"),
        (
            {"delivery": [{"by": "webdav", "url": "https://10.0.1.20/in", **CLOUD}]},
            "delivery[].url",
        ),
    ],
)
def test_for_ports_that_no_camera_uses_it_is_said_where_the_site_has_them(said, keys):
    plan = home(("nat", "nat"), (0,), managers=("hand",), **said)
    pages = re.sub("<.*?>", "", html(plan, "home", DAY)).split("Worksheet for ")
    assert "take other ports (ftp.control_port, ftp.passive_ports), name it" in pages[-2]
    assert f"take other ports ({keys}), name it" in pages[-1]


def test_the_check_can_pass_and_covers_the_passive_range():
    text = re.sub("<.*?>", "", html(HOMES["by-hand"], "by-hand", DAY))
    assert "After darkroom is deployed, from outside" in text
    assert "an app that speaks FTPS, not only FTP or SFTP" in text
    assert "look at the forward of the passive ports 50000-50199" in text
    assert "hotshoe check by-hand --from ssh://HOST, or the file" in text


@every_home
def test_no_range_is_broken_at_its_hyphen(plan):
    text = html(plan, "home", DAY)
    body = text.partition("<body>")[2]
    outside = re.sub(r'<span class="whole">[\d-]+</span>', "", body)
    shown = re.sub(r"<[^>]*>", "", outside)
    names = [plan.hostname, *(s.name for s in plan.servers), *(r.name for r in plan.routers)]
    for name in (*names, *(c for s in plan.servers for c in s.cameras)):
        shown = shown.replace(name, "")
    assert not re.search(r"\d-\d", shown)
    assert ".whole { white-space: nowrap; }" in text
    assert "\u2011" not in text, "a copied range must have a plain hyphen"


def test_the_page_of_a_dynamic_address_says_how_to_tell_that_it_is_public():
    text = html(HOMES["updated by a router"], "home", DAY)
    for told in ("172.16 to 172.31 (private)", "carrier-grade NAT", "DS-Lite"):
        assert told in text
    assert "ask the provider for a public IPv4 address" in text
    assert "nslookup photos.example.net" in text
    assert "carrier-grade NAT" not in html(HOMES["by-hand"], "home", DAY)


def test_the_page_of_a_home_with_a_direct_link_promises_nothing_from_outside():
    plan = example("direct")
    (router,) = (replace(router, managed_by="hand") for router in plan.routers)
    text = html(replace(plan, routers=(router,)), "direct", DAY)
    assert "an FTP app gets no answer from photos.example.net" in text
    assert "asked for a password" not in text
    assert "cameras to darkroom" not in text


def test_small_print_names_the_menus_of_other_routers():
    assert set(ALSO) == set(Menu)
    text = html(HOMES["everything said"], "home", DAY) + html(
        HOMES["updated by a router"], "home", DAY
    )
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
    text = html(HOMES[home], "home", DAY)
    Tags().feed(text)
    assert opened == []
    assert "@import" not in text
    assert "url(" not in text
    assert "break-after: page" in text


def test_names_cannot_become_markup():
    assert "(site &lt;b&gt;)" in html(HOMES["cascade"], "<b>", DAY)


def test_missing_templates_are_refused_with_one_message(tmp_path, monkeypatch):
    monkeypatch.setattr("hotshoe.resources.TEMPLATES", tmp_path)
    monkeypatch.setattr("hotshoe.render._templates", _fresh_templates())
    file = tmp_path / "worksheet" / "worksheet.html.j2"
    with pytest.raises(HotshoeError, match=f"^{re.escape(str(file))}: there is no such file"):
        html(HOMES["cascade"], "home", DAY)


def _fresh_templates():
    from hotshoe import render

    return render._templates.__wrapped__
