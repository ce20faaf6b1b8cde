"""The stage itself: what it does to the computer that it runs on, and what it does not."""

from __future__ import annotations

import subprocess

import pytest

from hotshoe.errors import HotshoeError
from hotshoe.stage import podman
from hotshoe.stage.topology import CAMERA
from tests.stage.home import Home


def test_what_leads_into_another_root_than_the_container_s_does_nothing(home: Home) -> None:
    """podman exec does, for a container that was started inside a chroot."""
    container = home.stage.container(CAMERA)
    by_podman = ("podman", "exec", container)
    podman.run(*by_podman, "mount", "--bind", "/dev/null", podman.NAMED[0])
    try:
        with pytest.raises(HotshoeError, match=f"does not lead into the container {container}"):
            home.sh(CAMERA, "touch /root/landed")
        command = [*podman.inside(container, "touch", "/root/landed")]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    finally:
        podman.run(*by_podman, "umount", podman.NAMED[0])
    assert home.sh(CAMERA, "find /root/landed 2>&1 || true").endswith("No such file or directory\n")
