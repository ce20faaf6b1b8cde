"""A home whose public address changes: no photo is lost, and nothing untrue is published."""

from __future__ import annotations

import base64
import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import pytest

from hotshoe import paths
from hotshoe.stage import actions, internet, podman
from hotshoe.stage.topology import CAMERA, INTERNET, LAPTOP
from tests.lookout import MARKED, Lookout, vault_text
from tests.stage import warm
from tests.stage.checking import check
from tests.stage.conftest import Change, SharedStage, deployed
from tests.stage.home import Home
from tests.stage.shooting import Shooting
from tests.stage.test_firewall import wait_until

UPDATES = "dyn.example.net"
# What the issue allows between a change and the first photo, on top of the record's TTL.
ALLOWED = 15
CHANGES = 20


def site(ddns: str, router: str = "linux") -> Change:
    """The example's Site, with another way to update the record, and another router."""

    def change(said: str) -> str:
        said = re.sub(r"(?m)^hostname: .*", "hostname: photos.example.net", said)
        said = re.sub(r"(?m)^ddns: .*", f"ddns: {ddns}", said)
        return re.sub(r"managed_by: \w+", f"managed_by: {router}", said, count=1)

    return change


@pytest.fixture
def home(stage: SharedStage) -> Home:
    """A Debian router at the edge; the server updates the record by DynDNS's protocol."""
    ddns = f"{{updated_by: server, provider: dyndns2, username: photographer, server: {UPDATES}}}"
    make = partial(deployed, "test-dynamic", site_name="dynamic", change=site(ddns))
    return settled(stage.home("dynamic", make))


# Each looks like nothing else; a TSIG key is base64 text.
SECRETS = {
    **{name: MARKED[name] for name in ("the password of r5", "the password of a7")},
    "ca_passphrase": MARKED["ca_passphrase"],
    "ddns_secret": MARKED["acme_secret"],
}
SHAPES = {
    # An OpenWrt router, a server with Debian 12 that updates a zone of the person's own.
    "nsupdate": partial(
        deployed,
        "test-dynamic",
        "12",
        "dynamic",
        site(
            "{updated_by: nsupdate, zone: example.net, key_name: hotshoe.example.net, ttl: 30}",
            "openwrt",
        ),
        vault=lambda _: vault_text(SECRETS),
    ),
    # A router that nothing of hotshoe's is on, and a record that somebody else updates.
    "by hand": partial(
        deployed, "test-dynamic", "13", "dynamic", site("{updated_by: none}", "hand")
    ),
}


@pytest.fixture
def shaped(request: pytest.FixtureRequest, stage: SharedStage) -> Home:
    """Other homes whose address changes, by their names in SHAPES."""
    name: str = request.param
    return settled(stage.home(f"dynamic, {name}", SHAPES[name]))


