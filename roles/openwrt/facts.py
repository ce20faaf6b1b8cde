"""Facts about an OpenWrt router. Each costs one round trip; so does :class:`Router`, most of them.

    from roles.openwrt.facts import Router, UciPackages
    firewall = host.get_fact(UciPackages, ("firewall",))["firewall"]

They need nothing on the router that a default image lacks, and change nothing there; to learn what
the firewall's files make, :class:`Router` loads that for a moment into a table without effect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from pyinfra.api import FactBase

from hotshoe.errors import HotshoeError
from hotshoe.openwrt.sections import FOLDER as KEPT
from hotshoe.openwrt.uci import text
from hotshoe.openwrt.uci.data import Package
from hotshoe.openwrt.zones import Interface, read_interfaces
from hotshoe.render import render

MARK = "@@hotshoe"
INIT = "/etc/init.d/hotshoe"
ENABLED = "/etc/rc.d/S11hotshoe"
PENDING = f"{KEPT}/pending"
KEEP = "/lib/upgrade/keep.d/hotshoe"
PACKAGES = ("network", "firewall", "dhcp")
# In which the kernel is shown what the firewall's files make.
MADE = "hotshoe_made"
# What the roles call on a router; a default image has all of it.
PROGRAMS = ("uci", "fw4", "nft", "ubus", "ip", "flock", "start-stop-daemon", "sha256sum", "logger")


def _either_case(*words: str) -> str:
    """A regular expression; awk cannot be told to ignore case."""
    return "|".join("".join(f"[{c.upper()}{c}]" for c in word) for word in words)


# Passwords and keys (of PPPoE, of WireGuard) are nobody's business here, nor what sounds like one.
# Of tokens and PINs, the name has to be a word: `pinned` is none.
_NAMES = (
    f"[A-Za-z0-9_]*({_either_case('pass', 'key', 'psk', 'secret')})[A-Za-z0-9_]*|"
    f"([A-Za-z0-9_]+_)?({_either_case('token', 'pin', 'pincode')})(_[A-Za-z0-9_]+)?"
)
# A value may have several lines: what is quoted ends where the quotes are even again, not counting
# those that are escaped. \047 is a quote.
HIDE = (
    r"awk 'function odd(s) { gsub(/\047\\\047\047/, "
    '"", s); return gsub(/\\047/, "", s) % 2 } '
    "inside { if (odd($0)) inside = 0; next } "
    rf"/^\t(option|list) ({_NAMES}) /"
    r'{ inside = odd($0); sub(/ \047.*/, " \047hidden\047") } '
    rf"/^-?[^. =]+[.][^. =]+[.]({_NAMES})[-+]?=/"
    r'{ inside = odd($0); sub(/=.*/, "=\047hidden\047") } '
    "{ print }'"
)
# fw4 repeats values that it does not take.
HIDE_IN_MESSAGES = rf"sed -E 's/(option .({_NAMES}). .*value ).*/\1(hidden)/'"
# What ``uci changes`` prints, without secrets too.
CHANGES = f"uci changes 2>/dev/null | {HIDE}"


def is_hidden(option: str) -> bool:
    """Whether the values of an option never leave a router."""
    return re.fullmatch(_NAMES, option) is not None


def export(package: str) -> str:
    """The shell command that prints a package as ``uci export`` does, without secrets."""
    return f"uci -q export {package} | {HIDE}"


def _as_it_was(package: str) -> str:
    """A package as it was before a change that waits to be confirmed, if there is one.

    Such a change goes before the next one begins, so what counts is what was. It has kept only the
    packages that it is about. What is staged is not in a file that has a path (file.c, ``uci_load``
    reads no deltas then).
    """
    return f"$(test -e {PENDING}/config/{package} && echo {PENDING}/config/){package}"


_PARTS = {
    "release": "cat /etc/openwrt_release 2>/dev/null || cat /etc/os-release",
    "board": "ubus -S call system board 2>/dev/null",
    "changes": CHANGES,
    "interfaces": "ubus -S call network.interface dump 2>/dev/null",
    "lacking": f"for p in {' '.join(PROGRAMS)}; do command -v $p >/dev/null || echo $p; done",
    # Opened and not written to; ash believes that root may write anywhere.
    "overlay": "test -e /etc/config/firewall && ( : >>/etc/config/firewall ) 2>/dev/null && "
    "echo writable",
    "pending": f"test ! -d {PENDING} || cat {PENDING}/id 2>/dev/null || echo unknown",
    "rules": "nft --stateless --terse list table inet fw4 2>/dev/null",
    # Of a change that waits, the files are to go.
    "made": f"test -d {PENDING} || (made)",
    "routes": "ip -4 route; ip -6 route",
    "digests": f"sha256sum {INIT} {KEEP} {KEPT}/*.nft 2>/dev/null",
    "enabled": f"test -x {ENABLED} && echo yes",
    "manager": "command -v apk || command -v opkg",
    # Where fw4 looks for it.
    "helper": "test -d /sys/module/nf_conntrack_ftp && echo ftp",
    "running": "pidof dnsmasq >/dev/null && echo dnsmasq",
}


def _script(parts: Iterable[str], packages: Mapping[str, str]) -> str:
    """The command that prints these parts, and packages by where ``uci`` finds them."""
    lines = ["export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    lines += [f"echo '{MARK} {part}'; {_PARTS[part]}" for part in parts]
    for package, where in packages.items():
        lines.append(f"echo '{MARK} uci {package}'; {export(where)}")
    return "\n".join([*lines, f"echo '{MARK} end'"])


def sections(output: Iterable[str]) -> dict[str, list[str]]:
    """Split output at its :data:`MARK` lines."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in output:
        if line.startswith(f"{MARK} "):
            current = found.setdefault(line.removeprefix(MARK).strip(), [])
        else:
            current.append(line)
    return found


