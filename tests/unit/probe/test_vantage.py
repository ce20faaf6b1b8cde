"""Where the probe is: in the home, or outside of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hotshoe.probe import vantage
from hotshoe.probe.layers import Layer
from hotshoe.probe.order import Control
from tests.unit.probe.server import Faults, Server, results

LOOPBACK = ("127.0.0.0/8",)
pytestmark = pytest.mark.usefixtures("dials_loopback")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vantage, "_PATIENCE", 0.3)


@pytest.mark.parametrize("implicit", [False, True])
def test_it_is_inside_where_the_server_answers_at_its_own_address(good, root, implicit):
    with Server(good, implicit=implicit) as server:
        order = server.order(root.pem, inside=LOOPBACK)
        assert vantage.is_inside(order, "127.0.0.1")
        # Somebody else's network has the same addresses, and another server.
        assert not vantage.is_inside(replace(order, banner="220 Another"), "127.0.0.1")
        assert not vantage.is_inside(replace(order, inside=("192.0.2.0/24",)), "127.0.0.1")
    assert not vantage.is_inside(order, "127.0.0.1")
    assert not vantage.is_inside(order, "")


def test_inside_hairpin_is_tried_and_then_the_server_s_own_address(good, root):
    with Server(good, Faults(announced="127.0.0.2"), address="127.0.0.2") as server:
        order = server.order(root.pem, inside=LOOPBACK, sessions=2, slow_seconds=0)
        found = results(order)
    (hairpin,) = [each for each in found if each.layer is Layer.HAIRPIN]
    assert (hairpin.status.value, hairpin.problem.name) == ("warning", "HAIRPIN_MISSING")
    assert [each.problem for each in found if each.problem] == [hairpin.problem]
    (port,) = [each for each in found if each.layer is Layer.PORT]
    assert port.data["address"] == "127.0.0.2"


def test_outside_nothing_is_said_of_hairpin(good, root):
    with Server(good) as server:
        found = results(server.order(root.pem, sessions=2, slow_seconds=0))
    assert Layer.HAIRPIN not in {each.layer for each in found}


def test_a_name_that_leads_to_the_server_s_own_address_needs_no_hairpin(good, root):
    with Server(good) as server:
        found = results(server.order(root.pem, inside=LOOPBACK, sessions=2, slow_seconds=0))
    (hairpin,) = [each for each in found if each.layer is Layer.HAIRPIN]
    assert "split DNS" in hairpin.evidence
    assert hairpin.problem is None


@pytest.mark.parametrize("how", ["explicit", "implicit"])
def test_where_nobody_listens_nothing_answers(how, good, root):
    with Server(good) as server:
        order = server.order(root.pem)
    assert vantage.banner_at(order, "127.0.0.1", Control(server.port, how)) == ""
