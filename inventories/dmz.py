"""The home described in group_vars/dmz.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("dmz")
