"""What is run in a container is run there, or nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from hotshoe.errors import HotshoeError
from hotshoe.stage import podman
from hotshoe.stage.stage import Stage
from tests.conftest import PROJECT
from tests.homes import example

CONTAINER = "hotshoe-01234567-darkroom"


def landed(*command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run what is run in the container, here."""
    line = podman.inside(CONTAINER, *command)
    here = ["sh", "-c", podman.PROOF, CONTAINER, *line[line.index(podman.PROOF) + 1 :]]
    return subprocess.run(here, input=text, capture_output=True, text=True, check=False)


def test_on_the_computer_itself_nothing_is_done(tmp_path):
    precious = tmp_path / "resolv.conf"
    precious.write_text("nameserver 192.168.1.1\n")
    done = landed("sh", "-c", f"cat >{precious}", text="nameserver 198.51.100.249\n")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{CONTAINER}: this is not the container of that name")
    assert precious.read_text() == "nameserver 192.168.1.1\n"


def test_in_the_container_it_is_done_and_in_another_one_it_is_not(tmp_path, monkeypatch):
    named = tmp_path / ".containerenv"
    monkeypatch.setattr(
        podman, "PROOF", podman.PROOF.replace(podman.NAMED[0], str(named)), raising=True
    )
    text = 'engine="podman-5.4.2"\nname="{}"\nrootless=0\n'
    named.write_text(text.format(CONTAINER))
    assert landed("printf", "%s|", "a  b", "$HOME '\"").stdout == "a  b|$HOME '\"|"
    named.write_text(text.format(f"{CONTAINER}2"))
    assert landed("printf", "there").stdout == ""


# In a user namespace of its own, root is allowed as few as the test says, and nobody else is.
@pytest.mark.parametrize(("allowed", "free"), [(3, 3), (12, 12), (13, 13), (100, 13)])
def test_too_few_inotify_instances_are_told_with_what_to_do(allowed, free):
    ask = "from hotshoe.stage import podman; print(podman.why_crowded(13))"
    limit = f"echo {allowed} >/proc/sys/user/max_inotify_instances"
    namespace = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this kernel lets nobody have a user namespace")
    done = subprocess.run(
        [*namespace, "sh", "-c", f'{limit} && exec "$0" -c "$1"', sys.executable, ask],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    if free == 13:
        assert done.stdout == "None\n"
    else:
        assert done.stdout.startswith(
            f"these containers need 13 inotify instances, and only {free} of the "
        )
        assert "sysctl -w fs.inotify.max_user_instances=1024" in done.stdout


def test_a_stage_that_would_need_too_many_starts_no_container(tmp_path, example_plan, monkeypatch):
    asked: list[int] = []

    def why_crowded(instances: int) -> str:
        asked.append(instances)
        return "too few"

    monkeypatch.setattr(podman, "why_no_stage", lambda: None)
    monkeypatch.setattr(podman, "why_crowded", why_crowded)
    monkeypatch.setattr(Stage, "_clear", lambda _: None)
    stage = Stage.of("home", example_plan, tmp_path)
    with pytest.raises(HotshoeError, match="too few"):
        stage.up()
    # Two devices with systemd; the Internet, a camera and a laptop.
    assert asked == [2 * 6 + 3]


def test_a_device_whose_ssh_has_another_port_is_known_by_it(tmp_path, example_plan, monkeypatch):
    """A deploy asks for the key of ``[ADDRESS]:PORT`` then, and refuses an unknown one."""
    server = replace(example_plan.servers[0], ssh_port=2022)
    plan = replace(example_plan, servers=(server, *example_plan.servers[1:]))
    stage = Stage.of("home", plan, tmp_path)
    stage.folder.mkdir(parents=True)
    monkeypatch.setattr(podman, "execute", lambda *_: "ssh-ed25519 AAAA\n")
    stage._write_ssh_config()
    known = (stage.folder / "known_hosts").read_text().splitlines()
    assert f"[{server.address}]:2022 ssh-ed25519 AAAA" in known
    assert f"{plan.routers[0].lan.ip} ssh-ed25519 AAAA" in known


@pytest.fixture
def executed(monkeypatch) -> list[tuple[str, str]]:
    """What is done in containers, none of which is there."""
    done: list[tuple[str, str]] = []

    def execute(container: str, *command: str, input_text: str | None = None) -> str:
        done.append((container, f"{command[-1]} {input_text}"))
        return ""

    monkeypatch.setattr(podman, "execute", execute)
    monkeypatch.setattr(podman, "pid", lambda _: 1)
    for name in ("plug", "unplug", "configure"):
        monkeypatch.setattr(f"hotshoe.stage.cables.{name}", lambda *_: [])
    monkeypatch.setattr("hotshoe.stage.stage.run", lambda *_, **__: "")
    monkeypatch.setattr("hotshoe.stage.stage._wait", lambda _: None)
    return done


def test_a_rebooted_internet_routes_resolves_and_relays_again(tmp_path, executed):
    stage = Stage.of("map-e", example("map-e"), tmp_path)
    stage.reboot("internet")
    text = "".join(said for container, said in executed if container == stage.container("internet"))
    for part in ("ip_forward", "mirror.py", "dnsmasq", "table inet relay"):
        assert part in text


@pytest.mark.parametrize(("managed_by", "times"), [("hand", 1), ("linux", 0)])
def test_a_rebooted_router_at_a_shared_address_knows_its_ports_if_only_a_person_can_set_them(
    tmp_path, executed, managed_by, times
):
    """Any other has them from a deploy, and must show that it does."""
    plan = example("map-e")
    routers = (replace(plan.routers[0], managed_by=managed_by), *plan.routers[1:])
    Stage.of("map-e", replace(plan, routers=routers), tmp_path).reboot(routers[0].name)
    assert sum("ip_local_port_range" in said for _, said in executed) == times
