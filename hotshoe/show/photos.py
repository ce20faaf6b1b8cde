"""What has come in on servers, as a person reads it on a terminal.

Names, paths and reasons are never taken for markup, and what cannot be printed in them is escaped:
whoever knows a camera's password chooses the names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from hotshoe import paths
from hotshoe.errors import escaped
from hotshoe.remote.deliveries import NONE, Deliveries, Destination, PhotoDeliveries
from hotshoe.remote.events import Event, Kind
from hotshoe.remote.photos import Lately
from hotshoe.remote.ssh import RemoteError

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
_TIME = "%Y-%m-%d %H:%M:%S"
# In columns of a terminal: from where on a row is one line as a rule, from where on it is cut
# nowhere but between words and folders; a day, and a name such as IMG_0001.JPG.
_WIDE, _NARROWEST = 100, 60
_DAY, _USUAL_NAME = 10, 12


def table(server: str, lately: Lately) -> Iterator[RenderableType]:
    """What has come in on a server, the latest last, and how its deliveries go."""
    yield Text.assemble((server, "bold"), (f" (folders are below {paths.PHOTOS})", "dim"))
    told = NONE if isinstance(lately.deliveries, RemoteError) else lately.deliveries
    if lately.events or lately.arriving:
        yield _Rows(lately, told)
    else:
        yield Text("Nothing has come in.")
    if not told.running:
        yield Text("hotshoe-delivery does not run there: journalctl -u hotshoe-delivery", "red")
    for destination in told.destinations:
        yield _destination(destination)
    if told.retention_error:
        yield Text(f"retention: {escaped(told.retention_error)}", "yellow")


@dataclass(frozen=True)
class _Rows:
    """A row for each event and each upload that is under way, as wide as the terminal."""

    lately: Lately
    told: Deliveries

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """A table; where it has no room for another column, deliveries are below each place."""
        yield self._table(options.max_width)

    def _table(self, width: int) -> Table:
        rows = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        # A name as cameras give it, and the day above the time, as far as something is left beside.
        named = _USUAL_NAME if _NARROWEST <= width < _WIDE else None
        rows.add_column("time", no_wrap=width >= _WIDE, min_width=_DAY if named else None)
        rows.add_column("camera", overflow="fold")
        rows.add_column("name", overflow="fold", min_width=named, max_width=_NAME_WIDTH)
        rows.add_column("size", justify="right", no_wrap=True)
        # No column takes the rest: little would be left of it beside long names.
        rows.add_column("where it is now", overflow="fold")
        beside = bool(self.told.destinations) and width >= _WIDE
        if beside:
            rows.add_column("delivered to", overflow="fold")
        for event in (*self.lately.events, *self.lately.arriving):
            photo = self.told.of(event.path)
            delivered = _delivered(photo) if self.told.destinations else Text()
            where = _where(event, self.lately.present, photo)
            if delivered and not beside:
                where = Text.assemble(where, "\ndelivered to: ", delivered)
            rows.add_row(
                f"{event.at:{_TIME}}",
                Text(escaped(event.camera)),
                Text(escaped(event.name)),
                _size(event),
                where,
                *([delivered] if beside else []),
            )
        return rows


def _delivered(photo: PhotoDeliveries) -> Text:
    """Where a photo has been delivered to, and for what it waits."""
    there = ", ".join(e.destination for e in photo.deliveries if e.state == "delivered")
    waits = ", ".join(
        f"{each.destination} ({escaped(each.error)})" if each.error else each.destination
        for each in photo.deliveries
        if each.state == "waiting"
    )
    # What is not in the library any more waits no more.
    if photo.removed:
        waits = ""
    said = [there, f"waits for {waits}" if waits else ""]
    return Text("; ".join(each for each in said if each), "yellow" if waits else "green")


def _destination(destination: Destination) -> Text:
    """How the deliveries to one destination go."""
    waiting = f"{destination.waiting} wait ({decimal(destination.waiting_bytes)})"
    said = [waiting if destination.waiting else "nothing waits"]
    if destination.succeeded:
        said.append(f"it last worked {destination.succeeded:{_TIME}}")
    where = ", ".join(filter(None, (destination.by, escaped(destination.to))))
    text = Text.assemble((destination.name, "bold"), f" ({where}): {'; '.join(said)}")
    if destination.error:
        since, again = destination.failing_since, destination.next_try
        text.append(f"\n    {escaped(destination.error)}", "red")
        text.append(f" (since {since:{_TIME}})" if since else "")
        text.append(f"; it is tried again {again:{_TIME}}" if again else "")
    return text


def _where(event: Event, present: frozenset[str], photo: PhotoDeliveries) -> Text:
    """Where a photo is now, and what is the matter with it."""
    is_gone = bool(event.path) and event.path not in present
    style = _STYLES.get(event.kind, "")
    match event.kind:
        case Kind.ARRIVING:
            return Text("on its way")
        case Kind.LIBRARY | Kind.COPY if is_gone and photo.removed:
            return Text(f"removed after delivery; was in {_place(event)}")
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
    folder, _, name = event.path.rpartition("/")
    path = folder if name == event.name else event.path
    return escaped(path.removeprefix(f"{paths.PHOTOS}/"))


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
