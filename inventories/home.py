"""The home described in group_vars/home.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("home")
