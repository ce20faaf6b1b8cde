"""The few ways in which roles change a host. Each yields commands only for what must change.

Content travels over the standard input of one command: no temporary copy in a folder that others
can read, nothing in the process list, no file transfer protocol, and one round trip a file.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Generator, Iterable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

from paramiko import SSHException
from pyinfra.api import FunctionCommand, Host, State, StringCommand, operation
from pyinfra.api.exceptions import ConnectError
from pyinfra.api.operation import OperationMeta
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.context import host

from hotshoe import paths
from hotshoe.debian.device import Device, PathState
from hotshoe.debian.units import Ruleset
from hotshoe.render import render, text
from roles.base.device import device_of
from roles.base.plans import refuse

Commands = Generator[Any, None, None]
T = TypeVar("T", bound=Callable[..., Any])

ROLLBACK_SECONDS = 30
NO_SHELL = "/usr/sbin/nologin"


def changes(done: OperationMeta) -> bool:
    """Whether an earlier operation of this run changes, or changed, its host."""
    return done.did_change() if done.is_complete() else done.will_change


@operation()
def barrier() -> Commands:
    """Wait for every host to come this far; pyinfra keeps no order between hosts without one.

    .. code:: python

        barrier(name="Servers ready")
    """
    yield from ()


@operation()
def packages(names: tuple[str, ...]) -> Commands:
    """Install Debian packages that are missing, without what they only recommend.

    + names: the packages

    .. code:: python

        operations.packages(("vsftpd", "nftables"), name="Install packages")
    """
    missing = sorted(set(names) - device_of(host).packages)
    if not missing:
        host.noop(f"{', '.join(names)}: installed")
        return
    yield StringCommand(
        f'flock /run/lock/hotshoe-apt sh -c "$(cat)" hotshoe-apt {" ".join(missing)} </dev/null',
        _stdin=text("base/packages.sh"),
    )


@operation()
def account(name: str, home: str, unit: str = "") -> Commands:
    """Ensure a system user that cannot log in, and a group of the same name.

    + name: of the user and of its group
    + home: its home directory, which is not created
    + unit: what runs as that user all the time; usermod refuses a user who is busy

    .. code:: python

        operations.account("hotshoe-ftpd", "/nonexistent", name="Create the user")
    """
    entry = device_of(host).accounts.get(name, "").split(":")
    if entry == [""]:
        yield (
            "useradd --system --user-group --no-create-home "
            f"--home-dir {shlex.quote(home)} --shell {NO_SHELL} {name}"
        )
    elif entry[5:] != [home, NO_SHELL]:
        yield render("base/usermod.sh.j2", name=name, home=home, shell=NO_SHELL, unit=unit)
    else:
        host.noop(f"user {name} is as it should be")


@operation()
def no_accounts(names: tuple[str, ...]) -> Commands:
    """Have no such system users, nor groups of their names; what they ran is stopped before.

    + names: of users that :func:`account` made

    .. code:: python

        operations.no_accounts(("hotshoe-share",), name="Remove the user of the share")
    """
    there = [name for name in names if name in device_of(host).accounts]
    if not there:
        host.noop(f"{', '.join(names)}: not there")
        return
    yield render("base/userdel.sh.j2", names=there)


def refuse_folder(path: str) -> None:
    """Refuse a host where a folder is in the way of a file, before anything is changed.

    :param path: where the file belongs
    :raises RefusedError: if a folder is there
    """
    state = device_of(host).paths.get(path)
    if state and state.kind == "d":
        refuse(host, f"{path} is a folder, where hotshoe puts a file", "move it away")


def _refuse_other_than_folder(path: str) -> None:
    """Refuse a host where something is in the way of a folder; a link could lead anywhere.

    :raises RefusedError: if anything but a folder is there
    """
    state = device_of(host).paths.get(path)
    if state and state.kind != "d":
        refuse(
            host,
            f"{path} is a {'link' if state.kind == 'l' else 'file'}, where hotshoe has a folder",
            "move it away; if the photos belong on another disk, mount that disk (or bind a folder "
            "of it) there",
        )


def _refusing_obstacles(refuse_obstacle: Callable[[str], None]) -> Callable[[T], T]:
    """An operation that has its host refused for what is at its first argument, a path or several.

    With ``-y``, pyinfra runs an operation's own code only when others have changed hosts already.
    """

    def decorate(change: T) -> T:
        @wraps(change)
        def refusing(where: str | Iterable[str], *args: Any, **kwargs: Any) -> Any:
            for path in [where] if isinstance(where, str) else where:
                refuse_obstacle(path)
            return change(where, *args, **kwargs)

        return cast("T", refusing)

    return decorate


@_refusing_obstacles(_refuse_other_than_folder)
@operation()
def folders(
    paths: tuple[str, ...],
    owner: str = "root",
    group: str = "root",
    mode: str = "755",
    or_mode: str = "",
) -> Commands:
    """Ensure that folders are there, with this owner and mode.

    + paths: absolute
    + mode: octal digits
    + or_mode: another mode that they may have, if a program of ours changes it

    .. code:: python

        operations.folders(("/srv/hotshoe/r5", "/srv/hotshoe/a7"), name="Create the folders")
    """
    right = [PathState("d", owner, group, each) for each in (mode, or_mode)]
    wrong = [path for path in paths if device_of(host).paths.get(path) not in right]
    if not wrong:
        host.noop(f"{', '.join(paths)}: as they should be")
        return
    names = " ".join(map(shlex.quote, wrong))
    # Five digits also take away what three would leave: that files inherit a folder's group.
    yield f"install -d -o {owner} -g {group} -m {mode} {names} && chmod {mode:0>5} {names}"


@_refusing_obstacles(refuse_folder)
@operation()
def put(
    path: str, content: str, mode: str = "644", group: str = "root", check: str = ":"
) -> Commands:
    """Replace a file in one step, if its content, owner or mode differ.

    + path: absolute
    + content: text; never shown, not even with ``--diff``
    + mode: octal digits
    + check: a shell command that fails if the new file, ``$new``, is bad; a bad one never replaces
      a good one

    .. code:: python

        operations.put(
            "/etc/hotshoe/vsftpd.conf", text, check='grep -q listen_port "$new"', name="Configure"
        )
    """
    right = PathState("f", "root", group, mode, _digest(content))
    if device_of(host).paths.get(path) == right:
        host.noop(f"{path} is as it should be")
        return
    yield write(path, content, mode, group, check)


@_refusing_obstacles(refuse_folder)
@operation()
def put_all(files: Mapping[str, str], programs: tuple[str, ...] = ()) -> Commands:
    """Replace files that belong together, each in one step, as :func:`put` does.

    + files: absolute paths and their content
    + programs: those that are run

    .. code:: python

        operations.put_all({"/usr/local/lib/it/__main__.py": text}, name="Install it")
    """
    seen = device_of(host).paths
    mode = {path: "755" if path in programs else "644" for path in files}
    wrong = {
        path: content
        for path, content in files.items()
        if seen.get(path) != PathState("f", "root", "root", mode[path], _digest(content))
    }
    if not wrong:
        host.noop(f"{', '.join(files)}: as they should be")
        return
    for path, content in wrong.items():
        yield write(path, content, mode[path])


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def write(
    path: str, content: str, mode: str, group: str = "root", check: str = ":"
) -> StringCommand:
    """The command that replaces a file in one step; see :func:`put`."""
    program = render("base/put.sh.j2", path=path, mode=mode, group=group, check=check)
    return StringCommand(program, _stdin=content)


@operation()
def masked(unit: str, package: str) -> Commands:
    """Keep a unit from starting when its package is installed.

    + unit: the systemd unit
    + package: what brings it

    .. code:: python

        operations.masked("vsftpd.service", "vsftpd", name="Mask Debian's own unit")
    """
    if device_of(host).units.get(unit, "").endswith(" masked"):
        host.noop(f"{unit} is masked")
        return
    # Whatever installs the package makes systemd read its units.
    yield f"systemctl mask --quiet --no-reload {unit}  # {package} is started by our own unit"


def _is_current(seen: Device, unit: str, needs: list[OperationMeta]) -> bool:
    """Whether a unit runs, now and at boot, what its files say, and none of them will change."""
    return (
        seen.is_active(unit)
        and unit in seen.loaded
        and not any(changes(operation) for operation in needs)
    )


@operation()
def service(
    unit: str, needs: list[OperationMeta], ready: str = "", force: bool = False
) -> Commands:
    """Run a unit, now and at boot, with what its files say.

    + unit: the systemd unit; records what it has loaded (see :mod:`hotshoe.debian.units`)
    + needs: operations of this run that write its files
    + ready: a shell command that succeeds once the unit does its work; unless said, it does once
      systemd calls it active
    + force: restart it although it runs, since its work is not as it left it

    .. code:: python

        written = operations.put("/etc/systemd/system/it.service", text)
        operations.service("it.service", [written], ready="pgrep -x it")
    """
    if not force and _is_current(device_of(host), unit, needs):
        host.noop(f"{unit} runs what its files say")
        return
    yield render(
        "base/service.sh.j2", unit=unit, ready=ready or f"systemctl is-active --quiet {unit}"
    )


@operation()
def timer(unit: str, needs: list[OperationMeta]) -> Commands:
    """Run a timer of ours, now and at boot, as its file says.

    + unit: the systemd unit, whose name ends in ``.timer``
    + needs: operations of this run that write its file, or that of the service that it starts

    .. code:: python

        written = operations.put("/etc/systemd/system/it.timer", text)
        operations.timer("it.timer", [written], name="Start it")
    """
    seen = device_of(host)
    # A run that was killed may have left what it starts with a file that systemd has not read.
    started = seen.units.get(f"{unit.removesuffix('.timer')}.service", "")
    outdated = started.endswith("outdated")
    if seen.is_active(unit) and not outdated and not any(map(changes, needs)):
        host.noop(f"{unit} runs as its file says")
        return
    # What it starts may be at work, and is left alone.
    yield f"systemctl daemon-reload && systemctl enable --quiet {unit} && systemctl restart {unit}"


@operation()
def ruleset(ruleset: Ruleset, text: str, needs: list[OperationMeta]) -> Commands:
    """Load an nftables table of our own, unless that would lock us out.

    The old rules come back by themselves after half a minute unless the host can be reached over a
    new SSH connection. Only then do the new rules become the ones that are loaded at boot. Nobody
    else's tables are touched.

    + ruleset: the table
    + text: the file for ``nft -f``; it replaces the table in one transaction
    + needs: operations of this run that write the unit that loads it

    .. code:: python

        operations.ruleset(Ruleset("hotshoe_firewall"), text, [], name="Load the rules")
    """
    seen = device_of(host)
    table, path, unit = ruleset.table, ruleset.path, ruleset.unit.name
    digest = _digest(text)
    right = PathState("f", "root", "root", "644", digest)
    if seen.paths.get(path) == right and _is_current(seen, unit, needs):
        host.noop(f"{table} is loaded")
        return
    yield StringCommand(f"{paths.RULESET} stage {table} {ROLLBACK_SECONDS}", _stdin=text)
    yield FunctionCommand(_reach_again, (table, digest), {})
    yield f"{paths.RULESET} confirm {table} {digest}"


def reconnect(host: Host) -> str:
    """Log in over a new connection, which what follows in this run then uses.

    :returns: why that fails, and the old connection stays in use; empty if it does not
    """
    connector = host.connector
    if not isinstance(connector, SSHConnector):
        return ""
    old = connector.client
    try:
        connector.connect()
    except ConnectError as error:
        connector.client = old
        return str(error)
    if old:
        old.close()
    return ""


def _reach_again(state: State, host: Host, table: str, digest: str) -> bool:  # noqa: ARG001
    """Log in over a new connection, or put the old rules back.

    :returns: whether the host can still be reached; pyinfra fails the operation if not
    """
    if error := reconnect(host):
        try:
            command = StringCommand(f"{paths.RULESET} rollback {table} {digest}")
            done, _ = host.run_shell_command(command, **sudo(host))
        except (OSError, EOFError, SSHException):
            done = False
        then = "are back" if done else f"come back by themselves within {ROLLBACK_SECONDS} seconds"
        host.log_styled(
            f"with the new rules of {table}, a new SSH connection fails ({error}), so the old "
            f"rules {then}. Deploy from inside the home, or let the Site allow the network that "
            "you deploy from (server.ssh_from).",
            fg="red",
        )
        return False
    return True


def sudo(host: Host) -> dict[str, Any]:
    """The arguments that make a command run as root, when the SSH user is somebody else."""
    return {"_sudo": bool(host.data.get("_sudo"))}


@operation()
def absent(unit: str, files: tuple[str, ...]) -> Commands:
    """Stop and remove a unit of ours, with its files; a unit itself undoes what it did.

    + unit: the systemd unit
    + files: what else was put there for it; folders go with all that is in them

    .. code:: python

        operations.absent("hotshoe-routes.service", ("/etc/hotshoe/routes",))
    """
    unit_path = f"{paths.UNITS}/{unit}"
    if not {*files, unit_path} & set(device_of(host).paths):
        host.noop(f"{unit} is not there")
        return
    yield render("base/absent.sh.j2", unit=unit_path, files=files)


@operation()
def stopped(units: tuple[str, ...]) -> Commands:
    """Stop units of ours that are in the way of others; what comes later starts them again.

    + units: the systemd units; none if none is in the way

    .. code:: python

        operations.stopped(("hotshoe-vsftpd.service",), name="Stop what has the port of another")
    """
    if not units:
        host.noop("nothing is in the way")
        return
    yield f"systemctl stop {' '.join(units)}"


@operation()
def removed(files: tuple[str, ...]) -> Commands:
    """Remove files of ours.

    + files: absolute paths

    .. code:: python

        operations.removed(("/etc/hotshoe/routes",), name="Remove the static routes")
    """
    there = [path for path in files if path in device_of(host).paths]
    if not there:
        host.noop(f"{', '.join(files)}: not there")
        return
    yield f"rm -f {' '.join(map(shlex.quote, there))}"
