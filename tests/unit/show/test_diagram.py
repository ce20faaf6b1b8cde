"""The picture of a home: everything of the Plan is in it, and nothing is in the way of another.

Whether a browser shows it as computed here is for tests/browser.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface
from itertools import combinations, pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotshoe.plan.derivation import NOTICE_PORT
from hotshoe.plan.model import ControlPort, Plan
from hotshoe.ports.ranges import PortRange
from hotshoe.show.diagram.layout import MOST_ON_A_PAGE, PAGE_HEIGHT, WIDTH, Drawing, draw, picture
from hotshoe.show.diagram.shapes import EM_PER_CHARACTER, Text
from hotshoe.show.diagram.text import wrap
from tests.conftest import PROJECT
from tests.homes import AWKWARD, HOMES, home
from tests.random_homes import plans

LONGEST_LINE = 26
DUCKDNS = {
    "hostname": "photos.duckdns.org",
    "public_address": "dynamic",
    "ddns": {"updated_by": "server", "provider": "duckdns"},
}
SVG = "{http://www.w3.org/2000/svg}"

Rectangle = tuple[float, float, float, float]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(PROJECT)


@pytest.fixture(params=HOMES, scope="module")
def plan(request) -> Plan:
    """A home to draw."""
    return HOMES[request.param]


def boxes_of(svg: str) -> dict[str, list[str]]:
    """The paragraphs of each box, lines joined again."""
    root = ElementTree.fromstring(svg)
    return {
        box.attrib["data-box"]: [
            "".join(line.text or "" for line in text) for text in box.iter(f"{SVG}text")
        ]
        for box in root.iter(f"{SVG}g")
        if "data-box" in box.attrib
    }


def words(paragraphs: list[str]) -> set[str]:
    """The words of paragraphs, and of addresses with a prefix length also those without."""
    found = {word.rstrip(":") for text in paragraphs for word in re.split(r"[\s,;]+", text)}
    return found | {word.split("/")[0] for word in found}


def said(thing: Any) -> Iterator[str]:
    """Every address, network, port range and name in a Plan."""
    if is_dataclass(thing) and not isinstance(thing, PortRange):
        for field in fields(thing):
            value = getattr(thing, field.name)
            named = (*(["port"] if isinstance(thing, ControlPort) else []), "name", "hostname")
            if field.name in named:
                yield str(value)
            elif field.name == "sources":
                yield from (source.removeprefix("https://") for source in value)
            elif field.name in ("provider", "server", "zone") and value:
                yield str(value)
            elif field.name == "library":
                yield value
            elif field.name == "cameras":
                yield from (camera if isinstance(camera, str) else camera.name for camera in value)
            else:
                yield from said(value)
    elif isinstance(thing, tuple):
        for each in thing:
            yield from said(each)
    elif isinstance(
        thing,
        IPv4Address | IPv4Network | IPv4Interface | IPv6Address | IPv6Interface | PortRange,
    ):
        yield str(thing)


def luminance(colour: str) -> float:
    """The relative luminance of ``#rgb`` or ``#rrggbb`` (WCAG 2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class TestTheDocument:
    def test_is_well_formed_and_stands_by_itself(self, plan):
        root = ElementTree.fromstring(picture(plan))
        assert root.tag == f"{SVG}svg"
        assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"
        assert root.attrib["width"] == str(WIDTH)
        assert plan.hostname in root.findtext(f"{SVG}title", "")
        assert f"which is {plan.public_address or 'a dynamic address'}." in root.findtext(
            f"{SVG}desc", ""
        )
        assert not list(root.iter(f"{SVG}script"))

    def test_asks_nothing_of_the_network(self, plan):
        links = re.findall(r"https?://[^\"'\s]+", picture(plan))
        assert links == ["http://www.w3.org/2000/svg"]
        assert not re.search(r"href|url\(|@import|<image", picture(plan))

    def test_has_the_contrast_of_print(self, plan):
        """The ratio of WCAG 2, whose highest grade asks for 7."""
        svg = picture(plan)
        inks = set(re.findall(r'<(?:svg|text|tspan)\b[^>]* fill="(#\w+)"', svg))
        papers = set(re.findall(r'<(?:rect|path)\b[^>]* fill="(#\w+)"', svg))
        assert inks and papers
        for ink in inks:
            for paper in papers:
                assert (luminance(paper) + 0.05) / (luminance(ink) + 0.05) >= 7

    def test_leaves_no_number_unrounded(self, plan):
        numbers = " ".join(re.findall(r' (?:x|y|d|width|height|points)="([^"]+)"', picture(plan)))
        assert not re.search(r"\.\d\d|e[+-]", numbers)

    def test_is_the_same_whenever_it_is_drawn(self):
        code = (
            "from tests.homes import AWKWARD\n"
            "from hotshoe.show.diagram.layout import picture\n"
            "import sys\n"
            "sys.stdout.buffer.write(''.join(map(picture, AWKWARD.values())).encode())"
        )
        another_seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
        run = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": another_seed, "PYTHONPATH": str(PROJECT)},
            cwd=PROJECT,
            capture_output=True,
            check=True,
        )
        assert run.stdout == "".join(map(picture, AWKWARD.values())).encode()

    @given(st.text(st.characters(), max_size=40), st.text(st.characters(), max_size=40))
    def test_survives_every_character(self, hostname, name):
        plan = home()
        server = replace(plan.servers[0], name=name, behind=hostname, cameras=(name, hostname))
        router = replace(plan.routers[0], name=hostname)
        odd = replace(plan, hostname=hostname, servers=(server,), routers=(router,))
        ElementTree.fromstring(picture(odd).encode())

    def test_shows_what_looks_like_markup(self):
        name = "<b>&amp;\"'</tspan>]]>"
        plan = home()
        odd = replace(plan, servers=(replace(plan.servers[0], name=name),))
        assert boxes_of(picture(odd))["server-0"][0] == name

    @pytest.mark.parametrize("routers", [1, 2, 3])
    def test_fits_one_page_with_up_to_three_routers(self, routers):
        assert draw(home(("nat",) * routers)).height <= PAGE_HEIGHT
        assert draw(home(("nat",) * routers, ipv6=True)).height <= MOST_ON_A_PAGE


