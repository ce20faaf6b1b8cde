"""What a fetcher is told, and what it is believed."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import socket
import threading
from contextlib import ExitStack, suppress

import pytest

from hotshoe_delivery.exchange import Client, RefusedError
from tests.unit.delivery.conftest import until

TO = "192.168.1.20:/srv/photos"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def exchange(home):
    home.fetchers = [
        {"name": "nas", "to": TO, "order": "newest"},
        {"name": "attic", "to": TO, "order": "oldest"},
    ]
    home.begin()
    path = (home.folder / "run").resolve() / "exchange"
    until(path.exists)
    return str(path)


@pytest.fixture
def service(exchange):
    service = Client(exchange, f"nas {TO}")
    yield service
    service.close()


def test_it_waits_until_something_comes(home, service):
    found = []
    waiting = threading.Thread(target=lambda: found.extend(service.tasks(10, 30)))
    waiting.start()
    home.put("IMG_1.JPG", b"photo")
    waiting.join(30)
    assert [task.path for task in found] == ["IMG_1.JPG"]
    assert service.tasks(10, 0) == found


def test_after_its_time_there_is_nothing(service):
    assert service.tasks(10, 0.1) == []


def test_each_has_its_own_order_and_its_own_count(home, service, exchange):
    for n in range(3):
        home.put(f"IMG_{n}.JPG", b"photo %d" % n)
        until(lambda n=n: len(home.status()["photos"]) == n + 1)
    attic = Client(exchange, f"attic {TO}")
    assert [task.path[4] for task in service.tasks(10, 10)] == ["2", "1", "0"]
    tasks = attic.tasks(2, 10)
    assert [task.path[4] for task in tasks] == ["0", "1"]
    assert attic.fetched(tasks[0].id, digest(b"photo 0"), "IMG_0.JPG")
    assert len(attic.tasks(10, 10)) == 2
    assert len(service.tasks(10, 10)) == 3
    attic.close()
    assert home.destination("attic")["delivered"] == 1


def test_a_wrong_digest_is_not_believed_and_told(home, service):
    home.put("IMG_1.JPG", b"photo")
    [task] = service.tasks(1, 30)
    assert not service.right(task.id, digest(b"other"))
    assert not service.fetched(task.id, digest(b"other"), "IMG_1.JPG")
    assert service.right(task.id, digest(b"photo"))
    [photo] = home.status()["photos"]
    nas = next(each for each in photo["deliveries"] if each["destination"] == "nas")
    assert nas["state"] == "waiting"
    assert "not what was sent" in nas["error"]


def test_what_begins_with_a_point_is_no_photo_whoever_tells_of_it(home, service):
    for name in (".profile", "r5/.hotshoe/a.JPG", "IMG_1.JPG"):
        home.put(name, b"photo")
    assert [task.path for task in service.tasks(10, 30)] == ["IMG_1.JPG"]
    assert [photo["path"][-9:] for photo in home.status()["photos"]] == ["IMG_1.JPG"]


@pytest.mark.parametrize("name", ["\u3000.JPG", "a\xa0b.JPG", os.fsdecode(b"\xff.JPG")])
def test_what_it_is_called_there_is_kept_as_it_is(home, service, name):
    """By that name a proof is asked for; an ideographic space is not printable to Python."""
    home.put(name, b"photo")
    [task] = service.tasks(1, 30)
    assert service.fetched(task.id, digest(b"photo"), name)
    [photo] = home.status()["photos"]
    assert [each["name"] for each in photo["deliveries"] if each["name"]] == [name]


def test_what_is_wrong_there_is_told_until_it_works(home, service):
    home.put("IMG_1.JPG", b"photo")
    [task] = service.tasks(1, 30)
    service.failed("its disk is full\n\x1b[31m")
    assert home.destination("nas")["error"] == "its disk is full\\n\\x1b[31m"
    home.wait_until_told("nas: nothing is fetched: its disk is full")
    assert service.fetched(task.id, digest(b"photo"), "IMG_1.JPG")
    assert home.destination("nas")["error"] is None
    home.wait_until_told("nas: photos are fetched again")


def test_one_that_fails_is_given_again_later(home, service):
    home.put("IMG_1.JPG", b"photo")
    [task] = service.tasks(1, 30)
    service.failed("that disk does not take its name", task.id)
    assert service.tasks(1, 0) == []
    assert service.tasks(1, 30) == [task]


def test_one_that_is_gone_is_not_given_again(home, service):
    photo = home.put("IMG_1.JPG", b"photo")
    [task] = service.tasks(1, 30)
    photo.unlink()
    service.gone(task.id)
    assert service.tasks(1, 0) == []
    assert not service.fetched(task.id, digest(b"photo"), "IMG_1.JPG")


@pytest.mark.parametrize("who", ["stranger", f"stranger {TO}", "nas", "nas 192.168.1.20:/srv/old"])
def test_who_is_not_in_the_site_is_refused(exchange, who):
    """Nor a computer of it that puts photos elsewhere, as it was told before."""
    with pytest.raises(RefusedError, match="no such delivery"):
        Client(exchange, who)


def test_whoever_has_one_key_keeps_nobody_with_another_out(home, exchange):
    """However many sessions he opens, and whether they say whose they are or not."""
    home.put("IMG_1.JPG", b"photo")
    with ExitStack() as taken:

        def begun(name):
            session = Client(exchange, name)
            taken.callback(session.close)
            return session

        for _ in range(20):
            silent = taken.enter_context(socket.socket(socket.AF_UNIX))
            silent.connect(exchange)
        sessions = [begun(f"nas {TO}") for _ in range(8)]
        for _ in range(2):
            with pytest.raises(RefusedError, match="too many sessions"):
                begun(f"nas {TO}")
        home.wait_until_told("nas: this delivery has too many sessions at once")
        assert len(begun(f"attic {TO}").tasks(1, 30)) == 1
        sessions[0].close()
        until(lambda: _gets_in(exchange, f"nas {TO}"))


def test_who_comes_while_there_are_no_more_descriptors_waits(home, service, exchange):
    limits = resource.prlimit(home.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(home.process.pid, resource.RLIMIT_NOFILE, (1, limits[1]))
    # The kernel had a descriptor for the next one already.
    with suppress(OSError):
        Client(exchange, f"nas {TO}").close()
    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(exchange)
        waiting.sendall(json.dumps({"fetcher": f"nas {TO}"}).encode() + b"\n")
        waiting.settimeout(0.5)
        with pytest.raises(TimeoutError):
            waiting.recv(1000)
        resource.prlimit(home.process.pid, resource.RLIMIT_NOFILE, limits)
        waiting.settimeout(30)
        assert json.loads(waiting.recv(1000)) == {"answer": True}
    assert service.tasks(10, 0) == []


def _gets_in(exchange, name):
    try:
        Client(exchange, name).close()
    except RefusedError:
        return False
    return True


@pytest.mark.parametrize(
    "said",
    [
        b"\n",
        b"nonsense\n",
        b"[]\n",
        b'{"ask": "tasks"}\n',
        b'{"ask": "tasks", "most": "x", "seconds": 1}\n',
        json.dumps({"ask": "fetched", "id": 1, "sha256": "\udcff"}).encode() + b"\n",
        b"[" * 100_000 + b"\n",
        b"x" * (2 << 20),
    ],
)
@pytest.mark.parametrize("first", [b"", b'{"fetcher": "nas %b"}\n' % TO.encode()])
def test_nonsense_ends_that_session_alone(home, exchange, service, first, said):
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(exchange)
        other.settimeout(30)
        try:
            other.sendall(first + said)
            while other.recv(1000):
                pass
        except OSError:
            pass
    home.put("IMG_1.JPG", b"photo")
    assert len(service.tasks(1, 30)) == 1
