"""The secrets beside a Site. No message may hold one."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hotshoe.errors import SiteError
from hotshoe.secrets import Secrets, load_secrets
from hotshoe.secrets.validation import problems_of
from hotshoe.secrets.vault import _password_file
from hotshoe.site.library import Delivery, Library, Message
from hotshoe.site.model import Camera, Certificate, Ddns, Site
from hotshoe.site.reading import SiteFiles, load_site, parse_mapping
from tests.conftest import PROJECT
from tests.random_homes import HOST_KEY
from tests.unit.conftest import (
    A7_PASSWORD,
    ANSIBLE_VAULT,
    CONTENT,
    DDNS_SECRET,
    PASSPHRASE,
    R5_PASSWORD,
    SECRETS,
    TSIG_SECRET,
    VAULT_PASSWORD,
)

VAULT = "group_vars/home.vault.yml"


def write_secret(file: Path) -> None:
    file.touch(mode=0o600)
    file.write_text(VAULT_PASSWORD)


def refusal(files: SiteFiles, site) -> str:
    with pytest.raises(SiteError) as refused:
        load_secrets(files, site)
    message = str(refused.value)
    assert not [secret for secret in SECRETS if secret in message]
    return message


def test_a_good_vault_opens(vault, example_site):
    secrets = load_secrets(vault, example_site)
    assert secrets == Secrets({"r5": R5_PASSWORD, "a7": A7_PASSWORD}, PASSPHRASE, demo=False)
    assert not [secret for secret in SECRETS if secret in f"{secrets} {secrets!r}"]


def test_the_vault_that_the_project_ships_opens_with_the_demo_password(example_site, monkeypatch):
    demo = PROJECT / "group_vars" / "demo.vault-password"
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(demo))
    secrets = load_secrets(SiteFiles("home", PROJECT), example_site)
    dynamic = load_site(SiteFiles("dynamic", PROJECT))
    assert secrets.demo
    assert set(secrets.camera_passwords) == {"r5", "a7"}
    assert load_secrets(SiteFiles("dynamic", PROJECT), dynamic).ddns_secret.startswith("demo-")


def test_published_camera_passwords_count_as_the_demo_whatever_opens_the_vault(
    vault, example_site, monkeypatch
):
    text = CONTENT.replace(R5_PASSWORD, "demo-r5-x7Kq2mTzB")
    monkeypatch.setattr("hotshoe.secrets.vault._begin", lambda vault, password_file: None)
    monkeypatch.setattr("hotshoe.secrets.vault.finish_opening", lambda opening, vault: text)
    assert load_secrets(vault, example_site).demo


def test_a_site_without_a_vault_uses_the_shared_vault(vault, example_site, monkeypatch):
    """Which may hold passwords of other Sites' cameras."""
    text = CONTENT.replace("{r5:", "{z9: qk7wvm3xbt9zhe, r5:")
    monkeypatch.setattr("hotshoe.secrets.vault._begin", lambda vault, password_file: None)
    monkeypatch.setattr("hotshoe.secrets.vault.finish_opening", lambda opening, vault: text)
    vault.shared_vault.write_bytes(vault.vault.read_bytes())
    assert vault.vault != vault.shared_vault  # a Site's own goes first
    assert "camera_passwords.z9: is no camera" in refusal(vault, example_site)
    vault.vault.unlink()
    assert vault.vault == vault.shared_vault
    assert set(load_secrets(vault, example_site).camera_passwords) >= {"r5", "a7"}


