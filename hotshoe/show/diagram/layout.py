"""The picture of a home, as an SVG document.

Three columns: the Internet, the routers from outside inwards, and the devices in each router's LAN.
A row is one router with its LAN, so no connector has to pass another row's boxes. The text of the
boxes is in :mod:`hotshoe.show.diagram.content`.

At its natural size the drawing is as wide as an A4 page between margins of a centimetre, with text
of 9 points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from hotshoe.plan.model import Plan, RouterPlan
from hotshoe.render import render
from hotshoe.show.diagram import content
from hotshoe.show.diagram.content import BoxContent
from hotshoe.show.diagram.paragraphs import Paragraph
from hotshoe.show.diagram.shapes import EM_PER_CHARACTER, Box, Connector, Point, Text
from hotshoe.show.diagram.text import writable

WIDTH = 718
# What a page of A4 holds at that width, and what it still holds with text of 6.5 points or more.
PAGE_HEIGHT, MOST_ON_A_PAGE = 1046, 1320
_MARGIN = 3
# The left edges and widths of the three columns; connectors run in the gaps between them.
_INTERNET, _ROUTERS, _LANS = (_MARGIN, 192), (249, 208), (523, 192)
# How far into a gap a connector may turn; a label has its place before that.
_TURN = 55
_BETWEEN_ROWS, _BETWEEN_BOXES = 42, 14

_PADDING, _INDENT, _ICON, _CAMERA = 8, 6, 24, 18
# A label of four letters and a space.
_LABEL = 5 * 12 * EM_PER_CHARACTER
_KEY_SAMPLE = 40
_HOME, _PEER = "home", "peer"
# Where a way back out to the Internet turns, in the gap between the first two columns.
_TURN_OUT = 222

_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))  # RFC 1918


@dataclass(frozen=True)
class Drawing:
    """The picture: everything that it shows, with its place.

    :param title: what it is of
    :param height: how tall it is
    :param boxes: the Internet, routers, servers, what else servers reach in a LAN, the key
    :param connectors: between them
    :param labels: what stands beside connectors
    :param samples: the lines that the key explains
    """

    title: Text
    height: float
    boxes: tuple[Box, ...]
    connectors: tuple[Connector, ...]
    labels: tuple[Text, ...]
    samples: tuple[Connector, ...]


def picture(plan: Plan) -> str:
    """Draw a home.

    :param plan: any Plan
    :returns: a complete SVG document; the same for the same Plan, to the byte
    """
    drawing = draw(plan)
    return render(
        "diagram/home.svg.j2",
        drawing=drawing,
        width=WIDTH,
        one_page=drawing.height <= MOST_ON_A_PAGE,
        title=writable(f"The way from the Internet to {plan.hostname}"),
        summary=writable(content.summary(plan)),
    )


def draw(plan: Plan) -> Drawing:
    """Place everything that the picture of a home shows.

    :param plan: any Plan
    """
    title = Text.wrapped(
        f"The way to {plan.hostname}", "title", _MARGIN, _MARGIN, WIDTH - 2 * _MARGIN
    )
    top = title.bottom + 12
    internet = _box("internet", content.internet_box(plan), _INTERNET, top)
    boxes = [internet]
    connectors: list[Connector] = []
    labels: list[Text] = []
    outside, y = internet, top
    for i, router in enumerate(plan.routers):
        box = _box(f"router-{i}", content.router_box(plan, i), _ROUTERS, y)
        inside = _stacked(_boxes_behind(plan, router), box)
        connector_in, label = _connector_in(outside, box, plan, i)
        connectors_out, labels_out = _connectors_out(
            box, inside, _kind_of_lan(router), direct=any(s.only_on for s in plan.servers)
        )
        boxes += [box, *inside]
        connectors += [connector_in, *connectors_out]
        labels += [label, *labels_out]
        outside, y = box, max(part.bottom for part in (box, *inside)) + _BETWEEN_ROWS
    away = [*_away(plan, internet.bottom + _BETWEEN_BOXES)]
    connectors += [_connector_away(boxes[1], box) for box in away]
    key, samples = _key([internet, *away][-1].bottom + _BETWEEN_BOXES, connectors)
    boxes += [*away, key]
    return Drawing(
        title=title,
        height=max(box.bottom for box in boxes) + _MARGIN,
        boxes=tuple(boxes),
        connectors=tuple(connectors),
        labels=tuple(labels),
        samples=samples,
    )


# -- boxes


def _box(id: str, text: BoxContent, column: tuple[float, float], y: float) -> Box:
    """A box that is as tall as its text."""
    x, width = column
    left, room = x + _PADDING, width - 2 * _PADDING
    title = Text.wrapped(text.title, "title", left + _ICON, y + 5, room - _ICON)
    subtitle = Text.wrapped(text.subtitle, "quiet", left, title.bottom, room)
    body = tuple(_texts(text.body, left, room, subtitle.bottom + 9))
    bottom = body[-1].bottom + 6
    foot = tuple(_texts(text.network, left, room, bottom + 4))
    end = foot[-1].bottom + 4 if foot else bottom
    texts = (title, subtitle, *body, *foot)
    icons: list[tuple[str, float, float]] = [(text.icon, left, y + 6)]
    if text.camera:
        icons.append(("camera", left + room - _CAMERA, y + 6))
    head = subtitle.bottom + 4
    return Box(id, tuple(icons), x, y, width, end - y, head - y, end - bottom, texts)


def _texts(paragraphs: Sequence[Paragraph], x: float, room: float, y: float) -> Iterator[Text]:
    """Paragraphs, one below the other."""
    indent = 0
    for paragraph in paragraphs:
        if paragraph.kind == "heading":
            indent = _INDENT
            text = Text.wrapped(paragraph.text, "heading", x, y + 4, room)
        elif paragraph.kind == "purpose":
            text = Text.wrapped(paragraph.text, "quiet", x + indent, y + 2, room - indent)
        elif paragraph.label is not None:
            if paragraph.label:
                yield Text(x, y, "quiet", (paragraph.label,))
            text = Text.wrapped(paragraph.text, "plain", x + _LABEL, y, room - _LABEL)
        else:
            text = Text.wrapped(paragraph.text, "plain", x + indent, y, room - indent)
        yield text
        y = text.bottom


def _boxes_behind(plan: Plan, router: RouterPlan) -> Iterator[Box]:
    """The boxes of a router's LAN, as if at the top of the drawing."""
    for i, server in enumerate(plan.servers):
        if server.behind == router.name:
            yield _box(f"server-{i}", content.server_box(plan, server), _LANS, 0)
            if share := content.share_box(server):
                yield _box(f"{_PEER}_share-{i}", share, _LANS, 0)
    for fetcher in plan.fetchers_behind(router):
        yield _box(f"{_PEER}-{fetcher.name}", content.fetcher_box(fetcher), _LANS, 0)
    for server in plan.servers:
        for push in server.pushes:
            if push.home_address and push.home_address in router.lan.network:
                yield _box(f"{_PEER}-{push.name}", content.peer_box(server, push), _LANS, 0)
    if home := content.home_box(plan, router):
        yield _box(f"{_HOME}-{plan.routers.index(router)}", home, _LANS, 0)


