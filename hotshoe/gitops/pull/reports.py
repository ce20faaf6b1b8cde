"""Who is told what happens: the journal, and the owner's hook."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Event = Literal[
    "applied",
    "refused",
    "waiting",
    "unready",
    "failed",
    "stuck",
    "recovered",
    "testing-ignored",
    "testing-failed",
]
# As sd-daemon(3) has them.
_LEVELS: dict[Event, int] = {
    "applied": 5,
    "recovered": 5,
    "waiting": 4,
    "unready": 4,
    "testing-ignored": 4,
    "refused": 3,
    "failed": 3,
    "testing-failed": 3,
    "stuck": 2,
}
_INFO, _WARNING = 6, 4
HOOK_SECONDS = 60


@dataclass(frozen=True)
class Reporter:
    """Tells what happens.

    :param hook: the owner's program; None for none
    :param user: the user that it runs as
    """

    hook: Path | None = None
    user: str = "nobody"

    def say(self, text: str) -> None:
        """Tell what is done meanwhile."""
        _print(_INFO, text)

    def report(self, event: Event, text: str, commit: str = "") -> None:
        """Tell what has happened.

        :param event: what kind of thing it is
        :param text: what happened, and what to do
        :param commit: the commit that it is about; empty for none
        """
        _print(_LEVELS[event], text)
        if self.hook and (wrong := self._run_hook(self.hook, event, text, commit)):
            _print(_WARNING, f"{self.hook}: the hook was not told: {wrong}")

    def _run_hook(self, hook: Path, event: Event, text: str, commit: str) -> str | None:
        """Run the hook, without rights of ours; nothing that it does has any effect here."""
        try:
            done = subprocess.run(
                [str(hook), event, commit, text],
                env={
                    "PATH": os.defpath,
                    "LANG": "C.UTF-8",
                    "HOTSHOE_EVENT": event,
                    "HOTSHOE_COMMIT": commit,
                    "HOTSHOE_TEXT": text,
                },
                cwd="/",
                stdin=subprocess.DEVNULL,
                # What it says goes where ours goes.
                timeout=HOOK_SECONDS,
                check=False,
                start_new_session=True,
                **_without_rights(self.user),
            )
        except subprocess.TimeoutExpired:
            return f"it did not end within {HOOK_SECONDS} s"
        except (OSError, KeyError, ValueError, subprocess.SubprocessError) as error:
            return str(error)
        return f"exit status {done.returncode}" if done.returncode else None


def _without_rights(user: str) -> dict[str, Any]:
    """What has a program run as a user; only root can say that.

    :raises KeyError: if there is no such user
    """
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _print(level: int, text: str) -> None:
    # The journal takes it for the line's level (sd-daemon(3)).
    mark = f"<{level}>" if "JOURNAL_STREAM" in os.environ else ""
    for line in text.splitlines():
        print(f"{mark}{line}", file=sys.stderr, flush=True)
