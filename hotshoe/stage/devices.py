"""The kinds of devices on a stage: how each is played by a container, set up, and reached."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hotshoe.stage import image, openwrt_router, podman
from hotshoe.stage.topology import INTERNET, Kind, Node, Topology
from hotshoe.stage.wan import Wan, home_script

_PRIVILEGED = (
    "--systemd=always",
    "--privileged",
    # sshd -i behind a pipe looks up its peer's "address"; without DNS that takes 40 s.
    "--add-host=UNKNOWN:127.0.0.1",
)


_HOST_KEY = "cat /etc/ssh/ssh_host_ed25519_key.pub"


def _let_in(container: str, public_key: str) -> None:
    script = "install -d -m 700 /root/.ssh && cat >/root/.ssh/authorized_keys"
    podman.execute(container, "sh", "-c", script, input_text=public_key)


@dataclass(frozen=True)
class Device(ABC):
    """A device on a stage, of a kind that each subclass is.

    :param node: what it is called and plugged into
    :param container: the container that plays it
    :param topology: everything on the stage
    :param containers: the container of each device, by name
    :param ssh_port: the port of its SSH server
    :param release: the Debian release of servers and routers
    :param prepared: whether these have the packages that hotshoe installs
    :param folder: where the stage has its files on this computer
    """

    node: Node
    container: str
    topology: Topology
    containers: dict[str, str]
    ssh_port: int
    release: str
    prepared: bool
    folder: Path

    # What the container runs.
    command: ClassVar[tuple[str, ...]]
    # How many it has open.
    inotify_instances: ClassVar[int]
    # What a person works with on it.
    shell: ClassVar[str]
    # Whether it has its routes and name server from a file of its own, and not from the stage.
    configures_itself: ClassVar[bool] = False

    @property
    def has_ssh(self) -> bool:
        """Whether somebody can log in to it by SSH."""
        return True

    @property
    @abstractmethod
    def image(self) -> image.Image:
        """What its container is made from."""

    @property
    @abstractmethod
    def options(self) -> tuple[str, ...]:
        """For ``podman run``."""

    @abstractmethod
    def set_up(self, public_key: str) -> None:
        """Do what its owner did before hotshoe came, such as to let this SSH key in."""

    def change_address(self, wan: Wan) -> None:
        """Have the provider give it another address, as the outermost router."""
        podman.execute(self.container, "sh", "-e", "-c", home_script(wan))

    def trust(self, authority: str, name: str) -> None:
        """Have its programs trust a certificate authority, PEM, as they trust the web's.

        :param name: a word for it
        """
        raise NotImplementedError

    def probes(self) -> tuple[str, str] | None:
        """Shell scripts that succeed once it has booted; None if it needs no time for that.

        The second one is for a device that somebody broke: it is asked when the first one has
        failed for a while.
        """
        return None

    def host_key(self) -> str:
        """A shell command that tells the public half of its SSH host key."""
        raise NotImplementedError

    def proxy_command(self) -> str:
        """What connects to its SSH server, as an ssh_config(5) ProxyCommand."""
        raise NotImplementedError


class DebianDevice(Device):
    """A server or a router: a bare Debian with SSH, that hotshoe deploys to."""

    # On a computer, what systemd mounts for a unit, such as its credentials, is seen by all; in a
    # container it leaves that to whoever started it.
    command = ("sh", "-c", "mount --make-rshared / && exec /sbin/init")
    inotify_instances = 6  # systemd, logind and D-Bus have several
    shell = "/bin/bash"

    @property
    def image(self) -> image.Image:
        return image.DebianImage("prepared" if self.prepared else "device", self.release)

    @property
    def options(self) -> tuple[str, ...]:
        return (*_PRIVILEGED, "--stop-signal=SIGRTMIN+3")

    def set_up(self, public_key: str) -> None:
        _let_in(self.container, public_key)

    def trust(self, authority: str, name: str) -> None:
        file = f"/usr/local/share/ca-certificates/{name}.crt"
        script = f"cat >{file} && update-ca-certificates"
        podman.execute(self.container, "sh", "-c", script, input_text=authority)

    def probes(self) -> tuple[str, str]:
        # And what a deploy put there has been started, after a reboot. Pull mode deploys then.
        jobs = "systemctl list-jobs --no-legend 'hotshoe-*' | grep -v hotshoe-pull"
        ready = f'systemctl is-active --quiet ssh.service && test -z "$({jobs})"'
        return (f"{ready} && test -S /dev/log",) * 2

    def host_key(self) -> str:
        return _HOST_KEY

    def proxy_command(self) -> str:
        """Without any network."""
        return shlex.join(podman.inside(self.container, "/usr/sbin/sshd", "-i"))


class OpenWrtRouter(Device):
    """A router that runs OpenWrt, or the stand-in for it."""

    command = ("/bin/sh", "-c", openwrt_router.BOOT)
    inotify_instances = 1  # of dnsmasq
    shell = "/bin/ash"
    configures_itself = True

    @property
    def image(self) -> image.Image:
        return openwrt_router.OpenWrtImage()

    @property
    def options(self) -> tuple[str, ...]:
        # podman itself writes none for a container that is not privileged.
        named = self.folder / f"{self.node.name}.containerenv"
        named.write_text(f'name="{self.container}"\n')
        return (*openwrt_router.RUNTIME, f"--volume={named}:{podman.NAMED[1]}:ro")

    def set_up(self, public_key: str) -> None:
        commands = openwrt_router.set_up(self.topology, self.node, public_key, self.ssh_port)
        podman.execute(self.container, "sh", "-s", input_text="\n".join(commands))

    def change_address(self, wan: Wan) -> None:
        script = openwrt_router.change_address(wan.home, wan.provider.ip)
        podman.execute(self.container, "sh", "-s", input_text=script)

    def probes(self) -> tuple[str, str]:
        return openwrt_router.probes(self.node, self.ssh_port)

    def host_key(self) -> str:
        return openwrt_router.PUBLIC_KEY

    def proxy_command(self) -> str:
        """From a neighbour in its LAN, through its firewall."""
        neighbour = self.containers[self.topology.neighbour(self.node).name]
        return openwrt_router.proxy_command(self.topology, self.node, neighbour, self.ssh_port)


class Client(Device):
    """A camera, a laptop, the simulated Internet, or a router that is set up by hand."""

    command = ("sleep", "infinity")
    inotify_instances = 1  # of dnsmasq
    shell = "/bin/bash"

    @property
    def has_ssh(self) -> bool:
        """Cameras and laptops: a check is run from there. Nobody else lets anybody in."""
        return self.node.name not in (INTERNET, *self.topology.by_hand)

    @property
    def image(self) -> image.Image:
        return image.DebianImage("client", image.DEFAULT_RELEASE)

    @property
    def options(self) -> tuple[str, ...]:
        return (*_PRIVILEGED, "--stop-signal=SIGKILL")

    def set_up(self, public_key: str) -> None:
        if self.has_ssh:
            _let_in(self.container, public_key)

    def host_key(self) -> str:
        return _HOST_KEY

    def proxy_command(self) -> str:
        """Without any network; no init has made sshd's folder."""
        script = "mkdir -p /run/sshd && exec /usr/sbin/sshd -i"
        return shlex.join(podman.inside(self.container, "sh", "-c", script))


class Provider(Client):
    """The simulated Internet of a home that asks it more than names."""

    @property
    def image(self) -> image.Image:
        return image.DebianImage("provider", image.DEFAULT_RELEASE)


KINDS: dict[Kind, type[Device]] = {
    "debian": DebianDevice,
    "openwrt": OpenWrtRouter,
    "client": Client,
    "provider": Provider,
}
