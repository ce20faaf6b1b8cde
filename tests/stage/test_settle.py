"""What becomes of uploads that ended, while somebody interferes or the journal is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.stage.home import Home
from tests.stage.test_firewall import wait_until

OK = "226 Transfer complete."
AS_OWNER = "setpriv --reuid=hotshoe --regid=hotshoe --clear-groups"
ASIDE = "/srv/hotshoe/r5/incomplete"
UNIT = "hotshoe-settle"


def mode(home: Home, name: str) -> str:
    return home.sh(home.server, f"stat -c %a '{home.uploads}/{name}'").strip()


def is_aside(home: Home, name: str) -> bool:
    return home.succeeds(home.server, f"test -e '{ASIDE}/{name}'")


def said(home: Home, cursor: str) -> str:
    """What the unit has said since then."""
    return home.sh(home.server, f"journalctl -o cat -u {UNIT} --after-cursor='{cursor}'")


def now(home: Home) -> str:
    return home.sh(home.server, "journalctl -n 1 -o export | sed -n 's/^__CURSOR=//p'").strip()


def put_by_owner(home: Home, *names: str) -> None:
    """Files as an upload leaves them that broke off without a word: no lock, no log line."""
    write = "umask 007; for name; do mkdir -p $(dirname $name); printf 1234567 >$name; done"
    home.sh(home.server, f"cd {home.uploads}; {AS_OWNER} sh -c '{write}' - {' '.join(names)}")


@contextmanager
def settling_stopped(home: Home) -> Iterator[None]:
    home.sh(home.server, f"systemctl stop {UNIT}")
    try:
        yield
    finally:
        home.sh(home.server, f"systemctl start {UNIT}")


def test_a_log_line_of_another_user_does_not_make_a_photo_complete(either_home: Home) -> None:
    home, name = either_home, f"forged-{time.time_ns()}.JPG"
    line = f'[r5] OK UPLOAD: Client "192.0.2.1", "/upload/{name}", 7 bytes, 1.00Kbyte/sec'
    with settling_stopped(home):
        put_by_owner(home, name)
        home.sh(
            home.server,
            f"setpriv --reuid=nobody --clear-groups logger -t vsftpd --id=1 -p ftp.info '{line}'; "
            f"logger -t vsftpd -p ftp.info '{line}'",
        )
    wait_until(lambda: not home.succeeds(home.server, f"test -e {home.uploads}/{name}"), 30)
    assert is_aside(home, name)


def test_a_folder_swapped_for_a_link_leads_to_no_file_elsewhere(either_home: Home) -> None:
    """The owner of a folder swaps it, again and again, for a link to one of root's."""
    home, stamp = either_home, time.time_ns()
    # Elsewhere, since under another name there a complete photo would be one that no line is about.
    real = f"/var/tmp/real-{stamp}"
    trap, victims = f"trap-{stamp}", [f"victim-{stamp}-{n}.JPG" for n in range(12)]
    complete = [f"complete-{n}.JPG" for n in range(4)]
    home.ftp(["send", f"MKD {trap}"])
    with settling_stopped(home):
        sent = home.ftp(*(["stor", f"{trap}/{name}", 7] for name in complete))
        assert sent == [OK] * len(complete)
        put_by_owner(home, *(f"{trap}/{name}" for name in victims))
        home.sh(
            home.server,
            f"mkdir -m 700 /root/{trap}; cd /root/{trap}; "
            f"for name in {' '.join(victims + complete)}; do printf secret1 >$name; "
            "chmod 600 $name; done",
        )
        before = home.sh(home.server, f"cd /root/{trap}; stat -c '%n %a %U %s' *")
        home.sh(
            home.server,
            "systemd-run --quiet --collect --unit=swapper -p User=hotshoe "
            f"sh -c 'cd {home.uploads}; while :; do mv {trap} {real}; "
            f"ln -s /proc/1/root/root/{trap} {trap}; sleep 0.4; "
            f"rm {trap}; mv {real} {trap}; sleep 0.4; done'",
        )
    left = (
        f"find {home.uploads}/{trap}/ {real}/ -type f -user hotshoe ! -perm 440 "
        "2>/dev/null | grep -q ."
    )
    stays = f"cd /root/{trap}; stat -c '%n %a %U %s' *"

    def is_left() -> bool:
        # Each look may miss the folder that is moved at that moment.
        return any(home.succeeds(home.server, left) for _ in range(5))

    try:
        deadline = time.monotonic() + 90
        while is_left() and time.monotonic() < deadline:
            assert home.sh(home.server, stays) == before
            time.sleep(1)
        assert not is_left()
    finally:
        home.sh(
            home.server,
            f"systemctl stop swapper; cd {home.uploads}; if test -d {real}; then rm -f {trap}; "
            f"mv {real} {trap}; fi",
        )
    assert home.sh(home.server, stays) == before
    assert {mode(home, f"{trap}/{name}") for name in complete} == {"440"}
    assert all(is_aside(home, name) for name in victims)
    home.sh(home.server, f"rm -r /root/{trap}")
    assert "secret1" not in home.sh(home.server, f"cat {ASIDE}/victim-{stamp}-*")


