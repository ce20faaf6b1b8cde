"""What is run in a container is run there, or nowhere."""

from __future__ import annotations

import subprocess

from hotshoe.stage import podman

CONTAINER = "hotshoe-01234567-darkroom"


def landed(*command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run what podman would be given, as it is when podman exec leads into another root."""
    line = podman.inside(CONTAINER, *command)
    start = line.index(CONTAINER) + 1
    assert line[:start] == ["podman", "exec", CONTAINER]
    return subprocess.run(line[start:], input=text, capture_output=True, text=True, check=False)


def test_on_the_computer_itself_nothing_is_done(tmp_path):
    precious = tmp_path / "resolv.conf"
    precious.write_text("nameserver 192.168.1.1\n")
    done = landed("sh", "-c", f"cat >{precious}", text="nameserver 198.51.100.249\n")
    assert done.returncode == 1
    assert done.stderr.startswith(f"podman exec does not lead into the container {CONTAINER}")
    assert precious.read_text() == "nameserver 192.168.1.1\n"


def test_in_the_container_it_is_done_and_in_another_one_it_is_not(tmp_path, monkeypatch):
    named = tmp_path / ".containerenv"
    monkeypatch.setattr(
        podman, "_PROOF", podman._PROOF.replace(podman.NAMED[0], str(named)), raising=True
    )
    text = 'engine="podman-5.4.2"\nname="{}"\nrootless=0\n'
    named.write_text(text.format(CONTAINER))
    assert landed("printf", "%s|", "a  b", "$HOME '\"").stdout == "a  b|$HOME '\"|"
    named.write_text(text.format(f"{CONTAINER}2"))
    assert landed("printf", "there").stdout == ""
