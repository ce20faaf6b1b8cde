"""hotshoe-update-record: what it tells whom, what it makes of the answers, and what nobody sees.

curl and jq are the real ones, and speak TLS to a server here. nsupdate is one that says what the
real one says (bind9-dnsutils 9.18 and 9.20), and the real one where this computer has BIND.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hotshoe.debian import record_update
from hotshoe.debian.authority import issue, make_authority
from hotshoe.debian.authority_files import utc_now
from hotshoe.plan.model import RecordUpdate
from hotshoe.render import render
from hotshoe.site.routability import UNREACHABLE, why_unreachable
from tests.conftest import PROJECT
from tests.unit.test_programs import shellcheck

ADDRESS, OLD = "203.0.113.9", "203.0.113.8"
NAME, DUCK = "photos.example.net", "hotshoe-example.duckdns.org"
SECRET = "aZ9!#$%&()*+,-./:;<=>?@[]^_`{|}~"
TSIG = "aHZ4cW1rdG5iZHNmcndqcA=="
DONE, USAGE, LATER, REFUSED = 0, 64, 75, 77


def update(provider: Any = None, **more: Any) -> RecordUpdate:
    """A way to update, with nothing that it does not need."""
    values: dict[str, Any] = dict.fromkeys(("username", "server", "zone", "key_name"))
    values |= {"updated_by": "server" if provider else "nsupdate", "provider": provider}
    return RecordUpdate(**values | {"algorithm": "hmac-sha256", "ttl": 60} | more)


UPDATES = {
    "cloudflare": (update("cloudflare", zone="example.net"), NAME),
    "desec": (update("desec"), NAME),
    "duckdns": (update("duckdns"), DUCK),
    "dyndns2": (update("dyndns2", username='a"n\\n', server="dyn.example.net"), NAME),
    "dynv6": (update("dynv6"), NAME),
    "noip": (update("noip", username="ann@example.net"), NAME),
    "nsupdate": (update(zone="example.net", key_name="hotshoe.example.net"), NAME),
}


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(PROJECT)


@pytest.mark.parametrize("way", UPDATES)
def test_shellcheck_finds_nothing_in_the_program(way):
    assert shellcheck(render(record_update.PROGRAM, **record_update.values(*UPDATES[way]))) == ""


@pytest.mark.parametrize(
    ("way", "text"),
    [
        ("cloudflare", 'header = "Authorization: Bearer S3\\"\\\\"\n'),
        (
            "duckdns",
            'url = "https://www.duckdns.org/update?domains=hotshoe-example&token=S3%22%5C"\n',
        ),
        (
            "noip",
            f'url = "https://dynupdate.no-ip.com/nic/update?hostname={NAME}"\n'
            'user = "ann@example.net:S3\\"\\\\"\n',
        ),
        (
            "nsupdate",
            'key "hotshoe.example.net" { algorithm hmac-sha256; secret "S3"\\"; };\n',
        ),
    ],
)
def test_a_secret_stands_in_the_configuration_as_its_program_reads_it(way, text):
    """A TSIG key is base64, which the vault's check sees to."""
    assert record_update.configuration(*UPDATES[way], 'S3"\\') == text


@pytest.mark.parametrize(
    ("way", "programs", "packages"),
    [
        ("cloudflare", {"curl", "jq"}, {"ca-certificates", "curl", "jq"}),
        ("noip", {"curl"}, {"ca-certificates", "curl"}),
        ("nsupdate", {"nsupdate"}, {"bind9-dnsutils"}),
    ],
)
def test_the_packages_are_those_of_the_programs_that_it_runs(way, programs, packages):
    described, name = UPDATES[way]
    text = render(record_update.PROGRAM, **record_update.values(described, name))
    assert set(re.findall(r"\b(curl|jq|nsupdate) -", text)) == programs
    assert set(record_update.packages(described)) == packages


