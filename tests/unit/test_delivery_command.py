"""``hotshoe delivery``: the public keys that a person puts on SFTP servers."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from hotshoe import secrets
from hotshoe.cli import main
from hotshoe.secrets import Secrets
from hotshoe.secrets.delivery_keys import sftp_key
from tests.conftest import PROJECT, SMALLEST

SECRET = "0123456789abcdef0123456789abcdef"
HOST_KEY = sftp_key(SECRET, "peer", "desk").public
DELIVERING = f"""{SMALLEST}
delivery:
  - {{name: nas, by: fetch, address: 192.168.1.20, folder: /srv/photos}}
  - {{name: desk, by: sftp, address: 192.168.1.30, username: ann, host_key: "{HOST_KEY}"}}
  - {{name: typed, by: sftp, address: 192.168.1.31, username: bob, host_key: "{HOST_KEY}"}}
"""


@pytest.fixture
def run(write_site, monkeypatch):
    def run(site: str):
        write_site(site)
        given = Secrets(
            {}, "", demo=False, delivery_secret=SECRET, delivery_passwords={"typed": "x"}
        )
        monkeypatch.setattr(secrets, "load_secrets", lambda *_: given)
        return CliRunner().invoke(main, ["delivery"])

    return run


def test_each_delivery_without_a_password_has_a_line_for_its_peer(run):
    result = run(DELIVERING)
    assert result.exit_code == 0, result.output
    key = sftp_key(SECRET, "photos.example.net", "desk").public
    assert result.stdout == f"restrict {key} hotshoe-desk\n"
    told = "desk: add to ~ann/.ssh/authorized_keys on 192.168.1.30, where darkroom sends photos:\n"
    assert result.stderr == told
    assert SECRET not in result.output


def test_a_site_without_one_is_told_so(run):
    result = run(SMALLEST)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "No delivery of this Site logs in with a key.\n"


def test_the_key_belongs_on_the_computer_itself_and_not_on_the_router_in_front_of_it(run):
    result = run((PROJECT / "group_vars/push.yml").read_text())
    assert result.stderr.startswith("desk: add to ~ann/.ssh/authorized_keys on 192.168.1.30, ")
