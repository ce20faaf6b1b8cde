"""What the vsftpd role has on a server, and what else has to be known of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hotshoe import paths
from hotshoe.debian.daemons import DAEMONS
from hotshoe.debian.device import Footprint, Query
from hotshoe.debian.listeners import LISTENERS
from hotshoe.debian.units import Unit
from hotshoe.debian.vsftpd import OWNER, UNPRIVILEGED

DEBIANS_OWN = "vsftpd.service"
SESSIONS = Unit.reading("hotshoe-sessions.service", paths.SESSIONS)


def _listening(lines: Sequence[str]) -> Mapping[str, int]:
    units: dict[str, str] = {}
    parents: dict[str, str] = {}
    properties: dict[str, str] = {}
    own: dict[str, int] = {}
    of_child: dict[str, int] = {}
    for line in lines:
        if line.startswith("/proc/"):
            parents[line.split("/")[2]] = line.split()[1]
        elif line.startswith("LISTEN "):
            port = int(line.split()[3].rpartition(":")[2])
            for pid in re.findall(r"\bpid=(\d+),", line):
                if pid in units:
                    own[units[pid]] = port
                elif parents.get(pid) in units:
                    of_child[units[parents[pid]]] = port
        else:
            key, _, value = line.partition("=")
            properties[key] = value
            if len(properties) == 2:
                if properties["MainPID"] != "0":
                    units[properties["MainPID"]] = properties["Id"]
                properties = {}
    # On a direct link, vsftpd is a child of what watches it; elsewhere, its children are sessions.
    return of_child | own


# The port on which each of our daemons listens. Its sessions, which may outlive it, do not.
LISTENING = Query(
    "daemons",
    f"systemctl show -p Id,MainPID {' '.join(daemon.unit.name for daemon in DAEMONS)}; "
    "grep -s PPid: /proc/[0-9]*/status; ss -Hltnp",
    _listening,
)

FOOTPRINT = Footprint(
    paths=(paths.SESSIONS, paths.DIRECT_LINK),
    files=(
        *(paths.OPENSSL_CONFIGURATION, paths.HOSTS_ALLOW, paths.INSIDE),
        *(daemon.configuration for daemon in DAEMONS),
    ),
    # openssl brings the file that the configuration of TLS is put over.
    packages=("vsftpd", "openssl"),
    accounts=(OWNER, UNPRIVILEGED),
    units=(*(daemon.unit for daemon in DAEMONS), SESSIONS),
    units_of_others=(DEBIANS_OWN,),
    queries=(LISTENERS, LISTENING),
)
