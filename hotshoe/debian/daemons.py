"""vsftpd's daemons: one process serves one control port, over IPv4 or IPv6.

vsftpd begins TLS either at once or with AUTH TLS, never both (vsftpd.conf(5), ``implicit_ssl``);
and with ``listen_ipv6``, PASV would announce 0.0.0.0. So a server has up to four daemons. They
share the users, the passive range, the firewall's limits, and the places that hotshoe-sessions
keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hotshoe import paths
from hotshoe.debian.units import Unit
from hotshoe.plan.model import ControlPort, ServerPlan

# What every daemon has loaded, besides its own configuration.
_SHARED = (paths.CERTIFICATE, paths.OPENSSL_CONFIGURATION, paths.DIRECT_LINK)


@dataclass(frozen=True)
class Daemon:
    """A vsftpd of ours.

    :param implicit: whether TLS begins at once
    :param ipv6: whether it answers over IPv6, and not over IPv4
    """

    implicit: bool
    ipv6: bool

    @property
    def _suffix(self) -> str:
        return f"{'-implicit' if self.implicit else ''}{'6' if self.ipv6 else ''}"

    @property
    def configuration(self) -> str:
        """Its configuration file."""
        return f"{paths.FOLDER}/vsftpd{self._suffix}.conf"

    @property
    def unit(self) -> Unit:
        """Its systemd unit."""
        # libwrap says nothing over IPv6 (see hotshoe.debian.vsftpd.load_by_client).
        wrapped = () if self.ipv6 else (paths.HOSTS_ALLOW,)
        name = f"hotshoe-vsftpd{self._suffix}.service"
        return Unit.reading(name, self.configuration, *_SHARED, *wrapped)

    @property
    def title(self) -> str:
        """What sets it apart, in words that follow its name; empty for the usual one."""
        parts = (" for implicit FTPS" if self.implicit else "", " over IPv6" if self.ipv6 else "")
        return "".join(parts)


# Every one that a server may have.
DAEMONS = tuple(Daemon(implicit, ipv6) for implicit in (False, True) for ipv6 in (False, True))


def wanted(server: ServerPlan) -> dict[Daemon, ControlPort]:
    """The daemons that a server has, and where each answers.

    :param server: the server
    """
    return dict(_wanted(server))


def _wanted(server: ServerPlan) -> Iterator[tuple[Daemon, ControlPort]]:
    # Cameras on a direct link speak IPv4.
    kinds = (False, True) if server.address6 and not server.only_on else (False,)
    for control in server.control_ports:
        for ipv6 in kinds:
            yield Daemon(control.tls == "implicit", ipv6), control
