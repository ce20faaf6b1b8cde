"""The home described in group_vars/map-e.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("map-e")
