"""The service on the router, killed at every point: what it keeps is all old or all new.

It runs in an ordinary ``sh``, sourced as ``/etc/rc.common`` does, with its folders below ``$R`` and
small stand-ins for OpenWrt's programs. A stand-in of what changes a file system counts its calls,
and at a given one it kills everything, or fails.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from hotshoe.openwrt import paths
from roles.openwrt import operations
from tests.conftest import PROJECT

OLD = {"network": "old network\n", "firewall": "old firewall\n", "dhcp": "old dhcp\n"}
NEW = OLD | {"network": "new network\n", "firewall": "new firewall\n"}
KERNEL = "table inet fw4 { what is in force }\n"
LOADED = f"table inet fw4\nflush table inet fw4\n{KERNEL}"
CHANGE = "network new network\nfirewall new firewall\n"
COUNTED = ("mv", "cp", "rm", "mkdir", "sync")
COUNT = """\
read -r count <$R/count; count=$((count + 1)); echo $count >$R/count
[ "$count" != "$KILL_AT" ] || kill -9 0
[ "$count" != "$FAIL_AT" ] || exit 1
"""
REAL = "PATH=/usr/sbin:/usr/bin:/sbin:/bin\n"
UCI = """\
case "$*" in
changes) cat $R/uci/* 2>/dev/null ;;
batch) while read -r package line; do echo "$line" >>$R/uci/$package; done ;;
*"get ddns.theirs") echo service ;;
*"get ddns."*) exit 1 ;;
commit*)
    [ -e $R/uci/$2 ] || exit 0
    [ -z "$FULL" ] || >$R/uci/$2
    cp $R/uci/$2 $R/config/.$2 && mv $R/config/.$2 $R/config/$2 && rm $R/uci/$2 ;;
*export*) cat $R/uci/"${*##* }" 2>/dev/null || cat $R/config/"${*##* }" ;;
esac
"""
STAND_INS = {
    "flock": "",
    "fw4": "[ \"$2\" != reload ] || echo firewall >>$R/reloaded; echo 'chain input_lan {'",
    "nft": "case $1 in -f) cp $2 $R/rules ;; --terse) cat $R/kernel ;; delete) rm $R/rules ;; "
    "list) [ $2 = tables ] && { [ ! -s $R/kernel ] || echo table inet fw4; } ;; esac",
    "logger": "",
    "df": "echo overlay 9999 1 ${FREE:-9998} 1% /overlay",
    # Until an interface that was reloaded has its addresses.
    "sleep": "",
    "start-stop-daemon": 'while [ "$1" != -p ]; do shift; done; echo 99999999 >$2',
}


class RouterFolders:
    """A router's folders, and its programs."""

    def __init__(self, root: Path) -> None:
        self.root, self.config, self.kept = root, root / "config", root / "kept"

    def set_up(self) -> None:
        """Make them, as they are on a router that has the service."""
        for folder in ("config", "kept", "uci", "run", "bin", "init.d"):
            (self.root / folder).mkdir(parents=True)
        for name, content in OLD.items():
            (self.config / name).write_text(content)
        (self.root / "kernel").write_text(KERNEL)
        for name in COUNTED:
            self._program(f"bin/{name}", f'{COUNT}{REAL}exec {name} "$@"\n')
        self._program("bin/uci", f"case $1 in batch|commit) {COUNT};; esac\n{REAL}{UCI}")
        for name, script in STAND_INS.items():
            self._program(f"bin/{name}", f"{REAL}{script}\n")
        for name in ("network", "dnsmasq", "odhcpd"):
            self._program(f"init.d/{name}", f'[ "$1" != reload ] || echo {name} >>$R/reloaded\n')
        text = operations.init_script()
        for path, instead in (
            (paths.FOLDER, "$R/kept"),
            ("/etc/config", "$R/config"),
            ("/tmp/.uci", "$R/uci"),
            ("/var/run/", "$R/run/"),
            ("/var/lock/", "$R/run/lock-"),
            ("/etc/init.d/", "$R/init.d/"),
        ):
            text = text.replace(path, instead)
        assert "/etc/" not in text.replace("/etc/rc.common", "")
        (self.root / "hotshoe.init").write_text(text)

    def _program(self, path: str, text: str) -> None:
        (self.root / path).write_text(f"#!/bin/sh\n{text}")
        (self.root / path).chmod(0o755)

    def run(self, *calls: str, stdin: str = "", **env: int | str) -> tuple[int, str]:
        """Each call as a command of its own, until one fails.

        :param env: ``KILL_AT`` or ``FAIL_AT``: the number of the counted call
        """
        (self.root / "count").write_text("0\n")
        script = " && ".join(f"( . {self.root}/hotshoe.init; {call} )" for call in calls)
        done = subprocess.run(
            ["sh", "-c", script],
            input=stdin,
            env={"PATH": f"{self.root}/bin:{os.environ['PATH']}", "R": str(self.root)}
            | {name: str(value) for name, value in env.items()},
            text=True,
            capture_output=True,
            start_new_session=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    @property
    def counted(self) -> int:
        return int((self.root / "count").read_text())

    def lose_power(self) -> None:
        """What is in RAM is gone."""
        for folder in ("uci", "run"):
            shutil.rmtree(self.root / folder)
            (self.root / folder).mkdir()

    @property
    def files(self) -> dict[str, str]:
        found = {path.name: path.read_text() for path in self.config.iterdir()}
        return {name: text for name, text in found.items() if not name.startswith(".")}

    @property
    def staged(self) -> list[str]:
        return sorted(path.name for path in (self.root / "uci").iterdir())

    @property
    def left(self) -> set[str]:
        return {path.name for path in self.kept.iterdir()}

    @property
    def first(self) -> dict[str, str]:
        folder = self.kept / "first"
        return {path.name: path.read_text() for path in folder.iterdir()} if folder.exists() else {}


@pytest.fixture
def new_router(tmp_path, monkeypatch):
    """Makes routers, each in a folder of its own; like another one, if that is given."""
    monkeypatch.chdir(PROJECT)
    numbers = iter(range(1000))

    def make(like: RouterFolders | None = None) -> RouterFolders:
        router = RouterFolders(tmp_path / str(next(numbers)))
        if like:
            shutil.copytree(like.root, router.root)
        else:
            router.set_up()
        return router

    return make


@pytest.fixture
def router(new_router):
    return new_router()


STAGE, APPLY, CONFIRM = "stage a1 60 network firewall", "apply a1", "confirm a1"
WHOLE = (STAGE, APPLY, CONFIRM)


def test_the_script_parses():
    done = subprocess.run(
        ["sh", "-n"], input=operations.init_script(), text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_change_that_is_confirmed_stays(router):
    code, said = router.run(*WHOLE, stdin=CHANGE)
    assert code == 0, said
    assert router.files == NEW
    router.lose_power()
    assert router.run("boot")[0] == 0
    assert (router.files, router.left) == (NEW, {"first"})
    assert router.first == {name: OLD[name] for name in ("network", "firewall")}


def test_staging_prints_all_that_is_checked(router):
    _, said = router.run(STAGE, stdin=CHANGE)
    assert [line for line in said.splitlines() if line.startswith("@@")] == [
        f"@@hotshoe {part}"
        for part in (
            "batch",
            "network",
            "firewall",
            "before",
            "after",
            "check",
            "chains before",
            "print",
        )
    ]
    assert router.files == OLD
    assert router.staged == ["firewall", "network"]


def test_nothing_is_ever_mixed_however_a_change_ends(new_router):
    """Killed before every single step, by the power."""
    fresh, whole = new_router(), new_router()
    whole.run(*WHOLE, stdin=CHANGE)
    assert whole.counted > 20
    ends = []
    for point in range(1, whole.counted + 1):
        router = new_router(fresh)
        code, _ = router.run(*WHOLE, stdin=CHANGE, KILL_AT=point)
        assert code != 0
        router.lose_power()
        assert router.run("boot")[0] == 0
        assert router.files in (OLD, NEW), point
        assert router.left <= {"first"}
        assert router.first.items() <= OLD.items() or ".new" in router.first
        ends.append(router.files == NEW)
    # Once it is confirmed it stays, and before that it never does.
    assert ends == sorted(ends)
    assert {True, False} == set(ends)


def test_the_timer_rolls_back_what_a_killed_run_left(new_router):
    """The power stays: what is staged is taken back too."""
    fresh, whole = new_router(), new_router()
    whole.run(STAGE, APPLY, stdin=CHANGE)
    for point in range(1, whole.counted + 1):
        router = new_router(fresh)
        router.run(STAGE, APPLY, stdin=CHANGE, KILL_AT=point)
        code, said = router.run("rollback")
        assert code == 0, said
        assert (router.files, router.staged) == (OLD, []), point


@pytest.mark.parametrize("how", ["KILL_AT", "FAIL_AT"])
def test_a_rollback_can_be_repeated_from_any_point(new_router, how):
    changed = new_router()
    changed.run(STAGE, APPLY, stdin=CHANGE)
    assert changed.files == NEW
    changed.lose_power()
    whole = new_router(changed)
    assert whole.run("boot")[0] == 0
    for point in range(1, whole.counted + 1):
        router = new_router(changed)
        router.run("boot", **{how: point})
        router.run("boot")
        assert (router.files, router.left) == (OLD, {"first"}), point


def test_a_file_that_cannot_be_restored_is_told_and_kept(router):
    router.run(STAGE, APPLY, stdin=CHANGE)
    # After the removal of what is staged of it.
    code, said = router.run("put_back", FAIL_AT=2)
    assert code == 1
    assert "cannot put back firewall: overlay" in said
    assert "pending" in router.left


def test_a_rollback_restores_loads_and_says_so(router):
    router.run(STAGE, APPLY, stdin=CHANGE)
    (router.root / "reloaded").unlink()
    code, said = router.run("rollback")
    assert (code, said) == (0, "a change was not confirmed: rolling back\n")
    assert (router.files, router.left) == (OLD, {"first"})
    assert (router.root / "reloaded").read_text() == "network\n"
    assert (router.root / "rules").read_text() == LOADED
    assert not (router.root / "run" / "hotshoe-rollback.pid").exists()


def test_a_rollback_does_not_load_what_its_change_has_not(router):
    """That would put into force what somebody committed and did not load."""
    router.run(STAGE, stdin=CHANGE)
    assert router.run("rollback")[0] == 0
    assert router.files == OLD
    assert not (router.root / "reloaded").exists()
    assert (router.root / "rules").read_text() == LOADED


def test_a_firewall_that_was_not_loaded_is_not_loaded_by_a_rollback(router):
    (router.root / "kernel").write_text("")
    router.run(STAGE, APPLY, stdin=CHANGE)
    (router.root / "reloaded").unlink()
    (router.root / "rules").touch()
    assert router.run("rollback")[0] == 0
    assert (router.root / "reloaded").read_text() == "network\n"
    assert not (router.root / "rules").exists()


@pytest.mark.parametrize(
    "fails",
    [
        pytest.param('[ "$1" = --terse ] && exit 1', id="to list the rules"),
        pytest.param('[ "$1" = --terse ] && exit 0', id="to write them"),
        pytest.param('[ "$2" = tables ] || [ "$1" = --terse ] && exit 1', id="at all"),
    ],
)
def test_a_firewall_that_nft_fails_to_list_is_not_taken_for_none(router, fails):
    """As when memory is short: a rollback would take it away, and leave the router open."""
    router._program("bin/nft", f"{fails}\n{REAL}{STAND_INS['nft']}\n")
    router.run(STAGE, APPLY, stdin=CHANGE)
    (router.root / "reloaded").unlink()
    router._program("bin/nft", f"{REAL}{STAND_INS['nft']}\n")
    assert router.run("rollback")[0] == 0
    assert (router.root / "rules").read_text() == "chain input_lan {\n"
    assert (router.root / "reloaded").read_text() == "firewall\nnetwork\n"


def test_rules_that_nft_would_not_load_again_are_made_by_fw4(router):
    router._program("bin/nft", f'{STAND_INS["nft"]}; [ "$3" != $R/run/hotshoe/loadable.nft ]\n')
    router.run(STAGE, APPLY, stdin=CHANGE)
    (router.root / "reloaded").unlink()
    assert router.run("rollback")[0] == 0
    assert (router.root / "rules").read_text() == "chain input_lan {\n"
    assert (router.root / "reloaded").read_text() == "firewall\nnetwork\n"


def test_a_rollback_that_is_killed_leaves_no_new_rules_with_old_files(new_router):
    """Once the files are back, nobody comes back for the rules."""
    changed = new_router()
    changed.run(STAGE, APPLY, stdin=CHANGE)
    whole = new_router(changed)
    whole.run("rollback")
    for point in range(1, whole.counted + 1):
        router = new_router(changed)
        router.run("rollback", KILL_AT=point)
        assert router.files != OLD or (router.root / "rules").exists(), point


def test_the_servers_that_give_leases_are_reloaded(router):
    """Either may be gone, or not run at boot."""
    router._program("init.d/dnsmasq", "exit 1\n")
    router.run("stage a1 60 dhcp", APPLY, stdin="dhcp new dhcp\n")
    assert (router.root / "reloaded").read_text() == "odhcpd\n"
    (router.root / "init.d" / "odhcpd").unlink()
    code, said = router.run("rollback")
    assert (code, said) == (0, "a change was not confirmed: rolling back\n")
    assert (router.root / "reloaded").read_text() == "odhcpd\n"


def test_updaters_of_the_record_begin_anew_and_go_with_their_section(router):
    """Whoever has the number of one that ended long ago is left alone."""
    router._program("init.d/ddns", "echo $1 >>$R/ddns\n")
    (router.config / "ddns").write_text("old ddns\n")
    folder = router.root / "run" / "ddns"
    folder.mkdir()
    router._program("dynamic_dns_updater.sh", "read -r forever\n")
    running = {}
    for name, command in {
        "theirs": [router.root / "dynamic_dns_updater.sh", "-v", "0", "-S", "theirs"],
        "gone": [router.root / "dynamic_dns_updater.sh", "-v", "0", "-S", "gone", "--", "start"],
        "reused": ["sh", "-c", "read -r forever", "reused"],
    }.items():
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        (folder / f"{name}.pid").write_text(f"{process.pid}\n")
        running[name] = process
    try:
        router.run("stage a1 60 ddns", APPLY, stdin="ddns new ddns\n")
        assert (router.root / "ddns").read_text() == "enabled\nrestart\n"
        assert running.pop("gone").wait(20) == -signal.SIGTERM
        assert [process.poll() for process in running.values()] == [None, None]
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def test_ddns_scripts_that_somebody_switched_off_stay_off(router):
    router._program("init.d/ddns", "echo $1 >>$R/ddns; [ $1 != enabled ]\n")
    (router.config / "ddns").write_text("old ddns\n")
    router.run("stage a1 60 ddns", APPLY, stdin="ddns new ddns\n")
    assert (router.root / "ddns").read_text() == "enabled\n"


def test_a_change_is_confirmed_even_if_its_timer_is_gone(router):
    """Killed by somebody, or by a router that ran out of memory."""
    pid = router.root / "run" / "hotshoe-rollback.pid"
    router.run(STAGE, APPLY, stdin=CHANGE)
    assert pid.read_text() == "99999999\n"
    assert router.run(CONFIRM)[0] == 0
    assert (router.files, pid.exists()) == (NEW, False)


def test_a_rollback_without_an_unconfirmed_change_does_nothing(router):
    assert router.run("rollback") == (0, "there is no unconfirmed change\n")
    assert router.files == OLD


def test_a_rollback_of_a_confirmed_change_says_that_it_stays(router):
    """The deploy may not have heard that it was confirmed."""
    router.run(*WHOLE, stdin=CHANGE)
    assert router.run("rollback a1") == (3, "this change was confirmed already, and stays\n")
    assert router.files == NEW
    assert router.run("rollback") == (0, "there is no unconfirmed change\n")


def test_a_confirmation_killed_at_any_point_is_told_as_it_is(new_router):
    """By who killed the command, not by the power; what a rollback says is what the files are."""
    applied = new_router()
    applied.run(STAGE, APPLY, stdin=CHANGE)
    whole = new_router(applied)
    whole.run(CONFIRM)
    ends = []
    for point in range(1, whole.counted + 1):
        router = new_router(applied)
        router.run(CONFIRM, KILL_AT=point)
        code, _ = router.run("rollback a1")
        assert (code, router.files) in ((0, OLD), (3, NEW)), point
        assert router.run("rollback a1")[0] == code
        ends.append(code)
    assert set(ends) == {0, 3}


def test_a_confirmation_that_fails_leaves_a_change_that_is_rolled_back(router):
    router.run(STAGE, APPLY, stdin=CHANGE)
    code, said = router.run(CONFIRM, FAIL_AT=1)
    assert (code, said) == (1, f"cannot write to {router.kept}\n")
    assert router.run("rollback a1")[0] == 0
    assert router.files == OLD
    assert router.run("rollback a1") == (0, "there is no unconfirmed change\n")


def test_a_rollback_leaves_the_change_of_another_run(router):
    router.run(STAGE, APPLY, stdin=CHANGE)
    said = "another change is not confirmed yet; this one was rolled back or never staged\n"
    assert router.run("rollback b2") == (4, said)
    assert router.files == NEW
    assert "pending" in router.left


@pytest.mark.parametrize("call", ["apply b2", "confirm b2"])
def test_only_the_run_that_began_a_change_goes_on_with_it(router, call):
    router.run(STAGE, stdin=CHANGE)
    assert router.run(call) == (1, "this change was rolled back already\n")
    assert router.files == OLD
    assert "pending" in router.left


@pytest.mark.parametrize("call", [APPLY, CONFIRM])
def test_a_change_that_was_rolled_back_is_over(router, call):
    router.run(STAGE, stdin=CHANGE)
    router.run("rollback")
    assert router.run(call) == (1, "this change was rolled back already\n")
    assert router.files == OLD


def test_a_second_change_begins_with_what_was_before_the_unconfirmed_one(router):
    router.run(STAGE, APPLY, stdin=CHANGE)
    assert router.files == NEW
    code, said = router.run("stage b2 60 dhcp", stdin="dhcp new dhcp\n")
    assert code == 0
    assert "an earlier change was never confirmed" in said
    assert router.files == OLD
    assert router.staged == ["dhcp"]
    assert router.run("apply b2", "confirm b2")[0] == 0
    assert router.files == OLD | {"dhcp": "new dhcp\n"}


def test_staged_changes_of_others_are_never_committed(router):
    (router.root / "uci" / "dhcp").write_text("theirs\n")
    code, said = router.run(STAGE, stdin=CHANGE)
    assert code == 1
    assert said.endswith("theirs\nothers have staged changes that are not committed\n")
    assert (router.files, router.left, router.staged) == (OLD, set(), ["dhcp"])


def test_an_unconfirmed_change_in_luci_is_waited_for(router):
    kept = router.root / "run" / "rpcd" / "snapshot-files"
    kept.mkdir(parents=True)
    (kept / "firewall").write_text("before LuCI\n")
    code, said = router.run(STAGE, stdin=CHANGE)
    assert (code, said) == (
        1,
        "LuCI may still roll back a change that was made there: try again in two minutes\n",
    )
    assert (router.files, router.left, router.staged) == (OLD, set(), [])
    # What was applied unchecked stays there and means nothing.
    os.utime(kept / "firewall", (0, 0))
    assert router.run(STAGE, stdin=CHANGE)[0] == 0


def test_a_package_without_a_file_is_not_called_broken(router):
    code, said = router.run(f"{STAGE} other", stdin=CHANGE)
    assert code == 1
    assert said.endswith("other: make an empty one first\n")
    assert (router.files, router.staged) == (OLD, [])


def test_a_full_router_is_left_alone(router):
    code, said = router.run(STAGE, stdin=CHANGE, FREE=9)
    assert code == 1
    assert said.endswith(
        f"only 9 KiB are free for {router.config}; {operations.ROOM} KiB are needed\n"
    )
    assert (router.files, router.left) == (OLD, set())


def test_a_commit_truncated_by_a_full_disk_is_told_and_rolled_back(router):
    code, said = router.run(STAGE, APPLY, stdin=CHANGE, FULL=1)
    assert code == 1
    assert said.endswith("what was committed of firewall reads back differently\n")
    assert router.files["firewall"] == ""
    router.lose_power()
    router.run("boot")
    assert router.files == OLD


def test_a_router_without_zones_is_left_alone(router):
    router._program("bin/fw4", "true\n")
    code, said = router.run(STAGE, stdin=CHANGE)
    assert code == 1
    assert said.splitlines()[-1].startswith(f"{router.config}/firewall has no zones, or is broken")
    assert (router.files, router.staged) == (OLD, [])


def test_without_a_timer_nothing_is_staged(router):
    router._program("bin/start-stop-daemon", "exit 1\n")
    code, said = router.run(STAGE, stdin=CHANGE)
    assert (code, said.splitlines()[-1]) == (1, "cannot start the timer")
    assert (router.files, router.staged) == (OLD, [])
    assert "pending" not in router.left


class TestRestore:
    def changed(self, router: RouterFolders) -> RouterFolders:
        router.run(*WHOLE, stdin=CHANGE)
        assert router.files == NEW
        return router

    def test_brings_back_what_was_before_the_first_change(self, router):
        self.changed(router)
        router.run(STAGE, APPLY, CONFIRM, stdin="network newer\nfirewall newer\n")
        code, said = router.run("restore")
        assert code == 0
        assert said.startswith("put back what was before hotshoe's first change: firewall")
        assert (router.files, router.left) == (OLD, {"restored"})

    def test_twice_changes_nothing_more(self, router):
        self.changed(router)
        router.run("restore")
        mine = {**OLD, "firewall": "a rule of my own"}
        (router.config / "firewall").write_text(mine["firewall"])
        code, said = router.run("restore")
        assert (code, router.files) == (0, mine)
        assert said == "hotshoe has changed nothing on this router, or all is put back already\n"

    def test_what_was_done_since_the_last_one_is_not_lost_by_the_next(self, router):
        self.changed(router)
        router.run("restore")
        mine = {**OLD, "firewall": "a rule of my own\n"}
        (router.config / "firewall").write_text(mine["firewall"])
        self.changed(router)
        assert router.run("restore")[0] == 0
        assert router.files == mine

    def test_goes_over_a_change_that_waits(self, router):
        router.run(STAGE, APPLY, stdin=CHANGE)
        assert router.run("restore")[0] == 0
        assert (router.files, router.left) == (OLD, {"restored"})

    def test_where_nothing_was_changed_says_so(self, router):
        said = "hotshoe has changed nothing on this router, or all is put back already\n"
        assert router.run("restore") == (0, said)

    def test_killed_at_any_point_is_all_or_nothing(self, new_router):
        changed = self.changed(new_router())
        whole = new_router(changed)
        whole.run("restore")
        for point in range(1, whole.counted + 1):
            router = new_router(changed)
            router.run("restore", KILL_AT=point)
            router.lose_power()
            assert router.run("boot")[0] == 0
            assert router.files in (OLD, NEW), point
            assert router.left in ({"first"}, {"restored"})
            assert router.run("restore")[0] == 0
            assert router.files == OLD
