"""vsftpd: installed without being started, configured from typed options, run by a unit of ours."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api.deploy import deploy
from pyinfra.api.operation import OperationMeta

from hotshoe import paths
from hotshoe.debian import vsftpd
from hotshoe.plan.model import ServerPlan
from hotshoe.render import render
from roles.base import operations
from roles.base.device import (
    PACKAGES,
    SESSIONS_LOADED,
    SESSIONS_UNIT,
    SETTLE_LOADED,
    SETTLE_UNIT,
    UNITS,
    VSFTPD6_UNIT,
    VSFTPD_UNIT,
    look,
    record_path,
)

# The only check that vsftpd offers: told not to listen, it reads the whole file, loads certificate
# and key, and then complains of exactly that. The message goes to file descriptor 0.
CHECK = (
    "said=$(mktemp); vsftpd $new -olisten=NO -olisten_ipv6=NO 0>$said >/dev/null 2>&1 || true; "
    "if ! grep -q 'not configured for standalone' $said; then cat $said >&2; rm -f $said $new; "
    "exit 1; fi; rm -f $said"
)


@deploy("vsftpd")
def install() -> None:
    """Install the packages; Debian's own unit would start an unconfigured server."""
    operations.masked("vsftpd.service", "vsftpd", name="Keep Debian's own unit from starting")
    operations.packages(PACKAGES, name="vsftpd, pam_pwdfile and nftables")
    operations.folder(paths.FOLDER, name="Folder of hotshoe's configuration")


@deploy("vsftpd")
def daemon(plan: ServerPlan, certificate: OperationMeta) -> None:
    """Run vsftpd with what the Plan says; a configuration that it would refuse never goes live.

    :param certificate: the operation that brings the certificate; a new one needs a restart
    """
    openssl = operations.put(
        paths.OPENSSL_CONFIGURATION,
        render("vsftpd/openssl.cnf.j2"),
        name="TLS 1.2 and nothing else",
    )
    _daemon(plan, [openssl, certificate], VSFTPD_UNIT, paths.CONFIGURATION)
    if plan.address6:
        _daemon(plan, [openssl, certificate], VSFTPD6_UNIT, paths.CONFIGURATION6)
    else:
        operations.absent(VSFTPD6_UNIT, (paths.CONFIGURATION6,), name="Nothing over IPv6")


def _daemon(plan: ServerPlan, needs: list[OperationMeta], unit: str, configuration: str) -> None:
    version, ipv6 = vsftpd.VERSIONS[look(host).os.split()[1]], unit == VSFTPD6_UNIT
    which = " for IPv6" if ipv6 else ""
    runs = operations.put(
        f"/etc/systemd/system/{unit}",
        render(
            "vsftpd/service.j2",
            server=plan,
            most_tasks=vsftpd.most_tasks(plan),
            ipv6=ipv6,
            configuration=configuration,
            loaded=UNITS[unit],
            record=record_path(unit),
        ),
        name=f"Unit that runs it{which}",
    )
    options = vsftpd.options(plan, version, ipv6=ipv6)
    configured = operations.put(
        configuration,
        render("vsftpd/vsftpd.conf.j2", lines=vsftpd.lines(options)),
        check=CHECK,
        name=f"Configuration for vsftpd {version}{which}, checked by vsftpd",
    )
    operations.service(
        unit,
        [runs, configured, *needs],
        # It, and not somebody else who has the port.
        ready=f"ss -Hltnp sport = :{plan.control_port} | "
        f'grep -qF "pid=$(systemctl show -P MainPID {unit}),"',
        name=f"vsftpd answers on port {plan.control_port}{which}",
    )


@deploy("vsftpd")
def settle() -> None:
    """Tell complete photos from incomplete ones, once their uploads have ended."""
    script = operations.put(
        paths.SETTLE,
        render("vsftpd/settle.sh.j2", owner=vsftpd.OWNER),
        mode="755",
        name="What becomes of an upload that ended",
    )
    unit = operations.put(
        f"/etc/systemd/system/{SETTLE_UNIT}",
        render(
            "vsftpd/settle.service.j2",
            owner=vsftpd.OWNER,
            loaded=SETTLE_LOADED,
            record=record_path(SETTLE_UNIT),
        ),
        name="Unit that watches over it",
    )
    operations.service(
        SETTLE_UNIT,
        [script, unit],
        ready=f"systemctl is-active --quiet {SETTLE_UNIT}",
        name="Incomplete photos are set aside",
    )


@deploy("vsftpd")
def sessions(plan: ServerPlan) -> None:
    """Keep places free for cameras: end sessions that do not log in, and dead ones."""
    program = operations.put(
        paths.SESSIONS,
        render("vsftpd/sessions.pl.j2"),
        mode="755",
        name="Which sessions end when places run short",
    )
    unit = operations.put(
        f"/etc/systemd/system/{SESSIONS_UNIT}",
        render(
            "vsftpd/sessions.service.j2",
            server=plan,
            loaded=SESSIONS_LOADED,
            records=paths.RECORDS,
            record=record_path(SESSIONS_UNIT),
        ),
        name="Unit that watches over the sessions",
    )
    operations.service(
        SESSIONS_UNIT,
        [program, unit],
        ready=f"systemctl is-active --quiet {SESSIONS_UNIT}",
        name="Places stay free for cameras",
    )
