"""Figures: those of the benchmark, and those that documents repeat."""

import asyncio
import os
import re
import subprocess
import tomllib
from types import SimpleNamespace

import pytest

from benchmarks import delivery, fetching, hosts, planning, relay, stopwatch
from benchmarks.figures import Figure, Round, compare
from benchmarks.stopwatch import Run
from hotshoe.debian import authority, renewal
from hotshoe.plan import derivation
from hotshoe.ports.allocation import SESSIONS_PER_CAMERA, ports_needed
from hotshoe.secrets import delivery_keys, load_secrets
from hotshoe.site.model import Site
from hotshoe.site.reading import load_site
from roles import transport
from roles.base import operations
from roles.openwrt import operations as openwrt
from tests.conftest import PROJECT
from tests.homes import plan_of


def _run(seconds: float) -> Run:
    return Run(seconds, seconds / 2, 50_000_000, "")


def test_a_ratio_compares_only_what_ran_side_by_side():
    # The machine was three times slower in the last two rounds; Ansible took ten times as long.
    rounds = [Round(_run(s), _run(10 * s)) for s in (1, 3, 3)]
    figures = {figure.name: figure for figure in compare("noop", rounds)}
    assert figures["noop_deploy_vs_ansible"] == ("noop_deploy_vs_ansible", 10, "times")
    assert figures["noop_deploy_hotshoe"].value == 3
    assert figures["noop_cpu_ansible"].value == 15
    assert figures["noop_peak_memory_hotshoe"] == ("noop_peak_memory_hotshoe", 50, "MB")


def test_a_figure_is_one_line_of_name_value_unit():
    assert str(Figure("stage_up", 2.3456, "seconds")) == "stage_up 2.35 seconds"
    assert str(Figure("upload_throughput", 1234.5, "MB/s")) == "upload_throughput 1234 MB/s"
    assert str(Figure("noop_ssh_commands_per_host", 1, "commands")).split() == [
        "noop_ssh_commands_per_host",
        "1",
        "commands",
    ]


def test_the_homes_that_a_plan_is_timed_with_make_sense():
    for routers, cameras in ((planning.ROUTERS, planning.CAMERAS), (1, 1)):
        home = planning.home(routers, cameras)
        plan = plan_of(Site.model_validate(home | {"servers": [home.pop("server")]}))
        assert len(plan.routers) == routers
        assert len(plan.servers[0].cameras) == cameras


def test_the_home_of_many_hosts_makes_sense_and_its_vault_opens(tmp_path, monkeypatch):
    monkeypatch.delenv("ANSIBLE_VAULT_PASSWORD_FILE", raising=False)
    monkeypatch.chdir(PROJECT)
    files = hosts.write_project(tmp_path / "project", hosts.home(hosts.MOST_HOSTS))
    site = load_site(files)
    plan = plan_of(site)
    assert len(plan.servers) + len(plan.routers) == hosts.MOST_HOSTS
    assert all(len(server.cameras) == 1 for server in plan.servers)
    secrets = load_secrets(files, site)
    assert len({*secrets.camera_passwords.values()}) == len(plan.servers)
    assert not secrets.demo


def test_the_homes_that_deliver_make_sense():
    key = delivery_keys.sftp_key("of a test", "peer", "home")
    for scenario in delivery.SCENARIOS:
        home = delivery.home(key, scenario)
        plan = plan_of(Site.model_validate(home | {"servers": [home.pop("server")]}))
        pushes = plan.servers[0].pushes
        assert [(p.order, p.bytes_per_second) for p in pushes] == [
            (scenario.order, scenario.limit)
        ] * scenario.destinations
    assert {each.order for each in delivery.SCENARIOS} == {"oldest", "newest"}


def test_the_home_that_fetches_makes_sense():
    home = fetching.home()
    plan = plan_of(Site.model_validate(home | {"servers": [home.pop("server")]}))
    assert [each.to for each in plan.servers[0].fetchers] == ["192.168.1.20:/srv/photos"]


