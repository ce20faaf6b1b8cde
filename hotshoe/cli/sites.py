"""What the commands share that are about several Sites."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from hotshoe.cli.base import INTERRUPTED, console, tidy_when_ended
from hotshoe.errors import HotshoeError

if TYPE_CHECKING:
    from hotshoe.deploy.program import Progress
    from hotshoe.deploy.results import SiteResult

WHERE_THEY_ARE = (
    "    -> run this in the folder that holds deploy.py, and name a file of "
    "inventories/ without .py"
)


@dataclass(frozen=True)
class Target:
    """A Site, and where it is deployed to.

    :param site: the Site's name
    :param stage: whether that is its stage
    :param arguments: of pyinfra, which lead there
    """

    site: str
    stage: bool
    arguments: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What its lock and its record are called."""
        return f"{self.site}.stage" if self.stage else self.site


def sites_options(command: Callable[..., None]) -> Any:
    """The Sites as arguments, and what else chooses among them."""
    for decorate in (
        click.option("--stage", is_flag=True, help="On the stage of the Site, not at home."),
        click.option(
            "--changed-since",
            metavar="REV",
            help="Of these, only Sites that are not as they were at this revision of git.",
        ),
        click.option("--all", "every", is_flag=True, help="All Sites of this folder."),
        click.argument("sites", nargs=-1, metavar="[SITE]..."),
    ):
        command = decorate(command)
    return command


def all_sites() -> tuple[str, ...]:
    """All Sites of this folder.

    :raises HotshoeError: if there is none: whoever asks whether all are well would hear that
    """
    from hotshoe.site.homes import homes

    if found := homes():
        return found
    raise HotshoeError(
        "there is no Site with an inventory in this folder\n"
        "    -> run this in the folder that holds deploy.py"
    )


def targets(
    sites: Sequence[str], every: bool, changed_since: str | None, stage: bool
) -> tuple[Target, ...]:
    """What a command is about; empty if no Site has changed since.

    :raises HotshoeError: if there is no such Site, or no stage of it is up
    """
    from hotshoe.site.homes import homes

    if every and sites:
        raise click.UsageError("--all means every Site: name none")
    known = all_sites() if every else homes()
    # What has changed is looked for among all, unless the person names some.
    chosen = known if every or (changed_since and not sites) else tuple(sites) or ("home",)
    for site in chosen:
        if site not in known:
            there = f"there are {', '.join(known)}" if known else "there are none in this folder"
            raise HotshoeError(
                f"{site}: there is no such Site with an inventory; {there}\n{WHERE_THEY_ARE}"
            )
    if changed_since is not None:
        from hotshoe.gitops.changed import changed_sites

        changed = changed_sites(changed_since)
        chosen = tuple(site for site in chosen if site in changed)
    return tuple(_target(site, stage) for site in dict.fromkeys(chosen))


def _target(site: str, stage: bool) -> Target:
    if not stage:
        return Target(site, stage)
    from hotshoe.cli.stage import stage_that_is_up

    return Target(site, stage, tuple(stage_that_is_up(site).pyinfra_arguments()))


def one_after_another(
    chosen: Sequence[Target],
    act: Callable[[Target], SiteResult],
    is_shown: Callable[[SiteResult], bool],
) -> list[SiteResult]:
    """Do something with one Site after another, and tell what comes of each.

    :param act: does it, and returns what came of it, errors as well
    :param is_shown: whether a person is shown what becomes of the hosts, too
    """
    if not chosen:
        click.echo("No Site has changed.", err=True)
    results: list[SiteResult] = []
    try:
        with tidy_when_ended():
            for target in chosen:
                result = act(target)
                results.append(result)
                _tell_notices(result)
                if is_shown(result):
                    from hotshoe.deploy.table import told

                    console().print(*told(result), sep="\n", soft_wrap=True)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    return results


@contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Progress]:
    """Show what goes on while something runs; where nobody looks at a terminal, its title alone.

    :param title: what runs
    :param quiet: show nothing
    :returns: what is told the rest
    """
    out = console(stderr=True)
    if quiet:
        yield lambda _: None
    elif not out.is_terminal:
        click.echo(f"… {title}", err=True)
        yield lambda _: None
    else:
        from rich.markup import escape

        with out.status(title) as status:
            yield lambda what: status.update(f"{title} [dim]({escape(what)})[/]")


def _tell_notices(result: SiteResult) -> None:
    """What the roles warn of, and why it failed, on standard error."""
    from hotshoe.errors import escaped_lines

    for notice in result.notices:
        click.secho("Note: ", nl=False, err=True, fg="yellow")
        click.echo(escaped_lines(notice), err=True)
    if result.error:
        click.secho("Error: ", nl=False, err=True, fg="red")
        click.echo(escaped_lines(result.error), err=True)
