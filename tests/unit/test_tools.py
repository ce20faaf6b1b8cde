"""What `make` runs first on a computer whose network fails now and then."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import PROJECT

# Plays python3: "python3 -m venv --clear FOLDER" makes a pip that fails as often as it is told.
PYTHON = """\
#!/bin/sh
for folder; do :; done
[ "$2" = venv ] || exit 0
mkdir -p "$folder/bin"
cat >"$folder/bin/pip" <<'.'
#!/bin/sh
case "$*" in *--editable*) exit ;; esac
echo pip >>"$FAKE/calls"
left=$(cat "$FAKE/failures")
[ "$left" = 0 ] && exit
echo $((left - 1)) >"$FAKE/failures"
echo "ERROR: connection reset" >&2
exit 1
.
chmod +x "$folder/bin/pip"
"""


@pytest.mark.parametrize(("failures", "works"), [(0, True), (1, True), (4, True), (5, False)])
def test_a_download_of_python_packages_is_asked_for_again(tmp_path, failures, works):
    for name, text in {
        "python3": PYTHON,
        "sleep": '#!/bin/sh\necho "sleep $1" >>"$FAKE/calls"\n',
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "failures").write_text(str(failures))
    done = subprocess.run(
        [PROJECT / "tools" / "venv", str(tmp_path / "venv")],
        cwd=PROJECT,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "FAKE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode == 0, (tmp_path / "venv" / "ready").exists()) == (works, works)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[0::2] == ["pip"] * min(failures + 1, 5)
    assert calls[1::2] == [f"sleep {n}" for n in (3, 6, 12, 24)][:failures]


def test_every_debian_package_that_is_installed_is_named_with_what_it_is_for(tmp_path):
    """On a computer that has none of them, and no root's rights for more than that."""
    for name in ("bin", "tools"):
        (tmp_path / name).mkdir()
    (tmp_path / "tools" / "packages").write_text('#!/bin/sh\necho "$@" >calls\n')
    (tmp_path / "tools" / "packages").chmod(0o755)
    for name in ("sh", "id", "grep"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    (tmp_path / "bin" / "apt-get").symlink_to("/bin/false")
    (tmp_path / "bin" / "sudo").write_text('#!/bin/sh\n[ "$1" != -n ] || shift\n"$@"\n')
    (tmp_path / "bin" / "sudo").chmod(0o755)
    done = subprocess.run(
        [PROJECT / "tools" / "containers"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path / "bin")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    installed = (tmp_path / "calls").read_text().split()
    assert {"podman", "mmdebstrap"} <= set(installed)
    told = [re.fullmatch(r"installing (\S+): \w.*", line) for line in done.stdout.splitlines()]
    assert [match and match[1] for match in told] == installed


def scripts() -> list[Path]:
    return [*sorted((PROJECT / "tools").iterdir()), PROJECT / "templates" / "base" / "packages.sh"]


@pytest.mark.parametrize("path", scripts(), ids=lambda path: path.name)
def test_a_tool_is_shell_that_parses(path):
    assert subprocess.run(["sh", "-n", path], check=False).returncode == 0
