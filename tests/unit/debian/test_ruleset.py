"""The program that loads an nftables table and undoes that unless it is confirmed."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from hotshoe.render import render
from tests.conftest import PROJECT

TABLE = "hotshoe_forwards"
STOP = f"systemctl stop hotshoe-rollback-{TABLE}.timer"
# How many commands the program calls from staging to confirming, so far as they are replaced here.
CALLS = 17
# What is in force is a file here; rules that hold "bad" are refused, and "unkept" cannot be listed.
FAKES = {
    "nft": """
        case "$*" in
            --check*) ! grep -q bad "$3" ;;
            --file*) ! grep -q bad "$2" && cp "$2" "$FAKE/live" && echo load >>"$FAKE/calls" ;;
            "list tables")
                [ ! -e "$FAKE/no-tables" ] || exit 1
                [ ! -e "$FAKE/live" ] || echo "table inet hotshoe_forwards" ;;
            "--stateless list table inet hotshoe_forwards")
                ! grep -q unkept "$FAKE/live" && sed "1{/delete table/d}" "$FAKE/live" ;;
            *) exit 2 ;;
        esac
    """,
    "systemctl": 'echo "systemctl $*" >>"$FAKE/calls"; [ ! -e "$FAKE/no-systemctl" ]',
    "systemd-run": """
        echo arm >>"$FAKE/calls"; [ ! -e "$FAKE/no-timer" ] && echo "$@" >"$FAKE/timer"
    """,
    "sync": "[ ! -e $FAKE/full ]",
}

# Where the file says that none is left, the command never gets to its work.
KILLED = """
if [ -e "$FAKE/left" ]; then
    read -r left <"$FAKE/left"
    [ "$left" -gt 0 ] || { kill -9 "$PPID"; exit 1; }
    echo $((left - 1)) >"$FAKE/left"
fi
"""


def digest_of(rules: str) -> str:
    return hashlib.sha256(rules.encode()).hexdigest()


DIGEST = digest_of("new\n")


class Host:
    """A host with the program on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / f"etc/{TABLE}.nft"
        self.kept = folder / f"run/{TABLE}.rollback"
        self.program = folder / "hotshoe-ruleset"
        for each in ("bin", "etc"):
            (folder / each).mkdir()
        where = SimpleNamespace(FOLDER=folder / "etc", RECORDS=folder / "run")
        self.program.write_text(render("base/ruleset.sh.j2", paths=where))
        self.program.chmod(0o755)
        real = {name: f'exec /bin/{name} "$@"' for name in ("rm", "mv", "chmod", "cat")}
        for name, text in (real | FAKES).items():
            (folder / "bin" / name).write_text(f"#!/bin/sh\n{KILLED}\n{text}\n")
            (folder / "bin" / name).chmod(0o755)

    def killed_at(self, number: int) -> None:
        """Have the program killed when it calls its next but so many commands."""
        (self.folder / "left").write_text(f"{number}\n")

    def run(self, *arguments: str, rules: str = "") -> subprocess.CompletedProcess[str]:
        (self.folder / "calls").write_text("")
        return subprocess.run(
            [self.program, *arguments],
            env={"PATH": f"{self.folder}/bin:/usr/bin:/bin", "FAKE": str(self.folder)},
            input=rules,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )

    def stage(self, rules: str) -> subprocess.CompletedProcess[str]:
        return self.run("stage", TABLE, "30", rules=rules)

    def done(self, *arguments: str, rules: str = "") -> None:
        done = self.run(*arguments, rules=rules)
        assert done.returncode == 0, done.stderr

    @property
    def live(self) -> str:
        live = self.folder / "live"
        # Going back begins with taking the table away.
        text = live.read_text() if live.exists() else ""
        return re.sub(r"^table inet \w+; delete table inet \w+ # [0-9a-f]{64}\n", "", text)

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def host(tmp_path, monkeypatch) -> Host:
    monkeypatch.chdir(PROJECT)
    return Host(tmp_path)


@pytest.fixture
def deployed(host) -> Host:
    host.done("stage", TABLE, "30", rules="old\n")
    host.done("confirm", TABLE, digest_of("old\n"))
    return host


