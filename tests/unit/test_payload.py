"""Vaults read in this process, beside the real ansible-vault."""

from __future__ import annotations

import os
import subprocess
from binascii import hexlify, unhexlify

import pytest

from hotshoe.errors import SiteError
from hotshoe.secrets import begin_opening, load_secrets, vault
from hotshoe.secrets.payload import decrypt
from tests.conftest import PROJECT
from tests.unit.conftest import ANSIBLE_VAULT, CONTENT, SECRETS, VAULT_PASSWORD

PASSWORD = VAULT_PASSWORD.strip().encode()
# Texts whose last block is full, or nearly so, or not text at all; and what CTR counts over.
CONTENTS = (b"a: b\n", b"a" * 15, b"a" * 16, bytes(range(256)) * 300, CONTENT.encode())


def encrypt(content: bytes, *options: str, password: bytes = PASSWORD, folder) -> bytes:
    """By the real program."""
    (folder / "password").write_bytes(password)
    done = subprocess.run(
        [ANSIBLE_VAULT, "encrypt", *options, "--output=-"],
        input=content,
        capture_output=True,
        check=True,
        env=os.environ | {"LC_ALL": "C.UTF-8", "ANSIBLE_VAULT_PASSWORD_FILE": ""},
        cwd=folder,
    )
    return done.stdout


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: f"{len(content)} bytes")
def test_what_ansible_vault_encrypts_is_read(content, tmp_path):
    text = encrypt(content, "--vault-password-file=password", folder=tmp_path)
    assert text.startswith(b"$ANSIBLE_VAULT;1.1;AES256\n")
    assert decrypt(text, PASSWORD) == content


def test_a_label_does_not_matter(tmp_path):
    options = ("--vault-id=home@password", "--encrypt-vault-id=home")
    text = encrypt(CONTENT.encode(), *options, folder=tmp_path)
    assert text.startswith(b"$ANSIBLE_VAULT;1.2;AES256;home\n")
    assert decrypt(text, PASSWORD) == CONTENT.encode()


def test_line_ends_of_another_system_do_not_matter(encrypted):
    assert decrypt(encrypted.replace(b"\n", b"\r\n"), PASSWORD) == CONTENT.encode()


def test_every_vault_of_the_project_opens():
    password = (PROJECT / "group_vars" / "demo.vault-password").read_bytes().strip()
    vaults = sorted((PROJECT / "group_vars").glob("*.vault.yml"))
    assert vaults
    for path in vaults:
        assert b"ca_passphrase" in (decrypt(path.read_bytes(), password) or b"")


def with_parts(text: bytes, change) -> bytes:
    """A vault whose salt, HMAC and content are changed, each as bytes."""
    header, _, body = text.partition(b"\n")
    parts = [unhexlify(part) for part in unhexlify(body.replace(b"\n", b"")).split(b"\n")]
    return header + b"\n" + hexlify(b"\n".join(map(hexlify, change(*parts)))) + b"\n"


def flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def test_changing_nothing_leaves_a_vault_that_opens(encrypted):
    assert decrypt(with_parts(encrypted, lambda *parts: parts), PASSWORD) == CONTENT.encode()


@pytest.mark.parametrize("position", [0, 7, -1])
@pytest.mark.parametrize("part", [0, 1, 2], ids=["salt", "HMAC", "content"])
def test_a_bit_that_is_another_opens_nothing(encrypted, part, position):
    def change(*parts):
        at = position % len(parts[part])
        return [flipped(p, at) if i == part else p for i, p in enumerate(parts)]

    assert decrypt(with_parts(encrypted, change), PASSWORD) is None


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda salt, mac, content: (salt, mac[:16], content), id="a short HMAC"),
        pytest.param(lambda salt, mac, content: (salt, b"", content), id="no HMAC"),
        pytest.param(lambda salt, mac, content: (salt, mac, content[:-1]), id="a cut end"),
        pytest.param(lambda salt, mac, content: (salt, mac, b""), id="no content"),
        pytest.param(lambda salt, mac, content: (salt, content, mac), id="swapped parts"),
        pytest.param(lambda salt, mac, content: (salt, mac), id="a part too few"),
        pytest.param(lambda salt, mac, content: (salt, mac, content, b""), id="a part too many"),
    ],
)
def test_parts_that_do_not_fit_open_nothing(encrypted, change):
    assert decrypt(with_parts(encrypted, change), PASSWORD) is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"$ANSIBLE_VAULT;1.1;AES256",
        b"$ANSIBLE_VAULT;1.1;AES256\n",
        b"$ANSIBLE_VAULT;1.1;AES256\n6\n",
        b"$ANSIBLE_VAULT;1.1;AES256\nno hex\n",
        b"$ANSIBLE_VAULT;1.1;AES256\n" + hexlify(b"\n\n") + b"\n",
        b"$ANSIBLE_VAULT;1.1;AES256\n" + hexlify(b"zz\nzz\nzz") + b"\n",
    ],
)
def test_what_is_no_vault_opens_nothing(text):
    assert decrypt(text, PASSWORD) is None


@pytest.mark.parametrize("header", [b"1.0;AES", b"1.3;AES256", b"1.1;AES", b"1.2;AES256", b"2;X"])
def test_another_version_is_left_to_ansible_vault(encrypted, header):
    assert decrypt(encrypted.replace(b"1.1;AES256", header, 1), PASSWORD) is None


@pytest.mark.parametrize("password", [b"", b"another", PASSWORD + b"\n", PASSWORD[:-1]])
def test_another_password_opens_nothing(encrypted, password):
    assert decrypt(encrypted, password) is None


@pytest.fixture
def no_process(monkeypatch):
    """Nothing may start a program."""

    def refuse(*arguments, **options):
        raise AssertionError(f"started: {arguments}")

    monkeypatch.setattr(vault.subprocess, "Popen", refuse)


class TestWhatOpensAVault:
    """``home`` and ``vault`` are those of conftest: a vault, and a file with its password."""

    def test_a_password_that_stands_in_a_file_starts_no_program(
        self, vault, example_site, no_process
    ):
        assert load_secrets(vault, example_site).ca_passphrase in SECRETS

    def test_a_program_that_prints_the_password_does(self, vault, example_site, home):
        program = home / ".vault-password"
        program.write_text(f"#!/bin/sh\necho '{VAULT_PASSWORD.strip()}'\n")
        program.chmod(0o700)
        assert load_secrets(vault, example_site).ca_passphrase in SECRETS

    def test_the_password_of_ansible_s_own_configuration_still_opens_it(
        self, vault, example_site, home, monkeypatch
    ):
        (home / ".vault-password").write_text("another password")
        (home / "other").write_text(VAULT_PASSWORD)
        monkeypatch.setenv("ANSIBLE_VAULT_IDENTITY_LIST", f"other@{home / 'other'}")
        assert load_secrets(vault, example_site).ca_passphrase in SECRETS

    def test_an_opening_shows_nothing(self, vault, no_process):
        shown = f"{begin_opening(vault)!r}"
        assert not [secret for secret in SECRETS if secret in shown]

    def test_a_changed_vault_is_refused_without_a_word_of_it(self, vault, example_site):
        text = vault.vault.read_bytes()
        vault.vault.write_bytes(with_parts(text, lambda s, m, c: (s, m, flipped(c, 3))))
        with pytest.raises(SiteError, match="does not open with the password in"):
            load_secrets(vault, example_site)