def _away(plan: Plan, y: float) -> Iterator[Box]:
    """The boxes of places on the Internet that photos go to, below that of the Internet."""
    for server in plan.servers:
        for push in server.pushes:
            if push.home_address is None:
                box = _box(f"{_PEER}-{push.name}", content.peer_box(server, push), _INTERNET, y)
                yield box
                y = box.bottom + _BETWEEN_BOXES


def _stacked(boxes: Iterator[Box], router: Box) -> list[Box]:
    """Boxes below each other, the last one beside the lower edge of its router if there is room."""
    stack, y = [], 0.0
    for box in boxes:
        stack.append(box.moved_down(y))
        y = stack[-1].bottom + _BETWEEN_BOXES
    start = router.y + max(0, router.height - stack[-1].bottom) if stack else 0
    return [box.moved_down(start) for box in stack]


# -- connectors


def _connector_in(outside: Box, router: Box, plan: Plan, i: int) -> tuple[Connector, Text]:
    """The connector from the Internet, or from the next router outside, and its label."""
    camera = any(not server.only_on for server in plan.servers_through(plan.routers[i]))
    photos = _leads_inwards(plan, i)
    points: tuple[Point, ...]
    if i == 0:
        y = router.y + router.head / 2
        points, name = ((outside.right, y), (router.x, y)), "public"
        label = _above(outside.right, y, name)
    else:
        x = router.x + router.width / 2
        points, name = ((x, outside.bottom), (x, router.y)), _kind_of_lan(plan.routers[i - 1])
        label = Text(x + 10, router.y - _BETWEEN_ROWS / 2 - 8, "label", (name,))
    return Connector(outside.id, router.id, points, camera, photos and not camera), label


