"""What `pyinfra inventories/home.py deploy.py` says to a Site that it refuses.

The real command, in a copy of the project. No host is contacted.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import PROJECT
from tests.unit.debian.pairs import GOOD, OTHER_ROOT, ROOT

PYINFRA = str(Path(sys.executable).with_name("pyinfra"))


def deploy(project: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [PYINFRA, "-y", "inventories/home.py", "deploy.py"],
        cwd=project,
        # The copy's roles, and the core that is tested.
        env=os.environ | {"PYTHONPATH": f"{project}:{PROJECT}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    assert "Connecting" not in said
    assert "Connected" not in said
    assert not (project / "pki").exists()
    return done


def change(project: Path, old: str, new: str) -> None:
    path = project / "group_vars" / "home.yml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_broken_site_is_refused_before_any_host_is_contacted(project):
    change(project, "192.168.1.10}\ncameras:", "192.168.2.10}\ncamera:")
    assert deploy(project).stderr == (
        "--> Loading config...\n--> Loading inventory...\n"
        "--> pyinfra error: 3 problems, nothing was changed:\n"
        "group_vars/home.yml: camera: is not a key that belongs here\n"
        "    -> did you mean 'cameras'?\n"
        "group_vars/home.yml: cameras: is missing\n"
        "    -> write for example: cameras: [{name: r5}]\n"
        "group_vars/home.yml: server.address: 192.168.2.10 is not in the LAN 192.168.1.0/24 of "
        "gateway\n"
        "    -> give the server a fixed address in 192.168.1.0/24, for example 192.168.1.2\n"
    )


def test_a_missing_site_is_refused_before_any_host_is_contacted(project):
    (project / "group_vars" / "home.yml").unlink()
    assert deploy(project).stderr.endswith(
        "--> pyinfra error: 1 problem, nothing was changed:\n"
        "group_vars/home.yml: there is no such file\n"
        "    -> run this in the folder that holds deploy.py; group_vars/home.yml is an example\n"
    )


def test_a_certificate_that_must_not_go_live_is_refused_before_any_host_is_contacted(project):
    said = "certificate: {issuer: files, chain: own/chain.pem, key: own/key.pem}\ncameras:"
    change(project, "cameras:", said)
    (project / "own").mkdir()
    (project / "own" / "chain.pem").write_bytes(GOOD + ROOT.pem)
    (project / "own" / "key.pem").write_bytes(OTHER_ROOT.key())
    (project / "own" / "key.pem").chmod(0o640)
    assert deploy(project).stderr.endswith(
        "--> pyinfra error: 2 problems, nothing was changed:\n"
        "group_vars/home.yml: certificate.key: own/key.pem can be read or changed by other users "
        "of this computer\n"
        "    -> chmod 600 own/key.pem\n"
        "group_vars/home.yml: certificate.key: own/key.pem: the key does not belong to the first "
        "certificate of the chain\n"
        "    -> write the PEM file of the private key that belongs to the chain: RSA of 2048 bits, "
        "without a passphrase\n"
    )


def test_a_file_that_does_not_verify_the_acme_authority_is_refused_before_any_host_is_contacted(
    project,
):
    said = "{issuer: letsencrypt, directory: 'https://ca.example.net/acme', ca_bundle: ca.pem}"
    change(project, "cameras:", f"certificate: {said}\ncameras:")
    remedy = (
        "correct certificate.ca_bundle: a PEM file here, with the root of that authority's HTTPS"
    )
    for content, reason in ((None, "No such file or directory"), ("", "holds no certificate")):
        if content is not None:
            (project / "ca.pem").write_text(content)
        told = deploy(project).stderr
        assert f"ca.pem: {reason}\n    -> {remedy}\n" in told
