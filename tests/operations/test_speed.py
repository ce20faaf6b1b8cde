"""What is replaced in pyinfra gives what pyinfra's own gives."""

from __future__ import annotations

import importlib
import inspect
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import jinja2
import pyinfra
import pytest
from pyinfra.api import arguments, util
from pyinfra.api.exceptions import ArgumentTypeError
from pyinfra.context import ctx_host

from hotshoe import render
from roles import fetcher, many_homes, openwrt, router_linux, server, speed
from roles.base import operations
from roles.base.plans import plan_of
from tests.conftest import EXAMPLES, PROJECT
from tests.operations.conftest import recorded
from tests.operations.test_pyinfra import run_of, state

__all__ = ["state"]  # a fixture

_RECORDED = {
    "servers": "server",
    "routers": "router",
    "openwrt_routers": "router",
    "fetchers": "server",
}
OPERATION = importlib.import_module("pyinfra.api.operation")


MODULES = [importlib.import_module(f"pyinfra.api.{name}") for name in ("deploy", "facts")]


@pytest.fixture
def originals(monkeypatch):
    """pyinfra as it comes, also after a test that hastened it."""
    order = util.get_operation_order_from_stack
    monkeypatch.setattr(OPERATION, "get_operation_order_from_stack", order)
    monkeypatch.setattr(OPERATION, "signature", inspect.signature)
    for module in (OPERATION, *MODULES):
        monkeypatch.setattr(module, "pop_global_arguments", arguments.pop_global_arguments)
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
    for module in (OPERATION, *MODULES):
        assert module.pop_global_arguments is speed.pop_global_arguments
    assert arguments.all_global_arguments() is arguments.all_global_arguments()
    assert OPERATION.signature(print) is OPERATION.signature(print)


@pytest.mark.usefixtures("originals")
def test_another_pyinfra_stays_as_it_is(monkeypatch):
    order, everything = OPERATION.get_operation_order_from_stack, arguments.all_global_arguments
    monkeypatch.setattr(speed, "KNOWN", dict.fromkeys(speed.KNOWN, "another"))
    speed.hasten()
    assert OPERATION.get_operation_order_from_stack is order
    assert arguments.all_global_arguments is everything
    for module in (OPERATION, *MODULES):
        assert module.pop_global_arguments is arguments.pop_global_arguments


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


def deploy(site, monkeypatch) -> dict[str, str]:
    """Prepare all operations of a deploy to a home of bare systems; returns its hosts."""
    for role in (server, router_linux, openwrt, fetcher):
        monkeypatch.setattr(role, "refuse_unfit", lambda plan: None)
    # What an OpenWrt router is asked is told elsewhere; here it is any operation.
    for name in ("routing", "port_forwards"):
        monkeypatch.setattr(openwrt, name, lambda plan: operations.barrier(name="OpenWrt"))
    monkeypatch.setattr(openwrt, "remove_leftovers", lambda: None)
    plan = plan_of(site)
    groups = {each.name: "servers" for each in plan.servers}
    kinds = {"linux": "routers", "openwrt": "openwrt_routers"}
    groups |= {r.name: kinds[r.managed_by] for r in plan.routers if r.managed_by in kinds}
    groups |= {each.name: "fetchers" for each in plan.fetchers}
    devices = {name: recorded(f"fresh_{_RECORDED[group]}") for name, group in groups.items()}
    # What is where photos go, on a computer that fetches: nothing.
    devices = {
        name: replace(device, answers={**device.answers, "photos": None})
        for name, device in devices.items()
    }
    code = compile((PROJECT / "deploy.py").read_text(), "deploy.py", "exec")
    with run_of(groups, site, devices) as state:
        state.current_deploy_filename, state.current_op_file_number = "deploy.py", 0
        for host in state.inventory:
            with ctx_host.use(host):
                exec(code, {"__name__": "deploy"})
    return groups


@pytest.mark.usefixtures("fresh_plans", "originals")
@pytest.mark.parametrize("site", EXAMPLES)
def test_a_whole_deploy_is_as_pyinfra_has_it_and_compiles_nothing(site, project, monkeypatch):
    """No template either is compiled once a home: what is loaded for all homes is all of them."""
    render.load(*many_homes.TEMPLATES)
    original, orders, found = util.get_operation_order_from_stack, [], []

    def both_orders(state):
        theirs, ours = original(state), speed.operation_order(state)
        orders.append((ours, theirs))
        return [*ours]  # pyinfra adds to it

    def both_arguments(state, host, kwargs):
        same = dict(kwargs)
        theirs = arguments.pop_global_arguments(state, host, same)
        ours = speed.pop_global_arguments(state, host, kwargs)
        # What is left are the operation's own.
        found.append(((*ours, dict(kwargs)), (*theirs, same)))
        return ours[0].copy(), ours[1]  # pyinfra takes some of them out

    def compiled(self, source, name=None, *more, **options):
        raise AssertionError(f"{name} is compiled once a home")

    monkeypatch.setattr(jinja2.Environment, "compile", compiled)
    monkeypatch.setattr(OPERATION, "get_operation_order_from_stack", both_orders)
    for module in (OPERATION, *MODULES):
        monkeypatch.setattr(module, "pop_global_arguments", both_arguments)
    monkeypatch.setattr(pyinfra, "is_cli", True)
    groups = deploy(site, monkeypatch)
    for pairs in (orders, found):
        assert len(pairs) > len(groups)
        assert [ours for ours, _ in pairs] == [theirs for _, theirs in pairs]


@pytest.mark.usefixtures("originals")
def test_what_is_known_of_a_host_goes_into_its_arguments(state):
    host = state.inventory.get_host("darkroom")
    host.data._sudo = True
    host.data._env = {"A": "B"}
    host.data.ssh_port = 2222
    ours = speed.pop_global_arguments(state, host, {"_timeout": 7, "path": "/"})
    assert ours == arguments.pop_global_arguments(state, host, {"_timeout": 7, "path": "/"})
    assert (ours[0]["_sudo"], ours[0]["_env"], ours[0]["_timeout"]) == (True, {"A": "B"}, 7)
    ours[0]["_env"]["C"] = "D"
    assert host.data._env == {"A": "B"}


@pytest.mark.usefixtures("originals")
def test_an_argument_of_the_wrong_type_is_refused(state):
    host = state.inventory.get_host("darkroom")
    with pytest.raises(ArgumentTypeError, match="_timeout"):
        speed.pop_global_arguments(state, host, {"_timeout": "soon"})


def test_what_a_deploy_needs_is_imported_meanwhile(tmp_path, monkeypatch):
    """And what cannot be imported is left to whoever needs it."""
    (tmp_path / "broken_part.py").write_text("raise RuntimeError\n")
    (tmp_path / "needed_part.py").write_text("DONE = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    said = []
    monkeypatch.setattr(threading, "excepthook", said.append)
    speed.begin_imports("broken_part", "missing_part", "needed_part").join()
    assert sys.modules.pop("needed_part").DONE
    assert said == []
