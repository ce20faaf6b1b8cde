"""A certificate from an ACME authority: got, renewed and put into use while cameras upload."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest

from hotshoe import paths
from hotshoe.stage.topology import CAMERA, INTERNET, LAPTOP
from tests.stage.conftest import Change, SharedStage, deployed, every_home_needs
from tests.stage.home import Home
from tests.stage.test_firewall import wait_until

TSIG = base64.b64encode(os.urandom(32)).decode()
HOOK = "/usr/local/sbin/dns-hook"
LIVE = f"{paths.ACME_FOLDER}/live/hotshoe"
RENEW, INSTALL_NOW = f"{paths.ACME} renew", f"{paths.ACME} install --now"
# Another authority, whose own HTTPS is verified by a file. On a stage another one takes its place,
# since by this one it could not be.
BY_DNS = (
    "certificate: {issuer: letsencrypt, directory: 'https://ca.example.org:8443/acme', "
    "ca_bundle: /etc/ssl/certs/ca-certificates.crt, challenge: dns-01, server: 203.0.113.53, "
    "key_name: hotshoe, propagation_seconds: 1}"
)


def saying(certificate: str) -> Change:
    return lambda said: re.sub(r"(?m)^certificate: .*", certificate, said)


def with_key(said: str) -> str:
    return f"{every_home_needs(said)}acme_secret: {TSIG}\n"


@pytest.fixture
def by_http(stage: SharedStage) -> Home:
    """HTTP-01 through two routers, each with NAT; Debian 13."""
    return stage.home("acme-http", partial(deployed, "test-acme-http", "13", "letsencrypt"))


@pytest.fixture
def by_dns(stage: SharedStage) -> Home:
    """DNS-01 by RFC 2136; Debian 12."""
    make = partial(deployed, "test-acme-dns", "12", "letsencrypt", saying(BY_DNS), vault=with_key)
    return stage.home("acme-dns", make)


def served(home: Home, node: str = CAMERA) -> str:
    """The serial number of the certificate that a client is shown, verified by its root alone."""
    plan = home.server_plan
    # It may just restart.
    home.wait_until_it_listens()
    show = (
        f"openssl s_client -connect {plan.hostname}:{plan.control_port} -starttls ftp "
        "-CAfile /root/ROOT.CRT -verify_return_error -verify_hostname "
        f"{plan.hostname} </dev/null 2>/dev/null | openssl x509 -noout -serial"
    )
    return home.sh(node, show).strip()


def lineage(home: Home) -> str:
    """The serial number of the last certificate that certbot got."""
    return home.sh(home.server, f"openssl x509 -noout -serial -in {LIVE}/cert.pem").strip()


def journal(home: Home) -> str:
    return home.sh(home.server, "journalctl --quiet --output=cat --identifier=hotshoe-acme")


class TestGetting:
    def test_by_http_through_two_nats(self, by_http: Home) -> None:
        assert served(by_http) == served(by_http, LAPTOP) == lineage(by_http)
        chain = by_http.sh(by_http.server, f"grep -c BEGIN {paths.CERTIFICATE}")
        assert chain.strip() == "3"  # the key, the certificate and its issuer's
        text = by_http.sh(by_http.server, f"openssl x509 -noout -text -in {paths.CERTIFICATE}")
        assert "Public-Key: (2048 bit)" in text
        by_http.uploads_work()
        by_http.uploads_work(LAPTOP)

    def test_by_dns(self, by_dns: Home) -> None:
        assert served(by_dns) == lineage(by_dns)
        by_dns.uploads_work()

    def test_after_http_a_second_deploy_changes_nothing(self, by_http: Home) -> None:
        nothing_changes(by_http)

    def test_after_dns_a_second_deploy_changes_nothing(self, by_dns: Home) -> None:
        nothing_changes(by_dns)


def nothing_changes(home: Home) -> None:
    assert home.deploy() == {}
    # A renewed certificate is no drift either, whether it is in use already or not.
    for command in (RENEW, INSTALL_NOW):
        home.sh(home.server, command)
        assert home.would_change() == []


def others(home: Home) -> list[str]:
    """What strangers and neighbours find at port 80: on the Internet and in the LAN."""
    return [
        *home.reach(CAMERA, home.public, 80),
        *home.reach(LAPTOP, home.server_plan.address, 80),
    ]


class TestPort80:
    def test_it_is_open_only_while_certbot_asks(self, by_http: Home) -> None:
        home, listed = by_http, "nft list set inet hotshoe_firewall challenge"
        assert others(home) == ["silent", "silent"]
        home.sh(home.server, f"{paths.ACME} open")
        try:
            # Nobody listens yet, and the answer gets through.
            assert others(home) == ["closed", "closed"]
            assert "expires" in home.sh(home.server, listed), "it closes by itself"
            assert home.would_change() == [], "the rules are as they should be"
        finally:
            home.sh(home.server, f"{paths.ACME} close")
        assert others(home) == ["silent", "silent"]
        home.sh(home.server, RENEW)
        assert others(home) == ["silent", "silent"]
        assert "elements" not in home.sh(home.server, listed)

    def test_dns_opens_no_port(self, by_dns: Home) -> None:
        assert others(by_dns) == ["silent", "silent"]
        assert "challenge" not in by_dns.sh(by_dns.server, "nft list ruleset")
        gateway = by_dns.plan.routers[-1].name
        assert "dport 80 " not in by_dns.sh(gateway, "nft list ruleset")


SLOW = """
cd /root && head -c 1500000 /dev/urandom >slow.bin
for i in 1 2 3 4; do
    curl --silent --show-error --ssl-reqd --cacert ROOT.CRT --disable-epsv --limit-rate 150k \\
        --config user.cfg --upload-file slow.bin ftp://{host}/{name}-$i.JPG &
    all="$all $!"
