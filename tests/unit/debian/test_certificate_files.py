"""A certificate of the person's own, read on the computer that deploys."""

from __future__ import annotations

import pytest

from hotshoe.debian import certificate_files
from hotshoe.debian.certificate_files import load, root_of
from hotshoe.errors import SiteError
from hotshoe.plan.model import CertificateFiles, CertificatePlan
from tests.unit.debian.pairs import GOOD, HOST, LEAF, MIDDLE, NOW, OTHER_ROOT, ROOT, leaf

KEY = LEAF.key()
SITE = "group_vars/home.yml"
KEY_REMEDY = (
    "write the PEM file of the private key that belongs to the chain: RSA of 2048 bits, without a "
    "passphrase"
)
CHAIN_REMEDY = (
    f"write a PEM file with the certificate for {HOST} first, then that of its issuer and so on, "
    "such as an authority calls full chain"
)


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Write the files, and load them as a deploy does."""
    monkeypatch.setattr(certificate_files, "known_roots", lambda: None)

    def run(chain=GOOD, key=KEY, root=None, mode=0o600):
        for name, content in (("chain.pem", chain), ("key.pem", key), ("root.pem", root)):
            if content is not None:
                (tmp_path / name).write_bytes(content)
        if key is not None:
            (tmp_path / "key.pem").chmod(mode)
        return load(said(root), HOST, SITE, tmp_path, NOW)

    return run


def said(root: object) -> CertificatePlan:
    files = CertificateFiles("chain.pem", "key.pem")
    return CertificatePlan("files", None, files, "root.pem" if root is not None else None)


def problems(read, **files) -> list[tuple[str, str, str]]:
    with pytest.raises(SiteError) as refused:
        read(**files)
    assert "PRIVATE" not in str(refused.value)
    for problem in refused.value.problems:
        assert problem.file == SITE
    return [(p.key, p.reason, p.remedy) for p in refused.value.problems]


def test_a_good_pair_is_taken(read):
    assert read().pem == LEAF.key(old=True) + GOOD
    assert read(root=ROOT.pem).findings == ()


def test_what_cameras_may_mind_is_told(read):
    (note,) = read(leaf(common=None).pem + MIDDLE.pem).notes
    assert note.startswith("the certificate's common name is missing")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o666])
def test_a_key_that_others_may_read_is_refused(read, tmp_path, mode):
    path = tmp_path / "key.pem"
    assert problems(read, mode=mode) == [
        (
            "certificate.key",
            f"{path} can be read or changed by other users of this computer",
            f"chmod 600 {path}",
        )
    ]


def test_files_that_are_not_there_are_told_all_at_once(read, tmp_path):
    remedy = "correct the path, which begins at the folder that holds deploy.py"
    assert problems(read, chain=None, key=None) == [
        (f"certificate.{key}", f"{tmp_path / name} cannot be read: {why}", remedy)
        for key, name, why in (
            ("chain", "chain.pem", "No such file or directory"),
            ("key", "key.pem", "No such file or directory"),
        )
    ]


def test_a_folder_is_no_file(read, tmp_path):
    (tmp_path / "chain.pem").mkdir()
    ((key, reason, _),) = problems(read, chain=None)
    assert (key, reason) == (
        "certificate.chain",
        f"{tmp_path / 'chain.pem'} cannot be read: Is a directory",
    )


def test_everything_that_is_wrong_is_told_with_the_key_that_it_is_about(read, tmp_path):
    wrong = leaf(names=("other.example.net",)).pem
    assert problems(read, chain=wrong, key=ROOT.key(b"a passphrase")) == [
        (
            "certificate.key",
            f"{tmp_path / 'key.pem'}: the key is encrypted, and no passphrase is there when vsftpd "
            "starts",
            KEY_REMEDY,
        ),
        (
            "certificate.chain",
            f"{tmp_path / 'chain.pem'}: the certificate is not for {HOST}: its subjectAltName has "
            "'other.example.net'",
            CHAIN_REMEDY,
        ),
        (
            "certificate.chain",
            f"{tmp_path / 'chain.pem'}: the chain is not complete: it ends with the certificate of "
            f"{HOST!r}, and the certificate of its issuer, 'an intermediate', is missing",
            CHAIN_REMEDY,
        ),
    ]


def test_a_root_that_is_another_is_refused(read):
    ((key, reason, _),) = problems(read, root=OTHER_ROOT.pem)
    assert key == "certificate.chain"
    assert reason.endswith("one is missing, or the root certificate is another")


def test_a_root_that_is_no_certificate_is_refused(read):
    ((key, _, remedy),) = problems(read, root=b"scribble")
    assert key == "certificate.root"
    assert remedy == "write the PEM file of the root certificate that the chain ends in"


def test_a_chain_that_ends_below_an_unknown_root_is_refused(read, monkeypatch):
    """Unless the Site names it, or it is in the chain."""
    monkeypatch.setattr(certificate_files, "known_roots", lambda: OTHER_ROOT.pem)
    ((key, reason, _),) = problems(read)
    assert key == "certificate.chain"
    assert "the chain is not complete" in reason
    assert read(root=ROOT.pem)
    assert read(GOOD + ROOT.pem)


def test_this_computer_knows_public_roots_or_says_that_it_does_not():
    known = certificate_files.known_roots()
    assert known is None or b"BEGIN CERTIFICATE" in known


def test_what_cameras_trust_is_the_root_or_else_the_end_of_the_chain(tmp_path):
    (tmp_path / "chain.pem").write_bytes(GOOD + ROOT.pem)
    (tmp_path / "root.pem").write_bytes(OTHER_ROOT.pem)
    assert root_of(said(None), tmp_path) == ROOT.pem
    assert root_of(said(b""), tmp_path) == OTHER_ROOT.pem
