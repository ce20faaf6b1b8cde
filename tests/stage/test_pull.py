"""Pull mode on the server of a home, which is what it deploys to: by the timer, over real SSH."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement

from hotshoe.stage import podman
from hotshoe.stage.topology import LAPTOP
from tests.conftest import PROJECT
from tests.stage.conftest import SharedStage, deployed, every_home_needs
from tests.stage.home import BIN, Home
from tests.stage.test_firewall import wait_until
from tests.unit.gitops.pull.repository import OWNER, STRANGER, Origin, make_keys

# The box runs the packages of this computer, so Debian's Python there has to be of the same kind.
RELEASES = {(3, 11): "12", (3, 13): "13"}
THERE = "/opt/hotshoe"
PULL = f"cd {THERE}/project && {THERE}/bin/hotshoe pull"
REPOSITORY = "/srv/homes.git"
# More than any disk here has, so every upload is refused.
NO_ROOM = "photos: {keep_free: 900 TB}\n"


@dataclass
class Pulled:
    """A home whose server pulls from a laptop in its LAN."""

    home: Home
    origin: Origin
    site: str

    def push(self, said: str, message: str, by: str | None = OWNER) -> str:
        """Have the Site say this, and push it."""
        (self.origin.folder / "group_vars" / "home.yml").write_text(said)
        commit = self.origin.record(message, by)
        self.publish()
        return commit

    def push_testing(self, message: str, *, addition: str = "", ports: int = 50000) -> str:
        """Have a testing branch after the main branch end at another commit.

        :param addition: what ``deploy.py`` does besides
        :param ports: the first of the passive ports
        """
        said = f"ftp: {{passive_ports: {ports}-{ports + 99}}}\ncameras:"
        self.origin.git("checkout", "--quiet", "-B", "try", "main")
        (self.origin.folder / "group_vars" / "home.yml").write_text(
            self.site.replace("cameras:", said)
        )
        with (self.origin.folder / "deploy.py").open("a") as deploy:
            deploy.write(addition)
        commit = self.origin.record(message)
        self.publish("try")
        self.origin.git("checkout", "--quiet", "main")
        return commit

    def rewind(self, commit: str) -> None:
        self.origin.git("reset", "--quiet", "--hard", commit)
        self.publish()

    def publish(self, what: str = "main") -> None:
        ssh = f"core.sshCommand=ssh -F {self.home.stage.ssh_config}"
        where = f"ssh://{LAPTOP}{REPOSITORY}"
        self.origin.git("-c", ssh, "push", "--quiet", "--force", where, what)

    def look(self) -> tuple[int, str]:
        """Have systemd run it once; its exit status, and what the journal has of it."""
        script = (
            "now=$(journalctl --quiet --show-cursor --lines 0 | sed 's/-- cursor: //'); "
            "systemctl stop hotshoe-pull.timer; systemctl start hotshoe-pull; "
            'journalctl --quiet --output cat --unit hotshoe-pull --after-cursor "$now"; '
            "systemctl show --property ExecMainStatus --value hotshoe-pull"
        )
        said = self.home.sh(self.home.server, script).splitlines()
        return int(said[-1]), "\n".join(said[:-1])

    def status(self) -> str:
        return self.home.sh(self.home.server, f"{PULL} status || true")

    def deployed(self) -> str:
        """The commit that the home holds, by status."""
        (line,) = (line for line in self.status().splitlines() if line.startswith("deployed"))
        return line.split()[1].rstrip(",")

    def accept(self, commit: str) -> None:
        self.home.sh(self.home.server, f"{PULL} accept {commit}")

    def what_hosts_hold(self) -> str:
        """Everything of hotshoe's on server and router, as digests."""
        script = "cat /etc/hotshoe/* /etc/systemd/system/hotshoe-* 2>/dev/null | sha256sum"
        return "".join(self.home.sh(node, script) for node in (self.home.server, self.home.router))

    def refuses(self, said: str, commit: str) -> None:
        """One run refuses a commit, says why, and has changed nothing."""
        held = self.what_hosts_hold()
        status, told = self.look()
        assert status == 1
        assert said in told
        assert f"hotshoe pull accept {commit}" in told
        assert "Traceback" not in told
        assert self.what_hosts_hold() == held


