"""Certificates: of the home's own authority and its successor, and the person's own."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hotshoe import paths
from hotshoe.debian.authority_files import utc_now
from hotshoe.stage import actions, podman
from hotshoe.stage.topology import CAMERA, LAPTOP
from tests.stage.home import Home
from tests.stage.test_again import served
from tests.stage.test_firewall import wait_until
from tests.unit.debian.pairs import GOOD, HOST, LEAF, MIDDLE, ROOT, leaf

UNIT = "hotshoe-vsftpd.service"
WATCH = "hotshoe-certificate"
OK = "226 Transfer complete."
FILES = """\
certificate:
  issuer: files
  chain: pki/own/chain.pem
  key: pki/own/key.pem
  root: pki/own/root.pem
cameras:"""


def write_pair(home: Home, chain: bytes = GOOD, key: bytes = LEAF.key()) -> None:
    """Put a pair where the Site says that it is."""
    folder = home.project / "pki" / "own"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "chain.pem").write_bytes(chain)
    (folder / "key.pem").write_bytes(key)
    (folder / "key.pem").chmod(0o600)
    (folder / "root.pem").write_bytes(ROOT.pem)


def trust(home: Home, node: str, root: bytes) -> None:
    """What a device trusts from here on, alone."""
    path = home.project / "trusted.pem"
    path.write_bytes(root)
    actions.give_root_certificate(home.stage, path, node)


@pytest.fixture
def own(home: Home) -> Iterator[Home]:
    """The home, on whose cameras is afterwards what its own authority is then."""
    yield home
    assert home.deploy() == {}
    for node in (CAMERA, LAPTOP):
        home.equip(node)
    home.uploads_work()


def running(home: Home) -> str:
    """The process of vsftpd, and what it is configured with."""
    return home.sh(
        home.server,
        f"systemctl show -P MainPID {UNIT}; find {paths.FOLDER} -type f -exec sha256sum {{}} +",
    )


def installed(home: Home) -> str:
    """All that hotshoe has on the server, by name."""
    return home.sh(
        home.server,
        f"find {paths.FOLDER} /usr/local /etc/systemd/system /var/lib/hotshoe 2>/dev/null | sort",
    )


class TestTheExports:
    def test_are_written_together_and_again_when_one_is_gone(self, own: Home) -> None:
        folder = own.authority.folder
        held = {name: (folder / name).read_bytes() for name in ("ROOT.CRT", "ROOT.PEM", "ROOT.CER")}
        (folder / "ROOT.CER").unlink()
        changed = own.deploy()
        assert list(changed) == ["TLS | Export the root certificate for cameras"]
        assert {name: (folder / name).read_bytes() for name in held} == held

    @pytest.mark.parametrize("name", ["ROOT.CRT", "ROOT.PEM", "ROOT.CER"])
    def test_each_is_what_a_camera_can_verify_the_server_by(self, own: Home, name: str) -> None:
        content = (own.authority.folder / name).read_bytes()
        if name == "ROOT.CER":
            content = x509.load_der_x509_certificate(content).public_bytes(Encoding.PEM)
        trust(own, CAMERA, content)
        own.uploads_work()


class TestTheAuthorityIsReplaced:
    def test_and_no_camera_is_locked_out_until_that_is_over(self, own: Home) -> None:
        """One has the old root, one the new one, and a GnuTLS client tries both."""
        files, hostname = own.authority, own.server_plan.hostname
        old = files.certificate.read_bytes()
        made = files.rotate(hostname, own.secrets.ca_passphrase, utc_now())
        new = made.certificate.public_bytes(Encoding.PEM)
        assert files.certificate.read_bytes() == new != old
        changed = own.deploy()
        assert f"TLS | Issue the certificate for {hostname}" in changed
        assert own.deploy() == {}

        trust(own, CAMERA, old)
        trust(own, LAPTOP, new)
        for node in (CAMERA, LAPTOP):
            own.uploads_work(node)
            assert own.ftp(["stor", f"{time.time_ns()}.JPG", 1000], node=node) == [OK]
            assert lftp(own, node)

        files.finish()
        own.deploy()
        assert own.deploy() == {}
        own.uploads_work(LAPTOP)
        assert lftp(own, LAPTOP)
        (said,) = own.ftp(node=CAMERA)
        assert "certificate verify failed" in said
        assert not lftp(own, CAMERA)


def lftp(home: Home, node: str) -> bool:
    """Whether lftp, which has GnuTLS, uploads something."""
    script = (
        f"set ssl:ca-file {actions.ROOT_ON_CAMERA}; set ssl:verify-certificate true; "
        "set ftp:ssl-force true; set ftp:ssl-protect-data true; set net:max-retries 1; "
        "set net:timeout 10; set cmd:fail-exit true; "
        f"open -u {home.user},{home.password} {home.server_plan.hostname}; "
        f"put /etc/hostname -o {time.time_ns()}.JPG"
    )
    return home.succeeds(node, f"lftp -c {shlex.quote(script)}")


class TestThePersonsOwn:
    def test_serves_cameras_that_trust_its_root_alone(self, own: Home) -> None:
        write_pair(own)
        before = installed(own)
        with own.saying("cameras:", FILES):
            assert own.deploy() == {}
            trust(own, CAMERA, ROOT.pem)
            own.uploads_work()
            assert lftp(own, CAMERA)
            state = own.sh(own.server, f"stat -c '%U %G %a' {paths.CERTIFICATE}")
            assert state.strip() == "root root 600"
            assert own.sh(own.server, f"cat {paths.CERTIFICATE}").endswith(GOOD.decode())
            assert installed(own) == before
        # Back to the authority that has been there all the time.
        assert installed(own) == before
        assert own.authority.key.exists()
        (said,) = own.ftp()
        assert "certificate verify failed" in said

    def test_is_told_when_it_ends_soon(self, own: Home) -> None:
        write_pair(own, leaf(ends=timedelta(days=10, hours=1)).pem + MIDDLE.pem)
        with own.undeployed("cameras:", FILES):
            said = own.pyinfra("--dry")
        told = re.sub(r"\s+", " ", said.stdout + said.stderr)
        assert "the certificate ends in 10 days, on" in told
        assert "put a new one in the place of the files that the Site names" in told

    def test_is_brought_anew_when_it_changed_and_no_upload_is_cut(self, own: Home) -> None:
        write_pair(own)
        with own.saying("cameras:", FILES):
            trust(own, CAMERA, ROOT.pem)
            before, name = served(own), f"{time.time_ns()}.JPG"
            with ThreadPoolExecutor() as pool:
                upload = pool.submit(own.ftp, ["stor-slowly", name, 1_000_000, 10])
                under_way = f"find {paths.PHOTOS}/{own.user} -name {name} | grep -q ."
                wait_until(lambda: own.succeeds(own.server, under_way), 30)
                write_pair(own, leaf().pem + MIDDLE.pem)
                changed = own.deploy()
                assert not upload.done()
                assert upload.result() == [OK]
            assert "TLS | Bring the person's certificate" in changed
            assert served(own) != before
            own.uploads_work()
            assert own.size(name) == 1_000_000

    def test_its_key_is_never_shown(self, own: Home) -> None:
        write_pair(own)
        secret = re.sub(rb"-----[^\n]*\n", b"", LEAF.key()).split(b"\n")[3].decode()
        with own.undeployed("cameras:", FILES):
            said = own.pyinfra("--dry", "--diff", "-vvv")
            assert secret not in said.stdout + said.stderr
            assert "PRIVATE KEY" not in said.stdout + said.stderr


EC = leaf(kind="ec")


class TestABadPair:
    @pytest.mark.parametrize(
        ("chain", "key", "message"),
        [
            pytest.param(GOOD, ROOT.key(), "the key does not belong to", id="wrong key"),
            pytest.param(
                leaf(ends=timedelta(days=-1)).pem + MIDDLE.pem,
                LEAF.key(),
                "the certificate expired on",
                id="expired",
            ),
            pytest.param(
                leaf(begins=timedelta(days=2)).pem + MIDDLE.pem,
                LEAF.key(),
                "the certificate is not valid before",
                id="not yet valid",
            ),
            pytest.param(EC.pem + MIDDLE.pem, EC.key(), "the key is ECDSA, not RSA", id="ECDSA"),
            pytest.param(
                LEAF.pem, LEAF.key(), "which 'an intermediate' issued and not", id="missing chain"
            ),
            pytest.param(
                LEAF.pem + ROOT.pem + MIDDLE.pem,
                LEAF.key(),
                "the chain is not in order",
                id="shuffled chain",
            ),
            pytest.param(
                leaf(names=("other.example.net",)).pem + MIDDLE.pem,
                LEAF.key(),
                f"the certificate is not for {HOST}: its subjectAltName has 'other.example.net'",
                id="wrong host",
            ),
            pytest.param(b"\x00\xff", b"\x00\xff", "holds no PEM certificate", id="garbage"),
            pytest.param(
                GOOD, LEAF.key(b"a passphrase"), "the key is encrypted", id="encrypted key"
            ),
        ],
    )
    def test_is_refused_and_the_running_server_is_not_touched(
        self, home: Home, chain: bytes, key: bytes, message: str
    ) -> None:
        write_pair(home, chain, key)
        before, certificate = running(home), served(home)
        with home.undeployed("cameras:", FILES):
            said = home.refusal()
        assert message in said
        assert re.search(
            r"group_vars/home\.yml: certificate\.(key|chain): pki/own/\w+\.pem: ", said
        )
        assert " -> write" in said
        assert "Connect" not in said
        assert (running(home), served(home)) == (before, certificate)

    def test_that_got_onto_the_server_all_the_same_is_replaced(self, own: Home) -> None:
        """Somebody put it there; the authority's comes back, and cameras never see it."""
        own.sh(own.server, f"printf '%s' scribble >{paths.CERTIFICATE}")
        own.uploads_work()
        own.deploy()
        own.uploads_work()