class Host:
    """Where the program runs: programs in front of the real ones note how they are called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.calls = folder / "calls"
        self.calls.touch()
        self.configuration = folder / "record.conf"

    def program(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.calls}"\n{script}\n')
        path.chmod(0o755)

    def real(self, *names: str) -> None:
        for name in names:
            path = shutil.which(name)
            if path is None:
                pytest.skip(f"this computer has no {name}")
            self.program(name, f'exec {path} "$@"')

    def run(
        self,
        described: RecordUpdate,
        name: str,
        *arguments: str,
        secret: str = SECRET,
        more: str = "",
        **values: Any,
    ) -> subprocess.CompletedProcess[str]:
        """Run it; whatever happens, one line says why, and nobody sees the secret.

        :param more: lines for the configuration
        :param values: of the template, instead of the usual ones
        """
        self.configuration.touch(mode=0o600)
        text = record_update.configuration(described, name, secret)
        self.configuration.write_text(text + more)
        filled = record_update.values(described, name)
        filled |= {"configuration": str(self.configuration)} | values
        program = self.folder / "program"
        program.write_text(render(record_update.PROGRAM, **filled))
        done = subprocess.run(
            ["sh", program, *(arguments or (ADDRESS,))],
            env={"PATH": f"{self.bin}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        seen = f"{done.stdout}{done.stderr}{self.calls.read_text()}"
        assert secret not in seen
        assert base64.b64encode(secret.encode()).decode() not in seen
        assert done.stdout == ""
        assert done.stderr.count("\n") == (0 if done.returncode == DONE else 1)
        return done


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@cache
def certified(name: str) -> tuple[bytes, bytes]:
    """Key and certificate of a server, and the root that vouches for it."""
    now = utc_now()
    authority = make_authority(name, now)
    root = authority.certificate.public_bytes(Encoding.PEM)
    return issue(authority, name, now), root


class Service:
    """A provider's HTTPS server, at whatever name of the provider's.

    :param answer: what it answers, by the method and the path with its query
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.asked: list[tuple[str, str, dict[str, str], str]] = []
        self.answer: Callable[[str, str], tuple[int, str]] = lambda _method, _path: (200, "")
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size).decode()
                service.asked.append((self.command, self.path, dict(self.headers), body))
                status, text = service.answer(self.command, self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.send_header("Location", "https://127.0.0.1:9/elsewhere")
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = do_PATCH = do  # noqa: N815 - names of the standard library

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        pem, root = folder / "server.pem", folder / "root.crt"
        for path, content in zip((pem, root), certified(name), strict=True):
            path.write_bytes(content)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.port = self._server.server_address[1]
        self.reached = f'connect-to = "{name}:443:127.0.0.1:{self.port}"\n'
        self.trusted = f'cacert = "{root}"\n'

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def query(self) -> dict[str, str]:
        """What it was told when it was last asked."""
        return dict(parse_qsl(urlsplit(self.asked[-1][1]).query))

    @property
    def account(self) -> str:
        said = self.asked[-1][2]["Authorization"].removeprefix("Basic ")
        return base64.b64decode(said).decode()


SERVERS = {
    "cloudflare": "api.cloudflare.com",
    "desec": "update.dedyn.io",
    "duckdns": "www.duckdns.org",
    "dyndns2": "dyn.example.net",
    "dynv6": "dynv6.com",
    "noip": "dynupdate.no-ip.com",
}


class Told:
    """A way to update whose provider is here."""

    def __init__(self, host: Host, folder: Path, way: str) -> None:
        self.host = host
        self.described, self.name = UPDATES[way]
        self.service = Service(folder, SERVERS[way])

    def run(self, *answer: Any, **more: Any) -> tuple[int, str]:
        """What comes of an answer: the exit status, and what is said."""
        if answer:
            self.service.answer = lambda _method, _path: answer
        lines = self.service.reached + self.service.trusted
        done = self.host.run(self.described, self.name, **{"more": lines} | more)
        return done.returncode, done.stderr.rstrip("\n")


@pytest.fixture
def told(host: Host, tmp_path: Path) -> Iterator[Callable[[str], Told]]:
    host.real("curl")
    begun: list[Told] = []

    def begin(way: str) -> Told:
        begun.append(Told(host, tmp_path, way))
        return begun[-1]

    yield begin
    for one in begun:
        one.service.close()


@pytest.mark.parametrize(
    ("way", "path", "query", "account"),
    [
        ("dyndns2", "/nic/update", {"hostname": NAME, "myip": ADDRESS}, 'a"n\\n'),
        ("noip", "/nic/update", {"hostname": NAME, "myip": ADDRESS}, "ann@example.net"),
        ("dynv6", "/nic/update", {"hostname": NAME, "myip": ADDRESS}, "none"),
        (
            "desec",
            "/nic/update",
            {"hostname": NAME, "myip": ADDRESS, "myipv6": "preserve"},
            "",
        ),
    ],
)
def test_dyndns2_tells_the_name_and_the_address_with_the_account(told, way, path, query, account):
    it = told(way)
    assert it.run(200, f"good {ADDRESS}\r\n") == (DONE, "")
    assert len(it.service.asked) == 1
    assert urlsplit(it.service.asked[0][1]).path == path
    assert it.service.query == query
    assert it.service.account == f"{account}:{SECRET}"


DYN = "dyn.example.net"
PAGE = "<html><body>good morning</body></html>"
LOG_IN = f"{DYN} answers what is not its protocol, as a log-in page does (HTTP"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, "good"), (DONE, "")),
        ((200, "nochg"), (DONE, "")),
        ((200, f"nochg {ADDRESS}\n"), (DONE, "")),
        (
            (200, "good 10.0.0.1"),
            (LATER, f"{DYN} has set the record to 10.0.0.1 instead of {ADDRESS}"),
        ),
        (
            (200, "nochg 192.168.1.2"),
            (LATER, f"{DYN} has set the record to 192.168.1.2 instead of {ADDRESS}"),
        ),
        (
            (200, "badauth"),
            (REFUSED, f"{DYN} does not accept the username or the password (badauth)"),
        ),
        (
            (401, "badauth\n"),
            (REFUSED, f"{DYN} does not accept the username or the password (badauth)"),
        ),
        ((401, PAGE), (REFUSED, f"{DYN} does not accept the username or the password (HTTP 401)")),
        ((403, ""), (REFUSED, f"{DYN} does not accept the username or the password (HTTP 403)")),
        ((200, "nohost"), (REFUSED, f"{DYN}: {NAME} is no name of this account (nohost)")),
        ((404, "nohost"), (REFUSED, f"{DYN}: {NAME} is no name of this account (nohost)")),
        ((200, "notfqdn"), (REFUSED, f"{DYN}: {NAME} is no name of this account (notfqdn)")),
        ((200, "numhost"), (REFUSED, f"{DYN}: {NAME} is no name of this account (numhost)")),
        ((200, "!yours"), (REFUSED, f"{DYN}: {NAME} is no name of this account (!yours)")),
        (
            (200, "!donator"),
            (REFUSED, f"{DYN}: this account is not entitled to updates (!donator)"),
        ),
        ((200, "abuse"), (REFUSED, f"{DYN} has blocked {NAME} for too many updates (abuse)")),
        ((200, "badagent"), (REFUSED, f"{DYN} does not accept this client (badagent)")),
        ((200, "badsys"), (REFUSED, f"{DYN} does not accept this client (badsys)")),
        ((404, "gone"), (REFUSED, f"{DYN} does not understand the update (HTTP 404)")),
        ((200, "911"), (LATER, f"{DYN} has a fault of its own (911)")),
        ((200, "dnserr"), (LATER, f"{DYN} has a fault of its own (dnserr)")),
        ((500, "oops"), (LATER, f"{DYN} has a fault of its own (HTTP 500)")),
        ((503, f"good {ADDRESS}"), (LATER, f"{DYN} has a fault of its own (HTTP 503)")),
        ((408, ""), (LATER, f"{DYN} does not answer in time (HTTP 408)")),
        ((429, ""), (LATER, f"{DYN} wants fewer updates (HTTP 429)")),
        ((200, PAGE), (LATER, f"{LOG_IN} 200)")),
        ((200, ""), (LATER, f"{LOG_IN} 200)")),
        ((200, "\ngood"), (LATER, f"{LOG_IN} 200)")),
        ((200, "goodbye"), (LATER, f"{LOG_IN} 200)")),
        ((200, f"your password is {SECRET}"), (LATER, f"{LOG_IN} 200)")),
        ((200, f"good {SECRET}"), (DONE, "")),
        ((302, "good"), (LATER, f"{LOG_IN} 302)")),
    ],
)
def test_dyndns2_makes_of_an_answer(told, answer, expected):
    it = told("dyndns2")
    assert it.run(*answer) == expected
    # And it does not follow a redirection.
    assert len(it.service.asked) == 1


