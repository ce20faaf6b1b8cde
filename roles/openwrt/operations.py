"""How an OpenWrt router is changed: every change rolls back by itself unless it is confirmed.

    from hotshoe.openwrt.uci.changes import Wanted
    from hotshoe.openwrt.uci.data import Section
    from roles.openwrt import operations as openwrt

    openwrt.service(name="Install the service that rolls back")
    ssh = {"name": "SSH", "src": "wan", "proto": "tcp", "dest_port": "22", "target": "ACCEPT"}
    openwrt.configuration(
        (Wanted("firewall", "mine", (Section("rule", "mine_ssh", ssh),)),),
        name="Accept SSH from outside",
    )

They need neither a Site nor a Plan. ``service`` comes first; it installs ``/etc/init.d/hotshoe``,
which keeps the files, arms the timer and rolls back. What ``configuration`` creates, changes,
reorders and deletes is in :mod:`hotshoe.openwrt.uci.changes`. The kernel is asked whether it is in
force: firewall rules, masquerading, and routes with a gateway in the main table.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Generator, Iterable
from typing import Any

from pyinfra.api import FunctionCommand, Host, State, StringCommand, operation
from pyinfra.context import host

from hotshoe.errors import HotshoeError
from hotshoe.openwrt import paths
from hotshoe.openwrt.uci.changes import Wanted
from hotshoe.render import render
from roles.openwrt.change import Change
from roles.openwrt.facts import InstalledPackages
from roles.openwrt.facts.script import MARK
from roles.openwrt.facts.secret_options import NAMES, is_secret
from roles.openwrt.state import reason_to_change, state_at_start, with_firewall

Commands = Generator[Any, None, None]

# As long as LuCI waits; a slow router needs some seconds for each of the steps.
ROLLBACK_SECONDS = 90
LEAST_SECONDS = 5
# What a flash file system keeps for itself, and room for two copies of the files.
ROOM = 128
# What the service keeps there is its own.
_FOLDERS = tuple(f"{paths.FOLDER}/{name}" for name in ("first", "gone", "new", "pending"))


def init_script() -> str:
    """The text of ``/etc/init.d/hotshoe``."""
    return render(
        "openwrt/hotshoe.init.j2",
        paths=paths,
        room=ROOM,
        mark=MARK,
        secret_names=NAMES,
    )


def keep_list() -> str:
    """What sysupgrade(8) keeps besides /etc/config."""
    return f"{paths.FOLDER}/\n{paths.INIT}\n{paths.ENABLED}\n{paths.HOTPLUG}\n{paths.KEEP}\n"


def digest(content: str) -> str:
    """The SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(content.encode()).hexdigest()


@operation()
def service() -> Commands:
    """Have the service that rolls back unconfirmed changes, now and at every boot.

    **Example:**

    .. code:: python

        openwrt.service(name="Install the service that rolls back")
    """
    seen = state_at_start(host)
    script, kept = init_script(), keep_list()
    if seen.digests.get(paths.INIT) != digest(script) or not seen.enabled:
        yield _write(paths.INIT, script, "755", "sh -n", f"{paths.INIT} enable")
    if seen.digests.get(paths.KEEP) != digest(kept):
        yield _write(paths.KEEP, kept, "644")


@operation()
def put(path: str, content: str, mode: str = "644") -> Commands:
    """Have a file in hotshoe's folder, replaced in one step.

    + path: ``/etc/hotshoe/…``
    + content: text; it travels over standard input alone
    + mode: octal digits

    **Example:**

    .. code:: python

        openwrt.put("/etc/hotshoe/limit.nft", "limit rate 9/second\\n", name="Put a limit")
    """
    if wrong := _not_ours((path,)):
        yield wrong
        return
    if state_at_start(host).digests.get(path) == digest(content):
        host.noop(f"{path} is as it should be")
        return
    yield _write(path, content, mode)


@operation()
def absent(files: tuple[str, ...]) -> Commands:
    """Have no such files in hotshoe's folder.

    + files: each ``/etc/hotshoe/…``

    **Example:**

    .. code:: python

        openwrt.absent(("/etc/hotshoe/limit.nft",), name="Remove the limit")
    """
    if wrong := _not_ours(files):
        yield wrong
        return
    there = sorted(set(files) & set(state_at_start(host).digests))
    if not there:
        host.noop("nothing is left over")
        return
    yield f"rm -f {' '.join(there)}"


