"""The images of a stage, made from Debian's packages; no image registry is needed.

OpenWrt's, and the stand-in for it, are made in `openwrt_router.py`.
"""

from __future__ import annotations

import hashlib
import tempfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from hotshoe.stage.podman import mmdebstrap, run

# Debian release -> suite
SUITES = {"13": "trixie", "12": "bookworm"}
DEFAULT_RELEASE = "13"

_DEVICE = "systemd systemd-sysv dbus openssh-server sudo iproute2 iputils-ping ca-certificates"
_CLIENT = (
    "iproute2 iputils-ping ca-certificates curl lftp openssl openssh-client openssh-server python3 "
    "nftables dnsmasq-base"
)
_INSTALLED = (
    "bind9-dnsutils certbot curl jq libpam-pwdfile nftables openssh-client openssl python3 "
    "python3-certbot-dns-rfc2136 python3-cryptography python3-netaddr python3-paramiko "
    "python3-systemd rclone vsftpd"
)
PACKAGES = {
    # A bare Debian with SSH, as a person would hand it over.
    "device": _DEVICE.split(),
    # The same with the packages that hotshoe installs, which takes half of the time of a deploy;
    # but for those of the share, whose own units would run on hosts that have none.
    "prepared": [*_DEVICE.split(), *_INSTALLED.split()],
    # What a camera or a laptop is played with, and what the simulated Internet runs.
    "client": _CLIENT.split(),
    # What it runs for a home whose public address changes, or whose certificate it gives.
    "provider": [*_CLIENT.split(), "bind9-dnsutils", "knot", "nginx", "pebble"],
}
_DEVICE_OPTIONS = (
    # Debian's defaults would change settings of the host's kernel that are not per namespace;
    # all but a device's own file would.
    "--customize-hook=cd $1/usr/lib/sysctl.d && for f in *; do "
    "ln -sf /dev/null $1/etc/sysctl.d/$f; done",
    # What a computer has that was updated once: apt's lists, and what apt makes of them. With
    # new ones, that takes longer than all the rest of a deploy.
    "--skip=cleanup/apt/lists,cleanup/apt/cache",
    "--customize-hook=rm -f $1/var/cache/apt/archives/*.deb; chroot $1 apt-cache gencaches",
)
# hotshoe masks Debian's own unit before the package is there.
_MASKED = "--customize-hook=ln -s /dev/null $1/etc/systemd/system/vsftpd.service"
_OPTIONS = {
    "device": _DEVICE_OPTIONS,
    "prepared": (*_DEVICE_OPTIONS, _MASKED),
    "client": (),
    "provider": (),
}
# What apt was told for the making is no part of a bare Debian.
_FORGET = "--customize-hook=rm $1/etc/apt/apt.conf.d/99mmdebstrap"


class Image(ABC):
    """What a container is made from."""

    @property
    @abstractmethod
    def tag(self) -> str:
        """Its name, which changes with its recipe.

        :raises HotshoeError: if there can be none
        """

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is, in a few words."""

    @abstractmethod
    def build(self) -> None:
        """Make it; about 20 seconds.

        :raises HotshoeError: if it cannot be had
        """

    def exists(self) -> bool:
        """Whether it is there already."""
        return bool(run("podman", "images", "--quiet", self.tag).strip())


@dataclass(frozen=True)
class DebianImage(Image):
    """A Debian with the packages of a kind.

    :param kind: one of ``PACKAGES``
    :param release: the Debian release
    """

    kind: str
    release: str

    @property
    def tag(self) -> str:
        recipe = f"{PACKAGES[self.kind]} {_OPTIONS[self.kind]}"
        digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
        return f"localhost/hotshoe-{self.kind}-{self.release}:{digest}"

    @property
    def title(self) -> str:
        return f"the Debian {self.release} image for a {self.kind}"

    def build(self) -> None:
        with tempfile.TemporaryDirectory(prefix="hotshoe-image-") as folder:
            archive = Path(folder) / "root.tar"
            mmdebstrap(
                "--variant=minbase",
                f"--include={','.join(PACKAGES[self.kind])}",
                _FORGET,
                *_OPTIONS[self.kind],
                suite=SUITES[self.release],
                target=archive,
            )
            run("podman", "import", "--quiet", str(archive), self.tag)
