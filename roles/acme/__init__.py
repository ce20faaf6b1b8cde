"""The server's certificate, from an ACME authority: Debian's certbot gets it and renews it.

vsftpd starts with a certificate that nobody trusts. The authority may have to get in at port 80
first, so the real one comes last, once routers lead to the server. A deploy neither writes nor
compares what certbot has got; it compares the settings with which it was got.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from pathlib import Path

from pyinfra import host
from pyinfra.api import StringCommand, operation
from pyinfra.api.deploy import deploy
from pyinfra.api.operation import OperationMeta

from hotshoe import paths
from hotshoe.debian import acme as core
from hotshoe.debian import acme_files, pair
from hotshoe.debian.authority_files import utc_now
from hotshoe.plan.model import Acme, ServerPlan
from hotshoe.render import render, texts
from roles.acme.bundle import ca_bundle
from roles.acme.facts import (
    CONFIGURATIONS,
    FILES,
    FOOTPRINT,
    IN_USE,
    MODULES,
    SERVICE,
    STAMP,
    TIMER,
    footprints,
)
from roles.acme.preflight import refuse_unfit
from roles.base import operations
from roles.base.device import device_of
from roles.base.plans import secrets_of
from roles.base.servers import comes_later

__all__ = [
    "FOOTPRINT",
    "certificate",
    "footprints",
    "install",
    "obtain",
    "packages",
    "refuse_unfit",
    "remove",
]


def packages(acme: Acme) -> tuple[str, ...]:
    """The Debian packages that a server needs for it."""
    return core.packages(acme)


@deploy("ACME")
def certificate(plan: ServerPlan) -> OperationMeta:
    """Have vsftpd start, with a certificate that nobody trusts where there is none yet.

    :returns: the operation, since vsftpd has to be restarted after it
    """
    return _stand_in(plan.hostname, name="Make a certificate to start with")


@deploy("ACME")
def install(plan: ServerPlan, acme: Acme) -> None:
    """Install what gets the certificate and renews it."""
    operations.folders((paths.ACME_PROGRAM,), name="Create the folder of hotshoe-acme")
    modules = {**texts(MODULES), paths.PAIR: Path(pair.__file__).read_text()}
    operations.put_all(modules, name="Install the modules of hotshoe-acme")
    operations.put(
        paths.ACME,
        render(
            "acme/hotshoe-acme.sh.j2",
            packages=paths.PACKAGES,
            configuration=paths.ACME_CONFIGURATION,
        ),
        mode="755",
        name="Install hotshoe-acme",
    )
    configured = _configured(plan, acme)
    # The one with the settings comes last: they are recorded with the certificate that was got, and
    # the timer may get one between two of these.
    for path, what in (
        (paths.ACME_CERTBOT, "Configure certbot"),
        (paths.ACME_CREDENTIALS, "Install the TSIG key of certbot"),
        (paths.ACME_CA_BUNDLE, "Install what the authority's HTTPS is verified by"),
        (paths.ACME_CONFIGURATION, "Configure hotshoe-acme"),
    ):
        if path in configured:
            mode = "600" if path == paths.ACME_CREDENTIALS else "644"
            operations.put(path, configured[path], mode=mode, name=what)
    unused = tuple(path for path in CONFIGURATIONS if path not in configured)
    operations.removed(unused, name="Remove what this way to prove the name does not use")
    service = operations.put(
        f"{paths.UNITS}/{SERVICE}",
        render("acme/service.j2", program=paths.ACME, hostname=plan.hostname),
        name="Install the unit of hotshoe-acme",
    )
    timer = operations.put(
        f"{paths.UNITS}/{TIMER}",
        render("acme/timer.j2", hostname=plan.hostname),
        name="Install the timer of hotshoe-acme",
    )
    operations.timer(TIMER, [service, timer], name="Start the timer that renews the certificate")


def _configured(plan: ServerPlan, acme: Acme) -> dict[str, str]:
    """The configuration files that this server has."""
    found = {
        paths.ACME_CONFIGURATION: core.configuration(acme, plan.hostname, plan.challenge_port),
        paths.ACME_CERTBOT: core.certbot(acme),
    }
    if acme.update:
        secret = secrets_of(host.data.site).acme_secret
        assert secret is not None, "checked: the vault has it wherever it is used"
        found[paths.ACME_CREDENTIALS] = core.credentials(acme.update, secret)
    if bundle := ca_bundle(host, acme):
        found[paths.ACME_CA_BUNDLE] = bundle
    return found


@deploy("ACME")
def obtain(plan: ServerPlan, acme: Acme) -> None:
    """Get the certificate, once the authority can get in."""
    settings = core.settings(acme, plan.hostname)
    comes_later(_obtain(settings, name=f"Get the certificate for {plan.hostname}"))


@deploy("ACME")
def remove() -> None:
    """Remove all of it where certificates come from elsewhere, once vsftpd has another one."""
    operations.absent(TIMER, (STAMP,), name="Remove the timer of hotshoe-acme")
    operations.absent(SERVICE, FILES, name="Remove hotshoe-acme")


@operation()
def _stand_in(hostname: str) -> Generator[StringCommand, None, None]:
    """Make a certificate with which vsftpd starts, unless there is one.

    + hostname: what cameras dial

    .. code:: python

        _stand_in("photos.example.net", name="Make a certificate to start with")
    """
    state = device_of(host).paths.get(paths.CERTIFICATE)
    if state is None:
        text = acme_files.stand_in(hostname, utc_now())
        yield operations.write(paths.CERTIFICATE, text, "600")
    elif (state.owner, state.group, state.mode) != ("root", "root", "600"):
        yield StringCommand(f"chown root:root {paths.CERTIFICATE} && chmod 600 {paths.CERTIFICATE}")
    else:
        host.noop("there is a certificate")


@operation()
def _obtain(settings: str) -> Generator[StringCommand, None, None]:
    """Get a certificate with these settings, unless that is done.

    + settings: what decides which certificate it is

    .. code:: python

        _obtain(text, name="Get the certificate for photos.example.net")
    """
    device = device_of(host)
    record = device.paths.get(paths.ACME_OBTAINED)
    done = record is not None and record.sha256 == hashlib.sha256(settings.encode()).hexdigest()
    if done and device[IN_USE]:
        host.noop("it is there")
        return
    yield StringCommand(render("acme/obtain.sh.j2", service=SERVICE))
