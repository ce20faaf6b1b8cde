"""The home described in group_vars/letsencrypt.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("letsencrypt")
