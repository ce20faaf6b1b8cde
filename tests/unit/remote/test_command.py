"""The command ``hotshoe photos``: what it prints, and how it ends."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from hotshoe.cli import main, photos
from hotshoe.remote.ssh import Host
from tests.conftest import SMALLEST
from tests.unit.remote.conftest import CELLAR
from tests.unit.remote.journal import line

UNREACHABLE = (
    f"Error: cellar: root@{CELLAR} cannot be reached by SSH: exit status 255\n"
    f"    -> this has to work without a question: ssh root@{CELLAR}\n"
)
TWO = SMALLEST.replace(
    "server: {name: darkroom, address: 192.168.1.10}",
    f"servers: [{{name: attic, address: 192.168.1.10}}, {{name: cellar, address: {CELLAR}}}]",
).replace("{name: r5}", "{name: r5, server: attic}, {name: a7, server: cellar}")


def run(*arguments: str):
    return CliRunner().invoke(main, ["photos", *arguments])


def test_the_table_comes_on_standard_output(programs, write_site):
    write_site(SMALLEST)
    programs(line(EVENT="library", CAMERA="r5", NAME="a.JPG", BYTES="5", PATH="/nowhere/a.JPG"))
    result = run()
    assert (result.exit_code, result.stderr) == (0, "")
    assert "moved or removed" in result.stdout


def test_one_server_that_cannot_be_reached_is_told_and_the_other_shown(programs, write_site):
    write_site(TWO)
    programs("")
    result = run()
    assert result.exit_code == 1
    assert result.stderr == UNREACHABLE
    assert result.stdout.startswith("attic ")
    assert result.stdout.endswith("Nothing has come in.\n")


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ([], ["--lines=50"]),
        (["--lines=3"], ["--lines=3"]),
        (["--since=today"], ["--since=today"]),
        (["--since=today", "--lines=3"], ["--since=today", "--lines=3"]),
    ],
)
def test_how_much_is_shown(programs, write_site, arguments, asked):
    write_site(SMALLEST)
    folder = programs("")
    assert run(*arguments).exit_code == 0
    words = (folder / "asked").read_text().splitlines()
    assert [word for word in words if word.startswith(("--lines", "--since"))] == asked


def test_a_time_that_is_none_is_one_message(programs, write_site):
    write_site(SMALLEST)
    folder = programs("")
    script = "#!/bin/sh\necho Failed to parse timestamp: soon >&2; exit 1\n"
    (folder / "journalctl").write_text(script)
    result = run("--since=soon")
    assert result.exit_code == 1
    assert result.stderr == "Error: darkroom: Failed to parse timestamp: soon\n"


@pytest.mark.parametrize("option", ["--lines=3", "--since=today"])
def test_what_happens_is_watched_from_now_on(write_site, option):
    write_site(SMALLEST)
    result = run("--watch", option)
    assert result.exit_code == 2
    assert "--watch shows what happens from now on" in result.stderr


def test_watching_ends_when_nobody_is_left_to_listen_to(programs, write_site):
    write_site(TWO)
    programs(line(EVENT="library", CAMERA="r5", NAME="a.JPG", BYTES="5"))
    result = run("--watch")
    assert result.exit_code == 1
    assert result.stdout.endswith("  attic   r5  safe        a.JPG  5 bytes\n")
    assert UNREACHABLE in result.stderr
    assert "attic: watching; Ctrl-C ends.\n" in result.stderr


def test_ctrl_c_ends_watching(programs, write_site, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    write_site(SMALLEST)
    programs("")
    monkeypatch.setattr(Host, "listen", interrupt)
    result = run("--watch")
    assert (result.exit_code, result.output) == (photos.INTERRUPTED, "")


def test_a_configuration_of_ssh_that_is_not_there_is_refused(write_site):
    write_site(SMALLEST)
    result = run("--ssh-config=nowhere")
    assert result.exit_code == 2
    assert "nowhere" in result.stderr
