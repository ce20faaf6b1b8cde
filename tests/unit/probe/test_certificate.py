"""Certificates as a camera sees them that has one root certificate, and how TLS begins."""

from __future__ import annotations

import ssl
import subprocess
from datetime import UTC, datetime

import pytest

from hotshoe.probe import der
from hotshoe.probe.layers import Layer, Status
from hotshoe.probe.result import Result
from tests.unit.probe.conftest import Issuer
from tests.unit.probe.server import HOSTNAME, Faults, Server, results

pytestmark = pytest.mark.usefixtures("dials_loopback")


def certificate(found: list[Result]) -> list[tuple[str, str | None]]:
    return [
        (each.status.value, each.problem.name if each.problem else None)
        for each in found
        if each.layer is Layer.CERTIFICATE
    ]


def issued(kind: str, root: Issuer) -> tuple[str, ...]:
    other = Issuer("Router CA")
    intermediate = Issuer("Intermediate", parent=root)
    made = {
        "expired": lambda: root.issue(begins=-40, ends=-1),
        "early": lambda: root.issue(begins=1, ends=40),
        "fresh": lambda: root.issue(begins=-0.1),
        "ends": lambda: root.issue(begins=-300, ends=20),
        "another name": lambda: root.issue("router.lan", ("router.lan",)),
        "no such name": lambda: root.issue("router.lan", ()),
        "common name alone": lambda: root.issue(HOSTNAME, ()),
        "alternative name alone": lambda: root.issue("", (HOSTNAME,)),
        "wildcard": lambda: root.issue(HOSTNAME, ("*.example.net",)),
        "foreign": lambda: other.issue("router.lan", ("router.lan",)),
        "another of our roots": lambda: Issuer("hotshoe root 9999").issue(),
        "chain": lambda: (*intermediate.issue(), intermediate.pem),
        "no chain": lambda: intermediate.issue(),
    }
    return made[kind]()


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("expired", [("fail", "CERTIFICATE_EXPIRED")]),
        ("early", [("fail", "CERTIFICATE_EARLY")]),
        ("fresh", [("pass", None)]),
        ("ends", [("warning", "CERTIFICATE_ENDS")]),
        ("another name", [("fail", "CERTIFICATE_NAME")]),
        ("no such name", [("fail", "CERTIFICATE_NAME")]),
        ("common name alone", [("fail", "CERTIFICATE_COMMON_NAME")]),
        ("alternative name alone", [("warning", "CERTIFICATE_COMMON_NAME")]),
        ("wildcard", [("pass", None)]),
        ("foreign", [("fail", "CERTIFICATE_ISSUER"), ("fail", "CERTIFICATE_NAME")]),
        ("another of our roots", [("fail", "CERTIFICATE_ISSUER")]),
        ("chain", [("pass", None)]),
        ("no chain", [("fail", "CERTIFICATE_CHAIN")]),
    ],
)
def test_a_certificate_is_judged_as_a_camera_does(root, tls, kind, told):
    with Server(tls(*issued(kind, root))) as server:
        found = results(server.order(root.pem, sessions=2, slow_seconds=0))
    assert certificate(found) == told
    # A password goes only to a server that has proved who it is.
    failed = [status for status, problem in told if status == "fail"]
    named = [problem for _, problem in told] == ["CERTIFICATE_COMMON_NAME"]
    assert ("PASS" in server.commands) == (not failed or named)
    login = next(each for each in found if each.layer is Layer.LOGIN)
    if failed and not named:
        assert (login.status, login.problem) == (Status.UNKNOWN, None)
        assert "did not prove who it is" in login.evidence


def test_a_certificate_that_is_self_signed_is_told_as_one(root, tls):
    server_itself = Issuer(HOSTNAME)
    from cryptography.hazmat.primitives import serialization

    key = server_itself.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    with Server(tls(server_itself.pem, key)) as server:
        found = results(server.order(root.pem))
    assert certificate(found) == [("fail", "CERTIFICATE_ISSUER")]
    evidence = next(each.evidence for each in found if each.layer is Layer.CERTIFICATE)
    assert "its issuer is itself" in evidence


def test_whoever_says_so_sends_the_password_nevertheless(root, tls):
    with Server(tls(*Issuer("Router CA").issue())) as server:
        order = server.order(root.pem, unverified=True, sessions=2, slow_seconds=0)
        found = results(order)
    # What is told of the certificate is what is told without.
    assert certificate(found) == [("fail", "CERTIFICATE_CHAIN")]
    assert "PASS" in server.commands


def test_without_any_root_certificate_nothing_is_said(root, good, monkeypatch):
    nothing = ssl.DefaultVerifyPaths(None, None, "", "", "", "")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nothing)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)
    with Server(good) as server:
        found = results(server.order(None))
    assert certificate(found) == [("cannot tell", None)]
    assert "PASS" not in server.commands


def test_a_clock_that_is_behind_is_told_instead_of_wrong_dates(root, good):
    later = datetime.now(UTC).timestamp() + 3600
    with Server(good) as server:
        found = results(server.order(root.pem, made=later, sessions=2, slow_seconds=0))
    assert certificate(found) == [("warning", "CLOCK"), ("pass", None)]


def test_another_version_of_tls_than_the_server_offers_is_told(root, good):
    with Server(good) as server:
        found = results(server.order(root.pem, versions=("1.2",), sessions=2, slow_seconds=0))
    told = [each for each in found if each.layer is Layer.TLS]
    assert [each.problem.name for each in told if each.problem] == ["TLS_VERSION"]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_versions_that_are_out_of_use_are_told(root, tls):
    context = tls(*root.issue())
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with Server(context) as server:
        found = results(server.order(root.pem, sessions=2, slow_seconds=0))
        offered = ("1.0", "1.1", "1.2", "1.3")
        chosen = results(server.order(root.pem, versions=offered, sessions=2, slow_seconds=0))
    (told,) = [each for each in found if each.layer is Layer.TLS]
    assert (told.status.value, told.problem.name) == ("warning", "TLS_LEGACY")
    assert told.data["legacy"] == ["1.0", "1.1"]
    assert [each.problem for each in chosen if each.layer is Layer.TLS] == [None]


def test_in_place_of_implicit_tls_another_server_answers_in_clear(root, good):
    with Server(good, Faults(hello="clear"), implicit=True) as server:
        found = results(server.order(root.pem))
    told = [(each.layer.name, each.problem.name) for each in found if each.problem]
    assert told == [("BANNER", "BANNER_FOREIGN")]


def test_the_reader_says_what_openssl_says(root, tmp_path):
    pem, _ = root.issue("Ünser Name", (HOSTNAME, "a.example.net"), begins=-30, ends=9000)
    path = tmp_path / "it.pem"
    path.write_text(pem)
    command = ["openssl", "x509", "-in", path, "-noout", "-dates", "-nameopt", "utf8", "-subject"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = der.read(ssl.PEM_cert_to_DER_cert(pem))
    for name, moment in (("notBefore", found.begins), ("notAfter", found.ends)):
        assert f"{name}={moment:%b} {moment.day:2} {moment:%H:%M:%S %Y} GMT" in said
    assert found.common_name in said
    assert found.names == (HOSTNAME, "a.example.net")
    assert (found.issuer, found.self_signed) == ("hotshoe root 1234", False)


@pytest.mark.parametrize("content", [b"", b"\x30", b"hello", bytes(100), b"\x30\x82\xff\xff"])
def test_what_is_no_certificate_is_refused(content):
    with pytest.raises(ValueError, match="no certificate"):
        der.read(content)
