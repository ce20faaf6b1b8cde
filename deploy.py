"""What happens to a home, in the order in which it must happen.

    pyinfra inventories/home.py deploy.py

Hosts work side by side; where one must wait for another there is a barrier. Every call has a line
of its own, because pyinfra tells operations apart by the lines of the calls that lead to them.
"""

from pyinfra import host

from roles import fetcher, leftovers, openwrt, router_linux, server
from roles.base.operations import barrier
from roles.base.plans import plan_of
from roles.base.servers import comes_later

plan = plan_of(host.data.site)

# Refuse what cannot work, before anything is changed.
if "servers" in host.groups:
    server.refuse_unfit(plan.server(host.name))
if "routers" in host.groups:
    router_linux.refuse_unfit(plan.router(host.name))
if "openwrt_routers" in host.groups:
    openwrt.refuse_unfit(plan.router(host.name))
if "fetchers" in host.groups:
    fetcher.refuse_unfit(plan.fetcher(host.name))
barrier(name="Every host is as the Site says")

# What the Site uses each host as.
if "servers" in host.groups:
    leftovers.begin("server")
if "routers" in host.groups:
    leftovers.begin("router")
if "fetchers" in host.groups and not plan.fetcher(host.name).removed:
    leftovers.begin("fetcher")

# The way out, from the Internet inwards: whoever is inside installs packages through it.
for router in host.loop(plan.routers):
    if router.name == host.name and router.managed_by == "linux":
        router_linux.routing(router)
    if router.name == host.name and router.managed_by == "openwrt":
        openwrt.routing(router)
    barrier(name=f"{router.name}: outbound routing ready")

# The servers, ready and protected before anything leads to them.
if "servers" in host.groups:
    server.install(plan.server(host.name))
barrier(name="Servers ready")

# The way in, last, and never towards a server that failed.
if "routers" in host.groups:
    router_linux.port_forwards(plan.router(host.name))
if "openwrt_routers" in host.groups:
    openwrt.port_forwards(plan.router(host.name))
comes_later(barrier(name="The way in is open"))

# Certificates from authorities that have to get in first.
if "servers" in host.groups:
    server.certify(plan.server(host.name))

# Whoever fetches photos, last: none of them keeps a camera waiting.
if "fetchers" in host.groups and not plan.fetcher(host.name).removed:
    fetcher.install(plan.fetcher(host.name))

# What the Site does not have any more.
if "servers" in host.groups:
    leftovers.remove("server", server.own_paths(plan.server(host.name)))
if "routers" in host.groups:
    leftovers.remove("router")
if "fetchers" in host.groups and not plan.fetcher(host.name).removed:
    leftovers.remove("fetcher")
if "fetchers" in host.groups and plan.fetcher(host.name).removed:
    fetcher.remove(plan.fetcher(host.name))
    leftovers.remove("former")
if "openwrt_routers" in host.groups:
    openwrt.remove_leftovers()
