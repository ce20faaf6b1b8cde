"""``hotshoe photos``: what has come in, and what is coming in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hotshoe.cli.base import INTERRUPTED, console, one_message, site_argument, ssh_config_option

if TYPE_CHECKING:
    from hotshoe.remote.ssh import Host

LINES = 50


@click.command("photos")
@site_argument
@click.option("--watch", is_flag=True, help="Show uploads as they happen, until Ctrl-C.")
@click.option(
    "--since",
    metavar="TIME",
    help="Show all since then: today, yesterday, '2 hours ago', '2026-05-31 18:00' (the server's "
    "time).",
)
@click.option(
    "--lines",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Show the last N of each server.  [default: {LINES}, or all with --since]",
)
@ssh_config_option
@one_message
def command(
    site: str, watch: bool, since: str | None, lines: int | None, ssh_config: Path | None
) -> None:
    """Show what has come in lately, and where each photo is now.

    SITE is the name of a file in group_vars/; home unless said. The servers are asked over SSH, as
    the deploy reaches them. Uploads that broke off are told with the reason.
    """
    from hotshoe.plan.derivation import make_plan
    from hotshoe.remote.ssh import Access, Host
    from hotshoe.site.reading import SiteFiles, load_site

    if watch and (since is not None or lines is not None):
        raise click.UsageError(
            "--watch shows what happens from now on: without --since and --lines"
        )
    files = SiteFiles(site)
    plan, access = make_plan(load_site(files)), Access.of(files, ssh_config)
    hosts = [Host.of(server, access) for server in plan.servers]
    if watch:
        _watch(hosts)
    else:
        _show(hosts, since, lines if lines or since is not None else LINES)


def _show(hosts: Sequence[Host], since: str | None, lines: int | None) -> None:
    from hotshoe.remote.photos import ask
    from hotshoe.remote.ssh import RemoteError
    from hotshoe.show.photos import table

    out, failed = console(), False
    for number, (host, answer) in enumerate(ask(hosts, since, lines)):
        if isinstance(answer, RemoteError):
            _tell(answer)
            failed = True
            continue
        if number:
            out.print()
        out.print(*table(host.name, answer), sep="\n")
    if failed:
        raise SystemExit(1)


def _watch(hosts: Sequence[Host]) -> None:
    from hotshoe.remote.photos import follow
    from hotshoe.remote.ssh import RemoteError
    from hotshoe.show.photos import line

    out, names = console(), [host.name for host in hosts]

    def ready(host: Host) -> None:
        click.echo(f"{host.name}: watching; Ctrl-C ends.", err=True)

    try:
        for host, what in follow(hosts, ready):
            if isinstance(what, RemoteError):
                _tell(what)
            else:
                out.print(line(host.name, what, names), soft_wrap=True)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    # Nobody is left to listen to.
    raise SystemExit(1)


def _tell(error: Exception) -> None:
    click.echo(f"Error: {error}", err=True)
