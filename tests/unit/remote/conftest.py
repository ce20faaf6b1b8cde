"""Servers that are played here."""

from __future__ import annotations

from pathlib import Path

import pytest

# Nobody reaches the server that is there.
CELLAR = "192.168.1.11"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Have ssh do here what it would do on servers, and journalctl say what the test says.

    What journalctl is asked for is in the file ``asked``; the photos that hotshoe-delivery is asked
    about are in ``asked-about``, and as whom in ``as``.
    """

    def write(journal: str, status: bytes = b"") -> Path:
        (tmp_path / "status").write_bytes(status)
        scripts = {
            "ssh": f'for word; do :; done; case "$*" in *{CELLAR}*) exit 255; esac; '
            'exec sh -c "$word"',
            "id": "echo 995",
            "journalctl": f'printf "%s\\n" "$@" >{tmp_path}/asked; cat <<"."\n{journal}\n.',
            "runuser": f'echo "$@" >{tmp_path}/as; cat >{tmp_path}/asked-about; '
            f"exec cat {tmp_path}/status",
        }
        for name, script in scripts.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        return tmp_path

    return write