class TestTheContent:
    def test_nothing_of_the_plan_is_missing(self, plan):
        shown = words([text for box in boxes_of(picture(plan)).values() for text in box])
        left_out = set(said(plan)) - shown
        if len(plan.port_set) > 63:
            left_out -= {str(ports) for ports in plan.port_set[2:-1]}
        assert not left_out

    def test_a_camera_is_told_what_to_dial(self, plan):
        shown = words(boxes_of(picture(plan))["internet"])
        assert {plan.hostname, str(plan.public_address or "dynamic")} <= shown
        for server in plan.servers:
            assert {str(ports) for ports in server.ftp_ports} <= shown

    def test_every_router_says_what_it_does(self, plan):
        boxes = boxes_of(picture(plan))
        for i, router in enumerate(plan.routers):
            # The port set is in the Internet's box already.
            own = replace(router, masquerade_ports=())
            assert set(said(replace(own, gateway=None))) <= words(boxes[f"router-{i}"])
            assert str(router.lan.network) in words(boxes[f"router-{i}"])

    def test_every_server_is_in_the_row_of_its_router(self, plan):
        boxes = {box.id: box for box in draw(plan).boxes}
        names = [router.name for router in plan.routers]
        for i, server in enumerate(plan.servers):
            at = names.index(server.behind)
            box, router = boxes[f"server-{i}"], boxes[f"router-{at}"]
            assert box.y >= router.y
            if f"router-{at + 1}" in boxes:
                assert box.bottom < boxes[f"router-{at + 1}"].y

    @pytest.mark.parametrize(
        ("name", "router", "mode", "manager"),
        [
            ("home", 0, "NAT, port forwards", "Debian"),
            ("by-hand", 0, "NAT, port forwards", "by hand"),
            ("openwrt", 0, "NAT, port forwards", "OpenWrt"),
            ("default-host", 0, "NAT, default host", "by hand"),
            ("routed", 1, "routed, no NAT", "Debian"),
            ("dmz", 1, "NAT, no port forwards", "Debian"),
            ("eight routers, all long", 7, "NAT, port forwards", "OpenWrt"),
        ],
    )
    def test_modes_and_managers_are_named(self, name, router, mode, manager):
        shown = boxes_of(picture(HOMES[name]))[f"router-{router}"]
        assert mode in shown
        assert shown[1].endswith(f", {manager}")

    def test_nothing_is_called_none_that_is_known_later(self, plan):
        assert "None" not in words(
            [text for box in boxes_of(picture(plan)).values() for text in box]
        )

    def test_it_says_who_follows_a_dynamic_address_and_who_updates_the_record(self):
        boxes = boxes_of(picture(home(managers=("linux",), **DUCKDNS)))
        dialled = boxes["internet"]
        i = dialled.index("which leads to")
        assert dialled[i + 1 : i + 4] == [
            "a dynamic address",
            "DNS record updated by",
            "server0, duckdns",
        ]
        router = boxes["router-0"]
        i = router.index("tells its WAN address")
        assert router[i + 1] == f"TCP\xa0{NOTICE_PORT} →\xa010.0.0.101"
        server = boxes["server-0"]
        i = server.index("follows the address")
        assert server[i + 1 :] == [
            f"told by 10.0.0.1 on\xa0TCP\xa0{NOTICE_PORT}",
            "asks two every 30\xa0s:",
            "checkip.amazonaws.com",
            "api.ipify.org",
            "ifconfig.me/ip",
            "updates the DNS record",
            "by duckdns",
        ]

    def test_a_record_that_a_router_updates_is_in_its_box(self):
        boxes = boxes_of(picture(HOMES["updated by a router"]))
        assert "router0, dyndns2" in boxes["internet"]
        i = boxes["router-0"].index("updates the DNS record")
        assert boxes["router-0"][i + 1 : i + 3] == ["by dyndns2", "updates-of-names.example.net"]
        assert "updates the DNS record" not in boxes["server-0"]

    def test_a_record_that_somebody_else_updates_is_said_to_be(self):
        svg = picture(home(public_address="dynamic", ddns={"updated_by": "none"}))
        assert "somebody else" in boxes_of(svg)["internet"]
        summary = ElementTree.fromstring(svg).findtext(f"{SVG}desc", "")
        assert "Its DNS record is updated by somebody else." in summary

    def test_a_camera_on_a_direct_link_does_not_dial_the_home_s_name(self):
        svg = picture(HOMES["direct"])
        boxes = boxes_of(svg)
        dials = " ".join(boxes["internet"]).partition("the camera dials")[2]
        assert dials.lstrip().startswith("the server on eth1")
        assert "PASV" not in boxes["server-0"]
        summary = ElementTree.fromstring(svg).findtext(f"{SVG}desc", "")
        assert "dials the server's address on eth1" in summary

    def test_other_services_that_get_in_are_named(self):
        gateway = boxes_of(picture(HOMES["everything said"]))["router-0"]
        assert "UDP\xa051820, 60000-61000; TCP\xa08443" in gateway

    def test_a_home_is_drawn_where_it_is_protected_or_where_somebody_in_it_is_reached(self, plan):
        servers = {server.address for server in plan.servers}
        reached = {access.host for server in plan.servers for access in server.may_open} - servers
        boxes = boxes_of(picture(plan))
        for i, router in enumerate(plan.routers):
            here = {str(host) for host in reached if host in router.lan.network}
            protected = router == plan.routers[-1] and not plan.servers_behind(router)
            assert (f"home-{i}" in boxes) == (protected or bool(here))
            assert here <= words(boxes.get(f"home-{i}", []))

    def test_everything_is_drawn_in_the_lan_that_holds_its_address(self, plan):
        rows = {box.id: box for box in draw(plan).boxes}
        for id, said in boxes_of(picture(plan)).items():
            kind, _, _ = id.partition("-")
            if kind not in ("server", "home"):
                continue
            # After an arrow stands who is reached, who may be elsewhere seen from a server.
            own = said[2:3] if kind == "server" else [text for text in said if "→" in text]
            hosts = {IPv4Address(a) for text in own for a in re.findall(r"\d+(?:\.\d+){3}", text)}
            for i, router in enumerate(plan.routers):
                below = rows[f"router-{i + 1}"].y if f"router-{i + 1}" in rows else None
                in_row = rows[id].y >= rows[f"router-{i}"].y and (
                    below is None or rows[id].bottom < below
                )
                assert all(host in router.lan.network for host in hosts) or not in_row, id

    def test_a_server_names_who_else_may_open_its_services(self):
        boxes = boxes_of(picture(HOMES["may open a server"]))
        assert boxes["server-1"][-3:] == [
            "accept rules",
            "TCP\xa022, 873 →\xa010.0.1.102",
            "only from 10.0.0.101",
        ]
        assert boxes["home-2"][2:] == [
            "server0 may open inwards",
            "TCP\xa02049 →\xa010.0.2.20",
            "dialled as 10.0.0.2",
            "server1 may open inwards",
            "nothing",
        ]

    def test_what_a_router_forwards_to_others_already_is_named(self):
        box = boxes_of(picture(HOMES["everything said"]))["router-0"]
        i = box.index("other forwards")
        assert box[i + 1] == "TCP\xa0443; UDP\xa027000-27015"

    def test_a_server_that_may_open_nothing_says_so(self):
        assert boxes_of(picture(HOMES["dmz"]))["home-1"] == [
            "home",
            "behind gateway",
            "darkroom may open inwards",
            "nothing",
        ]
        outer = boxes_of(picture(HOMES["a server in every LAN"]))["server-0"]
        assert outer[-2:] == ["may open inwards", "nothing"]

    def test_what_a_server_may_open_is_listed_exactly(self):
        boxes = boxes_of(picture(HOMES["may open"]))
        assert boxes["home-1"][2:] == [
            "server0 may open inwards",
            "TCP\xa022, 445; UDP\xa060000-61000 →\xa010.0.1.20",
            "dialled as 10.0.0.2",
        ]
        assert boxes["home-2"][2:] == [
            "server0 may open inwards",
            "TCP\xa02049 →\xa010.0.2.20",
            "dialled as 10.0.0.2",
        ]
        beside = boxes_of(picture(HOMES["may open beside a server"]))
        assert "TCP\xa02049 →\xa010.0.2.20" in beside["home-2"]
        assert "nothing" not in beside["server-0"]

    def test_the_ports_of_a_shared_address_are_listed(self):
        for name in ("map-e", "many ports"):
            plan = HOMES[name]
            shown = words(boxes_of(picture(plan))["internet"])
            assert {str(ports) for ports in plan.port_set} <= shown

    def test_more_ranges_than_anybody_reads_are_counted(self):
        plan = HOMES["too many ports"]
        shown = " ".join(boxes_of(picture(plan))["internet"])
        assert f"{plan.port_set[0]} {plan.port_set[1]} … {plan.port_set[-1]}" in shown
        assert f"{len(plan.port_set)} ranges" in shown


