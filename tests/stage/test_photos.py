"""``hotshoe photos``: what has come in, where it is now, and what is coming in."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hotshoe import paths
from tests.stage.home import BIN, Home
from tests.stage.test_firewall import wait_until

OK = "226 Transfer complete."
# Anybody may send these to the journal.
FORGED = """\
MESSAGE=forged
SYSLOG_IDENTIFIER=hotshoe-intake
UNIT=hotshoe-intake.service
HOTSHOE_EVENT=library
HOTSHOE_CAMERA=r5
HOTSHOE_NAME=made-up
HOTSHOE_PATH=/etc/passwd
"""


def command(home: Home, *arguments: str, config: Path | None = None) -> list[str]:
    config = config or home.stage.ssh_config
    return [str(BIN / "hotshoe"), "photos", home.stage.site, f"--ssh-config={config}", *arguments]


def photos(home: Home, *arguments: str) -> list[str]:
    """The lines of the table, without the time."""
    done = subprocess.run(
        command(home, *arguments),
        capture_output=True,
        text=True,
        cwd=home.project,
        env=os.environ | {"COLUMNS": "250"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [re.sub(r"^[-\d]{10} [:\d]{8} ", "", line).rstrip() for line in done.stdout.splitlines()]


def about(home: Home, name: str) -> list[list[str]]:
    """The cells of the rows about photos whose name begins so, behind the camera."""
    rows = [re.split(r" {2,}", line.strip()) for line in photos(home)]
    return [row[1:] for row in rows if len(row) > 1 and row[1].startswith(name)]


def folder_of(home: Home, path: str) -> str:
    return str(Path(path).parent.relative_to(paths.PHOTOS))


def test_the_table_says_what_became_of_each_photo(either_home: Home) -> None:
    home, name = either_home, f"{time.time_ns()}.JPG"
    other = f"{name[:-4]}-2.JPG"
    steps = [["cut", name, 300_000]]
    assert home.ftp(*steps) == ["gone"]
    aside = folder_of(home, home.set_aside(name))
    # A retry; a photo of the same name; the same one again.
    for size in (4_000, 20, 20):
        # On a computer with too much to do, the name is not free yet, and a camera tries again.
        wait_until(lambda size=size: home.ftp(["stor", name, size]) == [OK], 30)
    safe = folder_of(home, home.photo(name))
    home.photo(other)
    wait_until(lambda: len(about(home, name)) == 4, 30)
    broken, retried, same_name, again = about(home, name)
    assert broken[2] == f"incomplete: the connection broke off; kept in {aside}"
    assert retried == [name, "4.0 kB", safe]
    assert same_name == [name, "20 bytes", f"{safe}/{other}"]
    assert again[-1] == f"was there already: {safe}/{other}"
    home.sh(home.server, f"mv {paths.PHOTOS}/{safe}/{name} /root; rm -r {paths.PHOTOS}/{aside}")
    broken, retried, same_name, _ = about(home, name)
    assert broken[2] == f"incomplete: the connection broke off; was in {aside}"
    assert retried[2] == f"moved or removed; was in {safe}"
    assert same_name[2] == f"{safe}/{other}"


def test_a_name_cannot_play_tricks_on_a_terminal(either_home: Home) -> None:
    home, stamp = either_home, f"{time.time_ns()}"[-9:]
    assert home.ftp(["stor", f"{stamp}\x1b[31m[red]é.JPG", 7]) == [OK]
    wait_until(lambda: about(home, stamp) != [], 30)
    ((name, *_),) = about(home, stamp)
    assert name == f"{stamp}\\x1b[31m[red]é.JPG"


def test_nobody_forges_what_became_of_a_photo(either_home: Home) -> None:
    home = either_home
    for user in ("root", "hotshoe", "nobody"):
        as_user = f"setpriv --reuid={user} --clear-groups --regid=nogroup logger --journald"
        home.sh(home.server, f"{as_user} <<'.'\n{FORGED}.")
    home.sh(home.server, "journalctl --sync")
    assert home.succeeds(home.server, "journalctl HOTSHOE_NAME=made-up | grep -q .")
    assert about(home, "made-up") == []


def test_as_many_rows_come_as_are_asked_for(home: Home) -> None:
    name = f"{time.time_ns()}"
    assert home.ftp(*(["stor", f"{name}-{i}", 9] for i in range(5))) == [OK] * 5
    wait_until(lambda: len(about(home, name)) == 5, 30)
    assert len(photos(home, "--lines=2")) == len(["the server", "the head"]) + 2
    assert len(photos(home, "--since=today")) > 6
    assert photos(home, "--since=tomorrow")[1:] == ["Nothing has come in."]


@contextmanager
def watching(home: Home) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    watch = command(home, "--watch")
    with subprocess.Popen(
        watch,
        stdout=pipe,
        stderr=pipe,
        text=True,
        cwd=home.project,
        # Whoever is started in the background, as tests may be, ignores it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        try:
            assert process.stderr
            assert process.stderr.readline() == f"{home.server}: watching; Ctrl-C ends.\n"
            yield process
        finally:
            process.kill()


def test_uploads_are_shown_as_they_happen(either_home: Home) -> None:
    home, name = either_home, f"{time.time_ns()}.JPG"
    with watching(home) as process:
        assert process.stdout
        assert home.ftp(["stor", name, 4_000]) == [OK]
        home.photo(name)
        assert home.ftp(["cut", name, 300_000]) == ["gone"]
        lines = [process.stdout.readline().split("  ", 2)[2].rstrip() for _ in range(4)]
        safe, aside = folder_of(home, home.photo(name)), folder_of(home, home.set_aside(name))
        assert sorted(re.sub(r"[\d.]+ kB", "SIZE", line) for line in lines) == [
            f"begins      {name}",
            f"begins      {name}",
            f"incomplete  {name}  SIZE  {aside}  the connection broke off",
            f"safe        {name}  SIZE  {safe}",
        ]
        process.send_signal(signal.SIGINT)
        assert process.communicate() == ("", "")
        assert process.returncode == 130
    wait_until(lambda: not home.succeeds(home.server, "pgrep -x journalctl"), 10)


def test_a_server_that_cannot_be_reached_is_one_message(home: Home, tmp_path: Path) -> None:
    config = tmp_path / "ssh_config"
    config.write_text("Host *\n    ProxyCommand false\n")
    for arguments in ((), ("--watch",)):
        done = subprocess.run(
            command(home, *arguments, config=config),
            capture_output=True,
            text=True,
            cwd=home.project,
            check=False,
        )
        assert done.returncode == 1
        assert done.stdout == ""
        assert re.fullmatch(
            rf"Error: {home.server}: root@[\d.]+ cannot be reached by SSH: .*\n"
            rf"    -> this has to work without a question: ssh -F {config} root@[\d.]+\n",
            done.stderr,
        )
