"""OpenWrt routers on the stage: where their root filesystem is from, and how one was set up before.

Set up as a person would have: addresses, a way out, SSH with a key. Nothing of hotshoe's own.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import tarfile
import tempfile
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from hotshoe.errors import HotshoeError
from hotshoe.resources import STANDIN
from hotshoe.stage.image import Image
from hotshoe.stage.podman import inside, mmdebstrap, run
from hotshoe.stage.topology import Node, Topology

ROOTFS = "HOTSHOE_OPENWRT_ROOTFS"
STANDIN_NAME = "an OpenWrt stand-in, not OpenWrt itself"
_STANDIN_SUITE = "trixie"
_STANDIN_PACKAGES = "busybox,dropbear-bin,nftables,python3-minimal,dnsmasq-base,iproute2"
WAN, LAN = "eth0", "eth1"
HOST_KEY = "/etc/dropbear/dropbear_ed25519_host_key"
PUBLIC_KEY = f"dropbearkey -y -f {HOST_KEY} | grep ^ssh-ed25519"
# Daemons look for their interfaces when they start, and the stage plugs them in a little later.
# BusyBox' sleep knows whole seconds only, there.
BOOT = (
    f"until [ -e /sys/class/net/{WAN} ] && [ -e /sys/class/net/{LAN} ]; do sleep 1; done; "
    "exec /sbin/init"
)
# The clock and the modules are the host's, and so are all kernel settings but the network's.
RUNTIME = (
    "--systemd=false",
    "--env=container=podman",
    "--no-hosts",
    "--cap-add=all",
    "--cap-drop=SYS_TIME",
    "--cap-drop=SYS_MODULE",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--security-opt=unmask=/proc/sys",
    "--security-opt=mask=/proc/sys/kernel:/proc/sys/vm:/proc/sys/fs",
    "--stop-signal=SIGKILL",
)


# -- the image


def is_standin() -> bool:
    """Whether routers are played by the stand-in."""
    return not os.environ.get(ROOTFS)


def tag() -> str:
    """The image's name, which changes with what it is made from.

    :raises HotshoeError: if the variable names nothing that could be one
    """
    given = os.environ.get(ROOTFS)
    if not given:
        return f"localhost/hotshoe-openwrt-standin:{_digest(_standin_recipe())}"
    path = Path(given)
    if path.exists():
        return f"localhost/hotshoe-openwrt:{_digest(_state(path.resolve()))}"
    if given.startswith(("/", ".", "~")):
        raise _bad(given, "there is no such file or folder")
    return given


class OpenWrtImage(Image):
    """OpenWrt's root filesystem as a person gives it, or the stand-in's."""

    @property
    def tag(self) -> str:
        return tag()

    @property
    def title(self) -> str:
        return f"the image of {STANDIN_NAME if is_standin() else 'the given OpenWrt'}"

    def build(self) -> None:
        name, given = tag(), os.environ.get(ROOTFS)
        if not given:
            _build_standin(name)
        elif Path(given).is_dir():
            if not os.path.lexists(Path(given) / "sbin" / "init"):
                raise _bad(given, "this folder has no sbin/init")
            _import_folder(given, name)
        elif Path(given).exists():
            _check_archive(given)
            run("podman", "import", "--quiet", given, name)
        else:
            try:
                run("podman", "pull", "--quiet", given)
            except HotshoeError as error:
                reason = f"is no file, and podman has no such image: {error}"
                raise _bad(given, reason) from error


def _bad(given: str, reason: str) -> HotshoeError:
    return HotshoeError(
        f"{ROOTFS}={given}: {reason}\n"
        "    -> give the path of an OpenWrt root filesystem (a tarball or a folder) or the name "
        "of a container image; without the variable, a stand-in is used"
    )


def _check_archive(given: str) -> None:
    try:
        with tarfile.open(given) as archive:
            if any(Path(member.name) == Path("sbin/init") for member in archive):
                return
    except (tarfile.TarError, EOFError, OSError) as error:
        raise _bad(given, "is no tarball") from error
    raise _bad(given, "this tarball has no sbin/init")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _state(path: Path) -> str:
    """What changes when a file or a folder does."""
    paths = sorted(path.rglob("*")) if path.is_dir() else [path]
    stats = ((each, each.lstat()) for each in paths)
    return "\n".join(f"{each} {stat.st_size} {stat.st_mtime_ns}" for each, stat in stats)


def _standin_recipe() -> str:
    if not STANDIN.is_dir():
        raise HotshoeError(
            f"{STANDIN}: the OpenWrt stand-in is not here\n"
            f"    -> install hotshoe anew, or set {ROOTFS} to a root filesystem"
        )
    # pip compiles what it installs.
    files = sorted(path for path in STANDIN.rglob("*") if path.is_file() and path.suffix != ".pyc")
    parts = (f"{path.relative_to(STANDIN)} {path.read_bytes().hex()}" for path in files)
    return "\n".join((_STANDIN_PACKAGES, *parts))


def _build_standin(name: str) -> None:
    with tempfile.TemporaryDirectory(prefix="hotshoe-image-") as folder:
        root = f"{folder}/root"
        packages = f"--include={_STANDIN_PACKAGES}"
        mmdebstrap("--variant=extract", packages, suite=_STANDIN_SUITE, target=Path(root))
        run(str(STANDIN / "customize"), root)
        _import_folder(root, name)


def _import_folder(root: str, name: str) -> None:
    with tempfile.TemporaryDirectory(prefix="hotshoe-image-") as folder:
        archive = f"{folder}/root.tar"
        run("tar", "--create", "--file", archive, "--directory", root, ".")
        run("podman", "import", "--quiet", archive, name)


# -- how a person set it up


def network(topology: Topology, node: Node) -> str:
    """The text of its /etc/config/network."""
    wan, lan = node.ports
    sections = [
        _interface("loopback", "lo", ipaddr="127.0.0.1", netmask="255.0.0.0"),
        _interface(
            "wan",
            WAN,
            ipaddr=wan.address.ip,
            netmask=wan.address.netmask,
            gateway=node.gateway,
            dns=topology.resolver,
        ),
        _interface(
            "lan",
            LAN,
            ipaddr=lan.address.ip,
            netmask=lan.address.netmask,
            ip6addr=lan.address6,
        ),
    ]
    if wan.address6:
        sections.append(_interface("wan6", WAN, ip6addr=wan.address6, ip6gw=node.gateway6))
    return "".join(sections)


def _interface(name: str, device: str, **options: object) -> str:
    said = {"device": device, "proto": "static"} | options
    lines = "".join(f"\toption {key} '{value}'\n" for key, value in said.items() if value)
    return f"\nconfig interface '{name}'\n{lines}"


def set_up(topology: Topology, node: Node, key: str, ssh_port: int) -> Iterator[str]:
    """The shell commands that make a new root filesystem that person's, before its first boot."""
    yield "set -e; umask 077; mkdir -p /etc/config /etc/dropbear"
    yield f"cat >/etc/config/network <<'.'\n{network(topology, node)}."
    yield f"cat >/etc/dropbear/authorized_keys <<'.'\n{key}."
    if ssh_port != 22:
        yield (
            f"printf \"config dropbear\\n\\toption Port '%s'\\n\" {ssh_port} >/etc/config/dropbear"
        )
    # Going down, it makes read-only what it cannot unmount: parts of the host's file systems.
    yield "rm -f /etc/rc.d/K*umount"
    yield f"[ -s {HOST_KEY} ] || dropbearkey -t ed25519 -f {HOST_KEY} >/dev/null 2>&1"