def test_new_rules_are_in_force_before_they_are_confirmed_and_at_boot_after(deployed):
    assert deployed.stage("new\n").returncode == 0
    assert deployed.live == "new\n"
    assert deployed.file.read_text() == "old\n"
    # Whoever would go back is there before there is anything to go back from.
    assert deployed.calls == [STOP, "arm", "load"]
    assert (deployed.folder / "timer").read_text() == (
        f"--quiet --collect --unit=hotshoe-rollback-{TABLE} --on-active=30s "
        f"--timer-property=AccuracySec=1s {deployed.program} rollback {TABLE} "
        f"{DIGEST}\n"
    )
    assert deployed.run("confirm", TABLE, digest_of("new\n")).returncode == 0
    assert deployed.file.read_text() == "new\n"
    assert deployed.file.stat().st_mode & 0o777 == 0o644
    assert deployed.calls == [
        STOP,
        "systemctl enable --quiet hotshoe-forwards.service",
        "systemctl reload-or-restart hotshoe-forwards.service",
    ]
    assert [path.name for path in deployed.kept.parent.iterdir()] == ["ruleset.lock"]


def test_the_rules_before_are_put_back(deployed):
    deployed.stage("new\n")
    done = deployed.run("rollback", TABLE)
    assert (done.returncode, deployed.live) == (0, "old\n")
    assert "nobody confirmed the new rules of hotshoe_forwards" in done.stderr
    # The timer comes too late, and changes nothing.
    done = deployed.run("rollback", TABLE)
    assert (done.returncode, done.stderr, deployed.calls) == (0, "", [])


def test_a_table_that_was_not_there_goes_again(host):
    host.stage("new\n")
    assert host.kept.read_text() == (f"table inet {TABLE}; delete table inet {TABLE} # {DIGEST}\n")
    host.done("rollback", TABLE)
    assert host.live == ""
    assert not host.file.exists()


def test_rules_that_were_put_back_cannot_be_confirmed(deployed):
    deployed.stage("new\n")
    deployed.done("rollback", TABLE)
    done = deployed.run("confirm", TABLE, digest_of("new\n"))
    assert done.returncode == 1
    assert "the rules of hotshoe_forwards were put back already" in done.stderr
    assert (deployed.live, deployed.file.read_text()) == ("old\n", "old\n")


def test_the_next_deploy_goes_back_to_confirmed_rules_first(deployed):
    """After one that was killed: what it loaded is not what a rollback goes back to."""
    deployed.stage("unconfirmed\n")
    assert deployed.stage("new\n").returncode == 0
    assert deployed.calls == [
        "load",
        STOP,
        STOP,
        "arm",
        "load",
    ]
    deployed.done("rollback", TABLE)
    assert deployed.live == "old\n"


def test_a_deploy_confirms_and_a_timer_rolls_back_only_their_own_rules(deployed):
    deployed.done("stage", TABLE, "30", rules="first\n")
    deployed.done("stage", TABLE, "30", rules="second\n")
    for digest in (digest_of("first\n"), ""):
        done = deployed.run("confirm", TABLE, digest)
        assert done.returncode == 1
        assert "another deploy has staged other rules of hotshoe_forwards" in done.stderr
    deployed.done("rollback", TABLE, digest_of("first\n"))
    assert (deployed.live, deployed.file.read_text()) == ("second\n", "old\n")
    deployed.done("rollback", TABLE, digest_of("second\n"))
    assert deployed.live == "old\n"


def test_rules_of_another_deploy_that_were_refused_neither_replace_nor_keep_the_staged(deployed):
    deployed.done("stage", TABLE, "30", rules="first\n")
    assert deployed.stage("bad\n").returncode != 0
    for rules in ("first\n", "bad\n"):
        assert deployed.run("confirm", TABLE, digest_of(rules)).returncode == 1
    assert deployed.file.read_text() == "old\n"
    deployed.done("rollback", TABLE, digest_of("first\n"))
    assert deployed.live == "old\n"


def test_nothing_is_replaced_when_the_tables_cannot_be_listed(deployed):
    (deployed.folder / "no-tables").touch()
    done = deployed.stage("new\n")
    assert done.returncode == 1
    assert "nft cannot list the tables" in done.stderr
    assert (deployed.live, deployed.calls) == ("old\n", [])
    assert not deployed.kept.exists()


