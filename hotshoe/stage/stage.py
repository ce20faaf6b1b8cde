"""Put a stage up, take it down, and reach what is on it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hotshoe.errors import HotshoeError
from hotshoe.plan import manual_setup
from hotshoe.plan.model import Plan
from hotshoe.stage import image, internet, mirror, openwrt_router, podman, router_by_hand
from hotshoe.stage.podman import run
from hotshoe.stage.topology import INTERNET, Node, Port, Topology, make_topology

FOLDER = ".stage"
IMAGES_LOCK = Path("/run/hotshoe-images.lock")
BOOT_SECONDS = 30
Say = Callable[[str], None]
_PRIVILEGED = (
    "--systemd=always",
    "--privileged",
    # sshd -i behind a pipe looks up its peer's "address"; without DNS that takes 40 s.
    "--add-host=UNKNOWN:127.0.0.1",
)
# How many each kind has open: systemd, logind and D-Bus several, and dnsmasq one.
_INOTIFY_INSTANCES = {"device": 6, "openwrt": 1, "client": 1}
# How each kind tells the public half of its host key.
_HOST_KEY = {
    "device": "cat /etc/ssh/ssh_host_ed25519_key.pub",
    "openwrt": openwrt_router.PUBLIC_KEY,
}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until nobody else, in this process or another, holds the lock of this file."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Stage:
    """The containers of one Site of one checkout.

    :param site: the Site's name
    :param root: the checkout; its path is part of every name, so two never disturb each other
    :param plan: the home
    :param topology: what is on the stage
    :param release: the Debian release of servers and routers
    """

    site: str
    root: Path
    plan: Plan
    topology: Topology
    release: str = image.DEFAULT_RELEASE

    @classmethod
    def of(cls, site: str, plan: Plan, root: Path, release: str = image.DEFAULT_RELEASE) -> Stage:
        """The stage for a Plan."""
        return cls(site, root.resolve(), plan, make_topology(plan), release)

    @property
    def id(self) -> str:
        """Marks everything of this stage; short, since interface names are."""
        return hashlib.sha256(f"{self.root}:{self.site}".encode()).hexdigest()[:8]

    @property
    def label(self) -> str:
        """The podman label of its containers."""
        return f"hotshoe.stage={self.id}"

    @property
    def folder(self) -> Path:
        """Where its SSH key and configuration are."""
        return self.root / FOLDER / self.site

    @property
    def ssh_config(self) -> Path:
        """An ssh_config(5) file that reaches servers and routers.

        Debian's without any network; OpenWrt's from a neighbour in the LAN, through the firewall.
        """
        return self.folder / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        """The host keys of servers and routers."""
        return self.folder / "known_hosts"

    def container(self, node: str) -> str:
        """The container that plays a device."""
        return f"hotshoe-{self.id}-{node}"

    def switch(self, segment: str) -> str:
        """The network namespace that plays a switch."""
        return f"hotshoe-{self.id}-{segment}"

    def node(self, name: str) -> Node:
        """The device of that name.

        :raises HotshoeError: if there is none
        """
        for node in self.topology.nodes:
            if node.name == name:
                return node
        names = ", ".join(node.name for node in self.topology.nodes)
        raise HotshoeError(f"{name}: there is no such device on the stage; it has {names}")

    # -- up and down

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One command at a time changes a stage."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "lock"):
            yield

    def up(self, say: Say = print) -> None:
        """Put the stage up, after clearing away what an earlier run left.

        :raises HotshoeError: if this machine cannot, or a container does not boot
        """
        if reason := podman.why_no_stage():
            raise HotshoeError(reason)
        with self._locked():
            self._clear()
            needed = sum(_INOTIFY_INSTANCES[node.image] for node in self.topology.nodes)
            if reason := podman.why_crowded(needed):
                raise HotshoeError(reason)
            self._images(say)
            self._make_key()
            podman.PID_FILES.mkdir(exist_ok=True)
            nodes = self.topology.nodes
            with ThreadPoolExecutor(len(nodes)) as pool:
                list(pool.map(self._start, nodes))
            for segment in self.topology.segments:
                self._make_switch(segment)
            for node in nodes:
                self._plug(node)
            self._connect_internet()
            for node in nodes:
                self._set_up_by_hand(node)
            with ThreadPoolExecutor(len(nodes)) as pool:
                list(pool.map(self._wait, nodes))
            self._write_ssh_config()

    def down(self) -> None:
        """Take everything away that belongs to this stage; harmless when there is nothing."""
        with self._locked():
            self._clear()

    def reboot(self, name: str) -> None:
        """Restart a device: new kernel state for its network, and whatever its disk says."""
        with self._locked():
            node = self.node(name)
            # The kernel takes its time to forget the old namespace, and the cables with it.
            for port in node.ports:
                far, switch = self._far_end(node, port), self.switch(port.segment)
                run("ip", "-n", switch, "link", "delete", far, check=False)
            run("podman", "restart", "--time=5", self.container(name))
            self._plug(node)
            self._set_up_by_hand(node)
            self._wait(node)

    def is_up(self) -> bool:
        """Whether all its containers run."""
        running = [c for c in podman.containers(self.label) if c["State"] == "running"]
        return len(running) == len(self.topology.nodes)

    def status(self) -> list[tuple[str, str, str]]:
        """Each device, its state, and its addresses."""
        states = {c["Names"][0]: c["State"] for c in podman.containers(self.label)}
        return [
            (
                node.name,
                states.get(self.container(node.name), "absent"),
                ", ".join(
                    f"{port.name} {address}"
                    for port in node.ports
                    for address in (port.address, port.address6)
                    if address
                ),
            )
            for node in self.topology.nodes
        ]

    def _clear(self) -> None:
        names = [c["Names"][0] for c in podman.containers(self.label)]
        if names:
            run("podman", "rm", "--force", "--time=0", "--volumes", *names)
            for name in names:
                podman.pid_file(name).unlink(missing_ok=True)
        spaces = json.loads(run("ip", "-json", "netns", "list") or "[]")
        for space in spaces:
            if space["name"].startswith(f"hotshoe-{self.id}-"):
                run("ip", "netns", "delete", space["name"])

    def _images(self, say: Say) -> None:
        for kind in sorted({node.image for node in self.topology.nodes}):
            release = self._release(kind)
            # Every stage of this machine has the same images.
            with locked(IMAGES_LOCK):
                if not image.exists(kind, release):
                    say(f"making {image.describe(kind, release)} (once, about 20 seconds)")
                    image.build(kind, release)
        if self._standins():
            say(f"{', '.join(self._standins())}: played by {openwrt_router.STANDIN_NAME}")

    def _release(self, kind: str) -> str:
        return self.release if kind == "device" else image.DEFAULT_RELEASE

    def _standins(self) -> list[str]:
        """The routers that only look like OpenWrt."""
        routers = [node.name for node in self.topology.nodes if node.image == "openwrt"]
        return routers if openwrt_router.is_standin() else []

    def _make_key(self) -> None:
        key = self.folder / "id_ed25519"
        if not key.exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "stage", "-f", str(key))

    def _start(self, node: Node) -> None:
        network = "none"
        volumes: tuple[str, ...] = ()
        if node.name == INTERNET:
            network, volumes = internet.NETWORK, internet.VOLUMES
            mirror.CACHE.mkdir(parents=True, exist_ok=True)
        command, rights = {
            "device": (["/sbin/init"], [*_PRIVILEGED, "--stop-signal=SIGRTMIN+3"]),
            "client": (["sleep", "infinity"], [*_PRIVILEGED, "--stop-signal=SIGKILL"]),
            "openwrt": (
                ["/bin/sh", "-c", openwrt_router.BOOT],
                [*openwrt_router.RUNTIME, f"--volume={self._named(node)}:{podman.NAMED[1]}:ro"],
            ),
        }[node.image]
        run(
            "podman",
            "run",
            "--detach",
            f"--name={self.container(node.name)}",
            f"--hostname={node.name}",
            f"--label={self.label}",
            f"--pidfile={podman.pid_file(self.container(node.name))}",
            f"--network={network}",
            # A new namespace would inherit this from the host; a router has to turn it on itself.
            "--sysctl=net.ipv4.ip_forward=0",
            *rights,
            *volumes,
            *podman.runtime_arguments(),
            image.tag(node.image, self._release(node.image)),
            *command,
        )
        key = (self.folder / "id_ed25519.pub").read_text()
        if node.image == "openwrt":
            commands = openwrt_router.set_up(self.topology, node, key, self._ssh_port(node))
            script = "\n".join(commands)
            podman.execute(self.container(node.name), "sh", "-s", input_text=script)
        elif node.image == "device":
            podman.execute(
                self.container(node.name),
                "sh",
                "-c",
                "install -d -m 700 /root/.ssh && cat >/root/.ssh/authorized_keys",
                input_text=key,
            )

    def _named(self, node: Node) -> Path:
        """A file that says in a container which it is, where podman itself writes none."""
        path = self.folder / f"{node.name}.containerenv"
        path.write_text(f'name="{self.container(node.name)}"\n')
        return path

    def _ssh_port(self, node: Node) -> int:
        ports = {router.name: router.ssh_port for router in self.plan.routers}
        ports |= {server.name: server.ssh_port for server in self.plan.servers}
        return ports[node.name]

    def _wait(self, node: Node) -> None:
        """Wait until a device has booted."""
        if node.image == "device":
            # And what a deploy put there has been started, after a reboot.
            jobs = "systemctl list-jobs --no-legend 'hotshoe-*'"
            ready = f'systemctl is-active --quiet ssh.service && test -z "$({jobs})"'
            probe = or_else = f"{ready} && test -S /dev/log"
        elif node.image == "openwrt":
            probe, or_else = openwrt_router.probes(node, self._ssh_port(node))
        else:
            return
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline:
            done = subprocess.run(
                podman.inside(self.container(node.name), "sh", "-c", probe),
                capture_output=True,
                check=False,
            )
            if done.returncode == 0:
                return
            if time.monotonic() > deadline - BOOT_SECONDS / 2:
                probe = or_else
            time.sleep(0.1)
        log = run("podman", "logs", self.container(node.name), check=False)[-2000:]
        reason = podman.why_crowded(1) or log
        raise HotshoeError(f"{node.name}: did not boot within {BOOT_SECONDS} s\n{reason}")

    # -- cables

    def _make_switch(self, segment: str) -> None:
        """A bridge in a namespace of its own, which filters nothing."""
        space = self.switch(segment)
        run("ip", "netns", "add", space)
        script = (
            "for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ -e $f ] && echo 0 >$f; done; "
            "ip link add name bridge0 type bridge && ip link set bridge0 up"
        )
        run("ip", "netns", "exec", space, "sh", "-c", script)

    def _far_end(self, node: Node, port: Port) -> str:
        """The name of a cable's end in the switch."""
        # Not the device's name: an interface's name has at most 15 characters.
        return f"node{self.topology.nodes.index(node)}-{port.name}"

    def _plug(self, node: Node) -> None:
        """Give a container its interfaces and addresses; the kernel forgets them at a restart."""
        container = self.container(node.name)
        process = podman.pid(container)
        lines: list[str] = []
        for port in node.ports:
            far = self._far_end(node, port)
            switch = self.switch(port.segment)
            run(
                "ip", "-n", switch, "link", "add", "name", far, "type", "veth",
                "peer", "name", port.name, "address", port.mac, "netns", str(process),
            )  # fmt: skip
            run("ip", "-n", switch, "link", "set", far, "master", "bridge0", "up")
            lines += [f"address add {port.address} dev {port.name}"]
            if port.address6:
                lines += [f"address add {port.address6} dev {port.name} nodad"]
            lines += [f"link set {port.name} up"]
        if node.image == "openwrt":
            return  # all else is its own, from /etc/config/network
        if node.gateway:
            lines += [f"route add default via {node.gateway}"]
        if node.gateway6:
            # A link-local gateway is nowhere without its interface.
            lines += [f"route add default via {node.gateway6} dev {node.ports[0].name}"]
        run(
            "nsenter", f"--target={process}", "--net", "ip", "-batch", "-",
            input_text="\n".join(lines),
        )  # fmt: skip
        if node.name != INTERNET:
            podman.execute(
                container,
                "sh",
                "-c",
                "cat >/etc/resolv.conf",
                input_text=f"nameserver {self.topology.resolver}\n",
            )

    def _connect_internet(self) -> None:
        there = self.container(INTERNET)
        podman.execute(there, "sh", "-c", internet.script(self.topology))
        if relay := internet.relay(self.plan):
            podman.execute(there, "nft", "-f", "-", input_text=relay)
            outermost = self.container(self.plan.routers[0].name)
            podman.execute(outermost, "sh", "-c", internet.own_ports(self.plan))

    def _set_up_by_hand(self, node: Node) -> None:
        """What a person does with a worksheet, at a router that only a person can configure."""
        if node.name not in self.topology.by_hand:
            return
        rows = manual_setup.rows(self.plan, self.plan.router(node.name))
        podman.execute(self.container(node.name), "sh", "-e", "-c", router_by_hand.script(rows))

    # -- SSH

    def _write_ssh_config(self) -> None:
        """One entry a device, by the address that the inventory gives pyinfra."""
        entries, known_hosts = [], []
        for node in self.topology.nodes:
            if node.image == "client":
                continue
            addresses = " ".join(str(port.address.ip) for port in node.ports)
            names, ssh_port = [node.name, *addresses.split()], self._ssh_port(node)
            key = podman.execute(self.container(node.name), "sh", "-c", _HOST_KEY[node.image])
            sshd = podman.inside(self.container(node.name), "/usr/sbin/sshd", "-i")
            proxy = shlex.join(sshd)
            if node.image == "openwrt":
                neighbour = self.container(self.topology.neighbour(node).name)
                proxy = openwrt_router.proxy_command(self.topology, node, neighbour, ssh_port)
            names += [f"[{name}]:{ssh_port}" for name in names if ssh_port != 22]
            known_hosts += [f"{name} {key}" for name in names]
            entries.append(
                f"Host {node.name} {addresses}\n"
                f"    ProxyCommand {proxy}\n"
                f"    User root\n"
                f'    IdentityFile "{self.folder / "id_ed25519"}"\n'
                f'    UserKnownHostsFile "{self.known_hosts}"\n'
            )
        self.known_hosts.write_text("".join(known_hosts))
        self.ssh_config.write_text("\n".join(entries))

    def pyinfra_arguments(self) -> list[str]:
        """What makes pyinfra deploy to this stage instead of the home."""
        data = {
            "ssh_config_file": self.ssh_config,
            # pyinfra takes a path with a space in ssh_config(5) for two, whatever the quotes.
            "ssh_known_hosts_file": self.known_hosts,
            "stage": self.folder,
        }
        return [word for key, path in data.items() for word in ("--data", f"{key}={path}")]
