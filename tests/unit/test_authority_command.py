"""``hotshoe authority``: what it shows and changes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from hotshoe import secrets
from hotshoe.cli import main
from hotshoe.debian.authority_files import AuthorityFiles, fingerprint, utc_now
from hotshoe.plan.derivation import make_plan
from hotshoe.secrets import Secrets
from hotshoe.site.reading import SiteFiles, load_site
from tests.conftest import SMALLEST

HOST = "photos.example.net"
PASSPHRASE = "a passphrase of one's own"


def run(*arguments: str):
    return CliRunner().invoke(main, ["authority", *arguments])


@pytest.fixture
def files(write_site, monkeypatch):
    """Of a home that has an authority."""
    write_site(SMALLEST)
    monkeypatch.setattr(secrets, "load_secrets", lambda *_: Secrets({}, PASSPHRASE, demo=False))
    files = AuthorityFiles.of(make_plan(load_site(SiteFiles("home"))), Path())
    files.load_or_create(HOST, PASSPHRASE, utc_now())
    return files


def test_it_shows_what_cameras_need(files):
    root = files.load_roots().current
    said = run("show")
    assert said.exit_code == 0
    name, until, digits, names = said.output.splitlines()
    assert name == f"Cameras need: {root.subject.rfc4514_string().removeprefix('CN=')}"
    assert until == f"  valid until {root.not_valid_after_utc:%Y-%m-%d}"
    assert len(digits) == len("  SHA-256 ") + 32 * 3 - 1
    assert names == (
        f"  files for their cards: pki/{HOST}/ROOT.CRT, pki/{HOST}/ROOT.PEM, pki/{HOST}/ROOT.CER"
    )


def test_it_is_made_before_the_first_deploy_and_never_twice(write_site, monkeypatch):
    write_site(SMALLEST)
    monkeypatch.setattr(secrets, "load_secrets", lambda *_: Secrets({}, PASSPHRASE, demo=False))
    made = run("create")
    assert made.exit_code == 0
    key = Path("pki") / HOST / "ca.key"
    before = key.read_bytes()
    assert b"ENCRYPTED PRIVATE KEY" in before
    assert run("create").output == made.output == run("show").output
    assert key.read_bytes() == before


def test_a_replacement_begins_is_shown_and_ends(files):
    old = files.load_roots().current
    began = run("rotate")
    assert began.exit_code == 0
    assert "It replaces, and they may still have: hotshoe root" in began.output
    assert "end this with: hotshoe authority finish" in began.output
    assert run("show").output == began.output
    assert files.load_roots().previous == old
    again = run("rotate")
    assert again.exit_code == 1
    assert "is already replacing the authority before it" in again.output
    asked = run("finish")  # and nobody answers
    assert asked.exit_code == 1
    assert fingerprint(files.load_roots().current)[:16] in asked.output
    assert files.load_roots().previous == old
    ended = run("finish", "--yes")
    assert ended.exit_code == 0
    assert "Deploy: from then on" in ended.output
    assert files.load_roots().previous is None
    twice = run("finish")
    assert twice.exit_code == 1
    assert "no certificate authority is being replaced" in twice.output
    assert PASSPHRASE not in began.output + ended.output


def test_there_has_to_be_one(write_site):
    write_site(SMALLEST)
    said = run("show")
    assert said.exit_code == 1
    assert said.output == (
        f"Error: pki/{HOST}: there is no certificate authority yet\n"
        "    -> deploy first, which makes one, or run: hotshoe authority create\n"
    )


@pytest.mark.parametrize("command", ["show", "rotate", "finish"])
def test_a_certificate_of_somebody_else_is_none_of_its_business(write_site, command):
    write_site(f"{SMALLEST}certificate: {{issuer: files, chain: c.pem, key: k.pem}}\n")
    said = run(command)
    assert said.exit_code == 1
    assert said.output == (
        "Error: group_vars/home.yml: the certificate is of issuer: files, not of an authority of "
        "this home\n    -> write certificate: {issuer: own-ca}, or ask the issuer that it has\n"
    )
