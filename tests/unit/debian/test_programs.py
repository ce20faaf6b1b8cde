"""Small programs that a deploy runs on a Debian host, with everything around them replaced."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from hotshoe.render import render
from tests.conftest import PROJECT


class Host:
    """A host whose programs only note that they were called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        (folder / "calls").touch()

    def fake(self, name: str, script: str = "") -> None:
        """Replace a program; it notes its call first."""
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.folder}/calls"\n{script}\n')
        path.chmod(0o755)

    def run(self, program: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", program],
            env={"PATH": f"{self.bin}:/usr/bin:/bin"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def host(tmp_path, monkeypatch) -> Host:
    monkeypatch.chdir(PROJECT)
    return Host(tmp_path)


class TestService:
    """base/service.sh.j2"""

    def run(self, host: Host, systemctl: str = "", ready: str = "true"):
        host.fake("systemctl", systemctl)
        host.fake("sleep")
        host.fake("journalctl", "echo why")
        return host.run(render("base/service.sh.j2", unit="it.service", ready=ready))

    def test_enables_and_starts_the_unit(self, host):
        assert self.run(host).returncode == 0
        assert host.calls == ["systemctl enable --quiet it.service", "systemctl restart it.service"]

    def test_waits_until_the_unit_does_its_work(self, host):
        ready = "echo x >>tries; [ $(wc -l <tries) -ge 3 ]"
        assert self.run(host, ready=ready).returncode == 0
        assert host.calls.count("sleep 0.1") == 2

    @pytest.mark.parametrize(
        ("systemctl", "ready", "waits"), [("exit 1", "true", 0), ("", "false", 50)]
    )
    def test_says_why_a_unit_does_not_do_its_work(self, host, systemctl, ready, waits):
        done = self.run(host, systemctl, ready)
        assert done.returncode == 1
        assert done.stderr == "it.service does not do its work:\nwhy\n"
        assert host.calls.count("sleep 0.1") == waits


class TestUsermod:
    """base/usermod.sh.j2"""

    def run(self, host: Host, active: bool = True, usermod: str = "", unit: str = "it.service"):
        host.fake("systemctl", "" if active else '[ "$1" != is-active ]')
        host.fake("usermod", usermod)
        values = {"name": "hotshoe", "home": "/a $USER", "shell": "/no", "unit": unit}
        return host.run(render("base/usermod.sh.j2", **values))

    CHANGE = "usermod --home /a $USER --shell /no hotshoe"

    @pytest.mark.parametrize("usermod", ["", "exit 8"])
    def test_stops_the_user_s_unit_meanwhile_and_starts_it_again(self, host, usermod):
        assert self.run(host, usermod=usermod).returncode == (8 if usermod else 0)
        assert host.calls == [
            "systemctl is-active --quiet it.service",
            "systemctl stop it.service",
            self.CHANGE,
            "systemctl start it.service",
        ]

    def test_does_not_start_a_unit_that_was_stopped(self, host):
        assert self.run(host, active=False).returncode == 0
        assert host.calls == ["systemctl is-active --quiet it.service", self.CHANGE]

    def test_of_a_user_without_a_unit_touches_no_unit(self, host):
        assert self.run(host, unit="").returncode == 0
        assert host.calls == [self.CHANGE]


class TestAbsent:
    """base/absent.sh.j2"""

    def run(self, host: Host, systemctl: str = ""):
        host.fake("systemctl", systemctl)
        files = [str(host.folder / name) for name in ("a file", "a folder")]
        unit = str(host.folder / "it.service")
        return host.run(render("base/absent.sh.j2", unit=unit, files=files))

    def test_removes_the_unit_after_it_has_stopped(self, host):
        for name in ("it.service", "a file"):
            (host.folder / name).touch()
        (host.folder / "a folder").mkdir()
        (host.folder / "a folder" / "a file").touch()
        assert self.run(host).returncode == 0
        assert host.calls == [
            "systemctl disable --quiet --now it.service",
            "systemctl daemon-reload",
            "systemctl reset-failed it.service",
        ]
        assert sorted(path.name for path in host.folder.iterdir()) == ["bin", "calls"]

    def test_a_unit_that_does_not_stop_stays(self, host):
        (host.folder / "it.service").touch()
        assert self.run(host, "exit 1").returncode == 1
        assert (host.folder / "it.service").exists()

    def test_files_go_although_the_unit_is_gone(self, host):
        """The run before was killed in between."""
        (host.folder / "a file").touch()
        assert self.run(host).returncode == 0
        assert host.calls == ["systemctl daemon-reload", "systemctl reset-failed it.service"]
        assert not (host.folder / "a file").exists()


class TestCheckOfVsftpd:
    """vsftpd/check.sh.j2: vsftpd tells what is wrong on its standard input."""

    def run(self, host: Host, said: str):
        host.fake("vsftpd", f"echo '500 OOPS: {said}' >&0; exit 1")
        (host.folder / "new").touch()
        program = f"set -e\nnew={host.folder}/new\n{render('vsftpd/check.sh.j2')}"
        return host.run(program + "echo good\n")

    def test_accepts_what_vsftpd_would_run_with(self, host):
        done = self.run(host, "vsftpd: not configured for standalone, must be started from inetd")
        assert (done.returncode, done.stdout, done.stderr) == (0, "good\n", "")
        options = "-olisten=NO -olisten_ipv6=NO -otcp_wrappers=NO"
        assert host.calls == [f"vsftpd {host.folder}/new {options}"]

    def test_refuses_a_bad_file_with_vsftpd_s_reason(self, host):
        done = self.run(host, "unrecognised variable in config file: nonsense")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "500 OOPS: unrecognised variable in config file: nonsense\n"
        assert not (host.folder / "new").exists()


class TestUndo:
    """router_linux/undo_*.sh.j2: what a file said and says no longer is undone."""

    def run(self, host: Host, template: str, old: str | None, new: str):
        places = {"SYSCTL": "old", "ROUTES": "old", "RECORDS": host.folder / "run"}
        if old is not None:
            (host.folder / "old").write_text(old)
        (host.folder / "new").write_text(new)
        program = render(template, paths=SimpleNamespace(**places))
        program = program.replace("/usr/lib/systemd/systemd-sysctl", "systemd-sysctl")
        return host.run(f"set -e\nnew=new\n{program}")

    OLD = (
        "# Managed by hotshoe.\nnet.ipv4.ip_forward = 1\nnet.ipv6.conf.all.forwarding = 1\n"
        "net.ipv6.conf.eth0.accept_ra = 2\n"
    )

    def test_ipv6_is_no_longer_forwarded_while_ipv4_goes_on(self, host):
        host.fake("systemd-sysctl", 'cat "$1"')
        done = self.run(host, "router_linux/undo_sysctl.sh.j2", self.OLD, "# Managed by hotshoe.\n")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == (
            "net.ipv6.conf.all.forwarding = 0\nnet.ipv6.conf.eth0.accept_ra = 1\n"
        )

    @pytest.mark.parametrize("old", [None, OLD])
    def test_no_setting_is_undone_that_the_file_still_has(self, host, old):
        host.fake("systemd-sysctl", 'cat "$1"')
        done = self.run(host, "router_linux/undo_sysctl.sh.j2", old, self.OLD)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_routes_that_the_file_has_no_longer_are_taken_away(self, host):
        host.fake("ip", "cat; exit 1")
        old = "route replace 10.0.0.0/24 via 10.0.1.2\nroute replace 10.0.2.0/24 via 10.0.1.2\n"
        new = "route replace 10.0.2.0/24 via 10.0.1.2\n"
        done = self.run(host, "router_linux/undo_routes.sh.j2", old, new)
        assert (done.returncode, done.stdout) == (0, "route delete 10.0.0.0/24 via 10.0.1.2\n")
        assert host.calls == ["ip -force -batch -"]

    def test_a_new_router_has_no_routes_to_take_away(self, host):
        host.fake("ip")
        assert self.run(host, "router_linux/undo_routes.sh.j2", None, "").returncode == 0
        assert host.calls == []
