"""The ``hotshoe`` command: a module for each top-level command.

What only some commands need is imported inside them, so that the others start without waiting for
it: images, keys and containers together take longer than making a Plan.
"""

from __future__ import annotations

import click

from hotshoe import environment
from hotshoe.cli import (
    apply,
    authority,
    check,
    comment,
    delivery,
    diff,
    init,
    password,
    photos,
    plan,
    pull,
    rehearse,
    sheet,
    stage,
    trust,
)
from hotshoe.cli.base import one_message


@click.group()
@click.version_option(package_name="hotshoe")
@one_message
def main() -> None:
    """A private FTPS drop at home that a camera reaches from anywhere.

    Run it in the folder that holds deploy.py and group_vars/.
    """
    # Before anything is started that could inherit it.
    environment.take()


main.add_command(init.command)
main.add_command(plan.command)
main.add_command(check.command)
main.add_command(sheet.command)
main.add_command(password.command)
main.add_command(photos.command)
main.add_command(delivery.command)
main.add_command(rehearse.command)
main.add_command(trust.command)
main.add_command(diff.diff)
main.add_command(comment.command)
main.add_command(apply.command)
main.add_command(diff.drift)
main.add_command(stage.group)
main.add_command(authority.group)
main.add_command(pull.group)
