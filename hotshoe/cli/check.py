"""``hotshoe check``: does it work, and if not, why?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from hotshoe.cli.base import (
    INTERRUPTED,
    console,
    existing_file,
    json_schema_option,
    one_message,
    site_argument,
    ssh_config_option,
    tidy_when_ended,
)
from hotshoe.errors import HotshoeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hotshoe.check.order import Options
    from hotshoe.check.run import Checked
    from hotshoe.plan.model import Plan, ServerPlan
    from hotshoe.probe.result import Result
    from hotshoe.remote.ssh import Access
    from hotshoe.show.check_document import ServerDocument
    from hotshoe.site.model import Site
    from hotshoe.site.reading import SiteFiles
    from hotshoe.stage.stage import Stage

# Many NATs forget a connection after a minute without packets.
SLOW_SECONDS = 65


def _schema() -> str:
    from hotshoe.show.check_document import json_schema

    return json_schema()


@click.command("check")
@site_argument
@click.option("--all", "every", is_flag=True, help="Check every Site of this folder.")
@click.option(
    "--from",
    "where",
    metavar="WHERE",
    help="Where a camera is played: here, or ssh://[USER@]HOST[:PORT], which needs python3.  "
    "[default: here]",
)
@click.option("--stage", "on_stage", is_flag=True, help="Check the stage of SITE, from its camera.")
@click.option("--quick", is_flag=True, help="Try a few of the passive ports, and no slow upload.")
@click.option("--server", metavar="NAME", help="Check this server alone.")
@click.option("--camera", metavar="NAME", help="Log in as this camera.  [default: the first]")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON, for programs.")
@json_schema_option(_schema)
@click.option(
    "--single-file",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE.pyz",
    help="Write a checker for somebody elsewhere, who needs python3 only; it prints a code.",
)
@click.option("--explain", metavar="CODE", help="Explain the code that such a checker printed.")
@click.option("--watch", is_flag=True, help="Tell what cameras try, as it happens, until Ctrl-C.")
@ssh_config_option
@click.option(
    "--root",
    type=existing_file,
    metavar="FILE",
    help="The root certificate that cameras have.  [default: what the Site says]",
)
@click.option(
    "--slow-seconds",
    type=click.FloatRange(min=1, max=600),
    metavar="N",
    help="How long the slow upload takes: NATs forget what is idle for a minute."
    f"  [default: {SLOW_SECONDS}; with --quick, none]",
)
@click.option("--no-inside", is_flag=True, help="Do not ask servers and routers what they see.")
@one_message
def command(
    site: str,
    every: bool,
    where: str | None,
    on_stage: bool,
    quick: bool,
    server: str | None,
    camera: str | None,
    as_json: bool,
    single_file: Path | None,
    explain: str | None,
    watch: bool,
    ssh_config: Path | None,
    root: Path | None,
    slow_seconds: float | None,
    no_inside: bool,
) -> None:
    """Check whether cameras get in, and if not, where it ends and why.

    It plays a camera and uploads a few test photos, which it removes. Routers and servers are asked
    over SSH what they saw of it. SITE is the name of a file in group_vars/; home unless said. Exit
    status: 0 if it works, 1 if something is broken, 2 if nobody could tell.
    """
    from hotshoe.plan.derivation import make_plan
    from hotshoe.remote.ssh import Access
    from hotshoe.site.reading import SiteFiles, load_site

    if every:
        _check_every_site(click.get_current_context())
    _refuse_together(where=where, single_file=single_file, explain=explain, watch=watch)
    _refuse_together(watch=watch, json=as_json)
    _refuse_together(watch=watch, quick=quick)
    _refuse_together(single_file=single_file, json=as_json)
    _refuse_together(stage=on_stage, single_file=single_file)
    if where and where.startswith("-"):
        raise click.UsageError("--from needs here, or ssh://HOST")
    files = SiteFiles(site)
    described = load_site(files)
    plan = make_plan(described)
    servers = _servers(plan, server, camera)
    if on_stage:
        stage = _stage_of(site)
        where = where or f"ssh://{stage.camera_of(servers)}"
        ssh_config = ssh_config or stage.ssh_config
        root = root or (stage.authority_root if stage.authority else None)
    if watch:
        _watch(plan, servers, Access.of(files, ssh_config))
    seconds = slow_seconds or (0 if quick else SLOW_SECONDS)
    asked = _Asked(files, described, plan, ssh_config, root, quick, seconds, not no_inside, as_json)
    if single_file:
        _write(asked, servers, camera, single_file)
    elif explain is not None:
        _explain(asked, servers, camera, explain)
    else:
        _check(asked, servers, camera, where or "here")


def _check_every_site(context: click.Context) -> NoReturn:
    """Check one Site after another, each as it is checked alone."""
    from click.core import ParameterSource

    from hotshoe.cli.sites import all_sites

    alone = {"site", "as_json", "single_file", "explain", "watch", "server", "camera"}
    if any(context.get_parameter_source(name) is not ParameterSource.DEFAULT for name in alone):
        raise click.UsageError(
            "--all does not go with SITE, --server, --camera, --json, --single-file, --explain or "
            "--watch"
        )
    statuses = {}
    for site in all_sites():
        click.secho(f"{site}:", bold=True)
        try:
            context.invoke(command, **(context.params | {"every": False, "site": site}))
        except SystemExit as ended:
            statuses[site] = int(ended.code or 0)
        except click.ClickException as error:
            error.show()
            statuses[site] = error.exit_code
        if statuses.get(site) == INTERRUPTED:
            break
    for site, status in statuses.items():
        click.echo(f"{site}: {_IN_A_WORD.get(status, 'ended early')}")
    values = statuses.values()
    raise SystemExit(1 if 1 in values else max(values, default=0))


_IN_A_WORD = {0: "works", 1: "broken, or refused", 2: "could not be told"}


def _stage_of(site: str) -> Stage:
    """The stage of a Site, once the home's name leads to it.

    :raises HotshoeError: if it is not up, or the name leads elsewhere
    """
    from hotshoe.cli.stage import stage_that_is_up
    from hotshoe.stage import actions

    stage = stage_that_is_up(site)
    if stage.provider:
        actions.wait_for_name(stage)
    return stage


def _watch(plan: Plan, servers: Sequence[ServerPlan], access: Access) -> None:
    """Tell what cameras try, until Ctrl-C."""
    from hotshoe.check.watch import follow
    from hotshoe.show.attempts import line

    out = console()
    try:
        for told in follow(plan, servers, access, lambda said: click.echo(said, err=True)):
            out.print(line(told, [server.name for server in servers]), soft_wrap=True)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    # Nobody is left who tells anything.
    raise SystemExit(1)


@dataclass(frozen=True)
class _Asked:
    """What the person asks for."""

    files: SiteFiles
    site: Site
    plan: Plan
    ssh_config: Path | None
    root: Path | None
    quick: bool
    slow_seconds: float
    inside: bool
    as_json: bool

    @property
    def access(self) -> Access:
        """What leads to the home's machines."""
        from hotshoe.remote.ssh import Access

        return Access.of(self.files, self.ssh_config)

    def options(self) -> Options:
        from hotshoe.check.order import Options

        beside = self.ssh_config.parent if self.ssh_config else Path()
        # The authority of a stage is kept beside the file that leads to it.
        pki = beside if (beside / "pki").is_dir() else Path()
        return Options(self.quick, self.slow_seconds, self.root, pki)


