"""What a server says besides: its journal, services, room, clock, certificate and test photos."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath

from hotshoe import paths
from hotshoe.check.box_state import read_parts
from hotshoe.check.model import ServerView, Stored
from hotshoe.debian import daemons
from hotshoe.plan.model import ServerPlan
from hotshoe.probe.order import photo_beginning
from hotshoe.probe.uploads import LARGE
from hotshoe.remote import ssh
from hotshoe.remote.ssh import Host
from hotshoe.render import render

# How long a server may take to find and read test photos: less than it is waited for.
SECONDS = ssh.SECONDS - 20


def server_view(host: Host, server: ServerPlan, since: int, run: str) -> ServerView:
    """Ask a server what else it has to say.

    :param since: when the check began, by the server's clock
    :param run: of the check
    :raises RemoteError: if it cannot be asked
    """
    program = render(
        "check/server.sh.j2",
        daemons=[daemon.unit.name for daemon in daemons.wanted(server)],
        configuration=next(iter(daemons.wanted(server))).configuration,
        follows=server.follower is not None,
        units=services(server),
        certificate=server.certificate is not None,
        cameras=server.cameras,
        largest=LARGE,
        seconds=SECONDS,
    )
    before = time.time()
    said = host.run(program, str(since), f"{photo_beginning(run)}*" if run else "/")
    after = time.time()
    return read_server(server, said.decode(errors="surrogateescape"), before, after)


def services(server: ServerPlan) -> tuple[str, ...]:
    """The units that should be active on a server."""
    follower = ("hotshoe-address.service",) if server.follower else ()
    acme = ("hotshoe-acme.timer",) if server.certificate and server.certificate.acme else ()
    watch = ("hotshoe-certificate.timer",) if server.certificate else ()
    return (
        *(daemon.unit.name for daemon in daemons.wanted(server)),
        *("hotshoe-intake.service", "hotshoe-sessions.service"),
        *("hotshoe-firewall.service", "hotshoe-outgoing.service"),
        *follower,
        *watch,
        *acme,
    )


def read_server(server: ServerPlan, said: str, before: float, after: float) -> ServerView:
    """Read what a server says.

    :param before: when it was asked, by the clock of this computer
    :param after: when it had answered
    :raises ValueError: if it says anything else
    """
    # Names of photos stand in it as they are; they have no line breaks.
    parts = read_parts(said.split("\n")[:-1])
    announced = [
        a for line in parts["announced"] if (a := line.removeprefix("pasv_address=")) != line
    ]
    ends = parts["certificate"]
    clock = float(parts["clock"][0])
    return ServerView(
        journal=tuple(messages(parts["journal"])),
        listening=frozenset(listening(server, parts["listening"])),
        announced=announced[0] if announced else "",
        stopped=tuple(unit.removesuffix(".service") for unit in parts["stopped"]),
        # It told the time somewhere between the two.
        clock=min(clock - before, 0.0) + max(clock - after, 0.0),
        certificate_ends=_date(ends[0]) if ends else None,
        photos=photos(parts["photos"]),
        free=int(parts["free"][0]) if parts["free"] else 0,
        keep_free=server.intake.keep_free,
        closed=tuple(parts["closed"]),
        ddns=complaint(messages(parts["ddns"])),
    )


def messages(lines: Sequence[str]) -> list[str]:
    """What lines of ``journalctl --output=json`` say."""
    found = []
    for line in lines:
        try:
            said = json.loads(line)["MESSAGE"]
        except (ValueError, KeyError, TypeError):
            continue
        # Text that cannot be printed comes as a list of bytes.
        if isinstance(said, list):
            said = bytes(said).decode(errors="backslashreplace")
        found.append(str(said))
    return found


def listening(server: ServerPlan, lines: Sequence[str]) -> Iterator[int]:
    """The control ports at which vsftpd listens, of what ``ss -Hltnp`` prints."""
    ports = {control.port for control in server.control_ports}
    for line in lines:
        words = line.split()
        port = words[3].rpartition(":")[2] if len(words) > 3 else ""
        if port.isdigit() and int(port) in ports and '"vsftpd"' in line:
            yield int(port)


def photos(lines: Sequence[str]) -> dict[str, Stored]:
    """Test photos by name; of several of one name, the one in the library."""
    found: dict[str, Stored] = {}
    for line in lines:
        sha256, _, path = line.partition("  ")
        name = PurePosixPath(path).name
        if name not in found or path.startswith(f"{paths.LIBRARY}/"):
            found[name] = Stored(path, sha256)
    return found


def complaint(said: Sequence[str]) -> str:
    """What is the matter with following the public address, by what hotshoe-address has told."""
    doubt = record = ""
    for line in said:
        if line.startswith(("new sessions get ", "the record of ")) or line.endswith(
            "is the public address, without doubt"
        ):
            if " is not at " in line:
                record = line
            elif line.startswith("the record of "):
                record = ""
            else:
                doubt = ""
        elif re.match(r"([0-9.]+ stays|no public address is known): ", line):
            doubt = line
    return doubt or record


def _date(line: str) -> datetime:
    text = line.removeprefix("notAfter=")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)