class TestTheWayOfACamera:
    def test_ends_at_the_server_of_a_dmz(self):
        ways = {(way.start, way.end): way.camera for way in draw(HOMES["dmz"]).connectors}
        assert ways == {
            ("internet", "router-0"): True,
            ("router-0", "server-0"): True,
            ("router-0", "router-1"): False,
            ("router-1", "home-1"): False,
        }

    def test_leads_to_every_server_unless_that_has_a_direct_link(self, plan):
        ways = {way.end: way for way in draw(plan).connectors}
        for i, server in enumerate(plan.servers):
            way = ways[f"server-{i}"]
            while way.start != "internet":
                assert way.camera == (not server.only_on)
                way = ways[way.start]
            assert way.camera == (not server.only_on)

    def test_is_in_no_picture_of_a_direct_link(self):
        drawn = draw(HOMES["direct"])
        assert "camera" not in {icon for box in drawn.boxes for icon, *_ in box.icons}
        assert boxes_of(picture(HOMES["direct"]))["key"] == ["no cameras"]

    def test_differs_by_more_than_its_colour(self):
        svg = picture(HOMES["dmz"])
        assert 'stroke-width="3"' in svg
        assert "stroke-dasharray" in svg

    @pytest.mark.parametrize(
        ("name", "key"),
        [("home", ["camera connections"]), ("dmz", ["camera connections", "no cameras"])],
    )
    def test_is_explained_by_a_key_of_what_is_there(self, name, key):
        assert boxes_of(picture(HOMES[name]))["key"] == key


