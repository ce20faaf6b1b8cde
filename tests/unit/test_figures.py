"""The benchmark's figures."""

from benchmarks import planning
from benchmarks.figures import Figure, Round, compare
from benchmarks.stopwatch import Run
from hotshoe.site import Site
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
