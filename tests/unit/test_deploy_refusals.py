"""What `pyinfra inventories/home.py deploy.py` says to a Site that it refuses.

The real command, in a copy of the project. No host is contacted.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import PROJECT

PYINFRA = str(Path(sys.executable).with_name("pyinfra"))


def deploy(project: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [PYINFRA, "-y", "inventories/home.py", "deploy.py"],
        cwd=project,
        # The copy's roles, and the core that is tested.
        env=os.environ | {"PYTHONPATH": f"{project}:{PROJECT}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    assert "Connecting" not in said
    assert "Connected" not in said
    assert not (project / "pki").exists()
    return done


def change(project: Path, old: str, new: str) -> None:
    path = project / "group_vars" / "home.yml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_broken_site_is_refused_before_any_host_is_contacted(project):
    change(project, "192.168.1.10}\ncameras:", "192.168.2.10}\ncamera:")
    assert deploy(project).stderr == (
        "--> Loading config...\n--> Loading inventory...\n"
        "--> pyinfra error: 3 problems, nothing was changed:\n"
        "group_vars/home.yml: camera: is not a key that belongs here\n"
        "    -> did you mean 'cameras'?\n"
        "group_vars/home.yml: cameras: is missing\n"
        "    -> write for example: cameras: [{name: r5}]\n"
        "group_vars/home.yml: server.address: 192.168.2.10 is not in the LAN 192.168.1.0/24 of "
        "gateway\n"
        "    -> give the server a fixed address in 192.168.1.0/24, for example 192.168.1.2\n"
    )


def test_a_missing_site_is_refused_before_any_host_is_contacted(project):
    (project / "group_vars" / "home.yml").unlink()
    assert deploy(project).stderr.endswith(
        "--> pyinfra error: 1 problem, nothing was changed:\n"
        "group_vars/home.yml: there is no such file\n"
        "    -> run this in the folder that holds deploy.py; group_vars/home.yml is an example\n"
    )
