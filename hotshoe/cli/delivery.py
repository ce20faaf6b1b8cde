"""``hotshoe delivery``: what a person puts on other computers for deliveries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hotshoe.cli.base import one_message, site_argument
from hotshoe.errors import HotshoeError

if TYPE_CHECKING:
    from hotshoe.plan.model import Plan
    from hotshoe.secrets import Secrets


@click.command("delivery")
@site_argument
@click.option(
    "--fetcher",
    type=(str, click.Path(path_type=Path)),
    metavar="NAME FOLDER",
    help="Write what the computer of this delivery by fetch needs to a new folder.",
)
@one_message
def command(site: str, fetcher: tuple[str, Path] | None) -> None:
    """Print the SSH keys by which photos are sent to SFTP servers.

    SITE is the name of a file in group_vars/; home unless said. Deliveries by sftp that have no
    password in the vault log in with a key, which is derived from its delivery_secret. Standard
    output has the lines for ~/.ssh/authorized_keys there, standard error says where each belongs.

    With --fetcher, nothing is printed: the folder gets all that a computer needs which you set up
    yourself, with its private key.
    """
    from hotshoe.plan.derivation import make_plan
    from hotshoe.secrets import load_secrets
    from hotshoe.site.reading import SiteFiles, load_site

    files = SiteFiles(site)
    described = load_site(files)
    plan, secrets = make_plan(described), load_secrets(files, described)
    if fetcher:
        _write(plan, secrets, *fetcher)
    else:
        _print_keys(plan, secrets)


def _print_keys(plan: Plan, secrets: Secrets) -> None:
    from hotshoe.secrets.delivery_keys import sftp_key

    keys = [
        (server.name, push, sftp_key(secrets.delivery_secret, plan.hostname, push.name).public)
        for server in plan.servers
        for push in server.pushes
        if push.by == "sftp" and secrets.delivery_secret
        if push.name not in secrets.delivery_passwords
    ]
    if not keys:
        click.echo("No delivery of this Site logs in with a key.", err=True)
    for server, push, public in keys:
        # Behind a router that translates, the server dials that router.
        where = f"~{push.username}/.ssh/authorized_keys on {push.home_address or push.host}"
        click.echo(f"{push.name}: add to {where}, where {server} sends photos:", err=True)
        # No terminal, no forwarding (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
        click.echo(f"restrict {public} hotshoe-{push.name}")


def _write(plan: Plan, secrets: Secrets, name: str, folder: Path) -> None:
    """Write what a computer needs to fetch, to a folder that nobody else may look into.

    :raises HotshoeError: if there is no such delivery, or the folder cannot be made
    """
    from hotshoe.debian.fetch import by_hand
    from hotshoe.secrets.delivery_keys import fetch_host_key, fetch_key

    wanted = [fetcher for fetcher in plan.fetchers if fetcher.name == name]
    if not wanted:
        names = ", ".join(fetcher.name for fetcher in plan.fetchers)
        remedy = f"name one of: {names}" if names else "write one into the Site: by: fetch"
        raise HotshoeError(f"{name}: is no delivery by fetch of this Site\n    -> {remedy}")
    secret = secrets.delivery_secret
    assert secret is not None, "checked: the vault has it wherever it is used"
    files = by_hand(
        wanted[0],
        fetch_key(secret, plan.hostname, name, wanted[0].to).private,
        fetch_host_key(secret, plan.hostname, wanted[0].server).public,
    )
    try:
        folder.mkdir(mode=0o700)
        for path, text in files.items():
            (folder / path).parent.mkdir(mode=0o700, exist_ok=True)
            (folder / path).touch(mode=0o600)
            (folder / path).write_text(text)
    except OSError as error:
        raise HotshoeError(
            f"{folder}: {error.strerror}\n"
            "    -> name a folder that is not there yet, in one that is"
        ) from None
