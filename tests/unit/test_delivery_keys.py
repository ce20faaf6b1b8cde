"""SSH keys that are derived from a secret of the vault."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
)

from hotshoe.secrets.delivery_keys import fetch_host_key, fetch_key, sftp_key

SECRET, HOME = "0123456789abcdef" * 2, "photos.example.net"
TO = "192.168.1.20:/srv/photos"


def test_a_key_is_the_same_each_time():
    assert fetch_key(SECRET, HOME, "nas", TO) == fetch_key(SECRET, HOME, "nas", TO)


def at(to):
    """What makes fetch keys of a computer with its folder."""
    return lambda secret, hostname, name: fetch_key(secret, hostname, name, to)


def test_each_purpose_home_name_and_place_has_a_key_of_its_own():
    keys = [
        make(secret, hostname, name).public
        for make in (at(TO), at("192.168.1.20:/srv/old"), fetch_host_key, sftp_key)
        for secret in (SECRET, SECRET[::-1])
        for hostname in (HOME, "cabin.example.net")
        for name in ("nas", "desk")
    ]
    assert len(set(keys)) == len(keys)


def test_the_private_key_is_a_file_of_openssh_s_and_belongs_to_the_public_one():
    pair = sftp_key(SECRET, HOME, "desk")
    read = load_ssh_private_key(pair.private.encode(), None)
    public = read.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    assert public == pair.public


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="needs ssh-keygen")
def test_openssh_reads_it(tmp_path):
    pair, file = fetch_key(SECRET, HOME, "nas", TO), tmp_path / "key"
    file.touch(mode=0o600)
    file.write_text(pair.private)
    done = subprocess.run(
        ["ssh-keygen", "-y", "-f", str(file)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == pair.public


def test_a_key_as_it_was_derived_once_stays():
    """A change of the derivation would lock servers and fetchers out of each other."""
    assert fetch_key(SECRET, HOME, "nas", TO).public == PINNED


def test_nothing_prints_the_private_half():
    pair = fetch_key(SECRET, HOME, "nas", TO)
    assert "PRIVATE" not in f"{pair} {pair!r}"


PINNED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB4FBWAwPyiJJRF6zAHQkYLiIUQwVRa4f99k8A052xx+"
