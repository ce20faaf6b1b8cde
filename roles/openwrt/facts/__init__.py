"""Facts about an OpenWrt router. Each costs one round trip; so does :class:`Router`, most of them.

    from roles.openwrt.facts import Router, UciPackages
    firewall = host.get_fact(UciPackages, ("firewall",))["firewall"]

They need nothing on the router that a default image lacks, and change nothing there. All are parts
of one program, ``templates/openwrt/look.sh.j2``.
"""

from roles.openwrt.facts.board import Board, RouterBoard
from roles.openwrt.facts.packages import InstalledPackages
from roles.openwrt.facts.router import Router, RouterState
from roles.openwrt.facts.uci import UciChanges, UciPackages, ZoneDevices

__all__ = [
    "Board",
    "InstalledPackages",
    "Router",
    "RouterBoard",
    "RouterState",
    "UciChanges",
    "UciPackages",
    "ZoneDevices",
]