class TestTheWayOfPhotos:
    """Each delivery has an arrow that ends where its photos do."""

    def ways(self, name: str) -> dict[tuple[str, str], tuple[bool, bool]]:
        drawn = draw(HOMES[name]).connectors
        return {(way.start, way.end): (way.camera, way.photos) for way in drawn}

    def test_leads_to_whoever_fetches(self):
        ways = self.ways("fetch")
        assert ways["router-0", "router-1"] == ways["router-1", "peer-nas"] == (False, True)
        assert ways["router-1", "home-1"] == (False, False)

    def test_leads_to_whom_a_server_sends_them(self):
        assert self.ways("push")["router-1", "peer-desk"] == (False, True)

    def test_leads_to_the_home_that_has_a_share(self):
        assert self.ways("share")["router-0", "peer_share-0"] == (False, True)
        assert boxes_of(picture(HOMES["share"]))["peer_share-0"] == [
            "home",
            "sees photos",
            "share of darkroom",
            "SMB, to read",
        ]

    def test_leads_out_to_the_internet(self):
        ways = self.ways("photos go everywhere")
        assert {end for start, end in ways if start == "router-0"} >= {"peer-cloud", "peer-bucket"}
        assert {end for (_, end), (_, photos) in ways.items() if photos} == {
            "peer-a-computer-in-the-attic-fetches",
            *("peer-desk", "peer-office", "peer-cloud", "peer-bucket", "router-2"),
            *("peer_share-0", "peer_share-1"),
        }

    def test_every_delivery_has_a_box_in_the_row_of_its_lan(self, plan):
        boxes = {box.id: box for box in draw(plan).boxes}
        homes = [(f.name, f.address) for f in plan.fetchers]
        homes += [(p.name, p.home_address) for s in plan.servers for p in s.pushes]
        for name, address in homes:
            rows = [i for i, r in enumerate(plan.routers) if address and address in r.lan.network]
            for i in rows:
                assert boxes[f"peer-{name}"].y >= boxes[f"router-{i}"].y
            if not rows:
                assert boxes[f"peer-{name}"].x == boxes["internet"].x

    def test_is_explained_by_the_key(self):
        assert "photos from the library" in boxes_of(picture(HOMES["fetch"]))["key"]

    def test_differs_by_more_than_its_colour(self):
        assert 'stroke-width="2" stroke-dasharray="2 3"' in picture(HOMES["push"])