def test_an_answer_that_is_too_long_is_given_up(told):
    assert told("dyndns2").run(200, f"good {ADDRESS} {'x' * 70000}") == (
        LATER,
        f"{DYN} was not asked, or broke off (curl: 63)",
    )


def test_a_server_without_a_trusted_certificate_hears_nothing(told):
    it = told("dyndns2")
    assert it.run(more=it.service.reached) == (
        LATER,
        f"{DYN} has no certificate that this host trusts (curl: 60)",
    )
    assert it.service.asked == []


def test_a_server_with_another_name_hears_nothing(told):
    it = told("noip")
    more = it.service.trusted + it.service.reached.replace("dynupdate.no-ip.com", DYN)
    done = it.host.run(*UPDATES["dyndns2"], more=more)
    assert done.returncode == LATER
    assert done.stderr == f"{DYN} has no certificate that this host trusts (curl: 60)\n"
    assert it.service.asked == []


def test_a_server_that_is_down_is_told_later(told):
    it = told("dyndns2")
    it.service.close()
    assert it.run() == (LATER, f"{DYN} cannot be reached")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (6, "is not found in DNS"),
        (28, "does not answer in time"),
        (35, "has no certificate that this host trusts (curl: 35)"),
        (56, "was not asked, or broke off (curl: 56)"),
    ],
)
def test_what_curl_ends_with_is_told_in_words(host, code, said):
    host.program("curl", f"echo 'curl: {SECRET}' >&2; exit {code}")
    done = host.run(*UPDATES["dyndns2"])
    assert (done.returncode, done.stderr) == (LATER, f"{DYN} {said}\n")


