"""The other sides of deliveries, played by real servers: OpenSSH, Samba, WsgiDAV, moto (S3).

OpenSSH and Samba run in a container of their own in the network of a computer at home; the other
two on this computer (``tests/clients/peer.py``), in that of the camera, which plays the Internet.
"""

from __future__ import annotations

import json
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hotshoe.secrets.delivery_keys import KeyPair, sftp_key
from hotshoe.stage import image, podman
from hotshoe.stage.devices import Device
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import CAMERA
from tests.stage import clients
from tests.stage.home import Home

image.PACKAGES["peer"] = [
    *("openssh-server", "samba", "nftables", "iproute2", "procps", "python3-minimal")
]
image._OPTIONS["peer"] = ()
ROOM = "64M"
PASSWORD = "a5word8forpeers"
# Change a bit of a file, and let its times be.
_FLIP = """
import os, sys
path = sys.argv[1]
times = os.stat(path)
with open(path, "r+b") as file:
    file.seek(100)
    byte = file.read(1)[0]
    file.seek(100)
    file.write(bytes([byte ^ 1]))
os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
"""


def host_key(name: str) -> KeyPair:
    """The host key of a peer."""
    return sftp_key("of a test", "peer", name)


class Peer(ABC):
    """The other side of a delivery.

    :param name: of the delivery
    :param port: where it answers
    :param network: the container in whose network it is
    """

    name: str
    port: int
    network: str

    @abstractmethod
    def digests(self) -> dict[str, str]:
        """The SHA-256 of all that it has, by the name from the delivery's folder on."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove something that it has, as another user may do there."""

    @abstractmethod
    def change(self, name: str) -> None:
        """Change a bit of something that it has; its size and its times stay."""

    @contextmanager
    def wrong_password(self) -> Iterator[None]:
        """Let whoever has the password that the vault has not in."""
        self.let_in("another" + PASSWORD)
        try:
            yield
        finally:
            self.let_in(PASSWORD)

    def let_in(self, password: str) -> None:
        """Let in whoever has this password, from now on."""
        raise NotImplementedError

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Answer nobody, and cut who is there."""
        with self.packets("tcp dport {port} reject with tcp reset"):
            yield

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Take every packet, and answer none."""
        with self.packets("tcp dport {port} drop"):
            yield

    @contextmanager
    def cut_after(self, size: int) -> Iterator[None]:
        """Cut everybody once so many bytes have come."""
        with self.packets(f"tcp dport {{port}} quota over {size} bytes reject with tcp reset"):
            yield

    @contextmanager
    def packets(self, rule: str) -> Iterator[None]:
        """Have a rule for what comes in."""
        with self._table(f"peer_{self.name}", -5, rule):
            yield

    def received(self) -> int:
        """How many bytes have come in to its port, since :meth:`counting` began."""
        said = podman.execute(self.network, "nft", "list", "table", "inet", f"count_{self.name}")
        return int(said.partition(" bytes ")[2].split()[0])

    @contextmanager
    def counting(self, which: str = "") -> Iterator[None]:
        """Count what comes in.

        :param which: only what nft finds to be so
        """
        with self._table(f"count_{self.name}", -9, f"tcp dport {{port}} {which} counter"):
            yield

    @contextmanager
    def _table(self, table: str, priority: int, rule: str) -> Iterator[None]:
        """Have a table of one rule in the network where it is."""
        chain = f"type filter hook input priority {priority}; {rule.format(port=self.port)}"
        self._nft(f"table inet {table} {{\nchain in {{ {chain}; }}\n}}\n")
        try:
            yield
        finally:
            self._nft(f"delete table inet {table}")

    def _nft(self, rules: str) -> None:
        podman.execute(self.network, "nft", "-f", "-", input_text=rules)


