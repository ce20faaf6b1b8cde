"""Putting pull mode on a box, and taking it away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hotshoe.errors import HotshoeError
from hotshoe.gitops.pull import logins
from hotshoe.gitops.pull.installation import (
    Given,
    install,
    require_programs,
    require_signers,
    uninstall,
)
from hotshoe.gitops.pull.places import Places
from hotshoe.gitops.pull.settings import make_settings, read_settings
from hotshoe.plan.model import Plan
from hotshoe.remote.ssh import Host
from tests.conftest import SMALLEST
from tests.unit.gitops.pull.repository import Box

SETTINGS = make_settings(repository="/srv/homes.git", every="90s")
PROGRAM = Path("/opt/hotshoe/bin/hotshoe")
SIGNERS = 'ann@home namespaces="git" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI\n'


@pytest.fixture
def given(tmp_path: Path) -> Given:
    (tmp_path / "signers").write_text(SIGNERS)
    (tmp_path / "password").write_text("geheim")
    (tmp_path / "pki" / "photos.example.net").mkdir(parents=True)
    (tmp_path / "pki" / "photos.example.net" / "ca.key").write_text("key")
    return Given(tmp_path / "signers", tmp_path / "password", tmp_path / "pki")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "box")


def files(places: Places) -> set[str]:
    return {str(p.relative_to(places.root)) for p in places.root.rglob("*") if p.is_file()}


def test_what_is_installed_is_root_s_alone(places: Places, given: Given) -> None:
    install(places, SETTINGS, given, PROGRAM)
    assert read_settings(places) == SETTINGS
    assert places.signers.read_text() == SIGNERS
    private = (places.key, places.vault_password, places.settings, places.signers)
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}
    folders = (places.configuration, places.pki)
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    # Everybody may go through it to the metrics, and see nothing on the way.
    assert places.data.stat().st_mode & 0o777 == 0o711
    assert (places.pki / "photos.example.net" / "ca.key").read_text() == "key"


def test_the_units_say_what_runs_and_when(places: Places, given: Given) -> None:
    install(places, SETTINGS, given, PROGRAM)
    service, timer = places.unit("service").read_text(), places.unit("timer").read_text()
    assert f"ExecStart={PROGRAM} pull run\n" in service
    assert "OnUnitInactiveSec=90s\n" in timer
    assert "RandomizedDelaySec=9\n" in timer
    assert "StateDirectoryMode=0711\n" in service
    assert "geheim" not in service


def test_again_it_keeps_the_key_and_what_is_not_given(places: Places, given: Given) -> None:
    install(places, SETTINGS, given, PROGRAM)
    key = places.key.read_text()
    other = make_settings(repository="/srv/other.git")
    install(places, other, Given(given.signers), PROGRAM)
    assert read_settings(places) == other
    assert places.key.read_text() == key
    assert places.vault_password.read_text() == "geheim"


def test_nothing_is_left_of_it(places: Places, given: Given, tmp_path: Path) -> None:
    keys = places.root / "root" / ".ssh" / "authorized_keys"
    keys.parent.mkdir(parents=True)
    keys.write_text("ssh-ed25519 AAAA somebody\n# a comment\n")
    before = files(places)
    install(places, SETTINGS, given, PROGRAM)
    logins.trust_itself(places)
    logins.trust_itself(places)
    line = keys.read_text().splitlines()[2]
    assert len(keys.read_text().splitlines()) == 3
    assert line.startswith('from="127.0.0.1,')
    assert line.endswith(f"restrict,pty {logins.public_key(places)}")
    uninstall(places, keep_pki=tmp_path / "kept")
    assert files(places) == before
    assert keys.read_text() == "ssh-ed25519 AAAA somebody\n# a comment\n"
    assert (tmp_path / "kept" / "photos.example.net" / "ca.key").read_text() == "key"
    uninstall(places)


def test_where_systemd_does_not_run_it_is_refused(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(HotshoeError, match="systemd does not run on this computer"):
        require_programs(places)
    (places.root / "run" / "systemd" / "system").mkdir(parents=True)
    require_programs(places)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "names nobody who may sign"),
        ("# only a comment\n", "names nobody who may sign"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI ann\n", "names no key"),
        ("ann@home\n", "names no key"),
    ],
)
def test_signers_that_make_no_sense_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    """Above all a .pub file as it is: git would take its first word for a name."""
    (tmp_path / "signers").write_text(text)
    with pytest.raises(HotshoeError, match=f"{reason}\n    -> a line for each"):
        require_signers(tmp_path / "signers")


@pytest.mark.parametrize(
    "line",
    [
        SIGNERS,
        "ann@home,ann@example.net ssh-ed25519 AAAAC3\n",
        'ann valid-before="20300101",namespaces="git" ecdsa-sha2-nistp256 AAAAE2\n',
        "ann sk-ssh-ed25519@openssh.com AAAAGn\n",
    ],
)
def test_signers(tmp_path: Path, line: str) -> None:
    (tmp_path / "signers").write_text(f"# who may sign\n{line}")
    require_signers(tmp_path / "signers")


def test_the_box_may_log_in_to_itself_and_is_said_where_else_it_has_to(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "own_addresses", lambda: {"192.168.1.10", "127.0.0.1"})
    box.places.key.with_suffix(".pub").write_text("ssh-ed25519 AAAAbox hotshoe-pull\n")
    folder = box.origin.folder / "group_vars"
    folder.mkdir()
    (folder / "home.yml").write_text(SMALLEST)
    box.origin.record("a home", by=None)
    told = logins.arrange(box.places, ["home"], box.mirror)
    assert told[0] == "Its public key: ssh-ed25519 AAAAbox hotshoe-pull"
    assert "it is not signed. Install it again once that is signed" in told[1]
    assert not (box.places.root / logins.AUTHORIZED_KEYS).exists()
    (folder / "all.yml").write_text("{}\n")
    box.origin.git("reset", "--quiet", "--soft", "HEAD~1")
    box.origin.record("a home, signed")
    assert logins.arrange(box.places, ["home"], box.mirror)[1:] == [
        f"gateway has to let it in, once: ssh-copy-id -f -i {box.places.key} root@192.168.1.1",
        "darkroom is this computer, and lets the key in.",
    ]
    line = (box.places.root / logins.AUTHORIZED_KEYS).read_text()
    assert line.startswith('from="127.0.0.1,192.168.1.10",restrict,pty ssh-ed25519 AAAAbox ')


def test_other_keys_are_kept_to_the_byte(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "own_addresses", lambda: {"127.0.0.1"})
    places.key.parent.mkdir(parents=True)
    places.key.with_suffix(".pub").write_text("ssh-ed25519 AAAAbox hotshoe-pull\n")
    others = "ssh-ed25519 AAAAother Jürgen\x0cs laptop\n".encode("latin-1")
    file = places.root / logins.AUTHORIZED_KEYS
    file.parent.mkdir(parents=True)
    file.write_bytes(others)
    logins.trust_itself(places)
    logins.trust_itself(places)
    assert file.read_bytes().startswith(others + b'from="127.0.0.1",restrict,pty ssh-ed25519 ')
    logins.distrust_itself(places)
    assert file.read_bytes() == others


def test_whom_the_box_has_to_log_in_to(example_plan: Plan, places: Places) -> None:
    hosts = [Host.of(device) for device in example_plan.hosts]
    key = places.key
    assert [logins.command_to_trust(places, host) for host in hosts] == [
        f"ssh-copy-id -f -i {key} root@192.168.1.1",
        f"ssh-copy-id -f -i {key} root@192.168.1.10",
    ]
    elsewhere = replace(hosts[1], user="ann", port=2222)
    assert logins.command_to_trust(places, elsewhere).endswith(" -p 2222 ann@192.168.1.10")
