"""``hotshoe diff`` and ``hotshoe drift``: what a deploy would change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hotshoe.cli.base import StatusCommand, json_schema_option, one_message
from hotshoe.cli.sites import Target, one_after_another, progress, sites_options, targets

if TYPE_CHECKING:
    from hotshoe.deploy.results import SiteResult

DRIFT, UNKNOWN = 2, 1
_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")


def _schema() -> str:
    from hotshoe.deploy.document import json_schema

    return json_schema()


@click.command("diff")
@sites_options
@_json
@json_schema_option(_schema)
@click.option("--markdown", is_flag=True, help="Print it as the comment on a merge request.")
@one_message
def diff(
    sites: Sequence[str],
    every: bool,
    changed_since: str | None,
    stage: bool,
    as_json: bool,
    markdown: bool,
) -> None:
    """Show what a deploy would change, host by host.

    Nothing is changed. It asks every host, by pyinfra's own dry run. SITE is the name of a file
    in group_vars/; home unless said. Exit status: 0 if it could be told, whatever it is, 1 if not.
    """
    if as_json and markdown:
        raise click.UsageError("--json and --markdown do not go together")
    chosen = targets(sites, every, changed_since, stage)
    form = "json" if as_json else "markdown" if markdown else ""
    results = _look(chosen, form)
    raise SystemExit(any(each.error for each in results))


@click.command("drift", cls=StatusCommand)
@sites_options
@_json
@json_schema_option(_schema)
@one_message
def drift(
    sites: Sequence[str], every: bool, changed_since: str | None, stage: bool, as_json: bool
) -> None:
    """Tell whether hosts are as the Site says.

    What they hold of hotshoe's beyond it counts as well. SITE is the name of a file in
    group_vars/; home unless said. Exit status: 0 if there is no
    drift, 2 if there is on any of the hosts, 1 if it could not be told.
    """
    results = _look(targets(sites, every, changed_since, stage), "json" if as_json else "")
    if any(each.changes for each in results):
        raise SystemExit(DRIFT)
    raise SystemExit(UNKNOWN if any(each.error for each in results) else 0)


def _look(chosen: Sequence[Target], form: str) -> list[SiteResult]:
    """Ask the hosts of each Site, and print what a deploy would change."""
    results = one_after_another(
        chosen, lambda target: _ask(target, quiet=bool(form)), lambda _: not form
    )
    if form == "json":
        from hotshoe.deploy.document import dump

        click.echo(dump(results), nl=False)
    elif form:
        from hotshoe.deploy.markdown import markdown

        click.echo(markdown(results), nl=False)
    return results


def _ask(target: Target, *, quiet: bool) -> SiteResult:
    from hotshoe.deploy.lock import refuse_while_locked
    from hotshoe.deploy.program import dry_run
    from hotshoe.deploy.results import SiteResult
    from hotshoe.errors import HotshoeError

    try:
        refuse_while_locked(Path(), target.key)
        with progress(f"Looking at {target.site}", quiet=quiet) as tell:
            return dry_run(target.site, Path(), target.arguments, tell)
    except HotshoeError as error:
        return SiteResult(target.site, error=str(error))
