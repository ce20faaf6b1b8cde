"""The home described in group_vars/ipv6.yml."""

from roles.inventory import hosts

servers, routers = hosts("ipv6")
