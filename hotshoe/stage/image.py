"""The images of a stage, made from Debian's packages; no image registry is needed.

OpenWrt's, and the stand-in for it, have a module of their own.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from hotshoe.stage import openwrt_router
from hotshoe.stage.podman import mmdebstrap, run

# Debian release -> suite
SUITES = {"13": "trixie", "12": "bookworm"}
DEFAULT_RELEASE = "13"

_DEVICE = "systemd systemd-sysv dbus openssh-server sudo iproute2 iputils-ping ca-certificates"
_CLIENT = (
    "iproute2 iputils-ping ca-certificates curl lftp openssl openssh-client python3 nftables "
    "dnsmasq-base"
)
PACKAGES = {
    # A bare Debian with SSH, as a person would hand it over.
    "device": _DEVICE.split(),
    # What a camera or a laptop is played with, and what the make-believe Internet runs.
    "client": _CLIENT.split(),
}
_OPTIONS = {
    "device": (
        # Debian's defaults would change settings of the host's kernel that are not per namespace;
        # all but a device's own file would.
        "--customize-hook=cd $1/usr/lib/sysctl.d && for f in *; do "
        "ln -sf /dev/null $1/etc/sysctl.d/$f; done",
        # What a computer has that was updated once: apt's lists, and what apt makes of them. With
        # new ones, that takes longer than all the rest of a deploy.
        "--skip=cleanup/apt/lists,cleanup/apt/cache",
        "--customize-hook=rm -f $1/var/cache/apt/archives/*.deb; chroot $1 apt-cache gencaches",
    ),
    "client": (),
}
# What apt was told for the making is no part of a bare Debian.
_FORGET = "--customize-hook=rm $1/etc/apt/apt.conf.d/99mmdebstrap"


def tag(kind: str, release: str) -> str:
    """The image's name, which changes with its recipe."""
    if kind == "openwrt":
        return openwrt_router.tag()
    recipe = f"{PACKAGES[kind]} {_OPTIONS[kind]}"
    return f"localhost/hotshoe-{kind}-{release}:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def exists(kind: str, release: str) -> bool:
    """Whether the image is there already."""
    return bool(run("podman", "images", "--quiet", tag(kind, release)).strip())


def describe(kind: str, release: str) -> str:
    """What the image is, in a few words."""
    if kind == "openwrt":
        given = openwrt_router.STANDIN_NAME if openwrt_router.is_standin() else "the given OpenWrt"
        return f"the image of {given}"
    return f"the Debian {release} image for a {kind}"


def build(kind: str, release: str) -> None:
    """Make an image; about 20 seconds.

    :raises HotshoeError: if a package cannot be had
    """
    if kind == "openwrt":
        openwrt_router.build()
        return
    with tempfile.TemporaryDirectory(prefix="hotshoe-image-") as folder:
        archive = Path(folder) / "root.tar"
        mmdebstrap(
            "--variant=minbase",
            f"--include={','.join(PACKAGES[kind])}",
            _FORGET,
            *_OPTIONS[kind],
            suite=SUITES[release],
            target=archive,
        )
        run("podman", "import", "--quiet", str(archive), tag(kind, release))
