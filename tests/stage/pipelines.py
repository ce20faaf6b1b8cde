"""A repository of homes under git, as a person has it, and a pipeline that runs in it.

gitlab-ci-local runs the jobs of the pipeline, by their rules, in the repository itself. Two things
are not as a person has them: the pipeline deploys to the home's stage, and hotshoe, though it is
the wheel, is not downloaded.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from urllib.parse import parse_qs

from hotshoe.gitops import repository
from hotshoe.plan.derivation import make_plan
from hotshoe.plan.model import Plan
from hotshoe.site.reading import SiteFiles, load_site
from hotshoe.stage.stage import Stage
from tests.stage.clients import INSTALLED, NODE, ROOT

BIN = Path(sys.executable).parent
# What the jobs call that deploys or asks hosts; and the check that takes minutes is a quick one.
_ON_STAGE = re.compile(r"\bhotshoe (apply|drift|check) ")
_QUICKLY = ("hotshoe check ", "hotshoe check --quick ")
# Who runs this is root anyway; and jobs run where the repository is, so nothing has to be copied.
_PROGRAMS = {
    "sudo": '#!/bin/sh\nexec "$@"\n',
    "rsync": "#!/bin/sh\n",
    # The virtual environment is there; making it again takes each job five seconds.
    "python3": f'#!/bin/sh\n[ "$*" = "-m venv .venv" ] || exec {BIN}/python3 "$@"\n',
}
_SERVICE = {"CI_PROJECT_ID": "1", "CI_MERGE_REQUEST_IID": "7"}


@dataclass(frozen=True)
class Run:
    """A pipeline that has run.

    :param status: 0 if every job succeeded
    :param said: what its jobs printed
    :param cpu: seconds of all its processes
    """

    status: int
    said: str
    cpu: float


@dataclass(frozen=True)
class Homes:
    """The repository.

    :param folder: holds it, the bare one that it is pushed to, and what its pipelines need
    :param password: what opens the vault
    """

    folder: Path
    password: str

    @property
    def root(self) -> Path:
        return self.folder / "homes"

    @property
    def site(self) -> Path:
        return SiteFiles("home", self.root).site

    @property
    def plan(self) -> Plan:
        return make_plan(load_site(SiteFiles("home", self.root)))

    @property
    def stage(self) -> Stage:
        return Stage.of("home", self.plan, self.root, prepared=True)

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=You", "-c", "user.email=you@example.net")
        command = ["git", "-C", str(self.root), *who, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def commit(self, message: str) -> str:
        """Commit and push everything; its name."""
        self.git("commit", "--quiet", "--all", f"--message={message}")
        self.git("push", "--quiet", "origin", "HEAD")
        return self.git("rev-parse", "HEAD")

    def on_merge_request(self, *jobs: str, **variables: str) -> Run:
        """The pipeline of a merge request of what is checked out; it gets no secret."""
        base = self.git("rev-parse", "origin/main")
        about = {
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
        }
        return self._run(jobs, about | variables)

    def on_merge(self, before: str, *jobs: str) -> Run:
        """The pipeline of main, after it has changed."""
        return self._run(jobs, {"CI_COMMIT_BEFORE_SHA": before}, secret=True)

    def at_night(self, *jobs: str) -> Run:
        return self._run(jobs, {"CI_PIPELINE_SOURCE": "schedule"}, secret=True)

    def _run(
        self, jobs: tuple[str, ...], variables: dict[str, str], *, secret: bool = False
    ) -> Run:
        home = self.folder / "person"
        file = home / ".gitlab-ci-local" / "variables.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        secrets = {"HOTSHOE_VAULT_PASSWORD": self.password} if secret else {}
        file.write_text(json.dumps({"global": secrets}))
        program = INSTALLED / "node_modules" / "gitlab-ci-local" / "dist" / "index.js"
        command = [str(NODE), str(program), "--force-shell-executor", *jobs]
        command += [f"--ignore-predefined-vars={','.join(variables)}"] if variables else []
        for name, value in variables.items():
            command += ["--variable", f"{name}={value}"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            command,
            cwd=self.root,
            env={
                "HOME": str(home),
                "PATH": f"{self.folder / 'bin'}:{BIN}:{os.environ['PATH']}",
                "LC_ALL": "C.UTF-8",
                "PIP_NO_INDEX": "1",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Run(done.returncode, done.stdout + done.stderr, cpu)


def make(name: str) -> Homes:
    """Make the repository by hotshoe init, with a Debian router, and push it to a bare one."""
    folder = ROOT / ".stage" / f"{name}{os.environ.get('PYTEST_XDIST_WORKER', '')}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    for program, text in _PROGRAMS.items():
        (folder / "bin" / program).write_text(text)
        (folder / "bin" / program).chmod(0o755)
    repository.make(folder / "homes", "home", "gitlab", version("hotshoe"))
    file = folder / "homes" / ".vault-password"
    homes = Homes(folder, file.read_text().strip())
    homes.site.write_text(homes.site.read_text().replace("managed_by: hand", "managed_by: linux"))
    pipeline = homes.root / ".gitlab-ci.yml"
    jobs = _ON_STAGE.sub(r"hotshoe \1 --stage ", pipeline.read_text())
    pipeline.write_text(jobs.replace(*_QUICKLY))
    with (homes.root / ".gitignore").open("a") as ignored:
        ignored.write(".gitlab-ci-local/\ncomment.md\npictures/\nphotos/\n")
    _install(homes)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", folder / "homes.git"], check=True)
    subprocess.run(["git", "init", "-q", "-b", "main", homes.root], check=True)
    homes.git("remote", "add", "origin", str(folder / "homes.git"))
    homes.git("add", "--all")
    homes.commit("A home")
    homes.git("fetch", "--quiet")
    return homes


def _install(homes: Homes) -> None:
    """What the pipeline's pip would download: the wheel, and what it needs from the tests' own."""
    wheels = homes.folder / "wheels"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    own = homes.root / ".venv"
    subprocess.run([sys.executable, "-m", "venv", own], check=True)
    (site,) = own.glob("lib/python*/site-packages")
    (others,) = BIN.parent.glob("lib/python*/site-packages")
    (wheel,) = wheels.glob("*.whl")
    pip = [own / "bin" / "pip", "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(pip, check=True)
    (site / "others.pth").write_text(f"{others}\n")
    for name in ("pyinfra", "ansible-vault"):
        program = own / "bin" / name
        program.write_text((BIN / name).read_text().replace(str(BIN), str(own / "bin")))
        program.chmod(0o755)


@contextmanager
def gitlab() -> Iterator[tuple[dict[str, str], list[str]]]:
    """Plays the part of GitLab that takes comments.

    :returns: the variables that lead to it, and the comments that have come
    """
    comments: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            right = self.path == "/api/v4/projects/1/merge_requests/7/notes"
            if right and self.headers["PRIVATE-TOKEN"] == "a-token":
                comments.append(parse_qs(body)["body"][0])
            self.send_response(201 if right else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/api/v4"
        yield {"CI_API_V4_URL": url, "HOTSHOE_COMMENT_TOKEN": "a-token"} | _SERVICE, comments
        server.shutdown()
