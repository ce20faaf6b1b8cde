"""hotshoe init: a repository for a person's own homes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from hotshoe.cli import main
from hotshoe.errors import HotshoeError
from hotshoe.gitops import repository
from hotshoe.secrets import load_secrets
from hotshoe.site.homes import homes
from hotshoe.site.reading import SiteFiles, load_site


def init(*arguments: str):
    return CliRunner().invoke(main, ["init", *arguments])


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ANSIBLE_VAULT_PASSWORD_FILE", raising=False)


@pytest.fixture
def quick(monkeypatch):
    """Without ansible-vault, which takes half a second."""
    monkeypatch.setattr(
        "hotshoe.secrets.making.encrypt", lambda content, _: "$ANSIBLE_VAULT;" + content[:0]
    )


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


PLAIN = {
    *(".gitignore", ".vault-password", "README.md", "deploy.py", "requirements.txt"),
    *("group_vars/all.yml", "inventories/all.py", "inventories/home.py"),
    *("group_vars/home.yml", "group_vars/home.vault.yml"),
}


def test_its_home_can_be_planned_and_its_vault_opens(tmp_path):
    result = init("homes")
    assert (result.exit_code, result.stderr) == (0, "")
    folder = tmp_path / "homes"
    assert names(folder) == PLAIN
    assert homes(folder) == ("home",)
    files = SiteFiles("home", folder)
    secrets = load_secrets(files, load_site(files))
    assert not secrets.demo
    assert set(secrets.camera_passwords) == {"r5"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["homes"]


def test_no_secret_is_printed_or_lies_open(tmp_path):
    result = init("homes")
    password = tmp_path / "homes" / ".vault-password"
    assert password.stat().st_mode & 0o777 == 0o600
    assert password.read_text().strip() not in result.output
    git = ["git", "-C", str(tmp_path / "homes")]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    added = subprocess.run([*git, "ls-files"], capture_output=True, text=True, check=True).stdout
    assert set(added.split()) == PLAIN - {".vault-password"}


def test_two_have_different_secrets(tmp_path):
    for name in ("a", "b"):
        init(name)
    assert (tmp_path / "a/.vault-password").read_text() != (
        tmp_path / "b/.vault-password"
    ).read_text()


def test_hotshoe_is_followed_by_one_line(quick, tmp_path):
    repository.make(tmp_path / "homes", "home", None, "1.2.3")
    lines = (tmp_path / "homes/requirements.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["hotshoe==1.2.3"]


@pytest.mark.parametrize("pipeline", repository.PIPELINES)
def test_it_has_the_pipeline_that_is_asked_for(quick, tmp_path, pipeline):
    repository.make(tmp_path / "homes", "cabin", pipeline, "1.2.3")
    made = names(tmp_path / "homes")
    assert made - {name.replace("/home.", "/cabin.") for name in PLAIN} == {
        str(repository.PIPELINES[pipeline])
    }
    assert homes(tmp_path / "homes") == ("cabin",)
    readme = (tmp_path / "homes/README.md").read_text()
    assert f"`{repository.PIPELINES[pipeline]}`" in readme
    assert "hotshoe plan cabin" in readme


@pytest.mark.parametrize("name", ["", "all", "Home", "../home", "a b", "1a", "-x", "ho\nme", "ü"])
def test_a_name_that_would_not_work_is_refused(quick, tmp_path, name):
    with pytest.raises(HotshoeError, match="is not a name for a home\n    -> write"):
        repository.make(tmp_path / "homes", name, None, "1")
    assert list(tmp_path.iterdir()) == []


class TestAPlaceThatIsTaken:
    def refused(self, folder: str) -> str:
        before = {p: p.lstat().st_mtime_ns for p in Path.cwd().rglob("*")}
        result = init(folder)
        assert (result.exit_code, result.stdout) == (1, "")
        assert {p: p.lstat().st_mtime_ns for p in Path.cwd().rglob("*")} == before
        return str(result.stderr)

    def test_by_files(self, tmp_path):
        (tmp_path / "homes").mkdir()
        (tmp_path / "homes" / "mine").touch()
        assert self.refused("homes") == (
            "Error: homes: is there already\n    -> name a folder that is not there yet, or empty\n"
        )

    def test_by_a_file(self, tmp_path):
        (tmp_path / "homes").touch()
        assert "homes: is there already" in self.refused("homes")

    def test_by_a_link_to_nowhere(self, tmp_path):
        (tmp_path / "homes").symlink_to("nowhere")
        assert "homes: is there already" in self.refused("homes")

    def test_by_a_loop_of_links(self, tmp_path):
        (tmp_path / "homes").symlink_to("homes")
        assert self.refused("homes").startswith("Error: homes: ")

    def test_by_who_runs_it(self):
        assert ".: cannot be replaced while somebody is in it" in self.refused(".")

    def test_by_nothing_above(self, tmp_path):
        assert f"there is no folder {tmp_path}/a" in self.refused("a/homes")

    def test_an_empty_folder_is_fine(self, quick, tmp_path):
        (tmp_path / "homes").mkdir()
        repository.make(Path("homes"), "home", None, "1")
        assert names(tmp_path / "homes") == PLAIN


def test_what_fails_leaves_nothing(monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hotshoe.secrets.making.encrypt", full)
    result = init("homes")
    assert result.stderr == "Error: homes: cannot be made: No space left on device\n"
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_in_nobodys_way(quick, tmp_path):
    left = tmp_path / ".homes.hotshoe-init"
    left.mkdir()
    (left / "half").touch()
    repository.make(tmp_path / "homes", "home", None, "1")
    assert names(tmp_path / "homes") == PLAIN
    assert [path.name for path in tmp_path.iterdir()] == ["homes"]
