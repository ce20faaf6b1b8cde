"""The whole story in a minute: a home put up, deployed to, and photographed into."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from rich.console import Console

from hotshoe.errors import HotshoeError
from hotshoe.load import SiteFiles, load_site
from hotshoe.pki import AuthorityFiles
from hotshoe.plan import make_plan
from hotshoe.stage import rehearsal
from hotshoe.stage.photos import make_photos
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import CAMERA
from hotshoe.vault import load_secrets

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
            seconds = rehearsal.deploy(stage, done.update)
            done(f"{seconds:.0f} s")
        camera = plan.server.cameras[0]
        root = AuthorityFiles(Path("pki") / plan.server.hostname).certificate
        rehearsal.give_root_certificate(stage, root, CAMERA)
        with tempfile.TemporaryDirectory(prefix="hotshoe-demo-") as folder:
            photos = make_photos(Path(folder), JPEGS, RAWS)
            megabytes = sum(photo.stat().st_size for photo in photos) / 1e6
            before = f"{camera}: {len(photos)} photos, {megabytes:.0f} MB"
            with _step(console, f"Uploading to {plan.server.hostname} as {before}") as done:
                seconds = rehearsal.upload(
                    stage, CAMERA, camera, secrets.camera_passwords[camera], photos
                )
                done(f"{megabytes / seconds:.0f} MB/s")
            with _step(console, "Comparing every byte on the server") as done:
                if rehearsal.arrived(stage, camera) != rehearsal.digests(photos):
                    raise HotshoeError("the photos on the server are not those that were sent")
                done(f"{len(photos)} of {len(photos)} arrived intact")
    finally:
        if not keep:
            stage.down()
    if keep:
        console.print(
            f"\nThe stage stays up. Look around with [bold]hotshoe stage shell "
            f"{stage.topology.server}[/], take it down with [bold]hotshoe stage down[/]."
        )


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
            self._console.print(f"[green]✓[/] {self._title}: {self._result} [dim]({took:.1f} s)[/]")
        else:
            self._console.print(f"[red]✗[/] {self._title}")
