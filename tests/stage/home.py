"""A home on a stage, and what a test asks of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from hotshoe import paths
from hotshoe.debian.authority_files import AuthorityFiles
from hotshoe.plan.model import Plan, ServerPlan
from hotshoe.secrets import Secrets
from hotshoe.stage import actions, podman
from hotshoe.stage.photos import make_photos
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import CAMERA
from tests.stage import warm

BIN = Path(sys.executable).parent


@dataclass
class Home:
    """A home on a stage, and what a test asks of it."""

    project: Path
    stage: Stage
    plan: Plan
    secrets: Secrets
    user: str = field(init=False)
    password: str = field(init=False)

    def __post_init__(self) -> None:
        self.user = self.plan.servers[0].cameras[0]
        self.password = self.secrets.camera_passwords[self.user]

    @property
    def server_plan(self) -> ServerPlan:
        """The first server's."""
        return self.plan.servers[0]

    @property
    def server(self) -> str:
        return self.server_plan.name

    @property
    def router(self) -> str:
        return self.plan.routers[0].name

    @property
    def public(self) -> IPv4Address:
        """Its public address, which may be another one later."""
        return self.plan.public_address or self.stage.wan.public

    @property
    def authority(self) -> AuthorityFiles:
        return AuthorityFiles.of(self.plan, self.stage.folder)

    @property
    def uploads(self) -> str:
        """The folder that the first camera uploads to."""
        return f"{paths.PHOTOS}/{self.user}/{paths.UPLOAD}"

    def photo(self, name: str, user: str = "") -> str:
        """Where a photo is in the library, once it has got there."""
        return self._find(f"{paths.LIBRARY}/{user or self.user}", name)

    def set_aside(self, name: str, folder: str = paths.INCOMPLETE) -> str:
        """Where an upload is that is not in the library, once it has got there."""
        return self._find(f"{paths.PHOTOS}/{self.user}/{folder}", name)

    def _find(self, folder: str, name: str) -> str:
        find = f"find {folder} -type f -name '{name}' 2>/dev/null"
        wait = f"n=0; until {find} | grep . || [ $n -ge 150 ]; do sleep 0.2; n=$((n + 1)); done"
        found = self.sh(self.server, wait).splitlines()
        assert len(found) == 1, f"{name} in {folder}: {found}"
        return found[0]

    def content(self, name: str) -> str:
        """What is in a photo of the library."""
        return self.sh(self.server, f"cat '{self.photo(name)}'")

    def size(self, name: str) -> int:
        """How many bytes a photo of the library has."""
        return int(self.sh(self.server, f"stat -c %s '{self.photo(name)}'"))

    def sh(self, node: str, script: str) -> str:
        """Run a shell script on a device; fails the test if it fails."""
        return podman.execute(self.stage.container(node), "sh", "-c", script)

    def succeeds(self, node: str, script: str) -> bool:
        command = podman.inside(self.stage.container(node), "sh", "-c", script)
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def pyinfra(
        self, *arguments: str, check: bool = True, deploy: str = "deploy.py"
    ) -> subprocess.CompletedProcess[str]:
        """The command that deploys, with more arguments before the inventory."""
        command = [warm.program("pyinfra"), *self.stage.pyinfra_arguments(), *arguments]
        command += [f"inventories/{self.stage.site}.py", deploy]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=self.project, check=False
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def deploy(self) -> dict[str, list[str]]:
        """Deploy, and return the operations that changed something, by pyinfra's own account."""
        done = self.pyinfra("-y", "--json")
        operations = json.loads(done.stdout)["results"]["operations"]
        return {o["name"]: o["success"] for o in operations if o["success"]}

    def would_change(self) -> list[str]:
        """The operations that a dry run announces as changing something."""
        plan = json.loads(self.pyinfra("--dry", "--json").stdout)["plan"]
        changing = ("hosts_with_change", "hosts_with_conditional_change")
        return [each["name"] for each in plan if any(each[key] for key in changing)]

    def refusal(self) -> str:
        """What a deploy says that is refused, without line breaks; fails the test if it is not."""
        done = self.pyinfra("-y", check=False)
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode, said
        assert "Traceback" not in said
        return said

    @contextmanager
    def undeployed(self, old: str, new: str) -> Iterator[None]:
        """A Site that says something else, which nobody has deployed; put back afterwards."""
        site = self.project / "group_vars" / f"{self.stage.site}.yml"
        said = site.read_text()
        assert old in said
        site.write_text(said.replace(old, new))
        try:
            yield
        finally:
            site.write_text(said)

    @contextmanager
    def saying(self, old: str, new: str) -> Iterator[None]:
        """A Site that says something else, deployed; put back afterwards."""
        try:
            with self.undeployed(old, new):
                self.deploy()
                yield
        finally:
            self.deploy()

    def exposure(self, node: str, unit: str) -> float:
        """By systemd-analyze(1), from 0 (confined) to 10 (not at all)."""
        said = self.sh(node, f"systemd-analyze security --no-pager {unit} | tail -n 1")
        return float(said.split(":")[1].split()[0])

    def ftp(self, *steps: list[Any], node: str = CAMERA, **order: Any) -> list[str]:
        """Log in as a camera, take these steps, and return the server's replies."""
        order = {
            "host": self.server_plan.hostname,
            "user": self.user,
            "password": self.password,
            "ca": actions.ROOT_ON_CAMERA,
        } | order
        order = {k: v for k, v in order.items() if v is not None} | {"steps": steps}
        out = podman.execute(
            self.stage.container(node), "python3", "/root/camera.py", input_text=json.dumps(order)
        )
        replies: list[str] = json.loads(out)
        return replies

    def reach(self, node: str, address: object, *ports: int) -> list[str]:
        """Of each TCP port: ``open``, ``closed`` (an answer, and it was no) or ``silent``."""
        script = f"""
import concurrent.futures, socket
def reach(port):
    try: socket.create_connection(("{address}", port), 2).close(); return "open"
    except ConnectionRefusedError: return "closed"
    except (TimeoutError, OSError): return "silent"
with concurrent.futures.ThreadPoolExecutor() as pool: print(*pool.map(reach, {list(ports)}))
"""
        said = podman.execute(self.stage.container(node), "python3", "-", input_text=script)
        return said.split()

    def wait_until_it_listens(self) -> None:
        """Wait until vsftpd does, such as after a reboot."""
        for control in self.server_plan.control_ports:
            listens = f"ss -Hltn sport = :{control.port} | grep -q ."
            self.sh(self.server, f"timeout 30 sh -c 'until {listens}; do sleep 0.1; done'")

    def uploads_work(
        self, node: str = "", server: ServerPlan | None = None, *, ipv6: bool = False
    ) -> None:
        """Prove it with one new photo at each control port, compared byte by byte."""
        server = server or self.server_plan
        user = server.cameras[0]
        name = (
            f"{node or CAMERA}-{time.time_ns()}.JPG"  # one that is there would not be overwritten
        )
        (photo,) = make_photos(self.project / "photos", 1)
        for control in server.control_ports:
            photo = photo.rename(photo.with_name(f"{control.port}-{name}"))
            password = self.secrets.camera_passwords[user]
            actions.upload(
                self.stage, server, user, password, [photo], node=node, control=control, ipv6=ipv6
            )
            arrived = actions.arrived(self.stage, server, user)
            assert arrived[photo.name] == actions.digests([photo])[photo.name]

    def equip(self, node: str) -> None:
        """Give a device on the stage the root certificate and the camera in Python."""
        if self.server_plan.certificate:
            actions.give_root_certificate(self.stage, actions.root_certificate(self.stage), node)
        podman.execute(
            self.stage.container(node),
            "sh",
            "-c",
            "cat >/root/camera.py",
            input_text=(Path(__file__).parent / "camera.py").read_text(),
        )