@pytest.mark.parametrize(
    "argument",
    ["", "photos", "203.0.113", "203.0.113.", "1.2.3.4.5", "1..3.4", "::1", f"{ADDRESS}\nx", "-x"],
)
def test_what_is_no_address_is_told_to_nobody(host, argument):
    host.program("curl", "")
    done = host.run(*UPDATES["dyndns2"], argument)
    assert (done.returncode, done.stderr) == (USAGE, "usage: hotshoe-update-record ADDRESS\n")
    assert host.calls.read_text() == ""


@pytest.mark.parametrize("block", UNREACHABLE)
def test_an_address_that_nobody_can_reach_is_told_to_nobody(host, block):
    """Nor are others refused, on either side of the block."""
    host.program("curl", "echo 'good 200'")
    network = IPv4Network(block)
    inside = {network[0], network[-1], network[network.num_addresses // 2]}
    beside = {IPv4Address(n) for n in (int(network[0]) - 1, int(network[-1]) + 1) if 0 < n < 2**32}
    for address in inside | beside:
        done = host.run(*UPDATES["dyndns2"], str(address))
        if why_unreachable(address):
            assert done.returncode == REFUSED
            assert done.stderr == f"{address} cannot be reached from the Internet\n"
        else:
            assert done.returncode == DONE, address
    assert len(host.calls.read_text().splitlines()) == len(
        [each for each in beside if not why_unreachable(each)]
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, "OK"), (DONE, "")),
        (
            (200, "KO"),
            (
                REFUSED,
                f"www.duckdns.org does not accept the token, or {DUCK} is not in that account (KO)",
            ),
        ),
        ((502, "KO"), (LATER, "www.duckdns.org has a fault of its own (HTTP 502)")),
        (
            (200, "OKAY"),
            (
                LATER,
                "www.duckdns.org answers what is not its protocol, as a log-in page does "
                "(HTTP 200)",
            ),
        ),
    ],
)
def test_duck_dns_makes_of_an_answer(told, answer, expected):
    it = told("duckdns")
    assert it.run(*answer) == expected
    assert it.service.query == {"domains": "hotshoe-example", "token": SECRET, "ip": ADDRESS}


