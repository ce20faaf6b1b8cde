"""Refuse what would leave cameras without a certificate that they trust."""

from __future__ import annotations

import os
from datetime import timedelta

from pyinfra import host, logger

from hotshoe import paths
from hotshoe.debian.authority_files import utc_now
from hotshoe.debian.renewal import REMEDIES, WARN_DAYS, is_lost, why_renew
from hotshoe.plan.model import ServerPlan
from roles.base.device import device_of
from roles.base.operations import refuse_folder
from roles.base.plans import authority_of, pair_of, refuse, refusing, secrets_of
from roles.tls.facts import CERTIFICATE, CLOCK

# A certificate of the home's own authority begins two days before it is issued; a time zone that
# was taken for another is less.
MOST_APART = timedelta(days=1)


def refuse_unfit(plan: ServerPlan) -> None:
    """Refuse a server if its certificate could not be brought, or would not be trusted.

    :raises RefusedError: with the reason and what to do
    """
    said = plan.certificate
    if said is None:
        return
    refuse_folder(paths.CERTIFICATE)
    _refuse_other_clock()
    if said.issuer == "files":
        verdict = pair_of(host.data.site, said)
        for note in verdict.notes:
            logger.warning(f"{host.name}: {note}")
        assert verdict.ends, "it may go live"
        left = verdict.ends - utc_now()
        if left < timedelta(days=WARN_DAYS):
            logger.warning(
                f"{host.name}: the certificate ends in {left.days} days, on "
                f"{verdict.ends:%Y-%m-%d}; {REMEDIES['files']}"
            )
    if said.issuer == "own-ca":
        _refuse_unfit_authority(plan)


def _refuse_other_clock() -> None:
    """Refuse a server whose clock and this computer's are far apart: one of them is wrong.

    A certificate that this computer dates might end long before its time, or not be valid yet, and
    an authority's might be refused.

    :raises RefusedError: with the reason and what to do
    """
    clock = device_of(host)[CLOCK]
    apart = abs(clock - utc_now()) if clock else timedelta()
    if apart > MOST_APART:
        refuse(
            host,
            f"its clock and that of this computer are {apart.days} days and "
            f"{apart.seconds // 3600} hours apart, and certificates begin and end by them",
            "set the one that is wrong, for example: timedatectl set-ntp true",
        )


def _refuse_unfit_authority(plan: ServerPlan) -> None:
    """Refuse a server if the authority that cameras trust is not here, or does not open.

    :raises RefusedError: with the reason and what to do
    """
    files = authority_of(host)
    roots = refusing(files.load_roots)
    if is_lost(device_of(host)[CERTIFICATE], roots, plan.hostname):
        refuse(
            host,
            f"its certificate is from an authority that is not in {files.folder}",
            f"restore {files.folder} from a backup; or remove {paths.CERTIFICATE} from the server "
            "for a new authority, whose ROOT.CRT every camera must then be given",
        )
    if roots is None and os.environ.get("CI") and not host.data.get("stage"):
        refuse(
            host,
            f"there is no {files.folder}, and an authority that a pipeline made would be gone with "
            "its job",
            f"run hotshoe authority create {host.data.site} on your computer, and commit pki/: its "
            "key is encrypted",
        )
    if roots is None:
        logger.warning(
            f"{host.name}: a new certificate authority is made in {files.folder}; every camera "
            "needs its ROOT.CRT"
        )
    elif roots.current.not_valid_after_utc < utc_now():
        refuse(
            host,
            f"the root certificate in {files.folder} expired on "
            f"{roots.current.not_valid_after_utc:%Y-%m-%d}",
            f"move that folder away, remove {paths.CERTIFICATE} from the server, deploy, and give "
            "every camera the new ROOT.CRT",
        )
    elif roots.previous:
        logger.warning(
            f"{host.name}: cameras may trust either of two certificate authorities; give each the "
            f"new root certificate in {files.folder}, then end that: hotshoe authority finish"
        )
    if why_issue(plan.hostname):
        refusing(lambda: files.load(secrets_of(host.data.site).ca_passphrase))


def why_issue(hostname: str) -> str | None:
    """Say why the server needs a new certificate; None if it has a good one.

    :param hostname: what cameras dial
    """
    device, roots = device_of(host), refusing(authority_of(host).load_roots)
    state = device.paths.get(paths.CERTIFICATE)
    reason = why_renew(device[CERTIFICATE], roots, hostname, utc_now())
    if state and (state.owner, state.group, state.mode) != ("root", "root", "600"):
        return reason or "its file can be read by others"
    return reason