class TestVaultsThatDoNotOpen:
    def test_a_program_that_fails_is_told_as_one(self, vault, example_site, home):
        program = home / ".vault-password"
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o700)
        told = refusal(vault, example_site)
        assert f"{VAULT}: does not open with the password that .vault-password prints\n" in told
        assert "run that program by hand" in told

    def test_a_wrong_password_is_refused(self, vault, example_site, home):
        (home / ".vault-password").write_text("another password")
        assert refusal(vault, example_site) == (
            "1 problem, nothing was changed:\n"
            f"{VAULT}: does not open with the password in .vault-password\n"
            "    -> put the vault's password into .vault-password, or name its file in "
            "ANSIBLE_VAULT_PASSWORD_FILE"
        )

    def test_an_unencrypted_vault_is_refused(self, vault, example_site):
        vault.vault.write_text(f"ca_passphrase: {PASSPHRASE}\n")
        assert refusal(vault, example_site) == (
            "1 problem, nothing was changed:\n"
            f"{VAULT}: is not encrypted\n"
            f"    -> encrypt it with: ansible-vault encrypt --vault-password-file .vault-password "
            f"{VAULT}"
        )

    def test_an_endless_vault_is_refused(self, vault, example_site):
        vault.vault.unlink()
        vault.vault.symlink_to("/dev/zero")
        assert f"{VAULT}: is not encrypted\n" in refusal(vault, example_site)

    def test_a_long_vault_is_refused(self, vault, example_site):
        vault.vault.write_bytes(vault.vault.read_bytes() + b"0" * 700_000)
        assert refusal(vault, example_site) == (
            f"1 problem, nothing was changed:\n{VAULT}: is longer than 640 KiB\n"
            "    -> keep nothing in it but the passwords and secrets of homes"
        )

    def test_a_missing_vault_is_refused(self, vault, example_site):
        vault.vault.unlink()
        assert refusal(vault, example_site) == (
            "1 problem, nothing was changed:\n"
            f"{VAULT}: there is no such file\n"
            f"    -> make it with: ansible-vault create --vault-password-file .vault-password "
            f"{VAULT}"
        )

    def test_a_folder_is_refused(self, vault, example_site):
        vault.vault.unlink()
        vault.vault.mkdir()
        assert refusal(vault, example_site) == (
            "1 problem, nothing was changed:\n"
            f"{VAULT}: cannot be read: Is a directory\n"
            "    -> make it readable"
        )

    def test_a_missing_password_file_is_refused(self, vault, example_site, monkeypatch):
        monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "~/gone/password")
        assert refusal(vault, example_site) == (
            "1 problem, nothing was changed:\n"
            "ANSIBLE_VAULT_PASSWORD_FILE: ~/gone/password does not exist\n"
            "    -> correct the path"
        )


def test_a_vault_that_does_not_fit_the_site_is_refused_with_every_problem(vault, example_site):
    site = example_site.model_copy(update={"cameras": (Camera(name="r5"), Camera(name="z9"))})
    assert refusal(vault, site) == (
        "2 problems, nothing was changed:\n"
        f"{VAULT}: camera_passwords.z9: is missing\n"
        "    -> give this camera of the Site a password\n"
        f"{VAULT}: camera_passwords.a7: is no camera of the Site\n"
        "    -> remove it, or correct the name; the cameras are r5, z9"
    )


# -- what is in it, without a vault around it

PASSWORDS = f"camera_passwords: {{r5: {R5_PASSWORD}, a7: {A7_PASSWORD}}}\n"
KEYS = (
    "acme_secret, ca_passphrase, camera_passwords, ddns_secret, delivery_passwords, "
    "delivery_secret, message_secret, share_password"
)
PHRASE = f"ca_passphrase: {PASSPHRASE}\n"
PHRASE_REMEDY = (
    "write a long random text, such as the command openssl rand -hex 16 prints; it encrypts the "
    "key of the certificate authority"
)
PASSWORD_REMEDY = "take 12 to 32 letters and digits, such as the command hotshoe password prints"

