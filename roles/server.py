"""A server: the roles that it has, in the order in which they must come.

Each is a folder here with the deploys of the role, ``facts.py`` (what it has on a host, and what
else it has to know of it) and ``preflight.py`` (what it refuses); its texts are in the folder of
templates/ that has the same name. None knows another.
"""

from __future__ import annotations

from pyinfra import host
from pyinfra.api.deploy import deploy

from hotshoe.plan.model import Acme, ServerPlan
from roles import (
    acme,
    address,
    delivery,
    fetch,
    firewall,
    intake,
    message,
    share,
    tls,
    users,
    vsftpd,
)
from roles.base import operations
from roles.base.device import device_of, read
from roles.base.plans import refuse
from roles.base.preflight import refuse_another

_ALWAYS = tuple(role.FOOTPRINT for role in (vsftpd, tls, users, firewall, intake))
_AT_TIMES = tuple(role.FOOTPRINT for role in (address, acme, share, message, delivery, fetch))
FOOTPRINTS = (*_ALWAYS, *_AT_TIMES, share.READERS)


def refuse_unfit(plan: ServerPlan) -> None:
    """Look at a server, and refuse it if it is another machine or if a role refuses it.

    :raises RefusedError: with the reason and what to do
    """
    device = read(host, (*FOOTPRINTS, *acme.footprints(plan), *share.footprints(plan)))
    addresses = device.network.addresses
    remedy = "give it that fixed address, or correct server.address"
    refuse_another(device, plan.address, "the server of the Site", remedy)
    if plan.address6 and str(plan.address6) not in addresses:
        refuse(
            host,
            f"has no address {plan.address6}",
            "give it that fixed address, or remove address6 from the Site",
        )
    vsftpd.refuse_unfit(plan)
    tls.refuse_unfit(plan)
    if authority := _acme(plan):
        acme.refuse_unfit(plan, authority)
    users.refuse_unfit(plan)
    firewall.refuse_unfit(plan)
    share.refuse_unfit(plan)
    fetch.refuse_unfit(plan)


def install(plan: ServerPlan) -> None:
    """Set up a server that is ready for cameras, and protected."""
    vsftpd.mask()
    if plan.share:
        share.keep_back()
    _packages(plan)
    authority = _acme(plan)
    certificate = acme.certificate(plan) if authority else tls.certificate(plan)
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
    tls.watch(plan)
    vsftpd.sessions(plan)
    if authority:
        acme.install(plan, authority)
    else:
        acme.remove()
    _out_of_the_library(plan)


def _out_of_the_library(plan: ServerPlan) -> None:
    """Set up what photos leave the library by; it is no condition of taking photos in."""
    # An operation that finds nothing to remove would cost each deploy its time.
    has_any_of = device_of(host).has_any_of
    share.readers(plan)
    if plan.share:
        share.install(plan, plan.share)
    elif has_any_of(share.FOOTPRINT):
        share.remove()
    if plan.message:
        message.install(plan, plan.message)
    elif has_any_of(message.FOOTPRINT):
        message.remove()
    if plan.delivers:
        delivery.install(plan)
    elif has_any_of(delivery.FOOTPRINT):
        delivery.remove()
    if plan.fetch_port:
        fetch.install(plan)
    elif has_any_of(fetch.FOOTPRINT):
        fetch.remove()


def certify(plan: ServerPlan) -> None:
    """Get the certificate where an authority has to get in first, once it can."""
    if authority := _acme(plan):
        acme.obtain(plan, authority)


def own_paths(plan: ServerPlan) -> tuple[str, ...]:
    """Where a server has what is the person's own and the Site names."""
    authority = _acme(plan)
    return (authority.hook,) if authority and authority.hook else ()


def _acme(plan: ServerPlan) -> Acme | None:
    """How an ACME authority issues this server's certificate; None if it comes from elsewhere."""
    return plan.certificate.acme if plan.certificate else None


@deploy("Server")
def _packages(plan: ServerPlan) -> None:
    """Install what all roles need at once, since each call of apt-get takes seconds."""
    names = [name for footprint in _ALWAYS for name in footprint.packages]
    names += address.packages(plan)
    if authority := _acme(plan):
        names += acme.packages(authority)
    names += share.packages(plan)
    if plan.message:
        names += message.FOOTPRINT.packages
    if plan.delivers:
        names += delivery.packages(plan)
    if plan.fetch_port:
        names += fetch.FOOTPRINT.packages
    operations.packages(tuple(names), name="Install packages")
