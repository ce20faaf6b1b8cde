"""Every pair is judged before it goes live; by Debian's cryptography as by ours."""

from __future__ import annotations

import base64
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from hotshoe.debian import pair
from tests.unit.debian.pairs import (
    GOOD,
    HOST,
    LEAF,
    LOWER,
    MIDDLE,
    NOW,
    OTHER_ROOT,
    ROOT,
    YEAR,
    leaf,
    make,
)


def judge(chain: bytes = GOOD, key: bytes = LEAF.key(), **more: bytes) -> pair.Verdict:
    return pair.check(chain, key, HOST, NOW, **more)


class TestAGoodPair:
    @pytest.mark.parametrize(
        ("chain", "more"),
        [
            (GOOD, {}),
            (GOOD + ROOT.pem, {}),
            (GOOD, {"root": ROOT.pem}),
            (GOOD + ROOT.pem, {"root": ROOT.pem}),
            (GOOD, {"known": OTHER_ROOT.pem + ROOT.pem}),
            (GOOD + ROOT.pem, {"known": OTHER_ROOT.pem}),
            (GOOD.replace(b"\n", b"\r\n"), {}),
            (b"Bag Attributes\n" + GOOD, {}),
            (leaf(ROOT).pem, {"root": ROOT.pem}),
        ],
        ids=range(9),
    )
    def test_goes_live(self, chain, more):
        verdict = judge(chain, **more)
        assert verdict.findings == ()
        assert verdict.notes == ()
        assert verdict.ends == NOW + YEAR

    def test_is_put_together_as_vsftpd_reads_it(self):
        """The key first; the root is left out, since cameras have it."""
        pem = judge(GOOD + ROOT.pem).pem
        assert pem.startswith(b"-----BEGIN RSA PRIVATE KEY-----\n")
        assert pem == LEAF.key(old=True) + GOOD

    @pytest.mark.parametrize("old", [True, False])
    def test_has_its_key_in_either_form(self, old):
        assert judge(key=LEAF.key(old=old)).findings == ()

    def test_shows_its_key_to_nobody(self):
        assert "PRIVATE" not in repr(judge())

    def test_may_be_for_several_names(self):
        made = leaf(names=("www.example.net", HOST.upper()))
        assert judge(made.pem + MIDDLE.pem).findings == ()


class TestWhatSomeCamerasMayMind:
    @pytest.mark.parametrize(
        ("made", "notes"),
        [
            (
                leaf(common=None),
                "the certificate's common name is missing: a camera that looks there alone, as "
                "some of Canon's do, may refuse it, or has to be told to trust the server anyway",
            ),
            (
                leaf(common="www.example.net"),
                "the certificate's common name is 'www.example.net': a camera that looks there "
                "alone, as some of Canon's do, may refuse it, or has to be told to trust the "
                "server anyway",
            ),
            (
                leaf(names=("*.example.net",)),
                "the certificate is for a wildcard, which old TLS stacks may not match",
            ),
        ],
    )
    def test_is_said_and_no_reason_to_refuse(self, made, notes):
        verdict = judge(made.pem + MIDDLE.pem)
        assert verdict.findings == ()
        assert verdict.notes == (notes,)

    def test_a_certificate_that_signed_itself(self):
        made = leaf(None)
        verdict = judge(made.pem)
        assert verdict.findings == ()
        assert "signed by its own key" in verdict.notes[0]
        assert verdict.pem.endswith(made.pem)


EC_ = leaf(kind="ec")
SMALL = leaf(kind="rsa1024")


