"""How the kernel is shown what the firewall's files make, with an nft and an fw4 that only note."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hotshoe.render import render
from tests.conftest import PROJECT

PRINTED = """\
table inet fw4
flush table inet fw4
table inet fw4 {
\tflowtable ft {
\t\thook ingress priority 0;
\t\tdevices = { "eth0" };
\t}
\tset friends {
\t\ttype ipv4_addr
\t\telements = {
\t\t\t192.0.2.1,
\t\t}
\t}
\tinclude "FOLDER/theirs.nft"
\tchain forward {
\t\tmeta l4proto { tcp, udp } flow offload @ft;
\t\tjump handle_reject
\t}
}
include "/usr/share/after.nft"
"""
LOADED = """\
table inet hotshoe_from_files {
\tflags dormant
\tset friends {
\t\ttype ipv4_addr
\t}
\tinclude "FOLDER/theirs.nft"
\tchain forward {
\t\tjump handle_reject
\t}
}
"""
PROGRAMS = {
    "fw4": 'test "$*" = "-q print" && cat FOLDER/printed',
    "flock": "true",
    "nft": 'echo "$*" >>FOLDER/calls; test "$1" != -f || cp "$2" FOLDER/loaded',
}


@pytest.fixture
def look(tmp_path, monkeypatch):
    monkeypatch.chdir(PROJECT)
    (tmp_path / "printed").write_text(PRINTED.replace("FOLDER", str(tmp_path)))
    for name, script in PROGRAMS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script.replace('FOLDER', str(tmp_path))}\n")
        (tmp_path / name).chmod(0o755)
    text = render("openwrt/from_files.sh.j2", table="hotshoe_from_files")
    text = text.replace("/var/lock/", f"{tmp_path}/").replace("/tmp/hotshoe", f"{tmp_path}/hotshoe")

    def run(included: str = "") -> tuple[list[str], str]:
        """What nft was called for, and what it loaded."""
        if included:
            (tmp_path / "theirs.nft").write_text(included)
        subprocess.run(
            ["sh", "-c", f'PATH="{tmp_path}:$PATH"\n{text}from_files'], check=True, text=True
        )
        return read(tmp_path / "calls").splitlines(), read(tmp_path / "loaded")

    return run


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_the_table_is_loaded_dormant_listed_and_removed(look, tmp_path):
    calls, loaded = look()
    assert loaded == LOADED.replace("FOLDER", str(tmp_path))
    assert calls == [
        "delete table inet hotshoe_from_files",
        f"-f {tmp_path}/hotshoe-from-files.nft",
        "--stateless --terse list table inet hotshoe_from_files",
        "delete table inet hotshoe_from_files",
    ]


@pytest.mark.parametrize(
    "included",
    [
        'set s { type ipv4_addr; }\nchain c { comment "a } in quotes" # and } here\n}\n',
        "chain upnp_forward { }\n",
    ],
)
def test_an_included_file_that_stays_inside_the_table_is_loaded(look, included):
    assert look(included)[1]


@pytest.mark.parametrize(
    "included",
    [
        "} table inet mine { chain c { type filter hook input priority 0; policy drop; }\n",
        'include "/etc/more.nft"\n',
        "flowtable mine { hook ingress priority 0; devices = { eth0 }; }\n",
    ],
)
def test_an_included_file_that_may_do_more_keeps_all_from_being_loaded(look, included):
    """What the files make is not known then."""
    assert look(included) == ([], "")
