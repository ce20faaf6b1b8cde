"""Which Sites a revision range changes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hotshoe.errors import HotshoeError
from hotshoe.gitops.changed import changed_sites, commit_of
from tests.conftest import SMALLEST

NOBODY = {
    **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "a"),
    **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "a@example.net"),
    **dict.fromkeys(("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"), "/dev/null"),
    "PATH": os.defpath,
}
OWN = "certificate: {issuer: files, chain: certificates/cabin.pem, key: certificates/cabin.key}\n"
BOTH = ("cabin", "loft")


class Repository:
    """A repository with two Sites.

    :param root: the folder that holds deploy.py
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def fill(self) -> None:
        for name in BOTH:
            self.write(f"group_vars/{name}.yml", SMALLEST + (OWN if name == "cabin" else ""))
            self.write(f"inventories/{name}.py", "")
        self.write("group_vars/all.yml", "cameras: [{name: r5}]\n")
        self.write("certificates/cabin.pem", "a certificate")
        self.write("deploy.py", "")
        self.write(".gitignore", ".vault-password\n")
        self.commit()

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env=NOBODY,
            capture_output=True,
            check=True,
            text=True,
        ).stdout

    def write(self, name: str, text: str = "key: other\n") -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=x")
        return self.git("rev-parse", "HEAD").strip()

    def changed(self, since: str = "HEAD") -> tuple[str, ...]:
        return changed_sites(since, self.root)


