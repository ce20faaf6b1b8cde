"""The home described in group_vars/openwrt.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("openwrt")