CONTENTS = [
    (
        "a camera without a password",
        f"camera_passwords: {{r5: {R5_PASSWORD}}}\n" + PHRASE,
        "camera_passwords.a7",
        "is missing",
        "give this camera of the Site a password",
    ),
    (
        "a password of a camera that the Site does not have",
        f"camera_passwords: {{r5: {R5_PASSWORD}, a7: {A7_PASSWORD}, z9: {A7_PASSWORD}}}\n" + PHRASE,
        "camera_passwords.z9",
        "is no camera of the Site",
        "remove it, or correct the name; the cameras are r5, a7",
    ),
    (
        "a password where the camera's name belongs",
        PASSWORDS.replace("{", f"{{x{R5_PASSWORD}: z9, ") + PHRASE,
        "camera_passwords.(a key of 15 characters)",
        "is no camera of the Site",
        "remove it, or correct the name; the cameras are r5, a7",
    ),
    (
        "a short password",
        f"camera_passwords: {{r5: sh0rtPw, a7: {A7_PASSWORD}}}\n" + PHRASE,
        "camera_passwords.r5",
        "has 7 characters, not 12 to 32",
        PASSWORD_REMEDY,
    ),
    (
        "a password of digits, which YAML takes for a number",
        f"camera_passwords: {{r5: 123456789012, a7: {A7_PASSWORD}}}\n" + PHRASE,
        "camera_passwords.r5",
        "is not text; put it in quotes",
        PASSWORD_REMEDY,
    ),
    (
        "a password that is easy to guess",
        f"camera_passwords: {{r5: r5r5r5r5r5r5, a7: {A7_PASSWORD}}}\n" + PHRASE,
        "camera_passwords.r5",
        'is easy to guess: repeats like "abcabcabc" are only slightly harder to guess than "abc"',
        PASSWORD_REMEDY,
    ),
    (
        "a passphrase that is easy to guess",
        PASSWORDS + "ca_passphrase: hotshoe12345\n",
        "ca_passphrase",
        "is easy to guess",
        PHRASE_REMEDY,
    ),
    (
        "passwords as a list",
        f"camera_passwords: [{R5_PASSWORD}, {A7_PASSWORD}]\n" + PHRASE,
        "camera_passwords",
        "is missing or is not a mapping of camera names to passwords",
        "write one line a camera below it",
    ),
    (
        "no passwords",
        PHRASE,
        "camera_passwords",
        "is missing or is not a mapping of camera names to passwords",
        "write one line a camera below it",
    ),
    (
        "no passphrase",
        PASSWORDS,
        "ca_passphrase",
        "is missing or shorter than 12 characters",
        PHRASE_REMEDY,
    ),
    (
        "a short passphrase",
        PASSWORDS + "ca_passphrase: sh0rtPhrs\n",
        "ca_passphrase",
        "is missing or shorter than 12 characters",
        PHRASE_REMEDY,
    ),
    (
        "a passphrase that is a number",
        PASSWORDS + "ca_passphrase: 1234567890123\n",
        "ca_passphrase",
        "is missing or shorter than 12 characters",
        PHRASE_REMEDY,
    ),
    (
        "a passphrase that OpenSSL cannot take",
        PASSWORDS + f"ca_passphrase: {PASSPHRASE * 60}\n",
        "ca_passphrase",
        "is longer than 1023 bytes or is not text",
        "write a shorter one of letters and digits",
    ),
    (
        "a misspelt key",
        PASSWORDS + PHRASE + "camera_password: 1\n",
        "camera_password",
        "is not a key that belongs here",
        f"remove it; the keys here are {KEYS}",
    ),
    (
        "a password where a key belongs",
        PASSWORDS + PHRASE + f"x{R5_PASSWORD}: r5\n",
        "(a key of 15 characters)",
        "is not a key that belongs here",
        f"remove it; the keys here are {KEYS}",
    ),
]


@pytest.mark.parametrize(
    ("text", "key", "reason", "remedy"), [pytest.param(*case[1:], id=case[0]) for case in CONTENTS]
)
def test_a_vault_with_a_mistake_is_refused_with(example_site, text, key, reason, remedy):
    (problem,) = problems_of(parse_mapping(text, VAULT, secret=True), example_site, VAULT)
    assert str(problem) == f"{VAULT}: {key}: {reason}\n    -> {remedy}"
    assert not [secret for secret in SECRETS if secret in str(problem)]


