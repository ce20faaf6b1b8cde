"""The server's certificate, from a certificate authority on the computer that deploys.

The authority's key never reaches the server; the server's key is made in memory and kept nowhere
else. A renewed certificate needs a restart of vsftpd, which the vsftpd role takes care of.
"""

from __future__ import annotations

from collections.abc import Generator

from pyinfra import host
from pyinfra.api import StringCommand, operation
from pyinfra.api.deploy import deploy
from pyinfra.api.operation import OperationMeta

from hotshoe.debian import certificates
from hotshoe.paths import CERTIFICATE, FOLDER
from hotshoe.plan.model import ServerPlan
from roles.base.operations import write
from roles.base.plans import authority_of, secrets_of
from roles.tls.facts import FOOTPRINT
from roles.tls.preflight import refuse_unfit, why_issue

__all__ = ["FOOTPRINT", "certificate", "refuse_unfit"]


@deploy("TLS")
def certificate(plan: ServerPlan) -> OperationMeta:
    """Issue a certificate that cameras can verify, and renew it long before it ends.

    :returns: the operation, since vsftpd has to be restarted after it
    """
    reason = why_issue(plan.hostname)
    return _issue(plan.hostname, reason, name=f"Issue the certificate for {plan.hostname}")


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
    authority = files.load_or_create(hostname, passphrase, certificates.utc_now())
    yield write(
        CERTIFICATE, certificates.issue(authority, hostname, certificates.utc_now()).decode(), "600"
    )
