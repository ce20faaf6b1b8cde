"""How a router keeps the record of the home's name, by ddns-scripts.

ddns-scripts follows the address, tries again and says in LuCI how it went; the update is sent by a
script of ours. Its own transfer puts the whole URL, with the token in it, on a command line
(dynamic_dns_functions.sh, do_transfer).

Options: https://openwrt.org/docs/guide-user/services/ddns/client
"""

from __future__ import annotations

from hotshoe.openwrt.paths import UPDATE_SCRIPT
from hotshoe.openwrt.uci.changes import Wanted
from hotshoe.openwrt.uci.data import Section
from hotshoe.openwrt.zones import Zones
from hotshoe.plan.model import RecordUpdate

OWNER = "hotshoe_ddns"
SECTION = f"{OWNER}_record"
# It takes no shorter interval; when the interface comes up or changes, it looks at once.
_MINUTES = "5"
# Whom it asks for the record: Quad9. The router's own dnsmasq may have another answer (split DNS),
# and then it would send an update at each look, for ever.
_RESOLVER = "9.9.9.9"


def packages(update: RecordUpdate) -> tuple[str, ...]:
    """The packages that a router needs for it."""
    more = ("jq",) if update.provider == "cloudflare" else ()
    return ("ddns-scripts", "curl", "ca-bundle", *more)


def wanted(update: RecordUpdate | None, hostname: str, zones: Zones) -> Wanted:
    """What /etc/config/ddns shall hold.

    :param update: how the record is updated; None if something else does
    :param hostname: the name whose record it is
    :param zones: of which the WAN's interface has the address
    """
    if update is None:
        return Wanted("ddns", OWNER)
    options = {
        "enabled": "1",
        "lookup_host": hostname,
        "dns_server": _RESOLVER,
        "domain": hostname,
        "update_script": UPDATE_SCRIPT,
        "interface": zones.wan.interface,
        "ip_source": "network",
        "ip_network": zones.wan.interface,
        "use_ipv6": "0",
        "check_interval": _MINUTES,
        "check_unit": "minutes",
    }
    return Wanted("ddns", OWNER, (Section("service", SECTION, options),))
