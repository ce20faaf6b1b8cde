"""A Debian server or router as it is when a run begins, read in a single SSH command.

Every operation compares with this, so that a run that changes nothing costs one round trip a host,
however many operations it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pyinfra.api import FactBase, Host

from hotshoe.debian.device import Device, Footprint, queries_of, read_device, split_sections
from hotshoe.render import render

_KEY = "hotshoe_device"


class Report(FactBase[Mapping[str, Sequence[str]]]):
    """Returns what a shell script prints, by its sections; a line ``@NAME`` begins one.

    .. code:: python

        host.get_fact(Report, "echo @kernel; uname -r")  # {"kernel": ["6.12.0"]}
    """

    @staticmethod
    def default() -> Mapping[str, Sequence[str]]:
        """What an unreachable host gives: nothing is known."""
        return {}

    def command(self, script: str) -> str:
        """The script, which changes nothing.

        + script: shell commands
        """
        return script

    def process(self, output: Iterable[str]) -> Mapping[str, Sequence[str]]:
        """Read its output."""
        return split_sections(output)


def script(footprints: Iterable[Footprint]) -> str:
    """The shell script that tells everything that roles compare with.

    :param footprints: the roles' parts of it
    """
    return render("base/look.sh.j2", queries=queries_of(footprints))


def read(host: Host, footprints: tuple[Footprint, ...]) -> Device:
    """Look at a host, once a run; from then on, :func:`device_of` tells.

    :param footprints: of the roles that it has
    """
    if _KEY not in host.connector_data:
        report = host.get_fact(Report, script(footprints))
        host.connector_data[_KEY] = read_device(queries_of(footprints), report)
    return device_of(host)


def device_of(host: Host) -> Device:
    """The host as it was when this run began.

    :raises KeyError: if nobody has looked at it yet (:func:`read`)
    """
    device: Device = host.connector_data[_KEY]
    return device