def _refuse_together(**options: object) -> None:
    said = [name.replace("_", "-") for name, value in options.items() if value not in (None, False)]
    if len(said) > 1:
        names = ["--from" if name == "where" else f"--{name}" for name in said]
        raise click.UsageError(f"{' and '.join(names)} do not go together")


def _servers(plan: Plan, server: str | None, camera: str | None) -> Sequence[ServerPlan]:
    """The servers to check.

    :raises HotshoeError: if the Site has none of these names
    """
    names = [each.name for each in plan.servers]
    if server is not None and server not in names:
        raise HotshoeError(f"{server}: there is no such server; the Site has {', '.join(names)}")
    found = [each for each in plan.servers if server in (None, each.name)]
    if camera is not None:
        cameras = [name for each in found for name in each.cameras]
        if camera not in cameras:
            raise HotshoeError(
                f"{camera}: there is no such camera; the Site has {', '.join(cameras)}"
            )
        found = [each for each in found if camera in each.cameras]
    return found


def _check(asked: _Asked, servers: Sequence[ServerPlan], camera: str | None, where: str) -> None:
    from hotshoe.check.order import make_order
    from hotshoe.check.run import Home, check
    from hotshoe.check.vantage import vantage_of
    from hotshoe.secrets import load_secrets

    vantage = vantage_of(where, asked.ssh_config)
    passwords = load_secrets(asked.files, asked.site).camera_passwords
    orders = []
    for server in servers:
        name = camera or server.cameras[0]
        orders.append(
            make_order(
                asked.plan, server, name, passwords[name], asked.options(), _dial(asked, server)
            )
        )
    report = _Report(asked, vantage.name)
    for server, order in zip(servers, orders, strict=True):
        home = Home(asked.plan, server, asked.access, asked.inside, asked.files.name)
        try:
            with tidy_when_ended(), _live(asked.as_json) as tell:
                checked = check(home, order, vantage, tell)
        except (KeyboardInterrupt, SystemExit, HotshoeError) as error:
            _print_left(server.name, getattr(error, "__notes__", ()))
            raise _ended(error) from None
        report.add(server, order.user, checked)
    report.end()


class _NobodyCouldTellError(click.ClickException):
    """A check that could not be made to its end: nothing was found broken."""

    exit_code = 2