class TestTheLayout:
    """Computed with the widest of the common monospace fonts."""

    def test_fits_every_home(self, plan):
        judge(draw(plan))

    @given(plans)
    def test_fits_random_homes(self, plan):
        judge(draw(plan))


def rectangles(text: Text) -> Iterator[Rectangle]:
    """What each line of a text takes."""
    for i, line in enumerate(text.lines):
        top = text.y + i * text.leading
        width = len(line.rstrip()) * text.size * EM_PER_CHARACTER
        yield (text.x, top, text.x + width, top + text.leading)


def overlap(one: Rectangle, other: Rectangle) -> bool:
    """Whether they share more than an edge."""
    return (
        min(one[2], other[2]) - max(one[0], other[0]) > 0.01
        and min(one[3], other[3]) - max(one[1], other[1]) > 0.01
    )


def judge(drawing: Drawing) -> None:
    """Fail on anything that lies on something else, or outside of where it belongs."""
    frames = {box.id: (box.x, box.y, box.right, box.bottom) for box in drawing.boxes}
    assert len(frames) == len(drawing.boxes)
    for (one, a), (other, b) in combinations(frames.items(), 2):
        assert not overlap(a, b), (one, other)
    for left, top, right, bottom in frames.values():
        assert left >= 0 and top >= 0 and right <= WIDTH and bottom <= drawing.height
    for box in drawing.boxes:
        lines = [line for text in box.texts for line in rectangles(text)]
        for left, top, right, bottom in lines:
            assert left > box.x and top > box.y and right < box.right and bottom < box.bottom
        for a, b in combinations(lines, 2):
            assert not overlap(a, b), box.id
        for text in box.texts:
            assert max(len(line.rstrip()) for line in text.lines) <= LONGEST_LINE
    free = [line for text in (drawing.title, *drawing.labels) for line in rectangles(text)]
    for a, b in combinations(free, 2):
        assert not overlap(a, b)
    for line in free:
        assert line[2] <= WIDTH
        assert not any(overlap(line, frame) for frame in frames.values()), line
    for way in drawing.connectors:
        xs, ys = zip(*way.head, strict=True)
        head = (min(xs), min(ys), max(xs), max(ys))
        assert not any(overlap(head, frame) for frame in frames.values()), way
        for (x, y), (u, v) in pairwise(way.points):
            assert x == u or y == v, way
            piece = (min(x, u) - 1.5, min(y, v) - 1.5, max(x, u) + 1.5, max(y, v) + 1.5)
            thin = (min(x, u), min(y, v), max(x, u) + 0.1, max(y, v) + 0.1)
            assert not any(overlap(piece, line) for line in free), way
            for id, (left, top, right, bottom) in frames.items():
                # Its own boxes it may touch.
                inset = 1 if id in (way.start, way.end) else 0
                inner = (left + inset, top + inset, right - inset, bottom - inset)
                assert not overlap(thin, inner), (way, id)


