"""What cameras try is told from the first moment on, also while boxes are still being asked."""

from __future__ import annotations

import json
import shlex

import pytest

from hotshoe.check import watch
from hotshoe.check.watch import follow
from hotshoe.remote.ssh import PERSONAL, RemoteError
from tests.conftest import PROJECT
from tests.homes import example

# As ssh: a journal that tells of a log-in at once, and boxes that take their time.
LINE = {
    "_SYSTEMD_UNIT": "hotshoe-vsftpd.service",
    "_PID": "7",
    "MESSAGE": '[r5] OK LOGIN: Client "198.51.100.7"',
}
SSH = f"""#!/bin/sh
for word; do :; done
case $word in
*--follow*)
    echo
    printf '%s\\n' {shlex.quote(json.dumps(LINE))}
    sleep 2
    echo gone >&2
    exit 255
    ;;
esac
sleep 1
echo "now 5"
echo .
while read -r asked; do
    echo "able no"
    echo .
done
"""


@pytest.fixture(autouse=True)
def _ssh(tmp_path, monkeypatch):
    (tmp_path / "ssh").write_text(SSH)
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.chdir(PROJECT)


def test_what_happens_while_boxes_are_asked_is_told():
    plan, ready = example("home"), list[str]()
    told = [notice.text for notice in follow(plan, plan.servers, PERSONAL, ready.append)]
    assert ready == ["darkroom: watching; Ctrl-C ends"]
    assert told[0] == "r5 logs in, from 198.51.100.7"
    assert "gone" in told[-1]


def test_a_server_that_says_nothing_is_not_waited_for(tmp_path, monkeypatch):
    (tmp_path / "ssh").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(watch, "PATIENCE", 0.1)
    plan = example("home")
    with pytest.raises(RemoteError, match=r"darkroom: did not answer within 0\.2 s"):
        list(follow(plan, plan.servers, PERSONAL, print))
