"""What happens to a home, in the order in which it must happen.

    pyinfra inventories/home.py deploy.py

Hosts work side by side; where one must wait for another there is a barrier. Every call has a line
of its own, because pyinfra orders operations by line.
"""

from pyinfra import host

from roles import firewall, openwrt, router_linux, tls, users, vsftpd
from roles.base import preflight
from roles.base.operations import barrier
from roles.base.plans import plan_of
from roles.openwrt import preflight as openwrt_preflight

plan = plan_of(host.data.site)

# Refuse what cannot work, before anything is changed.
if "servers" in host.groups:
    preflight.server(plan.server(host.name))
if "routers" in host.groups:
    preflight.router(plan.router(host.name))
if "openwrt_routers" in host.groups:
    openwrt_preflight.router(plan.router(host.name))
barrier(name="Every host is as the Site says")

# The way out, from the Internet inwards: whoever is inside installs packages through it.
for router in host.loop(plan.routers):
    if router.name == host.name and router.managed_by == "linux":
        router_linux.routing(router)
    if router.name == host.name and router.managed_by == "openwrt":
        openwrt.routing(router)
    barrier(name=f"{router.name} leads out")

# The servers, ready and protected before anything leads to them.
if "servers" in host.groups:
    vsftpd.install()
if "servers" in host.groups:
    certificate = tls.certificate(plan.server(host.name))
if "servers" in host.groups:
    users.cameras(plan.server(host.name))
if "servers" in host.groups:
    firewall.server(plan.server(host.name))
if "servers" in host.groups:
    vsftpd.daemon(plan.server(host.name), certificate)
if "servers" in host.groups:
    vsftpd.settle()
if "servers" in host.groups:
    vsftpd.sessions(plan.server(host.name))
barrier(name="The servers are ready")

# The way in, last, and never towards a server that failed.
if "routers" in host.groups:
    router_linux.port_forwards(plan.router(host.name))
if "openwrt_routers" in host.groups:
    openwrt.port_forwards(plan.router(host.name))
