"""The services that a home whose public address changes asks and tells, on a stage's Internet."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hotshoe.debian import record_update
from hotshoe.site.ddns import PROVIDERS
from hotshoe.stage import internet, provider
from hotshoe.stage.topology import make_topology
from tests.homes import example

SOURCE, UPDATES = "api.ipify.org", "www.duckdns.org"
NAME = "photos.duckdns.org"
ACCOUNT = {"usernames": ["photographer"], "secret": "demo-token"}


class Record(provider.Record):
    """A record that needs no name server."""

    there = ""

    def address(self) -> str:
        return type(self).there

    def set(self, address: str) -> bool:
        changed = address != self.address()
        type(self).there = address
        return changed


class Home:
    """Asks the services, as the home does."""

    def __init__(self, folder: Path, services: provider.Services) -> None:
        self.folder, self.services = folder, services
        self.context = ssl.create_default_context(cafile=folder / "services.crt")

    def get(self, service: str, path: str, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection(service, 443, context=self.context, timeout=5)
        plain = socket.create_connection(self.services.server_address[:2], 5)
        plain.settimeout(0.5)
        connection.sock = self.context.wrap_socket(plain, server_hostname=service)
        connection.request("GET", path, headers=headers)
        return connection.getresponse()

    def said(self, service: str, path: str, **headers: str) -> tuple[int, str]:
        answer = self.get(service, path, **headers)
        return answer.status, answer.read().decode().strip()

    def dyndns2(self, query: str, account: str = "photographer:demo-token") -> tuple[int, str]:
        word = base64.b64encode(account.encode()).decode()
        return self.said(UPDATES, f"/nic/update?{query}", Authorization=f"Basic {word}")

    def wrong(self, service: str, fault: str) -> None:
        (self.folder / "faults" / service).write_text(fault + "\n")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"]
    command += ["ec_paramgen_curve:P-256", "-noenc", "-subj", "/CN=services"]
    command += ["-keyout", "services.key", "-out", "services.crt"]
    command += ["-addext", f"subjectAltName=DNS:{SOURCE},DNS:{UPDATES}"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    both = (folder / f"services.{end}" for end in ("key", "crt"))
    (folder / "services.pem").write_text("".join(file.read_text() for file in both))
    return folder


@pytest.fixture
def home(tmp_path: Path, certificate: Path) -> Iterator[Home]:
    for file in certificate.iterdir():
        shutil.copy(file, tmp_path)
    (tmp_path / "faults").mkdir()
    (tmp_path / "account.json").write_text(json.dumps(ACCOUNT))
    Record.there = ""
    record = Record("192.0.2.53", "duckdns.org", NAME, 5)
    with provider.Services(tmp_path, "127.0.0.1", 0, record) as services:
        thread = threading.Thread(target=services.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield Home(tmp_path, services)
        services.shutdown()


def test_a_source_tells_whoever_asks_his_own_address_and_nothing_in_a_header(home):
    answer = home.get(SOURCE, "/")
    assert (answer.status, answer.read()) == (200, b"127.0.0.1\n")
    assert answer.headers["X-Forwarded-For"] == "198.51.100.199"


@pytest.mark.parametrize("query", ["domains=photos", f"domains={NAME}"])
def test_duckdns_takes_an_update_with_the_token(home, query):
    path = f"/update?{query}&token=demo-token&ip=203.0.113.22"
    assert home.said(UPDATES, path) == (200, "OK")
    assert Record.there == "203.0.113.22"


@pytest.mark.parametrize("query", ["domains=photos&token=x", "domains=others&token=demo-token", ""])
def test_duckdns_refuses_a_wrong_token_and_others_names(home, query):
    assert home.said(UPDATES, f"/update?{query}&ip=203.0.113.22") == (200, "KO")
    assert Record.there == ""


def test_dyndns2_tells_whether_the_record_was_changed(home):
    query = f"hostname={NAME}&myip=203.0.113.22"
    assert home.dyndns2(query) == (200, "good 203.0.113.22")
    assert home.dyndns2(query) == (200, "nochg 203.0.113.22")
    assert Record.there == "203.0.113.22"


def test_dyndns2_refuses_a_wrong_password_and_another_name(home):
    query = f"hostname={NAME}&myip=203.0.113.22"
    assert home.dyndns2(query, "photographer:wrong") == (401, "badauth")
    assert home.said(UPDATES, f"/nic/update?{query}") == (401, "badauth")
    assert home.dyndns2("hostname=other.duckdns.org&myip=203.0.113.22") == (200, "nohost")
    (home.folder / "account.json").unlink()
    assert home.dyndns2(query, "None:None") == (401, "badauth")
    assert Record.there == ""


def test_a_service_says_what_its_fault_says_and_the_others_go_on(home):
    home.wrong(UPDATES, "status 200 <html><body>Welcome to the hotel</body></html>")
    answer = home.get(UPDATES, "/update?domains=photos&token=demo-token&ip=203.0.113.22")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html")
    assert answer.read() == b"<html><body>Welcome to the hotel</body></html>\n"
    home.wrong(UPDATES, "status 503")
    assert home.said(UPDATES, "/nic/update") == (503, "")
    home.wrong(UPDATES, "redirect https://portal.example/login")
    assert home.get(UPDATES, "/").headers["Location"] == "https://portal.example/login"
    assert Record.there == ""
    assert home.said(SOURCE, "/") == (200, "127.0.0.1")


def test_a_service_that_is_shut_ends_the_handshake_and_a_silent_one_never_does(home):
    home.wrong(SOURCE, "shut")
    with pytest.raises(ssl.SSLError):
        home.said(SOURCE, "/")
    home.wrong(SOURCE, "silent")
    with pytest.raises(TimeoutError):
        home.said(SOURCE, "/")
    (home.folder / "faults" / SOURCE).unlink()
    assert home.said(SOURCE, "/") == (200, "127.0.0.1")


def test_the_log_tells_every_request_and_no_secret(home):
    home.said(UPDATES, "/update?domains=photos&token=demo-token&ip=203.0.113.22")
    home.dyndns2(f"hostname={NAME}&myip=203.0.113.22")
    log = (home.folder / "log").read_text()
    assert log == (
        f"{UPDATES} /update 203.0.113.22 200 OK\n"
        f"{UPDATES} /nic/update 203.0.113.22 200 nochg 203.0.113.22\n"
    )


class TestThere:
    """What there is for a Plan."""

    @pytest.fixture
    def there(self) -> internet.Provider:
        plan = example("dynamic")
        found = internet.Provider.of(plan, make_topology(plan))
        assert found
        return found

    def test_a_home_with_a_fixed_address_has_none_of_it(self, example_plan):
        topology = make_topology(example_plan)
        assert internet.Provider.of(example_plan, topology) is None
        text = internet.script(topology, None)
        assert "--server=/photos.example.net/" in text
        assert "203.0.113.20 photos.example.net" in text.splitlines()

    def test_sources_and_updates_are_found_by_their_real_names(self, there):
        plan = example("dynamic")
        assert plan.servers[0].follower
        for url in plan.servers[0].follower.sources:
            assert url.removeprefix("https://").partition("/")[0] in there.names
        options = list(there.resolver_options())
        assert f"--server=/{plan.hostname}/{there.name_server}" in options
        for name in there.names:
            assert f"--address=/{name}/{there.services}" in options
            assert f"DNS:{name}" in there.script()

    @pytest.mark.parametrize("name", [name for name in PROVIDERS if name != "dyndns2"])
    def test_no_rehearsal_reaches_a_real_provider(self, there, name):
        """It has the person's own token, and addresses that nobody has."""
        named = replace(there, record=replace(there.record, provider=name, server=None))
        real = record_update.host(named.record)
        assert real
        assert f"--address=/{real}/{there.services}" in list(named.resolver_options())
        assert f"DNS:{real}" in named.script()

    def test_an_account_without_a_user_name_goes_by_its_token_alone(self, there):
        assert there.account("demo-token") == {
            "usernames": ["", "none"],
            "secret": "demo-token",
        }
        named = replace(there, record=replace(there.record, username="photographer"))
        assert named.account("demo-token")["usernames"] == ["photographer"]

    def test_a_zone_of_the_person_s_own_has_its_name_server_where_updates_are_sent(self, there):
        record = replace(
            there.record,
            updated_by="nsupdate",
            provider=None,
            zone="example.net",
            server="ns1.example.org",
            key_name="hotshoe.example.net",
        )
        own = replace(there, record=record)
        assert own.zone == "example.net"
        assert f"--address=/ns1.example.org/{own.name_server}" in own.resolver_options()
        assert "zones/example.net" in own.configuration()
        assert "owner" not in own.configuration()
        assert "secret: c2VjcmV0" in own.configuration("c2VjcmV0")

    def test_the_record_is_set_for_the_person_where_somebody_else_updates_it(self, there):
        assert not there.sets_record
        for changed in ({"updated_by": "none"}, {"provider": "cloudflare"}):
            assert replace(there, record=replace(there.record, **changed)).sets_record
        by_router = replace(there, record=replace(there.record, updated_by="router"))
        assert not by_router.sets_record
        assert replace(by_router, by_hand=True).sets_record
        assert f"update add {there.hostname} {internet.TTL} A 203.0.113.22\n" in there.update(
            "203.0.113.22"
        )