@dataclass
class Folder(Peer):
    """One that has a folder in a container.

    :param container: its container
    :param folder: the delivery's, there
    """

    name: str
    port: int
    network: str
    container: str
    folder: str

    def sh(self, script: str, text: str = "") -> str:
        return podman.execute(self.container, "sh", "-c", script, input_text=text)

    def digests(self) -> dict[str, str]:
        listing = self.sh(f"cd {self.folder} && find . -type f -exec sha256sum {{}} +")
        return {line[66:].removeprefix("./"): line[:64] for line in listing.splitlines()}

    def remove(self, name: str) -> None:
        self.sh(f"rm '{self.folder}/{name}'")

    def change(self, name: str) -> None:
        self.sh(f"python3 - '{self.folder}/{name}'", _FLIP)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Have no room any more."""
        self.sh(f"head -c 1G /dev/zero >{self.folder}/fill 2>/dev/null || true")
        try:
            yield
        finally:
            self.sh(f"rm {self.folder}/fill")


class Ssh(Folder):
    """OpenSSH; each with a daemon, a user and a host key of its own."""

    def __init__(
        self, home: Home, name: str, user: str, port: int, node: str, key: str = ""
    ) -> None:
        container = sidecar(home.stage, node)
        super().__init__(name, port, home.stage.container(node), container, f"/home/{user}/in")
        self._user, self._key = user, key
        self.sh(
            f"useradd --create-home --shell /bin/bash {user} && "
            f"install -d -m 700 -o {user} /home/{user}/.ssh {self.folder} && "
            f"mkdir -p /run/sshd /root/{name} && "
            f"mount -t tmpfs -o size={ROOM},mode=700,uid=$(id -u {user}) tmpfs {self.folder}"
        )
        if key:
            self.authorize(key)
        self.let_in(PASSWORD)

    def let_in(self, password: str) -> None:
        self.sh("chpasswd", f"{self._user}:{password}")
        self.show(host_key(self.name))

    def authorize(self, line: str) -> None:
        file = f"/home/{self._user}/.ssh/authorized_keys"
        self.sh(f"cat >{file}; chown {self._user}: {file}", line)

    @contextmanager
    def without_the_key(self) -> Iterator[None]:
        """Let the server's key in no more."""
        self.authorize("")
        self.show(host_key(self.name))
        try:
            yield
        finally:
            self.authorize(self._key)

    @contextmanager
    def another_host_key(self) -> Iterator[None]:
        """As if it were set up anew, or another one in its place."""
        self.show(host_key("another"))
        try:
            yield
        finally:
            self.show(host_key(self.name))

    def show(self, key: KeyPair) -> None:
        """Start anew, with this host key; who is there is cut."""
        folder = f"/root/{self.name}"
        configuration = (
            f"Port {self.port}\nHostKey {folder}/key\nPidFile {folder}/pid\nUsePAM no\n"
            f"PasswordAuthentication {'no' if self._key else 'yes'}\nAllowUsers {self._user}\n"
            "Subsystem sftp internal-sftp\nMaxStartups 50\n"
        )
        self.sh(f"umask 077; cat >{folder}/key", key.private)
        self.sh(f"cat >{folder}/sshd_config", configuration)
        # Sessions have the user's rights, and a process of root's each.
        self.sh(
            f"if [ -e {folder}/pid ]; then kill $(cat {folder}/pid); "
            f"pkill -u {self._user} || true; rm -f {folder}/pid; fi; "
            f"until /usr/sbin/sshd -f {folder}/sshd_config; do sleep 0.1; done"
        )