def read_package(name: str, lines: Iterable[str]) -> Package:
    """Read what :func:`export` printed.

    :raises HotshoeError: if it is not what ``uci export`` prints
    """
    packages = text.parse("\n".join(lines), name)
    return packages[0] if packages else Package(name, ())


@dataclass(frozen=True)
class Board:
    """What a router is.

    :param distribution: ``OpenWrt``; empty if it is something else altogether
    :param release: ``24.10.0``
    :param model: ``GL.iNet GL-MT300N-V2``
    """

    distribution: str = ""
    release: str = ""
    model: str = ""


class RouterBoard(FactBase[Board]):
    """Returns the router's :class:`Board`."""

    @staticmethod
    def default() -> Board:
        """What an unreachable router gives."""
        return Board()

    def command(self) -> str:
        """The command."""
        return _script(("release", "board"), {})

    def process(self, output: Iterable[str]) -> Board:
        """Read its output."""
        return _board(sections(output))


def _board(found: Mapping[str, list[str]]) -> Board:
    said = dict(line.split("=", 1) for line in found.get("release", ()) if "=" in line)
    said = {key: value.strip("'\"") for key, value in said.items()}
    board = _json(found.get("board", ()))
    return Board(
        said.get("DISTRIB_ID") or said.get("NAME", ""),
        said.get("DISTRIB_RELEASE") or said.get("VERSION_ID", ""),
        board.get("model", ""),
    )


def _json(lines: Iterable[str]) -> dict[str, Any]:
    try:
        read = json.loads("\n".join(lines))
    except json.JSONDecodeError:
        return {}
    return read if isinstance(read, dict) else {}


class PackageManager(FactBase[str]):
    """Returns ``opkg`` or ``apk``, whichever the router has; empty without one."""

    @staticmethod
    def default() -> str:
        """What an unreachable router gives."""
        return ""

    def command(self) -> str:
        """The command."""
        return _PARTS["manager"] + "; true"

    def process(self, output: Iterable[str]) -> str:
        """Read its output."""
        return _manager(output)


def _manager(lines: Iterable[str]) -> str:
    return next((line.rpartition("/")[2] for line in lines), "")


class InstalledPackages(FactBase[frozenset[str]]):
    """Returns the names of the packages that are installed."""

    @staticmethod
    def default() -> frozenset[str]:
        """What an unreachable router gives."""
        return frozenset()

    def command(self) -> str:
        """The command; ``NAME - VERSION`` by opkg, ``NAME VERSION`` by apk."""
        return (
            "if command -v apk >/dev/null; then apk list --installed --manifest 2>/dev/null; "
            "else opkg list-installed 2>/dev/null; fi; true"
        )

    def process(self, output: Iterable[str]) -> frozenset[str]:
        """Read its output."""
        return frozenset(line.split()[0] for line in output if line.strip())


class UciChanges(FactBase[tuple[str, ...]]):
    """Returns what ``uci changes`` prints: what is staged and not committed, by whomever."""

    @staticmethod
    def default() -> tuple[str, ...]:
        """What an unreachable router gives."""
        return ()

    def command(self) -> str:
        """The command."""
        return _PARTS["changes"] + "; true"

    def process(self, output: Iterable[str]) -> tuple[str, ...]:
        """Read its output."""
        return tuple(line for line in output if line.strip())


class UciPackages(FactBase[Mapping[str, Package]]):
    """Returns packages under /etc/config by name; one that is not there has no sections.

    Staged changes are in them, as in everything that reads UCI. Values of options whose names sound
    like a password or a key are replaced by ``hidden``.
    """

    @staticmethod
    def default() -> Mapping[str, Package]:
        """What an unreachable router gives."""
        return {}

    def command(self, packages: tuple[str, ...]) -> str:
        """The command.

        + packages: their names, such as ``("firewall",)``
        """
        return _script((), {package: package for package in packages})

    def process(self, output: Iterable[str]) -> Mapping[str, Package]:
        """Read its output."""
        return _packages(sections(output))


