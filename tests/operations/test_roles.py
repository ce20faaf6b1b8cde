"""The decisions that are left to roles: when a certificate is issued, and when the way in opens."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from paramiko import ECDSAKey, SSHException
from pyinfra.api.exceptions import PyinfraError
from pyinfra.connectors import ssh as pyinfra_ssh
from pyinfra.connectors.sshuserclient import client as pyinfra_client
from pyinfra.connectors.sshuserclient.client import get_missing_host_key_policy
from pyinfra.context import config, ctx_inventory, ctx_state

from hotshoe import paths
from hotshoe.debian.authority import CA_DAYS, issue, make_authority
from hotshoe.debian.authority_files import AuthorityFiles, utc_now
from hotshoe.debian.device import Device, PathState
from hotshoe.debian.renewal import why_renew
from hotshoe.secrets import Secrets
from roles import acme, inventory, router_linux, tls, users
from roles.base import servers
from roles.base.plans import authority_of, plan_of, refuse, refusing, secrets_of
from tests.conftest import EXAMPLES, PROJECT
from tests.operations.conftest import as_texts, recorded

HOST = "photos.example.net"
PASSPHRASE = "a passphrase of one's own"


@pytest.fixture(autouse=True)
def _demo(fresh_plans, monkeypatch):
    monkeypatch.delenv("ANSIBLE_VAULT_PASSWORD_FILE", raising=False)


class TestCertificate:
    """roles.tls"""

    @pytest.fixture
    def files(self, project, monkeypatch) -> AuthorityFiles:
        # The real vault takes half a second to open; the test of the inventory opens it.
        for module in (tls, tls.preflight):
            monkeypatch.setattr(
                module, "secrets_of", lambda site: Secrets({}, PASSPHRASE, demo=True)
            )
        return AuthorityFiles.of(plan_of("home"), project)

    @pytest.fixture
    def server(self, example_plan):
        return example_plan.servers[0]

    @staticmethod
    def issued(authority, hostname=HOST, **changed) -> Device:
        """A server that has a certificate of that authority."""
        pem = issue(authority, hostname, utc_now()).decode()
        state = {"kind": "f", "owner": "root", "group": "root", "mode": "600"} | changed
        return Device(
            answers={"certificate": pem[pem.index("-----BEGIN CERT") :], "clock": utc_now()},
            paths={"/etc/hotshoe/server.pem": PathState(**state)},
        )

    def test_nothing_is_made_while_a_run_prepares_or_with_dry(self, on_host, files):
        on_host(recorded("fresh_server"))
        steps = tls._issue._inner(HOST, tls.why_issue(HOST))
        assert next(steps) == "install -d -m 755 /etc/hotshoe"
        assert not files.folder.exists()

    def test_the_key_reaches_the_server_over_standard_input_only(self, on_host, files):
        on_host(recorded("fresh_server"))
        _, command = tls._issue._inner(HOST, tls.why_issue(HOST))
        pem = command.connector_arguments["_stdin"]
        assert pem.startswith("-----BEGIN RSA PRIVATE KEY-----\n")
        assert "PRIVATE KEY" not in str(command)
        assert 'chmod 600 "$new"' in str(command)
        assert (
            why_renew(
                pem[pem.index("-----BEGIN CERT") :],
                files.load_roots(),
                HOST,
                utc_now(),
            )
            is None
        )

    def test_a_root_that_has_expired_ends_the_run_before_anything_changes(
        self, on_host, files, server, monkeypatch
    ):
        on_host(recorded("fresh_server"))
        files.load_or_create(HOST, PASSPHRASE, utc_now())
        late = utc_now() + timedelta(days=30 * 365)
        monkeypatch.setattr(tls.preflight, "utc_now", lambda: late)
        with pytest.raises(PyinfraError, match=r"the root certificate in .* expired on"):
            tls.refuse_unfit(server)

    def test_what_an_authority_issues_is_judged_as_any_other_pair(
        self, on_host, files, monkeypatch
    ):
        """Should its root end between the look and the change, for example."""
        on_host(recorded("fresh_server"))
        late = utc_now() + timedelta(days=CA_DAYS + 1)
        files.load_or_create(HOST, PASSPHRASE, utc_now())
        monkeypatch.setattr(tls, "utc_now", lambda: late)
        steps = tls._issue._inner(HOST, "it has none")
        next(steps)
        with pytest.raises(PyinfraError, match="must not go live: the certificate expired on"):
            next(steps)

    def test_a_rehearsal_has_an_authority_of_its_own(self, on_host, files):
        host = on_host(Device())
        assert authority_of(host) == AuthorityFiles(Path("pki") / HOST)
        host.data.get = {"stage": "/somewhere/.stage/home"}.get
        assert authority_of(host) == AuthorityFiles(Path("/somewhere/.stage/home/pki") / HOST)

    def test_a_good_certificate_stays(self, on_host, files):
        authority = files.load_or_create(HOST, PASSPHRASE, utc_now())
        host = on_host(self.issued(authority))
        assert list(tls._issue._inner(HOST, tls.why_issue(HOST))) == []
        assert host.noops == ["the certificate is good"]

    @pytest.mark.parametrize(
        "state", [{"mode": "644"}, {"owner": "hotshoe"}, {"group": "hotshoe", "mode": "640"}]
    )
    def test_a_certificate_whose_key_others_could_read_is_replaced(self, on_host, files, state):
        authority = files.load_or_create(HOST, PASSPHRASE, utc_now())
        on_host(self.issued(authority, **state))
        assert len(as_texts(tls._issue._inner(HOST, tls.why_issue(HOST)))) == 2

    def test_a_lost_authority_is_not_silently_replaced(self, on_host, files, server):
        """Every camera trusts the old one."""
        on_host(self.issued(make_authority(HOST, utc_now())))
        with pytest.raises(PyinfraError, match="from an authority that is not in"):
            tls.refuse_unfit(server)
        assert not files.folder.exists()

    def test_another_host_name_gets_an_authority_of_its_own(self, on_host, files):
        old = "old.example.net"
        on_host(self.issued(make_authority(old, utc_now()), old))
        assert len(as_texts(tls._issue._inner(HOST, tls.why_issue(HOST)))) == 2

    def test_an_authority_that_does_not_open_ends_the_run_before_anything_changes(
        self, on_host, files, server
    ):
        files.load_or_create(HOST, "another passphrase", utc_now())
        on_host(recorded("fresh_server"))
        with pytest.raises(PyinfraError, match="ca_passphrase from the vault does not open it"):
            tls.refuse_unfit(server)


def test_the_demo_password_never_protects_a_real_home(on_host, project, example_plan):
    on_host(recorded("fresh_server"))
    with pytest.raises(PyinfraError) as refused:
        users.refuse_unfit(example_plan.servers[0])
    assert str(refused.value) == (
        "darkroom: the vault opens with the published demo password, or still holds published "
        "passwords (they begin with demo-), so anybody may know them\n"
        "    -> ansible-vault edit it, put new passwords in, then ansible-vault rekey it with a "
        "password of your own in .vault-password"
    )


INTERFACES = {"lo": False, "eth0": True, "eth1": True}


class TestWhatIsInside:
    """roles.router_linux tells the person which interfaces a Debian router trusts."""

    @staticmethod
    def told(caplog, level) -> list[str]:
        return [each.getMessage() for each in caplog.records if each.levelname == level]

    def test_is_told(self, on_host, caplog):
        on_host(recorded("deployed_router"), "gateway")
        with caplog.at_level(logging.INFO, "pyinfra"):
            router_linux._report_trusted_interfaces(("eth1", "lo"))
        assert self.told(caplog, "INFO") == [
            "gateway: inside are eth1, lo; what comes in by any other interface is from outside"
        ]
        assert self.told(caplog, "WARNING") == []

    @pytest.mark.parametrize(
        ("known", "why"),
        [
            ({}, "it is not there"),
            ({"interfaces": INTERFACES | {"wg0": False}}, "it has no address"),
            (
                {"interfaces": INTERFACES | {"wg0": True}, "uplinks": ("eth0", "wg0")},
                "it carries a default route",
            ),
        ],
    )
    def test_an_interface_that_is_inside_no_longer_is_warned_of(self, on_host, caplog, known, why):
        """By then its packets are dropped, and the new connection of the deploy is by another."""
        device = recorded("fresh_router", **known)
        on_host(replace(device, answers={"inside": frozenset({"eth1", "lo", "wg0"})}), "gateway")
        router_linux._report_trusted_interfaces(("eth1", "lo"))
        assert self.told(caplog, "WARNING") == [
            f"gateway: wg0 was inside at the last deploy, and is outside from this one on, since "
            f"{why}; if it is a VPN or network of your own, bring it up and deploy again"
        ]


class TestTheWayIn:
    """roles.base.servers: never towards a server that failed."""

    @staticmethod
    def ready(*, complete: bool = True, failed: bool = False, in_this_run: bool = True) -> bool:
        done = SimpleNamespace(operation_meta=SimpleNamespace(is_complete=lambda: True))
        last = SimpleNamespace(operation_meta=SimpleNamespace(is_complete=lambda: complete))
        ctx_inventory.set(SimpleNamespace(get_group=lambda group: {"servers": ["darkroom"]}[group]))
        ctx_state.set(
            SimpleNamespace(
                activated_hosts={"darkroom", "gateway"} if in_this_run else {"gateway"},
                failed_hosts={"darkroom"} if failed else set(),
                ops={"darkroom": {"first": done, "last": last}},
            )
        )
        try:
            return servers.are_ready()
        finally:
            ctx_inventory.reset()
            ctx_state.reset()

    def test_opens_when_the_server_is_done(self):
        assert self.ready()

    def test_opens_when_only_the_router_is_deployed_to(self):
        assert self.ready(in_this_run=False)

    def test_stays_shut_when_the_server_failed(self):
        assert not self.ready(failed=True)

    def test_stays_shut_while_the_server_is_not_done(self):
        assert not self.ready(complete=False)


class TestInventory:
    @pytest.fixture(autouse=True)
    def begun(self, monkeypatch) -> list[str]:
        """The Sites whose vaults were begun to be opened, which takes half a second."""
        names: list[str] = []
        monkeypatch.setattr(inventory, "begin_secrets", names.append)
        return names

    def test_says_how_to_log_in_to_each_host(self, on_host, project):
        on_host(Device())
        (server,), (router,), openwrt_routers, fetchers = inventory.hosts("home")
        assert (server[0], router[0]) == ("darkroom", "gateway")
        assert (openwrt_routers, fetchers) == ([], [])
        for (_, data), address in ((server, "192.168.1.10"), (router, "192.168.1.1")):
            assert data["ssh_hostname"] == address
            assert (data["ssh_user"], data["ssh_port"]) == ("root", 22)
            assert data["_sudo"] is False

    def test_has_a_computer_that_fetches_photos_in_a_group_of_its_own(self, on_host, project):
        on_host(Device())
        *_, (fetcher,) = inventory.hosts("fetch")
        name, data = fetcher
        assert (name, data["ssh_hostname"], data["_sudo"]) == ("nas", "192.168.1.20", False)

    def test_refuses_a_program_that_is_none_before_any_host_is_contacted(self, on_host, project):
        on_host(Device())
        site = project / "group_vars" / "home.yml"
        site.write_text(site.read_text() + "message: {program: messages/none}\n")
        with pytest.raises(PyinfraError, match=r"message\.program: .*none cannot be read"):
            inventory.hosts("home")

    def test_uses_sudo_for_everybody_but_root(self, on_host, project):
        on_host(Device())
        site = project / "group_vars" / "home.yml"
        site.write_text(site.read_text().replace("behind: gateway", "ssh_user: pi"))
        (server,), (router,), *_ = inventory.hosts("home")
        assert (server[1]["ssh_user"], server[1]["_sudo"]) == ("pi", True)
        assert router[1]["_sudo"] is False

    def test_holds_no_secret_because_pyinfra_prints_it(self, on_host, project):
        on_host(Device())
        secrets = secrets_of("home")
        text = repr(inventory.hosts("home"))
        for secret in (*secrets.camera_passwords.values(), secrets.ca_passphrase):
            assert secret not in text

    def test_begins_to_open_the_vault_while_pyinfra_connects(self, on_host, project, begun):
        on_host(Device())
        inventory.hosts("home")
        assert begun == ["home"]

    def test_trusts_no_host_key_that_ssh_does_not_know(self, on_host, project):
        """A port other than 22 and another user are part of what to do about it."""
        on_host(Device())
        (server,), *_ = inventory.hosts("home")
        policy = get_missing_host_key_policy(server[1]["ssh_strict_host_key_checking"])
        client, key = SimpleNamespace(_ssh_config={"username": "pi"}), ECDSAKey.generate()
        for name, command in (
            ("192.168.1.10", "log in once: ssh pi@192.168.1.10"),
            ("[fd00::10]:2022", "log in once: ssh -p 2022 pi@fd00::10"),
            ("fd00::10", "log in once: ssh pi@fd00::10"),
        ):
            with pytest.raises(SSHException) as refused:
                policy.missing_host_key(client, name, key)
            assert command in str(refused.value)
            assert key.fingerprint in str(refused.value)

    def test_goes_by_the_host_keys_beside_the_site_for_hosts_that_they_are_about(
        self, on_host, project
    ):
        """And by the person's own for others; a file that is not there is no matter."""
        on_host(Device())
        key = ECDSAKey.generate()
        beside = project / "group_vars" / "home.known_hosts"
        beside.write_text(f"192.168.1.10 {key.get_name()} {key.get_base64()}\n")
        (server,), (router,), *_ = inventory.hosts("home")
        assert server[1]["ssh_known_hosts_file"] == str(beside)
        assert "ssh_known_hosts_file" not in router[1]
        keys = pyinfra_client.get_host_keys((str(beside), str(project / "nowhere")))
        assert keys.lookup("192.168.1.10")[key.get_name()] == key

    def test_takes_no_key_that_a_line_revokes_and_reads_on_after_marked_lines(
        self, on_host, project
    ):
        """As OpenSSH does; a company's own file begins with its certificate authority."""
        on_host(Device())
        inventory.hosts("home")
        good, stolen = ECDSAKey.generate(), ECDSAKey.generate()
        said = {key: f"{key.get_name()} {key.get_base64()}" for key in (good, stolen)}
        path = project / "known_hosts"
        path.write_text(
            f"@cert-authority *.example.net {said[stolen]}\n192.168.1.10 {said[stolen]}\n"
            f"@revoked * {said[stolen]} of 2025\n192.168.1.1 ssh-none AAAA\n"
            f"192.168.1.1 {said[good]}\n192.168.1.1 {said[stolen]}\n"
        )
        keys = pyinfra_client.get_host_keys((str(path),))
        assert keys.lookup("192.168.1.10") is None
        assert keys.lookup("192.168.1.1")[good.get_name()] == good

    def test_says_which_line_says_another_key(self, on_host, project):
        on_host(Device())
        inventory.hosts("home")
        old, new = ECDSAKey.generate(), ECDSAKey.generate()
        beside = project / "known_hosts"
        beside.write_text(f"# mine\n192.168.1.10 {old.get_name()} {old.get_base64()}\n")
        client = pyinfra_ssh.SSHClient()
        client._host_keys_filename = str(beside)
        said = str(client.changed(new, old))
        assert f"shows {new.get_name()} {new.fingerprint}, and {beside}, line 2, says" in said
        assert old.fingerprint in said
        assert said.endswith("If you did: hotshoe trust")

    def test_makes_the_first_failure_stop_the_run(self, on_host, project):
        on_host(Device())
        inventory.hosts("home")
        assert config.FAIL_PERCENT == 0

    @pytest.mark.parametrize("name", EXAMPLES)
    def test_has_a_group_of_servers_and_one_for_each_kind_of_router(self, name):
        """deploy.py asks for these names."""
        text = (PROJECT / "inventories" / f"{name}.py").read_text()
        assert f'servers, routers, openwrt_routers, fetchers = hosts("{name}")' in text

    def test_puts_each_router_into_the_group_of_whoever_manages_it(self, on_host, project):
        on_host(Device())
        site = project / "group_vars" / "cascade.yml"
        text = site.read_text().replace("managed_by: linux", "managed_by: openwrt")
        site.write_text(text.replace("managed_by: hand", "managed_by: linux"))
        _, *routers, _ = inventory.hosts("cascade")
        assert [[name for name, _ in group] for group in routers] == [["box"], ["gateway"]]

    def test_has_no_router_that_a_person_sets_up(self, on_host, project):
        on_host(Device())
        _, *routers, _ = inventory.hosts("by-hand")
        assert routers == [[], []]