CLOUDFLARE = "api.cloudflare.com"
ZONE_ID, RECORD_ID = "0" * 31 + "a", "f" * 32
ZONES = {"success": True, "result": [{"id": ZONE_ID, "name": "example.net"}]}


class Cloudflare:
    """Its API, as far as it is used; ``failing`` has methods that fail, with status and code.

    :param records: the zone's A records of the name
    """

    def __init__(self, *records: dict[str, Any]) -> None:
        self.records = list(records)
        self.zones: dict[str, Any] = ZONES
        self.failing: dict[str, tuple[int, int]] = {}

    def __call__(self, method: str, path: str) -> tuple[int, str]:
        base = f"/client/v4/zones/{ZONE_ID}/dns_records"
        if method in self.failing:
            status, code = self.failing[method]
            return status, json.dumps({"success": False, "errors": [{"code": code}]})
        if (method, path) == ("GET", "/client/v4/zones?name=example.net"):
            return 200, json.dumps(self.zones)
        if (method, path) == ("GET", f"{base}?type=A&name={NAME}"):
            return 200, json.dumps({"success": True, "result": self.records})
        if (method, path) in (("POST", base), ("PATCH", f"{base}/{RECORD_ID}")):
            return 200, json.dumps({"success": True, "result": {}})
        return 404, json.dumps({"success": False, "errors": [{"code": 7003}]})


