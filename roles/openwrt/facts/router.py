"""All that the roles compare with, read by one command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_network

from pyinfra.api import FactBase

from hotshoe.errors import HotshoeError
from hotshoe.openwrt.interfaces import Interface, read_interfaces
from hotshoe.openwrt.uci.data import Package
from roles.openwrt.facts.board import Board, read_board
from roles.openwrt.facts.packages import read_package_manager
from roles.openwrt.facts.script import look_script, read_json, split_parts
from roles.openwrt.facts.uci import read_packages

PACKAGES = ("network", "firewall", "dhcp")
_PARTS = (
    *("release", "board", "changes", "interfaces", "missing", "writable", "pending", "rules"),
    *("from_files", "routes", "digests", "enabled", "package_manager", "running", "ours"),
)


@dataclass(frozen=True)
class RouterState:
    """All that the roles compare with.

    :param board: what it is
    :param missing: programs of ``script.PROGRAMS`` that are not there
    :param writable: whether /etc/config can be written to
    :param changes: what is staged and not committed
    :param pending: the change that waits to be confirmed; empty without one
    :param packages: network, firewall and dhcp; while a change waits, as they were before it
    :param interfaces: logical interfaces
    :param rules: ``nft list table inet fw4``, without counters and without elements of sets
    :param from_files: the same of the table that the firewall's files make; empty if that is not
        known
    :param routes: the networks that have a gateway, and that gateway
    :param digests: SHA-256 of our files
    :param enabled: whether our service is run at boot
    :param package_manager: ``opkg`` or ``apk``; empty without one
    :param running: the services that run, of those that a change here reloads
    :param ours: the package and the name of each section that has hotshoe's name, also of what is
        not confirmed
    """

    board: Board = field(default_factory=Board)
    missing: tuple[str, ...] = ()
    writable: bool = True
    changes: tuple[str, ...] = ()
    pending: str = ""
    packages: Mapping[str, Package] = field(default_factory=dict)
    interfaces: tuple[Interface, ...] = ()
    rules: tuple[str, ...] = ()
    from_files: tuple[str, ...] = ()
    routes: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = False
    package_manager: str = ""
    running: frozenset[str] = frozenset()
    ours: tuple[tuple[str, str], ...] = ()


class Router(FactBase[RouterState]):
    """Returns a :class:`RouterState`; everything in it comes from one command."""

    @staticmethod
    def default() -> RouterState:
        """What an unreachable router gives: nothing is known."""
        return RouterState()

    def command(self, packages: tuple[str, ...] = PACKAGES, compare: bool = True) -> str:
        """The command.

        + packages: names of packages under /etc/config
        + compare: whether to find out what the firewall's files make, too; they are loaded for a
          moment, into a table without effect
        """
        parts = [part for part in _PARTS if compare or part != "from_files"]
        return look_script(parts, packages, before_change=True)

    def process(self, output: Iterable[str]) -> RouterState:
        """Read its output.

        :raises HotshoeError: if it is cut short, or a package cannot be read
        """
        found = split_parts(output)
        if found and "end" not in found:
            # pyinfra stops reading where a line cannot be decoded.
            raise HotshoeError(
                f"what the router says of {[*found][-1]} ends too early; is a character there that "
                "is not UTF-8?"
            )

        def get(name: str) -> list[str]:
            return [line for line in found.get(name, ()) if line.strip()]

        return RouterState(
            board=read_board(found),
            missing=tuple(get("missing")),
            writable=bool(get("writable")),
            changes=tuple(get("changes")),
            pending="".join(get("pending")),
            packages=read_packages(found),
            interfaces=read_interfaces(read_json(get("interfaces"))),
            rules=tuple(line.strip() for line in get("rules")),
            from_files=tuple(line.strip() for line in get("from_files")),
            routes=_routes(get("routes")),
            digests={line[66:]: line[:64] for line in get("digests")},
            enabled=bool(get("enabled")),
            package_manager=read_package_manager(get("package_manager")),
            running=frozenset(get("running")),
            ours=tuple(_pair(line) for line in get("ours")),
        )


def _pair(line: str) -> tuple[str, str]:
    first, _, second = line.partition(" ")
    return first, second


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
