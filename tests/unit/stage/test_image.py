from __future__ import annotations

from hotshoe.stage.image import PACKAGES
from roles import server, share
from roles.fetcher.facts import FOOTPRINT as FETCHER
from roles.router_linux.facts import FOOTPRINT as ROUTER


def test_a_prepared_device_has_what_roles_install():
    """But for the share's, whose packages come with units that run at once, and its readers'."""
    rare = (share.FOOTPRINT, share.READERS)
    footprints = [each for each in (*server.FOOTPRINTS, FETCHER, ROUTER) if each not in rare]
    installed = {name for each in footprints for name in each.packages}
    assert set(PACKAGES["prepared"]) == {*PACKAGES["device"], *installed}