def updated(example_site: Site, managed_by: str = "openwrt", **ddns: str) -> Site:
    """The example with an address that changes, and this way to update the record."""
    router = example_site.routers[0].model_copy(update={"managed_by": managed_by})
    return example_site.model_copy(
        update={"public_address": None, "ddns": Ddns(**ddns), "routers": (router,)}
    )


def proved(example_site: Site, **certificate: object) -> Site:
    """The example with a certificate from an ACME authority."""
    said = Certificate(issuer="letsencrypt", **certificate)
    return example_site.model_copy(update={"certificate": said})


BY_RFC_2136 = {"challenge": "dns-01", "server": "203.0.113.53", "key_name": "hotshoe"}


@pytest.mark.parametrize(
    ("certificate", "line", "reason"),
    [
        (BY_RFC_2136, "", "is missing, and the name of the certificate is proved by it (DNS-01)"),
        (BY_RFC_2136, "acme_secret: dG9vIHNob3J0", "is not the base64 text of 16 bytes or more"),
        (BY_RFC_2136, "acme_secret: 12345", "is not the base64 text of 16 bytes or more"),
        ({}, "acme_secret: c2VjcmV0", "is not used, since no name is proved by a TSIG key "),
        (
            {"challenge": "dns-01", "hook": "/root/hook"},
            "acme_secret: c2VjcmV0",
            "is not used, since no name is proved by a TSIG key ",
        ),
    ],
)
def test_the_key_that_proves_the_name_is_where_it_is_used(example_site, certificate, line, reason):
    site = proved(example_site, **certificate)
    raw = parse_mapping(f"{PASSWORDS}{PHRASE}{line}\n", VAULT, secret=True)
    (problem,) = problems_of(raw, site, VAULT)
    assert str(problem).startswith(f"{VAULT}: acme_secret: {reason}")
    assert "c2VjcmV0" not in str(problem)


def test_a_key_that_proves_the_name_is_taken(example_site):
    secret = base64.b64encode(bytes(range(32))).decode()
    text = f"{PASSWORDS}{PHRASE}acme_secret: {secret}\n"
    raw = parse_mapping(text, VAULT, secret=True)
    assert not list(problems_of(raw, proved(example_site, **BY_RFC_2136), VAULT))
    # A vault that several Sites share may have more than each of them needs.
    assert not list(problems_of(raw, example_site, VAULT, shared=True))


def secret_line(secret: str) -> str:
    return f"{PASSWORDS}{PHRASE}ddns_secret: {secret}\n"


DUCKDNS = {"updated_by": "server", "provider": "duckdns"}
NSUPDATE = {"updated_by": "nsupdate", "zone": "example.net", "key_name": "hotshoe.example.net"}
TOKEN_REMEDY = "write the token of your account at Duck DNS"
TSIG_REMEDY = "write the secret of the TSIG key, such as the command tsig-keygen prints"
NO_BASE64 = "is not the base64 text of 16 bytes or more"
NOT_PLAIN = "is not 1 to 200 ASCII letters, digits and symbols other than quotes and backslash"

