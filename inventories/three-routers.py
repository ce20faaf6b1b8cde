"""The home described in group_vars/three-routers.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("three-routers")
