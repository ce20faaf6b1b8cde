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

from hotshoe import pki
from hotshoe.plan import ServerPlan
from hotshoe.vsftpd import CERTIFICATE
from roles.base.device import look
from roles.base.operations import write
from roles.base.plans import authority_of, refusing, secrets_of


@deploy("TLS")
def certificate(plan: ServerPlan) -> OperationMeta:
    """Have a certificate on the server that cameras can verify, renewed long before it ends.

    :returns: the operation, since vsftpd has to be restarted after it
    """
    return _issue(plan.hostname, host.data.site, name=f"Certificate for {plan.hostname}")


@operation()
def _issue(hostname: str, site: str) -> Generator[StringCommand | str, None, None]:
    files = authority_of(host)
    seen = look(host)
    reason = pki.why_renew(
        seen.certificate, refusing(files.load_certificate), hostname, pki.utc_now()
    )
    state = seen.paths.get(CERTIFICATE)
    if state and (state.owner, state.group, state.mode) != ("root", "root", "600"):
        reason = reason or "its file can be read by others"
    if reason is None:
        host.noop("the certificate is good")
        return
    passphrase = secrets_of(site).ca_passphrase
    refusing(lambda: files.load(passphrase))
    # While it prepares (and with --dry), pyinfra stops at the first command; so nothing below it
    # is done before the run really changes the server.
    yield "install -d -m 755 /etc/hotshoe"
    authority = refusing(lambda: files.load_or_create(hostname, passphrase, pki.utc_now()))
    yield write(CERTIFICATE, pki.issue(authority, hostname, pki.utc_now()).decode(), "600")
