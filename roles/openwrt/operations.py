"""How an OpenWrt router is changed: every change undoes itself unless it is confirmed.

    from hotshoe.openwrt.uci.changes import Wanted
    from hotshoe.openwrt.uci.data import Section
    from roles.openwrt import operations as openwrt

    openwrt.service()
    openwrt.configuration(
        (Wanted("firewall", "mine", (Section("rule", "mine_ssh", {...}),)),),
        name="SSH from the office",
    )

They need neither a Site nor a Plan. ``service`` comes first; it installs ``/etc/init.d/hotshoe``,
which keeps the files, arms the timer and puts them back. What ``configuration`` creates, changes,
reorders and deletes is in :mod:`hotshoe.openwrt.uci.changes`. Whether it is in force is
asked of the kernel for firewall rules, masquerading, and routes with a gateway in the main table.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shlex
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from paramiko import SSHException
from pyinfra.api import FunctionCommand, Host, State, StringCommand, operation
from pyinfra.context import host

from hotshoe.errors import HotshoeError
from hotshoe.openwrt.sections import FOLDER as KEPT
from hotshoe.openwrt.uci.changes import Wanted, diff
from hotshoe.openwrt.uci.data import Package
from hotshoe.openwrt.verify.drift import drift
from hotshoe.openwrt.verify.live import is_route, is_set, live_errors
from hotshoe.openwrt.verify.staged import staging_errors
from hotshoe.render import render
from roles.base.operations import reconnect
from roles.openwrt import facts
from roles.openwrt.facts import (
    INIT,
    KEEP,
    InstalledPackages,
    PackageManager,
    Router,
    RouterState,
)
from roles.transport import is_alive

Commands = Generator[Any, None, None]

# As long as LuCI waits; a slow router needs some seconds for each of the steps.
ROLLBACK_SECONDS = 90
LEAST_SECONDS = 5
# What netifd and dnsmasq may need until they have done what a reload told them.
SETTLING_SECONDS = 15
# What a flash file system keeps for itself, and room for two copies of the files.
ROOM = 128
WORK = "/var/run/hotshoe"
LOAD_IT = (
    "this router's files were changed and not loaded, or the other way round; a change by hotshoe "
    "would load them. Load them at the router, where you see whether you still get in "
    "(/etc/init.d/firewall reload, /etc/init.d/network reload), or revert them"
)


def state_at_start(host: Host, packages: tuple[str, ...] = facts.PACKAGES) -> RouterState:
    """The router as it was when this run began; read once, then remembered.

    :raises HotshoeError: if a file under /etc/config cannot be read as UCI
    """
    key = f"openwrt {packages}"
    if key not in host.connector_data:
        host.connector_data[key] = host.get_fact(Router, packages)
    state: RouterState = host.connector_data[key]
    return state


def _run(host: Host, command: str, seconds: int, **arguments: Any) -> tuple[bool, Any]:
    """Run a command on the router, which may cut the connection off, or never answer.

    :raises HotshoeError: if it does
    """
    try:
        done, output = host.run_shell_command(StringCommand(command), _timeout=seconds, **arguments)
    except (OSError, EOFError, SSHException) as error:
        reason = str(error) or f"no answer for {seconds} seconds"
        raise HotshoeError(f"the connection to the router was lost ({reason})") from error
    if not done and not is_alive(host):
        raise HotshoeError("the connection to the router was lost (it ended before the command)")
    return done, output


def current_state(
    host: Host, packages: tuple[str, ...], seconds: int, compare: bool = False
) -> RouterState:
    """The router as it is now.

    :param compare: whether to ask what the firewall's files make, too
    :raises HotshoeError: if it does not answer, or a file under /etc/config cannot be read as UCI
    """
    fact = Router()
    done, output = _run(host, fact.command(packages, compare), seconds)
    if not done:
        raise HotshoeError("\n".join(output.stderr_lines[-3:]) or "the router does not answer")
    return fact.process(output.stdout_lines)


def drift_of(state: RouterState, wanted: Iterable[Wanted], label: str) -> tuple[str, ...]:
    """Where the router's files and what is in force differ (:mod:`hotshoe.openwrt.verify.drift`).

    While a change waits to be confirmed, nothing is said: its files and what it loaded go first.
    """
    if state.pending:
        return ()
    return drift(wanted, state.packages, state.made, state.rules, state.interfaces, label)


def init_script() -> str:
    """The text of ``/etc/init.d/hotshoe``."""
    return render(
        "openwrt/hotshoe.init.j2",
        kept=KEPT,
        pending=facts.PENDING,
        work=WORK,
        room=ROOM,
        mark=facts.MARK,
        export=facts.export("$package"),
        changes=facts.CHANGES,
        hide=facts.HIDE_IN_MESSAGES,
    )


def keep_list() -> str:
    """What sysupgrade(8) keeps besides /etc/config."""
    return f"{KEPT}/\n{INIT}\n{facts.ENABLED}\n{KEEP}\n"


def digest(content: str) -> str:
    """The SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(content.encode()).hexdigest()


