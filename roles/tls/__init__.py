"""The server's certificate: of an authority on the computer that deploys, or the person's own.

The authority's key never reaches the server; the server's key is made in memory and kept nowhere
else. A new certificate needs a restart of vsftpd, which the vsftpd role takes care of.
"""

from __future__ import annotations

from collections.abc import Generator

from cryptography.hazmat.primitives.serialization import Encoding
from pyinfra import host
from pyinfra.api import FunctionCommand, Host, State, StringCommand, operation
from pyinfra.api.deploy import deploy
from pyinfra.api.exceptions import OperationError
from pyinfra.api.operation import OperationMeta

from hotshoe.debian import pair
from hotshoe.debian.authority import issue
from hotshoe.debian.authority_files import utc_now
from hotshoe.debian.renewal import REMEDIES, WARN_DAYS
from hotshoe.paths import CERTIFICATE, FOLDER, UNITS, WATCH_CERTIFICATE
from hotshoe.plan.model import CertificatePlan, ServerPlan
from hotshoe.render import render
from roles.base import operations
from roles.base.operations import write
from roles.base.plans import authority_of, pair_of, refusing, secrets_of
from roles.tls.facts import FOOTPRINT, WATCH, WATCH_SERVICE
from roles.tls.preflight import refuse_unfit, why_issue

__all__ = ["FOOTPRINT", "certificate", "refuse_unfit", "watch"]


@deploy("TLS")
def certificate(plan: ServerPlan) -> OperationMeta:
    """Bring a certificate that cameras can verify, and renew an authority's long before it ends.

    :returns: the operation, since vsftpd has to be restarted after it
    """
    said = plan.certificate
    if said is None:
        return operations.removed((CERTIFICATE,), name="Remove the certificate")
    if said.issuer == "files":
        pem = pair_of(host.data.site, said).pem.decode()
        return operations.put(CERTIFICATE, pem, mode="600", name="Bring the person's certificate")
    reason = why_issue(plan.hostname)
    issued = _issue(plan.hostname, reason, name=f"Issue the certificate for {plan.hostname}")
    _export(name="Export the root certificate for cameras")
    return issued


@operation()
def _issue(hostname: str, reason: str | None) -> Generator[StringCommand | str, None, None]:
    """Issue a certificate, and with the first one of a home its authority.

    + hostname: what cameras dial
    + reason: why the server needs one; None if it does not

    .. code:: python

        _issue("photos.example.net", "it has none", name="Issue the certificate")
    """
    if reason is None:
        host.noop("the certificate is good")
        return
    # While it prepares (and with --dry), pyinfra stops at the first command; so nothing below it
    # is done before the run really changes the server.
    yield f"install -d -m 755 {FOLDER}"
    files, passphrase = authority_of(host), secrets_of(host.data.site).ca_passphrase
    authority, now = files.load_or_create(hostname, passphrase, utc_now()), utc_now()
    pem, roots = issue(authority, hostname, now), authority.roots
    # By the root that has been on cameras for longest.
    trusted = (roots.previous or roots.current).public_bytes(Encoding.PEM)
    if findings := pair.check(pem, pem, hostname, now, root=trusted).findings:
        raise OperationError(f"what {files.folder} issues must not go live: {findings[0]}")
    yield write(CERTIFICATE, pem.decode(), "600")


@operation()
def _export() -> Generator[FunctionCommand, None, None]:
    """Write the files for cameras again that somebody moved, or that a killed run left behind.

    .. code:: python

        _export(name="Export the root certificate")
    """
    files = authority_of(host)
    roots = refusing(files.load_roots)
    lacking = files.lacking(roots) if roots else []
    if not lacking:
        host.noop("the files for cameras are there")
        return
    yield FunctionCommand(_write_exports, (), {})


def _write_exports(state: State, host: Host) -> bool:  # noqa: ARG001 - pyinfra's signature
    """Write them, on the computer that deploys.

    :returns: True; pyinfra would fail the operation otherwise
    """
    files = authority_of(host)
    roots = refusing(files.load_roots)
    if roots:
        files.export(roots)
    return True


@deploy("TLS")
def watch(plan: ServerPlan) -> None:
    """Tell the journal from weeks ahead that the certificate ends; without TLS, remove that."""
    if plan.certificate is None:
        operations.absent(
            WATCH,
            (f"{UNITS}/{WATCH_SERVICE}", WATCH_CERTIFICATE),
            name="Remove what watches the certificate",
        )
        return
    files = operations.put_all(
        {
            WATCH_CERTIFICATE: _program(plan.hostname, plan.certificate),
            f"{UNITS}/{WATCH_SERVICE}": render(
                "tls/certificate.service.j2", hostname=plan.hostname
            ),
            f"{UNITS}/{WATCH}": render("tls/certificate.timer.j2", hostname=plan.hostname),
        },
        (WATCH_CERTIFICATE,),
        name="Install hotshoe-certificate",
    )
    operations.timer(
        WATCH, [files], name="Start hotshoe-certificate to tell when the certificate ends"
    )


def _program(hostname: str, said: CertificatePlan) -> str:
    return render(
        "tls/certificate.sh.j2", hostname=hostname, days=WARN_DAYS, remedy=REMEDIES[said.issuer]
    )