def test_a_refusal_carries_its_message_and_no_place_in_our_code(on_host):
    host = on_host(Device())
    with pytest.raises(PyinfraError) as refused:
        refuse(host, "has no address", "give it one")
    assert str(refused.value) == "darkroom: has no address\n    -> give it one"
    assert refused.value.__traceback__ is None


def test_only_refusals_of_the_core_are_turned_into_refusals_of_pyinfra():
    assert refusing(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        refusing(lambda: 1 // 0)


def test_plans_are_made_once_a_run(project):
    assert plan_of("home") is plan_of("home")


def test_settings_are_recorded_only_with_what_certbot_reads_in_place(project, monkeypatch):
    """The timer may get a certificate in the middle of a deploy."""
    plan = plan_of("letsencrypt").servers[0]
    assert plan.certificate and plan.certificate.acme
    put: list[str] = []
    for name in ("folders", "put_all", "removed", "timer"):
        monkeypatch.setattr(acme.operations, name, lambda *_, **__: None)
    monkeypatch.setattr(acme.operations, "put", lambda path, *_, **__: put.append(path))
    monkeypatch.setattr(acme, "ca_bundle", lambda *_: "a root certificate")
    acme.install.__wrapped__(plan, plan.certificate.acme)
    written = [path for path in put if path.startswith(paths.FOLDER)]
    assert {paths.ACME_CERTBOT, paths.ACME_CA_BUNDLE} < set(written)
    assert written[-1] == paths.ACME_CONFIGURATION