def change_address(address: IPv4Interface, gateway: IPv4Address) -> str:
    """The shell commands that give a running router another address outside, and wait for it.

    netifd does the rest, hotplug scripts among it, as for an address that came by DHCP.
    """
    return (
        f"set -e\nuci set network.wan.ipaddr={address.ip}\n"
        f"uci set network.wan.netmask={address.netmask}\n"
        f"uci set network.wan.gateway={gateway}\nuci commit network\n"
        "ubus call network reload\n"
        f"until ip address show dev {WAN} | grep -qF ' {address}'; do sleep 1; done\n"
    )


def probes(node: Node, ssh_port: int) -> tuple[str, str]:
    """Shell scripts that succeed once such a router has booted.

    The first holds for a router whose firewall knows its LAN, as it should; the second for one that
    somebody broke, too.
    """
    listening = f"netstat -ltn | grep -q ':{ssh_port} '"
    there = (
        f"ip address show dev {port.name} | grep -qF ' {address}'"
        for port in node.ports
        for address in (port.address, port.address6)
        if address
    )
    # An address that is still on trial answers nobody.
    settled = "! ip address show | grep -q tentative"
    loaded = "nft list table inet fw4 >/dev/null"
    booted = " && ".join((listening, *there, settled, loaded))
    # It is loaded before the interfaces have addresses, and once more when they do.
    return f"{booted} && nft list chain inet fw4 input | grep -q {LAN}", booted


# -- SSH, through the network, so that who locks himself out is out


def proxy_command(topology: Topology, node: Node, container: str, ssh_port: int) -> str:
    """What connects to it from a neighbour in its LAN, as an ssh_config(5) ProxyCommand.

    :param container: the neighbour's
    """
    address = node.ports[1].address.ip
    neighbour = topology.neighbour(node)
    if neighbour.kind == "openwrt":
        return shlex.join(inside(container, "nc", str(address), str(ssh_port)))
    # Whichever side ends first ends the other.
    script = f"exec 3<>/dev/tcp/{address}/{ssh_port}; (cat >&3; kill 0) <&0 & cat <&3; kill 0"
    return shlex.join(inside(container, "bash", "-c", script))