@operation()
def service() -> Commands:
    """Have the service that undoes changes which nobody confirms, now and at every boot."""
    seen = state_at_start(host)
    script, kept = init_script(), keep_list()
    if seen.digests.get(INIT) != digest(script) or not seen.enabled:
        yield _write(INIT, script, "755", "sh -n", f"{INIT} enable")
    if seen.digests.get(KEEP) != digest(kept):
        yield _write(KEEP, kept, "644")


@operation()
def put(path: str, content: str) -> Commands:
    """Have a file in the folder of hotshoe's files, replaced in one step.

    + path: ``/etc/hotshoe/….nft``
    + content: text
    """
    if wrong := _not_ours((path,)):
        yield wrong
        return
    if state_at_start(host).digests.get(path) == digest(content):
        host.noop(f"{path} is as it should be")
        return
    yield _write(path, content, "644")


@operation()
def absent(paths: tuple[str, ...]) -> Commands:
    """Have no file in these places.

    + paths: each ``/etc/hotshoe/….nft``
    """
    if wrong := _not_ours(paths):
        yield wrong
        return
    there = sorted(set(paths) & set(state_at_start(host).digests))
    if not there:
        host.noop("nothing is left over")
        return
    yield f"rm -f {' '.join(there)}"


def _not_ours(paths: Iterable[str]) -> FunctionCommand | None:
    for path in paths:
        if not re.fullmatch(rf"{KEPT}/[\w.-]+\.nft", path):
            return FunctionCommand(_refuse, (f"{path!r} is none of {KEPT}/NAME.nft",), {})
    return None


def _write(path: str, content: str, mode: str, check: str = "true", then: str = "true") -> Any:
    return StringCommand(
        f"set -e; umask 077; mkdir -p {path.rpartition('/')[0]}; cat >{path}.new; "
        f"{check} {path}.new; chmod {mode} {path}.new; sync; mv -f {path}.new {path}; {then}",
        _stdin=content,
    )


@operation()
def packages(names: tuple[str, ...]) -> Commands:
    """Install packages that are missing, by opkg or apk; nothing is upgraded.

    + names: the packages
    """
    missing = sorted(set(names) - host.get_fact(InstalledPackages))
    if not missing:
        host.noop(f"{', '.join(names)}: installed")
        return
    if host.get_fact(PackageManager) == "apk":
        yield f"apk --update-cache add {' '.join(missing)}"
    else:
        yield f"opkg update && opkg install {' '.join(missing)}"


@operation()
def configuration(
    wanted: tuple[Wanted, ...], label: str = "", seconds: int = ROLLBACK_SECONDS
) -> Commands:
    """Have these sections and options, or else everything as it was.

    Stage, check, apply, confirm: the files are kept and a timer is armed that puts them back; the
    change is staged, and proved by reading it back and by what fw4 makes of it; it is committed and
    loaded; then, over a new SSH connection, the kernel is asked whether it really is in force. Only
    that stops the timer. A router that loses its power before has its old files at the next boot.

    + wanted: what packages under /etc/config shall hold, at most one for each
    + label: what the names of all rules of this owner begin with; one that begins so and is not
      wanted must not be in force
    + seconds: until a change that nobody confirms is put back, and no fewer than 5
    """
    names = tuple(each.package for each in wanted)
    if int(seconds) != seconds or seconds < LEAST_SECONDS:
        said = f"seconds: at least {LEAST_SECONDS}, and whole, not {seconds}"
        yield FunctionCommand(_refuse, (said,), {})
        return
    for each in wanted:
        options = [name for section in each.sections for name in section.options]
        for option in (*options, *(setting.option for setting in each.settings)):
            if facts.is_hidden(option):
                # It could neither be proved nor compared.
                said = f"{each.package}: the values of option {option!r} do not leave the router"
                yield FunctionCommand(_refuse, (f"{said}; set it by other means",), {})
                return
    try:
        reason = why(state_at_start(host, _with_firewall(names)), wanted, label)
    except HotshoeError as error:
        yield FunctionCommand(_refuse, (str(error),), {})
        return
    if not reason:
        host.noop("the router is as it should be")
        return
    change = Change(secrets.token_hex(4), wanted, label, seconds)
    for step in (change.stage, change.apply, change.confirm):
        yield FunctionCommand(step, (), {})


def _refuse(state: State, host: Host, reason: str) -> bool:  # noqa: ARG001
    """Fail an operation with a message; pyinfra would print a traceback of an exception."""
    host.log_styled(reason, fg="red")
    return False


