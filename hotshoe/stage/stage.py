"""Put a stage up, take it down, and reach what is on it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import IPv4Address
from pathlib import Path

from hotshoe.debian.acme import STAGE_CA_BUNDLE
from hotshoe.errors import HotshoeError
from hotshoe.plan import manual_setup
from hotshoe.plan.model import Plan, ServerPlan
from hotshoe.stage import (
    acme,
    cables,
    image,
    internet,
    mirror,
    openwrt_router,
    podman,
    router_by_hand,
)
from hotshoe.stage.devices import KINDS, Device
from hotshoe.stage.podman import run
from hotshoe.stage.topology import (
    CAMERA,
    FIRST_PUBLIC_ADDRESS,
    INTERNET,
    TETHERED,
    Node,
    Port,
    Topology,
    make_topology,
)
from hotshoe.stage.wan import Wan, provider_lines, route_lines, translation

FOLDER = ".stage"
IMAGES_LOCK = Path("/run/hotshoe-images.lock")
BOOT_SECONDS = 30
Say = Callable[[str], None]


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
    :param prepared: whether these have the packages that hotshoe installs
    """

    site: str
    root: Path
    plan: Plan
    topology: Topology
    release: str = image.DEFAULT_RELEASE
    prepared: bool = False

    @classmethod
    def of(
        cls,
        site: str,
        plan: Plan,
        root: Path,
        release: str = image.DEFAULT_RELEASE,
        *,
        prepared: bool = False,
    ) -> Stage:
        """The stage for a Plan."""
        return cls(site, root.resolve(), plan, make_topology(plan), release, prepared)

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
        """An ssh_config(5) file that reaches servers, routers, cameras and laptops.

        Debian's without any network; OpenWrt's from a neighbour in the LAN, through the firewall.
        """
        return self.folder / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        """The host keys of servers, routers and computers that fetch."""
        return self.folder / "known_hosts"

    def dialled(self, server: ServerPlan) -> str:
        """What cameras dial: the home's name, or an address on a direct link."""
        return str(self.topology.direct.get(server.name, server.hostname))

    def camera_of(self, servers: Sequence[ServerPlan]) -> str:
        """The device that plays the camera of servers: on their direct link, if all have one."""
        return TETHERED if all(server.only_on for server in servers) else CAMERA

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

    def device(self, name: str) -> Device:
        """The device of that name, as it is played.

        :raises HotshoeError: if there is none
        """
        return self.devices[self.topology.nodes.index(self.node(name))]

    @cached_property
    def devices(self) -> list[Device]:
        """All of them, in the topology's order."""
        containers = {node.name: self.container(node.name) for node in self.topology.nodes}
        ssh_ports = {router.name: router.ssh_port for router in self.plan.routers}
        ssh_ports |= {host.name: host.ssh_port for host in self.plan.hosts}
        return [
            KINDS[node.kind](
                node=node,
                container=containers[node.name],
                topology=self.topology,
                containers=containers,
                ssh_port=ssh_ports.get(node.name, 22),
                release=self.release,
                prepared=self.prepared,
                folder=self.folder,
            )
            for node in self.topology.nodes
        ]

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
            devices = self.devices
            needed = sum(device.inotify_instances for device in devices)
            if reason := podman.why_crowded(needed):
                raise HotshoeError(reason)
            self._make_images(say)
            self._make_key()
            podman.PID_FILES.mkdir(exist_ok=True)
            with ThreadPoolExecutor(len(devices)) as pool:
                list(pool.map(self._start, devices))
            for segment in self.topology.segments:
                cables.add_switch(self.switch(segment))
            for device in devices:
                self._plug(device)
            self._start_internet()
            if self.plan.port_set:
                self._limit_own_ports()
            for device in devices:
                self._set_up_by_hand(device.node)
            with ThreadPoolExecutor(len(devices)) as pool:
                list(pool.map(_wait, devices))
            if self.provider:
                self._set_record()
                self._trust(internet.AUTHORITY, "stage")
            if self.authority:
                self._trust(acme.AUTHORITY, "stage-acme")
                self._keep_roots()
            self._write_ssh_config()

    def down(self) -> None:
        """Take everything away that belongs to this stage; harmless when there is nothing."""
        with self._locked():
            self._clear()

    def reboot(self, *names: str, power_cut: bool = False) -> None:
        """Restart devices: new kernel state for their network, and whatever their disks say.

        :param names: of the devices, which are all off for a moment; every router and server if
            there are none
        :param power_cut: do not shut them down first
        """
        with self._locked():
            devices = [self.device(name) for name in names or self._boxes]
            # The kernel takes its time to forget the old namespaces, and the cables with them.
            for device in devices:
                for port in device.node.ports:
                    cables.unplug(self.switch(port.segment), self._far_end(device.node, port))
            containers = [device.container for device in devices]
            run("podman", "restart", f"--time={0 if power_cut else 5}", *containers)
            for device in devices:
                self._plug(device)
                if device.node.name == INTERNET:
                    self._start_internet()
                    # pebble keeps nothing over a restart.
                    if self.authority:
                        self._keep_roots()
                self._set_up_by_hand(device.node)
            with ThreadPoolExecutor(len(devices)) as pool:
                now = [replace(device, node=self._now(device.node)) for device in devices]
                list(pool.map(_wait, now))

    @property
    def _boxes(self) -> list[str]:
        """The names of the home's own devices."""
        routers = [router.name for router in self.plan.routers]
        return [*routers, *self.topology.servers, *self.topology.peers]

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
            for node in map(self._now, self.topology.nodes)
        ]

    # -- a public address that changes

    @cached_property
    def provider(self) -> internet.Provider | None:
        """What the Internet has for a home whose public address changes; None for others."""
        return internet.Provider.of(self.plan, self.topology)

    @property
    def wan(self) -> Wan:
        """The cable of such a home, as it is now."""
        file = self.folder / "wan"
        return Wan.parse(file.read_text()) if file.exists() else Wan.at(FIRST_PUBLIC_ADDRESS)

    def change_address(
        self, public: IPv4Address | None = None, *, carrier_grade_nat: bool = False
    ) -> Wan:
        """Have the provider give the home another public address, at once.

        :param public: the address; None for the next one
        :param carrier_grade_nat: whether the home only shares it: its router gets an address of
            100.64.0.0/10, and nobody outside can open connections to it
        :raises HotshoeError: if the home has a fixed one, or no home can have this one
        """
        if not self.provider:
            raise HotshoeError(
                f"{self.plan.public_address}: the public address of this Site does not change\n"
                "    -> write public_address: dynamic"
            )
        with self._locked():
            before = self.wan
            wan = Wan.at(public or before.next_address(), carrier_grade_nat=carrier_grade_nat)
            wan.refuse_unfit(self.topology)
            (self.folder / "wan").write_text(wan.text())
            there = self.container(INTERNET)
            podman.execute(there, "nft", "-f", "-", input_text=translation(wan))
            cables.configure(podman.pid(there), list(provider_lines(before, wan)))
            self._outermost.change_address(wan)
            self._set_record()
        return wan

    def open_accounts(self, ddns_secret: str | None, acme_secret: str | None) -> None:
        """Tell the Internet the secrets of the vault by which the home is known there.

        :raises HotshoeError: if a name server does not take one for a key
        """
        if ddns_secret:
            self.open_account(ddns_secret)
        if acme_secret:
            self.open_zone(acme_secret)

    def open_account(self, secret: str) -> None:
        """Tell the provider the secret by which the record of the home's name is updated.

        :raises HotshoeError: if the name server does not take it for a key
        """
        if not self.provider or not self.provider.record:
            return
        there = self.container(INTERNET)
        write = ("sh", "-c", 'umask 077; cat >"$0"')
        account = json.dumps(self.provider.account(secret))
        podman.execute(there, *write, internet.ACCOUNT, input_text=account)
        if self.provider.record.updated_by == "nsupdate":
            configuration = self.provider.configuration(secret)
            podman.execute(there, *write, internet.CONFIGURATION, input_text=configuration)
            podman.execute(there, "knotc", f"--config={internet.CONFIGURATION}", "reload")

    @property
    def _outermost(self) -> Device:
        return self.device(self.plan.routers[0].name)

    def _now(self, node: Node) -> Node:
        """A device with the addresses that it has now."""
        is_home = node.name == self.plan.routers[0].name
        if not self.provider or not (is_home or node.name == INTERNET):
            return node
        return self.wan.on(node, is_home=is_home)

    def _set_record(self) -> None:
        """Do what somebody else does where nothing on the stage updates the record."""
        if self.provider and self.provider.sets_record:
            update = self.provider.update(self.wan.public)
            podman.execute(self.container(INTERNET), "nsupdate", input_text=update)

    def _trust(self, file: str, name: str) -> None:
        """Have servers trust an authority of the Internet's services, as they trust the web's."""
        authority = podman.execute(self.container(INTERNET), "cat", file)
        servers = [d for d in self.devices if d.node.name in self.topology.servers]
        with ThreadPoolExecutor(len(servers)) as pool:
            list(pool.map(lambda server: server.trust(authority, name), servers))

    # -- a certificate from an authority on the Internet

    @cached_property
    def authority(self) -> acme.AcmeAuthority | None:
        """The authority of a home whose certificate is from one; None for others."""
        return acme.AcmeAuthority.of(self.plan, self.topology)

    @property
    def authority_root(self) -> Path:
        """Its root certificate, which no real device trusts."""
        return self.folder / "acme-root.pem"

    def open_zone(self, secret: str) -> None:
        """Let whoever has this TSIG key set the record that proves the home's name.

        :raises HotshoeError: if the name server does not take it for a key
        """
        if not self.authority:
            return
        write = ("sh", "-c", 'umask 077; cat >"$0"')
        there, text = self.container(INTERNET), self.authority.files(secret)[acme.KNOT]
        podman.execute(there, *write, acme.KNOT, input_text=text)
        podman.execute(there, "knotc", f"--config={acme.KNOT}", "reload")

    def _start_authority(self, authority: acme.AcmeAuthority) -> None:
        there = self.container(INTERNET)
        write = ("sh", "-c", 'mkdir -p "${0%/*}"; [ -e "$0" ] || cat >"$0"')
        for path, text in authority.files().items():
            podman.execute(there, *write, path, input_text=text)
        podman.execute(there, "sh", "-c", authority.script(self.topology.resolver))

    def _keep_roots(self) -> None:
        """Keep here what cameras and servers verify that authority by."""
        for file, path in (
            (acme.ROOT, self.authority_root),
            (acme.AUTHORITY, self.folder / STAGE_CA_BUNDLE),
        ):
            path.write_text(podman.execute(self.container(INTERNET), "cat", file))

    def _clear(self) -> None:
        names = [c["Names"][0] for c in podman.containers(self.label)]
        if names:
            run("podman", "rm", "--force", "--time=0", "--volumes", *names)
            for name in names:
                podman.pid_file(name).unlink(missing_ok=True)
        cables.remove_switches(f"hotshoe-{self.id}-")
        (self.folder / "wan").unlink(missing_ok=True)

    def _make_images(self, say: Say) -> None:
        for made in {device.image.tag: device.image for device in self.devices}.values():
            # Every stage of this machine has the same images.
            with locked(IMAGES_LOCK):
                if not made.exists():
                    say(f"making {made.title} (once, about 20 seconds)")
                    made.build()
        standins = [node.name for node in self.topology.nodes if node.kind == "openwrt"]
        if standins and openwrt_router.is_standin():
            say(f"{', '.join(standins)}: played by {openwrt_router.STANDIN_NAME}")

    def _make_key(self) -> None:
        key = self.folder / "id_ed25519"
        if not key.exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "stage", "-f", str(key))

    def _start(self, device: Device) -> None:
        network: tuple[str, ...] = ("--network=none",)
        if device.node.name == INTERNET:
            mirror.CACHE.mkdir(parents=True, exist_ok=True)
            network = internet.OPTIONS
        run(
            "podman",
            "run",
            "--detach",
            f"--name={device.container}",
            f"--hostname={device.node.name}",
            f"--label={self.label}",
            f"--pidfile={podman.pid_file(device.container)}",
            # A new namespace would inherit this from the host; a router has to turn it on itself.
            "--sysctl=net.ipv4.ip_forward=0",
            *network,
            *device.options,
            *podman.runtime_arguments(),
            device.image.tag,
            *device.command,
        )
        device.set_up((self.folder / "id_ed25519.pub").read_text())

    # -- cables

    def _far_end(self, node: Node, port: Port) -> str:
        """The name of a cable's end in the switch."""
        # Not the device's name: an interface's name has at most 15 characters.
        return f"node{self.topology.nodes.index(node)}-{port.name}"

    def _plug(self, device: Device) -> None:
        """Give a container its interfaces and addresses; the kernel forgets them at a restart."""
        node, process = self._now(device.node), podman.pid(device.container)
        lines: list[str] = []
        # A hardware address stays, whatever address the port has now.
        for port, now in zip(device.node.ports, node.ports, strict=True):
            far, switch = self._far_end(device.node, port), self.switch(port.segment)
            cables.plug(port, process, switch, far)
            lines += cables.configuration(now)
        if device.configures_itself:
            return
        if node.gateway:
            lines += [f"route add default via {node.gateway}"]
        if node.gateway6:
            # A link-local gateway is nowhere without its interface.
            lines += [f"route add default via {node.gateway6} dev {node.ports[0].name}"]
        cables.configure(process, lines)
        if node.name != INTERNET:
            resolver = f"nameserver {self.topology.resolver}\n"
            write = ("sh", "-c", "cat >/etc/resolv.conf")
            podman.execute(device.container, *write, input_text=resolver)

    def _start_internet(self) -> None:
        """Start what its kernel and its processes do for the others; a restart ends that."""
        there = self.container(INTERNET)
        script = internet.script(self.topology, self.provider, self.authority)
        podman.execute(there, "sh", "-c", script)
        if self.provider:
            self._start_provider(self.provider)
        if self.authority:
            self._start_authority(self.authority)
        if relay := internet.relay(self.plan):
            podman.execute(there, "nft", "-f", "-", input_text=relay)

    def _start_provider(self, provider: internet.Provider) -> None:
        there, wan = self.container(INTERNET), self.wan
        write = ("sh", "-c", 'mkdir -p "${0%/*}"; cat >"$0"')
        first = provider.configuration()
        podman.execute(there, *write, f"{internet.CONFIGURATION}.first", input_text=first)
        zone = provider.zone_file()
        podman.execute(there, *write, f"{internet.ZONE}.first", input_text=zone)
        podman.execute(there, "sh", "-c", provider.script())
        podman.execute(there, "nft", "-f", "-", input_text=translation(wan))
        cables.configure(podman.pid(there), list(route_lines(wan)))

    def _limit_own_ports(self) -> None:
        """Have the outermost router open its own connections from ports that are its own."""
        outermost = self.container(self.plan.routers[0].name)
        podman.execute(outermost, "sh", "-c", internet.own_ports(self.plan))

    def _set_up_by_hand(self, node: Node) -> None:
        """What a person does with a worksheet, at a router that only a person can configure."""
        if node.name not in self.topology.by_hand:
            return
        # Others have to know their ports from a deploy, once that was there.
        if self.plan.port_set and node.name == self.plan.routers[0].name:
            self._limit_own_ports()
        rows = manual_setup.rows(self.plan, self.plan.router(node.name))
        podman.execute(self.container(node.name), "sh", "-e", "-c", router_by_hand.script(rows))

    # -- SSH

    def _write_ssh_config(self) -> None:
        """One entry a device, by the address that the inventory gives pyinfra."""
        entries, known_hosts = [], []
        for device in self.devices:
            if not device.has_ssh:
                continue
            node, ssh_port = device.node, device.ssh_port
            addresses = [str(port.address.ip) for port in node.ports]
            names = [node.name, *addresses]
            key = podman.execute(device.container, "sh", "-c", device.host_key())
            names += [f"[{name}]:{ssh_port}" for name in names if ssh_port != 22]
            known_hosts += [f"{name} {key}" for name in names]
            entries.append(
                f"Host {node.name} {' '.join(addresses)}\n"
                f"    ProxyCommand {device.proxy_command()}\n"
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


def _wait(device: Device) -> None:
    """Wait until a device has booted.

    :raises HotshoeError: if it has not, after a while
    """
    probes = device.probes()
    if probes is None:
        return
    deadline = time.monotonic() + BOOT_SECONDS
    probe, if_broken = probes
    while time.monotonic() < deadline:
        command = podman.inside(device.container, "sh", "-c", probe)
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return
        if time.monotonic() > deadline - BOOT_SECONDS / 2:
            probe = if_broken
        time.sleep(0.1)
    log = run("podman", "logs", device.container, check=False)[-2000:]
    reason = podman.why_crowded(1) or log
    raise HotshoeError(f"{device.node.name}: did not boot within {BOOT_SECONDS} s\n{reason}")