DDNS_SECRETS = [
    ("no token", DUCKDNS, None, "is missing, and updates of the record need it", TOKEN_REMEDY),
    ("no TSIG key", NSUPDATE, None, "is missing, and updates of the record need it", TSIG_REMEDY),
    (
        "no token for the router",
        DUCKDNS | {"updated_by": "router"},
        None,
        "is missing, and updates of the record need it",
        TOKEN_REMEDY,
    ),
    ("an empty token", DUCKDNS, "", "is not text; put it in quotes", TOKEN_REMEDY),
    ("a token that is a number", DUCKDNS, "123456", "is not text; put it in quotes", TOKEN_REMEDY),
    ("a token in a list", DUCKDNS, "[a]", "is not text; put it in quotes", TOKEN_REMEDY),
    ("an empty text for a token", DUCKDNS, '""', NOT_PLAIN, TOKEN_REMEDY),
    *(
        (f"{name} in a token", DUCKDNS, yaml, NOT_PLAIN, TOKEN_REMEDY)
        for name, yaml in (
            ("a space", f"'{DDNS_SECRET} a'"),
            ("a quote", f"{DDNS_SECRET}'a"),
            ("a double quote", f"'{DDNS_SECRET}\"'"),
            ("a backslash", f"'{DDNS_SECRET}\\'"),
            ("a new line", f'"{DDNS_SECRET}\\n"'),
            ("a letter with an accent", f"{DDNS_SECRET}é"),
        )
    ),
    ("a token of 201 characters", DUCKDNS, "x" * 201, NOT_PLAIN, TOKEN_REMEDY),
    ("a TSIG key that is no base64", NSUPDATE, DDNS_SECRET, NO_BASE64, TSIG_REMEDY),
    ("a TSIG key with half of its padding", NSUPDATE, TSIG_SECRET[:-1], NO_BASE64, TSIG_REMEDY),
    ("a TSIG key of 15 bytes", NSUPDATE, TSIG_SECRET[:20], NO_BASE64, TSIG_REMEDY),
    ("a TSIG key in two lines", NSUPDATE, f'"{TSIG_SECRET}\\n"', NO_BASE64, TSIG_REMEDY),
    ("a TSIG key of other letters", NSUPDATE, "é" * 40, NO_BASE64, TSIG_REMEDY),
    (
        "a secret that nobody uses",
        {"updated_by": "none"},
        DDNS_SECRET,
        "is not used, since no device that hotshoe sets up updates the record",
        "remove it",
    ),
    (
        "a secret that only a router by hand uses",
        DUCKDNS | {"updated_by": "router", "managed_by": "hand"},
        DDNS_SECRET,
        "is not used, since no device that hotshoe sets up updates the record",
        "remove it",
    ),
]


@pytest.mark.parametrize(
    ("ddns", "secret", "reason", "remedy"),
    [pytest.param(*case[1:], id=case[0]) for case in DDNS_SECRETS],
)
def test_a_secret_that_does_not_fit_the_update_is_refused(
    example_site, ddns, secret, reason, remedy
):
    text = PASSWORDS + PHRASE if secret is None else secret_line(secret)
    raw = parse_mapping(text, VAULT, secret=True)
    (problem,) = problems_of(raw, updated(example_site, **ddns), VAULT)
    assert str(problem) == f"{VAULT}: ddns_secret: {reason}\n    -> {remedy}"
    assert not [known for known in (*SECRETS, secret) if known and known in str(problem)]


@pytest.mark.parametrize(
    ("ddns", "secret"),
    [
        (DUCKDNS, DDNS_SECRET),
        (DUCKDNS | {"updated_by": "router"}, DDNS_SECRET),
        (DUCKDNS, "'!#$%&()*+,-./:;<=>?@[]^_`{|}~'"),
        (DUCKDNS, "x" * 200),
        (NSUPDATE, TSIG_SECRET),
        ({"updated_by": "none"}, None),
        (DUCKDNS | {"updated_by": "router", "managed_by": "hand"}, None),
    ],
)
def test_a_secret_that_fits_the_update_is_accepted(example_site, ddns, secret):
    text = PASSWORDS + PHRASE if secret is None else secret_line(secret)
    raw = parse_mapping(text, VAULT, secret=True)
    assert list(problems_of(raw, updated(example_site, **ddns), VAULT)) == []


def test_a_secret_for_the_record_belongs_to_no_home_whose_address_stays(example_site):
    raw = parse_mapping(secret_line(DDNS_SECRET), VAULT, secret=True)
    (problem,) = problems_of(raw, example_site, VAULT)
    assert "ddns_secret: is not used" in str(problem)
    # The shared vault may hold it for another Site.
    assert list(problems_of(raw, example_site, VAULT, shared=True)) == []


