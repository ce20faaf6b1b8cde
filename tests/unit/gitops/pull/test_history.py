"""Which history is trusted, with real commits and real signatures."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hotshoe.errors import HotshoeError
from hotshoe.gitops.pull import history
from hotshoe.gitops.pull.history import require_whole
from hotshoe.gitops.pull.lock import alone
from hotshoe.gitops.pull.run import accept
from hotshoe.gitops.pull.state import write_state
from tests.unit.gitops.pull.repository import OWNER, STRANGER, Box


def refused(box: Box) -> str:
    """What a run tells that refuses the history and changes nothing."""
    before = box.state
    ((event, text, _),) = box.run()
    assert event == "refused"
    assert box.home.applied == []
    after = box.state
    assert (after.deployed, after.good, after.trusted) == (
        before.deployed,
        before.good,
        before.trusted,
    )
    # Not each minute.
    assert box.run() == []
    return text


def test_what_is_signed_is_deployed(box: Box) -> None:
    commit = box.origin.commit("second")
    ((event, text, told),) = box.run()
    assert (event, told) == ("applied", commit)
    assert text == f"deployed: {commit} ('second', by Ann <ann@example.net>)"
    assert box.home.applied == ["second"]
    assert box.state.deployed == box.state.good == box.state.trusted == commit


def test_with_nothing_new_nothing_is_done(box: Box) -> None:
    assert box.run() == []
    assert box.home.done == []


def test_an_unsigned_commit_is_refused(box: Box) -> None:
    commit = box.origin.commit("second", by=None)
    said = refused(box)
    assert f"commit {commit} ('second', by Ann <ann@example.net>): it is not signed" in said
    assert f"hotshoe pull accept {commit}" in said


def test_a_key_that_may_not_sign_is_refused(box: Box) -> None:
    commit = box.origin.commit("second", by=STRANGER)
    said = refused(box)
    shown = subprocess.run(
        ["ssh-keygen", "-lf", box.origin.keys / f"{STRANGER}.pub"], capture_output=True, text=True
    )
    fingerprint = shown.stdout.split()[1]
    assert f"{commit} ('second', by Ann <ann@example.net>): it is signed with the key" in said
    assert f"{fingerprint}, which is none of those that may sign" in said


def test_a_changed_commit_is_refused(box: Box) -> None:
    """With the signature of what it was before."""
    box.origin.commit("second")
    told = box.origin.git("cat-file", "commit", "HEAD").replace("\nsecond", "\nsomething else")
    command = ["git", "-C", box.origin.folder, "hash-object", "-t", "commit", "-w", "--stdin"]
    made = subprocess.run(command, input=f"{told}\n", capture_output=True, text=True, check=True)
    box.origin.git("reset", "--quiet", "--hard", made.stdout.strip())
    assert "its signature does not fit what it holds" in refused(box)


def test_an_unsigned_commit_below_a_signed_one_is_refused(box: Box) -> None:
    hidden = box.origin.commit("second", by=None)
    head = box.origin.commit("third")
    said = refused(box)
    assert f"commit {hidden} " in said
    assert head in said


def test_an_unsigned_commit_that_is_merged_is_refused(box: Box) -> None:
    box.origin.git("checkout", "--quiet", "-b", "side")
    hidden = box.origin.commit("side", by=None)
    box.origin.git("checkout", "--quiet", "main")
    box.origin.commit("second")
    box.origin.merge("side")
    assert f"commit {hidden} " in refused(box)


def test_a_signed_merge_of_signed_commits_is_deployed(box: Box) -> None:
    box.origin.git("checkout", "--quiet", "-b", "side")
    box.origin.commit("side")
    box.origin.git("checkout", "--quiet", "main")
    box.origin.commit("second")
    merged = box.origin.merge("side")
    box.run()
    assert box.state.deployed == merged


def test_whoever_may_no_longer_sign_is_refused(box: Box) -> None:
    box.may_sign(STRANGER)
    box.origin.commit("second")
    assert "it is signed with the key" in refused(box)
    box.may_sign(OWNER, STRANGER)
    box.run()
    assert box.home.applied == ["second"]


def test_a_key_for_something_else_may_not_sign(box: Box) -> None:
    key = (box.origin.keys / f"{OWNER}.pub").read_text()
    box.places.signers.write_text(f'owner@home namespaces="file" {key}')
    box.origin.commit("second")
    refused(box)


def test_what_root_has_configured_vouches_for_nothing(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as an OpenPGP keyring, or other signers."""
    vouching = tmp_path / "vouching"
    lines = ("NEWSIG", "GOODSIG 0 Somebody", "TRUST_ULTIMATE 0 pgp")
    said = "".join(f"echo '[GNUPG:] {line}'\n" for line in lines)
    vouching.write_text(f"#!/bin/sh\ncat >/dev/null\n{said}")
    vouching.chmod(0o755)
    key = (box.origin.keys / f"{STRANGER}.pub").read_text()
    (tmp_path / "signers").write_text(f"stranger@home {key}")
    config = tmp_path / "gitconfig"
    config.write_text(
        f'[gpg]\n\tprogram = {vouching}\n[gpg "ssh"]\n\tallowedSignersFile = '
        f"{tmp_path / 'signers'}\n"
    )
    pgp = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n wsBcBAABCAAQ\n -----END PGP SIGNATURE-----\n"
    box.origin.commit("second", by=None)
    told = box.origin.git("cat-file", "commit", "HEAD").replace("\n\n", f"\n{pgp}\n", 1)
    command = ["git", "-C", box.origin.folder, "hash-object", "-t", "commit", "-w", "--stdin"]
    made = subprocess.run(command, input=f"{told}\n", capture_output=True, text=True, check=True)
    commit = made.stdout.strip()
    box.origin.git("reset", "--quiet", "--hard", commit)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    # It is the one that would be taken by itself.
    verified = ["git", "-C", box.origin.folder, "verify-commit", commit]
    assert subprocess.run(verified, capture_output=True).returncode == 0
    refused(box)
    box.origin.git("reset", "--quiet", "--hard", box.state.deployed)
    commit = box.origin.commit("second", by=STRANGER)
    verified[-1] = commit
    assert subprocess.run(verified, capture_output=True).returncode == 0
    ((event, _, told_of),) = box.run()
    assert (event, told_of) == ("refused", commit)


