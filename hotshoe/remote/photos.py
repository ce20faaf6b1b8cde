"""What has come in lately on servers, and what is coming in."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from hotshoe import paths
from hotshoe.remote.deliveries import NONE, Deliveries, deliveries
from hotshoe.remote.events import OUTCOMES, QUERY, Event, Kind, matches, read_event
from hotshoe.remote.ssh import Host, Listening, RemoteError

# Of the paths in its input, those that are files; and what is on its way. A path that is not there
# is no failure.
_PRESENT = f"""
find -files0-from - -maxdepth 0 -type f -printf '%p\\0' 2>/dev/null
printf '\\0'
find {paths.PHOTOS}/*/{paths.ARRIVING} -mindepth 2 -maxdepth 2 -type f \\
    -printf '%T@ %s %p\\0' 2>/dev/null
true
"""
# The time is taken first, so that nothing is missed between the empty line, which says that from
# now on everything is told, and the moment when journalctl is ready.
_FOLLOW = f"""
now=$(date +@%s)
echo
set -- --follow --no-tail --since="$now" "$@"
{QUERY}"""

# What a photo is called, before its name, that retention is about to remove. It is there still.
_ASIDE = ".hotshoe-leaving-"
# What becomes of a photo that is in the library then.
_IN_LIBRARY = (Kind.LIBRARY, Kind.COPY)


@dataclass(frozen=True)
class Lately:
    """What has come in on a server.

    :param events: the latest last
    :param present: the paths of these that are there now
    :param arriving: uploads that are under way
    :param deliveries: where those in the library have been delivered to, and how that goes; why
        that cannot be told
    """

    events: tuple[Event, ...]
    present: frozenset[str]
    arriving: tuple[Event, ...]
    deliveries: Deliveries | RemoteError = NONE


def lately(host: Host, since: str | None, lines: int | None, *, delivers: bool = False) -> Lately:
    """Ask a server what has come in.

    :param since: from when on, as journalctl(1) takes it; None for as long as the journal goes back
    :param lines: at most so many events, and uploads under way, the latest ones; None for all
    :raises RemoteError: if the server cannot be asked
    """
    # With --since, some versions of journalctl take the first lines instead of the last ones,
    # unless they read backwards.
    arguments = ["--reverse", *matches(OUTCOMES)]
    if since is not None:
        arguments += [f"--since={since}"]
    if lines is not None:
        arguments += [f"--lines={lines}"]
    said = host.run(QUERY, *arguments)
    events = [event for line in said.splitlines() if (event := read_event(line))]
    paths_of = {each for event in events if event.path for each in (event.path, _aside(event.path))}
    asked = sorted(map(os.fsencode, paths_of))
    answer = host.run(_PRESENT, given=b"".join(path + b"\0" for path in asked))
    present, arriving = read_present(answer)
    return Lately(
        tuple(reversed(events)),
        present,
        arriving[-lines:] if lines else arriving,
        _deliveries(host, events) if delivers else NONE,
    )


def _deliveries(host: Host, events: Sequence[Event]) -> Deliveries | RemoteError:
    """Where photos have been delivered to; what else is known of them is told without it."""
    try:
        return deliveries(host, (event.path for event in events if event.kind in _IN_LIBRARY))
    except RemoteError as error:
        return error


def read_present(answer: bytes) -> tuple[frozenset[str], tuple[Event, ...]]:
    """What a server answers: files that are there, an empty path, and files that arrive."""
    there, _, coming = (b"\0" + answer).partition(b"\0\0")
    present = frozenset(_own(os.fsdecode(path)) for path in there.split(b"\0") if path)
    arriving = []
    for row in coming.split(b"\0"):
        if not row:
            continue
        at, size, path = row.split(b" ", 2)
        whole = os.fsdecode(path)
        camera, _, _, name = whole.removeprefix(f"{paths.PHOTOS}/").split("/", 3)
        written = datetime.fromtimestamp(float(at))
        arriving.append(Event(Kind.ARRIVING, written, camera, name, int(size), whole))
    return present, tuple(sorted(arriving, key=lambda event: event.at))


def _aside(path: str) -> str:
    """The path of a photo while retention is about to remove it."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{_ASIDE}{name}"


def _own(path: str) -> str:
    """The path that a photo has otherwise."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{name.removeprefix(_ASIDE)}"


def ask(
    hosts: Sequence[Host],
    since: str | None,
    lines: int | None,
    delivering: Collection[str] = (),
) -> Iterator[tuple[Host, Lately | RemoteError]]:
    """Ask several servers, all at once; the answers come in the order of the servers.

    :param delivering: the names of those that deliver photos
    """

    def one(host: Host) -> Lately | RemoteError:
        try:
            return lately(host, since, lines, delivers=host.name in delivering)
        except RemoteError as error:
            return error

    with ThreadPoolExecutor(len(hosts)) as pool:
        yield from zip(hosts, pool.map(one, hosts), strict=True)


def follow(
    hosts: Sequence[Host], ready: Callable[[Host], None]
) -> Iterator[tuple[Host, Event | RemoteError]]:
    """What happens on several servers, as it happens.

    :param ready: called when a server begins to tell what happens there
    :returns: each event; for a server that cannot be asked any more, the reason. It ends with the
        last of them
    :raises RemoteError: if there is no ssh
    """
    told: queue.SimpleQueue[tuple[Host, bytes | RemoteError]] = queue.SimpleQueue()

    def listen(host: Host, listening: Listening) -> None:
        try:
            for line in listening:
                told.put((host, line))
        except RemoteError as error:
            told.put((host, error))

    running = {host: host.listen(_FOLLOW, *matches(tuple(Kind))) for host in hosts}
    try:
        for host, listening in running.items():
            threading.Thread(target=listen, args=(host, listening), daemon=True).start()
        left = len(hosts)
        while left:
            host, what = told.get()
            if isinstance(what, RemoteError):
                left -= 1
                yield host, what
            elif not what.strip():
                ready(host)
            elif event := read_event(what):
                yield host, event
    finally:
        for listening in running.values():
            listening.end()