def shape(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("shaped", names, indirect=True)


def settled(home: Home) -> Home:
    """Wait until the home knows its address, whatever the test before this one left."""
    wait_until(lambda: announced(home) == f"{home.public}", 90)
    wait_until(lambda: record(home) == f"{home.public}", 90)
    # The Internet's resolver keeps the old one as long as it may.
    actions.wait_for_name(home.stage)
    return home


def announced(home: Home) -> str:
    """The address that new sessions are given outside."""
    said = home.sh(home.server, f"cat {paths.PUBLIC_ADDRESS}")
    return said.strip().removeprefix("pasv_address=")


def record(home: Home) -> str:
    """Where the name's record leads, by its own name server; no cache is asked."""
    provider = home.stage.provider
    assert provider
    return home.sh(INTERNET, f"dig +short @{provider.name_server} {provider.hostname} A").strip()


def pasv(home: Home, node: str, **order: object) -> str:
    """The address that PASV tells a client."""
    (reply,) = home.ftp(["send", "PASV"], node=node, **order)
    found = re.fullmatch(r"227 .*\((\d+),(\d+),(\d+),(\d+),\d+,\d+\)\.?", reply)
    assert found, reply
    return ".".join(found.groups())


class Journal:
    """What hotshoe-address says from now on."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._since = home.sh(home.server, "date +@%s.%6N").strip()

    def lines(self) -> list[str]:
        script = f"journalctl -q -o cat -u hotshoe-address --since={self._since}"
        return self._home.sh(self._home.server, f"journalctl --sync; {script}").splitlines()

    def wait_for(self, pattern: str, seconds: float = 30) -> str:
        """Wait until a line matches, and return it."""
        found: list[str] = []

        def is_there() -> bool:
            found[:] = [line for line in self.lines() if re.search(pattern, line)]
            return bool(found)

        try:
            wait_until(is_there, seconds)
        except AssertionError:
            raise AssertionError(f"{pattern!r} is not in {self.lines()}") from None
        return found[0]


@contextmanager
def faults(home: Home, said: str, *services: str) -> Iterator[None]:
    """Services on the Internet that have a fault, as hotshoe/stage/provider.py describes them."""
    folder = f"{internet.FOLDER}/faults"
    for service in services:
        podman.execute(
            home.stage.container(INTERNET),
            *("sh", "-c", f"cat >{folder}/{service}"),
            input_text=said,
        )
    try:
        yield
    finally:
        home.sh(INTERNET, f"rm -f {' '.join(f'{folder}/{service}' for service in services)}")


def sources(home: Home) -> list[str]:
    assert home.server_plan.follower
    return [urlsplit(url).hostname or "" for url in home.server_plan.follower.sources]


def look(home: Home) -> None:
    """Have the server look at once, and forget what failed."""
    home.sh(home.server, "systemctl reload hotshoe-address")


# -- it works


def test_the_name_leads_to_the_home_and_photos_arrive(home: Home) -> None:
    assert home.sh(CAMERA, f"getent ahostsv4 {home.plan.hostname}").split()[0] == f"{home.public}"
    assert pasv(home, CAMERA) == f"{home.public}"
    home.uploads_work(CAMERA)


def test_a_second_deploy_changes_nothing_before_and_after_a_change(home: Home) -> None:
    assert home.would_change() == []
    before = home.public
    home.stage.change_address()
    settled(home)
    assert home.public != before
    assert home.would_change() == []
    assert home.deploy() == {}
    assert announced(home) == record(home) == f"{home.public}"


def test_lan_and_wan_clients_get_what_they_can_use_in_the_same_minute(home: Home) -> None:
    inside = f"{home.server_plan.address}"
    with ThreadPoolExecutor() as pool:
        wan = pool.submit(pasv, home, CAMERA)
        lan = pool.submit(pasv, home, LAPTOP, dial=inside)
        hairpin = pool.submit(pasv, home, LAPTOP)
        assert [wan.result(), lan.result(), hairpin.result()] == [
            f"{home.public}",
            inside,
            f"{home.public}",
        ]
    home.uploads_work(CAMERA)
    home.uploads_work(LAPTOP)
    # A router without hairpin: who dials the server's own address needs none.
    table = "hotshoe_forwards"
    home.sh(
        home.router, f"nft add chain inet {table} off '{{ type filter hook forward priority 1; }}'"
    )
    home.sh(home.router, f"nft add rule inet {table} off iifname eth1 oifname eth1 drop")
    try:
        name = f"no-hairpin-{time.time_ns()}.JPG"
        assert home.ftp(["stor", name, 10], node=LAPTOP, dial=inside)[0].startswith("226")
    finally:
        home.sh(home.router, f"nft delete chain inet {table} off")


def test_four_cameras_lose_no_photo_in_twenty_changes(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    # An address may open thirty control connections a minute.
    network = home.stage.node(CAMERA).ports[0].address
    more = [f"{network.network[n]}" for n in (5, 6)]
    home.sh(CAMERA, "".join(f"ip address replace {each}/29 dev eth0; " for each in more))
    took: list[float] = []
    shooting = Shooting(home, [f"{network.ip}", *more])
    try:
        shooting.wait_for_everybody(home.public, 0, 30)
        with ThreadPoolExecutor() as pool:
            deploys = []
            for number in range(CHANGES):
                if number % 6 == 2:
                    deploys.append(pool.submit(home.deploy))
                changed = time.monotonic()
                home.stage.change_address()
                took.append(shooting.wait_for_first(home.public, changed, 60) - changed)
            shooting.wait_for_everybody(home.public, changed, 60)
            # None of them fought what the server knows, or counted it as drift.
            assert [each.result() for each in deploys] == [{}] * len(deploys)
    finally:
        shooting.end()
    arrived = {each.photo for each in shooting.tries if not each.problem}
    lost = shooting.lost()
    with capsys.disabled():
        print(
            f"\n{len(took)} changes of the public address: the first photo by the new one after "
            f"{min(took):.1f} to {max(took):.1f} s (TTL {internet.TTL} s); "
            f"{len(arrived)} photos arrived, {len(lost)} lost"
        )
    assert lost == set()
    assert max(took) <= internet.TTL + ALLOWED
    # PASV never told an address that is not the one that was dialled.
    wrong = [t for t in shooting.tries if not t.problem and t.announced != t.address]
    assert wrong == []


# -- what must not be believed

HTML = "status 200 <html><title>Welcome</title>203.0.113.99</html>"
UNFIT = {
    "shut": ("shut", r"stays: no two sources agree"),
    "captive": (HTML, r"stays: no two sources agree.*not an address and nothing else"),
    "redirect": ("redirect https://portal.example/", r"stays: no two sources agree"),
    "empty": ("status 200", r"stays: no two sources agree.*not an address"),
    "error": ("status 503 203.0.113.99", r"stays: no two sources agree"),
    "private": ("status 200 192.168.7.7", r"stays: the sources see 192.168.7.7.*private"),
    "carrier": ("status 200 100.64.7.7", r"stays: the sources see 100.64.7.7.*carrier-grade NAT"),
    "ds-lite": ("status 200 192.0.0.2", r"stays: the sources see 192.0.0.2.*DS-Lite"),
    "reserved": ("status 200 240.0.0.1", r"stays: the sources see 240.0.0.1.*reserved"),
    "another": ("status 200 9.9.9.9", r"stays: the router's WAN address is .* see 9.9.9.9"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_the_sources_say_is_not_believed_and_nothing_changes(home: Home, name: str) -> None:
    fault, message = UNFIT[name]
    before, journal = f"{home.public}", Journal(home)
    with faults(home, fault, *sources(home)):
        look(home)
        journal.wait_for(message)
        assert announced(home) == record(home) == before
        home.uploads_work(CAMERA)
    look(home)
    journal.wait_for("is the public address, without doubt")


@pytest.mark.parametrize("fault", ["shut", HTML, "status 200 9.9.9.9"])
def test_one_source_that_lies_or_is_shut_down_stops_nothing(home: Home, fault: str) -> None:
    for source in sources(home)[:2]:
        with faults(home, fault, source):
            home.stage.change_address()
            settled(home)


def test_two_sources_that_do_not_agree_change_nothing(home: Home) -> None:
    before, journal = f"{home.public}", Journal(home)
    one, another, third = sources(home)
    with faults(home, "status 200 9.9.9.9", one), faults(home, "shut", third):
        look(home)
        said = journal.wait_for("stays: no two sources agree")
        assert "9.9.9.9" in said
        assert another in said
        assert announced(home) == record(home) == before
    look(home)
    settled(home)


def test_carrier_grade_nat_is_said_and_nothing_is_published(home: Home) -> None:
    before, journal = f"{home.public}", Journal(home)
    wan = home.stage.change_address(carrier_grade_nat=True)
    said = journal.wait_for(rf"{before} stays: .*{wan.home.ip}.*carrier-grade NAT")
    assert "Ask the provider for a public address" in said
    look(home)
    assert announced(home) == record(home) == before
    # Not once for each look.
    look(home)
    time.sleep(2)
    assert len([line for line in journal.lines() if "stays" in line]) == 1
    home.stage.change_address()
    settled(home)
    home.uploads_work(CAMERA)


# -- what the provider of the name says

# Of each answer what the journal says.
REFUSALS = {
    "status 401 badauth": r"does not accept the username or the password \(badauth\)",
    "status 200 abuse": r"has blocked photos.example.net for too many updates \(abuse\)",
    "status 200 nohost": r"photos.example.net is no name of this account \(nohost\)",
}
TROUBLES = {
    "status 200 911": r"has a fault of its own \(911\)",
    HTML: r"answers what is not its protocol",
    "redirect https://portal.example/": r"answers what is not its protocol",
    "status 503": r"has a fault of its own \(HTTP 503\)",
    "shut": r"has no certificate that this host trusts",
}


def test_a_refused_update_waits_for_a_person_and_is_sent_anew_then(home: Home) -> None:
    before, journal = f"{home.public}", Journal(home)
    with faults(home, next(iter(REFUSALS)), UPDATES):
        home.stage.change_address()
        for fault, message in REFUSALS.items():
            with faults(home, fault, UPDATES):
                look(home)
                place = rf"is not at {home.public} until a person corrects something: {UPDATES}"
                journal.wait_for(f"{place}.* {message}")
                assert record(home) == before
        # Whoever knows the new address may use it.
        assert announced(home) == pasv(home, CAMERA, dial=f"{home.public}") == f"{home.public}"
    assert home.secrets.ddns_secret
    assert home.secrets.ddns_secret not in "".join(journal.lines())
    look(home)
    settled(home)


def test_an_update_that_fails_is_sent_again_by_itself(home: Home) -> None:
    before, journal = f"{home.public}", Journal(home)
    with faults(home, "status 503", UPDATES):
        home.stage.change_address()
        for fault, message in TROUBLES.items():
            with faults(home, fault, UPDATES):
                look(home)
                place = rf"is not at {home.public} yet; it is tried again: {UPDATES}"
                journal.wait_for(f"{place}.* {message}")
                assert record(home) == before
        assert announced(home) == f"{home.public}"
    settled(home)


@pytest.mark.fault
def test_a_check_names_an_update_that_is_refused(home: Home) -> None:
    journal = Journal(home)
    with faults(home, "status 401 badauth", UPDATES):
        home.stage.change_address()
        look(home)
        journal.wait_for("badauth")
        checked = check(home, "--quick")
    look(home)
    settled(home)
    assert checked.faults[:1] == [("DDNS_FAILING", home.server)], checked


@pytest.mark.fault
def test_a_check_names_carrier_grade_nat(home: Home) -> None:
    journal = Journal(home)
    home.stage.change_address(carrier_grade_nat=True)
    journal.wait_for("carrier-grade NAT")
    checked = check(home, "--quick")
    home.stage.change_address()
    settled(home)
    assert checked.faults[:1] == [("WAN_SHARED", home.router)], checked


# -- what happens to the server


def test_without_network_and_dns_at_boot_the_last_address_stays(home: Home) -> None:
    before = f"{home.public}"
    # Nobody resolves a name, and no source is reached.
    home.sh(
        INTERNET,
        "nft add table ip dead; nft add chain ip dead end "
        "'{ type filter hook prerouting priority -300; }'",
    )
    home.sh(INTERNET, "nft add rule ip dead end iifname home0 drop")
    try:
        home.stage.reboot(home.server)
        wait_until(lambda: home.succeeds(home.server, "systemctl is-active hotshoe-address"), 30)
        assert announced(home) == before
        home.wait_until_it_listens()
        assert pasv(home, LAPTOP, dial=f"{home.server_plan.address}")
        home.stage.change_address()
        time.sleep(3)
        assert announced(home) == before
    finally:
        home.sh(INTERNET, "nft delete table ip dead")
    settled(home)
    home.uploads_work(CAMERA)


def test_it_follows_whenever_it_was_killed(home: Home) -> None:
    for pause in (0, 0.1, 0.3, 1):
        home.stage.change_address()
        time.sleep(pause)
        home.sh(
            home.server, "systemctl kill -s KILL hotshoe-address; systemctl restart hotshoe-address"
        )
        settled(home)


def test_a_rebooted_router_has_the_address_of_now_and_tells_it(home: Home) -> None:
    home.stage.change_address()
    home.stage.reboot(home.router)
    settled(home)
    home.uploads_work(CAMERA)


def test_an_address_that_flaps_ends_where_it_is(home: Home) -> None:
    for _ in range(6):
        home.stage.change_address()
        time.sleep(0.2)
    settled(home)
    home.uploads_work(CAMERA)


def test_it_goes_with_the_setting(home: Home) -> None:
    said = (home.project / "group_vars" / "dynamic.yml").read_text()
    (ddns,) = re.findall(r"(?m)^ddns: .*\n", said)
    with home.saying(f"public_address: dynamic\n{ddns}", f"public_address: {home.public}\n"):
        for path in (
            "/etc/hotshoe/address.json",
            paths.PUBLIC_ADDRESS,
            "/usr/local/sbin/hotshoe-update-record",
        ):
            assert not home.succeeds(home.server, f"test -e {path}")
        assert (
            home.sh(
                home.server, "systemctl list-units --all --plain --no-legend 'hotshoe-address*'"
            )
            == ""
        )
        assert (
            home.sh(home.router, "systemctl list-units --all --plain --no-legend 'hotshoe-wan*'")
            == ""
        )
        assert home.would_change() == []
        home.uploads_work(CAMERA)
    settled(home)


# -- other homes


class TestOtherHomes:
    @shape(*SHAPES)
    def test_it_is_followed_and_photos_arrive(self, shaped: Home) -> None:
        home = shaped
        assert home.would_change() == []
        changed = time.monotonic()
        home.stage.change_address()
        settled(home)
        seconds = time.monotonic() - changed
        # Without a router that tells of it, the server looks twice a minute.
        told = ALLOWED if home.server_plan.follower and home.server_plan.follower.router else 60
        assert seconds <= told + (home.plan.ddns.ttl if home.plan.ddns else 0)
        home.uploads_work(CAMERA)
        home.uploads_work(LAPTOP)
        assert home.would_change() == []

    @shape("nsupdate")
    def test_carrier_grade_nat_is_published_by_nobody_who_knows_of_it(self, shaped: Home) -> None:
        home, before = shaped, f"{shaped.public}"
        journal = Journal(home)
        home.stage.change_address(carrier_grade_nat=True)
        journal.wait_for(f"{before} stays: .*carrier-grade NAT")
        assert announced(home) == record(home) == before
        home.stage.change_address()
        settled(home)


@shape("nsupdate")
class TestOwnZone:
    def test_a_wrong_key_is_told_by_name(self, shaped: Home) -> None:
        home, journal = shaped, Journal(shaped)
        before = f"{home.public}"
        home.stage.open_account(base64.b64encode(b"somebody else's key, 32 bytes..").decode())
        try:
            home.stage.change_address()
            said = journal.wait_for(rf"is not at {home.public} until a person corrects something: ")
            assert re.search("BADKEY|BADSIG", said)
            assert SECRETS["ddns_secret"] not in "".join(journal.lines())
            assert record(home) == before
        finally:
            home.stage.open_account(SECRETS["ddns_secret"])
        look(home)
        settled(home)


@shape("nsupdate")
def test_no_command_shows_a_secret_and_none_is_in_a_log(shaped: Home) -> None:
    """On the way to the hosts and on them, also of a deploy that fails and says all that it can."""
    lookout = Lookout(SECRETS)
    told = Told(shaped, lookout)
    gone = "rm /etc/hotshoe/cameras.pwd /etc/hotshoe/server.pem"
    loud = ("--diff", "-vvv", "--debug")
    with lookout.watching():
        shaped.sh(shaped.server, gone)
        assert "cameras.pwd" in told.by(
            "pyinfra", *shaped.stage.pyinfra_arguments(), "--dry", *loud
        )
        told.by("hotshoe", "diff", "dynamic", "--stage", "--json")
        told.by("hotshoe", "drift", "dynamic", "--stage", status=2)
        told.by("pyinfra", *shaped.stage.pyinfra_arguments(), "-y", *loud)
        shaped.sh(shaped.server, gone)
        told.by("hotshoe", "apply", "dynamic", "--stage")
        told.by("hotshoe", "check", "dynamic", "--stage", "--quick")
        told.by("hotshoe", "stage", "upload", "--site=dynamic")
        told.by("hotshoe", "photos", "dynamic", f"--ssh-config={shaped.stage.ssh_config}")
        # No deploy replaces a folder.
        shaped.sh(
            shaped.server, "cd /etc/hotshoe && rm cameras.pwd && mkdir -p cameras.pwd/in-the-way"
        )
        told.by("pyinfra", *shaped.stage.pyinfra_arguments(), "-y", *loud, status=1)
        told.by("hotshoe", "apply", "dynamic", "--stage", status=1)
        shaped.sh(shaped.server, "rm -r /etc/hotshoe/cameras.pwd")
        told.by("hotshoe", "apply", "dynamic", "--stage")
    lookout.look(
        shaped.sh(shaped.server, "journalctl --sync; journalctl --no-pager"), "its journal"
    )
    lookout.look(shaped.sh(shaped.router, "logread"), "the router's log")
    open_to_all = (
        "find / /run /tmp /var/tmp -xdev -newer /etc/hostname -type f -perm /004 -size -99k"
    )
    files = shaped.sh(shaped.server, f"{open_to_all} | xargs -d '\\n' cat | base64")
    lookout.look(base64.b64decode(files), "a file that everybody may read")
    lookout.look_at_files(shaped.project, but=[shaped.project / "photos"])
    assert lookout.found == set()


@dataclass(frozen=True)
class Told:
    """What programs print, looked at."""

    home: Home
    lookout: Lookout

    def by(self, program: str, *arguments: str, status: int = 0) -> str:
        """Run it as a person would, with what pyinfra deploys at its end."""
        words = [*arguments]
        if program == "pyinfra":
            words += [f"inventories/{self.home.stage.site}.py", "deploy.py"]
        done = subprocess.run(
            [warm.program(program), *words],
            cwd=self.home.project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == status, said
        assert "Traceback" not in said
        self.lookout.look(said, f"what {program} {' '.join(arguments)} prints")
        return said
