"""Files of host keys, compared with what OpenSSH makes of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hotshoe.errors import HotshoeError
from hotshoe.remote.known_hosts import (
    HostKey,
    entries,
    entries_of,
    host_name,
    read,
    with_key,
)

OLD = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIFOiuTuF4M6RJYO0VEBMvoWYvvhSv9mhlB23wwWLgc2B")
NEW = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIJ8Yp2lrZaQcTdGknbuBTeSKeBFzRQ2m4qnhFH0GWqZL")


def line(names: str, key: HostKey = OLD) -> str:
    return f"{names} {key.kind} {key.blob}\n"


def test_a_port_is_part_of_the_name_unless_it_is_the_usual_one():
    assert host_name("192.168.1.10") == "192.168.1.10"
    assert host_name("192.168.1.10", 2222) == "[192.168.1.10]:2222"


def test_a_fingerprint_is_what_openssh_shows(tmp_path: Path):
    (tmp_path / "key").write_text(line("")[1:])
    said = subprocess.run(
        ["ssh-keygen", "-lf", tmp_path / "key"], capture_output=True, check=True, text=True
    )
    assert said.stdout.split()[1] == OLD.fingerprint


def test_lines_that_say_no_key_are_left_out():
    text = f"# 10.0.0.1 {OLD.kind} {OLD.blob}\n\n@revoked 10.0.0.1 {OLD.kind} {OLD.blob}\nx y\n"
    assert list(entries(f"{text}a,b {OLD.kind} not-base64\na {OLD.kind}\n")) == []


def test_a_host_is_found_by_each_of_its_names_and_by_no_part_of_one():
    text = f"# mine\n{line('10.0.0.1,[10.0.0.1]:2222')}"
    for name in ("10.0.0.1", "[10.0.0.1]:2222"):
        assert [(each.number, each.key) for each in entries_of(text, name)] == [(2, OLD)]
    for name in ("10.0.0.11", "10.0.0", "[10.0.0.1]:22"):
        assert entries_of(text, name) == ()


def test_a_name_that_openssh_has_hashed_is_found(tmp_path: Path):
    path = tmp_path / "known_hosts"
    path.write_text(line("10.0.0.1") + line("[10.0.0.2]:2222", NEW))
    subprocess.run(["ssh-keygen", "-q", "-Hf", path], check=True, capture_output=True)
    text = read(path)
    assert "10.0.0" not in text
    assert [each.key for each in entries_of(text, "10.0.0.1")] == [OLD]
    assert [each.key for each in entries_of(text, "[10.0.0.2]:2222")] == [NEW]
    assert entries_of(text, "10.0.0.2") == ()
    assert entries_of(with_key(text, "10.0.0.1", NEW), "10.0.0.1")[0].key == NEW


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", line("10.0.0.1", NEW)),
        (line("10.0.0.1"), line("10.0.0.1", NEW)),
        (line("10.0.0.1") * 2, line("10.0.0.1", NEW)),
        (line("10.0.0.1,attic"), line("attic") + line("10.0.0.1", NEW)),
        (
            f"# mine\n{line('10.0.0.2')}".rstrip(),
            f"# mine\n{line('10.0.0.2')}" + line("10.0.0.1", NEW),
        ),
        (line("|1|broken"), line("|1|broken") + line("10.0.0.1", NEW)),
    ],
)
def test_a_host_gets_one_key_and_others_stay(before: str, after: str, tmp_path: Path):
    assert with_key(before, "10.0.0.1", NEW) == after
    path = tmp_path / "known_hosts"
    path.write_text(after)
    told = subprocess.run(
        ["ssh-keygen", "-F", "10.0.0.1", "-f", path], capture_output=True, check=True, text=True
    )
    assert told.stdout.splitlines()[1:] == [line("10.0.0.1", NEW).rstrip()]


def test_what_is_not_there_says_nothing_and_what_cannot_be_read_is_refused(tmp_path: Path):
    assert read(tmp_path / "nowhere") == ""
    with pytest.raises(HotshoeError, match="cannot be read: Is a directory\n    -> "):
        read(tmp_path)
    (tmp_path / "endless").symlink_to("/dev/zero")
    with pytest.raises(HotshoeError, match="is longer than"):
        read(tmp_path / "endless")
