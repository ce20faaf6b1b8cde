"""What pull mode is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotshoe.errors import HotshoeError, SiteError
from hotshoe.gitops.pull.places import Places
from hotshoe.gitops.pull.settings import make_settings, read_settings
from hotshoe.gitops.pull.state import State, Trouble, read_state, write_state


@pytest.mark.parametrize(
    "repository",
    [
        "/srv/git/homes.git",
        "file:///srv/git/homes.git",
        "ssh://git@forge.example.net:2222/ann/homes.git",
        "git@forge.example.net:ann/homes.git",
        "https://forge.example.net/ann/homes.git",
    ],
)
def test_repositories(repository: str) -> None:
    assert make_settings(repository=repository).repository == repository


@pytest.mark.parametrize(
    ("said", "key", "remedy"),
    [
        # Who is on the way could hold new commits back, or read the Site.
        ({"repository": "http://forge.example.net/homes"}, "repository", "write ssh://HOST/PATH"),
        ({"repository": "ext::sh -c id"}, "repository", "write ssh://HOST/PATH"),
        ({"repository": "--upload-pack=id"}, "repository", "write ssh://HOST/PATH"),
        ({"repository": "-oProxyCommand=id:x"}, "repository", "write ssh://HOST/PATH"),
        ({"repository": "homes"}, "repository", "write ssh://HOST/PATH"),
        ({"repository": "ssh://[::1/homes.git"}, "repository", "write ssh://HOST/PATH"),
        ({"branch": "--force"}, "branch", "write the name of a branch"),
        ({"branch": "a:b"}, "branch", "write the name of a branch"),
        ({"testing": "--force"}, "testing", "write the name of a branch, such as testing"),
        ({"testing": "main"}, "testing", "name another branch"),
        ({"branch": "live", "testing": "live"}, "testing", "name another branch"),
        ({"sites": ("--all",)}, "sites", "'--all' is not the name of a Site"),
        ({"sites": ()}, "sites", "name a Site"),
        ({"every": "often"}, "every", "such as 90s, 5min or 1h"),
        ({"every": "0s"}, "every", "such as 90s, 5min or 1h"),
        ({"check_from": "outside"}, "check_from", "write ssh://HOST"),
        ({"check_from": "ssh://-oProxyCommand=id"}, "check_from", "write ssh://HOST"),
        ({"hook": "tell"}, "hook", "write the whole path"),
        ({"hook": "/usr/local/sbin/hotshoe-tell"}, "hook", "call it otherwise"),
        ({"hook": "/etc/hotshoe/tell"}, "hook", "call it otherwise"),
        ({"hook_user": "root;id"}, "hook_user", "the name of a user"),
        ({"unknown": 1}, "unknown", "not permitted"),
    ],
)
def test_what_makes_no_sense_is_refused(said: dict[str, object], key: str, remedy: str) -> None:
    with pytest.raises(SiteError) as refusal:
        make_settings(**{"repository": "/srv/homes.git"} | said)
    (problem,) = refusal.value.problems
    assert problem.key == key
    assert remedy in problem.remedy


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(SiteError) as refusal:
        make_settings(repository="https://ann:geheim@forge.example.net/homes.git")
    assert "use an SSH key" in str(refusal.value)
    assert "geheim" not in str(refusal.value)


@pytest.mark.parametrize(
    "name", ["/usr/local/sbin/tell", "/usr/local/sbin/hotshoe-pull-tell", "/opt/hotshoe-tell"]
)
def test_a_hook_that_no_deploy_removes_is_taken(name: str) -> None:
    assert str(make_settings(repository="/srv/homes.git", hook=name).hook) == name


@pytest.mark.parametrize(("every", "delay"), [("1s", 0), ("90s", 9), ("5min", 30), ("1h", 360)])
def test_boxes_do_not_look_all_at_once(every: str, delay: int) -> None:
    assert make_settings(repository="/srv/homes.git", every=every).delay == delay


def test_without_pull_mode_the_message_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(HotshoeError, match="not installed on this computer\n    -> hotshoe pull"):
        read_settings(Places(tmp_path))


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"repository": "nowhere"}', b"", b"\xff"])
def test_damaged_settings_are_told(tmp_path: Path, text: bytes) -> None:
    places = Places(tmp_path)
    places.configuration.mkdir(parents=True)
    places.settings.write_bytes(text)
    with pytest.raises(HotshoeError, match=r"settings\.json"):
        read_settings(places)


def test_what_is_remembered_is_read_back(tmp_path: Path) -> None:
    state = State("a" * 40, "b" * 40, troubles={"refused": Trouble("no", "c" * 40, 1.5)})
    write_state(tmp_path / "state.json", state)
    assert read_state(tmp_path / "state.json") == state
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("text", ["", "{", '{"trusted": 1}'])
def test_a_damaged_memory_trusts_nothing(tmp_path: Path, text: str) -> None:
    """To begin anew by itself would trust a history that was rewound."""
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(HotshoeError, match=r"is damaged.*\n    -> remove it"):
        read_state(tmp_path / "state.json")
