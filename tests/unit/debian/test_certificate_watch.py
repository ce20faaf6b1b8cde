"""What tells the journal that the certificate ends: the program, run here."""

from __future__ import annotations

import subprocess
from datetime import timedelta

import pytest

from hotshoe import paths
from hotshoe.debian.renewal import REMEDIES, WARN_DAYS
from hotshoe.render import render
from tests.unit.debian.pairs import HOST, LEAF, MIDDLE, NOW, ROOT, leaf, make


@pytest.fixture
def watch(tmp_path, monkeypatch):
    """Run the program over a server's file."""
    text = render("tls/certificate.sh.j2", hostname=HOST, days=WARN_DAYS, remedy="do it")
    program = tmp_path / "watch"
    program.write_text(text.replace(paths.CERTIFICATE, str(tmp_path / "server.pem")))
    # A home of a photographer who is far from UTC.
    monkeypatch.setenv("TZ", "Pacific/Auckland")

    def run(pem: bytes | None) -> tuple[int, str]:
        if pem is not None:
            (tmp_path / "server.pem").write_bytes(pem)
        done = subprocess.run(["/bin/sh", program], stdout=subprocess.PIPE, text=True, check=False)
        return done.returncode, done.stdout.removesuffix("\n")

    return run


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (timedelta(days=300), ""),
        (timedelta(days=WARN_DAYS) + HOUR, ""),
        (
            timedelta(days=WARN_DAYS) - HOUR,
            "<4>the certificate for {} ends in 20 days, on {}: do it",
        ),
        (timedelta(days=1) + HOUR, "<4>the certificate for {} ends in 1 days, on {}: do it"),
        (HOUR, "<4>the certificate for {} ends in 0 days, on {}: do it"),
        (-HOUR, "<3>the certificate for {} expired on {}: do it"),
        (timedelta(days=-40), "<3>the certificate for {} expired on {}: do it"),
    ],
)
def test_it_is_told_from_weeks_ahead(watch, left, told):
    pem = LEAF.key(old=True) + leaf(ends=left).pem + MIDDLE.pem
    assert watch(pem) == (0, told.format(HOST, f"{NOW + left:%Y-%m-%d}"))


def test_an_issuer_s_certificate_counts_as_well(watch):
    middle = make("an intermediate", ROOT, ca=True, ends=timedelta(days=3) + HOUR)
    _, said = watch(LEAF.key() + leaf(middle).pem + middle.pem)
    assert said.startswith(f"<4>the certificate for {HOST} ends in 3 days, on ")


@pytest.mark.parametrize("pem", [None, b"", b"scribble", LEAF.key()])
def test_that_there_is_none_is_told(watch, pem):
    code, said = watch(pem)
    assert code == 1
    assert said.startswith("<3>")
    assert said.endswith(f"holds no certificate for {HOST}: deploy")


def test_every_issuer_has_a_remedy():
    assert set(REMEDIES) == {"own-ca", "letsencrypt", "files"}
