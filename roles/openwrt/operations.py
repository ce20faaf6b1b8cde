"""How an OpenWrt router is changed: every change undoes itself unless it is confirmed.

    from hotshoe.uci.changes import Wanted
    from hotshoe.uci.data import Section
    from roles.openwrt import operations as openwrt

    openwrt.service()
    openwrt.configuration(
        (Wanted("firewall", "mine", (Section("rule", "mine_ssh", {...}),)),),
        name="SSH from the office",
    )

They need no other part of hotshoe. ``service`` comes first; it installs ``/etc/init.d/hotshoe``,
which keeps the files, arms the timer and puts them back. What each owns is in
:mod:`hotshoe.uci.changes`.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Generator, Iterable
from typing import Any

from pyinfra.api import FunctionCommand, Host, State, StringCommand, operation
from pyinfra.context import host

from hotshoe.errors import HotshoeError
from hotshoe.openwrt.live import not_live
from hotshoe.openwrt.proof import disproofs
from hotshoe.render import render
from hotshoe.uci.changes import Wanted, diff
from hotshoe.uci.data import Package
from roles.base.operations import reconnect
from roles.openwrt import facts
from roles.openwrt.facts import (
    INIT,
    KEEP,
    KEPT,
    InstalledPackages,
    PackageManager,
    Router,
    RouterState,
)

Commands = Generator[Any, None, None]

# A slow router loads its firewall in some seconds, and a new connection may take ten.
ROLLBACK_SECONDS = 60
# What netifd and dnsmasq may need until they have done what a reload told them.
SETTLING_SECONDS = 15
# What a flash file system keeps for itself, and room for two copies of the files.
ROOM = 128
WORK = "/var/run/hotshoe"


def look(host: Host, packages: tuple[str, ...] = facts.PACKAGES) -> RouterState:
    """The router as it was when this run began; read once, then remembered.

    :raises HotshoeError: if a file under /etc/config cannot be read as UCI
    """
    key = f"openwrt {packages}"
    if key not in host.connector_data:
        host.connector_data[key] = host.get_fact(Router, packages)
    state: RouterState = host.connector_data[key]
    return state


def _look_again(host: Host, packages: tuple[str, ...]) -> RouterState:
    fact = Router()
    done, output = host.run_shell_command(StringCommand(fact.command(packages)))
    if not done:
        raise HotshoeError("\n".join(output.stderr_lines[-3:]) or "the router does not answer")
    return fact.process(output.stdout_lines)


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
    )


def keep_list() -> str:
    """What sysupgrade(8) keeps besides /etc/config."""
    return f"{KEPT}/\n{INIT}\n{facts.ENABLED}\n"


def digest(content: str) -> str:
    """The SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(content.encode()).hexdigest()


@operation()
def service() -> Commands:
    """Have the service that undoes changes which nobody confirms, now and at every boot."""
    seen = look(host)
    script, kept = init_script(), keep_list()
    if seen.digests.get(INIT) != digest(script) or not seen.enabled:
        yield _write(INIT, script, "755", "sh -n", f"{INIT} enable")
    if seen.digests.get(KEEP) != digest(kept):
        yield _write(KEEP, kept, "644")


@operation()
def put(path: str, content: str) -> Commands:
    """Have a file in the folder of hotshoe's files, replaced in one step.

    + path: absolute
    + content: text
    """
    if look(host).digests.get(path) == digest(content):
        host.noop(f"{path} is as it should be")
        return
    yield _write(path, content, "644")


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
    + label: what the names of all rules of this owner begin with; others are taken out
    + seconds: until a change that nobody confirms is put back
    """
    names = tuple(each.package for each in wanted)
    reason = _why(look(host, _with_firewall(names)), wanted, label)
    if not reason:
        host.noop("the router is as it should be")
        return
    change = secrets.token_hex(4)
    for step in (_stage, _apply, _confirm):
        yield FunctionCommand(step, (change, wanted, label, seconds), {})


def _with_firewall(names: Iterable[str]) -> tuple[str, ...]:
    """The same packages whoever asks, so that they are read once."""
    return tuple(dict.fromkeys((*facts.PACKAGES, *names)))


def _why(seen: RouterState, wanted: tuple[Wanted, ...], label: str) -> str:
    """Why a router has to be changed; empty if it is as it should be."""
    if seen.pending:
        return "a change was never confirmed"
    for each in wanted:
        if diff(seen.packages.get(each.package, Package(each.package, ())), each):
            return f"{each.package} differs"
    missing = not_live(wanted, seen.packages["firewall"], seen.rules, seen.routes, label)
    return f"not in force: {missing[0]}" if missing else ""


# -- the steps; pyinfra fails the operation where one returns False


def _stage(  # noqa: ARG001
    state: State, host: Host, change: str, wanted: tuple[Wanted, ...], label: str, seconds: int
) -> bool:
    names = tuple(each.package for each in wanted)
    try:
        # An earlier operation of this run may have changed other sections of the same package.
        before = _look_again(host, _with_firewall(names)).packages
        batch = [line for each in wanted for line in diff(before[each.package], each)]
    except HotshoeError as error:
        return _undone(host, str(error))
    done, output = host.run_shell_command(
        StringCommand(f"{INIT} stage {change} {seconds} {' '.join(names)}"),
        _stdin="\n".join(batch),
    )
    if not done:
        return _undone(host, "; ".join(output.stderr_lines) or "staging failed")
    wrong = disproofs(wanted, before, facts.sections(output.stdout_lines))
    return _undone(host, *wrong) if wrong else True


def _apply(  # noqa: ARG001
    state: State, host: Host, change: str, wanted: tuple[Wanted, ...], label: str, seconds: int
) -> bool:
    try:
        done, output = host.run_shell_command(
            StringCommand(f"{INIT} apply {change}"), _timeout=max(seconds // 2, 5)
        )
    except (OSError, EOFError):
        # A connection that the change cut off; whether there is another way in, the next step sees.
        return True
    return done or _undone(host, "; ".join(output.stderr_lines) or "committing failed")


def _confirm(  # noqa: ARG001
    state: State, host: Host, change: str, wanted: tuple[Wanted, ...], label: str, seconds: int
) -> bool:
    if error := reconnect(host):
        host.log_styled(
            f"with the new configuration, a new SSH connection fails ({error}), so the router puts "
            f"the old one back, {seconds} seconds after the change began",
            fg="red",
        )
        return False
    names = _with_firewall(each.package for each in wanted)
    running = look(host, names).running
    wrong: tuple[str, ...] = ()
    deadline = time.monotonic() + min(SETTLING_SECONDS, seconds // 2)
    while True:
        try:
            now = _look_again(host, names)
        except HotshoeError as error:
            return _undone(host, str(error))
        wrong = not_live(wanted, now.packages["firewall"], now.rules, now.routes, label)
        wrong += tuple(f"{name}, which ran before" for name in sorted(running - now.running))
        if not wrong or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    if wrong:
        return _undone(host, *(f"not in force: {each}" for each in wrong))
    done, output = host.run_shell_command(StringCommand(f"{INIT} confirm {change}"))
    return done or _undone(host, "; ".join(output.stderr_lines))


def _undone(host: Host, *reasons: str) -> bool:
    """Put back what was, and say why."""
    for reason in reasons:
        host.log_styled(reason, fg="red")
    done, output = host.run_shell_command(StringCommand(f"{INIT} rollback"))
    said = "the router is as it was" if done else "; ".join(output.stderr_lines)
    host.log_styled(said, fg="red")
    return False