def _leads_inwards(plan: Plan, i: int) -> bool:
    """Whether photos of a server outside of router i go to a computer inside of it."""
    names = [router.name for router in plan.routers]
    inner = plan.routers[i:]
    for server in plan.servers:
        if names.index(server.behind) >= i:
            continue
        places = [push.home_address for push in server.pushes]
        places += [f.address for f in plan.fetchers if f.server == server.name and not f.removed]
        if any(place in router.lan.network for place in places if place for router in inner):
            return True
    return False


def _connector_away(router: Box, away: Box) -> Connector:
    """The connector from the outermost router to a place on the Internet."""
    y, end = router.bottom - router.foot / 2, away.y + away.head / 2
    points = ((router.x, y), (_TURN_OUT, y), (_TURN_OUT, end), (away.right, end))
    return Connector(router.id, away.id, points, camera=False, photos=True)


def _connectors_out(
    router: Box, inside: Sequence[Box], name: str, *, direct: bool
) -> tuple[list[Connector], list[Text]]:
    """The connectors into a router's LAN, and their label."""
    y, turn = router.bottom - router.foot / 2, router.right + _TURN
    connectors = []
    for box in inside:
        beside_its_name = box.y + box.head / 2
        # One alone reaches down to the lower edge of the router, or further: straight on it is.
        rest: tuple[Point, ...] = ((box.x, y),)
        if len(inside) > 1:
            rest = ((turn, y), (turn, beside_its_name), (box.x, beside_its_name))
        photos = box.id.startswith(_PEER)
        camera = not (direct or photos or box.id.startswith(_HOME))
        points = ((router.right, y), *rest)
        if box.id.startswith(_HOME) and len(inside) > 1:
            # It leaves the way of photos where that ends: two kinds of dots make a third.
            heads = [each.y + each.head / 2 for each in inside if each.id.startswith(_PEER)]
            if heads:
                points = ((turn, max(y, *heads)), *points[2:])
        connectors.append(Connector(router.id, box.id, points, camera, photos))
    return connectors, [_above(router.right, y, name)] if inside else []


def _above(x: float, y: float, name: str) -> Text:
    """A label above a connector that begins there."""
    return Text(x + 2, y - 20, "label", (name,))


def _kind_of_lan(router: RouterPlan) -> str:
    """The label of a router's LAN: whether its addresses are private."""
    lan = router.lan.network
    return "private" if any(lan.subnet_of(block) for block in _PRIVATE) else "LAN"


# -- the key


def _key(y: float, connectors: Sequence[Connector]) -> tuple[Box, tuple[Connector, ...]]:
    """What the lines mean; only those that are drawn."""
    x, width = _INTERNET
    left = x + _PADDING
    texts: list[Text] = []
    samples = []
    bottom = y + 5
    for camera, photos, meaning in (
        (True, False, "camera connections"),
        (False, True, "photos from the library"),
        (False, False, "no cameras"),
    ):
        if any((each.camera, each.photos) == (camera, photos) for each in connectors):
            text = Text.wrapped(
                meaning, "plain", left + _KEY_SAMPLE, bottom, width - 2 * _PADDING - _KEY_SAMPLE
            )
            line = text.y + text.leading / 2
            points = ((left, line), (left + _KEY_SAMPLE - 8, line))
            samples.append(Connector("key", "key", points, camera, photos))
            texts.append(text)
            bottom = text.bottom
    return Box("key", (), x, y, width, bottom + 5 - y, 0, 0, tuple(texts)), tuple(samples)
