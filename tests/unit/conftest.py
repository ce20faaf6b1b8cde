"""Programs that unit tests run: ansible-vault, and only once, since it is slow; uci, if named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from hotshoe.site.reading import SiteFiles
from tests.conftest import PROJECT
from tests.unit.openwrt.uci.batch import Program

ANSIBLE_VAULT = str(Path(sys.executable).with_name("ansible-vault"))
VAULT_PASSWORD = "a-password-of-my-own"
R5_PASSWORD, A7_PASSWORD = "qk7wvm3xbt9zhd", "mz4cfy8rjn2gpl"
PASSPHRASE = "dxhswqvtkzbnfr-jgmpc"
DDNS_SECRET = "wq7tjx-4nbz9-rkd2m"
TSIG_SECRET = "aHZ4cW1rdG5iZHNmcndqcA=="

CONTENT = f"""\
camera_passwords: {{r5: {R5_PASSWORD}, a7: {A7_PASSWORD}}}
ca_passphrase: {PASSPHRASE}
"""
# Everything below that must never be seen. Short texts would be found by accident.
SECRETS = (
    VAULT_PASSWORD,
    "hotshoe-demo",
    R5_PASSWORD,
    A7_PASSWORD,
    PASSPHRASE,
    DDNS_SECRET,
    TSIG_SECRET,
    "sh0rtPw",
    "sh0rtPhrs",
)


@pytest.fixture(scope="session")
def encrypted() -> bytes:
    """CONTENT, encrypted with VAULT_PASSWORD."""
    with tempfile.NamedTemporaryFile("w") as password_file:
        password_file.write(VAULT_PASSWORD)
        password_file.flush()
        return subprocess.run(
            [ANSIBLE_VAULT, "encrypt", "--output", "-"],
            env=os.environ | {"ANSIBLE_VAULT_PASSWORD_FILE": password_file.name},
            input=CONTENT.encode(),
            capture_output=True,
            check=True,
        ).stdout


@pytest.fixture
def vault(home: Path, encrypted: bytes, monkeypatch: pytest.MonkeyPatch) -> SiteFiles:
    """The example's folder, with that vault and its password in .vault-password."""
    monkeypatch.delenv("ANSIBLE_VAULT_PASSWORD_FILE", raising=False)
    for name in ("demo.vault-password", "home.yml"):
        shutil.copy(PROJECT / "group_vars" / name, home / "group_vars")
    (home / ".vault-password").touch(mode=0o600)
    (home / ".vault-password").write_text(VAULT_PASSWORD)
    files = SiteFiles("home")
    files.vault.write_bytes(encrypted)
    return files


@pytest.fixture(scope="session")
def uci_program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """OpenWrt's own `uci`."""
    uci = os.environ.get("HOTSHOE_UCI")
    if not uci:
        pytest.skip("HOTSHOE_UCI names no uci of OpenWrt to compare with")
    return Program(uci, tmp_path_factory.mktemp("uci"))
