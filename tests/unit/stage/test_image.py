from __future__ import annotations

from hotshoe.stage.image import PACKAGES
from roles import server
from roles.router_linux.facts import FOOTPRINT as ROUTER


def test_a_prepared_device_has_what_roles_install():
    installed = {name for each in (*server.FOOTPRINTS, ROUTER) for name in each.packages}
    assert set(PACKAGES["prepared"]) == {*PACKAGES["device"], *installed}
