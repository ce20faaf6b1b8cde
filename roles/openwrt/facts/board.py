"""What a router is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyinfra.api import FactBase

from roles.openwrt.facts.script import look_script, read_json, split_parts


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
        return look_script(("release", "board"))

    def process(self, output: Iterable[str]) -> Board:
        """Read its output."""
        return read_board(split_parts(output))


def read_board(found: Mapping[str, list[str]]) -> Board:
    """Read the parts ``release`` and ``board``."""
    said = dict(line.split("=", 1) for line in found.get("release", ()) if "=" in line)
    said = {key: value.strip("'\"") for key, value in said.items()}
    board = read_json(found.get("board", ()))
    return Board(
        said.get("DISTRIB_ID") or said.get("NAME", ""),
        said.get("DISTRIB_RELEASE") or said.get("VERSION_ID", ""),
        board.get("model", ""),
    )