class TestWrapping:
    @given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=200))
    def test_loses_nothing_and_keeps_the_limit(self, text):
        lines = wrap(text, 20)
        assert "".join(lines) == re.sub(" +", " ", text).strip(" ")
        assert max(len(line.rstrip(" ")) for line in lines) <= 20

    @pytest.mark.parametrize(
        ("text", "lines"),
        [
            ("TCP\xa021, 50000-50199; UDP\xa053", ["TCP\xa021, ", "50000-50199; ", "UDP\xa053"]),
            ("photos.example.net", ["photos.example.", "net"]),
            ("2001:db8:100:2::10/64", ["2001:db8:100:", "2::10/64"]),
            ("2001:db8:1234:a::10", ["2001:db8:1234:", "a::10"]),
            ("2001:db8:12345::10", ["2001:db8:", "12345::10"]),
            ("2001:db8:1234::10", ["2001:db8:", "1234::10"]),
            ("abcdefghijklmnopqrstuvwxyz", ["abcdefghijklmno", "pqrstuvwxyz"]),
            ("  a \n b\x00 ", ["a b\N{REPLACEMENT CHARACTER}"]),
            ("", [""]),
        ],
    )
    def test_breaks_where_a_reader_does_not_mind(self, text, lines):
        assert list(wrap(text, 15)) == lines
