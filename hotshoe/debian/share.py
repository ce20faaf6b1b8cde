"""The share of the library: who its user is, and how Samba stores the password."""

from __future__ import annotations

from passlib.hash import nthash

from hotshoe import paths
from hotshoe.debian.units import Unit

# The system user that Samba runs as, and all that it does.
USER = "hotshoe-share"
# What a person types on a computer of the home, and what it sees.
LOGIN = "hotshoe"
NAME = "photos"

# An account that is neither disabled nor has to change its password (pdb_smbpasswd.c).
_FLAGS, _CHANGED = "[UX         ]", "LCT-00000001"
_NO_LM_HASH = "X" * 32

# The packages, by Debian's release. Debian 12 has Samba's modules for macOS in one of their own.
PACKAGES = {
    "12": ("samba", "samba-vfs-modules", "avahi-daemon", "wsdd2"),
    "13": ("samba", "avahi-daemon", "wsdd2"),
}
# Units of these packages that would start when they are installed.
STARTED_BY = {
    "samba": ("smbd.service", "nmbd.service", "samba-ad-dc.service"),
    "wsdd2": ("wsdd2.service",),
}
AVAHI = "avahi-daemon.service"
AVAHI_SOCKET = "avahi-daemon.socket"

# Samba loads the password when it starts.
SAMBA = Unit.reading(
    *("hotshoe-share.service", paths.SHARE_CONFIGURATION, paths.SHARE_USERS),
    secrets=paths.SHARE_PASSWORD,
)
# What makes it known to Windows.
DISCOVERY = Unit.reading("hotshoe-discovery.service")


def users() -> str:
    """The text of Samba's username map: what a person types, and whose files those are."""
    return f"{USER} = {LOGIN}\n"


def password_file(password: str) -> str:
    """The text of Samba's password file, smbpasswd(5). The same password makes the same text.

    :param password: from the vault
    """
    hashed = nthash.hash(password).upper()
    # Samba finds the user by the name; a number here is looked at by nobody.
    return f"{USER}:0:{_NO_LM_HASH}:{hashed}:{_FLAGS}:{_CHANGED}:\n"
