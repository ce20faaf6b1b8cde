"""The hotshoe command: what it refuses, and how."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from hotshoe.cli import main
from hotshoe.stage import podman
from tests.conftest import EXAMPLES, PROJECT, SMALLEST
from tests.unit.show.worksheet_html import parse

STAGE_COMMANDS = [
    ["rehearse"],
    ["stage", "up"],
    ["stage", "down"],
    ["stage", "status"],
    ["stage", "address", "next"],
    ["stage", "reboot", "darkroom"],
    ["stage", "reboot", "--power-cut"],
    ["stage", "shell", "darkroom"],
]


def run(*arguments: str):
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize(
    "arguments", [[], ["stage"], ["authority"], ["rehearse"], ["stage", "up"], ["plan"], ["sheet"]]
)
def test_help_explains_a_command(arguments):
    result = run(*arguments, "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: main {' '.join(arguments)}".rstrip())


def test_help_lists_the_commands():
    output = run("--help").output
    for line in (
        "apply      Deploy, with a lock and a record.",
        "authority  The authority that cameras trust, and its replacement.",
        "diff       Show what a deploy would change, host by host.",
        "drift      Tell whether hosts are as the Site says.",
        "rehearse   Rehearse a home: build it, deploy to it, upload photos.",
        "password   Print a random password for a camera, or several.",
        "sheet      Show what to type on each camera, in the order of its menus.",
        "plan       Show what follows from a Site, device by device.",
        "stage      The home, rehearsed in containers.",
    ):
        assert line in output


def test_the_version_is_known():
    result = run("--version")
    assert result.exit_code == 0
    assert result.output.startswith("main, version ")


@pytest.fixture
def able(monkeypatch):
    """As if this machine could have a stage, so that what is tested comes next."""
    monkeypatch.setattr(podman, "why_no_stage", lambda: None)


@pytest.mark.parametrize("arguments", STAGE_COMMANDS, ids=" ".join)
def test_a_broken_site_is_refused_with_one_message(able, write_site, arguments):
    write_site(SMALLEST.replace("203.0.113.20", "10.1.1.1"))
    result = run(*arguments)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.output == (
        "Error: 1 problem, nothing was changed:\n"
        "group_vars/home.yml: public_address: 10.1.1.1 cannot be reached from the Internet: it is "
        "private (RFC 1918)\n"
        "    -> write the address that the provider gave the outermost router; if the provider "
        "gives only an address like this one, ask for a public one\n"
    )


@pytest.mark.parametrize("arguments", STAGE_COMMANDS, ids=" ".join)
def test_a_site_that_is_not_there_is_refused_with_one_message(able, home, arguments):
    site = ["cabin"] if arguments == ["rehearse"] else ["--site", "cabin"]
    result = run(*arguments, *site)
    assert result.exit_code == 1
    assert result.output.startswith(
        "Error: 1 problem, nothing was changed:\ngroup_vars/cabin.yml: there is no such file\n"
    )


def test_a_home_without_an_inventory_is_not_rehearsed(able, home):
    """Without one, pyinfra finds no hosts and is content, and the home would be called ready."""
    (home / "group_vars/cabin.yml").write_text(SMALLEST)
    result = run("rehearse", "cabin")
    assert result.exit_code == 1
    assert result.output == (
        "Error: inventories/cabin.py: there is no such file\n"
        '    -> copy inventories/home.py there, and write hosts("cabin") in it\n'
    )


@pytest.mark.parametrize("arguments", [*STAGE_COMMANDS, ["plan"]], ids=" ".join)
@pytest.mark.parametrize("name", ["../group_vars/home", "..", "", "a/b"])
def test_a_path_is_not_the_name_of_a_site(able, write_site, arguments, name):
    write_site(SMALLEST)
    site = [name] if len(arguments) == 1 else ["--site", name]
    result = run(*arguments, *site)
    assert result.exit_code == 1
    assert f"{name!r} is not the name of a Site\n" in result.output


@pytest.mark.parametrize("arguments", [["stage", "upload"], ["check", "--stage"]], ids=" ".join)
def test_a_stage_that_is_not_up_is_refused_with_what_puts_it_up(
    able, write_site, monkeypatch, arguments
):
    write_site(SMALLEST)
    monkeypatch.setattr(podman, "containers", lambda _: [])
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.output == "Error: the stage is not up; put it up with: hotshoe stage up\n"


def test_the_stage_of_another_site_is_put_up_by_its_name(able, write_site, monkeypatch):
    cabin = write_site(SMALLEST).site.with_name("cabin.yml")
    cabin.write_text(SMALLEST)
    monkeypatch.setattr(podman, "containers", lambda _: [])
    result = run("stage", "upload", "--site", "cabin")
    assert result.exit_code == 1
    assert "put it up with: hotshoe stage up --site cabin\n" in result.output


@pytest.mark.parametrize("command", ["reboot", "shell"])
def test_a_device_that_is_not_on_the_stage_is_refused(able, write_site, command):
    write_site(SMALLEST)
    result = run("stage", command, "attic")
    assert result.exit_code == 1
    assert result.output == (
        "Error: attic: there is no such device on the stage; it has internet, camera, gateway, "
        "darkroom, laptop\n"
    )


def test_what_is_no_address_is_not_given_to_a_home(able, write_site):
    write_site(SMALLEST)
    result = run("stage", "address", "203.0.113.300")
    assert result.exit_code == 1
    assert result.output == (
        "Error: Octet 300 (> 255) not permitted in '203.0.113.300'\n"
        "    -> write an IPv4 address, or next\n"
    )


@pytest.mark.parametrize("arguments", STAGE_COMMANDS, ids=" ".join)
def test_a_machine_without_what_a_stage_needs_is_refused_in_one_sentence(
    write_site, monkeypatch, arguments
):
    write_site(SMALLEST)
    monkeypatch.setattr(podman, "why_no_stage", lambda: "a stage needs root: run it with sudo")
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.output == "Error: a stage needs root: run it with sudo\n"


class TestWhatAStageNeeds:
    def test_is_root(self, monkeypatch):
        monkeypatch.setattr(podman.os, "geteuid", lambda: 1000)
        assert podman.why_no_stage() == "a stage needs root: run it with sudo"

    def test_is_a_few_debian_packages(self, monkeypatch):
        monkeypatch.setattr(podman.os, "geteuid", lambda: 0)
        monkeypatch.setattr(podman.shutil, "which", lambda name: None)
        assert podman.why_no_stage() == (
            "a stage needs these Debian packages: apt-get install iproute2 mmdebstrap nftables "
            "openssh-client podman slirp4netns util-linux"
        )


@pytest.mark.parametrize(
    "arguments", [["stage", "up", "--debian", "11"], ["stage", "shell"], ["deploy"]], ids=" ".join
)
def test_a_command_that_does_not_exist_is_refused_with_its_usage(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.output.startswith("Usage: main")


# One of its routers is set up by hand.
BY_HAND = "cascade"
# Another worksheet, as an earlier version may have written it.
OLD = "<!DOCTYPE html>\n<title>Worksheet: photos.example.net</title>"


class TestPlan:
    """``hotshoe plan``."""

    def test_tells_of_the_home_unless_another_site_is_named(self, project):
        result = run("plan")
        assert result.exit_code == 0
        assert result.stdout.startswith(
            "photos.example.net (203.0.113.20)\nInternet -> gateway [darkroom]\n"
        )
        assert result.stderr == ""
        assert "Internet -> edge [darkroom] -> gateway" in run("plan", "dmz").stdout

    @pytest.mark.parametrize("site", EXAMPLES)
    def test_of_every_example_is_readable_and_valid_json(self, project, site):
        assert re.search("nothing else gets in|what else gets in", run("plan", site).stdout)
        result = run("plan", site, "--json")
        assert result.exit_code == 0
        assert json.loads(result.stdout)["site"] == site

    @pytest.mark.parametrize("options", [[], ["--json"], ["--worksheet", "w.html"]], ids=str)
    def test_of_a_broken_site_is_refused_with_one_message(self, write_site, home, options):
        write_site(SMALLEST.replace("203.0.113.20", "10.1.1.1"))
        result = run("plan", *options)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr.startswith(
            "Error: 1 problem, nothing was changed:\ngroup_vars/home.yml: public_address: "
        )
        assert not (home / "w.html").exists()

    def test_of_a_site_that_is_not_there_is_refused_with_one_message(self, project):
        result = run("plan", "cabin")
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr.startswith(
            "Error: 1 problem, nothing was changed:\ngroup_vars/cabin.yml: there is no such file\n"
        )

    def test_prints_warnings_on_standard_error(self, write_site):
        write_site(SMALLEST + "ftp: {passive_ports: 50000-50007}\n")
        begins = (
            "Warning: group_vars/home.yml: ftp.passive_ports: darkroom gets the passive ports "
            "50000-50007, which suffice for 1 transfer of each camera at once"
        )
        result = run("plan")
        assert (result.exit_code, result.stderr[: len(begins)]) == (0, begins)
        result = run("plan", "--json")
        assert (result.exit_code, result.stderr[: len(begins)]) == (0, begins)
        (printed,) = json.loads(result.stdout)["warnings"]
        assert printed["key"] == "ftp.passive_ports"

    def test_writes_a_worksheet(self, project):
        result = run("plan", BY_HAND, "--worksheet", "box.html")
        assert result.exit_code == 0
        assert result.stdout == ""
        assert result.stderr == "box.html is written.\n"
        assert set(parse((project / "box.html").read_text(encoding="utf-8"))) == {"box"}

    def test_writes_no_worksheet_where_nothing_is_done_by_hand(self, project):
        result = run("plan", "--worksheet", "box.html")
        assert result.exit_code == 0
        assert result.stdout == ""
        assert result.stderr == "No router is set up by hand, so there is no worksheet.\n"
        assert not (project / "box.html").exists()

    @pytest.fixture
    def drawn(self, monkeypatch):
        """The Plans of which a picture was drawn."""
        plans = []

        def picture(plan):
            plans.append(plan)
            return "<svg/>\n"

        layout = SimpleNamespace(picture=picture)
        monkeypatch.setitem(sys.modules, "hotshoe.show.diagram.layout", layout)
        return plans

    def test_writes_a_picture(self, project, drawn):
        result = run("plan", "dmz", "--diagram", "home.svg")
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == "home.svg is written.\n"
        assert (project / "home.svg").read_text() == "<svg/>\n"
        assert [router.name for router in drawn[0].routers] == ["edge", "gateway"]

    def test_does_everything_at_once(self, project, drawn):
        options = ["--json", "--worksheet", "box.html", "--diagram", "home.svg"]
        result = run("plan", BY_HAND, *options)
        assert result.exit_code == 0
        assert json.loads(result.stdout)["site"] == BY_HAND
        assert result.stderr == "box.html is written.\nhome.svg is written.\n"
        assert (project / "box.html").exists()
        assert (project / "home.svg").exists()

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("nowhere/box.html", "there is no folder {folder}/nowhere"),
            ("group_vars", "it is a folder"),
            ("pipe", "it is a device or a pipe"),
            ("loop", "it is a loop of links"),
            ("n" * 300, "File name too long"),
            ("deploy.py/box.html", "there is no folder {folder}/deploy.py"),
        ],
        ids=lambda value: value[:20],
    )
    @pytest.mark.parametrize("option", ["--worksheet", "--diagram"])
    def test_refuses_to_write_where_it_cannot(self, project, drawn, option, name, reason):
        os.mkfifo(project / "pipe")
        (project / "loop").symlink_to("loop")
        before = sorted(project.iterdir())
        result = run("plan", BY_HAND, "--json", option, name)
        assert result.exit_code == 1
        assert result.stdout == ""
        said = reason.format(folder=project)
        assert result.stderr == f"Error: {name}: cannot be written: {said}\n"
        assert sorted(project.iterdir()) == before

    def test_refuses_to_write_what_may_only_be_read(self, project, monkeypatch):
        (project / "box.html").write_text(OLD)
        # Root may write everything.
        monkeypatch.setattr("hotshoe.files.os.access", lambda path, mode: mode != os.W_OK)
        result = run("plan", BY_HAND, "--worksheet", "box.html")
        assert result.exit_code == 1
        assert result.stderr == "Error: box.html: cannot be written: it may only be read\n"
        assert (project / "box.html").read_text() == OLD

    def test_a_write_that_fails_leaves_the_old_file(self, project, monkeypatch):
        (project / "box.html").write_text(OLD)

        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("hotshoe.files.Path.replace", full)
        result = run("plan", BY_HAND, "--worksheet", "box.html")
        assert result.exit_code == 1
        assert result.stderr == "Error: box.html: cannot be written: No space left on device\n"
        assert (project / "box.html").read_text() == OLD
        assert not list(project.glob(".hotshoe*"))

    PROJECT_FILES = (
        *("group_vars/home.yml", "group_vars/all.yml", "group_vars/all.vault.yml", "deploy.py"),
        *("group_vars/new.vault.yml", ".vault-password", "inventories/home.py", "pki/ca.key"),
        *("templates/worksheet/worksheet.html.j2", "templates/diagram/home.svg.j2"),
    )

    @pytest.mark.parametrize("name", PROJECT_FILES)
    @pytest.mark.parametrize(
        ("option", "suffix"), [("--worksheet", ".html"), ("--diagram", ".svg")]
    )
    def test_no_file_of_the_project_is_overwritten_or_made(self, project, option, suffix, name):
        """Neither by its own name nor by that of a link."""
        file = project / name
        file.parent.mkdir(exist_ok=True)
        before = file.read_bytes() if file.exists() else None
        (project / f"link{suffix}").symlink_to(name)
        for given in (name, f"link{suffix}"):
            result = run("plan", BY_HAND, option, given)
            assert (result.exit_code, result.stdout) == (1, "")
            assert result.stderr == (
                f"Error: {given}: cannot be written: the name {file.name} does not end in {suffix}"
                f"\n    -> write for example: {option} home{suffix}\n"
            )
        assert (file.read_bytes() if file.exists() else None) == before

    @pytest.mark.parametrize(
        ("option", "name", "what"),
        [("--worksheet", "page.html", "worksheet"), ("--diagram", "page.svg", "picture of a home")],
    )
    def test_files_of_others_are_not_overwritten(self, project, option, name, what):
        (project / name).write_text("<!DOCTYPE html><title>Our holidays</title><svg/>")
        result = run("plan", BY_HAND, option, name)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == (
            f"Error: {name}: cannot be written: what is there is no {what}\n"
            "    -> name another file, or remove that one\n"
        )
        assert "Our holidays" in (project / name).read_text()

    def test_earlier_output_is_replaced_and_an_empty_file_is_filled(self, project):
        options = ["--worksheet", "box.html", "--diagram", "home.svg"]
        (project / "box.html").touch()
        for _ in range(2):
            result = run("plan", BY_HAND, *options)
            assert (result.exit_code, result.stderr) == (
                0,
                "box.html is written.\nhome.svg is written.\n",
            )

    def test_a_refusal_of_the_second_file_leaves_the_first_as_it_was(self, project):
        (project / "page.svg").write_text("<svg/>")
        options = ["--worksheet", "box.html", "--diagram", "page.svg"]
        assert run("plan", BY_HAND, *options).exit_code == 1
        assert not (project / "box.html").exists()

    def test_two_outputs_into_one_file_are_refused(self, project):
        (project / "home.svg").symlink_to("box.html")
        options = ["--worksheet", "box.html", "--diagram", "home.svg"]
        result = run("plan", BY_HAND, *options)
        assert result.stderr.startswith("Error: home.svg: cannot be written: the name box.html ")
        assert not (project / "box.html").exists()

    def test_a_file_that_is_there_is_replaced_with_its_permissions_and_through_a_link(
        self, project
    ):
        (project / "kept.html").write_text(OLD)
        (project / "kept.html").chmod(0o640)
        (project / "box.html").symlink_to("kept.html")
        assert run("plan", BY_HAND, "--worksheet", "box.html").exit_code == 0
        assert (project / "box.html").is_symlink()
        assert (project / "kept.html").read_text().startswith("<!DOCTYPE html>")
        assert (project / "kept.html").stat().st_mode & 0o777 == 0o640

    def test_a_new_file_gets_the_usual_permissions(self, project):
        mask = os.umask(0o027)
        try:
            run("plan", BY_HAND, "--worksheet", "box.html")
        finally:
            os.umask(mask)
        assert (project / "box.html").stat().st_mode & 0o777 == 0o640

    def test_through_a_pipe_is_plain_text_of_eighty_columns(self, project):
        done = process("plan", "ipv6")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.isascii()
        assert "\x1b" not in done.stdout
        assert max(map(len, done.stdout.splitlines())) <= 80

    def test_starts_without_what_only_other_commands_need(self, project):
        done = process("plan", "--json", python=["-X", "importtime"])
        imported = set(re.findall(r"\| +([\w.]+)$", done.stderr, re.MULTILINE))
        assert "pydantic" in imported
        assert not imported & {"cryptography", "PIL", "passlib", "jinja2", "hotshoe.stage.stage"}


def process(*arguments: str, python: list[str] | None = None):
    """The command as a process of its own, its output piped."""
    call = "import sys; from hotshoe.cli import main; sys.argv[0] = 'hotshoe'; main()"
    return subprocess.run(
        [sys.executable, *(python or []), "-c", call, *arguments],
        env={k: v for k, v in os.environ.items() if k not in {"COLUMNS", "FORCE_COLOR"}}
        | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
