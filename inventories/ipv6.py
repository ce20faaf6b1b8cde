"""The home described in group_vars/ipv6.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("ipv6")
