"""What people have to do about a change of a home at the places that photos are delivered to."""

from __future__ import annotations

import pytest

from hotshoe.gitops.notices import notices
from tests.homes import home
from tests.random_homes import HOST_KEY

FETCH = {"name": "nas", "by": "fetch", "address": "10.0.0.20", "folder": "/srv/photos"}
SFTP = {
    "name": "desk",
    "by": "sftp",
    "address": "10.0.0.30",
    "username": "ann",
    "host_key": HOST_KEY,
}


def told(before, after) -> list[str]:
    return [*notices(before, after, "cabin")]


def test_nothing_is_told_where_nothing_changes():
    same = home(delivery=[FETCH, SFTP])
    assert told(same, same) == []


def test_a_new_sftp_server_has_to_let_the_server_in():
    assert told(home(), home(delivery=[SFTP])) == [
        "desk has to let the server in: by the password in the vault, or by the key that hotshoe "
        "delivery cabin prints"
    ]


def test_a_computer_that_is_left_out_keeps_what_it_has():
    (notice,) = told(home(delivery=[FETCH]), home())
    assert notice.startswith("nas (10.0.0.20) keeps what hotshoe put there")
    assert "deploy with removed: true in that delivery first" in notice


def test_one_whose_delivery_has_another_name_is_not_left_out():
    assert told(home(delivery=[FETCH]), home(delivery=[FETCH | {"name": "attic"}])) == []


@pytest.mark.parametrize(
    ("change", "leaves"), [({"folder": "/srv/more"}, 0), ({"address": "10.0.0.21"}, 1)]
)
def test_another_folder_or_computer_gets_all_photos(change, leaves):
    *left, notice = told(home(delivery=[FETCH]), home(delivery=[FETCH | change]))
    assert len(left) == leaves
    to = "{address}:{folder}".format_map(FETCH | change)
    assert notice.startswith(f"nas: all that is in the library is fetched to {to}, but for")
    assert notice.endswith("what is at 10.0.0.20:/srv/photos stays")


@pytest.mark.parametrize("change", [{"name": "attic"}, {"folder": "/srv/more"}])
def test_one_that_is_set_up_by_hand_needs_its_new_key(change):
    by_hand = FETCH | {"by_hand": True}
    *_, notice = told(home(delivery=[by_hand]), home(delivery=[by_hand | change]))
    name = (by_hand | change)["name"]
    assert notice.endswith(f"needs what hotshoe delivery cabin --fetcher {name} FOLDER writes")


def test_one_that_was_cleaned_before_needs_nothing():
    assert told(home(delivery=[FETCH | {"removed": True}]), home()) == []


def test_a_place_that_gets_no_more_photos_keeps_those_that_it_has():
    assert told(home(delivery=[SFTP]), home()) == ["no more photos go to desk; what is there stays"]


def test_a_retention_is_told_before_it_removes_anything():
    before = home(delivery=[FETCH])
    after = home(delivery=[FETCH], retention={"after_days": 1})
    (notice,) = told(before, after)
    assert notice.endswith("what all of these have is removed after 1 day")
