"""The pipelines that hotshoe init makes: GitLab's runs, the others are read by actionlint."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hotshoe.resources import TEMPLATES
from hotshoe.secrets import load_secrets
from hotshoe.site.reading import SiteFiles, load_site
from hotshoe.stage.topology import CAMERA
from tests.stage import clients, pipelines
from tests.stage.home import Home
from tests.stage.pipelines import Homes


@pytest.fixture(scope="module")
def homes() -> Iterator[Homes]:
    clients.install()
    made = pipelines.make("pipeline")
    # As in a pipeline's checkout: git ignores it.
    (made.root / ".vault-password").rename(made.folder / "vault-password")
    yield made


@pytest.fixture
def put_up(homes) -> Iterator[Callable[[], None]]:
    """Puts the stage up that is deployed to; later than the rehearsal, which has one of its own."""
    yield lambda: homes.stage.up(say=lambda _: None)
    homes.stage.down()


def home_of(homes: Homes) -> Home:
    files = SiteFiles("home", homes.root)
    (homes.root / ".vault-password").symlink_to(homes.folder / "vault-password")
    try:
        return Home(homes.root, homes.stage, homes.plan, load_secrets(files, load_site(files)))
    finally:
        (homes.root / ".vault-password").unlink()


def test_a_broken_site_fails_in_its_own_words_and_at_once(homes):
    homes.git("checkout", "--quiet", "-b", "broken")
    said = homes.site.read_text()
    homes.site.write_text(said.replace("lan: 192.168.1.1/24", "lan: 192.168.1.1"))
    homes.commit("A mistake")
    run = homes.on_merge_request("plan")
    assert run.status != 0
    assert "group_vars/home.yml: routers[0].lan: '192.168.1.1' has no prefix length" in run.said
    assert "    -> write for example: lan: 192.168.1.1/24" in run.said
    assert "Traceback" not in run.said
    assert "| home | is refused |" in (homes.root / "comment.md").read_text()
    assert run.cpu < 30
    homes.git("checkout", "--quiet", "main")


@pytest.mark.timeout(1200)  # eleven jobs, of which two deploy and two check
def test_from_a_merge_request_to_drift_and_back(homes, put_up):
    start = homes.git("rev-parse", "HEAD")
    homes.git("checkout", "--quiet", "-b", "port")
    with homes.site.open("a") as said:
        said.write("ftp: {control_port: 2121}\n")
    homes.commit("Another port")

    # A merge request: rehearsed with passwords of its own, and told as a comment.
    with pipelines.gitlab() as (variables, comments):
        run = homes.on_merge_request(**variables)
    assert run.status == 0, run.said
    assert "13 of 13 arrived intact" in run.said
    (comment,) = comments
    assert comment == (homes.root / "comment.md").read_text()
    assert "| home | changes |" in comment
    assert "- camera r5&#58; Port becomes 2121, and was 21." in comment
    assert "+port forwards   2121/tcp " in comment
    pictures = {path.name for path in (homes.root / "pictures").iterdir()}
    assert pictures == {"home-before.svg", "home-after.svg"}

    # Merged: applied, and uploads work.
    homes.git("checkout", "--quiet", "main")
    homes.git("merge", "--quiet", "--ff-only", "port")
    homes.git("push", "--quiet", "origin", "main")
    put_up()
    run = homes.on_merge(start)
    assert run.status == 0, run.said
    assert homes.password not in run.said
    home = home_of(homes)
    (homes.root / "photos").mkdir()
    home.equip(CAMERA)
    home.uploads_work()

    # Nothing has changed since: no host is asked.
    run = homes.on_merge("HEAD")
    assert run.status == 0, run.said
    assert "No Site has changed." in run.said

    # Changed by hand on the server and on the router: the nightly run names both, and fails; no
    # camera gets in, and it says so.
    home.sh(home.server, "echo '# mine' >>/etc/hotshoe/vsftpd.conf")
    home.sh(home.router, "nft delete table inet hotshoe_forwards")
    run = homes.at_night("drift")
    assert run.status != 0
    assert re.search(r"^drift finished in .* FAIL 2 *$", run.said, re.MULTILINE)
    assert home.server in run.said
    assert home.router in run.said
    run = homes.at_night("check")
    assert run.status != 0
    assert re.search(r"home: broken, or refused\s*$", run.said, re.MULTILINE), run.said
    assert re.search(r"^check finished in .* FAIL 1 *$", run.said, re.MULTILINE)

    # The next apply heals it, and then all that runs at night is content.
    assert homes.on_merge(start).status == 0
    run = homes.at_night()
    assert run.status == 0, run.said
    assert "home: works" in run.said
    assert "hotshoe drift --stage --all" in run.said
    assert homes.password not in run.said
    home.uploads_work()


# Labels that a person gives to runners, or that are newer than actionlint's list.
LABELS = {"home", "stage", "ubuntu-24.04"}


def workflow(name: str) -> str:
    """Forgejo takes an action from where a URL leads; actionlint knows GitHub's names alone."""
    text = (TEMPLATES / "repository" / f"{name}.yml").read_text()
    return text.replace("uses: https://code.forgejo.org/", "uses: ")


def lint(*files: Path) -> list[str]:
    script = clients.INSTALLED / "lint_workflows.mjs"
    script.write_text((clients.HERE / script.name).read_text())
    command = [clients.NODE, script, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    known = [f'label "{label}" is unknown' for label in LABELS]
    return [
        f"{each['line']}: {each['message']}"
        for each in found
        if not any(each["message"].startswith(message) for message in known)
    ]


@pytest.mark.parametrize("name", ["github", "forgejo"])
def test_actionlint_finds_nothing(name, tmp_path):
    clients.install()
    file = tmp_path / f"{name}.yml"
    file.write_text(workflow(name))
    assert lint(file) == []


def test_actionlint_would_find_what_a_stranger_may_inject(tmp_path):
    clients.install()
    file = tmp_path / "bad.yml"
    file.write_text(workflow("github").replace('--base "$BASE"', "--base ${{ github.head_ref }}"))
    assert any('"github.head_ref" is potentially untrusted' in each for each in lint(file))
