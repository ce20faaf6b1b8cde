"""What hotshoe takes for granted of pyinfra's code, and whole deploys as pyinfra prepares them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pyinfra
import pytest
from paramiko import MissingHostKeyPolicy
from pyinfra.api import Config, Inventory, State
from pyinfra.api.deploy import deploy
from pyinfra.api.exceptions import ConnectError
from pyinfra.api.operation import OperationMeta
from pyinfra.api.state import StateOperationHostData, StateStage
from pyinfra.api.util import get_operation_order_from_stack
from pyinfra.connectors.ssh import ConnectorData, SSHConnector
from pyinfra.connectors.sshuserclient import client as pyinfra_client
from pyinfra.connectors.util import CommandOutput
from pyinfra.context import ctx_config, ctx_host, ctx_inventory, ctx_state

from hotshoe.debian.authority_files import utc_now
from hotshoe.debian.device import Device
from hotshoe.debian.pair import Verdict
from hotshoe.plan.model import CertificateFiles, CertificatePlan
from hotshoe.render import texts
from hotshoe.secrets import Secrets
from roles import (
    acme,
    address,
    delivery,
    fetcher,
    intake,
    message,
    openwrt,
    router_linux,
    server,
    tls,
    users,
)
from roles.base import operations, servers
from roles.base.device import read
from roles.base.plans import RefusedError, plan_of
from roles.transport import host_data
from tests.conftest import PROJECT
from tests.homes import example
from tests.operations.conftest import recorded


def test_pyinfra_looks_up_its_strict_policy_and_keeps_the_ssh_config_by_the_names_that_we_use():
    assert issubclass(pyinfra_client.StrictPolicy, MissingHostKeyPolicy)
    assert "StrictPolicy" in pyinfra_client.get_missing_host_key_policy.__code__.co_names
    assert "_ssh_config" in pyinfra_client.SSHClient.connect.__code__.co_names


@pytest.fixture(autouse=True)
def _no_plans_of_other_tests(fresh_plans):
    pass


@contextmanager
def run_of(groups: dict[str, str], site: str, devices: dict[str, Device]) -> Iterator[State]:
    """A run of pyinfra that has looked at its hosts.

    :param groups: the hosts, and the group of each
    """
    members = {group: ([name], {}) for name, group in groups.items()}
    inventory = Inventory((list(groups), {"site": site}), **members)
    state = State(inventory, Config())
    state.current_stage = StateStage.Prepare
    for host in inventory:
        host.init(state)
        if host.name in devices:
            host.connector_data["hotshoe_device"] = devices[host.name]
    ctx_config.set(Config())
    ctx_inventory.set(inventory)
    ctx_state.set(state)
    yield state
    for context in (ctx_config, ctx_inventory, ctx_state):
        context.reset()


@pytest.fixture
def state(project):
    """A run for the two hosts of the smallest example."""
    devices = {"darkroom": recorded("fresh_server"), "gateway": recorded("fresh_router")}
    with run_of({"darkroom": "servers", "gateway": "routers"}, "home", devices) as state:
        yield state


# -- the order of operations


def order() -> tuple[int, ...]:
    """What pyinfra tells an operation by that is called here."""
    return tuple(get_operation_order_from_stack(SimpleNamespace(current_deploy_filename=__file__)))


@deploy("Role")
def role() -> list[tuple[int, ...]]:
    found = [order()]
    found.append(order())
    return found


def test_operations_are_told_apart_by_the_lines_of_the_calls_that_lead_to_them(state):
    """Several under one "if" as well; so no two kinds of hosts share one in deploy.py."""
    with ctx_host.use(state.inventory.get_host("darkroom")):
        if state:
            first = role()
            second = role()
    assert len({*first, *second}) == 4
    assert sorted([*first, *second]) == [*first, *second]
    # pyinfra's own lines, here those of its decorator, do not count.
    assert len(first[0]) == len(order()) + 1


# -- the state of a run


def finished(commands: list[str]) -> StateOperationHostData:
    meta = OperationMeta("done", is_change=True)
    meta.set_complete(True, commands, CommandOutput([]))
    return StateOperationHostData(lambda: iter(()), {}, meta)


def test_servers_are_ready_when_all_that_pyinfra_has_for_them_is_done(state):
    darkroom = state.inventory.get_host("darkroom")
    assert servers.are_ready(), "it is not in this run"
    state.activate_host(darkroom)
    state.ops[darkroom]["done"] = finished(["true"])
    assert servers.are_ready()
    waiting = OperationMeta("waiting", is_change=True)
    state.ops[darkroom]["waiting"] = StateOperationHostData(lambda: iter(()), {}, waiting)
    assert not servers.are_ready()
    servers.comes_later(waiting)
    assert servers.are_ready(), "it waits for the way in"
    del state.ops[darkroom]["waiting"]
    state.failed_hosts.add(darkroom)
    assert not servers.are_ready()


def test_an_operation_tells_whether_it_changes_before_and_after_it_is_run():
    assert operations.changes(OperationMeta("later", is_change=True))
    assert not operations.changes(OperationMeta("later", is_change=False))
    assert operations.changes(finished(["true"]).operation_meta)
    assert not operations.changes(finished([]).operation_meta)


# -- connections


def test_a_connector_keeps_its_connection_as_client_and_connects_anew(state, monkeypatch):
    darkroom = state.inventory.get_host("darkroom")
    connector = darkroom.connector
    assert isinstance(connector, SSHConnector)
    assert connector.client is None

    def refuse(**_: object) -> None:
        raise ConnectError("refused")

    connector.client = "old"
    monkeypatch.setattr(connector, "connect", refuse)
    assert operations.reconnect(darkroom) == "refused"
    assert connector.client == "old"


def test_what_is_said_of_connections_are_settings_of_pyinfra():
    said = {name for name in host_data("darkroom") if name.startswith("ssh_")}
    assert said
    assert said <= set(ConnectorData.__annotations__)


# -- whole deploys


@pytest.fixture
def _vault(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    secrets = Secrets({"r5": "a password", "a7": "another"}, "a passphrase", False, "a token")
    for module in (tls, tls.preflight, users, users.preflight, address.record):
        monkeypatch.setattr(module, "secrets_of", lambda site: secrets)


def prepared(state: State, name: str) -> list[str]:
    """The operations that pyinfra has for a host, by name."""
    host = state.inventory.get_host(name)
    return [next(iter(state.get_op_meta(operation).names)) for operation in host.op_hash_order]


@pytest.mark.usefixtures("_vault")
def test_a_server_is_set_up_by_all_its_roles(state):
    plan = example("home").servers[0]
    with ctx_host.use(state.inventory.get_host("darkroom")):
        server.refuse_unfit(plan)
        server.install(plan)
    names = prepared(state, "darkroom")
    assert names[0] == "vsftpd | Mask Debian's own unit"
    assert names[-3:] == [
        "vsftpd | Start hotshoe-sessions to keep places free for cameras",
        "ACME | Remove the timer of hotshoe-acme",
        "ACME | Remove hotshoe-acme",
    ]
    assert len(set(names)) == len(names)
    # An operation costs CPU time for every host, also in a run that changes nothing.
    assert len(names) == 44


@pytest.mark.usefixtures("_vault")
def test_a_pipeline_makes_no_authority_that_would_be_gone_with_its_job(state, monkeypatch):
    monkeypatch.setenv("CI", "true")
    darkroom = state.inventory.get_host("darkroom")
    with ctx_host.use(darkroom):
        read(darkroom, server.FOOTPRINTS)
        with pytest.raises(RefusedError, match="would be gone with its job\n    -> run hotshoe"):
            tls.refuse_unfit(example("home").servers[0])


@pytest.mark.usefixtures("_vault")
def test_a_server_whose_address_changes_follows_it_before_vsftpd_answers(state):
    plan = example("dynamic").servers[0]
    with ctx_host.use(state.inventory.get_host("darkroom")):
        server.refuse_unfit(plan)
        server.install(plan)
    names = prepared(state, "darkroom")
    follows = names.index("Address | Start hotshoe-address to follow the public address")
    assert follows < names.index("vsftpd | Start vsftpd on port 21")
    assert "Address | Remove hotshoe-address" not in names
    assert len(names) == 50


def test_without_tls_there_is_no_certificate_and_nothing_that_watches_it(state):
    plan = replace(example("home").servers[0], certificate=None)
    darkroom = state.inventory.get_host("darkroom")
    with ctx_host.use(darkroom):
        read(darkroom, server.FOOTPRINTS)
        tls.refuse_unfit(plan)
        tls.certificate(plan)
        tls.watch(plan)
    assert prepared(state, "darkroom") == [
        "TLS | Remove the certificate",
        "TLS | Remove what watches the certificate",
    ]


def test_a_certificate_of_the_person_s_own_is_brought_and_no_authority_is_asked(state, monkeypatch):
    said = CertificatePlan("files", None, CertificateFiles("chain.pem", "key.pem"), None)
    plan = replace(example("home").servers[0], certificate=said)
    ends = utc_now() + timedelta(days=90)
    verdict = Verdict((), ("some camera may mind",), ends, b"a key and its certificate")
    for module in (tls, tls.preflight):
        monkeypatch.setattr(module, "pair_of", lambda site, certificate: verdict)
        monkeypatch.setattr(module, "authority_of", None)
    darkroom = state.inventory.get_host("darkroom")
    with ctx_host.use(darkroom):
        read(darkroom, server.FOOTPRINTS)
        tls.refuse_unfit(plan)
        tls.certificate(plan)
    assert prepared(state, "darkroom") == ["TLS | Bring the person's certificate"]


@pytest.mark.parametrize("role", [acme, address, delivery, fetcher, intake, message])
def test_every_module_of_a_program_is_installed(role):
    _, package, _ = next(iter(role.facts.MODULES)).rsplit("/", 2)
    installed = {path.removesuffix(".py").rpartition("/")[2] for path in role.facts.MODULES}
    program = "\n".join(texts(role.facts.MODULES).values())
    imported = re.findall(rf"^from {package}\.(\w+) import", program, re.MULTILINE)
    assert {"__init__", "__main__", *imported} <= installed


def test_a_router_is_set_up_the_way_out_first(state):
    plan = example("home").routers[0]
    with ctx_host.use(state.inventory.get_host("gateway")):
        router_linux.refuse_unfit(plan)
        router_linux.routing(plan)
        router_linux.port_forwards(plan)
    names = prepared(state, "gateway")
    assert names[-2:] == [
        "Router | Load the rules for port forwards",
        "Router | Tell nobody the WAN address",
    ]
    assert names.index("Router | Install hotshoe-ruleset") < names.index(
        "Router | Load the rules for routing and masquerading"
    )
    assert len(names) == 10


@pytest.mark.usefixtures("_vault")
def test_operations_of_different_kinds_of_hosts_are_never_fused(project, monkeypatch):
    """deploy.py itself, as pyinfra's command runs it for every host, one after the other."""
    site = project / "group_vars" / "cascade.yml"
    text = site.read_text().replace("managed_by: linux", "managed_by: openwrt")
    site.write_text(text.replace("managed_by: hand", "managed_by: linux"))
    groups = {"darkroom": "servers", "box": "routers", "gateway": "openwrt_routers"}
    plan = plan_of("cascade")
    box = plan.router("box")
    wan = {str(box.wan_address): "eth0", str(box.lan.ip): "eth1"}
    devices = {"darkroom": recorded("fresh_server"), "box": recorded("fresh_router", addresses=wan)}
    # What an OpenWrt router is asked is told elsewhere; here it is any operations.
    monkeypatch.setattr(openwrt, "refuse_unfit", lambda plan: None)
    for name in ("routing", "port_forwards"):
        monkeypatch.setattr(openwrt, name, lambda plan: operations.barrier(name="OpenWrt"))
    monkeypatch.setattr(openwrt, "remove_leftovers", lambda: None)

    with run_of(groups, "cascade", devices) as state:
        monkeypatch.setattr(pyinfra, "is_cli", True)
        state.current_deploy_filename, state.current_op_file_number = "deploy.py", 0
        code = compile((PROJECT / "deploy.py").read_text(), "deploy.py", "exec")
        for host in state.inventory:
            with ctx_host.use(host):
                exec(code, {"__name__": "deploy"})
        hosts: dict[str, list[str]] = {}
        for host in state.inventory:
            for operation in host.op_hash_order:
                (name,) = state.get_op_meta(operation).names
                hosts.setdefault(name, []).append(host.name)
        order = [next(iter(state.get_op_meta(each).names)) for each in state.get_op_order()]
    barriers = [name for name, of in hosts.items() if len(of) == len(groups)]
    assert barriers == [
        "Every host is as the Site says",
        "box: outbound routing ready",
        "gateway: outbound routing ready",
        "Servers ready",
        "The way in is open",
    ]
    assert [name for name in order if name in barriers] == barriers
    for name in set(hosts) - set(barriers):
        assert len(set(hosts[name])) == 1, name
    assert order[0] == barriers[0]
    steps = ("Create the configuration folder", "Note what the Site uses it as")
    assert order[1:5] == [f"{kind} | {step}" for step in steps for kind in ("Server", "Router")]
    assert order[-2:] == ["Server | Remove leftovers", "Router | Remove leftovers"]
    assert order.index("vsftpd | Mask Debian's own unit") > order.index(barriers[2])
    assert order.index("Router | Load the rules for port forwards") > order.index(barriers[3])
