"""How a router keeps the record of the home's name, by ddns-scripts."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from ipaddress import ip_address

import pytest

from hotshoe import paths as debian
from hotshoe.openwrt import ddns, paths
from hotshoe.openwrt.uci.changes import diff
from hotshoe.openwrt.uci.data import Package, Section
from hotshoe.plan.model import RecordUpdate
from hotshoe.render import render
from tests.conftest import PROJECT
from tests.unit.openwrt.routers import ZONES

NAME = "photos-of-ann.duckdns.org"
DUCKDNS = RecordUpdate("router", "duckdns", None, None, None, None, "hmac-sha256", 60)
THEIRS = Package("ddns", (Section("service", "myddns_ipv4", {"enabled": "0"}),))


def test_ddns_scripts_follows_the_wan_and_leaves_the_update_to_a_script_of_ours():
    zones = replace(ZONES, wan=replace(ZONES.wan, interface="uplink"))
    (section,) = ddns.wanted(DUCKDNS, NAME, zones).sections
    assert (section.type, section.name) == ("service", "hotshoe_ddns_record")
    assert section.options["update_script"] == paths.UPDATE_SCRIPT
    assert section.options["ip_network"] == section.options["interface"] == "uplink"
    assert section.options["lookup_host"] == NAME
    assert section.options["enabled"] == "1"
    # Not the router's own, which gives the home another answer (split DNS).
    assert ip_address(section.options["dns_server"]).is_global
    # With either, it would put a URL with the secret on a command line.
    assert not {"update_url", "service_name", "password"} & section.options.keys()


def test_sections_of_others_stay_and_ours_goes_with_the_setting():
    wanted = ddns.wanted(DUCKDNS, NAME, ZONES)
    lines = diff(THEIRS, wanted)
    assert lines
    assert all(".hotshoe_ddns_record" in line for line in lines)
    both = Package("ddns", (*THEIRS.sections, *wanted.sections))
    assert diff(both, wanted) == ()
    assert diff(both, ddns.wanted(None, NAME, ZONES)) == ("delete ddns.hotshoe_ddns_record",)


def test_curl_reads_the_secret_from_where_the_program_expects_it():
    assert paths.RECORD_CONFIGURATION == debian.RECORD_CONFIGURATION


def test_jq_is_needed_where_a_provider_answers_json():
    assert "jq" not in ddns.packages(DUCKDNS)
    assert "jq" in ddns.packages(replace(DUCKDNS, provider="cloudflare"))


class TestUpdateScript:
    """In a shell as ddns-scripts reads it: inside a function, with functions of its own."""

    @pytest.fixture
    def run(self, tmp_path, monkeypatch):
        monkeypatch.chdir(PROJECT)
        text = render("openwrt/update_script.sh.j2", paths=paths)
        program, script = tmp_path / "update-record", tmp_path / "script"
        assert text.count(paths.UPDATE_RECORD) == 1
        script.write_text(text.replace(paths.UPDATE_RECORD, str(program)))
        (tmp_path / "sleep").write_text(f"#!/bin/sh\necho slept $1 >>{tmp_path}/slept\n")
        (tmp_path / "sleep").chmod(0o755)

        def run(status: int) -> tuple[int, str, bool]:
            said = f'echo "told $1" >&2; exit {status}'
            program.write_text(f"#!/bin/sh\n{said}\n")
            program.chmod(0o755)
            shell = (
                f'PATH={tmp_path}:$PATH; write_log() {{ echo "$*"; }}\n'
                f"send_update() {{ __IP=203.0.113.5; . {script}; }}\nsend_update\n"
            )
            done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
            assert done.stderr == ""
            return done.returncode, done.stdout, (tmp_path / "slept").exists()

        return run

    def test_tells_ddns_scripts_that_the_record_is_right(self, run):
        assert run(0) == (0, "", False)

    def test_says_why_it_is_not_and_is_called_again(self, run):
        assert run(75) == (75, "3 told 203.0.113.5\n", False)

    def test_waits_where_a_person_has_to_correct_something(self, run):
        assert run(77) == (77, "3 told 203.0.113.5\n", True)
