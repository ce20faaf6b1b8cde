"""What a Site says of an ACME authority and must not."""

from __future__ import annotations

import pytest

from hotshoe.site.reading import load_site, warnings_of
from tests.unit.refusals import one_problem, refusal, with_lines

BY_DNS = "write challenge: dns-01 below certificate, which needs no port"
WHY = "and there the certificate authority asks for proof of the name (http-01)"


@pytest.mark.parametrize(
    "said",
    [
        "{issuer: letsencrypt}",
        "{issuer: letsencrypt, challenge: http-01, email: ann@example.net, root: root.pem}",
        "{issuer: letsencrypt, directory: 'https://ca.example.net/acme', ca_bundle: ca.pem}",
        "{issuer: letsencrypt, challenge: dns-01, server: 203.0.113.53, key_name: hotshoe}",
        "{issuer: letsencrypt, challenge: dns-01, hook: /root/hook, propagation_seconds: 5}",
    ],
)
def test_what_is_complete_is_taken(write_site, said):
    assert load_site(write_site(with_lines(f"certificate: {said}"))).certificate


@pytest.mark.parametrize(
    ("said", "key", "reason", "remedy"),
    [
        (
            "{hook: /root/hook}",
            "hook",
            "challenge: http-01 does not use it",
            "remove it, or write challenge: dns-01",
        ),
        (
            "{challenge: http-01, server: 203.0.113.53}",
            "server",
            "challenge: http-01 does not use it",
            "remove it, or write challenge: dns-01",
        ),
        (
            "{challenge: dns-01}",
            "challenge",
            "dns-01 needs to know how the record of the name is set",
            "write server and key_name (RFC 2136), or hook, a program of yours on the server",
        ),
        (
            "{challenge: dns-01, server: 203.0.113.53}",
            "key_name",
            "is missing, and dns-01 by RFC 2136 needs it",
            "write for example key_name: hotshoe.example.net",
        ),
        (
            "{challenge: dns-01, key_name: hotshoe}",
            "server",
            "is missing, and dns-01 by RFC 2136 needs it",
            "write for example server: 203.0.113.53",
        ),
        (
            "{challenge: dns-01, hook: /root/hook, key_name: hotshoe}",
            "key_name",
            "with certificate.hook, a program of yours sets the record",
            "remove it, or remove certificate.hook",
        ),
        (
            "{challenge: dns-01, hook: bin/hook}",
            "hook",
            "bin/hook is no absolute path of a program on the server",
            "write for example hook: /usr/local/sbin/dns-hook",
        ),
        (
            "{challenge: dns-01, hook: /root/hook, propagation_seconds: 601}",
            "propagation_seconds",
            "601 is more than 600",
            "write for example: propagation_seconds: 60",
        ),
        (
            "{email: ann.example.net}",
            "email",
            "'ann.example.net' is not an e-mail address",
            "write for example: email: ann@example.net",
        ),
        (
            "{staging: true, directory: 'https://ca.example.net/acme'}",
            "staging",
            "is Let's Encrypt's, and certificate.directory names another authority",
            "remove one of them",
        ),
        (
            "{ca_bundle: ca.pem}",
            "ca_bundle",
            "is not used: the HTTPS of Let's Encrypt is verified by what the server trusts",
            "remove it, or name the directory of your authority",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(write_site, said, key, reason, remedy):
    said = said.replace("{", "{issuer: letsencrypt, ", 1)
    files = write_site(with_lines(f"certificate: {said}"))
    assert refusal(files) == one_problem(f"certificate.{key}", reason, remedy)


ROUTER = "routers: [{name: gateway, lan: 192.168.1.1/24, %s}]"
SERVER = "server: {name: darkroom, address: 192.168.1.10, %s}"


@pytest.mark.parametrize(
    ("lines", "key", "reason", "remedy"),
    [
        (
            "ftp: {control_port: 80}",
            "ftp.control_port",
            f"is 80, {WHY}",
            f"take another port, or {BY_DNS}",
        ),
        (
            "ftp: {tls: both, implicit_port: 80}",
            "ftp.implicit_port",
            f"is 80, {WHY}",
            f"take another port, or {BY_DNS}",
        ),
        (
            SERVER % "ssh_port: 80",
            "server.ssh_port",
            f"SSH of darkroom answers at 80, {WHY}",
            f"let SSH answer elsewhere, or {BY_DNS}",
        ),
        (
            SERVER % "open_to_lan: [80/tcp]",
            "server.open_to_lan",
            f"darkroom has a service of its own at port 80, {WHY}",
            BY_DNS,
        ),
        (
            ROUTER % "open_to_wan: [80/tcp]",
            "routers[0].open_to_wan",
            f"gateway has a service of its own at port 80, {WHY}",
            BY_DNS,
        ),
        (
            ROUTER % "other_forwards: [70-90/tcp]",
            "routers[0].other_forwards",
            f"gateway forwards port 80 elsewhere, {WHY}",
            BY_DNS,
        ),
        (
            "servers:\n"
            "  - {name: darkroom, address: 192.168.1.10}\n"
            "  - {name: attic, address: 192.168.1.11}\n"
            "cameras: [{name: r5, server: darkroom}, {name: a7, server: attic}]",
            "certificate.challenge",
            "http-01 needs port 80, and of 2 servers at one public address it leads to one only",
            BY_DNS,
        ),
        (
            "port_set: {offset: 6, psid_length: 4, psid: 3}",
            "certificate.challenge",
            "http-01 needs port 80 of the public address, and of a shared one (port_set) that port "
            "belongs to another subscriber",
            BY_DNS,
        ),
    ],
)
class TestPort80:
    def test_elsewhere_is_refused(self, write_site, lines, key, reason, remedy):
        files = write_site(with_lines(f"{lines}\ncertificate: {{issuer: letsencrypt}}"))
        assert refusal(files) == one_problem(key, reason, remedy)

    def test_does_not_matter_to_dns(self, write_site, lines, key, reason, remedy):
        said = "{issuer: letsencrypt, challenge: dns-01, hook: /root/hook}"
        assert load_site(write_site(with_lines(f"{lines}\ncertificate: {said}")))


def test_a_udp_service_at_port_80_does_not_matter(write_site):
    lines = ROUTER % "open_to_wan: [80/udp]"
    assert load_site(write_site(with_lines(f"{lines}\ncertificate: {{issuer: letsencrypt}}")))


def test_staging_is_trusted_by_nobody(write_site):
    files = write_site(with_lines("certificate: {issuer: letsencrypt, staging: true}"))
    (told,) = [w for w in warnings_of(files, load_site(files)) if "staging" in str(w)]
    assert "certificate.staging: the certificates of Let's Encrypt's staging" in str(told)
