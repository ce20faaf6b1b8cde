"""The home described in group_vars/default-host.yml."""

from roles.inventory import hosts

servers, routers = hosts("default-host")
