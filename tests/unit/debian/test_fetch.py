"""What OpenSSH is told on both ends of a fetch."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from ipaddress import IPv4Address

import pytest
from click.testing import CliRunner

from hotshoe.cli import main
from hotshoe.debian import fetch
from hotshoe.plan.derivation import make_plan
from hotshoe.secrets.delivery_keys import fetch_host_key, fetch_key
from hotshoe.site.reading import SiteFiles, load_site
from tests.conftest import PROJECT

SECRET = "r4nd0m-s3cr3t-0f-this-test"


@pytest.fixture
def plan():
    return make_plan(load_site(SiteFiles("fetch", PROJECT)))


def test_a_key_may_be_used_for_its_delivery_from_its_address_alone(plan):
    (server,) = plan.servers
    text = fetch.keys(server, lambda fetcher: f"ssh-ed25519 AAAA-{fetcher.name}")
    comment, line = text.splitlines()
    assert comment.startswith("# Managed by hotshoe")
    # The router in between translates.
    command = 'command="nas 192.168.1.20:/srv/photos"'
    assert line == f'restrict,from="192.168.178.2",{command} ssh-ed25519 AAAA-nas nas'


def test_ssh_understands_what_it_is_told_and_nothing_else_tells_it(plan, tmp_path):
    (fetcher,) = plan.fetchers
    ssh, *arguments = fetch.command(fetcher, str(tmp_path / "key"), str(tmp_path / "known"))
    assert ssh == "/usr/bin/ssh"
    said = subprocess.run(["ssh", "-G", *arguments], capture_output=True, text=True, check=True)
    told = dict(line.split(" ", 1) for line in said.stdout.splitlines() if " " in line)
    assert (told["hostname"], told["port"], told["user"]) == (
        *("192.168.178.10", "17022", "hotshoe-fetch"),
    )
    assert told["identityfile"] == str(tmp_path / "key")
    assert told["stricthostkeychecking"] in ("true", "yes")
    assert told["userknownhostsfile"] == str(tmp_path / "known")
    assert told["batchmode"] == "yes"
    assert told["forwardagent"] == "no"


def test_the_host_key_is_known_by_a_name_that_no_address_is_part_of(plan):
    key = fetch_host_key(SECRET, plan.hostname, "darkroom").public
    assert fetch.known_hosts(key).splitlines()[1] == f"{fetch.ALIAS} {key}"


def test_a_computer_that_a_person_sets_up_gets_all_that_it_needs(plan, tmp_path):
    """The program runs from that folder, and says in plain words what is missing there."""
    (fetcher,) = plan.fetchers
    private = fetch_key(SECRET, plan.hostname, "nas", fetcher.to).private
    files = fetch.by_hand(
        fetcher, private, fetch_host_key(SECRET, plan.hostname, "darkroom").public
    )
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    said = json.loads((tmp_path / "fetcher.json").read_text())
    assert "IdentityFile=key" in said["command"]
    assert "UserKnownHostsFile=known-hosts" in said["command"]
    said["folder"] = str(tmp_path / "nowhere")
    (tmp_path / "fetcher.json").write_text(json.dumps(said))
    with subprocess.Popen(
        [sys.executable, "-B", "-m", "hotshoe_fetch", "fetcher.json"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert "nowhere: No such file or directory" in program.stderr.readline()
        program.kill()


def test_the_server_s_ssh_listens_at_its_address_alone(plan):
    (server,) = plan.servers
    text = fetch.sshd(server, "13")
    listens = [line for line in text.splitlines() if line.startswith("ListenAddress")]
    assert listens == ["ListenAddress 192.168.178.10:17022"]
    assert IPv4Address("192.168.178.10") == server.address


@pytest.mark.parametrize(("release", "says"), [("12", []), ("13", ["PerSourcePenalties no"])])
def test_who_fails_to_log_in_is_not_put_off_with_his_address(plan, release, says):
    """An older sshd does not start with an option that it does not know."""
    text = fetch.sshd(plan.servers[0], release)
    assert [line for line in text.splitlines() if line.startswith("PerSourcePen")] == says


def test_a_command_writes_it_and_nobody_else_may_read_it(tmp_path, monkeypatch):
    monkeypatch.chdir(PROJECT)
    folder = tmp_path / "nas"
    done = CliRunner().invoke(main, ["delivery", "fetch", "--fetcher", "nas", str(folder)])
    assert (done.exit_code, done.output) == (0, "")
    written = [folder, *folder.rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o700, 0o600}
    assert "PRIVATE KEY" in (folder / "key").read_text()
    again = CliRunner().invoke(main, ["delivery", "fetch", "--fetcher", "nas", str(folder)])
    assert again.exit_code == 1
    assert "File exists" in again.output
    nowhere = CliRunner().invoke(main, ["delivery", "fetch", "--fetcher", "nas", f"{folder}/a/b"])
    assert "a/b: No such file or directory\n    -> name a folder that is not" in nowhere.output
    assert "in one that is" in nowhere.output
    none = CliRunner().invoke(main, ["delivery", "fetch", "--fetcher", "desk", str(folder)])
    assert "desk: is no delivery by fetch of this Site\n    -> name one of: nas" in none.output