def test_a_rewound_branch_is_refused_until_the_owner_accepts_it(box: Box) -> None:
    first = box.state.deployed
    second = box.origin.commit("second")
    box.run()
    box.home.done.clear()
    box.origin.git("reset", "--quiet", "--hard", first)
    other = box.origin.commit("other")
    said = refused(box)
    assert f"the branch main was rewound: its newest commit is now {other} " in said
    assert f"does not come after {second}" in said
    assert f"hotshoe pull accept {other}" in said
    write_state(box.places.state, accept(box.state, other))
    box.run()
    assert box.home.applied == ["other"]
    assert box.state.troubles == {}


def test_whoever_is_asked_to_accept_a_rewind_is_told_that_it_is_not_signed(box: Box) -> None:
    box.origin.commit("second")
    box.run()
    box.home.done.clear()
    box.origin.git("reset", "--quiet", "--hard", "HEAD~1")
    commit = box.origin.commit("third", by=None)
    head = box.origin.commit("fourth")
    said = refused(box)
    assert f"the branch main was rewound: its newest commit is now {head}" in said
    assert f"commit {commit} ('third', by Ann <ann@example.net>): it is not signed" in said


def test_going_back_to_an_older_commit_is_a_rewind_too(box: Box) -> None:
    first = box.state.deployed
    box.origin.commit("second")
    box.run()
    box.home.done.clear()
    box.origin.git("reset", "--quiet", "--hard", first)
    assert "was rewound" in refused(box)