class TestABadPair:
    @pytest.mark.parametrize(
        ("chain", "key", "findings"),
        [
            pytest.param(
                GOOD,
                ROOT.key(),
                ("the key does not belong to the first certificate of the chain",),
                id="wrong key",
            ),
            pytest.param(
                leaf(ends=timedelta(days=-3)).pem + MIDDLE.pem,
                LEAF.key(),
                (f"the certificate expired on {NOW - timedelta(days=3):%Y-%m-%d %H:%M} UTC",),
                id="expired",
            ),
            pytest.param(
                leaf(begins=timedelta(days=3)).pem + MIDDLE.pem,
                LEAF.key(),
                (
                    "the certificate is not valid before "
                    f"{NOW + timedelta(days=3):%Y-%m-%d %H:%M} UTC",
                ),
                id="not yet valid",
            ),
            pytest.param(
                EC_.pem + MIDDLE.pem,
                EC_.key(),
                (
                    "the key is ECDSA, not RSA, which is the only one that all cameras and cipher "
                    "suites take",
                    "the certificate is ECDSA, not RSA, which is the only one that all cameras and "
                    "cipher suites take",
                ),
                id="ECDSA",
            ),
            pytest.param(
                SMALL.pem + MIDDLE.pem,
                SMALL.key(),
                (
                    "the key is RSA of 1024 bits, fewer than 2048",
                    "the certificate has RSA of 1024 bits, fewer than 2048",
                ),
                id="RSA of 1024 bits",
            ),
            pytest.param(
                LEAF.pem,
                LEAF.key(),
                (
                    f"the chain is not complete: it ends with the certificate of {HOST!r}, and the "
                    "certificate of its issuer, 'an intermediate', is missing",
                ),
                id="missing chain",
            ),
            pytest.param(
                leaf(LOWER).pem + MIDDLE.pem,
                LEAF.key(),
                (
                    f"the chain has the certificate of 'an intermediate' after the certificate of "
                    f"{HOST!r}, which it did not issue: one is missing or does not belong there",
                ),
                id="missing link",
            ),
            pytest.param(
                LEAF.pem + ROOT.pem + MIDDLE.pem,
                LEAF.key(),
                (
                    f"the chain is not in order: the certificate of {HOST!r} has to be followed by "
                    "the certificate of its issuer",
                ),
                id="shuffled",
            ),
            pytest.param(
                GOOD + OTHER_ROOT.pem,
                LEAF.key(),
                (
                    "the chain has the certificate of 'another root' after the certificate of 'an "
                    "intermediate', which it did not issue: one is missing or does not belong "
                    "there",
                ),
                id="foreign",
            ),
            pytest.param(
                GOOD + make("an intermediate", OTHER_ROOT, ca=True).pem,
                LEAF.key(),
                (
                    "the chain has the certificate of 'an intermediate' after the certificate of "
                    "'an intermediate', which it did not issue: one is missing or does not belong "
                    "there",
                ),
                id="twice",
            ),
            pytest.param(
                leaf(names=("other.example.net",)).pem + MIDDLE.pem,
                LEAF.key(),
                (f"the certificate is not for {HOST}: its subjectAltName has 'other.example.net'",),
                id="wrong host",
            ),
            pytest.param(
                leaf(names=()).pem + MIDDLE.pem,
                LEAF.key(),
                (f"the certificate is not for {HOST}: its subjectAltName has no name",),
                id="no subjectAltName",
            ),
            pytest.param(
                leaf(usage=ExtendedKeyUsageOID.CLIENT_AUTH).pem + MIDDLE.pem,
                LEAF.key(),
                ("the certificate is for other purposes, not for a server (extendedKeyUsage)",),
                id="for clients",
            ),
            pytest.param(
                b"scribble",
                b"scribble",
                ("the key is no PEM private key", "the chain holds no PEM certificate"),
                id="garbage",
            ),
            pytest.param(
                b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                (
                    "the key is no private key that can be read",
                    "the chain has a certificate, number 1, that cannot be read",
                ),
                id="garbage in PEM",
            ),
            pytest.param(
                GOOD,
                LEAF.key(b"a passphrase"),
                ("the key is encrypted, and no passphrase is there when vsftpd starts",),
                id="encrypted",
            ),
            pytest.param(
                GOOD,
                LEAF.key(b"a passphrase", old=True),
                ("the key is encrypted, and no passphrase is there when vsftpd starts",),
                id="encrypted, the old way",
            ),
            pytest.param(
                GOOD,
                LEAF.key() + ROOT.key(),
                ("the key has company: the file holds 2 private keys",),
                id="several keys",
            ),
            pytest.param(
                leaf(LOWER).pem + LOWER.pem + MIDDLE.pem,
                LEAF.key(),
                (
                    "the chain is longer than the certificate of 'an intermediate' permits "
                    "(pathLenConstraint)",
                ),
                id="path length",
            ),
            pytest.param(
                leaf(make("no authority", ROOT)).pem + make("no authority", ROOT).pem,
                LEAF.key(),
                (
                    "the chain has the certificate of 'no authority' as an issuer, which may not "
                    "issue certificates",
                ),
                id="an issuer that is none",
            ),
            pytest.param(
                GOOD * 6,
                LEAF.key(),
                ("the chain has 12 certificates, more than 10",),
                id="too many",
            ),
        ],
    )
    def test_is_refused_with_the_reason(self, chain, key, findings):
        verdict = judge(chain, key)
        assert verdict.findings == findings
        assert verdict.pem == b""

    def test_that_begins_with_another_certificate_is_told_so(self):
        findings = judge(MIDDLE.pem + LEAF.pem).findings
        assert (
            "the chain is not in order: the certificate that the key belongs to is not the first"
            in findings
        )

    def test_whose_intermediate_has_expired_is_refused(self):
        middle = make("a lower one", ROOT, ca=True, ends=timedelta(days=-1))
        (finding,) = judge(leaf(middle).pem + middle.pem).findings
        assert finding.startswith("the certificate of 'a lower one' expired on")

    def test_that_is_signed_with_sha1_is_refused(self, tmp_path):
        chain, later = signed_with_sha1(tmp_path) + MIDDLE.pem, NOW + timedelta(days=1)
        assert pair.check(chain, LEAF.key(), HOST, later).findings == (
            f"the certificate of {HOST!r} is signed with MD5 or SHA-1, which OpenSSL refuses",
        )

    def test_with_a_root_that_did_not_issue_it_is_refused(self):
        assert judge(root=OTHER_ROOT.pem).findings == (
            "the chain ends with the certificate of 'an intermediate', which 'a root' issued and "
            "not the root certificate, 'another root': one is missing, or the root certificate is "
            "another",
        )
        assert judge(root=b"scribble").findings == (
            "the root certificate cannot be read: it holds no PEM certificate",
        )

    def test_that_ends_below_a_root_that_nobody_knows_is_refused(self):
        assert judge(known=OTHER_ROOT.pem).findings == (
            "the chain is not complete: it ends with the certificate of 'an intermediate', and the "
            "certificate of its issuer, 'a root', is missing",
        )

    @pytest.mark.parametrize(
        ("was", "becomes"),
        [
            pytest.param("0603551d25", "0603551d11", id="an extension twice"),
            pytest.param("a003020102", "a003020107", id="an unknown version"),
            pytest.param("82" + f"{len(HOST):02x}", "a3" + f"{len(HOST):02x}", id="an X.400 name"),
        ],
    )
    def test_with_a_certificate_that_breaks_its_own_rules_is_refused(self, was, becomes):
        der = LEAF.certificate.public_bytes(Encoding.DER)
        broken = der.replace(bytes.fromhex(was), bytes.fromhex(becomes))
        assert broken != der
        pem = b"-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n"
        assert judge(pem % base64.encodebytes(broken) + MIDDLE.pem).findings == (
            "the chain has a certificate, number 1, that cannot be read",
        )

    def test_cannot_write_to_a_terminal(self):
        made = leaf(names=("*.example.org",), common="\x1b[31mred")
        said = " ".join(judge(made.pem).findings)
        assert said.isprintable()


