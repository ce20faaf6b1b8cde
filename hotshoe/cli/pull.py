"""``hotshoe pull``: a box that fetches the homes' repository, and deploys what is signed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hotshoe.cli.base import StatusCommand, console, existing_file, one_message, tidy_when_ended
from hotshoe.errors import HotshoeError

if TYPE_CHECKING:
    from hotshoe.gitops.pull.state import State

# A deploy may keep it from looking for so long.
_LATE_SECONDS = 3600


@click.group("pull")
def group() -> None:
    """Have a box in the home deploy by itself what is signed in the repository."""


@group.command()
@click.argument("repository")
@click.option(
    "--signers",
    type=existing_file,
    required=True,
    metavar="FILE",
    help="Who may sign commits: allowed_signers, as ssh-keygen(1) has it.",
)
@click.option("--branch", default="main", show_default=True, help="The branch that is deployed.")
@click.option(
    "--testing",
    metavar="BRANCH",
    help="A branch that is deployed instead while it comes after that one.  [default: none]",
)
@click.option("--site", "sites", multiple=True, metavar="SITE", help="A Site.  [default: home]")
@click.option(
    "--every", default="5min", show_default=True, metavar="TIME", help="How often to look: 90s, 1h."
)
@click.option(
    "--check-from",
    metavar="ssh://HOST",
    help="A computer outside, to check from whether cameras get in.  [default: from here]",
)
@click.option("--hook", metavar="PROGRAM", help="A program that is told what happens.")
@click.option(
    "--hook-user", default="nobody", show_default=True, help="The user that this runs as."
)
@click.option(
    "--vault-password", type=existing_file, metavar="FILE", help="The file that opens the vault."
)
@click.option(
    "--pki",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="The folder pki/ of the computer that deployed before.",
)
@one_message
def install(
    repository: str,
    signers: Path,
    branch: str,
    testing: str | None,
    sites: Sequence[str],
    every: str,
    check_from: str | None,
    hook: str | None,
    hook_user: str,
    vault_password: Path | None,
    pki: Path | None,
) -> None:
    """Have this computer pull REPOSITORY, and deploy its newest commit.

    REPOSITORY is ssh://HOST/PATH, https://HOST/PATH, USER@HOST:PATH or an absolute path. Again with
    other options, it changes them. A line of allowed_signers: NAME namespaces="git" ssh-ed25519 …
    """
    from hotshoe import venv
    from hotshoe.gitops.pull import installation, logins
    from hotshoe.gitops.pull.lock import alone
    from hotshoe.gitops.pull.places import Places
    from hotshoe.gitops.pull.settings import make_settings

    places = Places()
    installation.require_root()
    installation.require_programs(places)
    settings = make_settings(
        repository=repository,
        branch=branch,
        testing=testing,
        sites=tuple(sites) or ("home",),
        every=every,
        check_from=check_from,
        hook=hook,
        hook_user=hook_user,
    )
    given = installation.Given(signers, vault_password, pki)
    with alone(places, click.echo):
        installation.install(places, settings, given, venv.program("hotshoe"))
        mirror = installation.mirror_of(places, settings)
        told = logins.arrange(places, settings.sites, mirror)
    # It looks at once.
    installation.start()
    out = console()
    out.print(f"Pull mode is installed; it looks every {settings.every}.", style="green")
    for line in told:
        out.print(line, soft_wrap=True, markup=False)
    out.print("What it does: hotshoe pull status; journalctl --unit hotshoe-pull")


@group.command(cls=StatusCommand)
@one_message
def run() -> None:
    """Look once for a new commit, and deploy it if all of it is signed; the timer runs this.

    After the deploy, hotshoe check says whether cameras still get in; if what worked before does
    not, the last good commit is deployed again. Exit status: 0 if the newest commit is deployed, 1
    if it is refused or has failed, 2 if something has to be waited for.
    """
    from hotshoe.gitops.pull import installation
    from hotshoe.gitops.pull.agent import ssh_agent
    from hotshoe.gitops.pull.lock import alone
    from hotshoe.gitops.pull.metrics import write_metrics
    from hotshoe.gitops.pull.places import Places
    from hotshoe.gitops.pull.programs import Commands, environment_of
    from hotshoe.gitops.pull.reports import Reporter
    from hotshoe.gitops.pull.run import Pull
    from hotshoe.gitops.pull.settings import read_settings

    places = Places()
    settings = read_settings(places)
    reporter = Reporter(settings.hook, settings.hook_user)
    with tidy_when_ended(), alone(places), ssh_agent(places.key) as agent:
        where = settings.check_from or "here"
        commands = Commands(settings.sites, environment_of(places, agent), reporter.say, where)
        mirror = installation.mirror_of(places, settings)
        state = Pull(places, mirror, commands, reporter).run()
        try:
            write_metrics(places, state, settings)
        except OSError as error:
            reporter.say(f"{places.metrics}: cannot be written: {error.strerror}")
    raise SystemExit(_exit_status(state))


@group.command(cls=StatusCommand)
@one_message
def status() -> None:
    """Show which commit is deployed, and which is not, and why.

    Exit status: 0 if the newest commit is deployed, 1 if it is refused or has failed, 2 if
    something has to be waited for.
    """
    from hotshoe.gitops.pull.places import Places
    from hotshoe.gitops.pull.settings import read_settings
    from hotshoe.gitops.pull.state import PASSING, SERIOUS, read_state

    places = Places()
    settings = read_settings(places)
    state = read_state(places.state)
    of = f", of the testing branch {state.deployed_of}" if state.deployed_of else ""
    held = f"{state.deployed}{of}, since {_time(state.changed)}"
    rows = {
        "repository": f"{settings.repository} ({settings.branch})",
        "looked": _time(state.looked),
        "deployed": held if state.deployed else "none for sure",
        "trusted up to": state.trusted or "nothing yet",
        "last good": state.good or "none yet",
    }
    if settings.testing:
        rows["testing"] = f"{state.testing or 'nothing to deploy'} ({settings.testing})"
    out = console()
    for name, value in rows.items():
        # A number that is broken into lines cannot be copied.
        out.print(f"{name:<15}{value}", soft_wrap=True, markup=False)
    for kind in (*SERIOUS, *PASSING):
        if trouble := state.troubles.get(kind):
            out.print(f"\n{kind}, since {_time(trouble.since)}", style="bold")
            out.print(trouble.text, soft_wrap=True, markup=False)
    late = not state.troubles and time.time() - state.looked > settings.seconds + _LATE_SECONDS
    if late:
        out.print(
            "\nIt has not looked for a while: systemctl status hotshoe-pull.timer", style="bold"
        )
    raise SystemExit(2 if late else _exit_status(state))


@group.command()
@click.argument("commit")
@one_message
def accept(commit: str) -> None:
    """Trust COMMIT and all that leads to it, though it is not signed or the branch was rewound.

    COMMIT is the whole number, as the message shows it. Also tries one again that has failed. What
    comes after it has to be signed as before.
    """
    from hotshoe.gitops.pull import installation
    from hotshoe.gitops.pull.history import SEEN, require_whole
    from hotshoe.gitops.pull.lock import alone
    from hotshoe.gitops.pull.places import Places
    from hotshoe.gitops.pull.run import accept as accepted
    from hotshoe.gitops.pull.settings import read_settings
    from hotshoe.gitops.pull.state import read_state, write_state

    places = Places()
    settings = read_settings(places)
    require_whole(commit)
    mirror = installation.mirror_of(places, settings)
    with alone(places):
        if not mirror.has(commit) or not mirror.descends(SEEN, commit):
            mirror.newest()
            head = mirror.fetch()
            if not mirror.descends(head, commit):
                raise HotshoeError(
                    f"{commit}: is not in the history of the branch {settings.branch}, whose "
                    f"newest commit is {head}\n    -> push it first"
                )
        write_state(places.state, accepted(read_state(places.state), commit))
    console().print(f"Accepted: {mirror.describe(commit)}", soft_wrap=True, markup=False)
    console().print("It is deployed at the next look, or now: systemctl start hotshoe-pull")


@group.command()
@click.option(
    "--keep-pki",
    type=click.Path(path_type=Path, exists=False),
    metavar="FOLDER",
    help="Move the home's certificate authority there; it exists only once.",
)
@one_message
def uninstall(keep_pki: Path | None) -> None:
    """Take pull mode off this computer; nothing of it is left. What was deployed stays."""
    from hotshoe.gitops.pull import installation
    from hotshoe.gitops.pull.lock import alone
    from hotshoe.gitops.pull.places import Places

    installation.require_root()
    places = Places()
    has_pki = places.pki.is_dir() and any(places.pki.iterdir())
    if has_pki and keep_pki is None:
        raise HotshoeError(
            f"{places.pki}: holds the certificate authority of the home, which exists only once\n"
            "    -> keep it: hotshoe pull uninstall --keep-pki FOLDER"
        )
    with alone(places):
        installation.uninstall(places, keep_pki=keep_pki)
    console().print("Pull mode is gone from this computer; what it deployed stays.")
    if has_pki:
        console().print(f"The certificate authority of the home is in {keep_pki}.")


def _exit_status(state: State) -> int:
    from hotshoe.gitops.pull.state import PASSING, SERIOUS

    if any(kind in state.troubles for kind in SERIOUS):
        return 1
    waits = any(kind in state.troubles for kind in PASSING)
    return 2 if waits or not state.deployed else 0


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}" if seconds else "never"