def test_what_is_accepted_needs_no_signature_and_what_follows_does(box: Box) -> None:
    unsigned = box.origin.commit("second", by=None)
    refused(box)
    write_state(box.places.state, accept(box.state, unsigned))
    box.run()
    assert box.home.applied == ["second"]
    box.home.done.clear()
    box.origin.commit("third", by=None)
    refused(box)


@pytest.mark.parametrize("name", ["HEAD", "main", "abc123", "--all", "\x1b[2J"])
def test_a_commit_is_accepted_by_its_whole_number(name: str) -> None:
    with pytest.raises(HotshoeError, match="is not the whole number of a commit") as refusal:
        require_whole(name)
    assert "\x1b" not in str(refusal.value)


def test_what_a_commit_says_cannot_disturb_a_terminal(box: Box) -> None:
    box.origin.commit("\x1b[2Jharmless\u202e", by=None)
    assert "'\\x1b[2Jharmless\\u202e'" in refused(box)


def test_a_server_that_is_down_is_waited_for(box: Box) -> None:
    commit = box.origin.commit("second")
    away = box.origin.folder.with_name("away")
    box.origin.folder.rename(away)
    held = box.state.deployed
    ((event, text, _),) = box.run()
    assert event == "waiting"
    assert "cannot be fetched, and is asked again each time" in text
    assert "\n    -> " in text
    since = box.state.troubles["waiting"].since
    # Told once, and never again.
    assert box.run() == []
    assert box.state.troubles["waiting"].since == since
    assert (box.state.deployed, box.home.applied) == (held, [])
    away.rename(box.origin.folder)
    events = [event for event, _, _ in box.run()]
    assert events == ["recovered", "applied"]
    assert box.state.deployed == commit


def test_what_a_server_says_disturbs_neither_a_terminal_nor_the_memory(
    box: Box, tmp_path: Path
) -> None:
    """Bytes that are no text would make state.json one that nobody can read."""
    server = tmp_path / "server"
    server.write_text("#!/bin/sh\nprintf 'h\\366re \\033]0;x\\007\\n' >&2\nexit 1\n")
    server.chmod(0o755)
    box.repository, box.environment = "git@forge.example:homes.git", {"GIT_SSH": str(server)}
    trusted = box.state.trusted
    ((event, text, _),) = box.run()
    assert event == "waiting"
    assert "h\\xf6re \\x1b]0;x\\x07\n" in text
    assert box.run() == []
    assert box.state.trusted == trusted


def test_a_branch_that_is_not_there_is_waited_for(box: Box) -> None:
    box.origin.git("branch", "--move", "elsewhere")
    ((event, text, _),) = box.run()
    assert event == "waiting"
    assert "has no branch main\n    -> push it" in text


CUT = """\
import subprocess, sys
server = subprocess.Popen(["sh", "-c", sys.argv[-1]], stdout=subprocess.PIPE)
left = int(sys.argv[1])
while left and (data := server.stdout.read1(min(left, 512))):
    sys.stdout.buffer.write(data); sys.stdout.buffer.flush(); left -= len(data)
server.kill()
"""


def test_what_comes_in_half_changes_nothing(box: Box, tmp_path: Path) -> None:
    """The connection breaks at different places of a fetch."""
    program = tmp_path / "cut.py"
    program.write_text(CUT)
    (box.origin.folder / "large").write_bytes(os.urandom(20_000))
    box.origin.git("add", "large")
    commit = box.origin.commit("second")
    box.repository = f"ssh://server{box.origin.folder}"
    before = box.state
    for length in (0, 700, 1500, 12_000):
        box.environment = {"GIT_SSH_COMMAND": f"{sys.executable} {program} {length}"}
        events = [event for event, _, _ in box.run()]
        assert events in ([], ["waiting"]), length
        assert box.state.deployed == before.deployed
        assert box.state.trusted == before.trusted
    assert box.home.applied == []
    box.environment = {"GIT_SSH_COMMAND": f"{sys.executable} {program} -1"}
    box.run()
    assert box.state.deployed == commit


