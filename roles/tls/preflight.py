"""Refuse what would leave cameras without a certificate that they trust."""

from __future__ import annotations

from pyinfra import host, logger

from hotshoe import paths
from hotshoe.debian import certificates
from hotshoe.plan.model import ServerPlan
from roles.base.device import device_of
from roles.base.operations import refuse_folder
from roles.base.plans import authority_of, refuse, refusing, secrets_of
from roles.tls.facts import CERTIFICATE


def refuse_unfit(plan: ServerPlan) -> None:
    """Refuse a server if the authority that cameras trust is not here, or does not open.

    :raises RefusedError: with the reason and what to do
    """
    files = authority_of(host)
    root = refusing(files.load_certificate)
    if certificates.is_lost(device_of(host)[CERTIFICATE], root, plan.hostname):
        refuse(
            host,
            f"its certificate is from an authority that is not in {files.folder}",
            f"restore {files.folder} from a backup; or remove {paths.CERTIFICATE} from the server "
            "for a new authority, whose ROOT.CRT every camera must then be given",
        )
    if root is None:
        logger.warning(
            f"{host.name}: a new certificate authority is made in {files.folder}; every camera "
            "needs its ROOT.CRT"
        )
    refuse_folder(paths.CERTIFICATE)
    if why_issue(plan.hostname):
        refusing(lambda: files.load(secrets_of(host.data.site).ca_passphrase))


def why_issue(hostname: str) -> str | None:
    """Say why the server needs a new certificate; None if it has a good one.

    :param hostname: what cameras dial
    """
    device, root = device_of(host), refusing(authority_of(host).load_certificate)
    state = device.paths.get(paths.CERTIFICATE)
    reason = certificates.why_renew(device[CERTIFICATE], root, hostname, certificates.utc_now())
    if state and (state.owner, state.group, state.mode) != ("root", "root", "600"):
        return reason or "its file can be read by others"
    return reason
