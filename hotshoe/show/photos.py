"""What has come in on servers, as a person reads it on a terminal.

Names, paths and reasons are never taken for markup, and what cannot be printed in them is escaped:
whoever knows a camera's password chooses the names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from hotshoe import paths
from hotshoe.errors import escaped
from hotshoe.remote.events import Event, Kind
from hotshoe.remote.photos import Lately

# What is said of an event in a table, and when it happens.
_STATES = {
    Kind.ARRIVING: ("arriving", "begins"),
    Kind.LIBRARY: ("in the library", "safe"),
    Kind.COPY: ("was there already", "safe"),
    Kind.INCOMPLETE: ("incomplete", "incomplete"),
    Kind.UNPROVEN: ("unproven", "unproven"),
    Kind.REMOVED: ("removed", "removed"),
    Kind.FULL: ("full", "full"),
    Kind.ROOM: ("room again", "room again"),
}
_STYLES = {
    Kind.LIBRARY: "green",
    Kind.COPY: "green",
    Kind.INCOMPLETE: "red",
    Kind.UNPROVEN: "yellow",
    Kind.FULL: "red",
}
_GONE = {Kind.LIBRARY: "moved or removed", Kind.COPY: "moved or removed"}
_EVENT_WIDTH = max(len(now) for _, now in _STATES.values())


def table(server: str, lately: Lately) -> Iterator[RenderableType]:
    """What has come in on a server, the latest last."""
    yield Text.assemble((server, "bold"), (f" (places are below {paths.PHOTOS})", "dim"))
    if not lately.events and not lately.arriving:
        yield Text("Nothing has come in.")
        return
    rows = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    rows.add_column("time", no_wrap=True)
    rows.add_column("camera", overflow="fold")
    rows.add_column("name", overflow="fold")
    rows.add_column("size", justify="right", no_wrap=True)
    rows.add_column("state", overflow="fold")
    rows.add_column("where it is now, and why", overflow="fold")
    for event in (*lately.events, *lately.arriving):
        rows.add_row(
            f"{event.at:%Y-%m-%d %H:%M:%S}",
            Text(escaped(event.camera)),
            Text(escaped(event.name)),
            _size(event),
            *_now(event, lately.present),
        )
    yield rows


def _now(event: Event, present: frozenset[str]) -> tuple[Text, Text]:
    """The state of a photo, and where it is."""
    state, _ = _STATES[event.kind]
    place = escaped(event.place)
    is_gone = event.path and event.path not in present and event.kind is not Kind.ARRIVING
    if event.kind is Kind.REMOVED or not event.path:
        return Text(state, _STYLES.get(event.kind, "")), Text(escaped(event.reason))
    if is_gone and event.kind in _GONE:
        return Text(_GONE[event.kind], "yellow"), Text(f"was {place}", "dim")
    where = f"{place} (no longer there)" if is_gone else place
    why = f"\n{escaped(event.reason)}" if event.reason else ""
    return Text(state, _STYLES.get(event.kind, "")), Text(f"{where}{why}")


def line(server: str, event: Event, servers: Sequence[str]) -> Text:
    """An event as it happens, in one line.

    :param servers: all that are watched; with one, its name is not told
    """
    _, state = _STATES[event.kind]
    words = [f"{event.at:%H:%M:%S}"]
    if len(servers) > 1:
        words.append(server.ljust(max(map(len, servers))))
    words.append(escaped(event.camera) or "all cameras")
    about = [escaped(event.name), _size(event), escaped(event.place), escaped(event.reason)]
    if event.kind is Kind.ARRIVING:
        about = about[:1]
    return Text.assemble(
        "  ".join(words) + "  ",
        (state.ljust(_EVENT_WIDTH), _STYLES.get(event.kind, "")),
        "".join(f"  {each}" for each in about if each),
    )


def _size(event: Event) -> str:
    return "" if event.size is None else decimal(event.size)
