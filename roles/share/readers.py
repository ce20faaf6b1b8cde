"""Users on the server who may read the library, and change nothing in it."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api import StringCommand, operation

from hotshoe.debian import intake
from hotshoe.debian.vsftpd import OWNER
from hotshoe.render import render, text
from roles.base.device import device_of
from roles.base.operations import Commands
from roles.share.facts import LET_IN

_MAY = "r-x"


@operation()
def let_in(names: tuple[str, ...]) -> Commands:
    """Let these users get into the library's folder to read, and none who could by hotshoe before.

    An access control list of that folder alone; what is below is open to whoever gets in. So it
    holds for every folder that comes, and ends for all of them at once. They are noted on the host,
    since the person may have let in others.

    + names: of the users

    .. code:: python

        let_in(("ann",), name="Let readers into the library")
    """
    there = device_of(host)[LET_IN]
    if there == dict.fromkeys(names, _MAY):
        host.noop(f"{', '.join(names) or 'nobody'} may read the library")
        return
    script = render("share/readers.sh.j2", names=names, user=intake.USER, owner=OWNER)
    yield StringCommand(script, _stdin=text("share/readable.py"))
