"""vsftpd: installed without being started, configured from typed options, run by a unit of ours."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api.deploy import deploy
from pyinfra.api.operation import OperationMeta

from hotshoe import paths
from hotshoe.debian import daemons, vsftpd
from hotshoe.debian.daemons import Daemon
from hotshoe.debian.units import Unit
from hotshoe.plan.model import ControlPort, Encryption, ServerPlan
from hotshoe.render import render, text
from roles.base import operations
from roles.base.device import device_of
from roles.vsftpd.facts import DEBIANS_OWN, FOOTPRINT, SESSIONS
from roles.vsftpd.preflight import in_the_way, refuse_unfit

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
    openssl, link = _encryption(plan.encryption), _direct_link(plan)
    operations.put(
        paths.INSIDE, render("vsftpd/inside.conf.j2"), name="Configure sessions of clients inside"
    )
    # The unit mounts the file, so that a new one needs a restart.
    wrapped = operations.put(
        paths.HOSTS_ALLOW,
        render("vsftpd/hosts.allow.j2", lines=list(vsftpd.load_by_client(plan))),
        name="Configure which clients are inside",
    )
    needs = [openssl, link, certificate]
    wanted = daemons.wanted(plan)
    # First, since another one may get its port.
    for each in host.loop(daemons.DAEMONS):
        if each not in wanted:
            operations.absent(
                each.unit.name,
                (each.configuration, each.unit.record),
                name=f"Remove vsftpd{each.title}",
            )
    if others := in_the_way(plan):
        operations.stopped(others, name="Stop what has the port of another vsftpd")
    for each in host.loop(daemons.DAEMONS):
        if each in wanted:
            loaded = needs if each.ipv6 else [*needs, wrapped]
            _daemon(plan, loaded, each, wanted[each])


def _encryption(encryption: Encryption | None) -> OperationMeta:
    """Tell OpenSSL how TLS is spoken, if it is."""
    if encryption is None:
        return operations.removed(
            (paths.OPENSSL_CONFIGURATION,), name="Remove the configuration of OpenSSL"
        )
    return operations.put(
        paths.OPENSSL_CONFIGURATION,
        render("vsftpd/openssl.cnf.j2", settings=vsftpd.openssl_settings(encryption)),
        name=f"Configure OpenSSL for TLS {' and '.join(encryption.versions)}",
    )


def _direct_link(plan: ServerPlan) -> OperationMeta:
    """Install what runs vsftpd while a direct link is up, if there is one."""
    if plan.only_on is None:
        return operations.removed((paths.DIRECT_LINK,), name="Remove what watches a direct link")
    return operations.put(
        paths.DIRECT_LINK,
        text("vsftpd/direct_link.py"),
        mode="755",
        name="Install what runs vsftpd while the direct link is up",
    )


def _daemon(
    plan: ServerPlan, needs: list[OperationMeta], daemon: Daemon, control: ControlPort
) -> None:
    version = vsftpd.VERSIONS[device_of(host).os.split()[1]]
    unit = daemon.unit
    runs = operations.put(
        unit.path,
        render("vsftpd/service.j2", daemon=daemon, server=plan, most_tasks=vsftpd.most_tasks(plan)),
        name=f"Install the unit of vsftpd{daemon.title}",
    )
    options = vsftpd.options(plan, version, control, ipv6=daemon.ipv6)
    configured = operations.put(
        daemon.configuration,
        render("vsftpd/vsftpd.conf.j2", lines=vsftpd.lines(options)),
        check=render("vsftpd/check.sh.j2"),
        name=f"Configure vsftpd {version}{daemon.title}",
    )
    operations.service(
        unit.name,
        [runs, configured, *needs],
        ready=_ready(plan, daemon, control),
        name=f"Start vsftpd{daemon.title} on port {control.port}",
    )


def _ready(plan: ServerPlan, daemon: Daemon, control: ControlPort) -> str:
    """A shell command that succeeds once a daemon listens."""
    if plan.only_on:
        # While the link is down, nobody does.
        address = f"address=$({paths.DIRECT_LINK} {plan.only_on})"
        listens = f'ss -Hltn src "$address:{control.port}" | grep -q .'
        return f"systemctl is-active --quiet {daemon.unit.name} && {{ ! {address} || {listens}; }}"
    # This daemon, and not another program that has the port.
    main = f"$(systemctl show -P MainPID {daemon.unit.name})"
    return f'ss -Hltnp sport = :{control.port} | grep -qF "pid={main},"'


@deploy("vsftpd")
def sessions(plan: ServerPlan) -> None:
    """Keep places free for cameras: end sessions that do not log in, and dead ones."""
    _program(
        paths.SESSIONS,
        render("vsftpd/sessions.pl.j2"),
        SESSIONS,
        render(
            "vsftpd/sessions.service.j2",
            unit=SESSIONS,
            server=plan,
            daemons=[daemon.unit.name for daemon in daemons.DAEMONS],
        ),
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
        name=f"Start {name} to {purpose}",
    )
