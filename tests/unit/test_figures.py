"""Figures: those of the benchmark, and those that documents repeat."""

import re
import tomllib

import pytest

from benchmarks import planning
from benchmarks.figures import Figure, Round, compare
from benchmarks.stopwatch import Run
from hotshoe.debian import authority, renewal
from hotshoe.plan import derivation
from hotshoe.ports.allocation import SESSIONS_PER_CAMERA, ports_needed
from hotshoe.site.model import Site
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
