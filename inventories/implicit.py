"""The home described in group_vars/implicit.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("implicit")
