"""What has come in on servers as JSON, for programs, and the JSON Schema of that.

``hotshoe/show/photos.schema.json`` describes it. Write it anew, after a change that is meant, with
``hotshoe photos --json-schema``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, TypeVar

from hotshoe.remote.deliveries import NONE, Deliveries, Delivery, Destination
from hotshoe.remote.events import Event, Kind
from hotshoe.remote.photos import Lately
from hotshoe.remote.ssh import RemoteError
from hotshoe.show import documents

SCHEMA: Final = 1
Told = TypeVar("Told", Delivery, Destination)


@dataclass(frozen=True)
class PhotoDocument:
    """What happened to an upload, or to a camera's folder, and where the photo is now.

    :param what: what happened: ``library`` (the photo is safe), ``copy`` (it was there already),
        ``incomplete``, ``unproven``, ``removed``, ``full``, ``room``; ``arriving`` if it is still
        coming
    :param at: when, as RFC 3339 writes it
    :param camera: whose photo; empty if it is about all cameras
    :param name: as the camera gave it; empty if it is about no photo
    :param size: in bytes; null if that is not known
    :param path: where the photo is, or was, since then; empty if it is nowhere
    :param present: whether it is there now
    :param reason: why; empty if nothing is the matter
    :param deliveries: whether each destination has it; empty if it is not for delivery
    :param removed: when retention removed it from the library, as it is everywhere else; null if
        that did not
    """

    what: Kind
    at: str
    camera: str
    name: str
    size: int | None
    path: str
    present: bool
    reason: str
    deliveries: tuple[Delivery, ...]
    removed: str | None


@dataclass(frozen=True)
class ServerPhotosDocument:
    """What has come in lately on one server, and how its deliveries go.

    :param server: the server
    :param photos: the latest last
    :param delivering: whether the service runs that delivers; true if there is nothing to deliver
    :param destinations: how the deliveries to each go; empty if the server delivers nothing
    :param retention_error: why retention cannot remove what it should; empty if nothing is the
        matter, or if the library keeps everything
    :param error: why the server cannot tell; empty if it does
    """

    server: str
    photos: tuple[PhotoDocument, ...]
    delivering: bool
    destinations: tuple[Destination, ...]
    retention_error: str
    error: str


@dataclass(frozen=True)
class PhotosDocument:
    """What ``hotshoe photos --json`` prints: what has come in lately, and where each photo is.

    Bytes of names and paths that are not UTF-8 are told as escapes: ff as ``\\udcff``.

    :param schema: the number of this description; it rises when a key is removed or comes to mean
        something else, while a new key may be added at any time
    :param site: the Site's name
    :param servers: each server of the Site
    """

    schema: Literal[1]
    site: str
    servers: tuple[ServerPhotosDocument, ...]


def server_document(server: str, lately: Lately | RemoteError) -> ServerPhotosDocument:
    """What a server has told, or why it has not."""
    if isinstance(lately, RemoteError):
        return ServerPhotosDocument(server, (), True, (), "", _text(str(lately)))
    is_told = not isinstance(lately.deliveries, RemoteError)
    told = lately.deliveries if isinstance(lately.deliveries, Deliveries) else NONE
    return ServerPhotosDocument(
        server,
        tuple(_photo(each, lately, told) for each in (*lately.events, *lately.arriving)),
        told.running,
        tuple(map(_readable, told.destinations)),
        _text(told.retention_error),
        "" if is_told else _text(str(lately.deliveries)),
    )


def _photo(event: Event, lately: Lately, told: Deliveries) -> PhotoDocument:
    photo = told.of(event.path)
    return PhotoDocument(
        what=event.kind,
        at=event.at.astimezone().isoformat(),
        camera=_text(event.camera),
        name=_text(event.name),
        size=event.size,
        path=_text(event.path),
        present=event.kind is Kind.ARRIVING or event.path in lately.present,
        reason=_text(event.reason),
        deliveries=tuple(map(_readable, photo.deliveries)),
        removed=photo.removed.isoformat() if photo.removed else None,
    )


def _readable(told: Told) -> Told:
    """The same with text that can be written as JSON."""
    values = {each.name: getattr(told, each.name) for each in fields(told)}
    texts: dict[str, Any] = {k: _text(v) for k, v in values.items() if isinstance(v, str)}
    return replace(told, **texts)


def _text(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def dump(site: str, servers: Iterable[ServerPhotosDocument]) -> str:
    """What has come in as JSON.

    :returns: one JSON object, in lines
    """
    return documents.dump(PhotosDocument(SCHEMA, site, tuple(servers)))


def json_schema() -> str:
    """The JSON Schema (draft 2020-12) of what :func:`dump` returns."""
    return documents.schema_of(PhotosDocument)
