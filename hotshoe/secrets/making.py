"""Vaults made anew, of random secrets."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML

from hotshoe.debian.passwords import new_password
from hotshoe.errors import HotshoeError
from hotshoe.secrets import delivery_secrets
from hotshoe.secrets.vault import PASSWORD_FILE
from hotshoe.site.certificate import needs_tsig_key
from hotshoe.site.ddns import secret_of
from hotshoe.site.model import Site
from hotshoe.site.reading import SiteFiles, load_site
from hotshoe.venv import program

_BYTES = 32


def new_secret() -> str:
    """A random text of letters and digits, of 128 bits."""
    return secrets.token_hex(16)


def made_up(site: Site) -> str:
    """The content of a vault that fits a Site: everything that it needs, and nothing else.

    Where somebody else knows a secret already, such as a provider of DNS, this is another one.

    :returns: YAML
    """
    # TSIG keys are base64 text; whatever else a provider calls its secret may be that as well.
    key = base64.b64encode(secrets.token_bytes(_BYTES)).decode
    content: dict[str, object] = {
        "camera_passwords": {camera.name: new_password() for camera in site.cameras},
        "ca_passphrase": new_secret(),
    }
    if secret_of(site):
        content["ddns_secret"] = key()
    if needs_tsig_key(site):
        content["acme_secret"] = key()
    content |= delivery_secrets.made_up(site, new_secret, new_password)
    text = StringIO()
    YAML().dump(content, text)
    return text.getvalue()


def make_vault(files: SiteFiles) -> None:
    """Make a vault that fits a Site, and the file that holds its password; neither is there yet.

    :raises SiteError: if the Site is refused
    :raises HotshoeError: if ansible-vault fails
    """
    content = made_up(load_site(files))
    password = files.root / PASSWORD_FILE
    with os.fdopen(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{new_secret()}\n")
    files.vault.write_text(encrypt(content, password), encoding="utf-8")


def encrypt(content: str, password_file: Path) -> str:
    """Encrypt a vault's content by ansible-vault; it is on no disk meanwhile.

    :param content: YAML
    :param password_file: holds the password
    :raises HotshoeError: if ansible-vault fails
    """
    done = subprocess.run(
        [
            str(program("ansible-vault")),
            "encrypt",
            "--vault-password-file",
            str(password_file),
            "--output",
            "-",
        ],
        input=content,
        capture_output=True,
        encoding="utf-8",
        check=False,
        env=os.environ | {"LC_ALL": "C.UTF-8"},  # ansible refuses to run in any other encoding
    )
    if done.returncode != 0:
        raise HotshoeError(f"ansible-vault encrypt failed: {done.stderr.strip()}")
    return done.stdout
