"""Rehearsals with secrets of their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from hotshoe.cli import main
from hotshoe.errors import HotshoeError, SiteError
from hotshoe.secrets import load_secrets
from hotshoe.site.reading import SiteFiles, load_site
from hotshoe.stage import rehearsal, throwaway
from tests.conftest import SMALLEST

UPDATED = "public_address: dynamic\nddns: {updated_by: nsupdate, zone: example.net, key_name: k}\n"


@pytest.fixture
def homes(tmp_path, monkeypatch) -> Path:
    """A repository whose vault nobody here can open."""
    monkeypatch.chdir(tmp_path)
    for folder in ("group_vars", "inventories", ".git", ".venv", "pki"):
        (tmp_path / folder).mkdir()
    for name in ("home", "cabin"):
        (tmp_path / "group_vars" / f"{name}.yml").write_text(SMALLEST)
        (tmp_path / "inventories" / f"{name}.py").touch()
        (tmp_path / "group_vars" / f"{name}.vault.yml").write_text("$ANSIBLE_VAULT;real")
    (tmp_path / ".vault-password").write_text("the real one")
    (tmp_path / "deploy.py").touch()
    return tmp_path


def there(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_copy_has_all_but_secrets_and_its_own_vault_opens(homes, monkeypatch):
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "/nowhere")
    before = there(homes)
    with throwaway.copy(Path(), "home"):
        copied = there(Path.cwd())
        files = SiteFiles("home")
        secrets = load_secrets(files, load_site(files))
    assert set(secrets.camera_passwords) == {"r5"}
    assert not secrets.demo
    assert b"real" not in b"".join(copied.values())
    assert {"deploy.py", "inventories/home.py", "group_vars/home.vault.yml"} <= set(copied)
    assert not any(name.startswith((".git/", ".venv/")) for name in copied)
    assert there(homes) == before
    assert Path.cwd() == homes
    assert os.environ["ANSIBLE_VAULT_PASSWORD_FILE"] == "/nowhere"


def test_they_fit_a_site_that_needs_more(homes):
    said = SMALLEST.replace("public_address: 203.0.113.20\n", UPDATED)
    (homes / "group_vars" / "home.yml").write_text(said)
    with throwaway.copy(Path(), "home"):
        files = SiteFiles("home")
        assert load_secrets(files, load_site(files)).ddns_secret


def test_nothing_stays_when_it_fails(homes):
    before = there(homes)
    with pytest.raises(HotshoeError, match="no"), throwaway.copy(Path(), "home"):
        raise HotshoeError("no")
    assert there(homes) == before
    assert not (homes / ".stage").exists()
    assert Path.cwd() == homes


def test_a_site_that_is_refused_is_not_copied(homes):
    (homes / "group_vars" / "home.yml").write_text("hostname: x\n")
    with pytest.raises(SiteError), throwaway.copy(Path(), "home"):
        pytest.fail("copied")
    assert not (homes / ".stage").exists()


class TestTheCommand:
    def run(self, *arguments: str):
        return CliRunner().invoke(main, ["rehearse", *arguments])

    @pytest.fixture
    def rehearsed(self, homes, monkeypatch) -> list[tuple[str, str]]:
        """The Sites that are rehearsed, and where; cabin fails."""
        done: list[tuple[str, str]] = []

        def play(site, release, keep, console):
            done.append((site, str(Path.cwd().relative_to(homes))))
            if site == "cabin":
                raise HotshoeError("no photo got through")

        monkeypatch.setattr(rehearsal, "run", play)
        monkeypatch.setattr("hotshoe.gitops.changed.changed_sites", lambda _: ("cabin", "home"))
        return done

    def test_all_that_have_changed_and_one_that_fails_stops_no_other(self, rehearsed):
        result = self.run("--changed-since", "main", "--throwaway-secrets")
        assert result.exit_code == 1
        assert rehearsed == [
            ("cabin", ".stage/throwaway/cabin"),
            ("home", ".stage/throwaway/home"),
        ]
        assert "Error: cabin: no photo got through\n" in result.stderr
        assert result.stderr.endswith("Error: 1 of 2 Sites failed: cabin\n")

    def test_none_has_changed(self, rehearsed, monkeypatch):
        monkeypatch.setattr("hotshoe.gitops.changed.changed_sites", lambda _: ())
        result = self.run("--changed-since", "main")
        assert (result.exit_code, result.stderr) == (0, "No Site has changed.\n")
        assert rehearsed == []

    def test_as_before_without_these_options(self, rehearsed):
        assert self.run().exit_code == 0
        assert rehearsed == [("home", ".")]

    @pytest.mark.parametrize(
        "arguments",
        [("home", "--changed-since", "main"), ("--keep", "--throwaway-secrets")],
    )
    def test_what_does_not_go_together_is_refused(self, rehearsed, arguments):
        assert self.run(*arguments).exit_code == 2
        assert rehearsed == []
