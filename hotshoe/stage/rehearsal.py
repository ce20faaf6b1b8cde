"""A home rehearsed from end to end: put up, deployed to, and uploaded to."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from hotshoe.deploy.program import inventory_of
from hotshoe.errors import HotshoeError
from hotshoe.plan.derivation import make_plan
from hotshoe.plan.model import ControlPort, ServerPlan
from hotshoe.secrets import Secrets, begin_opening, load_secrets
from hotshoe.site.reading import SiteFiles, load_site
from hotshoe.stage import actions, podman
from hotshoe.stage.photos import make_photos
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import CAMERA

JPEGS, RAWS = 12, 1


def run(site_name: str, release: str, keep: bool, console: Console) -> None:
    """Rehearse a Site and tell what happens.

    :param site_name: the Site's name
    :param release: the Debian release of servers and routers
    :param keep: leave the stage up afterwards
    :raises HotshoeError: if anything on the way fails; the stage is left up then only with ``keep``
    """
    files = SiteFiles(site_name)
    site = load_site(files)
    if reason := podman.why_no_stage():
        raise HotshoeError(reason)
    # Without it, pyinfra has no hosts, does nothing, and is content.
    if not (inventory := inventory_of(site_name)).exists():
        raise HotshoeError(
            f"{inventory}: there is no such file\n"
            f'    -> copy inventories/home.py there, and write hosts("{site_name}") in it'
        )
    # The vault opens while the stage is put up.
    opening = begin_opening(files)
    plan = make_plan(site)
    stage = Stage.of(site_name, plan, Path(), release)
    home = ", ".join(node.name for node in stage.topology.nodes)
    try:
        with _Step(console, f"Building the home: {home}") as done:
            stage.up(say=lambda text: console.print(f"  [dim]{text}[/]"))
            secrets = load_secrets(files, site, opening)
            stage.open_accounts(secrets.ddns_secret, secrets.acme_secret)
            done(f"{len(stage.topology.nodes)} containers, Debian {release}")
        for name in stage.topology.by_hand:
            console.print(f"  [dim]{name} is set up as its worksheet says[/]")
        with _Step(console, f"Deploying: pyinfra inventories/{site_name}.py deploy.py") as done:
            actions.deploy(stage, done.update)
            done("the servers are ready, and the routers lead to them")
        upload_and_compare(stage, secrets, console)
    finally:
        if not keep:
            stage.down()
    if keep:
        at = f" --site {site_name}" if site_name != "home" else ""
        console.print(
            f"\nThe stage stays up. Look around with [bold]{sys.argv[0]} stage shell{at} "
            f"{plan.servers[0].name}[/], take it down with [bold]{sys.argv[0]} stage down{at}[/].",
            soft_wrap=True,
        )


def upload_and_compare(stage: Stage, secrets: Secrets, console: Console) -> None:
    """Upload photos from the camera to each server, and compare them there.

    :raises HotshoeError: if an upload fails or a byte differs
    """
    if not stage.topology.direct:
        actions.give_root_certificate(stage, actions.root_certificate(stage), CAMERA)
    if stage.provider:
        title = f"Waiting until {stage.plan.hostname} leads to {stage.wan.public}"
        with _Step(console, title) as done:
            actions.wait_for_name(stage)
            done("a server found its public address, and the record is there")
    for server in stage.plan.servers:
        if server.cameras:
            for control in server.control_ports:
                for ipv6 in (False, True) if server.address6 and not server.only_on else (False,):
                    _upload_and_compare(stage, server, secrets, console, control, ipv6=ipv6)


def _upload_and_compare(
    stage: Stage,
    server: ServerPlan,
    secrets: Secrets,
    console: Console,
    control: ControlPort,
    *,
    ipv6: bool,
) -> None:
    camera = server.cameras[0]
    with tempfile.TemporaryDirectory(prefix="hotshoe-photos-") as folder:
        # A name of its own for each run, since a photo that is there is never overwritten.
        prefix = f"{int(time.time()) % 1_000_000}_{control.port}_{6 if ipv6 else 4}_"
        photos = make_photos(Path(folder), JPEGS, RAWS, prefix=prefix)
        megabytes = sum(photo.stat().st_size for photo in photos) / 1e6
        where = f"{stage.dialled(server)}:{control.port}{' over IPv6' if ipv6 else ''}"
        place = f"on {server.only_on}" if server.only_on else "on the Internet"
        what = f"{len(photos)} photos ({megabytes:.0f} MB) to {where}"
        with _Step(console, f"Uploading from {camera} {place}: {what}") as done:
            password = secrets.camera_passwords[camera]
            seconds = actions.upload(
                stage, server, camera, password, photos, control=control, ipv6=ipv6
            )
            done(f"{megabytes / seconds:.0f} MB/s")
        with _Step(console, f"Comparing every byte on {server.name}") as done:
            there = actions.arrived(stage, server, camera).items()
            if not actions.digests(photos).items() <= there:
                raise HotshoeError("the photos on the server are not those that were sent")
            done(f"{len(photos)} of {len(photos)} arrived intact")
        for fetcher in stage.plan.fetchers:
            if fetcher.server == server.name and not (fetcher.removed or fetcher.by_hand):
                with _Step(console, f"Waiting until {fetcher.name} has fetched them") as done:
                    actions.fetched(stage, fetcher, actions.digests(photos))
                    done(f"{len(photos)} of {len(photos)} fetched intact")


class _Step:
    """A line that shows progress while something runs, and its result afterwards."""

    def __init__(self, console: Console, title: str) -> None:
        self._console, self._title, self._result = console, title, ""
        self._status = console.status(title)

    def __enter__(self) -> _Step:
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
