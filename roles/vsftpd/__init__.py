"""vsftpd: installed without being started, configured from typed options, run by a unit of ours."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api.deploy import deploy
from pyinfra.api.operation import OperationMeta

from hotshoe import paths
from hotshoe.debian import vsftpd
from hotshoe.debian.units import Unit
from hotshoe.plan.model import ServerPlan
from hotshoe.render import render
from roles.base import operations
from roles.base.device import device_of
from roles.vsftpd.facts import DAEMON, DAEMON6, DEBIANS_OWN, FOOTPRINT, SESSIONS
from roles.vsftpd.preflight import refuse_unfit

__all__ = ["FOOTPRINT", "accounts", "daemon", "mask", "refuse_unfit", "sessions"]


@deploy("vsftpd")
def mask() -> None:
    """Before its package is there: Debian's own unit would start an unconfigured server."""
    operations.masked(DEBIANS_OWN, "vsftpd", name="Mask Debian's own unit")


@deploy("vsftpd")
def accounts() -> None:
    """Create the users that its processes run as."""
    operations.account(
        vsftpd.OWNER,
        vsftpd.OWNER_HOME,
        name="Create the user who owns the photos",
    )
    operations.account(
        vsftpd.UNPRIVILEGED, "/nonexistent", name="Create the user of unprivileged processes"
    )


@deploy("vsftpd")
def daemon(plan: ServerPlan, certificate: OperationMeta) -> None:
    """Run vsftpd with what the Plan says; a configuration that it would refuse never goes live.

    :param certificate: the operation that brings the certificate; a new one needs a restart
    """
    openssl = operations.put(
        paths.OPENSSL_CONFIGURATION,
        render("vsftpd/openssl.cnf.j2"),
        name="Configure OpenSSL for TLS 1.2 only",
    )
    operations.put(
        paths.INSIDE, render("vsftpd/inside.conf.j2"), name="Configure sessions of clients inside"
    )
    # The unit mounts the file, so that a new one needs a restart.
    wrapped = operations.put(
        paths.HOSTS_ALLOW,
        render("vsftpd/hosts.allow.j2", lines=list(vsftpd.load_by_client(plan))),
        name="Configure which clients are inside",
    )
    _daemon(plan, [openssl, certificate, wrapped], DAEMON, paths.CONFIGURATION)
    if plan.address6:
        _daemon(plan, [openssl, certificate], DAEMON6, paths.CONFIGURATION6)
    else:
        operations.absent(DAEMON6.name, (paths.CONFIGURATION6,), name="Remove vsftpd for IPv6")


def _daemon(plan: ServerPlan, needs: list[OperationMeta], unit: Unit, configuration: str) -> None:
    version, ipv6 = vsftpd.VERSIONS[device_of(host).os.split()[1]], unit == DAEMON6
    which = " for IPv6" if ipv6 else ""
    runs = operations.put(
        unit.path,
        render(
            "vsftpd/service.j2",
            unit=unit,
            most_tasks=vsftpd.most_tasks(plan),
            ipv6=ipv6,
            configuration=configuration,
        ),
        name=f"Install the unit of vsftpd{which}",
    )
    options = vsftpd.options(plan, version, ipv6=ipv6)
    configured = operations.put(
        configuration,
        render("vsftpd/vsftpd.conf.j2", lines=vsftpd.lines(options)),
        check=render("vsftpd/check.sh.j2"),
        name=f"Configure vsftpd {version}{which}",
    )
    operations.service(
        unit.name,
        [runs, configured, *needs],
        # This daemon, and not another program that has the port.
        ready=f"ss -Hltnp sport = :{plan.control_port} | "
        f'grep -qF "pid=$(systemctl show -P MainPID {unit.name}),"',
        name=f"Start vsftpd on port {plan.control_port}{which}",
    )


@deploy("vsftpd")
def sessions(plan: ServerPlan) -> None:
    """Keep places free for cameras: end sessions that do not log in, and dead ones."""
    _program(
        paths.SESSIONS,
        render("vsftpd/sessions.pl.j2"),
        SESSIONS,
        render("vsftpd/sessions.service.j2", unit=SESSIONS, server=plan),
        "keep places free for cameras",
    )


def _program(path: str, program: str, unit: Unit, text: str, purpose: str) -> None:
    """Install and start a program of ours that runs beside vsftpd.

    :param path: the program's
    :param program: its text
    :param unit: that runs it
    :param text: the unit's
    :param purpose: what it is there for, as a verb
    """
    name = unit.name.removesuffix(".service")
    written = operations.put(path, program, mode="755", name=f"Install {name}")
    runs = operations.put(unit.path, text, name=f"Install the unit of {name}")
    operations.service(
        unit.name,
        [written, runs],
        ready=f"systemctl is-active --quiet {unit.name}",
        name=f"Start {name} to {purpose}",
    )
