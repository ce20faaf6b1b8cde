"""The whole story in a minute: a home put up, deployed to, and photographed into."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from hotshoe.errors import HotshoeError
from hotshoe.load import SiteFiles, load_site
from hotshoe.pki import AuthorityFiles
from hotshoe.plan import Plan, make_plan
from hotshoe.stage import rehearsal
from hotshoe.stage.photos import make_photos
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import CAMERA
from hotshoe.vault import Secrets, load_secrets

JPEGS, RAWS = 12, 1


def run(site_name: str, release: str, keep: bool, console: Console) -> None:
    """Rehearse a Site and tell what happens.

    :param site_name: the Site's name
    :param release: the Debian release of server and router
    :param keep: leave the stage up afterwards
    :raises HotshoeError: if anything on the way fails; the stage is left up then only with ``keep``
    """
    files = SiteFiles(site_name)
    site = load_site(files)
    secrets = load_secrets(files, site)
    plan = make_plan(site)
    stage = Stage.of(site_name, plan, Path(), release)
    try:
        with _step(console, "Building the home: Internet, camera, router, server") as done:
            stage.up(say=lambda text: console.print(f"  [dim]{text}[/]"))
            done(f"{len(stage.topology.nodes)} containers, Debian {release}")
        with _step(console, "Deploying: pyinfra inventories/home.py deploy.py") as done:
            rehearsal.deploy(stage, done.update)
            done("the server is ready, and the router leads to it")
        photograph(stage, plan, secrets, console)
    finally:
        if not keep:
            stage.down()
    if keep:
        console.print(
            f"\nThe stage stays up. Look around with [bold]{sys.argv[0]} stage shell "
            f"{stage.topology.server}[/], take it down with [bold]{sys.argv[0]} stage down[/].",
            soft_wrap=True,
        )


def photograph(stage: Stage, plan: Plan, secrets: Secrets, console: Console) -> None:
    """Upload photos from the camera on the Internet, and compare them on the server.

    :raises HotshoeError: if an upload fails or a byte differs
    """
    camera = plan.server.cameras[0]
    root = AuthorityFiles.of(plan, stage.folder).certificate
    if not root.exists():
        raise HotshoeError(f"{root}: is missing; deploy to the stage first")
    rehearsal.give_root_certificate(stage, root, CAMERA)
    with tempfile.TemporaryDirectory(prefix="hotshoe-photos-") as folder:
        # A name of its own for each run, since a photo that is there is never overwritten.
        photos = make_photos(Path(folder), JPEGS, RAWS, prefix=f"{int(time.time()) % 1_000_000}_")
        megabytes = sum(photo.stat().st_size for photo in photos) / 1e6
        what = f"{len(photos)} photos ({megabytes:.0f} MB) to {plan.server.hostname}"
        with _step(console, f"Uploading from {camera} on the Internet: {what}") as done:
            seconds = rehearsal.upload(
                stage, CAMERA, camera, secrets.camera_passwords[camera], photos
            )
            done(f"{megabytes / seconds:.0f} MB/s")
        with _step(console, "Comparing every byte on the server") as done:
            there = rehearsal.arrived(stage, camera).items()
            if not rehearsal.digests(photos).items() <= there:
                raise HotshoeError("the photos on the server are not those that were sent")
            done(f"{len(photos)} of {len(photos)} arrived intact")


class _step:  # noqa: N801 - reads as a verb where it is used
    """A line that shows progress while something runs, and its result afterwards."""

    def __init__(self, console: Console, title: str) -> None:
        self._console, self._title, self._result = console, title, ""
        self._status = console.status(title)

    def __enter__(self) -> _step:
        if not self._console.is_terminal:
            self._console.print(f"… {self._title}")
        self._started = time.monotonic()
        self._status.start()
        return self

    def __call__(self, result: str) -> None:
        self._result = result

    def update(self, what: str) -> None:
        """Show what is going on right now."""
        self._status.update(f"{self._title} [dim]({what})[/]")

    def __exit__(self, kind: object, *_: object) -> None:
        self._status.stop()
        if kind is None:
            took = time.monotonic() - self._started
            line = f"[green]✓[/] {self._title}: {self._result} [dim]({took:.1f} s)[/]"
            self._console.print(line, soft_wrap=True)
        else:
            self._console.print(f"[red]✗[/] {self._title}")
