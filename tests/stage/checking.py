"""Runs `hotshoe check` against a home on a stage, as a person would, and reads what it found."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from hotshoe.stage.topology import CAMERA
from tests.stage import warm
from tests.stage.faults import forget_earlier
from tests.stage.home import Home


@dataclass(frozen=True)
class Checked:
    """What a check said.

    :param status: its exit status
    :param findings: as ``--json`` has them
    """

    status: int
    findings: tuple[dict[str, Any], ...]

    def of_status(self, status: str) -> list[tuple[str, str]]:
        """The problem and the box of each finding of a status, in their order."""
        return [(f["problem"], f["box"]) for f in self.findings if f["status"] == status]

    @property
    def faults(self) -> list[tuple[str, str]]:
        """What is broken, the first thing first."""
        return self.of_status("fail")

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """What may break some day."""
        return self.of_status("warning")

    @property
    def remedy(self) -> str:
        """What to do about the first thing that is broken."""
        return next((str(f["remedy"]) for f in self.findings if f["status"] == "fail"), "")

    @property
    def is_fine(self) -> bool:
        """Whether there is nothing to be said."""
        return self.status == 0 and not self.faults and not self.warnings

    def __str__(self) -> str:
        lines = (
            f"{f['status']:12} {f['layer']:18} {f['problem']} {f['box']!r}: {f['evidence']}"
            for f in self.findings
        )
        return "\n".join([f"exit {self.status}", *lines])


def command(home: Home, *options: str) -> list[str]:
    """The command, with what is different on a stage."""
    words = [warm.program("hotshoe"), "check", home.stage.site]
    words.append(f"--ssh-config={home.stage.ssh_config}")
    # Of a public authority's root, the Site says nothing.
    if home.stage.authority:
        words.append(f"--root={home.stage.authority_root}")
    return [*words, *options]


def check(home: Home, *options: str, node: str = CAMERA, fresh: bool = True) -> Checked:
    """Look at a home from a device.

    :param fresh: whether the servers forget first who has connected lately
    """
    if fresh:
        forget_earlier(home)
    done = subprocess.run(
        command(home, f"--from=ssh://{node}", "--json", *options),
        capture_output=True,
        text=True,
        cwd=home.project,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    servers = json.loads(done.stdout)["servers"]
    return Checked(done.returncode, tuple(each for s in servers for each in s["findings"]))