def test_what_a_killed_git_leaves_is_no_hindrance(box: Box) -> None:
    """Locks, and half a pack."""
    for left in (
        "refs/hotshoe/seen.lock",
        "packed-refs.lock",
        "objects/pack/tmp_pack_x",
        "HEAD.lock",
    ):
        (box.places.mirror / left).parent.mkdir(exist_ok=True)
        (box.places.mirror / left).write_text("")
    commit = box.origin.commit("second")
    box.run()
    assert box.state.deployed == commit
    assert list(box.places.mirror.glob("objects/pack/tmp_*")) == []


@pytest.mark.parametrize("damage", ["objects", "reference", "everything"])
def test_a_damaged_mirror_is_made_anew(box: Box, damage: str) -> None:
    if damage == "objects":
        for each in box.places.mirror.glob("objects/??/*"):
            each.chmod(0o600)
            each.write_bytes(b"")
    elif damage == "reference":
        (box.places.mirror / "refs" / "hotshoe" / "seen").write_text("")
    else:
        shutil.rmtree(box.places.mirror)
    commit = box.origin.commit("second")
    box.run()
    assert box.state.deployed == commit


def test_on_a_full_disk_nothing_is_changed(box: Box, tmp_path: Path) -> None:
    """No file may grow beyond a few kilobytes: git meets that as it meets a full disk."""
    (box.origin.folder / "large").write_bytes(os.urandom(200_000))
    box.origin.git("add", "large")
    commit = box.origin.commit("second")
    before = box.state
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        ((event, text, _),) = box.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert event == "waiting"
    assert "index-pack failed" in text
    assert box.state.deployed == before.deployed
    box.run()
    assert box.state.deployed == commit


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ("MOST_BYTES", "MiB, which is too much for homes\n    -> look who pushes that"),
        ("FREE_BYTES", "MiB are left on its disk\n    -> make room"),
    ],
)
def test_whoever_may_push_cannot_fill_the_disk(
    box: Box, monkeypatch: pytest.MonkeyPatch, limit: str, reason: str
) -> None:
    """Not by one file after the other, none of them signed."""
    sizes = []
    for _ in range(3):
        (box.origin.folder / "large").write_bytes(os.urandom(100_000))
        box.origin.record("large", by=None)
        said = [text for event, text, _ in box.run() if event == "waiting"]
        sizes.append(sum(each.stat().st_size for each in box.places.mirror.rglob("pack-*")))
        monkeypatch.setattr(history, limit, 90_000 if limit == "MOST_BYTES" else 2**60)
    assert said == []  # told once
    assert reason in box.state.troubles["waiting"].text
    assert 0 < sizes[0] == sizes[1] == sizes[2]
    monkeypatch.undo()
    box.origin.git("reset", "--quiet", "--hard", "HEAD~3")
    commit = box.origin.commit("second")
    assert [event for event, _, _ in box.run()] == ["recovered", "applied"]
    assert box.state.deployed == commit


def test_two_runs_never_overlap(box: Box) -> None:
    going_on = pytest.raises(HotshoeError, match="another run of pull mode is going on\n    -> ")
    with alone(box.places), going_on, alone(box.places):
        pytest.fail("two of them")
    with alone(box.places):
        pass


def test_who_may_wait_is_told_of_the_run_that_goes_on_and_has_its_turn(box: Box) -> None:
    told: list[str] = []
    first = alone(box.places)
    first.__enter__()

    def waits(said: str) -> None:
        told.append(said)
        first.__exit__(None, None, None)

    with alone(box.places, waits):
        assert told == [
            "another run of pull mode is going on; this waits for its end (see what it does: "
            "journalctl --follow --unit hotshoe-pull)"
        ]


def test_the_first_commit_has_to_be_signed_too(box: Box) -> None:
    box.places.state.unlink()
    commit = box.origin.commit("second", by=None)
    ((event, _, told),) = box.run()
    assert (event, told, box.state.trusted) == ("refused", commit, "")
    assert box.home.applied == []
