"""The home described in group_vars/dynamic.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("dynamic")