@pytest.fixture
def home(stage: SharedStage) -> Home:
    """A home of the Debian release whose Python is this one's."""
    release = RELEASES.get(sys.version_info[:2])
    if not release:
        pytest.skip(
            "not proved here: pull mode on a box. No Debian on the stage has Python "
            f"{sys.version_info[0]}.{sys.version_info[1]}, whose packages the box would run"
        )
    return stage.home("test-pull", partial(deployed, "test-pull", release, vault=_unpublished))


def _unpublished(said: str) -> str:
    """The vault of a home, whose passwords nobody knows."""
    return every_home_needs(said).replace("demo-", "own-")


_ready: dict[str, Pulled] = {}


@pytest.fixture
def pulled(home: Home) -> Pulled:
    """Pull mode is installed there, and the timer has deployed the first commit."""
    key = home.stage.id
    if key not in _ready:
        _ready[key] = _set_up(home)
    return _ready[key]


def _set_up(home: Home) -> Pulled:
    keys = home.project / "keys"
    keys.mkdir()
    make_keys(keys)
    origin = Origin(home.project / "homes", keys)
    origin.folder.mkdir()
    for part in ("deploy.py", "inventories", "group_vars"):
        copy = shutil.copytree if (PROJECT / part).is_dir() else shutil.copy
        copy(PROJECT / part, origin.folder / part)
    _put_vault(home, origin.folder, keys / "vault-password")
    origin.git("init", "--quiet", "--initial-branch=main")
    pulled = Pulled(home, origin, (origin.folder / "group_vars" / "home.yml").read_text())

    for node in (LAPTOP, home.server):
        home.sh(node, "apt-get -qq update && apt-get -qqy --no-install-recommends install git")
    address = next(n for n in home.stage.topology.nodes if n.name == LAPTOP).ports[0].address.ip
    home.sh(
        LAPTOP,
        f"git init --quiet --bare --initial-branch=main {REPOSITORY}; "
        "mkdir -p /run/sshd; /usr/sbin/sshd",
    )
    _put_hotshoe(home)
    pulled.push(pulled.site, "The home")
    signers = f'{OWNER}@home namespaces="git" {(keys / f"{OWNER}.pub").read_text()}'
    podman.execute(
        home.stage.container(home.server), "sh", "-c", "cat >/root/signers", input_text=signers
    )
    _put(home, home.stage.folder / "pki", "/root/pki")
    podman.put(
        [keys / "vault-password"], home.stage.container(home.server), PurePosixPath("/root/vault")
    )
    known = "ssh-keyscan -t ed25519 192.168.1.10 192.168.1.1 2>/dev/null >/root/.ssh/known_hosts"
    home.sh(home.server, f"{known}; {HOOK}")
    # Its key may not read the repository yet.
    said = home.sh(home.server, f"{INSTALL} ssh://root@{address}{REPOSITORY}")
    assert "Host key verification failed" in said
    home.sh(
        home.server, f"ssh-keyscan -t ed25519 {address} 2>/dev/null >/etc/hotshoe-pull/known_hosts"
    )
    public = home.sh(home.server, "cat /etc/hotshoe-pull/id_ed25519.pub").strip()
    home.sh(LAPTOP, f"echo '{public}' >>/root/.ssh/authorized_keys")
    said = home.sh(home.server, f"{INSTALL} ssh://root@{address}{REPOSITORY}")
    assert "darkroom is this computer, and lets the key in" in said
    assert "gateway has to let it in, once: ssh-copy-id -f -i /etc/hotshoe-pull" in said
    home.sh(home.router, f"echo '{public}' >>/root/.ssh/authorized_keys")
    return pulled


