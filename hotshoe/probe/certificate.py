"""The server's certificate, as a camera sees it that has no roots but those of the order."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta, timezone

from hotshoe.probe import der, tls
from hotshoe.probe.connection import Connection
from hotshoe.probe.layers import Layer, Problem
from hotshoe.probe.session import Way
from hotshoe.probe.teller import Teller

# Of OpenSSL's X509_V_ERR_….
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED, _HOSTNAME = 9, 10, (18, 19), (62, 64)
_ENDS_SOON = timedelta(days=21)
# What is made for a shorter life is renewed later.
_SHARE_LEFT = 4
# A camera's clock is set by hand, and knows no time zone.
_CAMERA_BEHIND = timedelta(days=1)
_CLOCKS_DIFFER = 300
# What the home's own authorities are called.
_OURS = "hotshoe root"


def look(
    teller: Teller, way: Way, connection: Connection, doubt: ssl.SSLCertVerificationError | None
) -> bool:
    """Tell about the certificate.

    :param connection: with TLS
    :param doubt: why it does not prove who the server is, if it does not
    :returns: whether it does
    """
    stream = connection.tls
    assert stream is not None
    now = datetime.now(timezone.utc)
    data: dict[str, object] = {"port": way.control.port}
    clock = _tell_clock(teller, now, data)
    try:
        certificate = der.read(stream.getpeercert(binary_form=True) or b"")
    except ValueError as error:
        said = doubt.verify_message if doubt else f"{error}"
        teller.fail(Layer.CERTIFICATE, Problem.CERTIFICATE_ISSUER, said, **data)
        return False
    data |= {
        "common_name": certificate.common_name,
        "names": list(certificate.names),
        "issuer": certificate.issuer,
        "begins": certificate.begins.isoformat(),
        "ends": certificate.ends.isoformat(),
    }
    if doubt is not None and not tls.has_roots(way.order.root):
        evidence = "Python has no root certificates on this computer, to judge by"
        teller.unknown(Layer.CERTIFICATE, evidence, **data)
        return False
    if doubt is not None:
        _tell_doubt(teller, way, stream, certificate, doubt, now, data)
        return False
    _tell_verified(teller, way, certificate, now, data, quiet=clock)
    return True


def _tell_clock(teller: Teller, now: datetime, data: dict[str, object]) -> bool:
    """Whether the clock of this computer is wrong, as far as the order tells."""
    made = teller.order.made
    behind = made - now.timestamp()
    if not made or behind < _CLOCKS_DIFFER:
        return False
    evidence = f"this computer's clock says {now:%Y-%m-%d %H:%M} UTC, which is before this check"
    evidence += " was prepared; its judgement about dates is wrong"
    teller.warn(Layer.CERTIFICATE, Problem.CLOCK, evidence, behind=behind, **data)
    return True


def _is_for(certificate: der.Certificate, hostname: str) -> bool:
    return any(_matches(name, hostname) for name in certificate.names or (certificate.common_name,))


def _matches(pattern: str, hostname: str) -> bool:
    pattern, hostname = pattern.lower(), hostname.lower().rstrip(".")
    if pattern.startswith("*."):
        return "." in hostname and hostname.split(".", 1)[1] == pattern[2:]
    return pattern == hostname


def _tell_doubt(
    teller: Teller,
    way: Way,
    stream: ssl.SSLSocket,
    certificate: der.Certificate,
    doubt: ssl.SSLCertVerificationError,
    now: datetime,
    data: dict[str, object],
) -> None:
    """Tell why a camera does not take it; OpenSSL tells the first reason, and there may be more."""
    hostname = way.order.hostname
    ends, begins = f"{certificate.ends:%Y-%m-%d %H:%M}", f"{certificate.begins:%Y-%m-%d %H:%M}"
    names = ", ".join(certificate.names) or certificate.common_name or "no name"
    said = {
        Problem.CERTIFICATE_EXPIRED: f"it was valid until {ends} UTC",
        Problem.CERTIFICATE_EARLY: f"it is valid from {begins} UTC on, which is still to come",
        Problem.CERTIFICATE_NAME: f"it is for {names}, and not for {hostname}",
        Problem.CERTIFICATE_ISSUER: (
            "its issuer is itself, and no root that cameras have"
            if certificate.self_signed
            else f"no root certificate that cameras have vouches for it; its issuer is"
            f" {certificate.issuer!r}"
        ),
        Problem.CERTIFICATE_CHAIN: (
            f"the certificate of its issuer {certificate.issuer!r} is not sent along, and it is no"
            " root that cameras have"
        ),
    }
    code = doubt.verify_code
    found = [_of_code(code, stream, certificate, hostname)]
    if not _is_for(certificate, hostname) and certificate.names:
        found.append(Problem.CERTIFICATE_NAME)
    if certificate.ends < now:
        found.append(Problem.CERTIFICATE_EXPIRED)
    if certificate.begins > now:
        found.append(Problem.CERTIFICATE_EARLY)
    for index, problem in enumerate(dict.fromkeys(found)):
        reason = f" (OpenSSL: {doubt.verify_message})" if index == 0 else ""
        teller.fail(Layer.CERTIFICATE, problem, said[problem] + reason, code=code, **data)


def _of_code(
    code: int, stream: ssl.SSLSocket, certificate: der.Certificate, hostname: str
) -> Problem:
    if code == _EXPIRED:
        return Problem.CERTIFICATE_EXPIRED
    if code == _NOT_YET_VALID:
        return Problem.CERTIFICATE_EARLY
    if code in _HOSTNAME:
        return Problem.CERTIFICATE_NAME
    # Who is unknown: its issuer, or somebody between it and a root that is not sent along? Only
    # Python 3.13 tells how many certificates were sent.
    chain = getattr(stream, "get_unverified_chain", None)
    if (
        code in _SELF_SIGNED
        or certificate.self_signed
        or certificate.issuer.startswith(_OURS)
        or not _is_for(certificate, hostname)
        or (chain is not None and len(chain()) > 1)
    ):
        return Problem.CERTIFICATE_ISSUER
    return Problem.CERTIFICATE_CHAIN


def _tell_verified(
    teller: Teller,
    way: Way,
    certificate: der.Certificate,
    now: datetime,
    data: dict[str, object],
    *,
    quiet: bool,
) -> None:
    """Tell what cameras may dislike, though this computer takes it.

    :param quiet: whether not to judge about dates
    """
    hostname = way.order.hostname
    left = certificate.ends - now
    data["days_left"] = left.days
    problems = False
    in_names = any(_matches(name, hostname) for name in certificate.names)
    if not in_names:
        problems = True
        evidence = f"{hostname} is its common name, and not among its alternative names"
        teller.fail(Layer.CERTIFICATE, Problem.CERTIFICATE_COMMON_NAME, evidence, **data)
    elif not _matches(certificate.common_name, hostname):
        problems = True
        evidence = f"{hostname} is among its alternative names, and its common name is "
        evidence += f"{certificate.common_name or 'missing'!r}; some cameras look there only"
        teller.warn(Layer.CERTIFICATE, Problem.CERTIFICATE_COMMON_NAME, evidence, **data)
    if not quiet and left < min(_ENDS_SOON, (certificate.ends - certificate.begins) / _SHARE_LEFT):
        problems = True
        evidence = f"it ends in {left.days} days, on {certificate.ends:%Y-%m-%d}"
        teller.warn(Layer.CERTIFICATE, Problem.CERTIFICATE_ENDS, evidence, **data)
    early = certificate.begins > now - _CAMERA_BEHIND
    note = f"it is valid since {certificate.begins:%Y-%m-%d %H:%M} UTC only; a camera whose clock"
    note += " is behind by more does not take it yet"
    # No warning: authorities issue them so, and a day later it is over.
    if not problems:
        evidence = f"for {hostname}, by {certificate.issuer}, {left.days} days left"
        teller.fine(Layer.CERTIFICATE, evidence + (f"; {note}" if early else ""), **data)
