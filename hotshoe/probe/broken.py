"""How a connection may break, as far as the system distinguishes it."""

from __future__ import annotations

import enum
import errno
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager


class Trouble(enum.Enum):
    """What happened to a connection; the value says so, as a clause about it."""

    SILENT = "no answer"
    REFUSED = "refused"
    RESET = "cut off (TCP reset)"
    ENDED = "closed by the other side"
    UNREACHABLE = "unreachable: a router on the way, or this computer, knows no way"
    TLS = "no TLS"
    GARBLED = "an answer that is not FTP"
    OTHER = "an error of this computer"


_UNREACHABLE = {
    *(errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EACCES, errno.EPERM),
    getattr(errno, "EHOSTDOWN", errno.EHOSTUNREACH),
    errno.EADDRNOTAVAIL,
}


class BrokenError(Exception):
    """A connection that did not open, or that broke.

    :param trouble: in which way
    :param doing: what was going on, such as ``after AUTH TLS``
    :param more: what the system says besides
    """

    def __init__(self, trouble: Trouble, doing: str, more: str = "") -> None:
        self.trouble, self.doing, self.more = trouble, doing, more
        super().__init__(f"{trouble.value} {doing}" + (f" ({more})" if more else ""))


def trouble_of(error: OSError) -> Trouble:
    """Which way of breaking an error tells of."""
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return Trouble.ENDED
    if isinstance(error, ssl.SSLError):
        return Trouble.TLS
    # In Python 3.9, a time-out of a socket is no TimeoutError.
    if isinstance(error, (socket.timeout, TimeoutError)) or error.errno == errno.ETIMEDOUT:
        return Trouble.SILENT
    if isinstance(error, ConnectionRefusedError):
        return Trouble.REFUSED
    if isinstance(error, (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)):
        return Trouble.RESET
    return Trouble.UNREACHABLE if error.errno in _UNREACHABLE else Trouble.OTHER


@contextmanager
def telling(doing: str) -> Iterator[None]:
    """Tell errors of the system as :class:`BrokenError`.

    :param doing: what goes on meanwhile, such as ``after AUTH TLS``
    :raises BrokenError: for each
    """
    try:
        yield
    except ssl.SSLCertVerificationError:
        raise
    except OSError as error:
        trouble = trouble_of(error)
        known = trouble not in (Trouble.TLS, Trouble.OTHER)
        more = "" if known else (getattr(error, "reason", None) or str(error))
        raise BrokenError(trouble, doing, more) from error
