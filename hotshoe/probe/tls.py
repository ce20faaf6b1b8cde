"""What a client of TLS is told to accept."""

from __future__ import annotations

import contextlib
import ssl
import warnings
from collections.abc import Sequence

from hotshoe.probe.broken import BrokenError, Trouble
from hotshoe.probe.connection import Connection

# "1.2", as an order spells it, and as Python names it.
_VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1}


def _client(versions: Sequence[str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The only curve that vsftpd takes. Post-quantum key shares, which newer versions of OpenSSL
    # send unasked, need a second packet, and where large ones vanish, TLS fails for that alone.
    with contextlib.suppress(ValueError):
        context.set_ecdh_curve("prime256v1")
    if "1.2" not in versions and "1.3" not in versions:
        # TLS 1.0 and 1.1 sign with MD5 and SHA-1, which higher levels refuse.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    try:
        # As cameras do: the server offers what is allowed.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    except (ValueError, OSError):  # this computer's OpenSSL decides
        pass
    return context


def verifying(root: str | None, versions: Sequence[str]) -> ssl.SSLContext:
    """A client that takes only a certificate that proves who the server is.

    :param root: the root certificates that it has; None for those of this computer
    :param versions: of TLS that the server offers, such as ``1.2``
    """
    context = _client(versions)
    if root is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cadata=root)
    return context


def has_roots(root: str | None) -> bool:
    """Whether there is any root certificate to judge by.

    Python for macOS comes without, and takes none of the system's.

    :param root: the root certificates that it has; None for those of this computer
    """
    paths = ssl.get_default_verify_paths()
    if root is not None or paths.cafile or paths.capath:
        return True
    return verifying(None, ("1.2",)).cert_store_stats()["x509_ca"] > 0


def trusting(versions: Sequence[str]) -> ssl.SSLContext:
    """A client that takes any certificate. No password may go through it, unless it is said so.

    :param versions: of TLS that the server offers, such as ``1.2``
    """
    context = _client(versions)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def accepts(connection: Connection, version: str) -> bool | None:
    """Whether a server takes a version of TLS that is out of use.

    :param connection: on which TLS is due
    :param version: ``1.0`` or ``1.1``
    :returns: None if this computer cannot speak that version
    :raises BrokenError: if the connection breaks otherwise
    """
    context = trusting((version,))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = _VERSIONS[version]
        context.set_ciphers("ALL:@SECLEVEL=0")
    except (ValueError, OSError):
        return None
    try:
        connection.begin_tls(context, "")
    except BrokenError as error:
        if error.trouble is Trouble.TLS:
            # An alert is the server's answer; anything else comes from this computer.
            return False if "ALERT" in error.more.upper() else None
        if error.trouble in (Trouble.ENDED, Trouble.RESET):
            return False
        raise
    return True
