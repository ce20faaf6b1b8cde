"""A server: the roles that it has, in the order in which they must come.

Each is a folder here with the deploys of the role, ``facts.py`` (what it has on a host, and what
else it has to know of it) and ``preflight.py`` (what it refuses); its texts are in the folder of
templates/ that has the same name. None knows another.
"""

from __future__ import annotations

from pyinfra import host
from pyinfra.api.deploy import deploy

from hotshoe import paths
from hotshoe.plan.model import ServerPlan
from roles import address, firewall, intake, tls, users, vsftpd
from roles.base import operations
from roles.base.device import read
from roles.base.plans import refuse
from roles.base.preflight import refuse_system

_ALWAYS = tuple(role.FOOTPRINT for role in (vsftpd, tls, users, firewall, intake))
FOOTPRINTS = (*_ALWAYS, address.FOOTPRINT)


def refuse_unfit(plan: ServerPlan) -> None:
    """Look at a server, and refuse it if it is another machine or if a role refuses it.

    :raises RefusedError: with the reason and what to do
    """
    device = read(host, FOOTPRINTS)
    addresses = device.network.addresses
    refuse_system(device)
    if str(plan.address) not in addresses:
        refuse(
            host,
            f"has no address {plan.address}, so it is not the server of the Site "
            f"(it has {', '.join(addresses)})",
            "give it that fixed address, or correct server.address",
        )
    if plan.address6 and str(plan.address6) not in addresses:
        refuse(
            host,
            f"has no address {plan.address6}",
            "give it that fixed address, or remove address6 from the Site",
        )
    vsftpd.refuse_unfit(plan)
    tls.refuse_unfit(plan)
    users.refuse_unfit(plan)
    firewall.refuse_unfit(plan)


def install(plan: ServerPlan) -> None:
    """Set up a server that is ready for cameras, and protected."""
    vsftpd.mask()
    _packages(plan)
    certificate = tls.certificate(plan)
    vsftpd.accounts()
    intake.account()
    users.cameras(plan)
    intake.folders(plan)
    firewall.server(plan)
    if plan.follower:
        address.follow(plan, plan.follower)
    intake.run(plan)
    vsftpd.daemon(plan, certificate)
    if not plan.follower:
        address.remove()
    vsftpd.sessions(plan)


@deploy("Server")
def _packages(plan: ServerPlan) -> None:
    """Install what all roles need at once, since each call of apt-get takes seconds."""
    names = [name for footprint in _ALWAYS for name in footprint.packages]
    operations.packages((*names, *address.packages(plan)), name="Install packages")
    operations.folders((paths.FOLDER,), name="Create the configuration folder")
