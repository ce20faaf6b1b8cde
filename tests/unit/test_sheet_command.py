"""``hotshoe sheet`` and ``hotshoe password``: what they write, and what they refuse."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hotshoe import browser, secrets
from hotshoe.cli import main
from hotshoe.debian.authority_files import EXPORTS, AuthorityFiles, utc_now
from hotshoe.plan.derivation import make_plan
from hotshoe.secrets import Secrets
from hotshoe.site.reading import SiteFiles, load_site
from tests.conftest import PROJECT, SMALLEST

PASSWORD = "khm3xt7vprw4ajn"


def run(*arguments: str):
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def home(write_site, monkeypatch):
    """The smallest home, with a vault."""
    write_site(SMALLEST)
    Path("templates").symlink_to(PROJECT / "templates")
    monkeypatch.setattr(
        secrets, "load_secrets", lambda *_: Secrets({"r5": PASSWORD}, "a passphrase", demo=False)
    )
    return Path()


def make_authority(hostname="photos.example.net", root=Path()):
    plan = make_plan(load_site(SiteFiles("home")))
    files = AuthorityFiles.of(plan, root)
    return files.load_or_create(hostname, "a passphrase of one's own", utc_now()).certificate


class TestPassword:
    """``hotshoe password``."""

    def test_prints_one_and_nothing_else(self):
        result = run("password")
        assert result.exit_code == 0
        assert re.fullmatch(r"[a-z3-8]{15}\n", result.stdout)
        assert result.stderr == ""

    def test_prints_as_many_as_are_wanted(self):
        assert len(set(run("password", "--count", "5").stdout.split())) == 5
        assert run("password", "--count", "0").exit_code == 2


class TestSheet:
    """What is shown."""

    def test_hides_the_password_unless_it_is_asked_for(self, home):
        hidden = run("sheet")
        assert hidden.exit_code == 0
        assert "as in the vault" in hidden.stdout
        assert PASSWORD not in hidden.output
        assert PASSWORD in run("sheet", "--with-password").stdout

    def test_is_in_the_words_of_a_brand(self, home):
        for said in ("canon", "r5=Canon"):
            assert "Login name" in run("sheet", "--brand", said).stdout
        assert "Login name" not in run("sheet", "--brand", "canon", "--brand", "r5=sony").stdout

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (
                ["--camera", "x9"],
                "--camera x9: x9 is no camera of the Site\n    -> the cameras are r5",
            ),
            (["--brand", "x9=canon"], "--brand x9=canon: x9 is no camera of the Site"),
            (["--brand", "leica"], "--brand leica: hotshoe does not know the menus of leica\n"),
            (["--html", "sheet.pdf"], "sheet.pdf: cannot be written: the name sheet.pdf does not"),
            (["--card", "nowhere"], "pki/photos.example.net: there is no certificate authority"),
        ],
    )
    def test_refuses_with_one_message(self, home, arguments, said):
        result = run("sheet", *arguments)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr.startswith(f"Error: {said}")


class TestFiles:
    """What is written."""

    def test_a_page(self, home):
        result = run("sheet", "--html", "sheet.html")
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == "sheet.html is written.\n"
        assert PASSWORD not in Path("sheet.html").read_text()
        assert run("sheet", "--html", "sheet.html").exit_code == 0

    def test_with_passwords_is_nobody_elses(self, home):
        run("sheet", "--html", "sheet.html")
        assert stat.S_IMODE(Path("sheet.html").stat().st_mode) & 0o044
        result = run("sheet", "--html", "sheet.html", "--with-password")
        assert "readable by you alone" in result.stderr
        assert PASSWORD not in result.output
        assert PASSWORD in Path("sheet.html").read_text()
        assert stat.S_IMODE(Path("sheet.html").stat().st_mode) == 0o600

    def test_never_over_something_else(self, home):
        for name, option in (("notes.html", "--html"), ("notes.pdf", "--pdf")):
            Path(name).write_text("notes of mine")
            result = run("sheet", option, name) if option == "--html" else None
            assert result is None or "what is there is no camera sheet" in result.stderr
            assert Path(name).read_text() == "notes of mine"

    def test_a_pdf_needs_a_browser_and_says_so(self, home, monkeypatch):
        monkeypatch.setattr(browser.shutil, "which", lambda _: None)
        result = run("sheet", "--pdf", "sheet.pdf", "--html", "sheet.html")
        assert result.exit_code == 1
        assert "a PDF is printed by Chromium, which is not installed here" in result.stderr
        assert "apt install chromium" in result.stderr
        assert not Path("sheet.html").exists()

    @pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
    def test_a_page_with_passwords_does_not_stay_when_the_browser_is_waited_for(
        self, home, tmp_path, how
    ):
        (tmp_path / "chromium").write_text("#!/bin/sh\ntouch started\nexec sleep 60\n")
        (tmp_path / "chromium").chmod(0o755)
        (tmp_path / "pages").mkdir()
        program = (
            "from hotshoe import secrets; from hotshoe.cli import main\n"
            f"known = secrets.Secrets({{'r5': {PASSWORD!r}}}, 'a passphrase', demo=False)\n"
            "secrets.load_secrets = lambda *_: known\n"
            "main()"
        )
        words = ["sheet", "--with-password", "--pdf=sheet.pdf"]
        environment = os.environ | {
            "PYTHONPATH": str(PROJECT),
            "PATH": f"{tmp_path}:/usr/bin:/bin",
            "TMPDIR": str(tmp_path / "pages"),
        }
        process = subprocess.Popen([sys.executable, "-c", program, *words], env=environment)
        deadline = time.monotonic() + 60
        while not Path("started").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert list((tmp_path / "pages").rglob("page.html"))
        process.send_signal(how)
        assert process.wait(20) == 128 + how
        assert list((tmp_path / "pages").iterdir()) == []


class TestCard:
    """The root certificate on a card."""

    @pytest.fixture
    def card(self, home):
        folder = Path("card")
        folder.mkdir()
        return folder

    def test_holds_one_certificate_under_three_names(self, card):
        root = make_authority()
        result = run("sheet", "--card", "card")
        assert result.exit_code == 0
        assert result.stdout == ""
        assert sorted(path.name for path in card.iterdir()) == sorted(EXPORTS)
        assert x509.load_der_x509_certificate((card / "ROOT.CER").read_bytes()) == root
        for name in ("ROOT.CRT", "ROOT.PEM"):
            assert x509.load_pem_x509_certificate((card / name).read_bytes()) == root
        assert "Eject the card" in result.stderr

    def test_is_left_alone_where_it_has_them(self, card):
        make_authority()
        run("sheet", "--card", "card")
        before = (card / "ROOT.PEM").stat().st_ino
        assert run("sheet", "--card", "card").stderr.count("there already") == 3
        assert (card / "ROOT.PEM").stat().st_ino == before

    def test_says_which_authority_it_replaces(self, card, tmp_path):
        old = make_authority(root=tmp_path / "elsewhere")
        (card / "ROOT.CER").write_bytes(old.public_bytes(EXPORTS["ROOT.CER"]))
        make_authority()
        name = old.subject.rfc4514_string().removeprefix("CN=")
        assert f"ROOT.CER: written; it replaces {name}" in run("sheet", "--card", "card").stderr

    @pytest.mark.parametrize("held", [b"a letter", b""])
    def test_keeps_what_is_not_ours(self, card, held):
        make_authority()
        (card / "ROOT.CRT").write_bytes(held)
        result = run("sheet", "--card", "card")
        assert result.exit_code == 1
        assert "ROOT.CRT: is not a root certificate of hotshoe's, so it stays" in result.stderr
        assert [path.name for path in card.iterdir()] == ["ROOT.CRT"]
        assert (card / "ROOT.CRT").read_bytes() == held

    def test_no_link_on_it_is_followed_and_no_device_read(self, card, tmp_path):
        """Whoever prepared a card, it is only written to."""
        make_authority()
        (tmp_path / "victim").write_bytes(b"mine")
        for name in ("ROOT.CER.NEW", ".hotshoe-ROOT.CER.new"):
            (card / name).symlink_to(tmp_path / "victim")
        assert run("sheet", "--card", "card").exit_code == 0
        assert (tmp_path / "victim").read_bytes() == b"mine"
        assert sorted(path.name for path in card.iterdir()) == sorted([*EXPORTS, "ROOT.CER.NEW"])
        for held in ("/dev/zero", "ROOT.CRT", "ROOT.CER"):
            (card / "ROOT.CER").unlink(missing_ok=True)
            (card / "ROOT.CER").symlink_to(held)
            assert "is not a root certificate of hotshoe's" in run("sheet", "--card=card").stderr

    def test_whatever_is_there_is_one_message(self, card):
        make_authority()
        (card / "ROOT.CER").write_bytes(b"")
        os.truncate(card / "ROOT.CER", 1 << 40)
        assert "is not a root certificate of hotshoe's" in run("sheet", "--card=card").stderr
        (card / "ROOT.CER").unlink()
        (card / "ROOT.CER").mkdir()
        assert "is not a root certificate of hotshoe's" in run("sheet", "--card=card").stderr

    def test_a_name_that_somebody_chose_is_shown_as_it_is(self, card):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hotshoe root \x1b[2J")])
        now = utc_now()
        forged = (
            x509.CertificateBuilder(name, name, key.public_key(), 7, now, now)
            .sign(key, hashes.SHA256())
            .public_bytes(EXPORTS["ROOT.PEM"])
        )
        (card / "ROOT.PEM").write_bytes(forged)
        make_authority()
        assert r"it replaces hotshoe root \x1b[2J" in run("sheet", "--card", "card").stderr

    def test_needs_nothing_where_cameras_know_the_issuer(self, card, write_site):
        write_site(SMALLEST + "certificate: {issuer: letsencrypt}\n")
        result = run("sheet", "--card", "card")
        assert result.exit_code == 1
        assert "cameras need no root certificate of this home" in result.stderr

    def test_needs_nothing_without_tls(self, card, write_site):
        write_site(SMALLEST + "ftp: {tls: none, only_on: eth1}\n")
        assert "nothing to verify" in run("sheet", "--card", "card").stderr

    @pytest.mark.parametrize("where", ["chain", "root"])
    def test_takes_the_root_of_a_certificate_of_ones_own(self, card, write_site, where):
        root = make_authority()
        Path("root.pem").write_bytes(root.public_bytes(EXPORTS["ROOT.PEM"]))
        more = ", root: root.pem" if where == "root" else ""
        write_site(
            SMALLEST + f"certificate: {{issuer: files, chain: root.pem, key: root.pem{more}}}\n"
        )
        assert run("sheet", "--card", "card").exit_code == 0
        assert x509.load_der_x509_certificate((card / "ROOT.CER").read_bytes()) == root
