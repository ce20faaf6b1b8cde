"""Photos are pushed: each once, whole, in order, and whatever happens in between."""

from __future__ import annotations

import hashlib

import pytest

from tests.unit.delivery.conftest import needs_rclone, random_content

pytestmark = needs_rclone


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(params=["webdav", "sftp"])
def peer(request, peers):
    return peers(request.param)


def test_what_is_there_and_what_comes_is_delivered(home, peer):
    old = {f"r5/2026-05-3{n}/IMG_{n}.JPG": random_content(100_000 + n) for n in range(2)}
    for path, content in old.items():
        home.put(path, content, tell=False)
    home.pushes = [peer.push("there")]
    home.begin()
    home.wait_until_delivered("there", 2)
    new = {"a7/2026-06-01/ä b'\"$(x)#%;.ARW": random_content(3_000_000), "a7/empty.JPG": b""}
    for path, content in new.items():
        home.put(path, content)
    home.wait_until_delivered("there", 4)
    peer.wait_until_it_has({path: digest(content) for path, content in (old | new).items()})
    found = home.destination("there")
    assert (found["waiting"], found["error"], found["by"]) == (0, None, peer.by)
