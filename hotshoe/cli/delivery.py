"""``hotshoe delivery``: the public keys that a person puts on SFTP servers."""

from __future__ import annotations

import click

from hotshoe.cli.base import one_message, site_argument


@click.command("delivery")
@site_argument
@one_message
def command(site: str) -> None:
    """Print the SSH keys by which photos are sent to SFTP servers.

    SITE is the name of a file in group_vars/; home unless said. Deliveries by sftp that have no
    password in the vault log in with a key, which is derived from its delivery_secret. Standard
    output has the lines for ~/.ssh/authorized_keys there, standard error says where each belongs.
    """
    from hotshoe.plan.derivation import make_plan
    from hotshoe.secrets import load_secrets
    from hotshoe.secrets.delivery_keys import sftp_key
    from hotshoe.site.reading import SiteFiles, load_site

    files = SiteFiles(site)
    described = load_site(files)
    plan, secrets = make_plan(described), load_secrets(files, described)
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
        where = f"~{push.username}/.ssh/authorized_keys on {push.host}"
        click.echo(f"{push.name}: add to {where}, where {server} sends photos:", err=True)
        # No terminal, no forwarding (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
        click.echo(f"restrict {public} hotshoe-{push.name}")