class TestCloudflare:
    @pytest.fixture
    def it(self, told, host) -> Told:
        host.real("jq")
        return told("cloudflare")

    def changes(self, it: Told) -> list[tuple[str, Any]]:
        """What was changed; every request has the token."""
        assert {asked[2]["Authorization"] for asked in it.service.asked} == {f"Bearer {SECRET}"}
        return [(method, json.loads(body)) for method, _, _, body in it.service.asked if body]

    def record(self, content: str = OLD, proxied: bool = False) -> dict[str, Any]:
        return {"id": RECORD_ID, "content": content, "proxied": proxied}

    def test_a_record_is_changed(self, it):
        it.service.answer = Cloudflare(self.record())
        assert it.run() == (DONE, "")
        assert self.changes(it) == [("PATCH", {"content": ADDRESS})]

    def test_a_record_that_is_right_stays(self, it):
        it.service.answer = Cloudflare(self.record(ADDRESS))
        assert it.run() == (DONE, "")
        assert self.changes(it) == []

    def test_a_record_that_is_missing_is_made(self, it):
        it.service.answer = Cloudflare()
        assert it.run() == (DONE, "")
        made = {"type": "A", "name": NAME, "content": ADDRESS, "ttl": 60, "proxied": False}
        assert self.changes(it) == [("POST", made)]

    def test_a_name_that_is_an_alias_is_refused(self, it):
        it.service.answer = api = Cloudflare()
        api.failing = {"POST": (400, 81053)}
        assert it.run() == (REFUSED, f"{NAME} is an alias (CNAME): remove that record (81053)")

    def test_a_jq_without_regular_expressions_suffices(self, it, host):
        """As OpenWrt's package is made."""
        jq = shutil.which("jq")
        host.program("jq", f'case "$*" in *test\\(* | *match\\(*) exit 5 ;; esac\nexec {jq} "$@"')
        it.service.answer = Cloudflare(self.record())
        assert it.run() == (DONE, "")
        assert self.changes(it) == [("PATCH", {"content": ADDRESS})]

    def test_a_jq_that_fails_is_told(self, it, host):
        host.program("jq", "exit 5")
        it.service.answer = Cloudflare(self.record())
        assert it.run() == (
            LATER,
            f"{CLOUDFLARE} answers what is not its protocol, as a log-in page does (HTTP 200)",
        )
        assert self.changes(it) == []

    @pytest.mark.parametrize("identity", ["../..", "", "f" * 31, "f" * 33, "F" * 32, 5, None])
    def test_a_record_without_an_identity_is_left_alone(self, it, identity):
        it.service.answer = Cloudflare(self.record() | {"id": identity})
        assert it.run() == (
            LATER,
            f"{CLOUDFLARE} answers what is not its protocol, as a log-in page does (HTTP 200)",
        )
        assert self.changes(it) == []

    def test_a_change_that_fails_is_told(self, it):
        it.service.answer = api = Cloudflare(self.record())
        api.failing = {"PATCH": (500, 5)}
        assert it.run() == (LATER, f"{CLOUDFLARE} has a fault of its own (HTTP 500)")

    def test_several_records_are_left_to_the_person(self, it):
        it.service.answer = Cloudflare(self.record(), self.record())
        assert it.run() == (
            REFUSED,
            f"{CLOUDFLARE} has several A records of {NAME}: remove all but one",
        )
        assert self.changes(it) == []

    def test_a_proxied_record_is_refused(self, it):
        it.service.answer = Cloudflare(self.record(proxied=True))
        assert it.run() == (
            REFUSED,
            f"{CLOUDFLARE}: the record of {NAME} is proxied: switch it to DNS only",
        )
        assert self.changes(it) == []

    @pytest.mark.parametrize("result", [[], [{"id": "../../evil"}], [{"id": 5}], None, "zone"])
    def test_a_zone_that_the_token_does_not_show_is_refused(self, it, result):
        it.service.answer = answer = Cloudflare()
        answer.zones = {"success": True, "result": result}
        assert it.run() == (REFUSED, f"{CLOUDFLARE} shows this token no zone example.net")
        assert self.changes(it) == []

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            ((400, 6003), (REFUSED, f"{CLOUDFLARE} does not accept the token (6003)")),
            ((403, 9109), (REFUSED, f"{CLOUDFLARE} does not accept the token (9109)")),
            ((403, 5), (REFUSED, f"{CLOUDFLARE} does not accept the token (HTTP 403)")),
            ((400, 5), (REFUSED, f"{CLOUDFLARE} does not understand the update (HTTP 400)")),
            ((400, SECRET), (REFUSED, f"{CLOUDFLARE} does not understand the update (HTTP 400)")),
            ((429, 5), (LATER, f"{CLOUDFLARE} wants fewer updates (HTTP 429)")),
            ((502, PAGE), (LATER, f"{CLOUDFLARE} has a fault of its own (HTTP 502)")),
            (
                (200, PAGE),
                (
                    LATER,
                    f"{CLOUDFLARE} answers what is not its protocol, as a log-in page does "
                    "(HTTP 200)",
                ),
            ),
        ],
    )
    def test_what_is_no_success_ends_it(self, it, answer, expected):
        status, said = answer
        failed = json.dumps({"success": False, "errors": [{"code": said}]})
        assert it.run(status, PAGE if said == PAGE else failed) == expected
        assert self.changes(it) == []


SERVER = "ns1.example.net"
KEY = "hotshoe.example.net"
COMMUNICATION = "; Communication with 192.0.2.53#53 failed:"
INDICATES = "; TSIG error with server: tsig indicates error\nupdate failed: NOTAUTH"