@pytest.mark.parametrize(
    "text",
    [
        f"ca_passphrase: *{PASSPHRASE}",
        f"ca_passphrase: !{PASSPHRASE}",
        f"ca_passphrase: !!int {PASSPHRASE}",
        f"ca_passphrase: %{PASSPHRASE}",
        f"ca_passphrase: &{PASSPHRASE}",
        f"ca_passphrase: '{PASSPHRASE}",
        f"ca_passphrase: {PASSPHRASE}: {PASSPHRASE}",
        f"{PASSPHRASE}: 1\n{PASSPHRASE}: 2",
        f"- {PASSPHRASE}",
        PASSPHRASE,
        f"%YAML {PASSPHRASE}",
    ],
)
def test_no_message_quotes_text_that_is_no_yaml(text, vault, example_site, monkeypatch, recwarn):
    """YAML takes an unquoted password that begins with * for an alias, for example."""
    monkeypatch.setattr("hotshoe.secrets.vault._begin", lambda vault, password_file: None)
    monkeypatch.setattr("hotshoe.secrets.vault.finish_opening", lambda opening, vault: text)
    assert refusal(vault, example_site)
    assert not recwarn.list


class TestWhoMayReadThePasswordFile:
    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666, 0o620, 0o602])
    def test_others_may_not_read_it(self, vault, example_site, home, mode):
        (home / ".vault-password").chmod(mode)
        assert refusal(vault, example_site) == (
            "1 problem, nothing was changed:\n"
            ".vault-password: can be read or changed by other users of this computer\n"
            "    -> chmod 600 .vault-password"
        )

    def test_others_may_not_read_a_file_that_the_environment_names(
        self, vault, example_site, home, monkeypatch
    ):
        named = home / "my password"
        named.write_text(VAULT_PASSWORD)
        named.chmod(0o640)
        monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(named))
        assert refusal(vault, example_site).endswith(f"-> chmod 600 '{named}'")

    @pytest.mark.parametrize("mode", [0o600, 0o400])
    def test_its_owner_may_read_it(self, vault, example_site, home, mode):
        (home / ".vault-password").chmod(mode)
        assert load_secrets(vault, example_site)

    def test_others_may_read_a_program_that_prints_the_password(self, vault, example_site, home):
        """ansible-vault runs what is executable."""
        program = home / ".vault-password"
        program.write_text(f"#!/bin/sh\necho {VAULT_PASSWORD}\n")
        program.chmod(0o755)
        assert load_secrets(vault, example_site)

    def test_others_may_not_change_a_program_that_prints_the_password(
        self, vault, example_site, home
    ):
        (home / ".vault-password").chmod(0o775)
        assert refusal(vault, example_site).endswith("-> chmod go-w .vault-password")

    def test_everybody_may_read_the_published_password(self, vault, home):
        demo = home / "group_vars/demo.vault-password"
        demo.chmod(0o644)
        shutil.copy(demo, home / ".vault-password")
        assert _password_file(home) == (home / ".vault-password", True)


def test_the_commands_in_the_readme_leave_no_secret_that_others_can_read(vault, example_site, home):
    """Neither under the published password, nor in a file of everybody's."""
    text = (PROJECT / "README.md").read_text()
    (commands,) = re.findall(r"```sh\n((?:(?!```).)*rekey.*?)```", text, re.DOTALL)
    (home / ".vault-password").unlink()
    vault.vault.unlink()
    shutil.copy(PROJECT / "group_vars" / "all.vault.yml", vault.shared_vault)
    path = f"{Path(ANSIBLE_VAULT).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "EDITOR": "true", "LC_ALL": "C.UTF-8"}
    subprocess.run(["sh", "-euc", f"umask 022; {commands}"], cwd=home, env=environment, check=True)
    assert (home / ".vault-password").stat().st_mode & 0o777 == 0o600
    assert _password_file(home) == (home / ".vault-password", False)
    assert load_secrets(vault, example_site).demo  # what is in it is still what is published
    (home / ".vault-password").unlink()
    assert "does not open" in refusal(vault, example_site)


