"""The shapes of the picture of a home: texts, boxes, and connectors between them.

The numbers are units of the drawing, 96 of which make an inch in print.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from hotshoe.show.diagram.text import wrap

Kind = Literal["title", "plain", "quiet", "heading", "label"]
Point = tuple[float, float]

# No common monospace font is wider than 0.602 em.
EM_PER_CHARACTER = 0.61
_SIZES: dict[Kind, float] = {"title": 14, "plain": 12, "quiet": 12, "heading": 11, "label": 11}
_LEADING, _TITLE_LEADING = 15, 18
_ARROW = 9
_CORNER = 4


@dataclass(frozen=True)
class Text:
    """A paragraph.

    :param x: where its lines begin
    :param y: its upper edge
    :param kind: what it looks like
    :param lines: joined they are the paragraph
    """

    x: float
    y: float
    kind: Kind
    lines: tuple[str, ...]

    @classmethod
    def wrapped(cls, text: str, kind: Kind, x: float, y: float, width: float) -> Text:
        """Text, wrapped into lines.

        :param width: of the space that it has
        """
        return cls(x, y, kind, wrap(text, int(width / _SIZES[kind] / EM_PER_CHARACTER)))

    @property
    def size(self) -> float:
        """The size of its font."""
        return _SIZES[self.kind]

    @property
    def leading(self) -> int:
        """From one line to the next."""
        return _TITLE_LEADING if self.kind == "title" else _LEADING

    @property
    def baselines(self) -> tuple[float, ...]:
        """Where each of its lines stands."""
        # Three quarters of what a font takes are above its baseline.
        first = self.y + self.leading / 2 + self.size / 3
        return tuple(round(first + i * self.leading, 1) for i in range(len(self.lines)))

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.leading * len(self.lines)


@dataclass(frozen=True)
class Box:
    """A box with text.

    :param id: its name in the drawing
    :param icons: the kind of device, each with its left and upper edge
    :param x: its left edge
    :param y: its upper edge
    :param width: its width
    :param height: its height
    :param head: the height of its upper band, with title and subtitle
    :param foot: the height of its lower band, with the network inside
    :param texts: its texts
    """

    id: str
    icons: tuple[tuple[str, float, float], ...]
    x: float
    y: float
    width: float
    height: float
    head: float
    foot: float
    texts: tuple[Text, ...]

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    @property
    def bands(self) -> tuple[str, ...]:
        """The outlines of the upper and the lower band, in SVG's language for paths."""
        x, c, across = f"{self.x:g}", _CORNER, f"{self.width - 2 * _CORNER:g}"
        head, foot = f"{self.y + self.head:g}", f"{self.bottom - self.foot:g}"
        upper = f"M{x} {head}V{self.y + c:g}q0-{c} {c}-{c}h{across}q{c} 0 {c} {c}V{head}z"
        lower = f"M{x} {foot}V{self.bottom - c:g}q0 {c} {c} {c}h{across}q{c} 0 {c}-{c}V{foot}z"
        return (*([upper] if self.head else []), *([lower] if self.foot else []))

    def moved_down(self, by: float) -> Box:
        """The same box further down.

        :param by: how much further
        """
        icons = tuple((name, x, y + by) for name, x, y in self.icons)
        texts = tuple(replace(text, y=text.y + by) for text in self.texts)
        return replace(self, y=self.y + by, icons=icons, texts=texts)


@dataclass(frozen=True)
class Connector:
    """A line with an arrow head, of horizontal and vertical pieces.

    :param start: the box that it leaves
    :param end: the box that it points at
    :param points: where it begins, turns and ends
    :param camera: whether cameras' connections take it
    :param photos: whether photos take it out of the library
    """

    start: str
    end: str
    points: tuple[Point, ...]
    camera: bool
    photos: bool = False

    @property
    def shaft(self) -> tuple[Point, ...]:
        """The line, which ends where the arrow head begins."""
        before, (x, y) = self.points[-2:]
        back = _ARROW if before < (x, y) else -_ARROW
        return (*self.points[:-1], (x - back, y) if y == before[1] else (x, y - back))

    @property
    def head(self) -> tuple[Point, Point, Point]:
        """The corners of the arrow head."""
        (x, y), (u, v) = self.points[-1], self.shaft[-1]
        across, along = (0.0, _ARROW / 2) if v == y else (_ARROW / 2, 0.0)
        return ((x, y), (u - across, v - along), (u + across, v + along))
