"""What a Site says of its certificate and must not."""

from __future__ import annotations

import pytest

from hotshoe.site.reading import load_site
from tests.unit.refusals import one_problem, refusal, with_lines


@pytest.mark.parametrize(
    "said",
    [
        "{issuer: own-ca}",
        "{}",
        "{issuer: files, chain: pki/own/chain.pem, key: /root/key.pem}",
        "{issuer: files, chain: chain.pem, key: key.pem, root: root.pem}",
    ],
)
def test_what_is_complete_is_taken(write_site, said):
    assert load_site(write_site(with_lines(f"certificate: {said}"))).certificate


@pytest.mark.parametrize(
    ("said", "key", "reason", "remedy"),
    [
        (
            "{issuer: files, key: key.pem}",
            "certificate.chain",
            "is missing, and issuer: files needs it",
            "write for example chain: pki/own/fullchain.pem",
        ),
        (
            "{issuer: files, chain: chain.pem}",
            "certificate.key",
            "is missing, and issuer: files needs it",
            "write for example key: pki/own/privkey.pem",
        ),
        (
            "{issuer: own-ca, root: root.pem}",
            "certificate.root",
            "issuer: own-ca does not use it",
            "remove it",
        ),
        (
            "{email: ann@example.net}",
            "certificate.email",
            "issuer: own-ca does not use it",
            "remove it",
        ),
        (
            "{issuer: files, chain: chain.pem, key: key.pem, staging: true}",
            "certificate.staging",
            "issuer: files does not use it",
            "remove it",
        ),
        (
            "{issuer: letsencrypt, chain: chain.pem}",
            "certificate.chain",
            "issuer: letsencrypt does not use it",
            "remove it",
        ),
        (
            "{issuer: files, chain: a b, key: key.pem}",
            "certificate.chain",
            "'a b' is not a path of letters, digits, '.', '_', '-', '@', '+' and '/'",
            "write for example: chain: pki/own/fullchain.pem",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(write_site, said, key, reason, remedy):
    files = write_site(with_lines(f"certificate: {said}"))
    assert refusal(files) == one_problem(key, reason, remedy)


def test_a_certificate_where_nothing_is_encrypted_is_refused(write_site):
    said = "ftp: {tls: none, only_on: eth1}\n"
    files = write_site(with_lines(f"{said}certificate: {{issuer: letsencrypt}}"))
    assert one_problem(
        "certificate",
        "is not used: with tls: none, nothing is encrypted",
        "remove it, or write another ftp.tls",
    ).partition("\n")[2] in refusal(files)