def signed_with_sha1(folder: Path) -> bytes:
    """The server's certificate, by OpenSSL, since cryptography no longer signs so."""
    texts = {"key": LEAF.key(), "ca": MIDDLE.pem, "cakey": MIDDLE.key()}
    for name, text in texts.items():
        (folder / name).write_bytes(text)
    command = ["openssl", "req", "-x509", "-new", "-sha1", "-days", "9", "-subj", f"/CN={HOST}"]
    command += ["-key", "key", "-CA", "ca", "-CAkey", "cakey"]
    command += ["-addext", f"subjectAltName=DNS:{HOST}"]
    command += ["-addext", "basicConstraints=critical,CA:FALSE"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout


def test_what_a_camera_has_to_trust_is_the_end_of_the_chain():
    assert pair.top_of(GOOD + ROOT.pem) == ROOT.pem
    assert pair.top_of(GOOD) == MIDDLE.pem
    with pytest.raises(ValueError, match="holds no certificate"):
        pair.top_of(b"scribble")


class TestOnAServer:
    """As a program of its own, by whatever Python and cryptography are there."""

    @pytest.fixture(params=[sys.executable, "/usr/bin/python3"], ids=["ours", "Debian's"])
    def run(self, request, tmp_path):
        there = [request.param, "-c", "import cryptography"]
        if subprocess.run(there, capture_output=True, check=False).returncode:
            pytest.skip("python3-cryptography is not installed here")

        def run(chain: bytes, key: bytes) -> subprocess.CompletedProcess[bytes]:
            (tmp_path / "chain").write_bytes(chain)
            (tmp_path / "key").write_bytes(key)
            program = Path(pair.__file__)
            command = [request.param, "-I", program, HOST, tmp_path / "chain", tmp_path / "key"]
            return subprocess.run(command, capture_output=True, check=False)

        return run

    def test_a_good_pair_is_printed(self, run):
        done = run(GOOD, LEAF.key())
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout == LEAF.key(old=True) + GOOD

    def test_an_authority_that_drops_the_common_name_is_no_reason_to_refuse(self, run):
        done = run(leaf(common=None).pem + MIDDLE.pem, LEAF.key())
        assert done.returncode == 0
        assert b"common name is missing" in done.stderr

    @pytest.mark.parametrize(
        ("chain", "key"),
        [
            (GOOD, ROOT.key()),
            (LEAF.pem, LEAF.key()),
            (MIDDLE.pem + LEAF.pem, LEAF.key()),
            (leaf(ends=timedelta(days=-1)).pem + MIDDLE.pem, LEAF.key()),
            (EC_.pem + MIDDLE.pem, EC_.key()),
            (GOOD, LEAF.key(b"a passphrase")),
            (b"scribble", b"scribble"),
        ],
    )
    def test_a_bad_one_is_not(self, run, chain, key):
        done = run(chain, key)
        assert done.returncode == 1
        assert done.stdout == b""
        assert b"Traceback" not in done.stderr
        assert b"PRIVATE" not in done.stderr

    def test_a_file_that_is_not_there_is_told(self, run, tmp_path):
        run(GOOD, LEAF.key())
        (tmp_path / "chain").unlink()
        program = [sys.executable, pair.__file__, HOST, tmp_path / "chain", tmp_path / "key"]
        done = subprocess.run(program, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr.endswith("chain: No such file or directory\n")


def test_openssl_agrees_about_the_good_one(tmp_path):
    (tmp_path / "root").write_bytes(ROOT.pem)
    (tmp_path / "chain").write_bytes(GOOD)
    command = ["openssl", "verify", "-purpose", "sslserver", "-verify_hostname", HOST]
    command += ["-CAfile", tmp_path / "root", "-untrusted", tmp_path / "chain", tmp_path / "chain"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
