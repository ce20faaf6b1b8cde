"""The library as a network folder of the home, and its readers on the server.

Samba runs as a user of its own, who sees the library and nothing else of the photos; what it keeps
is in /run. Debian's own Samba, with what is in /etc/samba, stays the person's.
"""

from __future__ import annotations

from pyinfra import host
from pyinfra.api import operation
from pyinfra.api.deploy import deploy

from hotshoe import paths
from hotshoe.debian import intake
from hotshoe.debian import share as core
from hotshoe.debian.vsftpd import OWNER
from hotshoe.plan.model import ServerPlan, Share
from hotshoe.render import render
from roles.base import operations
from roles.base.device import device_of
from roles.base.operations import Commands
from roles.base.plans import secrets_of
from roles.share import packaged
from roles.share.facts import ACL, FOOTPRINT, LET_IN, READERS, footprints
from roles.share.preflight import refuse_unfit
from roles.share.readers import let_in

__all__ = [
    "FOOTPRINT",
    "READERS",
    "footprints",
    "install",
    "keep_back",
    "packages",
    "readers",
    "refuse_unfit",
    "remove",
]


def packages(plan: ServerPlan) -> tuple[str, ...]:
    """The Debian packages that a server needs for it; none where nobody else reads the library."""
    names = core.PACKAGES[device_of(host).os.split()[1]] if plan.share else ()
    return (*names, ACL) if plan.readers else names


@deploy("Share")
def keep_back() -> None:
    """Before its packages are there: Debian's own units would share what the person never said."""
    packaged.keep_back()


@deploy("Share")
def install(plan: ServerPlan, share: Share) -> None:
    """Have the home see the library as a network folder."""
    packaged.released(name="Let go of Debian's own units")
    operations.account(
        core.USER, "/nonexistent", unit=core.SAMBA.name, name="Create the user of the share"
    )
    secret = secrets_of(host.data.site).share_password
    assert secret is not None, "checked: the vault has it wherever it is used"
    needs = [
        operations.put(
            paths.SHARE_PASSWORD,
            core.password_file(secret),
            mode="600",
            name="Install the hashed password of the share",
        ),
        operations.put(
            paths.SHARE_USERS, core.users(), name="Configure who the share's user is on the server"
        ),
        operations.put(
            paths.SHARE_CONFIGURATION,
            render("share/smb.conf.j2", server=plan, share=core, owner=OWNER),
            name="Configure Samba" + (" to let photos be changed" if share.may_change else ""),
        ),
        operations.put(
            core.SAMBA.path,
            render("share/service.j2", server=plan, unit=core.SAMBA, user=core.USER, owner=OWNER),
            name="Install the unit of the share",
        ),
    ]
    operations.service(
        core.SAMBA.name,
        needs,
        name="Start the share",
    )
    _announce(plan)


def _announce(plan: ServerPlan) -> None:
    """Have it seen by macOS, Linux and Windows without an address typed."""
    operations.put(
        paths.SHARE_ANNOUNCED, render("share/avahi.j2"), name="Announce the share by mDNS"
    )
    packaged.announcing(name="Start avahi")
    runs = operations.put(
        core.DISCOVERY.path,
        render("share/discovery.service.j2", server=plan, unit=core.DISCOVERY),
        name="Install the unit that shows the share to Windows",
    )
    operations.service(
        core.DISCOVERY.name,
        [runs],
        ready="ss -Hlunp sport = :3702 | grep -q wsdd2",
        name="Show the share to Windows",
    )


@deploy("Share")
def readers(plan: ServerPlan) -> None:
    """Let the users whom the Site names read the library, and nobody else who could before."""
    # An operation costs time for every host, also where it changes nothing.
    before = device_of(host)[LET_IN]
    if plan.readers or before:
        let_in(plan.readers, name="Let readers into the library")


@deploy("Share")
def remove() -> None:
    """Have no share."""
    packaged.released(name="Let go of Debian's own units")
    operations.absent(core.DISCOVERY.name, (), name="Remove what shows the share to Windows")
    operations.absent(
        core.SAMBA.name,
        (
            *(paths.SHARE_CONFIGURATION, paths.SHARE_USERS, paths.SHARE_PASSWORD),
            *(paths.SHARE_ANNOUNCED, core.SAMBA.record, core.DISCOVERY.record),
        ),
        name="Remove the share",
    )
    packaged.not_announcing(name="Stop avahi")
    _given_back(name="Leave what the share put into the library to those who own the rest")
    operations.no_accounts((core.USER,), name="Remove the user of the share")


@operation()
def _given_back() -> Commands:
    """Have nothing in the library that the share's user owns.

    .. code:: python

        _given_back(name="Leave what the share put into the library")
    """
    if core.USER not in device_of(host).accounts:
        host.noop("there is no such user")
        return
    yield render("share/give_back.sh.j2", user=core.USER, owner=OWNER, folders=intake.USER)