done
for one in $all; do wait "$one" || exit; done
"""


class TestRenewing:
    def test_uploads_go_on_while_it_is_renewed(self, by_http: Home) -> None:
        home, before = by_http, served(by_http)
        login = f"user = {home.user}:{home.password}"
        home.sh(CAMERA, f"umask 077; echo '{login}' >/root/user.cfg")
        name = f"renewed-{os.urandom(4).hex()}"
        script = SLOW.format(host=home.server_plan.hostname, name=name)
        growing = f"find {paths.PHOTOS}/{home.user} -name '{name}-*' -size +100k | wc -l"
        with ThreadPoolExecutor() as pool:
            uploads = pool.submit(home.sh, CAMERA, script)
            wait_until(lambda: home.sh(home.server, growing).strip() == "4", 30)
            home.sh(home.server, f"{RENEW} && {INSTALL_NOW}")
            after = served(home)
            assert not uploads.done(), "they were under way all the time"
            uploads.result()
        assert after == lineage(home) != before
        for i in range(1, 5):
            assert home.size(f"{name}-{i}.JPG") == 1500000
        home.uploads_work()

    def test_one_that_is_too_young_stays_aside(self, by_http: Home) -> None:
        """A camera whose clock is a day behind would refuse it."""
        home, before = by_http, served(by_http)
        home.sh(home.server, RENEW)
        assert served(home) == before != lineage(home)
        home.sh(home.server, f"{paths.ACME} install")
        home.sh(home.server, "systemctl start hotshoe-acme.service")
        assert served(home) == before
        assert "goes live in 48 hours" in journal(home)
        assert home.deploy() == {}
        # Two days later; and the timer's own run is nothing but this.
        later = (
            "import sys, time; real = time.time; time.time = lambda: real() + 2 * 86400; "
            "from hotshoe_acme.__main__ import main; "
            f"sys.exit(main(['{paths.ACME_CONFIGURATION}', 'run']))"
        )
        home.sh(home.server, f'PYTHONPATH={paths.PACKAGES} python3 -B -c "{later}"')
        assert served(home) == lineage(home) != before

    def test_a_killed_run_is_healed(self, by_http: Home) -> None:
        """The file was replaced, and vsftpd did not restart."""
        home = by_http
        home.sh(home.server, RENEW)
        pair = f"python3 {paths.PAIR} {home.server_plan.hostname} {LIVE}/fullchain.pem"
        new = f"{pair} {LIVE}/privkey.pem >{paths.CERTIFICATE}.killed 2>/dev/null"
        put = f"chmod 600 {paths.CERTIFICATE}.killed; mv {paths.CERTIFICATE}.killed"
        home.sh(home.server, f"{new}; {put} {paths.CERTIFICATE}")
        assert served(home) != lineage(home)
        home.sh(home.server, "systemctl start hotshoe-acme.service")
        assert served(home) == lineage(home)

    @pytest.mark.parametrize(
        "left",
        [
            "rm -r live/hotshoe archive/hotshoe; : >renewal/hotshoe.conf; rm ../acme.obtained",
            "rm renewal/hotshoe.conf ../acme.obtained",
            "rm live/hotshoe/privkey.pem",
        ],
    )
    def test_what_a_killed_certbot_left_is_healed(self, by_http: Home, left: str) -> None:
        """It writes an empty configuration, folders, links and the configuration, one by one."""
        home = by_http
        home.sh(home.server, f"cd {paths.ACME_FOLDER} && {left}; systemctl start hotshoe-acme")
        home.sh(home.server, INSTALL_NOW)
        assert served(home) == lineage(home)
        home.sh(home.server, f"{RENEW} && {INSTALL_NOW}")
        assert served(home) == lineage(home)
        assert home.deploy() == {}

    def test_without_the_authority_the_old_one_stays(self, by_http: Home) -> None:
        home, before = by_http, served(by_http)
        with no_authority(home):
            assert not home.succeeds(home.server, RENEW)
            # As the timer tells it.
            assert not home.succeeds(home.server, RENEW_BY_UNIT)
            assert served(home) == before
            told = home.sh(home.server, "journalctl -q -o cat -p warning --identifier=hotshoe-acme")
            assert "renewing the certificate for photos.example.net failed" in told
            assert "the certificate in use stays; it has" in told
            home.uploads_work()
            assert others(home) == ["silent", "silent"]
        home.sh(home.server, f"{RENEW_BY_UNIT} && {INSTALL_NOW}")
        assert served(home) == lineage(home) != before

    @pytest.mark.parametrize(
        ("damage", "reason"),
        [
            ("openssl genrsa -out {live}/privkey.pem 2048", "the key does not belong to"),
            ("echo garbage >{live}/fullchain.pem", "the chain holds no PEM certificate"),
            ("sed -i --follow-symlinks '/END/q' {live}/fullchain.pem", "the chain is not complete"),
        ],
    )
    def test_a_bad_pair_changes_nothing(self, by_http: Home, damage: str, reason: str) -> None:
        home, before = by_http, served(by_http)
        state = f"sha256sum {paths.CERTIFICATE}; systemctl show -P MainPID hotshoe-vsftpd"
        was = home.sh(home.server, state)
        home.sh(home.server, RENEW)
        keep = "/root/archive.kept"
        archive = f"{paths.ACME_FOLDER}/archive/hotshoe"
        home.sh(home.server, f"rm -rf {keep}; cp -a {archive} {keep}")
        try:
            # certbot's files in live/ are links.
            home.sh(home.server, damage.format(live=LIVE))
            done = home.sh(home.server, f"{INSTALL_NOW} 2>&1; echo $?")
        finally:
            home.sh(home.server, f"rm -rf {archive}; mv {keep} {archive}")
        assert reason in done
        assert "what certbot got is not used, and the certificate in use stays" in done
        assert done.split()[-1] == "1"
        assert home.sh(home.server, state) == was
        assert served(home) == before


# The unit, as its timer starts it, but so that certbot does not wait for its time.
RENEW_BY_UNIT = (
    "mkdir -p /run/systemd/system/hotshoe-acme.service.d && "
    f"printf '[Service]\\nExecStart=\\nExecStart={RENEW}\\n' "
    ">/run/systemd/system/hotshoe-acme.service.d/now.conf && systemctl daemon-reload; "
    "systemctl start hotshoe-acme.service; code=$?; "
    "rm -r /run/systemd/system/hotshoe-acme.service.d; systemctl daemon-reload; (exit $code)"
)


@contextmanager
def no_authority(home: Home) -> Iterator[None]:
    """Nobody answers at the authority's address."""
    rules = "table ip outage { chain input { type filter hook input priority filter; "
    home.sh(INTERNET, f"nft '{rules}tcp dport 443 counter reject with tcp reset; }}; }}'")
    try:
        yield
    finally:
        home.sh(INTERNET, "nft delete table ip outage")