@pytest.fixture(scope="session")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that nobody changes, since git takes its time to make one."""
    top = tmp_path_factory.mktemp("committed")
    repository = Repository(top)
    repository.git("init", "--quiet")
    repository.fill()
    return top


@pytest.fixture
def repository(committed: Path, tmp_path: Path) -> Repository:
    return Repository(shutil.copytree(committed, tmp_path / "repository"))


@pytest.mark.parametrize(
    ("name", "sites"),
    [
        ("group_vars/cabin.yml", ("cabin",)),
        ("group_vars/cabin.vault.yml", ("cabin",)),
        ("group_vars/cabin.known_hosts", ("cabin",)),
        ("inventories/loft.py", ("loft",)),
        ("certificates/cabin.pem", ("cabin",)),
        ("certificates/cabin.key", ("cabin",)),
        ("group_vars/all.yml", BOTH),
        ("group_vars/all.vault.yml", BOTH),
        ("inventories/common.py", BOTH),
        ("requirements.txt", BOTH),
        ("deploy.py", BOTH),
        ("roles/vsftpd/__init__.py", BOTH),
        ("templates/vsftpd/vsftpd.conf.j2", BOTH),
        ("inventories/all.py", ()),
        ("group_vars/nobody.yml", ()),
        ("README.md", ()),
        (".vault-password", ()),
    ],
)
def test_a_file_changes_the_sites_that_depend_on_it(
    repository: Repository, name: str, sites: tuple[str, ...]
) -> None:
    repository.write(name)
    assert repository.changed() == sites


def test_it_counts_whether_it_is_committed_or_not(repository: Repository) -> None:
    assert repository.changed() == ()
    repository.write("group_vars/cabin.vault.yml")
    assert repository.changed() == ("cabin",)
    repository.git("add", "--all")
    assert repository.changed() == ("cabin",)
    repository.commit()
    assert repository.changed() == ()
    assert repository.changed("HEAD~1") == ("cabin",)


def test_the_homes_may_be_in_a_folder_of_something_larger(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "homes")
    repository.root.mkdir()
    (tmp_path / "deploy.py").write_text("")
    subprocess.run(["git", "init", "--quiet", tmp_path], env=NOBODY, check=True)
    repository.fill()
    (tmp_path / "deploy.py").write_text("another program")
    assert repository.changed() == ()
    repository.write("group_vars/loft.yml")
    assert repository.changed() == ("loft",)


@pytest.mark.parametrize(
    ("name", "sites"), [("certificates/cabin.pem", ("cabin",)), ("group_vars/all.yml", BOTH)]
)
def test_a_file_that_has_gone_is_a_change(
    repository: Repository, name: str, sites: tuple[str, ...]
) -> None:
    (repository.root / name).unlink()
    assert repository.changed() == sites


def test_two_sites_that_are_changed_by_different_commits(repository: Repository) -> None:
    for name in BOTH:
        repository.write(f"group_vars/{name}.yml", f"{SMALLEST}# {name}\n")
        repository.commit()
    assert repository.changed("HEAD~1") == ("loft",)
    assert repository.changed("HEAD~2") == BOTH


def test_what_is_taken_back_is_no_change_and_what_others_did_meanwhile_is_one(
    repository: Repository,
) -> None:
    """It is about the hosts that were deployed from that revision."""
    site = (repository.root / "group_vars/cabin.yml").read_text()
    repository.write("group_vars/cabin.yml", site + "# a\n")
    newer = repository.commit()
    assert repository.changed("HEAD~1") == ("cabin",)
    repository.write("group_vars/cabin.yml", site)
    assert repository.changed("HEAD~1") == ()
    repository.git("checkout", "--quiet", "--force", "HEAD~1")
    assert repository.changed(newer) == ("cabin",)


def test_a_renamed_site_is_a_new_one_and_a_removed_one_is_none(repository: Repository) -> None:
    for folder, ending in (("group_vars", "yml"), ("inventories", "py")):
        old = repository.root / folder / f"cabin.{ending}"
        old.rename(old.with_stem("attic"))
    repository.commit()
    assert repository.changed("HEAD~1") == ("attic",)


def test_a_shared_file_that_names_a_certificate_changes_who_uses_it(repository: Repository) -> None:
    repository.write("group_vars/all.yml", "certificate: {root: certificates/cabin.root}\n")
    repository.commit()
    repository.write("certificates/cabin.root")
    assert repository.changed() == BOTH


def test_a_link_counts_with_what_it_leads_to(repository: Repository) -> None:
    repository.write("shared/loft.yml", SMALLEST)
    link = repository.root / "group_vars/loft.yml"
    link.unlink()
    link.symlink_to("../shared/loft.yml")
    repository.commit()
    repository.write("shared/loft.yml", f"{SMALLEST}# other\n")
    assert repository.changed() == ("loft",)


@pytest.mark.parametrize("text", ["[", "key: value\nkey: value\n", "", f"a: {'x/' * 5000}\n"])
def test_a_site_that_is_broken_is_told_elsewhere(repository: Repository, text: str) -> None:
    repository.write("group_vars/cabin.yml", text)
    assert repository.changed() == ("cabin",)


def test_a_name_is_never_taken_for_something_else(repository: Repository) -> None:
    repository.write('group_vars/cabin.a "b"\n\té.yml')
    repository.write("group_vars/-n", "")
    assert repository.changed() == ("cabin",)


def test_where_there_was_nothing_before_all_are_changed(repository: Repository) -> None:
    assert repository.changed("0" * 40) == BOTH


@pytest.mark.parametrize("since", ["nowhere", "", "--output=stolen", "HEAD:deploy.py", "-n", ".."])
def test_what_is_no_revision_is_refused(repository: Repository, since: str) -> None:
    with pytest.raises(HotshoeError) as refused:
        repository.changed(since)
    assert str(refused.value).startswith(f"{since!r}: this repository has no such revision\n    ->")
    assert not (repository.root / "stolen").exists()


def test_without_a_repository_nobody_can_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for since in ("HEAD", "0" * 40):
        with pytest.raises(HotshoeError, match="is in no repository of git\n    -> "):
            changed_sites(since, tmp_path)


def test_without_git_that_is_what_is_wrong(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(HotshoeError, match="git is not installed\n    -> "):
        commit_of(repository.root, "HEAD")


def test_no_program_is_run_to_compare(repository: Repository) -> None:
    repository.git("config", "diff.evil.command", "touch stolen; true")
    repository.write(".gitattributes", "* diff=evil\n")
    repository.write("group_vars/loft.yml", "other")
    assert repository.changed() == ("loft",)
    assert not (repository.root / "stolen").exists()
