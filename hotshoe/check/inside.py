"""The inside view: what the home's machines see of a check, while it goes on.

Each router and server that hotshoe manages is asked over SSH, all of them at once. While the
session lasts, a table of nftables of its own records which connections reach the box and which go
on from it; the box removes the table when the session ends, however it ends. Of IPv4 alone: no
camera dials IPv6, and routers do not translate that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from hotshoe.check.box_state import (
    SET_SIZE,
    Sets,
    addresses,
    has_helper,
    packets,
    read_parts,
    read_sets,
    stale,
)
from hotshoe.check.model import BoxView, InsideView, ServerView
from hotshoe.check.server_state import server_view
from hotshoe.debian.units import Ruleset
from hotshoe.plan.model import Plan, RouterPlan, ServerPlan
from hotshoe.remote.ssh import PERSONAL, Access, Conversation, Host, RemoteError
from hotshoe.render import render

# How long a check may take; by then a box that nobody tells of its end ends by itself.
SECONDS = 1800
# The same while a person waits beside a camera. What is seen is read every second, and then of no
# more use.
WATCH_SECONDS, KEPT_SECONDS = 12 * 3600, 120
# How long a box may take to begin, and to answer.
PATIENCE = 30
# Why a client or the server ended TLS (RFC 5246, 7.2.2).
ALERTS = {
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    45: "certificate_expired",
    46: "certificate_unknown",
    48: "unknown_ca",
    70: "protocol_version",
    71: "insufficient_security",
}


@contextmanager
def watching(
    plan: Plan, server: ServerPlan, access: Access = PERSONAL, run: str = ""
) -> Iterator[Look]:
    """Have the boxes on the way to a server record what they see, until this ends.

    :param access: what leads to its machines
    :param run: of the check, whose test photos are looked for; empty for none
    """
    managed = [router for router in plan.routers_to(server) if not router.by_hand]
    boxes: list[RouterPlan | ServerPlan] = [*managed, server]
    with ExitStack() as stack, ThreadPoolExecutor(len(boxes)) as pool:

        def begin(box: RouterPlan | ServerPlan) -> _Box:
            return _Box(box, Host.of(box, access), script(box, [server]))

        opened = list(pool.map(begin, boxes))
        for each in opened:
            stack.callback(each.end)
        yield Look(server, tuple(opened), pool, run)


def script(
    box: RouterPlan | ServerPlan, servers: Sequence[ServerPlan], *, attempts: bool = False
) -> str:
    """What runs on a box while it is watched.

    :param servers: those to whose FTP ports connections are recorded
    :param attempts: whether it tells what a camera tries, and not the state of the box
    """
    is_server = isinstance(box, ServerPlan)
    return render(
        "check/watch.sh.j2",
        seconds=WATCH_SECONDS if attempts else SECONDS,
        kept=KEPT_SECONDS if attempts else SECONDS,
        ports=", ".join(str(ports) for server in servers for ports in server.ftp_ports),
        controls=", ".join(str(c.port) for server in servers for c in server.control_ports),
        # Behind the firewall, or after NAT.
        passed="input priority 10" if is_server else "postrouting priority 300",
        attempts=attempts,
        size=SET_SIZE,
        sftp=22,
        alerts=ALERTS,
        rulesets=_rulesets(box),
        units=_units(box),
    )


def _rulesets(box: RouterPlan | ServerPlan) -> tuple[Ruleset, ...]:
    if isinstance(box, ServerPlan):
        return (Ruleset("hotshoe_firewall"),)
    if box.managed_by == "openwrt":
        return ()
    return (Ruleset("hotshoe_routing"), Ruleset("hotshoe_forwards"))


def _units(box: RouterPlan | ServerPlan) -> tuple[str, ...]:
    """What should run on a Debian router; a server is asked besides."""
    if isinstance(box, ServerPlan) or box.managed_by == "openwrt":
        return ()
    routes = ("hotshoe-routes.service",) if box.routes else ()
    notices = ("hotshoe-wan.service",) if box.notices else ()
    return (*routes, *notices)


class _Box:
    """A box that is asked, or why it cannot be."""

    def __init__(self, plan: RouterPlan | ServerPlan, host: Host, program: str) -> None:
        self.plan, self.host = plan, host
        self.error = ""
        self.began = 0
        self._conversation: Conversation | None = None
        try:
            self._conversation = host.converse(program)
            # What a shell says that greets everybody comes before it.
            said = self._conversation.answer(PATIENCE)
            (self.began,) = (int(line[4:]) for line in said if line.startswith("now "))
        except (RemoteError, ValueError) as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.error = self.error or _reason(self.plan.name, error)
        self.end()

    def view(self, server: ServerPlan) -> BoxView:
        """What it saw, and how it is."""
        if not self._conversation:
            return BoxView(self.plan.name, self.error)
        try:
            sets = read_sets(self._conversation.ask("sets", PATIENCE))
            state = read_parts(self._conversation.ask("state", PATIENCE))
            return self._view(server, sets, state)
        except (RemoteError, ValueError, KeyError) as error:
            self._fail(error)
            return BoxView(self.plan.name, self.error)

    def _view(self, server: ServerPlan, sets: Sets, state: dict[str, list[str]]) -> BoxView:
        return BoxView(
            self.plan.name,
            arrived=packets(sets, "arrived"),
            passed=packets(sets, "passed"),
            addresses=addresses(state["addresses"]),
            helper=has_helper(state["helpers"]),
            stale=tuple(stale(self.plan, server, state)),
            idle_seconds=int(state["idle"][0]) if state["idle"] else None,
        )

    def end(self) -> None:
        """Let it tidy up."""
        if self._conversation:
            self._conversation.end()
            self._conversation = None


def _reason(name: str, error: Exception) -> str:
    """Why a box cannot be asked."""
    return str(error) if isinstance(error, RemoteError) else f"{name}: its answer makes no sense"


@dataclass(frozen=True)
class Look:
    """A look at the boxes, which goes on.

    :param server: the server that the check is about
    :param boxes: those that are asked, the server last
    """

    server: ServerPlan
    boxes: tuple[_Box, ...]
    _pool: ThreadPoolExecutor
    _run: str

    def read(self) -> InsideView:
        """What they have seen up to now; never raises for a box that cannot be asked."""
        said = self._pool.submit(self._server)
        views = tuple(self._pool.map(lambda box: box.view(self.server), self.boxes))
        return InsideView(views, said.result())

    def _server(self) -> ServerView | None:
        box = self.boxes[-1]
        if box.error:
            return None
        try:
            return server_view(box.host, self.server, box.began, self._run)
        except (RemoteError, ValueError, KeyError, IndexError) as error:
            box.error = box.error or _reason(box.plan.name, error)
            return None