class TestNsupdate:
    NAMED = update(zone="example.net", key_name=KEY, server=SERVER)

    def test_the_record_is_replaced_in_one_message(self, host):
        host.program("nsupdate", f"cat >{host.folder}/said")
        assert host.run(self.NAMED, NAME, secret=TSIG).returncode == DONE
        assert (host.folder / "said").read_text() == (
            f"server {SERVER}\nzone example.net\nprereq nxrrset {NAME} CNAME\n"
            f"update delete {NAME} A\nupdate add {NAME} 60 A {ADDRESS}\nsend\n"
        )
        (call,) = host.calls.read_text().splitlines()
        assert call == f"nsupdate -t 10 -u 3 -r 2 -k {host.configuration}"

    def test_without_a_server_the_zone_s_own_is_found(self, host):
        host.program("nsupdate", f"cat >{host.folder}/said")
        assert host.run(*UPDATES["nsupdate"], secret=TSIG).returncode == DONE
        assert (host.folder / "said").read_text().startswith("zone example.net\n")

    @pytest.mark.parametrize(
        ("code", "said", "status", "told"),
        [
            (
                2,
                f"{INDICATES}(BADKEY)",
                REFUSED,
                f"{SERVER} does not accept the TSIG key {KEY}: its name, its algorithm, or what it "
                "may change (BADKEY)",
            ),
            (
                2,
                f"{INDICATES}(BADSIG)",
                REFUSED,
                f"{SERVER} does not accept the secret of the TSIG key {KEY} (BADSIG)",
            ),
            (
                2,
                f"{INDICATES}(BADTIME)",
                LATER,
                f"{SERVER} has another time than this host (BADTIME)",
            ),
            (2, f"{INDICATES}(BADTRUNC)", REFUSED, f"{SERVER} wants a longer signature (BADTRUNC)"),
            (
                2,
                "update failed: NOTAUTH",
                REFUSED,
                f"{SERVER} does not have the zone example.net, or does not let the TSIG key {KEY} "
                "change it (NOTAUTH)",
            ),
            (
                2,
                "update failed: NOTZONE",
                REFUSED,
                f"{NAME} is not in the zone example.net (NOTZONE)",
            ),
            (2, "update failed: NXDOMAIN", REFUSED, "there is no zone example.net (NXDOMAIN)"),
            (
                2,
                "update failed: YXRRSET",
                REFUSED,
                f"{NAME} is an alias (CNAME): remove that record",
            ),
            (
                2,
                "update failed: REFUSED",
                REFUSED,
                f"{SERVER} does not let the TSIG key {KEY} change {NAME} (REFUSED)",
            ),
            (
                2,
                "update failed: NOTIMP",
                REFUSED,
                f"{SERVER} does not take updates (NOTIMP or FORMERR)",
            ),
            (
                2,
                "update failed: FORMERR",
                REFUSED,
                f"{SERVER} does not take updates (NOTIMP or FORMERR)",
            ),
            (2, "update failed: SERVFAIL", LATER, f"{SERVER} has a fault of its own (SERVFAIL)"),
            (2, f"{COMMUNICATION} timed out", LATER, f"{SERVER} does not answer in time"),
            (2, f"{COMMUNICATION} connection refused", LATER, f"{SERVER} cannot be reached"),
            (2, f"{COMMUNICATION} operation canceled", LATER, f"{SERVER} cannot be reached"),
            (
                1,
                f"couldn't get address for '{SERVER}': failure\nsyntax error",
                LATER,
                f"{SERVER} is not found in DNS",
            ),
            (
                1,
                f"{COMMUNICATION} REFUSED\ncould not reach any name server",
                LATER,
                "the primary name server of example.net is not found in DNS",
            ),
            (
                1,
                "response to SOA query was unsuccessful",
                LATER,
                "no name server answers for the zone example.net",
            ),
            (3, "", LATER, "the update failed (nsupdate: 3)"),
            # It goes on without the key, and a server may ask for none.
            (
                0,
                f"could not create key from hmac-sha256:{KEY}:{TSIG}: bad base64 encoding",
                REFUSED,
                "CONF holds no TSIG key that nsupdate reads",
            ),
            (
                2,
                "could not read key from it.{private,key}: file not found\nupdate failed: REFUSED",
                REFUSED,
                "CONF holds no TSIG key that nsupdate reads",
            ),
        ],
    )
    def test_what_nsupdate_says_is_told_in_words(self, host, code, said, status, told):
        (host.folder / "answer").write_text(said)
        host.program("nsupdate", f"cat {host.folder}/answer >&2; exit {code}")
        done = host.run(self.NAMED, NAME, secret=TSIG)
        line = done.stderr.rstrip("\n").replace(str(host.configuration), "CONF")
        assert (done.returncode, line) == (status, told)


