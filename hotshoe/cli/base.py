"""What every command uses."""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from hotshoe.errors import HotshoeError
from hotshoe.stage.image import DEFAULT_RELEASE, SUITES

if TYPE_CHECKING:
    from rich.console import Console

# As a shell tells that Ctrl-C has ended something.
INTERRUPTED = 130
existing_file = click.Path(path_type=Path, exists=True, dir_okay=False)
site_argument = click.argument("site", default="home")
site_option = click.option(
    "--site", default="home", show_default=True, help="The Site: group_vars/SITE.yml."
)
ssh_config_option = click.option(
    "--ssh-config",
    type=existing_file,
    metavar="FILE",
    help="Use this ssh_config(5) file; .stage/SITE/ssh_config leads to a stage.",
)
debian_option = click.option(
    "--debian",
    "release",
    type=click.Choice(sorted(SUITES)),
    default=DEFAULT_RELEASE,
    show_default=True,
    help="The Debian release of servers and routers.",
)


def json_schema_option(schema: Callable[[], str]) -> Callable[[Callable[..., None]], Any]:
    """The option that prints the JSON Schema of what ``--json`` prints.

    :param schema: makes it
    """

    def show(context: click.Context, _: click.Parameter, wanted: bool) -> None:
        if wanted:
            click.echo(schema(), nl=False)
            context.exit()

    return click.option(
        "--json-schema",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help="Print the JSON Schema of what --json prints, and end.",
    )


@contextmanager
def tidy_when_ended() -> Iterator[None]:
    """Let SIGTERM and SIGHUP, as of a closed terminal, end this as Ctrl-C does: nothing is left."""

    def end(number: int, _frame: object) -> NoReturn:
        sys.exit(128 + number)

    before = {each: signal.signal(each, end) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _called_wrongly() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        error.show()
        raise SystemExit(1) from None


class StatusCommand(click.Command):
    """A command whose exit status 2 has a meaning of its own: a wrong call ends with 1."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """As click does, which ends with 2."""
        with _called_wrongly():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """As click does, which ends with 2."""
        with _called_wrongly():
            return super().invoke(ctx)


def one_message(command: Callable[..., None]) -> Callable[..., None]:
    """Print a refusal as one clear message and exit with 1."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except HotshoeError as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:  # standard output is full, for example
            raise click.ClickException(str(error)) from None

    return wrapped


def console(*, stderr: bool = False) -> Console:
    """Where a command prints what a person reads.

    :param stderr: on standard error, where programs do not read
    """
    from rich.console import Console

    return Console(highlight=False, stderr=stderr)