HOOK = (
    "printf '#!/bin/sh\\nlogger --tag told \"$1 $2 $(id -un)\"\\n' >/usr/local/bin/tell; "
    "chmod 755 /usr/local/bin/tell"
)
INSTALL = (
    f"{PULL} install --signers /root/signers --every 2s --hook /usr/local/bin/tell --pki /root/pki "
    "--vault-password /root/vault/vault-password --testing try"
)


def _put_vault(home: Home, folder: Path, password: Path) -> None:
    """The home's vault, with a password of its own."""
    password.write_text("nobody knows it\n")
    password.chmod(0o600)
    program = str(BIN / "ansible-vault")
    vault, demo = "group_vars/home.vault.yml", "group_vars/demo.vault-password"
    opened = f"--vault-password-file={home.project / demo}"
    said = podman.run(program, "view", opened, str(home.project / vault))
    own = f"--vault-password-file={password}"
    (folder / vault).write_text(
        podman.run(program, "encrypt", own, "--output", "-", "-", input_text=said)
    )
    for shared in ("group_vars/all.vault.yml", demo):
        (folder / shared).unlink()


def _packages() -> Iterator[Path]:
    """Everything in this environment that hotshoe needs, without what its tests do."""
    found: set[str] = set()
    wanted = ["hotshoe"]
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        found.add(name)
        installed = distribution(name)
        for text in installed.requires or ():
            needed = Requirement(text)
            if not needed.marker or needed.marker.evaluate({"extra": ""}):
                wanted.append(needed.name.lower())
        if name != "hotshoe":
            root = Path(str(installed.locate_file("")))
            for file in installed.files or ():
                path = root / file
                if ".." not in file.parts and path.is_file() and path.suffix != ".pyc":
                    yield path