def _with_firewall(names: Iterable[str]) -> tuple[str, ...]:
    """The same packages whoever asks, so that they are read once."""
    return tuple(dict.fromkeys((*facts.PACKAGES, *names)))


def why(seen: RouterState, wanted: tuple[Wanted, ...], label: str = "") -> str:
    """Why a router has to be changed; empty if it is as it should be."""
    if seen.pending:
        return "a change was never confirmed"
    for each in wanted:
        if diff(seen.packages.get(each.package, Package(each.package, ())), each):
            return f"{each.package} differs"
    missing = _not_in_force_of(seen, wanted, label)
    return missing[0] if missing else ""


def _not_in_force_of(state: RouterState, wanted: Iterable[Wanted], label: str) -> tuple[str, ...]:
    return live_errors(wanted, state.packages["firewall"], state.rules, state.routes, label)


@dataclass
class Change:
    """One change of a router; pyinfra fails the operation where a step returns False.

    :param id: by which the router tells it from others
    :param wanted: what packages shall hold
    :param label: what the names of all rules of its owner begin with; empty if they have nothing
        in common
    :param seconds: until it is put back
    """

    id: str
    wanted: tuple[Wanted, ...]
    label: str
    seconds: int

    def __post_init__(self) -> None:
        self._names = _with_firewall(each.package for each in self.wanted)
        self._lost: list[str] = []
        self._running: frozenset[str] = frozenset()
        self._applied = 0.0

    def stage(self, state: State, host: Host) -> bool:  # noqa: ARG002
        """Have the files kept and the timer armed; stage, and prove what is staged."""
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
            done, output = _run(host, command, self.seconds, _stdin=lines)
        except HotshoeError as error:
            return self._roll_back(host, str(error))
        if not done:
            return self._roll_back(host, "; ".join(output.stderr_lines) or "staging failed")
        staged = tuple(each for each in self.wanted if each.package in touched)
        wrong = staging_errors(staged, now.packages, facts.sections(output.stdout_lines))
        return self._roll_back(host, *wrong) if wrong else True

    def _begin(self, host: Host) -> RouterState:
        """The router without a change that nobody confirmed."""
        now = current_state(host, self._names, self.seconds, compare=True)
        if not now.pending:
            return now
        _run(host, f"{INIT} rollback", self.seconds)
        return current_state(host, self._names, self.seconds, compare=True)

    def apply(self, state: State, host: Host) -> bool:  # noqa: ARG002
        """Commit and load it."""
        command = "; ".join([*self._lost, f"{INIT} apply {self.id}"])
        self._applied = time.monotonic()
        try:
            done, output = _run(host, command, max(self.seconds // 2, 5))
        except HotshoeError:
            # The change cut this connection off; whether there is another way in, is seen next.
            return True
        return done or self._roll_back(host, "; ".join(output.stderr_lines) or "committing failed")

    def confirm(self, state: State, host: Host) -> bool:  # noqa: ARG002
        """See over a new connection that it is in force, and keep it."""
        if error := self._reconnect(host):
            # The old connection may live; if not, there is the timer.
            return self._roll_back(
                host, f"with the new configuration, a new SSH connection fails ({error})"
            )
        deadline = time.monotonic() + min(SETTLING_SECONDS, self.seconds // 2)
        try:
            while wrong := self._not_in_force(current_state(host, self._names, self.seconds)):
                if time.monotonic() > deadline:
                    return self._roll_back(host, *wrong)
                time.sleep(0.5)
            done, output = _run(host, f"{INIT} confirm {self.id}", self.seconds)
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
        """Put back what was, and say why."""
        for reason in reasons:
            host.log_styled(reason, fg="red")
        try:
            done, output = _run(host, f"{INIT} rollback {self.id}", self.seconds)
            said = "the router is as it was" if done else "; ".join(output.stderr_lines)
        except HotshoeError:
            said = f"the router rolls back by itself within {self.seconds} seconds"
        host.log_styled(said, fg="red")
        return False

    def _not_in_force(self, now: RouterState) -> tuple[str, ...]:
        stopped = sorted(self._running - now.running)
        return (
            *_not_in_force_of(now, self.wanted, self.label),
            *(f"{name} ran before and no longer does" for name in stopped),
        )


def _lost_routes(wanted: Iterable[Wanted], now: RouterState) -> Iterator[str]:
    """Set what is configured and gone; netifd believes that such a route is still there."""
    for each in wanted:
        for section in each.sections:
            configured = section in now.packages[each.package].sections
            if is_route(each, section) and configured and not is_set(section, now.routes):
                target, gateway = (str(section.options[key]) for key in ("target", "gateway"))
                yield f"ip route replace {shlex.quote(target)} via {shlex.quote(gateway)}"
