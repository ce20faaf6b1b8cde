"""Which versions and cipher suites of TLS a server takes: those of its Site, and no others.

sslyze asks for everything there is, at each control port.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hotshoe.plan.model import ControlPort
from hotshoe.plan.tls_suites import AEAD, CBC, RSA_KEY_EXCHANGE
from hotshoe.stage.topology import CAMERA
from tests.stage import clients
from tests.stage.home import Home

EXPLICIT, IMPLICIT = ControlPort(21, "explicit"), ControlPort(990, "implicit")
TLS_1_3 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
# The suites that TLS 1.0 and 1.1 have, too.
WITH_SHA1 = ["ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA"]
OK = "226 Transfer complete."
# In whatever mode.
SOUND = {
    # vsftpd takes no other (SSL_CTX_set_tmp_ecdh), and every client with ECDHE has it.
    "curves": ["secp256r1"],
    "compression": False,
    "clients renegotiate": False,
    "secure renegotiation": True,
    "early data": False,
    "downgrades are noticed": True,
    "extended master secret": True,
    "Heartbleed": False,
    "CCS injection": False,
}
NO_ROBOT = {
    "NOT_VULNERABLE_RSA_NOT_SUPPORTED",
    "NOT_VULNERABLE_NO_ORACLE",
}


@pytest.fixture(scope="module", autouse=True)
def _clients() -> None:
    clients.install()


@contextmanager
def speaking(home: Home, ftp: str) -> Iterator[None]:
    """A Site that says this of ``ftp``."""
    with home.saying("cameras:\n", f"ftp: {{{ftp}}}\ncameras:\n"):
        yield


def exactly(home: Home, suites: dict[str, Any], *controls: ControlPort) -> None:
    """Each control port takes these suites, by version of TLS, and nothing that is broken."""
    for control in controls or (EXPLICIT,):
        found = clients.scan(home, control)
        assert found.pop("ROBOT") in NO_ROBOT
        assert found.pop("suites") == {version: sorted(all_) for version, all_ in suites.items()}
        assert found == SOUND


def test_by_default_it_is_tls_1_2_with_forward_secrecy(either_home: Home) -> None:
    exactly(either_home, {"1.2": [*AEAD, *CBC]})


def test_tls_1_3_comes_besides(either_home: Home) -> None:
    """At both ports; and a camera that does not read, or does not close TLS, loses no byte.

    With tickets, which nobody asked for, it would: its own system resets a connection on which
    something is unread, and forgets what it has not sent yet.
    """
    home = either_home
    with speaking(home, "tls: both, tls_1_3: true"):
        exactly(home, {"1.2": [*AEAD, *CBC], "1.3": TLS_1_3}, EXPLICIT, IMPLICIT)
        for control in (EXPLICIT, IMPLICIT):
            order = {"port": control.port, "implicit": control.tls == "implicit"}
            for version in ("TLSv1_2", "TLSv1_3"):
                for notify in (True, False):
                    names = [f"deaf-{time.time_ns()}-{i}.JPG" for i in range(5)]
                    steps = [["deaf", name, 3_000_000, notify] for name in names]
                    *said, terms = home.ftp(*steps, ["terms"], version=version, **order)
                    assert terms.startswith(version.replace("_", "."))
                    failed = "426 Failure reading network stream."
                    assert said == [OK if notify else failed] * len(names)
                    for name in names:
                        found = home.photo(name) if notify else home.set_aside(name)
                        assert home.sh(home.server, f"stat -c %s '{found}'") == "3000000\n"
        cut = f"cut-{time.time_ns()}.JPG"
        assert home.ftp(["cut", cut, 2_000_000], version="TLSv1_3") == ["gone"]
        assert home.set_aside(cut)
        assert home.deploy() == {}


def test_tls_1_0_and_1_1_are_taken_where_the_site_says_so(either_home: Home) -> None:
    home = either_home

    def old(version: str) -> str:
        name = f"old-{time.time_ns()}.JPG"
        said = home.ftp(["stor", name, 9], version=version, ciphers="DEFAULT:@SECLEVEL=0")
        if said == [OK]:
            assert home.size(name) == 9
        return said[0]

    assert old("TLSv1") != OK
    assert old("TLSv1_1") != OK
    with speaking(home, "legacy_tls: true"):
        suites = {"1.0": WITH_SHA1, "1.1": WITH_SHA1, "1.2": [*AEAD, *CBC]}
        exactly(home, suites)
        assert [old(version) for version in ("TLSv1", "TLSv1_1", "TLSv1_2")] == [OK] * 3
        assert home.deploy() == {}
    assert old("TLSv1") != OK


def test_rsa_key_exchange_is_taken_where_the_site_says_so(either_home: Home) -> None:
    home = either_home

    def plain(cipher: str) -> str:
        name = f"plain-{time.time_ns()}.JPG"
        offer = {"version": "TLSv1_2", "ciphers": f"{cipher}:@SECLEVEL=0"}
        said, *terms = home.ftp(["stor", name, 9], ["terms"], **offer)
        if said == OK:
            assert terms == [f"TLSv1.2 {cipher} False"]
        return said

    assert [plain(cipher) for cipher in CBC] == [OK] * len(CBC)
    assert "handshake failure" in plain("AES128-SHA").lower()
    with speaking(home, "rsa_key_exchange: true"):
        exactly(home, {"1.2": [*AEAD, *CBC, *RSA_KEY_EXCHANGE]})
        assert [plain(cipher) for cipher in RSA_KEY_EXCHANGE] == [OK] * len(RSA_KEY_EXCHANGE)
        # Whoever can do better does, whatever it likes best.
        offer = "AES256-SHA:ECDHE-RSA-AES256-SHA:ECDHE-RSA-AES128-GCM-SHA256"
        (terms,) = home.ftp(["terms"], version="TLSv1_2", ciphers=offer)
        assert terms == "TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 False"
    assert plain("AES128-SHA") != OK


@pytest.mark.parametrize("groups", ["X25519:P-256", "P-384:P-256", "P-256"])
def test_a_client_may_prefer_another_curve(either_home: Home, groups: str) -> None:
    said = either_home.sh(
        CAMERA,
        f"echo QUIT | openssl s_client -brief -starttls ftp -groups {groups} "
        f"-CAfile /root/ROOT.CRT -verify_return_error -connect {either_home.public}:21 2>&1",
    )
    assert "P-256" in said or "prime256v1" in said


def test_feat_tells_of_auth_tls(either_home: Home) -> None:
    """Some clients look there first."""
    (said,) = either_home.ftp(["send", "FEAT"], tls=False, user=None)
    assert "AUTH TLS" in said
