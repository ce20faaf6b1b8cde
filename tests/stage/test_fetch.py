"""The home fetches photos out of a DMZ; what is on the way there, and who may do what."""

from __future__ import annotations

import re
import shutil
import subprocess
import time

import pytest

from hotshoe import paths
from hotshoe.debian.fetch import FETCHER_USER, USER
from hotshoe.secrets.delivery_keys import sftp_key
from hotshoe.stage import podman
from hotshoe.stage.topology import CAMERA, INTERNET
from tests.stage.conftest import SharedStage, deployed
from tests.stage.fetching import (
    DELIVERY,
    FETCHES,
    FOLDER,
    KEY,
    NAS,
    OK,
    SSHD,
    arrives,
    asks,
    copy,
    digest_here,
    digest_there,
    now,
    part,
    received,
    slow,
    ssh,
    steal_the_key,
    stopped,
    told,
    trying_to_forward,
    upload,
)
from tests.stage.home import BIN, Home
from tests.stage.test_again import kill_at
from tests.stage.test_firewall import wait_until

PORT = 17022
MB = 1_000_000


@pytest.fixture(scope="module", params=["13", "12"])
def home(request: pytest.FixtureRequest, stage: SharedStage) -> Home:
    """A DMZ from which a computer at home fetches, on each Debian release."""
    name = f"fetch-{request.param}"
    return stage.home(name, lambda: deployed(name, request.param, "fetch"))


def new(kind: str) -> str:
    """A name that no photo has."""
    return f"{kind}-{time.time_ns()}.JPG"


class TestPhotos:
    def test_come_as_they_are_and_once(self, home: Home) -> None:
        names = [new(f"{i}") for i in range(5)]
        assert home.ftp(*(["stor", name, 300_000 + i] for i, name in enumerate(names))) == [OK] * 5
        for name in names:
            arrives(home, name)
        found = home.sh(NAS, f"find {FOLDER} -type f").split()
        assert sum(name in path for name in names for path in found) == 5
        assert not [path for path in found if "/.hotshoe/" in path]

    def test_belong_to_nobody_s_shell_and_may_be_read(self, home: Home) -> None:
        name = new("mode")
        upload(home, name, 1000)
        digest_there(home, name)
        found = home.sh(NAS, f"find {FOLDER} -name {name} -printf '%u %m\\n'").split()
        assert found == [FETCHER_USER, "664"]
        assert home.succeeds(NAS, f"setpriv --reuid=nobody cat {FOLDER}/*/*/{name} >/dev/null")

    def test_keep_the_order_of_their_folders(self, home: Home) -> None:
        name = new("place")
        upload(home, name, 1000)
        digest_there(home, name)
        inside = home.photo(name).removeprefix(paths.LIBRARY)
        assert home.succeeds(NAS, f"test -f {FOLDER}{inside}")


def test_a_second_deploy_changes_nothing(home: Home) -> None:
    assert home.would_change() == []
    assert home.deploy() == {}


def test_a_deploy_goes_on_without_a_computer_that_is_off(home: Home) -> None:
    ssh_server = "/usr/sbin/sshd"
    home.sh(NAS, f"mv {ssh_server} {ssh_server}.away")
    try:
        with home.saying("after_days: 30", "after_days: 31"):
            said = home.sh(home.server, f"cat {paths.DELIVERY_CONFIGURATION}")
            assert '"after_days": 31' in said
            done = home.pyinfra("-y")
            assert "nas does not answer and is left as it is: " in done.stderr
    finally:
        home.sh(NAS, f"mv {ssh_server}.away {ssh_server}")
    assert home.deploy() == {}


@pytest.mark.parametrize("unit", [SSHD, FETCHES])
def test_the_units_are_confined(home: Home, unit: str) -> None:
    node = home.server if unit == SSHD else NAS
    assert home.exposure(node, f"{unit}.service") < 2