@pytest.mark.parametrize(
    "loss",
    [
        "rm -rf /run/log/journal/* /var/log/journal/*/*; systemctl restart systemd-journald",
        "sleep 1.1; journalctl --rotate; journalctl --vacuum-time=1s",
    ],
    ids=["volatile", "rotated"],
)
def test_what_a_lost_journal_cannot_tell_stays_where_it_is(either_home: Home, loss: str) -> None:
    home, stamp = either_home, time.time_ns()
    whole, half, later = (f"lost-{kind}-{stamp}.JPG" for kind in ("whole", "half", "later"))
    with settling_stopped(home):
        assert home.ftp(["stor", whole, 1234]) == [OK]
        put_by_owner(home, half)
        home.sh(home.server, f"journalctl --sync; {loss} >/dev/null 2>&1")
        home.sh(home.server, "logger the journal goes on")
        cursor = now(home)
    wait_until(lambda: said(home, cursor).count(str(stamp)) >= 2, 30)
    # What comes after is judged as ever, and nothing is said twice.
    put_by_owner(home, later)
    wait_until(lambda: is_aside(home, later), 30)
    assert home.ftp(["stor", later, 1234]) == [OK]
    wait_until(lambda: mode(home, later) == "440", 30)
    for name in (whole, half):
        assert mode(home, name) == "660"
        (line,) = (line for line in said(home, cursor).splitlines() if name in line)
        assert line.startswith(f"{home.uploads}/{name}: it cannot be told whether this photo")
        assert "chmod 440" in line


def test_a_photo_whose_session_is_gone_before_the_journal_gets_its_line_is_complete(
    either_home: Home,
) -> None:
    """journald is late; it then finds no unit for the process that sent the line."""
    home, name = either_home, f"late-{time.time_ns()}.JPG"
    home.sh(home.server, "systemctl kill -s STOP systemd-journald")
    try:
        assert home.ftp(["stor", name, 10]) == [OK]
        wait_until(lambda: not home.succeeds(home.server, "pgrep -u hotshoe -x vsftpd"), 30)
    finally:
        home.sh(home.server, "systemctl kill -s CONT systemd-journald")
    wait_until(lambda: mode(home, name) == "440", 30)


def test_folders_deeper_than_a_path_may_be_stop_nobody(home: Home) -> None:
    stamp, cursor = time.time_ns(), now(home)
    step, broken, whole = f"{stamp}-{220 * 'd'}", f"broken-{stamp}.JPG", f"whole-{stamp}.JPG"
    down = [["send", f"{command} {step}"] for _ in range(20) for command in ("MKD", "CWD")]
    try:
        assert home.ftp(*down, ["stor", "deep.JPG", 7])[-1] == OK
        put_by_owner(home, broken)
        assert home.ftp(["stor", whole, 7]) == [OK]
        wait_until(lambda: is_aside(home, broken) and mode(home, whole) == "440", 30)
        wait_until(lambda: said(home, cursor).count("deep.JPG: it cannot be told") == 1, 30)
        put_by_owner(home, f"again-{broken}")
        wait_until(lambda: is_aside(home, f"again-{broken}"), 30)
        assert said(home, cursor).count("deep.JPG") == 1
        assert "File name too long" not in said(home, cursor)
        found = home.sh(home.server, f"find {home.uploads} -name deep.JPG -printf '%m %s\\n'")
        assert found == "660 7\n"
    finally:
        home.sh(home.server, f"rm -rf {home.uploads}/{stamp}-*")


