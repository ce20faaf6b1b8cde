"""How leftovers are told and removed, and that the roles know all that they put on a host."""

from __future__ import annotations

import functools
import logging
import operator
import re
import subprocess
from dataclasses import replace

import pytest

from hotshoe import paths
from hotshoe.debian import leftovers as core
from hotshoe.debian.device import Device
from hotshoe.debian.leftovers import Found, Leftovers
from hotshoe.render import render
from roles import leftovers
from roles.base import operations
from tests.operations.conftest import as_texts, recorded

NOTE = "/etc/hotshoe/site-home"


def test_nothing_is_done_where_nothing_is_left_over(on_host):
    host = on_host(Device())
    assert list(leftovers.removed._inner(Leftovers(note="server\n"), NOTE)) == []
    assert host.noops == ["nothing is left over"]


def test_units_are_stopped_before_anything_goes(on_host):
    on_host(Device())
    gone = Leftovers(
        ("hotshoe-old.timer", "hotshoe-old.service"),
        ("hotshoe-vsftpd.service",),
        ("/etc/hotshoe/it's",),
        ("hotshoe_old",),
        ("hotshoe-old",),
        ("hotshoe-olds",),
        "server\n",
    )
    (program,) = as_texts(leftovers.removed._inner(gone, NOTE))
    steps = re.findall(r"^(?:! .*?\|\| )?(\w+(?: -\w+)*)", program, re.MULTILINE)
    assert steps == [
        *("systemctl", "rm -f") * 2,
        *("rm -rf", "systemctl", "systemctl", "systemctl", "systemctl"),
        *("nft", "userdel", "groupdel", "groupdel", "printf"),
    ]
    assert "rm -rf --one-file-system '/etc/hotshoe/it'\"'\"'s'" in program
    assert paths.PHOTOS not in program


def test_of_a_host_that_is_used_no_more_the_note_goes_last(on_host):
    on_host(Device())
    gone = Leftovers(paths=("/etc/hotshoe/it",), forgotten=True)
    (program,) = as_texts(leftovers.removed._inner(gone, NOTE))
    assert program.index("rm -rf") < program.index(f"rm -f {NOTE} {NOTE}.new")
    assert program.index(f"rm -f {NOTE}") < program.index("rmdir")
    assert "printf" not in program


@pytest.fixture
def prepared(on_host, monkeypatch):
    """What is prepared for a host: names of operations, and what they are called with."""
    calls: list[tuple[str, tuple[object, ...]]] = []

    def note(*args: object, name: str) -> None:
        calls.append((name, args))

    for name in ("folders", "put"):
        monkeypatch.setattr(operations, name, note)
    monkeypatch.setattr(leftovers, "removed", note)
    monkeypatch.setattr(leftovers, "comes_later", lambda _: None)
    return calls


def test_a_host_is_noted_before_anything_of_the_site_is_there(on_host, prepared):
    on_host(Device())
    leftovers.begin("server")
    assert prepared == [
        ("Server | Create the configuration folder", (("/etc/hotshoe",),)),
        ("Server | Note what the Site uses it as", (NOTE, "server\n")),
    ]


def test_each_leftover_is_told(on_host, prepared, caplog):
    units = f"{paths.UNITS}/hotshoe"
    found = Found(
        (f"{units}-settled.service", "/etc/hotshoe/\x1b[31m", f"{units}-vsftpd.service.d/own.conf"),
        users=("hotshoe-old",),
    )
    on_host(replace(recorded("deployed_server"), ours=found))
    with caplog.at_level(logging.WARNING, "pyinfra"):
        leftovers.remove("server")
    assert [record.message for record in caplog.records] == [
        "darkroom: leftover: unit hotshoe-settled.service",
        "darkroom: leftover: /etc/hotshoe/\\x1b[31m",
        "darkroom: leftover: user hotshoe-old",
        f"darkroom: {units}-vsftpd.service.d/own.conf is a drop-in that hotshoe did not make: its "
        "unit runs as that says",
    ]
    ((name, (gone, at)),) = prepared
    assert (name, at) == ("Server | Remove leftovers", NOTE)
    assert gone.users == ("hotshoe-old",)


@pytest.mark.parametrize("kind", ["server", "router", "fetcher"])
def test_every_path_of_hotshoe_s_is_some_role_s(kind):
    """One that no role claims would be removed by every deploy."""
    claimed = functools.reduce(operator.or_, leftovers.CLAIMS.values())
    named = {
        value
        for name, value in vars(paths).items()
        if isinstance(value, str) and re.match(r"/(etc|usr/local|var/lib)/.*hotshoe", value)
    }
    known = {paths.FOLDER, paths.NOTES, paths.PACKAGES}
    assert len(named) > 20
    assert {path for path in named - known if not claimed.has_path(path)} == set()
    assert leftovers.CLAIMS[kind].units


def test_what_a_deployed_host_has_is_some_role_s():
    for name, kind in (("deployed_server", "server"), ("deployed_router", "router")):
        device = recorded(name)
        own = {path for path in device.paths if "hotshoe" in path} - {paths.FOLDER}
        claims = leftovers.CLAIMS[kind]
        photos = {path for path in own if path.startswith(paths.PHOTOS)}
        assert own - photos
        assert {path for path in own - photos if not claims.has_path(path)} == set()


def test_notes_are_read_and_half_written_ones_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "NOTES", f"{tmp_path}/site-")
    (tmp_path / "site-home").write_text("router,server\n")
    (tmp_path / "site-home.new").write_text("serv")
    done = subprocess.run(
        ["sh"],
        input=render("base/ours.sh.j2", accounts=("nobody",)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert core.read_found(done.stdout.splitlines()).notes == {
        "home": frozenset({"router", "server"})
    }


def test_what_only_has_hotshoe_in_its_name_is_not_found(tmp_path):
    """Least of all data: a folder in /var/lib may hold photos."""
    stays = (
        *("usr/local/sbin/my-hotshoe-report", "etc/sysctl.d/99-my-hotshoe.conf"),
        *("var/lib/hotshoe-gallery", "var/lib/backup-hotshoe-2026"),
    )
    goes = ("usr/local/sbin/hotshoe-old", "etc/sysctl.d/80-hotshoe.conf", "var/lib/hotshoe-acme")
    for path in (*stays, *goes):
        (tmp_path / path).mkdir(parents=True)
    script = render("base/ours.sh.j2", accounts=("nobody",))
    for folder in ("/usr/local/sbin", "/etc/sysctl.d", "/var/lib"):
        assert folder in script
        script = script.replace(folder, f"{tmp_path}{folder}")
    done = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=False)
    found = core.read_found(done.stdout.splitlines()).paths
    assert {path for path in found if path.startswith(f"{tmp_path}/")} == {
        f"{tmp_path}/{path}" for path in goes
    }


def test_a_deployed_server_has_no_leftovers():
    found = recorded("deployed_server").ours
    assert len(found.paths) > 20
    assert [*core.leftovers(found, "home", "server", leftovers.CLAIMS).named()] == []
    assert "unit hotshoe-vsftpd.service" in [
        *core.leftovers(found, "home", "router", leftovers.CLAIMS).named()
    ]