@operation()
def hotplug(content: str) -> Commands:
    """Have hotshoe's script that netifd runs when an interface comes up or changes, or none.

    + content: a shell script that leaves its process ID in ``/var/run/hotshoe-wan.pid``; empty for
      none

    **Example:**

    .. code:: python

        openwrt.hotplug("logger $ACTION $INTERFACE\n", name="Log what comes up")
    """
    there = state_at_start(host).digests.get(paths.HOTPLUG)
    if content and there != digest(content):
        yield _write(
            paths.HOTPLUG, content, "644", "sh -n", f"ACTION=ifup sh {paths.HOTPLUG} </dev/null"
        )
    elif there and not content:
        yield (
            f"rm -f {paths.HOTPLUG}; start-stop-daemon -K -q -p {paths.WAN_PID} 2>/dev/null; "
            f"rm -f {paths.WAN_PID}"
        )
    else:
        host.noop(f"{paths.HOTPLUG} is as it should be")


@operation()
def begin_anew(interface: str) -> Commands:
    """Have hotshoe's hotplug script begin anew, as with another address of an interface.

    Nothing of it ran before where the script was not there when this run began.

    + interface: the logical interface

    **Example:**

    .. code:: python

        openwrt.begin_anew("wan", name="Try the new secret")
    """
    if paths.HOTPLUG in state_at_start(host).digests:
        yield f"ACTION=ifupdate INTERFACE={interface} sh {paths.HOTPLUG} </dev/null"
    else:
        host.noop("nothing waits")


def _not_ours(files: Iterable[str]) -> FunctionCommand | None:
    for path in files:
        if not re.fullmatch(rf"{paths.FOLDER}/\w[\w.-]*", path) or path in _FOLDERS:
            return FunctionCommand(_refuse, (f"{path!r} is no file in {paths.FOLDER}",), {})
    return None


def _write(path: str, content: str, mode: str, check: str = "", then: str = "") -> StringCommand:
    folder = path.rpartition("/")[0]
    command = render(
        "openwrt/write.sh.j2", path=path, folder=folder, mode=mode, check=check, then=then
    )
    return StringCommand(command, _stdin=content)


@operation()
def packages(names: tuple[str, ...]) -> Commands:
    """Install packages that are missing, by opkg or apk; nothing is upgraded.

    + names: the packages

    **Example:**

    .. code:: python

        openwrt.packages(("ddns-scripts",), name="Install the client for dynamic DNS")
    """
    missing = sorted(set(names) - host.get_fact(InstalledPackages))
    if not missing:
        host.noop(f"{', '.join(names)}: installed")
        return
    if state_at_start(host).package_manager == "apk":
        yield f"apk --update-cache add {' '.join(missing)}"
    else:
        yield f"opkg update && opkg install {' '.join(missing)}"


@operation()
def configuration(
    wanted: tuple[Wanted, ...], label: str = "", seconds: int = ROLLBACK_SECONDS
) -> Commands:
    """Have these sections and options, or else everything as it was.

    Stage, check, apply, confirm: the files are kept and a timer is armed that restores them; the
    change is staged, read back, and compared with what fw4 makes of it; it is committed and loaded;
    then, over a new SSH connection, the kernel is asked whether it really is in force. Only that
    stops the timer. A router that loses its power before has its old files at the next boot.

    + wanted: what packages under /etc/config shall hold, at most one for each
    + label: what the names of all rules of this owner begin with; one that begins so and is not
      wanted is stale and must not be in force
    + seconds: until an unconfirmed change is rolled back, and no fewer than 5

    **Example:**

    .. code:: python

        from hotshoe.openwrt.uci.changes import Setting, Wanted

        openwrt.configuration(
            (Wanted("firewall", "mine", settings=(Setting("@zone[1]", "auto_helper", "0"),)),),
            name="Turn off connection tracking helpers",
        )
    """
    names = tuple(each.package for each in wanted)
    if int(seconds) != seconds or seconds < LEAST_SECONDS:
        said = f"seconds: at least {LEAST_SECONDS}, and whole, not {seconds}"
        yield FunctionCommand(_refuse, (said,), {})
        return
    for each in wanted:
        options = [name for section in each.sections for name in section.options]
        for option in (*options, *(setting.option for setting in each.settings)):
            if is_secret(option):
                # It could not be compared with what is there.
                said = f"{each.package}: the values of option {option!r} do not leave the router"
                yield FunctionCommand(_refuse, (f"{said}; set it by other means",), {})
                return
    try:
        state = state_at_start(host, with_firewall(names))
        reason = reason_to_change(state, wanted, label)
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