def _ended(error: BaseException) -> BaseException:
    """What a check that ended early ends the command with."""
    if isinstance(error, KeyboardInterrupt):
        return SystemExit(INTERRUPTED)
    if isinstance(error, HotshoeError):
        return _NobodyCouldTellError(str(error))
    return error


def _print_left(server: str, left: Iterable[str]) -> None:
    for each in left:
        click.echo(f"Error: {server}: {each}", err=True)


class _Report:
    """Reports one server after another, and ends with what that means."""

    def __init__(self, asked: _Asked, vantage: str) -> None:
        self._asked, self._vantage = asked, vantage
        self._documents: list[ServerDocument] = []
        self._statuses: list[int] = []

    def add(self, server: ServerPlan, camera: str, checked: Checked) -> None:
        """Print what was found at a server, or keep it for the end."""
        from hotshoe.check.causes import exit_status
        from hotshoe.show.check_document import server_document

        status = exit_status(checked.findings)
        self._statuses.append(status)
        if self._asked.as_json:
            found = (server.name, camera, status, checked.findings, checked.left)
            self._documents.append(server_document(*found))
        else:
            _show(server, camera, self._vantage, status, checked)

    def end(self) -> NoReturn:
        """Exit: 0 if all of it works, 1 if something is broken, 2 if nobody could tell."""
        from hotshoe.show.check_document import dump

        if self._asked.as_json:
            click.echo(dump(self._asked.files.name, self._vantage, self._documents), nl=False)
        raise SystemExit(1 if 1 in self._statuses else max(self._statuses, default=0))


def _dial(asked: _Asked, server: ServerPlan) -> str | None:
    """The address that cameras dial on a direct link; None where they dial the name.

    :raises HotshoeError: if the server cannot be asked for it
    """
    if server.only_on is None:
        return None
    from hotshoe.check.direct_link import address_of

    return address_of(server, asked.access)


@contextmanager
def _live(as_json: bool) -> Iterator[Callable[[Result | str], None]]:
    """A way to tell what comes, while it comes: on a terminal only."""
    out = console()
    if as_json or not out.is_terminal:
        yield lambda _: None
        return
    from rich.live import Live

    from hotshoe.show.findings import live

    rows: list[Result] = []
    progress = "beginning"
    with Live(live(rows, progress), console=out, transient=True, refresh_per_second=8) as shown:

        def tell(told: Result | str) -> None:
            nonlocal progress
            if isinstance(told, str):
                progress = told
            else:
                rows.append(told)
            shown.update(live(rows, progress))

        yield tell


def _show(server: ServerPlan, camera: str, vantage: str, status: int, checked: Checked) -> None:
    from hotshoe.show.findings import explanations, grouped, line, summary, table

    out = console()
    if out.is_terminal:
        out.print(table(grouped(checked.findings)))
    else:
        for finding in grouped(checked.findings):
            out.print(line(finding), soft_wrap=True, markup=False)
    for text in explanations(checked.findings):
        out.print(text, soft_wrap=not out.is_terminal)
    out.print()
    said = summary(server.name, camera, vantage, status, at_home=checked.at_home)
    out.print(said, soft_wrap=True)
    _print_left(server.name, checked.left)


def _write(asked: _Asked, servers: Sequence[ServerPlan], camera: str | None, path: Path) -> None:
    from hotshoe import files
    from hotshoe.check.order import make_order
    from hotshoe.check.run import Home
    from hotshoe.probe.bundle import bundle

    server = _one(servers)
    if server.only_on:
        raise HotshoeError(
            f"{server.name}: cameras reach it by a direct link only, so nobody elsewhere can check"
        )
    name = camera or server.cameras[0]
    order = make_order(asked.plan, server, name, None, asked.options())
    files.write([files.File(path, files.CHECKER, bundle(order))])
    click.echo(
        f"{path} is written. Whoever has it runs: python3 {path.name}\n"
        f"It asks for the password of {name}, which is not in it, and prints a code. Then: "
        f"{Home(asked.plan, server, site=asked.files.name).command} --explain CODE",
        err=True,
    )


def _one(servers: Sequence[ServerPlan]) -> ServerPlan:
    if len(servers) > 1:
        names = " or ".join(server.name for server in servers)
        raise HotshoeError(f"which server? -> add --server {names}")
    return servers[0]


def _explain(asked: _Asked, servers: Sequence[ServerPlan], camera: str | None, text: str) -> None:
    from hotshoe.check.explain import explain, read, server_of
    from hotshoe.check.run import Home

    said = read(text)
    server = server_of(said, servers, asked.files.name)
    home = Home(asked.plan, server, asked.access, asked.inside, asked.files.name)
    when = f"{said.made.astimezone():%Y-%m-%d %H:%M}"
    report = _Report(asked, "code" if asked.as_json else f"somewhere else at {when}")
    name = camera or server.cameras[0]
    report.add(server, name, explain(home, said, name))
    report.end()
