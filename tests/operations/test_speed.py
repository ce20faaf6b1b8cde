"""What is replaced in pyinfra gives what pyinfra's own gives."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pyinfra
import pytest
from pyinfra.api import arguments, util
from pyinfra.context import ctx_host

from roles import openwrt, router_linux, server, speed
from roles.base import operations
from roles.base.plans import plan_of
from tests.conftest import EXAMPLES, PROJECT
from tests.operations.conftest import recorded
from tests.operations.test_pyinfra import run_of

_RECORDED = {"servers": "server", "routers": "router", "openwrt_routers": "router"}
OPERATION = importlib.import_module("pyinfra.api.operation")


@pytest.fixture
def originals(monkeypatch):
    """pyinfra as it comes, also after a test that hastened it."""
    order = util.get_operation_order_from_stack
    monkeypatch.setattr(OPERATION, "get_operation_order_from_stack", order)
    everything = arguments.all_global_arguments
    everything = getattr(everything, "__wrapped__", everything)
    monkeypatch.setattr(arguments, "all_global_arguments", everything)
    speed.hasten.cache_clear()
    yield
    speed.hasten.cache_clear()


@pytest.mark.usefixtures("originals")
def test_the_installed_pyinfra_is_hastened():
    speed.hasten()
    assert OPERATION.get_operation_order_from_stack is speed.operation_order
    assert arguments.all_global_arguments() is arguments.all_global_arguments()


@pytest.mark.usefixtures("originals")
def test_another_pyinfra_stays_as_it_is(monkeypatch):
    order, everything = OPERATION.get_operation_order_from_stack, arguments.all_global_arguments
    monkeypatch.setattr(speed, "KNOWN", dict.fromkeys(speed.KNOWN, "another text"))
    speed.hasten()
    assert OPERATION.get_operation_order_from_stack is order
    assert arguments.all_global_arguments is everything


def test_a_function_without_its_source_is_not_known():
    assert not speed.is_known(eval("lambda: 1"))


@pytest.mark.usefixtures("originals")
def test_the_arguments_of_every_operation_are_the_same_all_the_time():
    first = arguments.all_global_arguments()
    speed.hasten()
    assert arguments.all_global_arguments() == first


@pytest.mark.parametrize("file", [None, __file__, "no such file"])
@pytest.mark.parametrize("is_cli", [False, True])
def test_the_order_is_pyinfra_s_wherever_the_call_comes_from(file, is_cli, monkeypatch):
    monkeypatch.setattr(pyinfra, "is_cli", is_cli)
    state = SimpleNamespace(current_deploy_filename=file, current_op_file_number=7)
    original = util.get_operation_order_from_stack
    # On one line, which is one of those that are told.
    theirs, ours = original(state), speed.operation_order(state)
    assert ours == theirs
    assert bool(ours) == (is_cli or file != "no such file")


@pytest.mark.usefixtures("fresh_plans")
@pytest.mark.parametrize("site", EXAMPLES)
def test_in_a_whole_deploy_the_order_is_pyinfra_s(site, project, monkeypatch):
    original, compared = util.get_operation_order_from_stack, []

    def both(state):
        theirs, ours = original(state), speed.operation_order(state)
        compared.append((theirs, ours))
        return [*ours]  # pyinfra adds to it

    monkeypatch.setattr(OPERATION, "get_operation_order_from_stack", both)
    monkeypatch.setattr(pyinfra, "is_cli", True)
    for role in (server, router_linux, openwrt):
        monkeypatch.setattr(role, "refuse_unfit", lambda plan: None)
    # What an OpenWrt router is asked is told elsewhere; here it is any operation.
    for name in ("routing", "port_forwards"):
        monkeypatch.setattr(openwrt, name, lambda plan: operations.barrier(name="OpenWrt"))
    plan = plan_of(site)
    groups = {each.name: "servers" for each in plan.servers}
    kinds = {"linux": "routers", "openwrt": "openwrt_routers"}
    groups |= {r.name: kinds[r.managed_by] for r in plan.routers if r.managed_by in kinds}
    devices = {name: recorded(f"fresh_{_RECORDED[group]}") for name, group in groups.items()}
    code = compile((PROJECT / "deploy.py").read_text(), "deploy.py", "exec")
    with run_of(groups, site, devices) as state:
        state.current_deploy_filename, state.current_op_file_number = "deploy.py", 0
        for host in state.inventory:
            with ctx_host.use(host):
                exec(code, {"__name__": "deploy"})
    assert len(compared) > len(groups)
    assert [ours for _, ours in compared] == [theirs for theirs, _ in compared]