def test_the_readme_says_what_to_write_for_each_secret():
    """Whoever leaves a published one in the vault is refused at the deploy."""
    text = (PROJECT / "README.md").read_text()
    (step,) = re.findall(r"^2\. Put your secrets.*?^3\. ", text, re.DOTALL | re.MULTILINE)
    assert "For each camera" in step
    assert "`ca_passphrase`" in step


class TestWhichPasswordFile:
    """The demo's password is published, so a real home must not be opened with it."""

    @pytest.fixture(autouse=True)
    def folder(self, home, monkeypatch):
        monkeypatch.delenv("ANSIBLE_VAULT_PASSWORD_FILE", raising=False)
        shutil.copy(PROJECT / "group_vars/demo.vault-password", home / "group_vars")
        self.own = home / ".vault-password"
        self.demo = home / "group_vars/demo.vault-password"
        self.root = home

    def chosen(self):
        return _password_file(self.root)

    def test_the_demo_file_is_used_where_there_is_no_other(self):
        assert self.chosen() == (self.demo, True)

    def test_the_person_s_file_goes_before_the_demo_file(self):
        write_secret(self.own)
        assert self.chosen() == (self.own, False)

    def test_the_file_that_the_environment_names_goes_first(self, monkeypatch):
        write_secret(self.own)
        named = self.root / "elsewhere"
        write_secret(named)
        monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(named))
        assert self.chosen() == (named, False)

    def test_the_environment_may_name_the_demo_file(self, monkeypatch):
        write_secret(self.own)
        monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "group_vars/demo.vault-password")
        assert self.chosen()[1]

    def test_a_link_to_the_demo_file_counts_as_the_demo_file(self):
        self.own.symlink_to(self.demo)
        assert self.chosen() == (self.own, True)

    def test_a_copy_of_the_demo_file_counts_as_the_demo_file(self):
        self.own.write_bytes(self.demo.read_bytes() + b"\n")
        assert self.chosen() == (self.own, True)

    def test_the_person_s_file_is_no_demo_where_no_demo_file_is(self):
        write_secret(self.own)
        self.demo.unlink()
        assert self.chosen() == (self.own, False)

    def test_an_empty_variable_names_no_file(self, monkeypatch):
        monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "")
        assert self.chosen() == (self.demo, True)


SFTP = Delivery(name="desk", by="sftp", address="192.168.1.30", username="ann", host_key=HOST_KEY)
SMB = Delivery(name="office", by="smb", address="192.168.1.31", username="ann", share="photos")
S3 = Delivery(name="s", by="s3", url="https://s3.example.net", bucket="photos", username="AKIA")
FETCH = Delivery(name="nas", by="fetch", address="192.168.1.20", folder="/srv/photos")
RANDOM = "0f9a4b7c2d8e1f3a5b6c7d8e9f0a1b2c"


def leaving(example_site: Site, *deliveries: Delivery, **more: object) -> Site:
    """The example, with photos that leave the library."""
    return example_site.model_copy(update={"delivery": deliveries, **more})


