"""What the code means that a checker printed elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from hotshoe.check.causes import diagnose
from hotshoe.check.cleaning import clean
from hotshoe.check.inside import watching
from hotshoe.check.machines import in_library
from hotshoe.check.model import InsideView
from hotshoe.check.run import Checked, Home, photos_of
from hotshoe.check.validation import is_of_probe
from hotshoe.errors import HotshoeError
from hotshoe.plan.model import ServerPlan
from hotshoe.probe import code
from hotshoe.probe.code import Decoded
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.result import Result
from hotshoe.remote.ssh import RemoteError


def read(text: str) -> Decoded:
    """Read a code.

    :raises HotshoeError: if it has a typo, or is of another version
    """
    try:
        told = code.decode(text)
        if not all(is_of_probe(result.layer, result.problem) for result in told.results):
            raise ValueError("this is no code of a checker")
        return told
    except ValueError as error:
        raise HotshoeError(
            f"--explain: {error}\n    -> give it as the checker printed it, in quotes if it has "
            "spaces"
        ) from None


def server_of(told: Decoded, servers: Iterable[ServerPlan], site: str) -> ServerPlan:
    """The server that a code is about.

    :param site: the Site's name
    :raises HotshoeError: if it is about none of these
    """
    for server in servers:
        if code.home_of(server.hostname, server.control_port) == told.home:
            return server
    raise HotshoeError(
        f"--explain: this code is about another home than {site}, or about what it was before its "
        "host name or control port changed\n    -> name its Site: hotshoe check --explain CODE SITE"
    )


def explain(home: Home, told: Decoded, camera: str) -> Checked:
    """Say what a code means, by how the home's machines are now, and remove its test photos.

    :param camera: as which the checker logged in
    """
    server = home.server
    inside = None
    if home.asked:
        with watching(home.plan, server, home.access, told.run) as look:
            inside = _as_it_is_now(look.read())
    results = [_with_port(result, server) for result in told.results]
    results += _library(results, inside)
    now = datetime.now(UTC)
    findings = diagnose(home.plan, server, camera, results, inside, now, at_home=told.inside)
    photos = dict.fromkeys(photos_of(told.run, server))
    try:
        left = clean(server, told.run, photos, home.access).left
    except RemoteError as error:
        left = (f"test photos stay there, since {error}",)
    return Checked(findings, left, told.inside)


def _as_it_is_now(inside: InsideView) -> InsideView:
    """A view without packets: those of the probe are long gone."""
    boxes = (replace(box, arrived=None, passed=None) for box in inside.boxes)
    return replace(inside, boxes=tuple(boxes))


def _with_port(result: Result, server: ServerPlan) -> Result:
    """A result with the port that its code tells by its place in the order."""
    number = result.data.get("control")
    if not isinstance(number, int) or number >= len(server.control_ports):
        return result
    return replace(result, data={**result.data, "port": server.control_ports[number].port})


def _library(results: Iterable[Result], inside: InsideView | None) -> Iterator[Result]:
    """Whether the photos are in the library; their content, the code does not tell."""
    uploaded = any(r.layer is Layer.UPLOAD and r.status is Status.FINE for r in results)
    if not uploaded or inside is None or inside.server is None:
        return
    photos = inside.server.photos
    layer = Layer.LIBRARY
    aside = [name for name, photo in photos.items() if not in_library(photo)]
    if not photos:
        evidence = "no photo of that check is there any more; an earlier --explain removes them"
        yield Result(layer, Status.UNKNOWN, evidence, None, {"skipped": True})
    elif len(aside) == len(photos):
        evidence = f"none of {len(photos)} photos of that check is there"
        yield Result(layer, Status.FAIL, evidence, Problem.LIBRARY_MISSING, {"missing": aside})
    else:
        evidence = f"{len(photos) - len(aside)} photos of that check are there"
        yield Result(layer, Status.FINE, evidence)