def test_a_clock_that_is_wrong_is_refused(home: Home) -> None:
    """Whosever it is: what is issued by it begins or ends on a wrong day."""
    date = "/usr/sbin/date"
    before = running(home)
    play = f"printf '#!/bin/sh\n/bin/date -d 2020-01-01 \"$@\"\n' >{date}; chmod 755 {date}"
    home.sh(home.server, play)
    try:
        assert "its clock and that of this computer are" in home.refusal()
    finally:
        home.sh(home.server, f"rm {date}")
    assert running(home) == before


@pytest.fixture
def watched(either_home: Home) -> Iterator[Home]:
    """A home of either Debian release."""
    yield either_home
    assert either_home.deploy() == {}


class TestTheWatch:
    def journal(self, home: Home) -> list[str]:
        """What the watch says when it is started now."""
        # By the time: what ends at once may have ended before journald knows its invocation, and
        # with a filter, systemd 252 does not show the first line after a cursor.
        script = (
            f"since=$(date +@%s.%6N); systemctl start {WATCH}.service; journalctl --sync; "
            f'journalctl -q -o cat -t {WATCH} --since="$since"'
        )
        return home.sh(home.server, script).splitlines()

    def test_runs_twice_a_day_and_after_boot(self, watched: Home) -> None:
        asked = f"systemctl show -P ActiveState -P UnitFileState {WATCH}.timer"
        assert watched.sh(watched.server, asked).split() == ["active", "enabled"]
        timers = watched.sh(watched.server, f"systemctl show -P TimersCalendar {WATCH}.timer")
        assert "06,18:00" in timers
        boots = watched.sh(watched.server, f"systemctl show -P TimersMonotonic {WATCH}.timer")
        assert "OnBootUSec=2min" in boots

    def test_says_nothing_of_a_certificate_that_lasts(self, watched: Home) -> None:
        assert self.journal(watched) == []

    @pytest.mark.parametrize(
        ("ends", "told"),
        [
            (timedelta(days=22), None),
            (timedelta(days=10, hours=1), "ends in 10 days, on"),
            (timedelta(days=-2), "expired on"),
        ],
    )
    def test_tells_of_one_that_ends(self, watched: Home, ends: timedelta, told: str | None) -> None:
        pem = LEAF.key() + leaf(ends=ends).pem + MIDDLE.pem
        container = watched.stage.container(watched.server)
        put = f"cat >{paths.CERTIFICATE}"
        podman.execute(container, "sh", "-c", put, input_text=pem.decode())
        try:
            said = self.journal(watched)
        finally:
            watched.deploy()
        if told is None:
            assert said == []
        else:
            (line,) = said
            assert line.startswith(f"the certificate for {HOST} {told}")
            assert line.endswith("deploy, which renews it")
            priority = 3 if "expired" in told else 4
            found = watched.sh(
                watched.server, f"journalctl -q -t {WATCH} -p {priority}..{priority} -n 1 -o cat"
            )
            assert found.strip() == line

    def test_may_do_next_to_nothing(self, watched: Home) -> None:
        assert watched.exposure(watched.server, f"{WATCH}.service") < 2

    def test_a_killed_run_is_healed(self, watched: Home) -> None:
        """Its timer was written, and systemd had not read it."""
        watched.sh(watched.server, f"systemctl disable --now -q {WATCH}.timer")
        assert len(watched.deploy()) == 1
        watched.sh(watched.server, f"rm /etc/systemd/system/{WATCH}.service")
        assert len(watched.deploy()) == 2
        self.test_runs_twice_a_day_and_after_boot(watched)
