"""``hotshoe stage``: the home in containers, step by step."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hotshoe.cli.base import console, debian_option, one_message, site_option
from hotshoe.errors import HotshoeError

if TYPE_CHECKING:
    from hotshoe.stage.stage import Stage


@click.group("stage")
def group() -> None:
    """The home, rehearsed in containers."""


def _stage_of(site: str) -> Stage:
    from hotshoe.plan.derivation import make_plan
    from hotshoe.site.reading import SiteFiles, load_site
    from hotshoe.stage.stage import Stage

    return Stage.of(site, make_plan(load_site(SiteFiles(site))), Path())


@group.command()
@site_option
@debian_option
@click.option("--prepared", is_flag=True, help="With the packages there that a deploy installs.")
@one_message
def up(site: str, release: str, prepared: bool) -> None:
    """Put the stage up; what an earlier run left is cleared away first."""
    from hotshoe.plan.derivation import make_plan
    from hotshoe.secrets import load_secrets
    from hotshoe.site.certificate import needs_tsig_key
    from hotshoe.site.reading import SiteFiles, load_site
    from hotshoe.stage.stage import Stage

    out = console()
    files = SiteFiles(site)
    described = load_site(files)
    # The Internet has to know what the home's updates of records are told by.
    tells = described.ddns or needs_tsig_key(described)
    secrets = load_secrets(files, described) if tells else None
    stage = Stage.of(site, make_plan(described), Path(), release, prepared=prepared)
    stage.up(say=out.print)
    if secrets:
        stage.open_accounts(secrets.ddns_secret, secrets.acme_secret)
    arguments = shlex.join(stage.pyinfra_arguments())
    out.print("The stage is up. Deploy to it with:", style="green")
    out.print(f"pyinfra {arguments} inventories/{site}.py deploy.py", soft_wrap=True, style="bold")


@group.command()
@site_option
@one_message
def down(site: str) -> None:
    """Take the stage down; harmless when there is none."""
    _require_containers()
    _stage_of(site).down()


@group.command()
@site_option
@one_message
def status(site: str) -> None:
    """Show the devices on the stage."""
    from rich.table import Table

    _require_containers()
    table = Table("device", "state", "addresses")
    for row in _stage_of(site).status():
        table.add_row(*row)
    console().print(table)


@group.command()
@site_option
@one_message
def upload(site: str) -> None:
    """Upload photos from the camera and compare every byte on the server."""
    from hotshoe.plan.derivation import make_plan
    from hotshoe.secrets import load_secrets
    from hotshoe.site.reading import SiteFiles, load_site
    from hotshoe.stage.rehearsal import upload_and_compare
    from hotshoe.stage.stage import Stage

    _require_containers()
    files = SiteFiles(site)
    described = load_site(files)
    stage = Stage.of(site, make_plan(described), Path())
    _require_up(stage)
    upload_and_compare(stage, load_secrets(files, described), console())


@group.command()
@site_option
@click.option("--power-cut", is_flag=True, help="Do not shut down first.")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@one_message
def reboot(site: str, power_cut: bool, names: tuple[str, ...]) -> None:
    """Restart the devices NAME; every router and server if none is named."""
    stage_that_is_up(site, *names).reboot(*names, power_cut=power_cut)


@group.command()
@site_option
@click.option(
    "--carrier-grade-nat",
    is_flag=True,
    help="Only a share of the address, which nobody outside can connect to.",
)
@click.argument("address", metavar="ADDRESS|next")
@one_message
def address(site: str, carrier_grade_nat: bool, address: str) -> None:
    """Have the provider give the home another public ADDRESS.

    At once, while everything runs; for a Site whose public_address is dynamic.
    """
    from ipaddress import IPv4Address

    try:
        wanted = None if address == "next" else IPv4Address(address)
    except ValueError as error:
        raise HotshoeError(f"{error}\n    -> write an IPv4 address, or next") from None
    _require_containers()
    stage = _stage_of(site)
    _require_up(stage)
    wan = stage.change_address(wanted, carrier_grade_nat=carrier_grade_nat)
    at = f"{wan.public}, translated to {wan.home.ip}" if wan.is_translated else f"{wan.public}"
    console().print(f"The home's public address is {at}.")


@group.command()
@site_option
@click.argument("name")
@one_message
def shell(site: str, name: str) -> None:
    """Open a shell on the device NAME."""
    from hotshoe.stage import podman

    stage = stage_that_is_up(site, name)
    device = stage.device(name)
    os.execvp("podman", podman.shell(device.container, device.shell))  # noqa: S606


def stage_that_is_up(site: str, *names: str) -> Stage:
    """The stage of a Site, with these devices.

    :raises HotshoeError: if it is not up or has none of such a name, or if there can be none
    """
    _require_containers()
    stage = _stage_of(site)
    for name in names:
        stage.node(name)
    _require_up(stage)
    return stage


def _require_containers() -> None:
    from hotshoe.stage import podman

    if reason := podman.why_no_stage():
        raise HotshoeError(reason)


def _require_up(stage: Stage) -> None:
    if not stage.is_up():
        of = f" --site {shlex.quote(stage.site)}" if stage.site != "home" else ""
        raise HotshoeError(f"the stage is not up; put it up with: hotshoe stage up{of}")