DNS_HOOK = """#!/bin/sh
# Sets the record of a name, or removes it: add NAME VALUE, remove NAME VALUE.
set -e
echo "$1 $2" >>/var/lib/hotshoe-acme/hook.log
case $1 in
    add) change="update add $2 1 TXT $3" ;;
    remove) change="update delete $2 TXT" ;;
esac
printf 'server 198.51.100.254\\nzone %s\\n%s\\nsend\\n' "$2" "$change" | nsupdate
"""
BY_HOOK = f"challenge: dns-01, hook: {HOOK}, propagation_seconds: 1"
BY_MAIL = "email: ann@example.net"


class TestSwitching:
    @pytest.fixture
    def hooked(self, by_http: Home) -> Iterator[Home]:
        home = by_http
        home.sh(home.server, f"cat >{HOOK} <<'.'\n{DNS_HOOK}.\nchmod 755 {HOOK}")
        yield home
        home.sh(home.server, f"rm -f {HOOK} {HOOK}.real")

    def test_a_program_of_the_person_sets_the_record(self, hooked: Home) -> None:
        home, before = hooked, served(hooked)
        gateway = home.plan.routers[-1].name
        assert "dport 80 " in home.sh(gateway, "nft list ruleset")
        with home.saying(BY_MAIL, BY_HOOK):
            assert served(home) == lineage(home) != before
            name = f"_acme-challenge.{home.server_plan.hostname}"
            log = home.sh(home.server, "cat /var/lib/hotshoe-acme/hook.log")
            assert log == f"add {name}\nremove {name}\n"
            assert home.deploy() == {}
            # Renewed by the confined unit as well.
            home.sh(home.server, f"{RENEW_BY_UNIT} && {INSTALL_NOW}")
            assert served(home) == lineage(home)
            assert "dport 80 " not in home.sh(gateway, "nft list ruleset")
            assert "challenge" not in home.sh(home.server, "nft list ruleset")
        assert home.deploy() == {}
        home.uploads_work()

    @pytest.mark.parametrize(
        ("damage", "reason"),
        [
            (f"rm {HOOK}", f"has no program {HOOK}"),
            (f"chmod 644 {HOOK}", f"{HOOK} is no program: it cannot be executed"),
            (f"chmod 775 {HOOK}", f"{HOOK} can be changed by others (owner root, mode 775)"),
            (f"chown nobody {HOOK}", f"{HOOK} can be changed by others (owner nobody, mode 755)"),
            (
                f"mv {HOOK} {HOOK}.real; ln -s {HOOK}.real {HOOK}",
                f"{HOOK} leads to {HOOK}.real by a link",
            ),
            (
                "chmod 777 /usr/local/sbin",
                "/usr/local/sbin can be changed by others (owner root, mode 777)",
            ),
        ],
    )
    def test_a_program_that_others_may_change_is_refused(
        self, hooked: Home, damage: str, reason: str
    ) -> None:
        home = hooked
        mode = home.sh(home.server, "stat -c %a /usr/local/sbin").strip()
        home.sh(home.server, damage)
        try:
            with home.undeployed(BY_MAIL, BY_HOOK):
                assert reason in home.refusal()
        finally:
            home.sh(home.server, f"chmod {mode} /usr/local/sbin")
        assert home.deploy() == {}, "nothing was changed"

    def test_a_port_that_is_taken_is_refused(self, by_http: Home) -> None:
        home = by_http
        home.sh(home.server, "systemd-run --quiet --unit=web python3 -m http.server 80")
        wait_until(lambda: home.succeeds(home.server, "ss -Hltn sport = :80 | grep -q ."), 30)
        try:
            said = home.refusal()
        finally:
            home.sh(home.server, "systemctl stop web")
        assert "port 80 is taken by python3, and there the certificate authority asks" in said

    def test_what_cannot_be_got_now_is_got_later(self, hooked: Home) -> None:
        """The deploy says so and fails; the timer goes on trying."""
        home, before = hooked, served(hooked)
        try:
            with home.undeployed(BY_MAIL, BY_HOOK):
                with no_authority(home):
                    told = home.refusal()
                    assert "getting the certificate for photos.example.net failed" in told
                    assert f"-> check that {HOOK} add _acme-challenge.photos.example.net" in told
                    assert "no certificate yet: everything else is set up" in told
                    assert served(home) == before
                    home.uploads_work()
                home.sh(home.server, "systemctl start hotshoe-acme.service")
                assert served(home) == lineage(home) != before
                assert home.deploy() == {}
        finally:
            home.deploy()

    def test_with_another_issuer_nothing_is_left_behind(self, by_http: Home) -> None:
        home, gateway = by_http, by_http.plan.routers[-1].name
        with home.saying("issuer: letsencrypt, email: ann@example.net", "issuer: own-ca"):
            assert home.deploy() == {}
            own = home.authority.certificate.read_text()
            home.sh(CAMERA, f"cat >/root/own.crt <<'.'\n{own}.")
            show = "openssl s_client -starttls ftp -verify_return_error -CAfile /root/own.crt"
            home.sh(CAMERA, f"{show} -connect {home.server_plan.hostname}:21 </dev/null")
            left = (
                "find /etc /usr/local /var/lib /run -path '*acme*' "
                "-not -path '/var/lib/dpkg/*' -not -path '/etc/letsencrypt/*' "
                "-not -path '*/ca-certificates/*' -not -path '/etc/ssl/*' "
                "-not -path '/run/systemd/*'"
            )
            assert home.sh(home.server, left) == ""
            units = "systemctl list-units --all --plain --no-legend 'hotshoe-acme*'"
            assert home.sh(home.server, units) == ""
            assert "challenge" not in home.sh(home.server, "nft list ruleset")
            assert "dport 80 " not in home.sh(gateway, "nft list ruleset")
            assert others(home) == ["silent", "silent"]
        assert served(home) == lineage(home)
        assert home.deploy() == {}
        assert home.exposure(home.server, "hotshoe-acme.service") < 4
