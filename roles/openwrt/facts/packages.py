"""Which packages a router has, whichever its package manager is."""

from __future__ import annotations

from collections.abc import Iterable

from pyinfra.api import FactBase

from roles.openwrt.facts.script import look_script, split_parts


class PackageManager(FactBase[str]):
    """Returns ``opkg`` or ``apk``, whichever the router has; empty without one."""

    @staticmethod
    def default() -> str:
        """What an unreachable router gives."""
        return ""

    def command(self) -> str:
        """The command."""
        return look_script(("package_manager",))

    def process(self, output: Iterable[str]) -> str:
        """Read its output."""
        return read_package_manager(split_parts(output).get("package_manager", ()))


def read_package_manager(lines: Iterable[str]) -> str:
    """The program of the first path."""
    return next((line.rpartition("/")[2] for line in lines), "")


class InstalledPackages(FactBase[frozenset[str]]):
    """Returns the names of the packages that are installed."""

    @staticmethod
    def default() -> frozenset[str]:
        """What an unreachable router gives."""
        return frozenset()

    def command(self) -> str:
        """The command; ``NAME - VERSION`` by opkg, ``NAME VERSION`` by apk."""
        return look_script(("installed_packages",))

    def process(self, output: Iterable[str]) -> frozenset[str]:
        """Read its output."""
        lines = split_parts(output).get("installed_packages", ())
        return frozenset(line.split()[0] for line in lines if line.strip())