class Bind:
    """BIND's name server with a zone of its own, for whoever has its programs."""

    def __init__(self, folder: Path) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        key = record_update.configuration(TestNsupdate.NAMED, NAME, TSIG)
        other = key.replace(KEY, "other.example.net")
        (folder / "zone").write_text(
            "$TTL 60\n@ SOA ns1 root 1 60 60 600 60\n NS ns1\nns1 A 127.0.0.1\nalias CNAME ns1\n"
        )
        (folder / "named.conf").write_text(
            f'options {{ directory "{folder}"; listen-on port {self.port} {{ 127.0.0.1; }}; '
            f"listen-on-v6 {{ none; }}; recursion no; pid-file none; dnssec-validation no; "
            f'session-keyfile "{folder}/session"; }};\ncontrols {{ }};\n{key}{other}'
            'zone "example.net" { type primary; file "zone"; '
            f'update-policy {{ grant {KEY} zonesub A; }}; }};\n'
            'zone "broken.net" { type primary; file "none"; };\n'
        )  # fmt: skip
        self.process = subprocess.Popen(
            ["named", "-4", "-f", "-c", folder / "named.conf"], stderr=subprocess.DEVNULL
        )
        for _ in range(100):
            if self.dig("ns1.example.net"):
                return
            time.sleep(0.1)
        pytest.fail("named does not answer")

    def dig(self, name: str) -> list[str]:
        command = ["dig", "+short", "+tries=1", "+time=1", "@127.0.0.1", "-p", str(self.port), name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.split() if done.returncode == 0 else []


class TestNsupdateAndBind:
    @pytest.fixture
    def bind(self, host, tmp_path) -> Iterator[Bind]:
        if not shutil.which("named") or not shutil.which("dig"):
            pytest.skip("this computer has no BIND")
        host.real("nsupdate")
        bind = Bind(tmp_path)
        yield bind
        bind.process.kill()
        bind.process.wait()

    def run(self, host: Host, bind: Bind, name: str = NAME, secret: str = TSIG, **more: Any):
        described = update(**{"zone": "example.net", "key_name": KEY, "server": "ns1"} | more)
        place = f"127.0.0.1 {bind.port}"
        done = host.run(described, name, secret=secret, name_server=place)
        return done.returncode, done.stderr.rstrip("\n")

    def test_the_record_is_where_the_address_is_however_often(self, host, bind):
        assert self.run(host, bind) == self.run(host, bind) == (DONE, "")
        assert bind.dig(NAME) == [ADDRESS]

    def test_other_records_stay(self, host, bind):
        assert self.run(host, bind, name="alias.example.net") == (
            REFUSED,
            "alias.example.net is an alias (CNAME): remove that record",
        )
        assert bind.dig("alias.example.net") == ["ns1.example.net.", "127.0.0.1"]

    @pytest.mark.parametrize(
        ("more", "status", "word"),
        [
            ({"key_name": "nobody.example.net"}, REFUSED, "BADKEY"),
            ({"secret": "bHZ4cW1rdG5iZHNmcndqcA=="}, REFUSED, "BADSIG"),
            ({"secret": "aHZ4=x"}, REFUSED, "holds no TSIG key"),
            ({"algorithm": "hmac-sha512"}, REFUSED, "BADKEY"),
            ({"key_name": "other.example.net"}, REFUSED, "REFUSED"),
            ({"zone": "elsewhere.net", "name": "photos.elsewhere.net"}, REFUSED, "NOTAUTH"),
            ({"zone": "broken.net", "name": "photos.broken.net"}, LATER, "SERVFAIL"),
            ({"name": "photos.example.org"}, REFUSED, "NOTZONE"),
        ],
    )
    def test_what_it_refuses_is_told_and_changes_nothing(self, host, bind, more, status, word):
        code, said = self.run(host, bind, **more)
        assert code == status
        assert word in said
        assert bind.dig(more.get("name", NAME)) == []
