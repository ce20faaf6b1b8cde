"""What a router's configuration says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pyinfra.api import FactBase

from hotshoe.openwrt.uci import text
from hotshoe.openwrt.uci.data import Package
from roles.openwrt.facts.script import look_script, split_parts


class UciChanges(FactBase[tuple[str, ...]]):
    """Returns what ``uci changes`` prints: what is staged and not committed, by whomever."""

    @staticmethod
    def default() -> tuple[str, ...]:
        """What an unreachable router gives."""
        return ()

    def command(self) -> str:
        """The command."""
        return look_script(("changes",))

    def process(self, output: Iterable[str]) -> tuple[str, ...]:
        """Read its output."""
        return tuple(line for line in split_parts(output).get("changes", ()) if line.strip())


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
        return look_script(packages=packages)

    def process(self, output: Iterable[str]) -> Mapping[str, Package]:
        """Read its output."""
        return read_packages(split_parts(output))


def read_packages(found: Mapping[str, list[str]]) -> dict[str, Package]:
    """Read the parts ``uci NAME``.

    :raises HotshoeError: if one is not what ``uci export`` prints
    """
    names = [part.removeprefix("uci ") for part in found if part.startswith("uci ")]
    return {name: _read_package(name, found[f"uci {name}"]) for name in names}


def _read_package(name: str, lines: Iterable[str]) -> Package:
    packages = text.parse("\n".join(lines), name)
    return packages[0] if packages else Package(name, ())


class ZoneDevices(FactBase[Mapping[str, tuple[str, ...]]]):
    """Returns the firewall's zones, and the devices that carry their packets."""

    @staticmethod
    def default() -> Mapping[str, tuple[str, ...]]:
        """What an unreachable router gives."""
        return {}

    def command(self) -> str:
        """The command."""
        return look_script(("zone_devices",))

    def process(self, output: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Read its output."""
        lines = split_parts(output).get("zone_devices", ())
        return {words[0]: tuple(words[1:]) for words in map(str.split, lines) if words}
