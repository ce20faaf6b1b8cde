"""A change of a router: staged, applied, and then confirmed, or else rolled back."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyinfra.api import Host, State

from hotshoe.errors import HotshoeError
from hotshoe.openwrt.paths import INIT
from hotshoe.openwrt.uci.changes import Wanted, diff
from hotshoe.openwrt.verify.live import is_route, is_set
from hotshoe.openwrt.verify.staged import staging_errors
from roles.base.operations import reconnect
from roles.openwrt.facts import RouterState
from roles.openwrt.facts.script import split_parts
from roles.openwrt.state import current_state, drift_of, not_in_force, run, with_firewall
from roles.transport import is_alive

# What netifd and dnsmasq may need until they have done what a reload told them.
SETTLING_SECONDS = 15
LOAD_IT = (
    "this router's files were changed and not loaded, or the other way round; a change by hotshoe "
    "would load them. Load them at the router, where you see whether you still get in "
    "(/etc/init.d/firewall reload, /etc/init.d/network reload), or revert them"
)


@dataclass
class Change:
    """One change of a router, in three steps; pyinfra fails the operation where one returns False.

    :param id: by which the router tells it from others
    :param wanted: what packages shall hold
    :param label: what the names of all rules of its owner begin with; empty if they have nothing
        in common
    :param seconds: until it is rolled back, if it is not confirmed
    """

    id: str
    wanted: tuple[Wanted, ...]
    label: str
    seconds: int

    def __post_init__(self) -> None:
        self._names = with_firewall(each.package for each in self.wanted)
        self._lost: list[str] = []
        self._running: frozenset[str] = frozenset()
        self._applied = 0.0
        self._may_be_confirmed = False

    def stage(self, state: State, host: Host) -> bool:  # noqa: ARG002
        """Keep the files, arm the timer, stage the change, and check what is staged."""
        try:
            # An earlier operation of this run may have changed other sections of a package.
            now = self._begin(host)
            if differing := drift_of(now, self.wanted, self.label):
                for each in (*differing, LOAD_IT):
                    host.log_styled(each, fg="red")
                return False
            batches = {each.package: diff(now.packages[each.package], each) for each in self.wanted}
        except HotshoeError as error:
            return self._roll_back(host, str(error))
        self._running = now.running
        self._lost = list(_lost_routes(self.wanted, now))
        # Where nothing differs, loading the firewall again puts its rules in force.
        touched = tuple(name for name, lines in batches.items() if lines) or ("firewall",)
        command = f"{INIT} stage {self.id} {self.seconds} {' '.join(touched)}"
        lines = "\n".join(line for lines in batches.values() for line in lines)
        try:
            done, output = run(host, command, self.seconds, _stdin=lines)
        except HotshoeError as error:
            return self._roll_back(host, str(error))
        if not done:
            return self._roll_back(host, "; ".join(output.stderr_lines) or "staging failed")
        staged = tuple(each for each in self.wanted if each.package in touched)
        wrong = staging_errors(staged, now.packages, split_parts(output.stdout_lines))
        return self._roll_back(host, *wrong) if wrong else True

    def _begin(self, host: Host) -> RouterState:
        """The router as it is once an unconfirmed change is rolled back."""
        now = current_state(host, self._names, self.seconds, compare=True)
        if not now.pending:
            return now
        run(host, f"{INIT} rollback", self.seconds)
        return current_state(host, self._names, self.seconds, compare=True)

    def apply(self, state: State, host: Host) -> bool:  # noqa: ARG002
        """Commit and load what is staged."""
        command = "; ".join([*self._lost, f"{INIT} apply {self.id}"])
        self._applied = time.monotonic()
        try:
            done, output = run(host, command, max(self.seconds // 2, 5))
        except HotshoeError:
            # The change cut this connection off; the next step tries a new one.
            return True
        return done or self._roll_back(host, "; ".join(output.stderr_lines) or "committing failed")

    def confirm(self, state: State, host: Host) -> bool:  # noqa: ARG002
        """Check over a new connection that the change is in force, and keep it."""
        if error := self._reconnect(host):
            # The old connection may live; if not, there is the timer.
            return self._roll_back(
                host, f"with the new configuration, a new SSH connection fails ({error})"
            )
        deadline = time.monotonic() + min(SETTLING_SECONDS, self.seconds // 2)
        try:
            while wrong := self._missing(current_state(host, self._names, self.seconds)):
                if time.monotonic() > deadline:
                    return self._roll_back(host, *wrong)
                time.sleep(0.5)
            self._may_be_confirmed = True
            done, output = run(host, f"{INIT} confirm {self.id}", self.seconds)
        except HotshoeError as error:
            return self._roll_back(host, str(error))
        return done or self._roll_back(host, "; ".join(output.stderr_lines))

    def _reconnect(self, host: Host) -> str:
        """Log in over a new connection.

        A router whose network is reloaded may be out of reach for some time, and its old
        connection is lost then; where that lives, the new rules are why a new one fails.

        :returns: why that fails; empty if it does not
        """
        while error := reconnect(host):
            if is_alive(host) or time.monotonic() > self._applied + self.seconds // 2:
                return error
            time.sleep(1)
        return ""

    def _roll_back(self, host: Host, *reasons: str) -> bool:
        """Roll back, and say why; and say what became of the change, as far as it is known."""
        for reason in reasons:
            host.log_styled(reason, fg="red")
        try:
            done, output = run(host, f"{INIT} rollback {self.id}", self.seconds)
            # A change that the router has confirmed meanwhile stays; the router says so.
            failed = "; ".join(output.stderr_lines) or "rolling back failed"
            said = "the router is as it was" if done else failed
        except HotshoeError:
            said = f"the router rolls back by itself within {self.seconds} seconds"
            if self._may_be_confirmed:
                said = f"the change stays if the router has confirmed it; if not, {said}"
        host.log_styled(said, fg="red")
        return False

    def _missing(self, now: RouterState) -> tuple[str, ...]:
        stopped = sorted(self._running - now.running)
        return (
            *not_in_force(now, self.wanted, self.label),
            *(f"{name} ran before and no longer does" for name in stopped),
        )


def _lost_routes(wanted: Iterable[Wanted], now: RouterState) -> Iterator[str]:
    """The commands that set routes which are configured, but gone: netifd believes they are set."""
    for each in wanted:
        for section in each.sections:
            configured = section in now.packages[each.package].sections
            if is_route(each, section) and configured and not is_set(section, now.routes):
                target, gateway = (str(section.options[key]) for key in ("target", "gateway"))
                yield f"ip route replace {shlex.quote(target)} via {shlex.quote(gateway)}"
