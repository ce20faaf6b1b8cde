"""The home described in group_vars/default-host.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("default-host")
