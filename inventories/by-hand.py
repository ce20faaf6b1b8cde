"""The home described in group_vars/by-hand.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("by-hand")