class TestACut:
    """Whatever ends the connection, the rest is fetched, and not more than that."""

    @pytest.mark.parametrize("what", ["fetcher", "session", "server", "network"])
    def test_is_resumed_from_where_it_was(self, home: Home, what: str) -> None:
        name, size = new(f"cut-{what}"), 24 * MB
        with slow(home, 6 * MB):
            before, since = received(home), now(home, NAS)
            upload(home, name, size)
            have = part(home, size // 3)
            if what == "fetcher":
                home.sh(NAS, f"systemctl kill -s KILL {FETCHES}")
            elif what == "session":
                home.sh(home.server, f"pkill -KILL -u {USER} -f nologin")
                told(home, NAS, FETCHES, "it is tried again", since)
            elif what == "server":
                with stopped(home, home.server, SSHD):
                    told(home, NAS, FETCHES, "it is tried again", since)
            else:
                rule = "inet lost forward ip daddr 192.168.178.10 tcp dport 17022 drop"
                chain = "{ type filter hook forward priority -5; }"
                home.sh(
                    "gateway", f"nft add table inet lost; nft 'add chain inet lost forward {chain}'"
                )
                home.sh("gateway", f"nft add rule {rule}")
                told(home, NAS, FETCHES, "the server does not answer", since)
                home.sh("gateway", "nft delete table inet lost")
            assert have < size
            arrives(home, name, 120)
        # Headers, what was on its way, and other photos' leftovers are far less than a second try.
        assert received(home) - before < size * 1.25

    def test_what_comes_meanwhile_waits_and_is_fetched(self, home: Home) -> None:
        names = [new(f"away-{i}") for i in range(3)]
        since = now(home, NAS)
        with stopped(home, home.server, DELIVERY):
            for name in names:
                upload(home, name, 50_000)
            told(home, NAS, FETCHES, "hotshoe-delivery does not run on the server", since)
        for name in names:
            arrives(home, name, 120)

    def test_a_reboot_of_the_server_is_no_end(self, home: Home) -> None:
        home.stage.reboot(home.server)
        home.wait_until_it_listens()
        name = new("reboot")
        upload(home, name, 50_000)
        arrives(home, name, 120)


class TestTrouble:
    """Told in plain words; nothing is lost; it goes on by itself."""

    def test_a_full_disk(self, home: Home) -> None:
        name, since = new("full"), now(home, NAS)
        home.sh(NAS, f"mount -t tmpfs -o size=5m,mode=777 tmpfs {FOLDER}")
        home.sh(NAS, f"systemctl restart {FETCHES}")
        try:
            here = now(home, home.server)
            upload(home, name, 12 * MB)
            told(home, NAS, FETCHES, "the disk there is full", since)
            told(home, home.server, DELIVERY, "the disk there is full", here)
            home.sh(NAS, f"mount -o remount,size=40m {FOLDER}")
            arrives(home, name, 120)
        finally:
            home.sh(NAS, f"systemctl stop {FETCHES}; umount {FOLDER}; systemctl start {FETCHES}")

    def test_another_host_key(self, home: Home) -> None:
        name, since = new("key"), now(home, NAS)
        known = paths.FETCHER_KNOWN_HOSTS
        home.sh(NAS, f"cp {known} /root/known")
        home.sh(NAS, "rm -f /root/other*; ssh-keygen -q -N '' -t ed25519 -f /root/other")
        home.sh(NAS, f"echo hotshoe-fetch $(cat /root/other.pub) >{known}")
        with stopped(home, home.server, SSHD):
            upload(home, name, 50_000)
        try:
            told(home, NAS, FETCHES, "the server has another host key", since)
            assert not home.succeeds(NAS, f"find {FOLDER} -name {name} | grep -q .")
        finally:
            home.sh(NAS, f"cp /root/known {known}")
        arrives(home, name, 120)

    def test_a_key_that_is_not_accepted(self, home: Home) -> None:
        name, since = new("denied"), now(home, NAS)
        home.sh(home.server, f"mv {paths.FETCH_KEYS} {paths.FETCH_KEYS}.away")
        with stopped(home, home.server, SSHD):
            home.sh(home.server, f"echo '# nobody' >{paths.FETCH_KEYS}")
            upload(home, name, 50_000)
        try:
            told(home, NAS, FETCHES, "does not accept the key of this computer", since)
        finally:
            home.sh(home.server, f"mv {paths.FETCH_KEYS}.away {paths.FETCH_KEYS}")
            home.sh(home.server, f"systemctl restart {SSHD}")
        arrives(home, name, 120)

    def test_whatever_the_person_s_ssh_says(self, home: Home) -> None:
        """It has a configuration of its own."""
        own = "/etc/ssh/sshd_config"
        home.sh(home.server, f"cp {own} /root/sshd_config; echo 'No Such Option' >{own}")
        try:
            home.sh(home.server, f"systemctl restart {SSHD}")
            name = new("own")
            upload(home, name, 50_000)
            arrives(home, name, 120)
        finally:
            home.sh(home.server, f"cp /root/sshd_config {own}")


class TestTheKey:
    """Whoever has it gets photos that wait for its computer, and nothing else."""

    @pytest.fixture(autouse=True)
    def _stolen(self, home: Home) -> None:
        steal_the_key(home)

    @pytest.mark.parametrize(
        "attack",
        [
            ssh("-T") + " id",
            ssh("-T") + " 'sh -c id'",
            ssh("-T") + " python3 -c 'print(1)'",
            ssh("-tt") + " id",
            ssh("-s") + " sftp",
            ssh("-T", "-o SetEnv=LD_PRELOAD=/tmp/x") + " id",
        ],
    )
    def test_runs_no_program_of_theirs(self, home: Home, attack: str) -> None:
        said = home.sh(NAS, f"echo nonsense | timeout 20 {attack} 2>&1 || true")
        assert "uid=" not in said
        assert not said or "refused" in said or "failed" in said, said

    @pytest.mark.parametrize("what", ["sftp", "scp", "scp -O"])
    def test_copies_no_file(self, home: Home, what: str) -> None:
        options = ssh().removeprefix("ssh ").replace(f" {USER}@192.168.178.10", "")
        options = options.replace("-p ", "-P ")
        where = f"{USER}@192.168.178.10"
        get = f"{where}:/etc/passwd /root/got" if "scp" in what else where
        assert not home.succeeds(NAS, f"timeout 5 {what} {options} {get} </dev/null")
        assert not home.succeeds(NAS, "test -e /root/got")
        put = f"/etc/hostname {where}:/srv/hotshoe/library/x" if "scp" in what else where
        assert not home.succeeds(NAS, f"timeout 5 {what} {options} {put} </dev/null")
        assert not home.succeeds(home.server, f"test -e {paths.LIBRARY}/x")

    def test_is_for_one_command_by_the_server_s_own_account(self, home: Home) -> None:
        """No agent, port or X11 forwarding, no terminal, no file of the user's."""
        said = home.sh(NAS, f"timeout 20 {ssh('-v')} id </dev/null 2>&1 || true")
        assert {told.strip() for told in re.findall("key options: (.*)", said)} == {"command"}

    def test_opens_no_way_through_the_server(self, home: Home) -> None:
        """-L, -D, -R, -w, -A, -X (as -Y), over a connection that works: each is refused."""
        with trying_to_forward(home) as tried:
            # Back to whoever has the key, while he is there.
            assert home.reach(home.server, "127.0.0.1", 5553) == ["closed"]
            sessions = f"for pid in $(pgrep -u {USER} -f nologin); do cat /proc/$pid/environ; done"
            environment = home.sh(home.server, f"{sessions} | tr '\\0' '\\n'")
            assert "SSH_CONNECTION=" in environment
            assert not re.search("SSH_AUTH_SOCK|DISPLAY|SSH_TUNNEL", environment)
        assert [list(answer) for answer in tried["answers"]] == [["tasks"], ["tasks"]]
        # The client itself answers that no password is needed for -D.
        assert tried["came"] == ["", "0500", ""]
        said = tried["said"]
        assert said.count("open failed: administratively prohibited: open failed") == 2
        assert re.search(r"(?s)direct-streamlocal.*open failed: connect failed: open failed", said)
        for refused in (
            "Remote: Server has disabled port forwarding.",
            "remote port forwarding failed for listen port 5553",
            "Remote: Server has rejected tunnel device forwarding",
            "Remote: X11 forwarding disabled by key options.",
            "X11 forwarding request failed on channel",
            # Of which the server says nothing; the session's environment does.
            "Requesting authentication agent forwarding.",
        ):
            assert refused in said, said

    def test_connects_to_nothing_beyond_the_server(self, home: Home) -> None:
        """-W, which nothing else goes with."""
        said = home.sh(NAS, f"timeout 20 {ssh('-v -W 127.0.0.1:22')} </dev/null 2>&1; echo $?")
        assert said.splitlines()[-3:] == [
            "channel 0: open failed: administratively prohibited: open failed",
            "stdio forwarding failed",
            "255",
        ]

    @pytest.mark.parametrize(
        "request_",
        [
            {"do": "read", "id": 1, "offset": 0},
            {"do": "read", "path": "../../../etc/passwd", "offset": 0},
            {"do": "read", "id": "/etc/passwd", "offset": 0},
            {"do": "fetched", "id": 1, "sha256": "0" * 64, "name": "x"},
            {"do": "write"},
        ],
    )
    def test_is_answered_nothing_but_what_waits(self, home: Home, request_: dict) -> None:
        (answer,) = asks(home, request_)
        assert "refused" in answer

    def test_a_digest_that_was_not_read_is_no_delivery(self, home: Home) -> None:
        name = new("liar")
        with stopped(home, NAS, FETCHES):
            upload(home, name, 50_000)
            home.photo(name)
            ask = {"do": "tasks", "most": 9, "seconds": 10}
            (answer,) = asks(home, ask)
            (task,) = answer["tasks"]
            lie = {"id": task["id"], "sha256": "0" * 64}
            _, right, fetched = asks(
                home, ask, {"do": "right", **lie}, {"do": "fetched", **lie, "name": name}
            )
            assert (right, fetched) == ({"right": False}, {"right": False})
            (again,) = asks(home, ask)
            assert [each["id"] for each in again["tasks"]] == [task["id"]]
        arrives(home, name)

    def test_links_in_the_library_lead_nowhere(self, home: Home) -> None:
        """Somebody in its group has put them there."""
        name = new("link")
        upload(home, name, 50_000)
        photo = home.photo(name)
        folder = photo.rpartition("/")[0]
        arrives(home, name)
        home.sh(home.server, f"ln -s /etc/passwd {folder}/passwd.JPG; ln -s /etc {folder}/etc")
        home.sh(home.server, f"systemctl restart {DELIVERY}")
        after = new("after")
        upload(home, after, 50_000)
        arrives(home, after, 120)
        assert not home.succeeds(NAS, f"grep -rqs root:x:0 {FOLDER}")
        home.sh(home.server, f"rm {folder}/passwd.JPG {folder}/etc")

    def test_whoever_takes_the_session_over_sees_photos_alone(self, home: Home) -> None:
        """What its processes see of the host, and that they change nothing there."""
        pid = home.sh(home.server, f"systemctl show -P MainPID {SSHD}").strip()
        user = home.sh(home.server, f"id -u {USER}").strip()
        group = home.sh(home.server, f"id -g {USER}").strip()
        photos = home.sh(home.server, "getent group hotshoe | cut -d: -f3").strip()
        inside = (
            f"nsenter --target {pid} --mount --root setpriv --reuid={user} --regid={group} "
            f"--groups={photos} --bounding-set=-all --no-new-privs"
        )
        assert home.sh(home.server, f"{inside} ls -A /etc").split() == [
            *("group", "hotshoe"),
            *(["ld.so.cache"]),
            *(["localtime"]),
            "passwd",
        ]
        seen = home.sh(
            home.server,
            f"{inside} ls -A /etc/hotshoe /srv/hotshoe /run /home /root /var 2>&1 || true",
        )
        assert "cameras.pwd" not in seen
        assert "fetch-host-key" not in seen
        upload_folder = f"{paths.PHOTOS}/{home.user}"
        for path in (paths.PASSWORDS, paths.LEDGER, "/etc/shadow", upload_folder, "/var/log"):
            assert not home.succeeds(home.server, f"{inside} ls {path}"), path
        name = new("inside")
        upload(home, name, 1000)
        photo = home.photo(name)
        assert home.succeeds(home.server, f"{inside} cat {photo}")
        for change in (f"rm -f {photo}", f"touch {paths.LIBRARY}/x", "touch /x", "touch /etc/x"):
            assert not home.succeeds(home.server, f"{inside} {change}"), change
        others = home.sh(home.server, f"{inside} sh -c 'cat /proc/[0-9]*/cmdline' | tr '\\0' ' '")
        assert "vsftpd" not in others

    def test_whoever_fails_to_log_in_keeps_nobody_else_behind_his_router_out(
        self, home: Home
    ) -> None:
        """Debian 13's sshd would put off the address that they share."""
        home.sh(NAS, "rm -f /root/wrong*; ssh-keygen -q -N '' -t ed25519 -f /root/wrong")
        wrong = ssh("-T").replace(KEY, "/root/wrong")
        failing = f"n=0; while [ $n -lt 8 ]; do {wrong} </dev/null; n=$((n + 1)); done 2>&1"
        assert home.sh(NAS, f"{failing} || true").count("Permission denied") == 8
        (answer,) = asks(home, {"do": "tasks", "most": 1, "seconds": 0})
        assert "tasks" in answer

    def test_opens_few_sessions_at_once(self, home: Home) -> None:
        """So that others who fetch are answered still; who has the key is told why he is not."""
        since = now(home, home.server)
        holding = f"""
import subprocess
command = {ssh("-T")!r}.split()
ask = b'{{"do": "tasks", "most": 1, "seconds": 0}}\\n'
held, said = [], b""
while not said and len(held) < 20:
    p = subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1)
    held.append(p)
    p.stdin.write(ask); p.stdin.flush()
    if not p.stdout.readline(): said = p.stderr.read()
for p in held: p.kill(); p.wait()
print(len(held), said.decode())
"""
        with stopped(home, NAS, FETCHES):
            said = podman.execute(home.stage.container(NAS), "python3", "-", input_text=holding)
        # The server may not have missed yet what was cut before.
        assert int(said.split()[0]) in range(4, 10)
        assert "too many sessions at once" in said
        told(home, home.server, DELIVERY, "nas: this delivery has too many sessions", since)
        name = new("held")
        upload(home, name, 1000)
        arrives(home, name)

    def test_holds_no_connection_over_which_it_asks_nothing(self, home: Home) -> None:
        held = home.sh(NAS, f"timeout 60 {ssh('-N')} </dev/null 2>&1; echo $?")
        assert held.split()[-1] != "124"


class TestThePort:
    def test_is_open_to_whoever_fetches_and_to_nobody_else(self, home: Home) -> None:
        server = home.server_plan.address
        assert home.reach(NAS, server, PORT) == ["open"]
        assert home.reach("edge", server, PORT) == ["silent"]
        for outside in (CAMERA, INTERNET):
            assert home.reach(outside, home.public, PORT) == ["silent"]

    def test_nothing_leads_from_the_server_into_the_home(self, home: Home) -> None:
        # All that the server sees of the home.
        inner = home.plan.router("gateway").wan_address
        assert home.reach(home.server, inner, 22, PORT) == ["silent", "silent"]

    def test_a_flood_stops_no_camera(self, home: Home) -> None:
        """Of connections that never log in, from the address that may connect."""
        flood = f"""
import socket, sys
held = []
for _ in range(400):
    try: held.append(socket.create_connection(("{home.server_plan.address}", {PORT}), 2))
    except OSError: pass
print(len(held), flush=True)
sys.stdin.read()
"""
        command = podman.inside(home.stage.container("gateway"), "python3", "-c", flood)
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as flooding:
            assert flooding.stdin
            assert flooding.stdout
            assert int(flooding.stdout.readline()) > 10
            begun = time.monotonic()
            for _ in range(3):
                home.uploads_work()
            assert time.monotonic() - begun < 30
            flooding.stdin.close()
        name = new("flooded")
        upload(home, name, 50_000)
        arrives(home, name, 120)


def test_retention_removes_a_photo_only_after_a_fresh_proof(home: Home) -> None:
    """Whatever was said before; and what is not there any more is fetched again first."""
    steal_the_key(home)
    vanished, changed, safe, read = (new(kind) for kind in ("vanished", "changed", "safe", "read"))
    for name in (vanished, changed, safe):
        upload(home, name, 50_000)
        arrives(home, name)
    digests = {name: digest_here(home, name) for name in (vanished, changed, safe)}
    home.sh(NAS, f"rm {FOLDER}/*/*/{vanished}")
    overwrite = "dd if=/dev/urandom bs=1000 count=1 conv=notrunc status=none"
    home.sh(NAS, f"for photo in {FOLDER}/*/*/{changed}; do {overwrite} of=$photo; done")
    since = now(home, home.server)
    with home.saying("retention: {after_days: 30}", "retention: {keep_free: 999TB}"):
        # It waits for sides that lose what the library loses, for a minute and a half elsewhere.
        soon = f"""sed -i 's/"retention": {{/&"settle": 2,/' {paths.DELIVERY_CONFIGURATION}"""
        home.sh(home.server, f"{soon} && systemctl restart {DELIVERY}")
        for name in (vanished, changed, safe):
            told(home, home.server, DELIVERY, f"{name} is removed from the library", since)
            digest = home.sh(NAS, f"cd {FOLDER}; sha256sum */*/{name.removesuffix('.JPG')}*")
            assert digests[name] in digest
        told(home, home.server, DELIVERY, f"{vanished} is not there any more", since, 1)
        told(home, home.server, DELIVERY, f"{changed} is not there as it was fetched", since, 1)
        left = f"find {paths.LIBRARY} -type f | grep -q ."
        wait_until(lambda: not home.succeeds(home.server, left), 60)
        # Somebody who has read it, has said so, and does not have it.
        with stopped(home, NAS, FETCHES):
            upload(home, read, 50_000)
            photo, digest = home.photo(read), digest_here(home, read)
            ask: dict[str, object] = {"do": "tasks", "most": 9, "seconds": 10}
            (answer,) = asks(home, ask)
            (task,) = answer["tasks"]
            has = {"id": task["id"], "sha256": digest, "name": f"r5/{read}"}
            _, fetched = asks(home, ask, {"do": "fetched", **has})
            assert fetched == {"right": True}
            (answer,) = asks(home, ask)
            (proof,) = answer["tasks"]
            assert proof["nonce"]
            lie = {"id": task["id"], "nonce": proof["nonce"], "sha256": digest}
            _, proved = asks(home, ask, {"do": "proved", **lie})
            assert proved == {"right": False}
            told(home, home.server, DELIVERY, f"{read} is not there as it was fetched", since)
            assert home.succeeds(home.server, f"test -f {photo}")
        assert digest_there(home, read) == digest
        told(home, home.server, DELIVERY, f"{read} is removed from the library", since)
        assert not home.succeeds(home.server, f"test -e {photo}")


def test_a_computer_that_a_person_sets_up_fetches_as_an_ordinary_user(home: Home) -> None:
    """Word for word as docs/delivery.md has it."""
    folder, unit = "/srv/by-hand", "by-hand"
    home.sh(NAS, f"useradd --create-home ann; install -d -o ann {folder}")
    program = home.project / "nas"
    shutil.rmtree(program, ignore_errors=True)
    with stopped(home, NAS, FETCHES), home.saying(FOLDER, f"{folder}, by_hand: true"):
        command = [str(BIN / "hotshoe"), "delivery", "fetch", "--fetcher", "nas", "./nas"]
        subprocess.run(command, cwd=home.project, check=True)
        copy(home, program, "ann", "hotshoe")
        start = "cd ~/hotshoe && exec python3 -B -m hotshoe_fetch fetcher.json"
        home.sh(NAS, f"systemd-run --quiet --unit={unit} --uid=ann sh -c '{start}'")
        try:
            name, away = new("by-hand"), new("away")
            upload(home, name, 3 * MB)
            arrives(home, name, folder=folder)
            found = home.sh(NAS, f"find {folder} -name {name} -printf '%u'")
            assert found == "ann"
            since = now(home, NAS)
            with stopped(home, home.server, SSHD):
                told(home, NAS, unit, "nothing answers on the server", since)
                upload(home, away, 50_000)
            arrives(home, away, folder=folder)
            assert home.would_change() == []
        finally:
            home.sh(NAS, f"systemctl stop {unit}; userdel -r ann; rm -r {folder}")


def test_under_another_name_nothing_comes_twice_and_the_old_key_opens_nothing(home: Home) -> None:
    name, size = new("named"), 4 * MB
    upload(home, name, size)
    arrives(home, name)
    steal_the_key(home)
    before, since = received(home), now(home, home.server)
    with home.saying("name: nas", "name: attic"):
        told(home, home.server, DELIVERY, f"attic: {name_there(home, name)} is fetched", since)
        assert "Permission denied" in home.sh(NAS, f"{ssh('-T')} </dev/null 2>&1 || true")
    assert received(home) - before < size
    assert home.sh(NAS, f"find {FOLDER} -name '{name[:-4]}*'").count(name[:-4]) == 1


def test_another_folder_gets_all_that_is_in_the_library(home: Home) -> None:
    """Also what the computer may find in the former one before it is told of the new one."""
    other, name, more = "/srv/other", new("before"), new("after")
    upload(home, name, 50_000)
    arrives(home, name)
    with home.saying(FOLDER, other):
        upload(home, more, 50_000)
        for each in (name, more):
            arrives(home, each, folder=other)
        assert not home.succeeds(NAS, f"find {FOLDER} -name {more} | grep -q .")
    arrives(home, more)
    home.sh(NAS, f"rm -r {other}")


def name_there(home: Home, name: str) -> str:
    """What a photo is called on the computer that fetches, from its folder on."""
    return home.photo(name).removeprefix(f"{paths.LIBRARY}/")


def test_what_is_sent_instead_and_fetched_again_comes_once(home: Home) -> None:
    """Into the same folder, under the same name; of the way that is no more, nothing is left."""
    first, sent, last = (new(kind) for kind in ("fetched", "sent", "last"))
    upload(home, first, 4 * MB)
    arrives(home, first)
    port = 2222
    (key,) = home.sh(NAS, "cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub").splitlines()
    push = f"""\
delivery:
  - {{name: nas, by: sftp, address: 192.168.1.20, port: {port}, username: ann, folder: {FOLDER},
     host_key: "{key}"}}
"""
    assert home.secrets.delivery_secret
    own = sftp_key(home.secrets.delivery_secret, home.plan.hostname, "nas").public
    home.sh(
        NAS,
        f"useradd --create-home --shell /bin/bash ann; install -d -o ann ~ann/.ssh; "
        f"echo 'restrict {own}' >~ann/.ssh/authorized_keys; chown ann ~ann/.ssh/*; "
        f"mkdir -p /run/sshd; /usr/sbin/sshd -p {port} -o PidFile=/root/sshd.pid",
    )
    home.sh(NAS, f"chown -R ann {FOLDER}")
    site = home.project / "group_vars" / "fetch.yml"
    said = site.read_text()
    before, since = received(home), now(home, home.server)
    try:
        site.write_text(said[: said.index("delivery:")] + push)
        home.deploy()
        assert f"dport {port}" in home.sh("gateway", "nft list ruleset")
        upload(home, sent, 50_000)
        for name in (first, sent):
            there = name_there(home, name)
            told(home, home.server, DELIVERY, f"nas: {there} is delivered", since)
        nothing_is_left_on_the_server(home, "fetch")
        assert digest_there(home, sent) == digest_here(home, sent)
    finally:
        site.write_text(said)
        home.sh(NAS, f"chown -R {FETCHER_USER}: {FOLDER}; kill $(cat /root/sshd.pid)")
        home.deploy()
    upload(home, last, 50_000)
    for name in (first, sent, last):
        arrives(home, name)
        assert home.sh(NAS, f"find {FOLDER} -name '{name[:-4]}*'").count(name[:-4]) == 1
    assert received(home) - before < 4 * MB
    assert home.sh(home.server, f"cat {paths.DELIVERY_SECRETS}") == "{}\n"
    assert home.sh(home.server, f"find {paths.DELIVERY_ASKED}/private -type f") == ""
    for node in (home.server, "edge", "gateway"):
        assert f"dport {port}" not in home.sh(node, "nft list ruleset")
    home.sh(NAS, "userdel -r ann")


# The user of each way out of the library that this server has.
USERS = {"fetch": USER, "deliver": "hotshoe-delivery"}


def nothing_is_left_on_the_server(home: Home, *ways: str) -> None:
    """Of fetches and deliveries: files, users, units, a listener, a rule; also on the routers.

    :param ways: of ``USERS``
    """
    # The record of what runs, too. What delivers photos also knows of those who fetch.
    names = " -o ".join(f"-name '*{way}*'" for way in ways)
    left = f"find /etc /usr/local /run/hotshoe /var/lib -path {paths.DELIVERY_PROGRAM}/fetching.py"
    left += f" -prune -o -path '*hotshoe*' -not -name 'site-*' '(' {names} ')' -print"
    assert home.sh(home.server, left).split() == []
    for way in ways:
        units = f"systemctl list-units --all --no-legend 'hotshoe-{way}*'"
        assert home.sh(home.server, units) == ""
        user = USERS[way]
        assert not home.succeeds(home.server, f"getent passwd {user} || getent group {user}")
    assert home.sh(home.server, f"ss -Hltn sport = :{PORT}") == ""
    for node in (home.server, "edge", "gateway"):
        assert str(PORT) not in home.sh(node, "nft list ruleset")
    assert home.reach(NAS, home.server_plan.address, PORT) == ["silent"]


def test_without_the_delivery_nothing_is_left_on_the_server(home: Home) -> None:
    assert str(PORT) in home.sh(home.server, "nft list ruleset")
    name = new("stays")
    upload(home, name, 50_000)
    arrives(home, name)
    site = home.project / "group_vars" / "fetch.yml"
    said = site.read_text()
    site.write_text(said[: said.index("delivery:")])
    try:
        home.deploy()
        nothing_is_left_on_the_server(home, *USERS)
        assert home.succeeds(home.server, f"test -f {home.photo(name)}")
    finally:
        site.write_text(said)
        home.deploy()
    more = new("again")
    upload(home, more, 50_000)
    arrives(home, more, 120)
    wait_until(lambda: home.would_change() == [], 10)


# At which a deploy is killed, on the server and on the computer that fetches.
REMOVING = ("Fetch | Remove the SSH for those who fetch", "Fetcher | Hand the photos over to root")
INSTALLING = ("Fetch | Let photos be fetched", "Fetcher | Install the key by which it logs in")


def test_a_computer_that_fetches_no_more_keeps_its_photos_and_nothing_else(home: Home) -> None:
    name = new("kept")
    upload(home, name, 50_000)
    arrives(home, name)
    site = home.project / "group_vars" / "fetch.yml"
    said = site.read_text()
    removed = said.replace(f"folder: {FOLDER}", f"folder: {FOLDER}, removed: true")
    site.write_text(removed[: removed.index("retention:")])
    try:
        for step in REMOVING:
            kill_at(home, step)
        home.deploy()
        assert home.would_change() == []
        left = "find / -xdev -name '*hotshoe*' -not -path '/proc/*' -not -path '/run/hotshoe*'"
        assert home.sh(NAS, left).split() == []
        assert not home.succeeds(
            NAS, f"getent passwd {FETCHER_USER} || getent group {FETCHER_USER}"
        )
        owners = home.sh(NAS, f"find {FOLDER} -printf '%u:%g\\n' | sort -u").split()
        assert owners == ["root:root"]
        assert home.succeeds(NAS, f"find {FOLDER} -name {name} | grep -q .")
        assert home.sh(NAS, "systemctl list-units --all --no-legend 'hotshoe*'") == ""
        nothing_is_left_on_the_server(home, *USERS)
        assert home.succeeds(home.server, f"test -f {home.photo(name)}")
    finally:
        site.write_text(said)
        home.sh(NAS, f"mv {FOLDER} {FOLDER}.kept")
        for step in INSTALLING:
            kill_at(home, step)
        home.deploy()
    arrives(home, name, 120)
    assert home.deploy() == {}