@pytest.mark.parametrize(
    ("deliveries", "more", "lines", "key", "reason"),
    [
        ((FETCH,), {}, "", "delivery_secret", "is missing, and keys of deliveries are derived"),
        ((SFTP,), {}, "", "delivery_secret", "is missing, and keys of deliveries are derived"),
        ((FETCH,), {}, "delivery_secret: abc", "delivery_secret", "is not text of 32 characters"),
        (
            (FETCH,),
            {},
            f"delivery_secret: {'a' * 40}",
            "delivery_secret",
            "is easy to guess",
        ),
        ((SMB,), {}, "", "delivery_passwords.office", "is missing, and a delivery by: smb needs"),
        (
            (S3,),
            {},
            "delivery_passwords: {s: 12345}",
            "delivery_passwords.s",
            "is not text; put it in quotes",
        ),
        (
            (SMB,),
            {},
            'delivery_passwords: {office: "a\\nb"}',
            "delivery_passwords.office",
            "has a line break or another character that nobody can type",
        ),
        (
            (),
            {},
            "delivery_passwords: {office: abc}",
            "delivery_passwords",
            "has a name that is no delivery with a password",
        ),
        ((), {}, f"delivery_secret: {RANDOM}", "delivery_secret", "is not used"),
        ((), {}, "share_password: abc", "share_password", "is not used"),
        ((), {}, "message_secret: abc", "message_secret", "is not used"),
        (
            (),
            {"library": Library(share="smb")},
            "",
            "share_password",
            "is missing, and the share of the library needs it",
        ),
        (
            (),
            {"library": Library(share="smb")},
            "share_password: abc",
            "share_password",
            "has 3 characters, not 12 to 32",
        ),
        (
            (),
            {"message": Message(program="ntfy")},
            "message_secret: 12",
            "message_secret",
            "is not text; put it in quotes",
        ),
    ],
)
def test_a_secret_by_which_photos_leave_is_where_it_is_used_and_fits(
    example_site, deliveries, more, lines, key, reason
):
    site = leaving(example_site, *deliveries, **more)
    raw = parse_mapping(f"{PASSWORDS}{PHRASE}{lines}\n", VAULT, secret=True)
    (problem,) = problems_of(raw, site, VAULT)
    assert str(problem).startswith(f"{VAULT}: {key}: {reason}")
    assert RANDOM not in str(problem)


def test_a_delivery_that_may_have_a_password_is_told_so_where_the_keys_have_no_secret(example_site):
    raw = parse_mapping(f"{PASSWORDS}{PHRASE}", VAULT, secret=True)
    (problem,) = problems_of(raw, leaving(example_site, FETCH, SFTP), VAULT)
    assert problem.remedy == (
        "write what the command openssl rand -hex 16 prints; or, for desk, its password as "
        "delivery_passwords.desk"
    )


@pytest.mark.parametrize(
    ("deliveries", "lines"),
    [
        ((FETCH,), f"delivery_secret: {RANDOM}"),
        # By its password, or else by a key.
        ((SFTP,), "delivery_passwords: {desk: abc}"),
        ((SFTP,), f"delivery_secret: {RANDOM}"),
        ((SMB, S3), "delivery_passwords: {office: pass word, s: 'wJalrXUtnFEMI/K7MDENG+bPx'}"),
    ],
)
def test_secrets_of_deliveries_are_taken(example_site, deliveries, lines):
    raw = parse_mapping(f"{PASSWORDS}{PHRASE}{lines}\n", VAULT, secret=True)
    assert not list(problems_of(raw, leaving(example_site, *deliveries), VAULT))


def test_of_a_shared_vault_a_site_without_deliveries_takes_no_notice(example_site):
    lines = f"delivery_secret: {RANDOM}\ndelivery_passwords: {{x: y}}\nshare_password: a\n"
    raw = parse_mapping(f"{PASSWORDS}{PHRASE}{lines}", VAULT, secret=True)
    assert not list(problems_of(raw, example_site, VAULT, shared=True))


@pytest.mark.parametrize("name", ["share", "fetch", "push"])
def test_what_the_examples_need_is_in_the_demo_vault(name, monkeypatch):
    demo = PROJECT / "group_vars" / "demo.vault-password"
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(demo))
    files = SiteFiles(name, PROJECT)
    secrets = load_secrets(files, load_site(files))
    assert secrets.demo
    needed = secrets.share_password if name == "share" else secrets.delivery_secret
    assert needed.startswith("demo-")