@pytest.mark.parametrize("seconds", ["", "soon", "-1", "3s"])
def test_seconds_that_are_no_number_are_refused_before_anything_is_written(deployed, seconds):
    done = deployed.run("stage", TABLE, seconds, rules="new\n")
    assert done.returncode == 1
    assert "not a number of seconds" in done.stderr
    assert not deployed.file.with_name(f"{TABLE}.nft.new").exists()


@pytest.mark.parametrize("why", ["bad rules", "no timer"])
def test_nothing_is_loaded_that_is_bad_or_that_nobody_would_put_back(deployed, why):
    if why == "no timer":
        (deployed.folder / "no-timer").touch()
    assert deployed.stage("bad\n" if why == "bad rules" else "new\n").returncode != 0
    assert "load" not in deployed.calls
    assert (deployed.live, deployed.file.read_text()) == ("old\n", "old\n")


def test_rules_that_cannot_be_kept_are_not_replaced(deployed):
    (deployed.folder / "live").write_text("unkept\n")
    done = deployed.stage("new\n")
    assert done.returncode == 1
    assert "the rules that are in force cannot be kept" in done.stderr
    assert (deployed.live, deployed.calls) == ("unkept\n", [])
    assert not deployed.kept.exists()


def test_rules_whose_file_cannot_be_written_are_put_back_by_the_timer(deployed):
    deployed.stage("new\n")
    (deployed.folder / "full").touch()
    assert deployed.run("confirm", TABLE, digest_of("new\n")).returncode != 0
    assert deployed.calls == [], "the timer goes on"
    deployed.done("rollback", TABLE)
    assert (deployed.live, deployed.file.read_text()) == ("old\n", "old\n")


def test_rules_that_cannot_be_put_back_are_kept_and_named_and_the_next_deploy_goes_on(deployed):
    deployed.stage("new\n")
    deployed.kept.write_text("bad\n")
    done = deployed.run("rollback", TABLE)
    assert done.returncode == 1
    assert f"the rules before cannot be put back; they are in {deployed.kept}.failed" in done.stderr
    assert deployed.stage("newer\n").returncode == 0
    assert deployed.live == "newer\n"


def test_a_folder_in_the_way_is_named_and_a_link_is_not_followed(deployed):
    new = deployed.file.with_name(f"{TABLE}.nft.new")
    new.symlink_to(deployed.folder / "precious")
    deployed.stage("new\n")
    assert not (deployed.folder / "precious").exists()
    assert not new.is_symlink()
    new.unlink()
    new.mkdir()
    done = deployed.stage("newer\n")
    assert done.returncode == 1
    assert f"{new}: is a folder, where a file belongs: move it away" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("stage",),
        ("flush", TABLE),
        ("rollback", "theirs"),
        ("rollback", "home"),
        ("rollback", "hotshoe_"),
        ("rollback", "hotshoe_/../x"),
    ],
)
def test_tables_of_others_and_other_words_are_refused(host, arguments):
    done = host.run(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("hotshoe-ruleset: ")
    assert host.calls == []


@pytest.mark.parametrize("number", range(CALLS + 1))
def test_wherever_the_program_is_killed_rules_come_back_and_the_next_deploy_heals(deployed, number):
    deployed.killed_at(number)
    killed = deployed.stage("new\n").returncode != 0
    killed = killed or deployed.run("confirm", TABLE, digest_of("new\n")).returncode != 0
    (deployed.folder / "left").unlink()
    assert killed is (number < CALLS)
    confirmed = deployed.file.read_text()
    assert confirmed in ("old\n", "new\n")
    if deployed.live == "new\n" and confirmed == "old\n":
        # Somebody will put them back.
        assert (deployed.folder / "timer").exists()
        deployed.done("rollback", TABLE)
        assert deployed.live == "old\n"
    deployed.done("stage", TABLE, "30", rules="newer\n")
    deployed.done("confirm", TABLE, digest_of("newer\n"))
    assert (deployed.live, deployed.file.read_text()) == ("newer\n", "newer\n")
    assert [path.name for path in deployed.kept.parent.iterdir()] == ["ruleset.lock"]
