"""hotshoe and Ansible, each deploying to the stage from its laptop, over real TCP."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.stopwatch import Run, measure, measure_memory
from hotshoe import paths
from hotshoe.debian import vsftpd
from hotshoe.errors import HotshoeError
from hotshoe.plan.model import Plan
from hotshoe.render import render
from hotshoe.stage import podman
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import LAPTOP

# Ansible needs these on every host, and a bare Debian has neither; they are there beforehand.
FOR_ANSIBLE = ["python3", "python3-apt"]
_PLAYBOOK = Path(__file__).with_name("ansible")


class Tool(Protocol):
    """Something that deploys the home."""

    name: str

    def deploy(self, hosts: Sequence[str]) -> Run:
        """Deploy to these devices, over a new connection to each."""
        ...

    def changes(self, run: Run) -> list[str]:
        """What a run says that it changed."""
        ...


@dataclass(frozen=True)
class Laptop:
    """The computer that deploys: this one's programs in the network of the stage's laptop.

    The stage itself reaches Debian containers through ``nsenter`` and a pipe, without any network.

    :param folder: for the SSH configuration
    :param watches_memory: whether runs tell the memory of all their processes together, which costs
        them time
    """

    stage: Stage
    plan: Plan
    folder: Path
    watches_memory: bool = False

    @property
    def ssh_config(self) -> Path:
        """An ssh_config(5) file that reaches the devices by their addresses."""
        return self.folder / "ssh_config"

    def write_ssh_config(self) -> None:
        """Write it, with the stage's keys."""
        devices = {s.name: s.address for s in self.plan.servers}
        devices |= {r.name: r.lan.ip for r in self.plan.routers}
        self.ssh_config.write_text(
            "".join(
                f"Host {name} {address}\n"
                f"    HostName {address}\n"
                f"    User root\n"
                f"    IdentityFile {self.stage.folder / 'id_ed25519'}\n"
                f"    UserKnownHostsFile {self.stage.folder / 'known_hosts'}\n"
                for name, address in devices.items()
            )
        )

    def inside(self, *command: str) -> list[str]:
        """A command of this computer, in the laptop's network."""
        laptop = podman.pid(self.stage.container(LAPTOP))
        return ["nsenter", f"--target={laptop}", "--net", *command]

    def run(self, program: str, *arguments: str, **environment: str) -> Run:
        """Run a program of this virtual environment there."""
        path = str(Path(sys.executable).with_name(program))
        watch = measure_memory if self.watches_memory else measure
        return watch(self.inside(path, *arguments), self.stage.root, environment)


class Hotshoe:
    """This project."""

    name = "hotshoe"

    def __init__(self, laptop: Laptop) -> None:
        self._laptop = laptop

    def deploy(self, hosts: Sequence[str]) -> Run:
        """Run the command that deploys the home."""
        return self._laptop.run(
            "pyinfra",
            "-y",
            "--json",
            *(f"--limit={host}" for host in hosts),
            f"--data=ssh_config_file={self._laptop.ssh_config}",
            f"--data=stage={self._laptop.stage.folder}",
            f"inventories/{self._laptop.stage.site}.py",
            "deploy.py",
        )

    def changes(self, run: Run) -> list[str]:
        """The operations that changed a host."""
        operations = json.loads(run.output)["results"]["operations"]
        return [operation["name"] for operation in operations if operation["success"]]


class Floor:
    """pyinfra without hotshoe: its start, and one SSH command."""

    name = "floor"

    def __init__(self, laptop: Laptop) -> None:
        self._laptop = laptop

    def deploy(self, hosts: Sequence[str]) -> Run:
        """Run ``true`` on these devices.

        :raises HotshoeError: if it did not run there
        """
        config = f"--data=ssh_config_file={self._laptop.ssh_config}"
        # A name alone is none to pyinfra, which then runs nothing and succeeds.
        inventory = ",".join(f"@ssh/{host}" for host in hosts)
        run = self._laptop.run("pyinfra", "-y", "--json", config, inventory, "exec", "--", "true")
        operations = json.loads(run.output)["results"]["operations"]
        if [len(each["success"]) for each in operations] != [len(hosts)]:
            raise HotshoeError(f"pyinfra did not run one command on {', '.join(hosts)}")
        return run


class Ansible:
    """The benchmark's own playbook."""

    name = "ansible"

    def __init__(self, laptop: Laptop) -> None:
        self._laptop = laptop
        self._files = laptop.folder / "files"
        self._inventory = laptop.folder / "inventory.json"
        self._runs = 0

    def take_files(self) -> None:
        """Take from the devices what hotshoe wrote there, for the playbook to copy."""
        stage, plan = self._laptop.stage, self._laptop.plan
        for device in (*(s.name for s in plan.servers), *(router.name for router in plan.routers)):
            container = stage.container(device)
            folders = (
                f"{paths.FOLDER} /etc/pam.d /etc/sysctl.d /etc/systemd/system /usr/local/sbin "
                f"$(ls -d {paths.PACKAGES})"
            )
            find = f"find {folders} -type f"
            ours = f"{find} '(' -path '*/hotshoe/*' -o -name '*hotshoe*' ')'"
            for path in podman.execute(container, "sh", "-c", ours).splitlines():
                copy = self._files / device / path.lstrip("/")
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_text(podman.execute(container, "cat", path))
        self._inventory.write_text(json.dumps(self._hosts()))

    def _hosts(self) -> dict[str, object]:
        plan = self._laptop.plan
        return {
            "all": {
                "vars": {
                    "files": f"{self._files}/{{{{ inventory_hostname }}}}",
                    "owner_home": vsftpd.OWNER_HOME,
                    "note": f"{paths.NOTES}{self._laptop.stage.site}",
                    "vsftpd_check": render("vsftpd/check.sh.j2"),
                },
                "children": {
                    "server": {
                        "hosts": {
                            server.name: {
                                "cameras": server.cameras,
                                "control_port": server.control_port,
                            }
                            for server in plan.servers
                        }
                    },
                    "routers": {"hosts": {router.name: {} for router in plan.routers}},
                },
            }
        }

    def deploy(self, hosts: Sequence[str]) -> Run:
        """Run the playbook."""
        self._runs += 1
        return self._laptop.run(
            "ansible-playbook",
            f"--inventory={self._inventory}",
            f"--limit={','.join(hosts)}",
            f"--forks={len(hosts)}",
            f"--ssh-common-args=-F {self._laptop.ssh_config}",
            str(_PLAYBOOK / "playbook.yml"),
            ANSIBLE_CONFIG=str(_PLAYBOOK / "ansible.cfg"),
            # Connections are shared within a run, as always, and not with the run before it.
            ANSIBLE_SSH_CONTROL_PATH_DIR=str(self._laptop.folder / f"ssh{self._runs}"),
        )

    def changes(self, run: Run) -> list[str]:
        """The tasks and handlers that changed a host."""
        tasks = re.split(r"^(?:TASK|RUNNING HANDLER) \[", run.output, flags=re.MULTILINE)[1:]
        return [task.partition("]")[0] for task in tasks if "\nchanged: " in task]
