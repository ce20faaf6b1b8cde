"""``hotshoe photos``: what has come in, and what is coming in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hotshoe.cli.base import (
    INTERRUPTED,
    console,
    json_schema_option,
    one_message,
    site_argument,
    ssh_config_option,
)

if TYPE_CHECKING:
    from hotshoe.remote.photos import Lately
    from hotshoe.remote.ssh import Host, RemoteError

    Answers = Iterable[tuple[Host, Lately | RemoteError]]

LINES = 50


def _schema() -> str:
    from hotshoe.show.photos_document import json_schema

    return json_schema()


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
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
@json_schema_option(_schema)
@ssh_config_option
@one_message
def command(
    site: str,
    watch: bool,
    since: str | None,
    lines: int | None,
    as_json: bool,
    ssh_config: Path | None,
) -> None:
    """Show what has come in lately, and where each photo is now.

    SITE is the name of a file in group_vars/; home unless said. The servers are asked over SSH, as
    the deploy reaches them. Uploads that broke off are told with the reason; where the Site says
    delivery, also where each photo has been delivered to, what waits, and why.
    """
    from hotshoe.plan.derivation import make_plan
    from hotshoe.remote.ssh import Access, Host
    from hotshoe.site.reading import SiteFiles, load_site

    if watch and (since is not None or lines is not None or as_json):
        raise click.UsageError(
            "--watch shows what happens from now on: without --since, --lines and --json"
        )
    files = SiteFiles(site)
    plan, access = make_plan(load_site(files)), Access.of(files, ssh_config)
    hosts = [Host.of(server, access) for server in plan.servers]
    if watch:
        _watch(hosts)
    else:
        from hotshoe.remote.photos import ask

        wanted = lines if lines or since is not None else LINES
        delivering = [server.name for server in plan.servers if server.delivers]
        answers = ask(hosts, since, wanted, delivering)
        failed = _print_json(site, answers) if as_json else _print(answers)
        if failed:
            raise SystemExit(1)


def _print(answers: Answers) -> bool:
    """Print a table for each server.

    :returns: whether something could not be told
    """
    from hotshoe.remote.ssh import RemoteError
    from hotshoe.show.photos import table

    out, printed, failed = console(), False, False
    for host, answer in answers:
        if isinstance(answer, RemoteError):
            _tell(answer)
            failed = True
            continue
        if printed:
            out.print()
        out.print(*table(host.name, answer), sep="\n")
        printed = True
        if isinstance(answer.deliveries, RemoteError):
            _tell(answer.deliveries)
            failed = True
    return failed


def _print_json(site: str, answers: Answers) -> bool:
    """Print one document.

    :returns: whether something could not be told
    """
    from hotshoe.show.photos_document import dump, server_document

    told = [server_document(host.name, answer) for host, answer in answers]
    click.echo(dump(site, told), nl=False)
    return any(server.error for server in told)


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
