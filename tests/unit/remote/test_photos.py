"""What has come in on servers: how they are asked, and what their answers mean."""

from __future__ import annotations

from hotshoe.remote.events import Kind
from hotshoe.remote.photos import Lately, ask, follow, read_present
from hotshoe.remote.ssh import Host, RemoteError
from hotshoe_delivery.library import ASIDE
from tests.unit.remote.conftest import CELLAR as CELLAR_ADDRESS
from tests.unit.remote.journal import line

ATTIC, CELLAR = (
    Host("attic", "192.168.1.10", "root", 22),
    Host("cellar", CELLAR_ADDRESS, "root", 22),
)


def test_the_latest_comes_last_and_what_is_there_is_known(programs, tmp_path):
    (tmp_path / "IMG_0001.JPG").touch()
    (tmp_path / "a link").symlink_to(tmp_path / "IMG_0001.JPG")
    paths = [str(tmp_path / name) for name in ("gone\nfor good", "a link", "IMG_0001.JPG")]
    told = [line(-i, EVENT="library", PATH=path) for i, path in enumerate(paths)]
    folder = programs("\n".join(told))
    ((host, answer),) = ask([ATTIC], "yesterday", 3)
    assert host is ATTIC
    assert isinstance(answer, Lately)
    assert [event.path for event in answer.events] == paths[::-1]
    assert answer.present == {str(tmp_path / "IMG_0001.JPG")}
    asked = (folder / "asked").read_text().splitlines()
    assert {"--reverse", "--since=yesterday", "--lines=3", "_UID=995"} <= set(asked)
    assert "HOTSHOE_EVENT=arriving" not in asked


def test_a_photo_that_retention_is_about_to_remove_is_there_still(programs, tmp_path):
    (tmp_path / f"{ASIDE}IMG_0001.JPG").touch()
    path = str(tmp_path / "IMG_0001.JPG")
    programs(line(EVENT="library", PATH=path))
    ((_, answer),) = ask([ATTIC], None, None)
    assert isinstance(answer, Lately)
    assert answer.present == {path}


def test_a_server_that_cannot_be_reached_keeps_no_other_from_answering(programs):
    programs(line(EVENT="full"))
    (_, unreachable), (_, answer) = ask([CELLAR, ATTIC], None, None)
    assert isinstance(unreachable, RemoteError)
    assert isinstance(answer, Lately)


def test_what_arrives_is_told_with_its_camera():
    answer = (
        b"/srv/hotshoe/library/r5/x.JPG\0\0"
        b"20.5 30 /srv/hotshoe/a7/arriving/2/b \n.JPG\0"
        b"10.5 7 /srv/hotshoe/r5/arriving/1/a.JPG\0"
    )
    present, arriving = read_present(answer)
    assert present == {"/srv/hotshoe/library/r5/x.JPG"}
    assert [(event.camera, event.name, event.size) for event in arriving] == [
        ("r5", "a.JPG", 7),
        ("a7", "b \n.JPG", 30),
    ]


def test_nothing_may_be_there():
    assert read_present(b"\0") == (frozenset(), ())


def test_events_come_until_the_last_server_is_gone(programs):
    programs("\n".join([line(EVENT="arriving"), line(EVENT="nonsense"), line(EVENT="library")]))
    ready: list[Host] = []
    told = list(follow([ATTIC, CELLAR], ready.append))
    assert ready == [ATTIC]
    events = [what for host, what in told if host is ATTIC]
    assert [event.kind for event in events[:-1]] == [Kind.ARRIVING, Kind.LIBRARY]
    assert isinstance(events[-1], RemoteError)
    assert [type(what) for host, what in told if host is CELLAR] == [RemoteError]
