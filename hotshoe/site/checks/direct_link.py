"""FTP without TLS, which is offered on a direct link to one computer alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hotshoe.site.checks.base import Finding


def plain_ftp_has_a_link_of_its_own(site: Any) -> Iterator[Finding]:
    """Refuse FTP without TLS in a network, and the interface of a direct link with TLS."""
    ftp = site.ftp
    if ftp.tls == "none" and ftp.only_on is None:
        yield (
            "ftp.only_on",
            "is missing: without TLS, everybody on the way can read the passwords and the photos, "
            "so FTP is offered on a direct link to one computer alone, a cable or a Wi-Fi of their "
            "own",
            "write tls: explicit; or name the server's interface of such a link, for example "
            "only_on: eth1",
        )
    elif ftp.tls != "none" and ftp.only_on is not None:
        yield (
            "ftp.only_on",
            f"is for FTP without TLS; with tls: {ftp.tls}, cameras come by the network",
            "remove it, or write tls: none",
        )
