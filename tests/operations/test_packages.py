"""Packages over a network that fails: the real script, with an apt-get that does as it is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hotshoe.debian.device import Device
from roles.base import operations

# Each call takes the next line of the scenario: "ok", or what apt-get says when it fails.
APT = """\
#!/bin/sh
case "$*" in
    *--print-uris*) cat "$FAKE/uris"; exit ;;
    *update*) what=update ;;
    *) what=install ;;
esac
echo $what >>"$FAKE/calls"
answer=$(head -n 1 "$FAKE/answers")
sed -i 1d "$FAKE/answers"
case "$answer" in
    ""|ok) echo "$what done" ;;
    *) echo "E: $answer"; exit 100 ;;
esac
"""
URI = "'http://mirror.example.org/debian/pool/main/v/vsftpd/vsftpd.deb' vsftpd.deb 7 MD5Sum:x\n"


class Mirror:
    """A host whose apt-get answers as a test tells it to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in {
            "apt-get": APT,
            "dpkg": "#!/bin/sh\n",
            "flock": '#!/bin/sh\nshift\nexec "$@"\n',
            "sleep": '#!/bin/sh\necho "sleep $1" >>"$FAKE/calls"\n',
        }.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)

    def install(self, *answers: str, uris: str = URI) -> subprocess.CompletedProcess[str]:
        (self.folder / "answers").write_text("".join(f"{answer}\n" for answer in answers))
        (self.folder / "uris").write_text(uris)
        (self.folder / "calls").write_text("")
        (command,) = operations.packages._inner(("vsftpd",))
        return subprocess.run(
            ["sh", "-c", str(command)],
            env={"PATH": f"{self.folder}:/usr/bin:/bin", "FAKE": str(self.folder)},
            input=command.connector_arguments["_stdin"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def mirror(tmp_path, on_host):
    on_host(Device())
    return Mirror(tmp_path)


def test_a_mirror_that_answers_is_asked_once(mirror):
    assert mirror.install().returncode == 0
    assert mirror.calls == ["update", "install"]


@pytest.mark.parametrize(
    ("answers", "calls"),
    [
        (["Failed to fetch lists"], ["update", "sleep 3", "update", "install"]),
        (
            ["ok", "Failed to fetch vsftpd", "Failed to fetch lists"],
            ["update", "install", "sleep 3", "update", "sleep 6", "update", "install"],
        ),
    ],
)
def test_a_failing_download_is_tried_again(mirror, answers, calls):
    done = mirror.install(*answers)
    assert (done.returncode, done.stderr) == (0, "")
    assert mirror.calls == calls


def test_a_download_that_never_succeeds_ends_with_a_message_that_names_package_and_mirror(mirror):
    done = mirror.install(*["ok", "Failed to fetch http://mirror.example.org/vsftpd.deb"] * 6)
    assert done.returncode == 1
    assert mirror.calls.count("install") == 6
    assert mirror.calls[2::3] == ["sleep 3", "sleep 6", "sleep 12", "sleep 24", "sleep 48"]
    assert done.stderr.splitlines() == [
        "E: Failed to fetch http://mirror.example.org/vsftpd.deb",
        "six attempts to download vsftpd failed: check this host's connection to the Internet, its "
        "DNS and the mirrors in /etc/apt/sources.list*, then deploy again",
    ]


def test_a_package_that_does_not_install_is_not_downloaded_again(mirror):
    """With everything downloaded, dpkg is to blame; with an unknown package, the host."""
    done = mirror.install("ok", "Sub-process /usr/bin/dpkg returned an error code (1)", uris="")
    assert done.returncode == 1
    assert done.stderr == "E: Sub-process /usr/bin/dpkg returned an error code (1)\n"
    assert mirror.calls == ["update", "install"]


def test_a_dead_mirror_that_is_not_needed_does_not_end_the_deploy(mirror):
    done = mirror.install(*["Failed to fetch http://dead.example/lists"] * 3)
    assert done.returncode == 0
    assert mirror.calls == ["update", "sleep 3", "update", "sleep 6", "update", "install"]