def _put_hotshoe(home: Home) -> None:
    """An environment on the server with hotshoe, as a person has it after pip install."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    site = PurePosixPath(THERE) / "lib" / version / "site-packages"
    home.sh(home.server, f"python3 -m venv --without-pip {THERE}")
    packed = io.BytesIO()
    root = Path(str(distribution("click").locate_file("")))
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in _packages():
            tar.add(path, str(site / path.relative_to(root)))
        for part in ("deploy.py", "hotshoe", "roles", "templates", "pyproject.toml"):
            tar.add(PROJECT / part, f"{THERE}/project/{part}", filter=_without_caches)
        info = distribution("hotshoe")
        for name in ("METADATA", "entry_points.txt"):
            text = (info.read_text(name) or "").encode()
            member = tarfile.TarInfo(str(site / "hotshoe-0.dist-info" / name))
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    unpack = podman.inside(home.stage.container(home.server), "tar", "-xf", "-", "-C", "/")
    subprocess.run(unpack, input=packed.getvalue(), check=True)
    programs = {
        "hotshoe": "hotshoe.cli",
        "pyinfra": "pyinfra_cli.main",
        "ansible-vault": "ansible.cli.vault",
    }
    for name, module in programs.items():
        text = f"#!{THERE}/bin/python3\nimport sys\nfrom {module} import main\nsys.exit(main())\n"
        podman.execute(
            home.stage.container(home.server),
            *("sh", "-c", 'cat >"$0" && chmod 755 "$0"', f"{THERE}/bin/{name}"),
            input_text=text,
        )
    home.sh(home.server, f"echo {THERE}/project >{site}/hotshoe.pth")
    # As pip does; the service may not write there.
    home.sh(home.server, f"{THERE}/bin/python3 -m compileall -q {THERE} >/dev/null 2>&1 || true")


def _without_caches(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member


def _put(home: Home, folder: Path, there: str) -> None:
    podman.put(list(folder.iterdir()), home.stage.container(home.server), PurePosixPath(there))


def test_the_timer_deploys_what_is_signed(pulled: Pulled) -> None:
    home = pulled.home
    said = pulled.site.replace("cameras:", "ftp: {passive_ports: 51000-51099}\ncameras:")
    commit = pulled.push(said, "Other passive ports")
    wait_until(lambda: pulled.deployed() == commit, 400)
    conf = home.sh(home.server, "cat /etc/hotshoe/vsftpd.conf")
    assert "pasv_min_port=51000" in conf
    home.uploads_work()
    # Nothing has been overlooked, and nothing is done twice.
    home.sh(home.server, "systemctl stop hotshoe-pull.timer")
    status, told = pulled.look()
    assert (status, "deploying" in told) == (0, False)
    hooks = home.sh(home.server, "journalctl --quiet --output cat --identifier told")
    assert f"applied {commit} nobody" in hooks.splitlines()
    assert home.exposure(home.server, "hotshoe-pull.service") < 4


def test_what_is_not_signed_or_was_rewound_changes_nothing(pulled: Pulled) -> None:
    held, changed = pulled.deployed(), pulled.site.replace("a7", "a7-new")
    unsigned = pulled.push(changed, "Not signed", by=None)
    pulled.refuses(
        f"commit {unsigned} ('Not signed', by Ann <ann@example.net>): it is not", unsigned
    )
    # Told once, and not at each look.
    status, told = pulled.look()
    assert (status, "refused" in told) == (1, False)
    assert "refused, since" in pulled.status()
    pulled.rewind(held)
    strange = pulled.push(changed, "By a stranger", by=STRANGER)
    pulled.refuses("which is none of those that may sign", strange)
    pulled.rewind(held)
    below = pulled.push(changed, "Not signed either", by=None)
    pulled.push(pulled.site, "Signed, on top of it")
    pulled.refuses(f"commit {below} ('Not signed either'", below)
    pulled.rewind(held)
    # Somebody who may sign no more.
    home = pulled.home
    signers = "/etc/hotshoe-pull/allowed_signers"
    home.sh(home.server, f"mv {signers} {signers}.away; echo '# nobody' >{signers}")
    late = pulled.push(changed, "Too late")
    pulled.refuses("it is signed with the key", late)
    home.sh(home.server, f"mv {signers}.away {signers}")
    # The commit before the one that is deployed.
    pulled.rewind(f"{held}~1")
    before = pulled.origin.git("rev-parse", "HEAD")
    pulled.refuses(f"does not come after {held}", before)
    pulled.rewind(held)
    assert (pulled.look()[0], pulled.deployed()) == (0, held)


def test_a_server_that_is_down_is_waited_for_and_told_once(pulled: Pulled) -> None:
    home, held = pulled.home, pulled.deployed()
    home.sh(LAPTOP, "kill $(cat /run/sshd.pid)")
    status, told = pulled.look()
    assert status == 2
    assert "the repository cannot be fetched, and is asked again each time" in told
    status, told = pulled.look()
    assert (status, "cannot be fetched" in told) == (2, False)
    assert "waiting, since" in pulled.status()
    assert home.succeeds(home.server, "! systemctl is-failed --quiet hotshoe-pull")
    home.sh(LAPTOP, "/usr/sbin/sshd")
    status, told = pulled.look()
    assert (status, pulled.deployed()) == (0, held)
    assert "the repository can be fetched again" in told


def test_a_commit_that_breaks_uploads_is_taken_back_by_itself(pulled: Pulled) -> None:
    home, held = pulled.home, pulled.deployed()
    home.uploads_work()
    bad = pulled.push(pulled.site.replace("cameras:", f"{NO_ROOM}cameras:"), "No room")
    status, told = pulled.look()
    assert status == 1
    assert f"commit {bad} ('No room', by Ann <ann@example.net>) is given up: " in told
    assert "what worked before does not work any more: home darkroom: " in told
    assert f"gone back to the last good commit, {held}" in told
    assert pulled.deployed() == held
    home.uploads_work()
    hooks = home.sh(home.server, "journalctl --quiet --output cat --identifier told")
    assert f"failed {bad} nobody" in hooks.splitlines()
    # Nor is it tried again, until there is a newer one.
    status, told = pulled.look()
    assert (status, "deploying" in told) == (1, False)
    assert "failed, since" in pulled.status()
    good = pulled.push(pulled.site, "As it was")
    assert pulled.look()[0] == 0
    assert pulled.deployed() == good
    home.uploads_work()


FAILS = """
from pyinfra.operations import server
server.shell(name="Fail", commands=["echo no such thing >&2; exit 1"])
"""


def test_a_testing_branch_is_deployed_taken_back_and_gone(pulled: Pulled) -> None:
    home, held = pulled.home, pulled.deployed()
    ports = "grep pasv_min_port /etc/hotshoe/vsftpd.conf"
    before = home.sh(home.server, ports)
    tried = pulled.push_testing("Tried", ports=53000)
    assert pulled.look()[0] == 0
    assert f"deployed       {tried}, of the testing branch try, since " in pulled.status()
    assert "pasv_min_port=53000" in home.sh(home.server, ports)
    home.uploads_work()
    metrics = home.sh(
        home.server, "runuser -u nobody -- cat /var/lib/hotshoe-pull/metrics.prom"
    ).splitlines()
    assert f'hotshoe_pull_deployed_info{{commit="{tried}",branch="try"}} 1' in metrics
    assert 'hotshoe_pull_check{outcome="fine"} 1' in metrics
    private = "cd /var/lib/hotshoe-pull && find . -mindepth 1 -maxdepth 1 -perm /077 -printf '%f '"
    assert home.sh(home.server, private).split() == ["metrics.prom"]

    bad = pulled.push_testing("Bad", addition=FAILS, ports=54000)
    status, told = pulled.look()
    assert status == 1
    assert f"commit {bad} ('Bad', by Ann <ann@example.net>) of the testing branch try is" in told
    assert "no such thing" in told
    assert pulled.deployed() == held
    assert home.sh(home.server, ports) == before
    hooks = home.sh(home.server, "journalctl --quiet --output cat --identifier told")
    assert f"testing-failed {bad} nobody" in hooks.splitlines()

    pulled.origin.git("branch", "--quiet", "--force", "try", tried)
    pulled.publish("try")
    assert (pulled.look()[0], pulled.deployed()) == (0, tried)
    pulled.publish(":try")
    assert (pulled.look()[0], pulled.deployed()) == (0, held)
    assert home.sh(home.server, ports) == before
    home.uploads_work()


def test_a_power_cut_in_the_middle_of_a_deploy_is_healed(pulled: Pulled) -> None:
    home = pulled.home
    said = pulled.site.replace("cameras:", "ftp: {passive_ports: 52000-52099}\ncameras:")
    commit = pulled.push(said, "Again other passive ports")
    home.sh(home.server, "systemctl start --no-block hotshoe-pull")
    begun = 'grep -q \'"deploying": "[0-9a-f]\' /var/lib/hotshoe-pull/state.json'
    wait_until(lambda: home.succeeds(home.server, begun), 300)
    home.stage.reboot(home.server)
    # By the timer, which looks as soon as the box is up.
    wait_until(lambda: pulled.deployed() == commit, 400)
    home.sh(home.server, "systemctl stop hotshoe-pull.timer")
    assert "pasv_min_port=52000" in home.sh(home.server, "cat /etc/hotshoe/vsftpd.conf")
    home.uploads_work()


def test_nothing_is_left_of_it(pulled: Pulled) -> None:
    home = pulled.home
    # It would remove what exists only once.
    assert not home.succeeds(home.server, f"{PULL} uninstall")
    home.sh(home.server, f"{PULL} uninstall --keep-pki /root/kept")
    left = home.sh(
        home.server,
        "find / -xdev -name '*hotshoe-pull*' -not -path '/opt/*' -not -path '/proc/*'; "
        "systemctl list-unit-files --no-legend 'hotshoe-pull*'; "
        "grep hotshoe-pull /root/.ssh/authorized_keys || true",
    )
    assert left == ""
    assert home.sh(home.server, "ls /root/kept") == f"{home.plan.hostname}\n"
    _ready.clear()
    home.uploads_work()
