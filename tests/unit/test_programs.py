"""Programs that run on a host or on the person's computer are files, and shellcheck reads them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jinja2 import meta

from hotshoe.debian.leftovers import Leftovers
from hotshoe.debian.units import Ruleset
from hotshoe.render import _templates, render
from roles import server
from roles.base.device import script
from roles.router_linux.facts import FOOTPRINT as ROUTER
from tests.conftest import PROJECT

SHELLCHECK = Path(sys.executable).with_name("shellcheck")
# What templates are filled with; any other value is a word.
VALUES = {
    "address/update-record.sh.j2": {
        "part": "address/update-record-duckdns.j2",
        **dict.fromkeys(("configuration", "credentials", "server"), "it"),
    },
    "acme/hotshoe-acme.sh.j2": {"packages": "/usr/local/lib/it", "configuration": "/etc/it.json"},
    "tls/certificate.sh.j2": {"days": 21},
    "check/follow.sh.j2": {"fields": ["MESSAGE"], "units": ["a.service", "b.service"]},
    "check/server.sh.j2": {
        "daemons": ["a.service", "b.service"],
        "units": ["it"],
        "largest": 7,
        "seconds": 7,
    },
    "check/watch.sh.j2": {
        "rulesets": [Ruleset("hotshoe_it")],
        "units": ["it.service"],
        "attempts": False,
        "alerts": [48],
        "seconds": 60,
        "kept": 60,
    },
    "base/absent.sh.j2": {"unit": "/etc/systemd/system/it.service", "files": ["/etc/it", "/a b"]},
    "base/leftovers.sh.j2": {
        "leftovers": Leftovers(*[("it", "a b")] * 6, "it\n"),
        "note": "/etc/it's",
    },
    "base/ours.sh.j2": {"accounts": ["it", "other"]},
    "base/put.sh.j2": {"path": "/etc/it's", "mode": "644", "group": "root", "check": ":"},
    "base/userdel.sh.j2": {"names": ["it", "other"]},
    "base/usermod.sh.j2": {"home": "/it/$USER"},
    **{name: {"names": "DNS:it"} for name in ("stage/acme.sh.j2", "stage/provider.sh.j2")},
    "stage/internet.sh.j2": {
        "names": ["--local=/it/"],
        "others": ["it"],
        "addresses": ["it"],
        "routes": [{"to": "it", "via": "it"}],
    },
}
# Checks of a file that base/put.sh.j2 writes.
CHECKS = {"router_linux/undo_routes.sh.j2", "router_linux/undo_sysctl.sh.j2", "vsftpd/check.sh.j2"}
TOOLS = [
    path
    for path in (PROJECT / "tools").iterdir()
    if path.is_file() and path.read_text().startswith("#!/bin/sh")
]
FOLDER = PROJECT / "templates"
STAGE = PROJECT / "hotshoe" / "stage"
# What is one line in ssh_config(5), or an argument of podman, ip or mmdebstrap.
ONE_LINERS = {STAGE / f"{name}.py" for name in ("cables", "image", "openwrt_router", "podman")}
# OpenWrt's are read in tests/operations/openwrt, as BusyBox's shell reads them.
FILES = [
    str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.sh*") if path.parent.name != "openwrt"
]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(PROJECT)


def shellcheck(text: str) -> str:
    # Files that are on a host only; names of files of OpenWrt, which have no spaces; and a $ in
    # single quotes, which is meant for sed(1) or vsftpd.
    command = [SHELLCHECK, "--exclude=SC1091,SC2013,SC2016"]
    shell = () if text.startswith("#!") else ("--shell=sh",)
    done = subprocess.run(
        [*command, *shell, "-"], input=text, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def program(name: str) -> str:
    """A template as a host gets it."""
    asked = meta.find_undeclared_variables(_templates().parse((FOLDER / name).read_text()))
    values = dict.fromkeys(asked - {"paths"}, "it")
    return render(name, **values | VALUES.get(name, {}))


def test_the_programs_are_found():
    some = {"base/put.sh.j2", "base/packages.sh", "stage/internet.sh.j2"}
    assert some | CHECKS <= set(FILES)
    assert {"venv", "packages"} <= {path.name for path in TOOLS}


@pytest.mark.parametrize("name", sorted({*FILES} - CHECKS - {"base/look.sh.j2"}))
def test_shellcheck_finds_nothing_in_a_program(name):
    assert shellcheck(program(name)) == ""


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_shellcheck_finds_nothing_in_the_check_of_a_file(name):
    values = VALUES["base/put.sh.j2"] | {"check": render(name)}
    assert shellcheck(render("base/put.sh.j2", **values)) == ""


@pytest.mark.parametrize("footprints", [server.FOOTPRINTS, (ROUTER,)])
def test_shellcheck_finds_nothing_in_what_looks_at_a_host(footprints):
    assert shellcheck(script(footprints)) == ""


@pytest.mark.parametrize("path", TOOLS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing_in_a_tool(path):
    assert shellcheck(path.read_text()) == ""


@pytest.mark.parametrize(
    "path",
    sorted({*(PROJECT / "roles").rglob("*.py"), *STAGE.glob("*.py")} - ONE_LINERS),
    ids=lambda p: str(p.relative_to(PROJECT)),
)
def test_no_role_and_no_stage_keeps_a_program_in_a_string(path):
    """More than a line or two of shell is a file under templates/."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr | ast.Constant):
            text = ast.unparse(node)
            assert len(re.findall(r"; (?:then|do|fi|done)\b|&& ", text)) < 3, text