class Samba(Folder):
    """Samba, with one share."""

    def __init__(self, home: Home, name: str, node: str) -> None:
        container = sidecar(home.stage, node)
        super().__init__(name, 445, home.stage.container(node), container, "/srv/share/in")
        self.sh(
            "useradd --no-create-home sam && mkdir -p /srv/share /root/smb && "
            f"mount -t tmpfs -o size={ROOM},mode=700,uid=$(id -u sam) tmpfs /srv/share && "
            "install -d -o sam /srv/share/in"
        )
        folders = "".join(
            f"{each} = /root/smb\n"
            for each in (
                "private dir",
                "lock directory",
                "state directory",
                "cache directory",
                "pid directory",
                "ncalrpc dir",
            )
        )
        self.sh(
            "cat >/root/smb/smb.conf",
            f"[global]\nserver role = standalone server\ndisable netbios = yes\nsmb ports = 445\n"
            f"map to guest = never\npassdb backend = tdbsam:/root/smb/passdb.tdb\n{folders}"
            "log file = /root/smb/log\nload printers = no\n"
            "[photos]\npath = /srv/share\nread only = no\nvalid users = sam\n",
        )
        self.let_in(PASSWORD)

    def let_in(self, password: str) -> None:
        self.sh("smbpasswd -c /root/smb/smb.conf -a -s sam", f"{password}\n{password}\n")
        self.sh(
            # Nobody waits for those that have ended.
            "pkill smbd; while pgrep -r D,R,S smbd >/dev/null; do sleep 0.1; done; "
            "smbd -D -s /root/smb/smb.conf"
        )


class Served(Peer):
    """WebDAV or S3, over TLS; ``tests/clients/peer.py``.

    :param here: the folder with its certificate
    :param more: of what that is told
    """

    def __init__(self, home: Home, name: str, here: Path, **more: Any) -> None:
        self.name, self.port = name, more["port"]
        self.network = home.stage.container(CAMERA)
        order = {
            "address": "0.0.0.0",
            "certificate": str(here / "peer.pem"),
            "key": str(here / "peer.key"),
            "password": PASSWORD,
            **more,
        }
        holder = str(podman.pid(self.network))
        begin = 'exec "$@"'
        if "folder" in order:
            begin = f"mount -t tmpfs -o size={ROOM} tmpfs '{order['folder']}' && {begin}"
        self._process = subprocess.Popen(
            [
                *("nsenter", "--net", f"--target={holder}", "unshare", "--mount"),
                *("sh", "-c", begin, "peer"),
                *(str(clients.PYTHON), str(clients.HERE / "peer.py")),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.ask(order) == "ready"

    def ask(self, what: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def end(self) -> None:
        self._process.kill()
        self._process.wait()

    def digests(self) -> dict[str, str]:
        found: dict[str, str] = self.ask(["digests"])
        return {name.removeprefix("in/"): digest for name, digest in found.items()}

    def remove(self, name: str) -> None:
        self.ask(["remove", f"in/{name}"])

    def change(self, name: str) -> None:
        self.ask(["change", f"in/{name}"])

    def let_in(self, password: str) -> None:
        self.ask(["password", password])

    @contextmanager
    def full(self) -> Iterator[None]:
        """Have no room any more."""
        self.ask(["full", True])
        try:
            yield
        finally:
            self.ask(["full", False])

    @contextmanager
    def without_the_bucket(self) -> Iterator[None]:
        """Have no such bucket."""
        self.ask(["bucket", False])
        try:
            yield
        finally:
            self.ask(["bucket", True])


def sidecar(stage: Stage, node: str) -> str:
    """The container of peers in the network of a device, which goes when the stage does."""
    name = f"{stage.container(node)}-peer"
    if any(name in each["Names"] for each in podman.containers(stage.label)):
        return name
    made = image.DebianImage("peer", image.DEFAULT_RELEASE)
    if not made.exists():
        made.build()
    podman.run(
        *("podman", "run", "--detach", f"--name={name}", f"--label={stage.label}", "--privileged"),
        # By its path, so that the two may be removed in any order.
        f"--network=ns:/proc/{podman.pid(stage.container(node))}/ns/net",
        f"--pidfile={podman.pid_file(name)}",
        *podman.runtime_arguments(),
        *(made.tag, "sleep", "infinity"),
    )
    return name


def certify(folder: Path, names: Sequence[str], device: Device) -> None:
    """Make a certificate for these names, which a device trusts."""
    alternatives = ",".join(f"DNS:{name}" for name in names)
    podman.run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={alternatives}"),
        *("-keyout", str(folder / "peer.key"), "-out", str(folder / "peer.pem")),
    )
    device.trust((folder / "peer.pem").read_text(), "peers")
