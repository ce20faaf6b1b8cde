"""Which package manager a router has, and which packages, whichever that is."""

from __future__ import annotations

from collections.abc import Iterable

from pyinfra.api import FactBase

from roles.openwrt.facts.script import look_script, split_parts


def read_package_manager(lines: Iterable[str]) -> str:
    """``opkg`` or ``apk``, by the first path of such a program; empty without one."""
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