def _packages(found: Mapping[str, list[str]]) -> dict[str, Package]:
    names = [part.removeprefix("uci ") for part in found if part.startswith("uci ")]
    return {name: read_package(name, found[f"uci {name}"]) for name in names}


class ZoneDevices(FactBase[Mapping[str, tuple[str, ...]]]):
    """Returns the firewall's zones, and the devices that carry their packets."""

    @staticmethod
    def default() -> Mapping[str, tuple[str, ...]]:
        """What an unreachable router gives."""
        return {}

    def command(self) -> str:
        """The command."""
        return (
            "uci -q show firewall | sed -n \"s/.*\\.name='\\([A-Za-z0-9_]*\\)'$/\\1/p\" | "
            "while read -r zone; do devices=$(fw4 -q zone $zone 2>/dev/null) && "
            "echo $zone $devices; done; true"
        )

    def process(self, output: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Read its output."""
        return {words[0]: tuple(words[1:]) for words in map(str.split, output) if words}


@dataclass(frozen=True)
class RouterState:
    """All that the roles compare with.

    :param board: what it is
    :param lacking: programs of :data:`PROGRAMS` that are not there
    :param writable: whether /etc/config can be written to
    :param changes: what is staged and not committed
    :param pending: the change that waits to be confirmed; empty without one
    :param packages: network, firewall and dhcp; while a change waits, as they were before it
    :param interfaces: logical interfaces
    :param rules: ``nft list table inet fw4``, without counters and without elements of sets
    :param made: the same of the table that the firewall's files make; empty if that is not known
    :param routes: the networks that have a gateway, and that gateway
    :param digests: SHA-256 of our files
    :param enabled: whether our service is run at boot
    :param manager: ``opkg`` or ``apk``; empty without one
    :param has_helper: whether the kernel has the FTP helper
    :param running: the services that run, of those that a change here reloads
    """

    board: Board = field(default_factory=Board)
    lacking: tuple[str, ...] = ()
    writable: bool = True
    changes: tuple[str, ...] = ()
    pending: str = ""
    packages: Mapping[str, Package] = field(default_factory=dict)
    interfaces: tuple[Interface, ...] = ()
    rules: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    routes: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = False
    manager: str = ""
    has_helper: bool = False
    running: frozenset[str] = frozenset()


class Router(FactBase[RouterState]):
    """Returns a :class:`RouterState`; everything in it comes from one command."""

    @staticmethod
    def default() -> RouterState:
        """What an unreachable router gives: nothing is known."""
        return RouterState()

    def command(self, packages: tuple[str, ...] = PACKAGES, compare: bool = True) -> str:
        """The command.

        + packages: names of packages under /etc/config
        + compare: whether to ask what the firewall's files make, too
        """
        parts = [part for part in _PARTS if compare or part != "made"]
        made = render("openwrt/made.sh.j2", table=MADE) if compare else ""
        return made + _script(parts, {package: _as_it_was(package) for package in packages})

    def process(self, output: Iterable[str]) -> RouterState:
        """Read its output.

        :raises HotshoeError: if it is cut short, or a package cannot be read
        """
        found = sections(output)
        if found and "end" not in found:
            # pyinfra stops reading where a line cannot be decoded.
            raise HotshoeError(
                f"what the router says of {[*found][-1]} ends too early; is a character there that "
                "is not UTF-8?"
            )

        def get(name: str) -> list[str]:
            return [line for line in found.get(name, ()) if line.strip()]

        return RouterState(
            board=_board(found),
            lacking=tuple(get("lacking")),
            writable="writable" in get("overlay"),
            changes=tuple(get("changes")),
            pending="".join(get("pending")),
            packages=_packages(found),
            interfaces=read_interfaces(_json(get("interfaces"))),
            rules=tuple(line.strip() for line in get("rules")),
            made=tuple(line.strip() for line in get("made")),
            routes=_routes(get("routes")),
            digests={line[66:]: line[:64] for line in get("digests")},
            enabled=bool(get("enabled")),
            manager=_manager(get("manager")),
            has_helper=bool(get("helper")),
            running=frozenset(get("running")),
        )


def _routes(lines: Iterable[str]) -> dict[str, str]:
    """Of several to one network, the kernel lists the one that it takes first."""
    routes: dict[str, str] = {}
    for line in lines:
        words = line.split()
        if len(words) > 2 and words[1] == "via":
            to, gateway = words[0], words[2]
            if to == "default":
                to = "::/0" if ":" in gateway else "0.0.0.0/0"
            # Of a single address, `ip` leaves out the length; what is no network (``nexthop``) is
            # no route of its own.
            with suppress(ValueError):
                routes.setdefault(str(ip_network(to)), gateway)
    return routes
