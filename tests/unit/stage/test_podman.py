"""What is run in a container is run there, or nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path, PurePosixPath

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


def test_a_container_that_never_ran_is_not_entered_whatever_the_environment_says(tmp_path):
    setsid = tmp_path / "setsid"
    setsid.write_text("#!/bin/sh\necho entered\n")
    setsid.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "pid": str(os.getpid())}
    done = subprocess.run(
        podman.inside("hotshoe-none", "true"),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0, done.stdout) == (True, "")


def test_a_container_that_never_ran_is_named():
    with pytest.raises(HotshoeError, match="hotshoe-none: this container has never been started"):
        podman.pid("hotshoe-none")


@pytest.fixture
def unpacked(tmp_path, monkeypatch) -> Path:
    """A folder of this computer that files for a container are put into."""
    monkeypatch.setattr(podman, "inside", lambda _, *command: list(command))
    return tmp_path / "unpacked"


def test_files_are_put_whatever_their_names_and_folders(tmp_path, monkeypatch, unpacked):
    for name in ("a/-x.jpg", "b/b.jpg"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(name)
    monkeypatch.chdir(tmp_path)
    podman.put([Path("a/-x.jpg"), Path("b/b.jpg")], CONTAINER, PurePosixPath(unpacked))
    assert {path.name: path.read_text() for path in unpacked.iterdir()} == {
        "-x.jpg": "a/-x.jpg",
        "b.jpg": "b/b.jpg",
    }


def test_a_file_that_is_missing_is_named(tmp_path, unpacked):
    with pytest.raises(HotshoeError, match=r"could not be put into .*: tar: .*gone\.jpg"):
        podman.put([tmp_path / "gone.jpg"], CONTAINER, PurePosixPath(unpacked))


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_nothing_of_a_failed_attempt_is_in_an_image(tmp_path, monkeypatch, kind):
    target = tmp_path / "root"
    attempts: list[bool] = []

    def run(*_: str) -> None:
        attempts.append(target.exists())
        if len(attempts) == 1:
            target.write_text("half") if kind == "file" else target.mkdir()
            raise HotshoeError("no network")

    monkeypatch.setattr(podman, "run", run)
    monkeypatch.setattr(podman, "_PAUSES", (0,))
    monkeypatch.setattr(podman.mirror, "CACHE", tmp_path / "debian")
    podman.mmdebstrap(suite="trixie", target=target)
    assert attempts == [False, False]


# In a user namespace of its own, root is allowed as few as the test says, and nobody else is.
@pytest.mark.parametrize(("allowed", "free"), [(3, 3), (12, 12), (13, 13), (100, 13)])
def test_too_few_inotify_instances_are_told_with_what_to_do(allowed, free):
    ask = "from hotshoe.stage import podman; print(podman.why_crowded(13))"
    limit = f"echo {allowed} >/proc/sys/user/max_inotify_instances"
    namespace = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces here: too few inotify instances are not tried")
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


@pytest.mark.parametrize(("power_cut", "time"), [(False, "--time=5"), (True, "--time=0")])
def test_where_no_device_is_named_every_router_and_server_is_off_at_once(
    tmp_path, executed, monkeypatch, power_cut, time
):
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr("hotshoe.stage.stage.run", lambda *words, **_: ran.append(words))
    stage = Stage.of("cascade", example("cascade"), tmp_path)
    stage.reboot(power_cut=power_cut)
    devices = [stage.container(name) for name in ("box", "gateway", "darkroom")]
    assert ran == [("podman", "restart", time, *devices)]
