"""What the ACME role has on a server, and what else has to be known of it."""

from __future__ import annotations

from hotshoe import paths
from hotshoe.debian import acme
from hotshoe.debian.device import Footprint, Query
from hotshoe.debian.listeners import LISTENERS
from hotshoe.plan.model import ServerPlan
from hotshoe.render import modules, render

SERVICE, TIMER = "hotshoe-acme.service", "hotshoe-acme.timer"
# When the timer last elapsed, which systemd keeps for a persistent one.
STAMP = f"/var/lib/systemd/timers/stamp-{TIMER}"
# The program: its files on the host, and what each is in templates/.
MODULES = modules("acme/hotshoe_acme", paths.ACME_PROGRAM)
# Whatever a Site may need of it, in hotshoe's own folder.
CONFIGURATIONS = (
    paths.ACME_CONFIGURATION,
    paths.ACME_CERTBOT,
    paths.ACME_CREDENTIALS,
    paths.ACME_CA_BUNDLE,
)
# What goes with it.
FILES = (
    *(paths.ACME, paths.ACME_PROGRAM, *CONFIGURATIONS),
    *(paths.ACME_OBTAINED, paths.ACME_FOLDER, paths.ACME_STATE, paths.ACME_LOCK),
)


# Whether the certificate in use is one that certbot got with the settings of its last time: neither
# the one that vsftpd starts with, nor another authority's.
IN_USE = Query(
    "acme_certificate",
    f"for file in {paths.ACME_FOLDER}/archive/{acme.LINEAGE}/cert*.pem; do\n"
    f"sed -n '/BEGIN CERT/,/END CERT/p; /END CERT/q' {paths.CERTIFICATE} 2>/dev/null |"
    ' cmp -s - "$file" && echo "$file"\ndone',
    bool,
)
FOOTPRINT = Footprint(
    paths=(paths.ACME, paths.ACME_PROGRAM, paths.ACME_STATE, paths.ACME_LOCK),
    files=(*CONFIGURATIONS, paths.ACME_OBTAINED, paths.ACME_FOLDER),
    packages=acme.EVERY_PACKAGE,
    units_of_others=(SERVICE, TIMER),
    queries=(LISTENERS, IN_USE),
)


def hook_query(plan: ServerPlan) -> Query[list[str]] | None:
    """What to know of the person's program: itself, and the folders that lead to it.

    :returns: None where the Plan has none
    """
    hook = plan.certificate.acme.hook if plan.certificate and plan.certificate.acme else None
    if hook is None:
        return None
    return Query("hook", render("acme/look-at-hook.sh.j2", hook=hook), list)


def footprints(plan: ServerPlan) -> tuple[Footprint, ...]:
    """What to know of a server besides, for what its Plan names."""
    query = hook_query(plan)
    return (Footprint(queries=(query,)),) if query else ()
