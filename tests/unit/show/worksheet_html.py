"""Read a worksheet back from its HTML, as a person reads it from paper."""

from __future__ import annotations

from html.parser import HTMLParser

from hotshoe.plan.manual_setup import Menu, Row


def parse(html: str) -> dict[str, tuple[Row, ...]]:
    """The rows of each router, in the order of the pages."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    return {router: tuple(rows) for router, rows in parser.pages.items()}


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, list[Row]] = {}
        self._text: list[str] = []
        self._router = self._menu = ""
        self._labels: list[str] = []
        self._cells: list[str] = []
        self._aside = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in ("h1", "h2", "th", "td"):
            self._text = []
        if tag == "h2" or tag == "table":
            # What is not a menu, and what a person fills in, is no row.
            self._aside = dict(attributes).get("class") in ("aside", "yours")
        if tag == "thead":
            self._labels = []
        if tag == "tr":
            self._cells = []

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        text = "".join(self._text).strip()
        if self._aside and tag != "h1":
            return
        if tag == "h1":
            self._router = text
            self.pages[text] = []
        elif tag == "h2":
            self._menu = text
        elif tag == "th":
            self._labels.append(text)
        elif tag == "td":
            self._cells.append(text)
        elif tag == "tr" and self._cells:
            # The first column is the box to tick.
            assert self._labels[0] == "done"
            assert self._cells[0] == ""
            fields = zip(self._labels[1:], self._cells[1:], strict=True)
            self.pages[self._router].append(Row(Menu(self._menu), tuple(fields)))
