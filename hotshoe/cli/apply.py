"""``hotshoe apply``: deploy, with a lock and a record."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hotshoe.cli.base import one_message
from hotshoe.cli.sites import Target, one_after_another, progress, sites_options, targets
from hotshoe.errors import HotshoeError

if TYPE_CHECKING:
    from hotshoe.deploy.results import SiteResult


@click.command("apply")
@sites_options
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    default=0,
    help="Wait so long for another apply of the Site to end.  [default: not at all]",
)
@one_message
def command(
    sites: Sequence[str], every: bool, changed_since: str | None, stage: bool, wait: float
) -> None:
    """Deploy, with a lock and a record.

    It runs pyinfra -y inventories/SITE.py deploy.py, one at a time. What was changed, by whom
    and from which commit is noted in .hotshoe/SITE.jsonl. SITE is the name of a file in
    group_vars/; home unless said. A Site that fails does not stop the others. Exit status: 0 if all
    are applied, 1 if one failed or was refused.
    """
    chosen = targets(sites, every, changed_since, stage)
    results = one_after_another(
        chosen, lambda target: _apply(target, wait), lambda result: bool(result.hosts)
    )
    failed = [result.site for result in results if result.error]
    if failed and len(chosen) > 1:
        raise HotshoeError(
            f"{len(failed)} of {len(chosen)} Sites failed: {', '.join(failed)}\n"
            "    -> the reasons are above; what was done stays, and the next apply goes on from it"
        )
    raise SystemExit(bool(failed))


def _apply(target: Target, wait: float) -> SiteResult:
    from hotshoe.deploy.lock import locked
    from hotshoe.deploy.program import deploy, inventory_of
    from hotshoe.deploy.record import Record, now
    from hotshoe.deploy.results import SiteResult
    from hotshoe.gitops.revision import revision

    root, who = Path(), _who()
    note = {"who": who, "when": now(), "process": str(os.getpid())}
    try:
        with locked(root, target.key, note, wait) as held:
            record = Record(root, target.key)
            begun, before = record.begin(target.site, target.stage, who, revision(root))
            if before:
                click.echo(
                    f"Note: {target.key}: the apply of {before.when} by {before.who} was "
                    "interrupted; this one corrects what it left",
                    err=True,
                )
            title = f"Applying {target.site}: pyinfra -y {inventory_of(target.site)} deploy.py"
            with progress(title) as tell:
                result = deploy(target.site, root, target.arguments, tell, (held,))
            try:
                record.end(begun, result)
            except HotshoeError as error:
                # What became of the hosts is told all the same.
                return replace(result, error=result.error or str(error))
            return result
    except HotshoeError as error:
        return SiteResult(target.site, error=str(error))


def _who() -> str:
    """``USER@COMPUTER``; of sudo's, who called it."""
    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # without an entry in passwd(5)
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
