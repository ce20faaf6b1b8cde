"""The server's certificate, from a certificate authority on the computer that deploys.

The authority's key never reaches the server; the server's key is made in memory and kept nowhere
else. A renewed certificate needs a restart of vsftpd, which the vsftpd role takes care of.
"""

from __future__ import annotations

from collections.abc import Generator

from pyinfra import host, logger
from pyinfra.api import StringCommand, operation
from pyinfra.api.deploy import deploy
from pyinfra.api.operation import OperationMeta

from hotshoe.debian import certificates
from hotshoe.paths import CERTIFICATE, FOLDER
from hotshoe.plan.model import ServerPlan
from roles.base.device import look
from roles.base.operations import refuse_folder, write
from roles.base.plans import authority_of, refuse, refusing, secrets_of


@deploy("TLS")
def certificate(plan: ServerPlan) -> OperationMeta:
    """Have a certificate on the server that cameras can verify, renewed long before it ends.

    :returns: the operation, since vsftpd has to be restarted after it
    """
    reason = _why_issue(plan.hostname)
    return _issue(plan.hostname, reason, name=f"Certificate for {plan.hostname}")


def _why_issue(hostname: str) -> str | None:
    """Say why the server needs a new certificate; None if it has a good one.

    :raises RefusedError: if the authority that cameras trust is not here, or does not open
    """
    files = authority_of(host)
    seen = look(host)
    root = refusing(files.load_certificate)
    if certificates.is_lost(seen.certificate, root, hostname):
        refuse(
            host,
            f"its certificate is from an authority that is not in {files.folder}",
            f"restore {files.folder} from a backup; or remove {CERTIFICATE} from the server for a "
            "new authority, whose ROOT.CRT every camera must then be given",
        )
    if root is None:
        logger.warning(
            f"{host.name}: a new certificate authority is made in {files.folder}; every camera "
            "needs its ROOT.CRT"
        )
    refuse_folder(CERTIFICATE)
    reason = certificates.why_renew(seen.certificate, root, hostname, certificates.utc_now())
    state = seen.paths.get(CERTIFICATE)
    if state and (state.owner, state.group, state.mode) != ("root", "root", "600"):
        reason = reason or "its file can be read by others"
    if reason:
        refusing(lambda: files.load(secrets_of(host.data.site).ca_passphrase))
    return reason


@operation()
def _issue(hostname: str, reason: str | None) -> Generator[StringCommand | str, None, None]:
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
