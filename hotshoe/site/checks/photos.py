"""How much room photos may take, and how much of the line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hotshoe.paths import LIBRARY, LIBRARY_NAME
from hotshoe.site.checks.base import Finding, with_fields
from hotshoe.site.sizes import written


def no_camera_is_the_library(site: Any) -> Iterator[Finding]:
    """Refuse a camera whose folder would be the library."""
    for i, name in with_fields(site.cameras, "name"):
        if name == LIBRARY_NAME:
            yield (
                f"cameras[{i}].name",
                f"{LIBRARY} is where the photos of all cameras go, so no camera has that name",
                "give this camera another name",
            )


def limits_of_cameras_are_within_the_whole(site: Any) -> Iterator[Finding]:
    """Refuse a limit that the one for all photos makes void."""
    whole = site.photos.limit
    for i, limit in with_fields(site.cameras, "limit"):
        if limit and whole and limit > whole:
            yield (
                f"cameras[{i}].limit",
                f"{written(limit)} is more than all photos may take together, which is "
                f"{written(whole)} (photos.limit)",
                "write less here, or more there",
            )


def photos_of_a_limited_camera_are_told_apart(site: Any) -> Iterator[Finding]:
    """Refuse a limit for a camera whose photos in the library nothing tells from others'."""
    if "{camera}" in site.photos.library:
        return
    for i, limit in with_fields(site.cameras, "limit"):
        if limit:
            yield (
                f"cameras[{i}].limit",
                f"the folders of the library ({site.photos.library}) do not say which camera a "
                "photo is of",
                "add {camera} to photos.library, or limit all photos together (photos.limit)",
            )


def one_transfer_fits_into_all(site: Any) -> Iterator[Finding]:
    """Refuse a rate for each transfer that the one for all makes void."""
    each, total = site.ftp.bytes_per_second, site.ftp.total_bytes_per_second
    if each and total and each > total:
        yield (
            "ftp.total_bytes_per_second",
            f"{written(total)} a second for all transfers is less than {written(each)} for each "
            "(ftp.bytes_per_second)",
            "write more here, or less there",
        )