def test_what_is_delivered_is_read_from_the_journal():
    said = """\
[ 1234.500000] darkroom hotshoe-delivery[77]: desk: r5/day/a b.JPG is delivered, 5000 bytes
[ 1235.000000] darkroom hotshoe-delivery[77]: shelf: nothing is delivered there: its disk is full.
[12346.250000] darkroom hotshoe-delivery[77]: shelf: r5/day/2.JPG is delivered, 5000 bytes
"""
    assert delivery.read_journal(said) == [
        (1234.5, "desk", "r5/day/a b.JPG"),
        (12346.25, "shelf", "r5/day/2.JPG"),
    ]


@pytest.mark.parametrize(
    ("went", "order", "right"),
    [
        ("123456", "oldest", True),
        ("312645", "oldest", True),
        # The fourth begins only once one of the first three is there.
        ("412356", "oldest", False),
        ("654321", "newest", True),
        ("465321", "newest", True),
        ("123456", "newest", False),
        ("365421", "newest", False),
    ],
)
def test_an_order_that_three_at_a_time_cannot_have_is_noticed(went, order, right):
    assert (delivery.why_not_in_order(went, "123456", order) == "") is right


def test_deliveries_are_compared_within_their_round():
    # The machine was twice as slow in the last two rounds.
    rounds = [
        delivery.Round(
            upload=20e6 * m,
            delivery=4e6 * m,
            sftp=5e6 * m,
            sent=5e6 * m,
            upload_beside=10e6 * m,
            sent_beside=4e6 * m,
        )
        for m in (1, 0.5, 0.5)
    ]
    scenario = delivery.Scenario("home", 5_000_000, 25_000_000, limit=2_500_000)
    figures = {each.name: each.value for each in delivery.figures_of(scenario, rounds)}
    assert figures["delivery_home_vs_sftp"] == pytest.approx(0.8)
    assert figures["delivery_home_vs_line"] == pytest.approx(0.4)
    assert figures["upload_beside_delivery_home_vs_alone"] == pytest.approx(0.5)
    assert figures["delivery_beside_upload_home_vs_alone"] == pytest.approx(0.8)
    assert figures["sent_home_vs_limit"] == pytest.approx(1)


def test_fetches_are_compared_with_the_line_and_with_what_sftp_gets():
    rounds = [fetching.Round(fetch=20e6 * m, sftp=25e6 * m) for m in (1, 0.5, 0.5)]
    figures = {each.name: each.value for each in fetching.figures_of(rounds)}
    assert figures == {
        "fetch_event_vs_sftp": pytest.approx(0.8),
        "fetch_event_vs_line": pytest.approx(0.4),
        "sftp_get_event_vs_line": pytest.approx(0.5),
        "fetch_event": pytest.approx(10),
    }


def test_the_journal_tells_when_a_photo_was_fetched():
    said = """\
[ 1234.500000] darkroom hotshoe-delivery[77]: nas: r5/day/a b.JPG is fetched
[12346.250000] darkroom hotshoe-delivery[77]: nas: nothing is fetched: the disk there is full.
"""
    assert fetching.read_journal(said) == [1234.5]


def test_round_trips_are_those_beyond_a_single_ssh_command():
    near = [(_run(1.2), _run(1.0))] * 3
    # 0.45 s more for nine round trips of hotshoe, 0.35 s for seven of pyinfra alone.
    far = [(_run(1.65), _run(1.35))] * 3
    assert hosts._round_trips_beyond(near, far) == pytest.approx(2)
    figures = {figure.name: figure.value for figure in hosts._one_host("one", far)}
    assert figures["one_vs_floor"] == pytest.approx(1.65 / 1.35)


def test_what_takes_a_long_way_arrives_whole_and_in_its_order():
    sent = [bytes([number]) * 50_000 for number in range(20)]
    arrived: list[bytes] = []

    async def send() -> None:
        reader = asyncio.StreamReader()
        writer = SimpleNamespace(
            write=arrived.append,
            drain=lambda: asyncio.sleep(0),
            write_eof=lambda: arrived.append(b""),
        )
        due = asyncio.Queue()
        both = asyncio.gather(relay.collect(reader, due, 0, 0), relay.deliver(due, writer))
        for piece in sent:
            reader.feed_data(piece)
            await asyncio.sleep(0)
        reader.feed_eof()
        await both

    asyncio.run(send())
    assert b"".join(arrived) == b"".join(sent)
    assert arrived[-1] == b""


