"""Removes what a check has left on a server: its test photos, and the folders made for them.

A photo is known by its name, which holds the letters of this run, and in the library by its content
as well. The server's own Python removes them (templates/check/remove_photos.py).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

from hotshoe import paths
from hotshoe.errors import escaped
from hotshoe.plan.model import ServerPlan
from hotshoe.probe.order import photo_beginning
from hotshoe.probe.uploads import LARGE
from hotshoe.remote.ssh import PERSONAL, Access, Host
from hotshoe.render import render

_PROGRAM = 'exec python3 -I -c "$1" "$2"'
_CANNOT = "cannot "
# Empty folders of the library, which would otherwise seem to have been made for test photos.
_EMPTY = f"cd {paths.PHOTOS} 2>/dev/null && find {paths.LIBRARY_NAME} -type d -empty -print0 || :"


@dataclass(frozen=True)
class Cleaned:
    """What became of the test photos of a run.

    :param removed: paths of those that are gone
    :param left: those that could not be removed, each with the reason

    Both may be printed on a terminal.
    """

    removed: tuple[str, ...]
    left: tuple[str, ...]


def empty_folders(server: ServerPlan, access: Access = PERSONAL) -> tuple[str, ...]:
    """The library's folders that are empty before a check; they stay.

    :raises RemoteError: if the server cannot be asked
    """
    said = Host.of(server, access).run(_EMPTY)
    return tuple(each.decode(errors="surrogateescape") for each in said.split(b"\0") if each)


def clean(
    server: ServerPlan,
    run: str,
    photos: Mapping[str, str | None],
    access: Access = PERSONAL,
    keep: tuple[str, ...] = (),
) -> Cleaned:
    """Remove the test photos of a run from a server, wherever they are there.

    :param run: of the check
    :param photos: the SHA-256 of each by its name, as it was sent; None where nobody knows it
    :param access: what leads to its machines
    :param keep: folders that were empty before
    :raises RemoteError: if the server cannot be asked
    """
    order = {
        "run": photo_beginning(run),
        "photos": dict(photos),
        "keep": keep,
        "largest": LARGE,
    }
    said = Host.of(server, access).run(
        _PROGRAM,
        render("check/remove_photos.py"),
        paths.PHOTOS,
        given=json.dumps(order).encode(),
    )
    # People who may write there choose names of folders.
    lines = [escaped(os.fsdecode(line)) for line in said.split(b"\0")[:-1]]
    return Cleaned(
        tuple(f"{paths.PHOTOS}/{line}" for line in lines if not line.startswith(_CANNOT)),
        tuple(
            f"{paths.PHOTOS}/{line.removeprefix(_CANNOT)}"
            for line in lines
            if line.startswith(_CANNOT)
        ),
    )
