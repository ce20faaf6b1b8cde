"""What a probe is told, from a Plan."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from ipaddress import collapse_addresses
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hotshoe.check.resolvers import RESOLVERS
from hotshoe.debian.authority_files import AuthorityFiles
from hotshoe.debian.camera_roots import roots_of
from hotshoe.errors import HotshoeError
from hotshoe.plan.model import Plan, ServerPlan
from hotshoe.probe.order import Control, Order

# How many sessions a camera opens at once, as seen of Canon's and Sony's.
SESSIONS = 8
# A packet that was lost is sent again after one second and after three (RFC 6298).
PATIENCE = 5.0
# Without look-alikes, and one case: a person may have to type it.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_RUN_LENGTH = 8


@dataclass(frozen=True)
class Options:
    """What a person says about a check.

    :param quick: whether to see the server behind a few of the passive ports only
    :param slow_seconds: for how long the slow upload goes on; 0 to leave it out
    :param root: a file with the root certificates that cameras have; None for the Site's own
    :param pki: the folder that holds ``pki/`` with the home's authority
    """

    quick: bool = False
    slow_seconds: float = 0.0
    root: Path | None = None
    pki: Path = Path()


def new_run() -> str:
    """Letters and digits that no other run has."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_RUN_LENGTH))


def make_order(
    plan: Plan,
    server: ServerPlan,
    camera: str,
    password: str | None,
    options: Options,
    dial: str | None = None,
) -> Order:
    """What a probe is told to look at one server.

    :param camera: one of the server's
    :param password: its password; None to stop before the log-in
    :param dial: what cameras dial on a direct link; None for the host name
    :raises HotshoeError: if the root certificate cannot be read, or is not made yet
    """
    encryption = server.encryption
    inside = (*server.inside, *(router.lan.network for router in plan.routers))
    # A direct link has no router, and its address is in no DNS.
    direct = server.only_on is not None
    public = (str(plan.public_address),) if plan.public_address and not direct else ()
    return Order(
        run=new_run(),
        hostname=dial or server.hostname,
        public=public,
        address6=None if direct or not server.address6 else str(server.address6),
        inside=tuple(str(network) for network in collapse_addresses(inside)),
        server=dial or str(server.address),
        controls=tuple(Control(control.port, control.tls) for control in server.control_ports),
        passive=(server.passive.first, server.passive.last),
        versions=encryption.versions if encryption else (),
        root=_root_certificates(plan, server, options) if encryption else None,
        user=camera,
        password=password,
        sessions=min(SESSIONS, server.max_per_camera, server.max_per_address),
        quick=options.quick,
        slow_seconds=options.slow_seconds,
        patience=PATIENCE,
        resolvers=() if direct else RESOLVERS,
        made=time.time(),
    )


def _root_certificates(plan: Plan, server: ServerPlan, options: Options) -> str | None:
    """The root certificates by which cameras know the server, as PEM; None if they have them.

    :raises HotshoeError: if a file cannot be read, or the authority is not made yet
    """
    if options.root:
        roots = _certificates_in(options.root)
    elif server.certificate:
        authority = AuthorityFiles.of(plan, options.pki)
        roots = roots_of(server.certificate, Path(), authority)
    else:
        roots = []
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in roots) or None


def _certificates_in(path: Path) -> list[x509.Certificate]:
    """The certificates of a file, which may be PEM or DER.

    :raises HotshoeError: if there is none in it
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HotshoeError(
            f"{path}: cannot be read: {error.strerror}\n    -> name a file with root certificates"
        ) from None
    try:
        if b"-----BEGIN" in content:
            return x509.load_pem_x509_certificates(content)
        return [x509.load_der_x509_certificate(content)]
    except ValueError:
        raise HotshoeError(
            f"{path}: is no certificate\n    -> name a file with root certificates, PEM or DER"
        ) from None