def test_memory_is_that_of_all_processes_with_the_mark_of_a_run():
    """Also of those that their parents have left."""
    known: set[str] = set()
    script = "sleep 60 >/dev/null 2>&1 & echo $!"
    environment = {**os.environ, "HOTSHOE_BENCHMARK_RUN": "this"}
    started = subprocess.run(
        ["sh", "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    left = int(started.stdout)
    try:
        assert stopwatch._shared_out(b"HOTSHOE_BENCHMARK_RUN=this", known) > 10_000
        assert known == {str(left)}
        assert stopwatch._shared_out(b"HOTSHOE_BENCHMARK_RUN=another", set()) == 0
    finally:
        os.kill(left, 9)


WORDS = {6: "six", 8: "eight", 30: "half a minute", 60: "a minute", 90: "a minute and a half"}
WORDS[1800] = "half an hour"
REPEATED = {
    "README.md": [
        f"certificate lasts {authority.SERVER_DAYS} days, and any deploy "
        f"in its last {renewal.RENEW_DAYS} ",
        f"They have {WORDS[derivation.LOGIN_SECONDS]} to log in",
        f"New firewall rules take effect for {WORDS[operations.ROLLBACK_SECONDS]} (on OpenWrt, the "
        f"whole new configuration for {WORDS[openwrt.ROLLBACK_SECONDS]})",
    ],
    "docs/site.md": [
        f"one camera needs {ports_needed(1)}, ten need {ports_needed(10)}, for "
        f"{WORDS[SESSIONS_PER_CAMERA]} transfers of each at once; with fewer, down to "
        f"{WORDS[ports_needed(1, 1)]} a camera, a warning says how many transfers that leaves",
        f"a change is then noticed within {WORDS[derivation.ADDRESS_SECONDS]}.",
    ],
    "docs/hosts.md": [
        f"by itself: {WORDS[openwrt.ROLLBACK_SECONDS]} later at most, or at the next boot",
    ],
    "docs/limits.md": [
        f"opens {derivation.CONTROL_CONNECTIONS_PER_MINUTE} control connections a minute for each "
        f"camera and {derivation.CONTROL_CONNECTIONS_PER_MINUTE} more;",
        f"ports first: {derivation.DATA_CONNECTIONS_AT_ONCE} of them, then "
        f"{WORDS[derivation.DATA_CONNECTIONS_PER_MINUTE]} a minute, from each address;",
        f"is given up after {transport.KEEPALIVE_TIMEOUT} to "
        f"{transport.KEEPALIVE_TIMEOUT + transport.KEEPALIVE_INTERVAL} seconds, and a command that "
        f"never ends after {WORDS[transport.COMMAND_TIMEOUT]}.",
    ],
    "CHANGELOG.md": [
        f"At least {derivation.SESSIONS} sessions, {derivation.SESSIONS_PER_ADDRESS} from one "
        f"address; those that do not log in within {WORDS[derivation.LOGIN_SECONDS]}",
        f"of a camera that has more than {WORDS[SESSIONS_PER_CAMERA]}.",
    ],
}


@pytest.mark.parametrize(("document", "said"), [(d, s) for d in REPEATED for s in REPEATED[d]])
def test_a_figure_that_a_document_repeats_is_that_of_the_code(document, said):
    assert said in re.sub(r"\s+", " ", (PROJECT / document).read_text())


def test_the_changelog_begins_with_the_version_of_the_package():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    newest = re.search(r"^## \[([\d.]+)\] - (\S+)$", (PROJECT / "CHANGELOG.md").read_text(), re.M)
    assert newest
    version, date = newest.groups()
    assert project["version"] == (f"{version}.dev0" if date == "unreleased" else version)
