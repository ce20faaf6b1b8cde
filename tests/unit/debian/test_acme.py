"""What certbot is told, and when a certificate that it got takes the place of the one in use."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from hotshoe_acme import __main__ as program
from hotshoe_acme import certbot, live
from hotshoe_acme.configuration import Configuration, FailedError

from hotshoe.debian import acme, acme_files, pair
from hotshoe.errors import HotshoeError
from hotshoe.plan.model import Acme, DnsUpdate
from tests.unit.debian.pairs import HOST, make

HTTP = Acme("https://ca.example.net/dir", None, None, "http-01", None, None, 60)
UPDATE = DnsUpdate(IPv4Address("203.0.113.53"), "hotshoe", "hmac-sha512")
DNS = replace(HTTP, challenge="dns-01", update=UPDATE)
HOOK = replace(HTTP, challenge="dns-01", hook="/root/hook", propagation_seconds=5)


def options(text: str) -> dict[str, str]:
    """What a configuration file says, once each."""
    lines = [line.split(" = ", 1) for line in text.splitlines() if not line.startswith("#")]
    found = dict(lines)
    assert len(found) == len(lines)
    return found


class TestConfiguration:
    def test_certbot_is_kept_apart_from_the_person_s(self):
        said = options(acme.certbot(HTTP))
        folders = [said[key] for key in ("config-dir", "work-dir", "logs-dir")]
        assert len(set(folders)) == 3
        assert all("hotshoe" in folder for folder in folders)

    def test_the_key_is_one_that_every_camera_takes(self):
        said = options(acme.certbot(HTTP))
        assert (said["key-type"], said["rsa-key-size"]) == ("rsa", "2048")

    def test_without_a_mail_address_it_registers_without(self):
        assert "email" not in options(acme.certbot(HTTP))
        said = options(acme.certbot(replace(HTTP, email="ann@example.net")))
        assert said["email"] == "ann@example.net"
        assert "register-unsafely-without-email" not in said

    def test_port_80_is_opened_and_closed_by_hooks(self):
        said = options(acme.certbot(HTTP))
        assert said["authenticator"] == "standalone"
        assert said["pre-hook"].endswith("hotshoe-acme open")
        assert said["post-hook"].endswith("hotshoe-acme close")

    @pytest.mark.parametrize(("how", "name"), [(DNS, "dns-rfc2136"), (HOOK, "manual")])
    def test_dns_opens_no_port(self, how, name):
        said = options(acme.certbot(how))
        assert said["authenticator"] == name
        assert not {"pre-hook", "post-hook"} & set(said)

    def test_the_secret_is_in_the_credentials_alone(self):
        said = options(acme.credentials(UPDATE, "c2VjcmV0"))
        assert said["dns_rfc2136_secret"] == "c2VjcmV0"
        assert said["dns_rfc2136_algorithm"] == "HMAC-SHA512"
        for text in (acme.certbot(DNS), acme.configuration(DNS, HOST, None)):
            assert "secret" not in text

    @pytest.mark.parametrize("how", [HTTP, DNS, HOOK])
    def test_the_program_reads_its_configuration(self, how, tmp_path):
        file = tmp_path / "acme.json"
        file.write_text(acme.configuration(how, HOST, 80))
        read = Configuration.read(str(file))
        assert json.loads(read.settings)["directory"] == how.directory
        assert HOST in read.what_to_check

    def test_other_settings_need_another_certificate(self):
        every = {acme.settings(how, name) for how in (HTTP, DNS, HOOK) for name in ("a.b", "c.d")}
        every.add(acme.settings(replace(HTTP, directory="https://other.example.net/"), "a.b"))
        assert len(every) == 7
        # What only matters the next time.
        for same in ({"email": "a@b.c"}, {"propagation_seconds": 1}, {"ca_bundle": "x.pem"}):
            assert acme.settings(replace(HTTP, **same), HOST) == acme.settings(HTTP, HOST)

    def test_only_rfc_2136_needs_its_package(self):
        assert set(acme.packages(DNS)) == set(acme.EVERY_PACKAGE)
        assert set(acme.packages(HTTP)) == set(acme.packages(HOOK)) < set(acme.EVERY_PACKAGE)


class TestStandIn:
    def test_vsftpd_can_start_with_it_whatever_its_clock_says(self):
        now = datetime.now(UTC)
        text = acme_files.stand_in(HOST, now)
        certificate = x509.load_pem_x509_certificate(text.encode())
        assert certificate.not_valid_before_utc < now - timedelta(days=1)
        assert acme.STAND_IN in certificate.issuer.rfc4514_string()
        assert text.startswith("-----BEGIN RSA PRIVATE KEY")
        assert not pair.check(text.encode(), text.encode(), HOST, now).findings


class TestBundle:
    def test_certificates_are_read(self, tmp_path):
        file = tmp_path / "ca.pem"
        file.write_bytes(make("root", ca=True).pem * 2)
        assert acme_files.read_bundle(file).count("BEGIN") == 2

    @pytest.mark.parametrize("content", [None, b"", b"garbage", b"\xff"])
    def test_anything_else_is_refused(self, content, tmp_path):
        file = tmp_path / "ca.pem"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(HotshoeError, match=r"correct certificate\.ca_bundle"):
            acme_files.read_bundle(file)


NOW = 1_800_000_000
DAY = live.DAY


@pytest.mark.parametrize(
    ("age", "left", "expected"),
    [
        (0, 30, False),
        (1.9, 30, False),
        (2, 30, True),
        (0, 7, False),
        (0, 6.9, True),
        (0, -1, True),
        (1.9, 8, False),
    ],
)
def test_a_camera_s_clock_may_be_a_day_behind(age, left, expected):
    new = live.Span(NOW - age * DAY, NOW + 90 * DAY)
    current = live.Span(NOW - 60 * DAY, NOW + left * DAY)
    assert live.may_go_live(new, current, NOW) is expected


def test_what_no_camera_trusts_is_replaced_at_once():
    assert live.may_go_live(live.Span(NOW, NOW + DAY), None, NOW)


@pytest.fixture
def configuration(tmp_path):
    """What a deploy wrote, with everything in a folder of its own."""
    text = acme.configuration(HTTP, HOST, 80)
    values = json.loads(text)
    for key in ("obtained", "server", "records", "lock"):
        values[key] = str(tmp_path / key)
    values |= {"lineage": f"{tmp_path}/live/hotshoe", "archive": f"{tmp_path}/archive/hotshoe"}
    values["pair"] = pair.__file__
    (tmp_path / "records").mkdir()
    (tmp_path / "acme.json").write_text(json.dumps(values))
    return Configuration(**values)


def renewal(configuration):
    """Where certbot has how it renews the certificate."""
    return Path(configuration.lineage).parent.parent / "renewal" / "hotshoe.conf"


@pytest.fixture
def got(configuration):
    """Put a pair where certbot has what it got last."""
    root = make("root", ca=True)

    def put(**how):
        made = make("leaf", root, names=(HOST,), **how)
        for folder in (configuration.lineage, configuration.archive, renewal(configuration).parent):
            Path(folder).mkdir(parents=True, exist_ok=True)
        parts = {"cert": made.pem, "chain": root.pem, "fullchain": made.pem + root.pem}
        for part, content in (parts | {"privkey": made.key()}).items():
            Path(configuration.lineage, f"{part}.pem").write_bytes(content)
        renewal(configuration).write_text("renewed in this way")
        number = len(list(Path(configuration.archive).iterdir()))
        Path(configuration.archive, f"cert{number}.pem").write_bytes(made.pem)
        return made

    return put


@pytest.fixture
def ran(monkeypatch, got):
    """Every command that the program runs, and what it ends with, by its first word."""
    commands: list[tuple[str, ...]] = []
    answers: dict[str, tuple[int, str]] = {}
    real = subprocess.run

    def run(command, **how):
        name = Path(command[0]).name
        if name in ("systemctl", "nft", "certbot", "hook"):
            commands.append(tuple(command))
            code, said = answers.get(name, (0, ""))
            if "certonly" in command and code == 0:
                got()
            return subprocess.CompletedProcess(command, code, said, said)
        return real(command, **how)

    monkeypatch.setattr(subprocess, "run", run)
    return commands, answers


class TestInstalling:
    def test_the_first_one_takes_the_place_of_whatever_is_there(self, configuration, got, ran):
        Path(configuration.server).write_text(acme_files.stand_in(HOST, datetime.now(UTC)))
        made = got(begins=timedelta(hours=-1))
        live.install(configuration, datetime.now(UTC).timestamp())
        server = Path(configuration.server)
        assert made.pem in server.read_bytes()
        assert server.stat().st_mode & 0o777 == 0o600

    def test_what_may_trouble_cameras_is_told_once(self, configuration, got, ran, capsys):
        """As of an authority that leaves the common name out."""
        got(common=None)
        live.install(configuration, NOW)
        assert "<4>the certificate's common name is missing: a camera" in capsys.readouterr().err
        live.install(configuration, NOW)
        assert "common name" not in capsys.readouterr().err

    def test_a_young_one_waits_and_then_comes(self, configuration, got, ran, capsys):
        now = datetime.now(UTC).timestamp()
        old = got()
        live.install(configuration, now)
        new = got(begins=timedelta(hours=-1))
        live.install(configuration, now)
        assert old.pem in Path(configuration.server).read_bytes()
        assert "<6>the renewed certificate goes live in 47 hours" in capsys.readouterr().err
        live.install(configuration, now + 2 * DAY)
        assert new.pem in Path(configuration.server).read_bytes()

    def test_a_person_may_take_it_at_once(self, configuration, got, ran):
        now = datetime.now(UTC).timestamp()
        got()
        live.install(configuration, now)
        new = got(begins=timedelta(hours=-1))
        live.install(configuration, now, at_once=True)
        assert new.pem in Path(configuration.server).read_bytes()

    def test_a_bad_one_changes_nothing(self, configuration, got, ran):
        old = got()
        live.install(configuration, NOW)
        before = Path(configuration.server).read_bytes()
        got(ends=timedelta(days=-1))
        with pytest.raises(FailedError, match="expired"):
            live.install(configuration, NOW, at_once=True)
        assert Path(configuration.server).read_bytes() == before
        assert old.pem in before

    def test_only_daemons_with_another_certificate_restart(self, configuration, got, ran):
        commands, answers = ran
        answers["systemctl"] = (0, "hotshoe-vsftpd.service loaded active running\nit.service\n")
        got()
        live.install(configuration, NOW)
        restarts = [command[2] for command in commands if command[1] == "restart"]
        assert restarts == ["hotshoe-vsftpd.service", "it.service"]
        digest = live._digest(Path(configuration.server))
        Path(configuration.records, "it.loaded").write_text(f"{digest}  {configuration.server}\n")
        commands.clear()
        live.install(configuration, NOW)
        assert [c[2] for c in commands if c[1] == "restart"] == ["hotshoe-vsftpd.service"]


class TestRunning:
    def run(self, configuration, *asked):
        return program.main([str(Path(configuration.lock).with_name("acme.json")), *asked])

    def test_the_first_run_obtains(self, configuration, ran):
        commands, _ = ran
        assert self.run(configuration, "run") == 0
        assert commands[0][:2] == ("/usr/bin/certbot", "certonly")
        assert Path(configuration.obtained).read_text() == configuration.settings
        commands.clear()
        assert self.run(configuration, "run") == 0
        assert commands[0][:2] == ("/usr/bin/certbot", "renew")
        assert "--force-renewal" not in commands[0]
        assert self.run(configuration, "renew") == 0
        assert "--force-renewal" in commands[-2]

    def test_other_settings_obtain_anew(self, configuration, got, ran):
        commands, _ = ran
        got()
        Path(configuration.obtained).write_text("others")
        assert self.run(configuration, "run") == 0
        assert commands[0][:2] == ("/usr/bin/certbot", "certonly")

    def test_other_settings_go_live_at_once_though_the_first_run_was_killed(
        self, configuration, got, ran, monkeypatch
    ):
        """The one in use is for what the Site no longer says."""
        got()
        self.run(configuration, "run")
        Path(configuration.obtained).write_text("others")
        with monkeypatch.context() as patch:
            patch.setattr(
                live, "install", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
            )
            with pytest.raises(KeyboardInterrupt):
                self.run(configuration, "run")
        assert self.run(configuration, "run") == 0
        new = Path(configuration.lineage, "cert.pem").read_bytes()
        assert new in Path(configuration.server).read_bytes()

    @pytest.mark.parametrize(
        "killed",
        [
            "rm live/hotshoe/privkey.pem",
            "rm archive/hotshoe/* live/hotshoe/*; ln -s nowhere live/hotshoe/cert.pem",
            "rm -r live/hotshoe archive/hotshoe; : >renewal/hotshoe.conf",
            ": >renewal/hotshoe.conf; : >renewal/hotshoe-0001.conf; mkdir live/hotshoe-0001",
            "rm renewal/hotshoe.conf",
        ],
    )
    def test_what_certbot_left_when_it_was_killed_is_removed(
        self, configuration, got, ran, tmp_path, killed
    ):
        commands, _ = ran
        got()
        assert self.run(configuration, "run") == 0
        subprocess.run(killed, shell=True, check=True, cwd=tmp_path)
        commands.clear()
        assert self.run(configuration, "run") == 0
        assert commands[0][:2] == ("/usr/bin/certbot", "certonly")
        assert renewal(configuration).stat().st_size > 0
        assert sorted(file.name for file in (tmp_path / "live").iterdir()) == ["hotshoe"]
        assert [file.name for file in renewal(configuration).parent.iterdir()] == ["hotshoe.conf"]
        commands.clear()
        assert self.run(configuration, "run") == 0
        assert commands[0][:2] == ("/usr/bin/certbot", "renew")

    def test_a_refusal_is_told_with_what_to_check(self, configuration, ran, capsys):
        _, answers = ran
        answers["certbot"] = (1, "- - -\nSome challenges have failed.\n")
        Path(configuration.server).write_text(acme_files.stand_in(HOST, datetime.now(UTC)))
        assert self.run(configuration, "run") == 1
        told = capsys.readouterr().err
        assert re.findall(r"(?m)^<(\d)>", told) == ["4"] * 4
        assert "getting the certificate for photos.example.net failed" in told
        assert "certbot: Some challenges have failed." in told
        assert "- - -" not in told
        assert "-> check that photos.example.net leads to this home" in told
        assert "the certificate in use stays; it has 30 days left" in told
        assert not Path(configuration.obtained).exists()

    def test_what_was_renewed_before_is_used_though_no_other_can_be_had(
        self, configuration, got, ran
    ):
        _, answers = ran
        made = got()
        Path(configuration.obtained).write_text(configuration.settings)
        answers["certbot"] = (1, "")
        assert self.run(configuration, "run") == 1
        assert made.pem in Path(configuration.server).read_bytes()

    def test_the_port_is_opened_for_a_while(self, configuration, ran):
        commands, answers = ran
        assert self.run(configuration, "open") == self.run(configuration, "close") == 0
        opened, closed = commands
        assert opened[1:3] == ("add", "element")
        assert "timeout" in opened
        assert closed[1:3] == ("delete", "element")
        answers["nft"] = (1, "no such set")
        assert self.run(configuration, "open") == 1
        assert self.run(configuration, "close") == 0, "it closes by itself"

    def test_a_program_of_the_person_gets_name_and_value(self, configuration, ran, monkeypatch):
        commands, answers = ran
        configuration = replace(configuration, hook="/it/hook", propagation_seconds=0)
        with pytest.raises(FailedError, match="for certbot to call"):
            certbot.call_hook(configuration, "add")
        monkeypatch.setenv("CERTBOT_DOMAIN", HOST)
        monkeypatch.setenv("CERTBOT_VALIDATION", "a-value")
        certbot.call_hook(configuration, "add")
        assert commands == [("/it/hook", "add", f"_acme-challenge.{HOST}", "a-value")]
        answers["hook"] = (3, "")
        with pytest.raises(FailedError, match="/it/hook remove ends with 3"):
            certbot.call_hook(configuration, "remove")
        broken = replace(configuration, hook="/etc/hostname")
        with pytest.raises(FailedError, match="/etc/hostname cannot be run: "):
            certbot.call_hook(broken, "add")

    def test_anything_else_tells_how_it_is_used(self, configuration, capsys):
        assert self.run(configuration, "what") == self.run(configuration) == 64
        assert "hotshoe-acme install [--now]" in capsys.readouterr().err
