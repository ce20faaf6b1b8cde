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

# What is said of an event when it happens.
_NOW = {
    Kind.ARRIVING: "begins",
    Kind.LIBRARY: "safe",
    Kind.COPY: "safe",
    Kind.INCOMPLETE: "incomplete",
    Kind.UNPROVEN: "unproven",
    Kind.REMOVED: "removed",
    Kind.FULL: "full",
    Kind.ROOM: "room again",
}
_STYLES = {
    Kind.LIBRARY: "green",
    Kind.COPY: "green",
    Kind.INCOMPLETE: "red",
    Kind.UNPROVEN: "yellow",
    Kind.FULL: "red",
}
_NOW_WIDTH = max(map(len, _NOW.values()))
_NAME_WIDTH = 30


def table(server: str, lately: Lately) -> Iterator[RenderableType]:
    """What has come in on a server, the latest last."""
    yield Text.assemble((server, "bold"), (f" (folders are below {paths.PHOTOS})", "dim"))
    if not lately.events and not lately.arriving:
        yield Text("Nothing has come in.")
        return
    rows = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    rows.add_column("time", no_wrap=True)
    rows.add_column("camera", overflow="fold")
    rows.add_column("name", overflow="fold", max_width=_NAME_WIDTH)
    rows.add_column("size", justify="right", no_wrap=True)
    rows.add_column("where it is now", overflow="fold", ratio=1)
    for event in (*lately.events, *lately.arriving):
        rows.add_row(
            f"{event.at:%Y-%m-%d %H:%M:%S}",
            Text(escaped(event.camera)),
            Text(escaped(event.name)),
            _size(event),
            _where(event, lately.present),
        )
    yield rows


def _where(event: Event, present: frozenset[str]) -> Text:
    """Where a photo is now, and what is the matter with it."""
    is_gone = bool(event.path) and event.path not in present
    style = _STYLES.get(event.kind, "")
    match event.kind:
        case Kind.ARRIVING:
            return Text("on its way")
        case Kind.LIBRARY if is_gone:
            return Text(f"moved or removed; was in {_place(event)}", "yellow")
        case Kind.COPY if is_gone:
            return Text(f"moved or removed; was there already: {_place(event)}", "yellow")
        case Kind.LIBRARY:
            return Text(_place(event), style)
        case Kind.COPY:
            return Text(f"was there already: {_place(event)}", style)
    said = [_NOW[event.kind], escaped(event.reason)]
    text = ": ".join(each for each in said if each)
    if event.path:
        text += f"; {'was' if is_gone else 'kept'} in {_place(event)}"
    return Text(text, style)


def _place(event: Event) -> str:
    """The folder that a photo is in; its path if it has another name there."""
    place = event.path.removeprefix(f"{paths.PHOTOS}/")
    folder, _, name = place.rpartition("/")
    return escaped(folder if name == event.name else place)


def line(server: str, event: Event, servers: Sequence[str]) -> Text:
    """An event as it happens, in one line.

    :param servers: all that are watched; with one, its name is not told
    """
    words = [f"{event.at:%H:%M:%S}"]
    if len(servers) > 1:
        words.append(server.ljust(max(map(len, servers))))
    words.append(escaped(event.camera) or "all cameras")
    about = [escaped(event.name), _size(event), _place(event), escaped(event.reason)]
    return Text.assemble(
        "  ".join(words) + "  ",
        (_NOW[event.kind].ljust(_NOW_WIDTH), _STYLES.get(event.kind, "")),
        "".join(f"  {each}" for each in about if each),
    )


def _size(event: Event) -> str:
    return "" if event.size is None else decimal(event.size)
