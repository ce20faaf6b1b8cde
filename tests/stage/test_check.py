"""`hotshoe check` on a home where all is well: it says so, from wherever, and leaves nothing."""

from __future__ import annotations

import re
import subprocess
from pathlib import PurePosixPath

import pytest

from hotshoe.stage import podman
from hotshoe.stage.topology import CAMERA, INTERNET, LAPTOP
from tests.stage.checking import check, command
from tests.stage.home import Home

# The host's own folders of temporary files, and those of its users.
SHARED_FOLDERS = "/tmp /var/tmp /root /run"
# Where a friend keeps the file, on the camera's side.
FRIEND = PurePosixPath("/home/friend")


def traces(home: Home) -> dict[str, str]:
    """What a check might leave on a box: files, users, tables, processes, connections."""
    found = {}
    for node in home.stage.topology.nodes:
        if node.name == INTERNET:
            continue
        files = f"find {SHARED_FOLDERS} -xdev -type f ! -path '/run/*' -o -path '/tmp/*'"
        if node.name in home.stage.topology.servers:
            files += "; find /srv/hotshoe"
        found[node.name] = home.sh(
            node.name,
            f"({files}) | sort; cut -d: -f1 /etc/passwd; nft list tables 2>/dev/null; "
            "ps -eo args --no-headers | grep -E 'hotshoe[_-]check|[p]robe|\\.pyz' | grep -v grep; "
            "ss -Htn state established | sort; "
            "grep ESTABLISHED /proc/net/nf_conntrack | grep -cE 'dport=(21|50[0-9]{3}) '; true",
        )
    return found


def test_all_is_well_from_outside_and_from_inside(either_home: Home) -> None:
    home = either_home
    for node in (CAMERA, LAPTOP):
        checked = check(home, "--quick", node=node)
        assert checked.is_fine, checked


def test_every_port_and_a_slow_upload(home: Home) -> None:
    checked = check(home, "--slow-seconds", "6")
    assert checked.is_fine, checked
    layers = {finding["layer"] for finding in checked.findings}
    assert {"passive ports", "slow upload", "sessions at once", "refusals"} <= layers


def test_ten_checks_leave_nothing_behind(home: Home) -> None:
    check(home, "--quick")
    before = traces(home)
    for _ in range(10):
        assert check(home, "--quick").is_fine
    assert traces(home) == before


class TestAFriend:
    """Somebody elsewhere, who has plain Python and one file."""

    @pytest.fixture
    def file(self, home: Home) -> str:
        """Where the file is on the camera's side."""
        made = home.project / "check.pyz"
        made.unlink(missing_ok=True)
        options = ("--single-file", str(made), "--quick")
        subprocess.run(command(home, *options), cwd=home.project, check=True, capture_output=True)
        assert home.password.encode() not in made.read_bytes()
        podman.put([made], home.stage.container(CAMERA), FRIEND)
        return f"{FRIEND}/{made.name}"

    def test_the_code_tells_all_of_it_and_its_photos_are_removed(
        self, home: Home, file: str
    ) -> None:
        before = traces(home)
        said = podman.execute(
            home.stage.container(CAMERA), "python3", file, input_text=f"{home.password}\n"
        )
        (code,) = re.findall(r"(?m)^\s*([0-9A-Za-z]{4,5}(?:-[0-9A-Za-z]{1,5}){3,})\s*$", said)
        done = subprocess.run(
            command(home, "--explain", code),
            capture_output=True,
            text=True,
            cwd=home.project,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert home.password not in said + done.stdout + done.stderr
        assert traces(home) == before