def test_a_thousand_photos_are_settled_at_once_and_nothing_is_complained_of(home: Home) -> None:
    stamp, cursor = time.time_ns(), now(home)
    with settling_stopped(home):
        home.sh(
            home.server,
            f"cd {home.uploads}; {AS_OWNER} sh -c 'umask 007; mkdir {stamp}; cd {stamp}; "
            "for i in $(seq 2000); do printf 1234567 >$i.JPG; done'; "
            f'seq 1000 | sed \'s:.*:[r5] OK UPLOAD\\: Client "192.0.2.1", "/upload/{stamp}/&.JPG", '
            f"7 bytes, 1.00Kbyte/sec:' | {AS_OWNER} logger -t vsftpd -p ftp.info",
        )
    count = f"find {home.uploads}/{stamp} -type f -perm"
    wait_until(lambda: home.sh(home.server, f"{count} 440 | wc -l").strip() == "1000", 30)
    wait_until(lambda: not home.succeeds(home.server, f"{count} 660 | grep -q ."), 60)
    lines = said(home, cursor).splitlines()
    assert sum("broke off" in line for line in lines) == 1000
    # Whatever else its programs complain of.
    assert [line for line in lines if "error" in line.lower() or line.startswith("find:")] == []
    home.sh(home.server, f"rm -rf {home.uploads}/{stamp} {ASIDE}/*")


@pytest.mark.parametrize(
    "step",
    [
        ["stor", "/incomplete/here.JPG", 7],
        ["stor", "../incomplete/here.JPG", 7],
        ["send", "MKD /incomplete/here"],
    ],
)
def test_a_camera_stores_nothing_in_the_folder_for_uploads_that_broke_off(
    either_home: Home, step: list[object]
) -> None:
    (reply,) = either_home.ftp(step)
    assert reply[:3] in ("550", "553")
    assert not is_aside(either_home, "here*")


def test_a_deploy_corrects_a_folder_that_belongs_to_root(home: Home) -> None:
    """Earlier deploys left it to root. What is in it stays, and can be read by the group."""
    name = f"old-{time.time_ns()}.JPG"
    home.sh(
        home.server,
        f"cd {ASIDE}; printf old >{name}; chown hotshoe:hotshoe {name}; chmod 660 {name}; "
        f"chown root:hotshoe .; chmod 750 .",
    )
    home.deploy()
    assert home.deploy() == {}
    read = "setpriv --reuid=nobody --regid=hotshoe --clear-groups cat"
    assert home.sh(home.server, f"{read} {ASIDE}/{name}") == "old"
    put_by_owner(home, name)
    wait_until(lambda: is_aside(home, f"{name}.~1~"), 30)
    assert home.sh(home.server, f"{read} {ASIDE}/{name}") == "1234567"


def test_a_deploy_corrects_the_owner_s_home_while_the_program_runs(home: Home) -> None:
    """usermod refuses to do so for a user whose processes run."""
    home.sh(
        home.server,
        f"systemctl stop {UNIT}; usermod --home /nowhere hotshoe; systemctl start {UNIT}",
    )
    assert list(home.deploy()) == ["vsftpd | Create the user who owns the photos"]
    assert home.succeeds(home.server, f"systemctl is-active --quiet {UNIT}")
    assert home.deploy() == {}
    home.uploads_work()


def test_the_program_is_confined(either_home: Home) -> None:
    home = either_home
    assert home.exposure(home.server, UNIT) <= 1.7
    status = home.sh(home.server, f"cat /proc/$(systemctl show -P MainPID {UNIT})/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    owner = home.sh(home.server, "id -u hotshoe").strip()
    assert set(fields["Uid"].split()) == {owner}
    assert {fields[name] for name in ("CapPrm", "CapEff", "CapBnd")} == {"0" * 16}


def test_a_session_that_was_taken_over_cannot_trace_the_program(either_home: Home) -> None:
    """It runs as the same user, though outside of the session's root directory."""
    home = either_home
    home.sh(home.server, f"{AS_OWNER} cat /proc/self/environ")
    environ = f"/proc/$(systemctl show -P MainPID {UNIT})/environ"
    assert not home.succeeds(home.server, f"{AS_OWNER} cat {environ}")
