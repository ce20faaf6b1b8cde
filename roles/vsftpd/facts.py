"""What the vsftpd role has on a server, and what else has to be known of it."""

from __future__ import annotations

from collections.abc import Sequence

from hotshoe import paths
from hotshoe.debian.device import Footprint, Query
from hotshoe.debian.units import Unit
from hotshoe.debian.vsftpd import OWNER, UNPRIVILEGED

DEBIANS_OWN = "vsftpd.service"
_LOADED = (paths.CERTIFICATE, paths.OPENSSL_CONFIGURATION)
DAEMON = Unit.reading("hotshoe-vsftpd.service", paths.CONFIGURATION, *_LOADED, paths.HOSTS_ALLOW)
DAEMON6 = Unit.reading("hotshoe-vsftpd6.service", paths.CONFIGURATION6, *_LOADED)
SESSIONS = Unit.reading("hotshoe-sessions.service", paths.SESSIONS)


def _listeners(lines: Sequence[str]) -> dict[int, str]:
    listeners = {}
    for line in lines:
        columns = line.split()
        program = columns[5].split('"')[1] if len(columns) > 5 and '"' in columns[5] else "?"
        listeners[int(columns[3].rpartition(":")[2])] = program
    return listeners


# TCP ports, and the program on each.
LISTENERS = Query("listeners", "ss -Hltnp", _listeners)

FOOTPRINT = Footprint(
    paths=(paths.SESSIONS,),
    # openssl brings the file that the configuration of TLS is put over.
    packages=("vsftpd", "openssl"),
    accounts=(OWNER, UNPRIVILEGED),
    units=(DAEMON, DAEMON6, SESSIONS),
    units_of_others=(DEBIANS_OWN,),
    queries=(LISTENERS,),
)
