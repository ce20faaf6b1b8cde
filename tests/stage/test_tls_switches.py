"""From each way to encrypt, and each issuer, to the next, and back: nothing stays behind."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from hotshoe.plan.derivation import make_plan
from hotshoe.site.reading import SiteFiles, load_site
from hotshoe.stage.topology import CAMERA
from tests.stage.conftest import SharedStage, deployed
from tests.stage.home import Home
from tests.stage.test_certificates import write_pair

OK = "226 Transfer complete."
ISSUED_BY_ITSELF = "certificate: {issuer: own-ca}\n"
FILES = "{issuer: files, chain: pki/own/chain.pem, key: pki/own/key.pem, root: pki/own/root.pem}"
# What the Site says, one after the other.
STEPS = (
    f"{ISSUED_BY_ITSELF}ftp: {{tls: both, legacy_tls: true, tls_1_3: true}}\n",
    "certificate: {issuer: letsencrypt}\nftp: {tls: implicit, implicit_port: 9990}\n",
    f"certificate: {FILES}\nftp: {{tls: explicit, only_from: [198.51.100.0/24]}}\n",
    "certificate: {issuer: letsencrypt}\nftp: {tls: both, rsa_key_exchange: true}\n",
    ISSUED_BY_ITSELF,
)
# All that hotshoe has on a host; photos and the state of programs that stay are not of it.
EVERYTHING = r"""
find /etc/hotshoe /etc/systemd /usr/local /etc/pam.d /var/lib/hotshoe* /run/hotshoe /etc/sysctl.d \
    /var/lib/systemd/timers ! -name __pycache__ ! -name '*.pyc' ! -name '*apt*' ! -name '*fstrim*' \
    ! -name '*e2scrub*' ! -name '*dpkg*' ! -name '*certbot*' ! -name '*tmpfiles*' ! -type s | sort
systemctl list-units --all --plain --no-legend 'hotshoe-*' | awk '{ print $1, $3 }' | sort
nft --stateless --terse list ruleset
ss -Hltn | awk '{ print $4 }' | sort -u
"""


@pytest.fixture
def changing(stage: SharedStage) -> Home:
    """A home with an authority of its own, though its stage was put up with one on the Internet."""

    def linux(said: str) -> str:
        return said.replace("managed_by: hand", "managed_by: linux")

    home = stage.home("switches", partial(deployed, "test-switches", "13", "letsencrypt", linux))
    return saying(home, ISSUED_BY_ITSELF)


def site(home: Home) -> Path:
    return home.project / "group_vars" / "letsencrypt.yml"


def saying(home: Home, text: str) -> Home:
    """Deploy a Site that says this of certificate and FTP; the home as it is then."""
    said = re.sub(r"(?m)^(certificate|ftp): .*\n", "", site(home).read_text())
    site(home).write_text(said + text)
    plan = make_plan(load_site(SiteFiles("letsencrypt", home.project)))
    now = Home(home.project, replace(home.stage, plan=plan), plan, home.secrets)
    assert now.deploy()
    return now


def everything(home: Home) -> dict[str, list[str]]:
    names = [home.server, *(router.name for router in home.plan.routers)]
    return {name: home.sh(name, EVERYTHING).splitlines() for name in names}


def test_what_a_site_no_longer_says_leaves_nothing_behind(changing: Home) -> None:
    home = changing
    write_pair(home)
    before = everything(home)
    for step in STEPS:
        now = saying(home, step)
        assert now.deploy() == {}, step
        now.equip(CAMERA)
        now.uploads_work()
        for control in now.server_plan.control_ports:
            name = f"{control.port}-{time.time_ns()}.JPG"
            order = {"port": control.port, "implicit": control.tls == "implicit"}
            assert now.ftp(["stor", name, 10], **order) == [OK]
            refused = now.ftp(["stor", f"clear-{name}", 10], protect="C", **order)
            assert refused[0].startswith("522"), "no photo travels in clear"
        ports = {control.port for control in now.server_plan.control_ports}
        others = sorted({21, 80, 990, 9990} - ports)
        assert now.reach(CAMERA, now.public, *others) == ["silent"] * len(others), step
    assert everything(home) == before
