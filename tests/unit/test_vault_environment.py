"""The vault's password from the environment: it opens the vault, and nobody else sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.conftest import VAULT_PASSWORD

LOAD = """
from hotshoe.secrets import load_secrets
from hotshoe.site.reading import SiteFiles, load_site
files = SiteFiles("home")
try:
    secrets = load_secrets(files, load_site(files))
    print(sorted(secrets.camera_passwords), secrets.demo)
except Exception as error:
    print(error)
"""
SHOW = """
import os, subprocess
from pathlib import Path
everything = Path("/proc/self/environ").read_bytes() + repr(dict(os.environ)).encode()
for arguments in (["env"], ["cat", "/proc/self/environ", "/proc/self/cmdline"]):
    everything += subprocess.run(arguments, capture_output=True).stdout
everything += Path(f"/proc/{os.getpid()}/environ").read_bytes()
# The variable that tells what to look for has it in another form.
print("seen:", bytes.fromhex(os.environ["MARKED"]) in everything)
print("others are there:", b"STAYS=yes" in Path("/proc/self/environ").read_bytes())
"""


def run(home: Path, program: str, password: str, **others: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=home,
        env=os.environ | {"HOTSHOE_VAULT_PASSWORD": password} | others,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not password.strip() or password not in done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def home_without_file(home, vault) -> Path:
    (home / ".vault-password").unlink()
    return home


def test_it_opens_the_vault(home_without_file):
    assert run(home_without_file, LOAD, VAULT_PASSWORD) == "['a7', 'r5'] False\n"


def test_it_counts_more_than_a_file(home, vault):
    (home / ".vault-password").write_text("something else")
    assert run(home, LOAD, VAULT_PASSWORD) == "['a7', 'r5'] False\n"


def test_the_published_one_is_known_from_there_too(home_without_file):
    program = (
        "from hotshoe.secrets.vault import _password_file; from pathlib import Path; "
        "print(_password_file(Path())[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=home_without_file,
        env=os.environ | {"HOTSHOE_VAULT_PASSWORD": "hotshoe-demo"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True\n"


def test_a_wrong_one_is_refused_by_its_name(home_without_file):
    said = run(home_without_file, LOAD, "a-wrong-password")
    assert "does not open with the password in HOTSHOE_VAULT_PASSWORD" in said
    assert "-> correct that variable, which counts before any file" in said
    assert "/proc/" not in said


@pytest.mark.parametrize("nothing", ["", "\n"])
def test_an_empty_one_says_that_the_job_may_not_see_it(home, vault, nothing):
    said = run(home, LOAD, nothing)
    assert "HOTSHOE_VAULT_PASSWORD: is empty\n    -> give this job the secret" in said


def test_no_process_list_and_no_child_shows_it(home_without_file):
    """Neither the environment as it is, nor as the kernel keeps it since the beginning."""
    seen = "from hotshoe import environment\nenvironment.take()\n"
    marked = VAULT_PASSWORD.encode().hex()
    told = run(home_without_file, seen + SHOW, VAULT_PASSWORD, MARKED=marked, STAYS="yes")
    assert told == "seen: False\nothers are there: True\n"


def test_without_wiping_it_would_be_seen(home_without_file):
    """So the test above can fail."""
    seen = "import os; os.environ.pop('HOTSHOE_VAULT_PASSWORD')\n"
    marked = VAULT_PASSWORD.encode().hex()
    told = run(home_without_file, seen + SHOW, VAULT_PASSWORD, MARKED=marked, STAYS="yes")
    assert told == "seen: True\nothers are there: True\n"


def test_a_child_that_is_given_the_descriptor_opens_the_vault(home_without_file):
    """As pyinfra is, by hotshoe apply; ansible-vault reads it as well."""
    give = f"""
import subprocess, sys
from hotshoe import environment
environment.take()
child = [sys.executable, "-c", {LOAD!r}]
for _ in range(2):
    print(subprocess.run(child, capture_output=True, text=True, check=True,
                         pass_fds=environment.inherited()).stdout, end="")
from pathlib import Path
vault = str(Path(sys.executable).with_name("ansible-vault"))
print("r5" in subprocess.run([vault, "view", "group_vars/home.vault.yml"], capture_output=True,
                             text=True, pass_fds=environment.inherited()).stdout)
print("inherited:", len(environment.inherited()))
"""
    assert run(home_without_file, give, VAULT_PASSWORD) == (
        "['a7', 'r5'] False\n['a7', 'r5'] False\nTrue\ninherited: 1\n"
    )


def test_no_password_at_all_is_told_with_what_to_do(home_without_file):
    (home_without_file / "group_vars" / "demo.vault-password").unlink()
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        cwd=home_without_file,
        env={k: v for k, v in os.environ.items() if k != "ANSIBLE_VAULT_PASSWORD_FILE"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ".vault-password: is not there, and no variable tells the vault's password either\n" in (
        done.stdout
    )
    assert "a pipeline says it in HOTSHOE_VAULT_PASSWORD" in done.stdout
