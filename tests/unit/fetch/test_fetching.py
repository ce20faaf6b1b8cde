"""From the library into the folder, by the programs of both ends."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from hotshoe_fetch.fetching import Fetching, StuckError
from hotshoe_fetch.folder import Folder, digest, part_of
from hotshoe_fetch.rate import Rate
from hotshoe_fetch.server import LostError, Server
from tests.unit.fetch.conftest import Asked, content, names

LARGE = 5_000_000


class Fetcher:
    """A fetcher that does what there is, once."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._command, self._folder = command, folder

    def __call__(self, alive=lambda: None) -> int:
        """Do what there is to do now.

        :returns: how many photos have come
        """
        folder = Folder(str(self._folder))
        try:
            with Server(self._command) as server:
                does = Fetching(server, folder, Rate(0), alive)
                return does.do(server.tasks(8, 0.1))
        finally:
            folder.close()


@pytest.fixture
def fetch(asked: Asked, served: list[str], folder: Path) -> Fetcher:
    return Fetcher(served, folder)


@pytest.fixture
def part(asked: Asked, folder: Path):
    """Where a photo grows."""
    (folder / ".hotshoe").mkdir(mode=0o700)
    return lambda number: folder / ".hotshoe" / part_of(asked.photos[number])


class TestAPhoto:
    @pytest.mark.parametrize("size", [0, 1, LARGE])
    def test_arrives_as_it_is(self, asked, fetch, folder, size):
        number = asked.add("r5/2024-02-29/IMG_0001.JPG", content(size))
        assert fetch() == 1
        assert asked.told == [("fetched", number, "r5/2024-02-29/IMG_0001.JPG")]
        assert names(folder) == ["r5/2024-02-29/IMG_0001.JPG"]
        photo = folder / "r5/2024-02-29/IMG_0001.JPG"
        assert photo.read_bytes() == content(size)
        assert photo.stat().st_mtime_ns == asked.photos[number].mtime_ns
        assert not [*(folder / ".hotshoe").iterdir()]

    def test_is_nobodys_until_it_is_whole(self, asked, fetch, folder):
        asked.add("a.jpg", content(LARGE))
        seen: list[tuple[list[str], int]] = []
        parts = folder / ".hotshoe"
        fetch(lambda: seen.append((names(folder), stat.S_IMODE(parts.stat().st_mode))))
        assert len(seen) > 5
        assert {(tuple(n), mode) for n, mode in seen} == {((), 0o700)}

    def test_is_not_fetched_twice(self, asked, fetch):
        number = asked.add("a.jpg", content(LARGE))
        assert fetch() == 1
        asked.waiting.append(number)
        seen: list[None] = []
        assert fetch(lambda: seen.append(None)) == 0
        assert asked.told == [("fetched", number, "a.jpg")] * 2
        # It was digested here, by the MiB; what comes is told four times as often.
        assert len(seen) <= LARGE / (1 << 20) + 1

    @pytest.mark.parametrize("name", [" ", "\n", "-rf", "ü.jpg", os.fsdecode(b"\xff.JPG"), "'\"$;"])
    def test_may_have_any_name(self, asked, fetch, folder, name):
        number = asked.add(f"r5/{name}", content(9))
        assert fetch() == 1
        assert asked.told == [("fetched", number, f"r5/{name}")]
        assert (folder / "r5" / name).read_bytes() == content(9)

    def test_of_another_content_is_put_beside_the_first(self, asked, fetch, folder):
        (folder / "a.jpg").write_bytes(b"the person's")
        # One of the same size, too.
        for number, seed in ((1, 1), (2, 2)):
            asked.add("a.jpg", content(12, seed))
            assert fetch() == 1
            name = f"a-{asked.digest(number)[:8]}.jpg"
            assert asked.told[-1] == ("fetched", number, name)
            assert (folder / name).read_bytes() == content(12, seed)
        assert (folder / "a.jpg").read_bytes() == b"the person's"
        # That it is there is seen before it is fetched again.
        asked.waiting.append(2)
        assert fetch() == 0
        assert asked.told[-1] == ("fetched", 2, name)
        assert len(names(folder)) == 3

    def test_whose_short_digest_is_taken_gets_the_long_one(self, asked, fetch, folder):
        number = asked.add("a.jpg", content(12))
        digest = asked.digest(number)
        (folder / "a.jpg").touch()
        (folder / f"a-{digest[:8]}.jpg").mkdir()
        assert fetch() == 1
        assert names(folder) == [f"a-{digest}.jpg", "a.jpg"]

    def test_with_the_longest_name_gets_a_suffix_too(self, asked, fetch, folder):
        name = "x" * 251 + ".jpg"
        (folder / name).touch()
        number = asked.add(name, content(9))
        assert fetch() == 1
        assert names(folder) == sorted([name, f"{'x' * 242}-{asked.digest(number)[:8]}.jpg"])

    def test_that_left_the_library_is_given_up(self, asked, fetch, folder, part):
        number = asked.add("a.jpg", content(9))
        part(number).write_bytes(content(3))
        (asked.library / "a.jpg").unlink()
        assert fetch() == 0
        assert asked.told == [("gone", number)]
        assert not [*(folder / ".hotshoe").iterdir()]

    def test_that_takes_long_to_get_to_the_disk_is_told_to_go_on(self, asked, fetch, monkeypatch):
        monkeypatch.setattr("hotshoe_fetch.fetching.ALIVE", 0.01)
        told = threading.Event()
        monkeypatch.setattr("hotshoe_fetch.fetching._on_the_disk", lambda handle: slow(handle))

        def slow(handle):
            told.clear()
            assert told.wait(20)
            return digest(handle)

        asked.add("a.jpg", content(9))
        assert fetch(told.set) == 1

    def test_whose_folder_takes_nothing_holds_up_no_other(self, asked, fetch, monkeypatch):
        number = asked.add("r5/a.jpg", content(9))

        def refuse(*_):
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr("hotshoe_fetch.folder.rename_new", refuse)
        with pytest.raises(StuckError, match="takes nothing") as stuck:
            fetch()
        assert stuck.value.number == number


class TestACutConnection:
    @pytest.mark.parametrize("end", ["serve", "fetcher"])
    def test_is_resumed_where_it_broke(self, asked, served, folder, part, end):
        number = asked.add("a.jpg", content(LARGE))
        place, server = Folder(str(folder)), Server(served)
        come: list[int] = []

        def cut() -> None:
            come.append(part(number).stat().st_size)
            if come[-1] >= LARGE // 2:
                if end == "fetcher":
                    raise KeyboardInterrupt
                server._process.kill()

        with pytest.raises((LostError, KeyboardInterrupt)):
            Fetching(server, place, Rate(0), cut).do(server.tasks(1, 0))
        server.close()
        have = part(number).stat().st_size
        assert LARGE // 2 <= have < LARGE
        assert names(folder) == []
        asked_for: list[int] = []
        with Server(served) as again:
            read = again.read
            again.read = lambda n, offset: (asked_for.append(offset), read(n, offset))[1]
            assert Fetching(again, place, Rate(0), lambda: None).do(again.tasks(1, 0))
        assert asked_for == [have]
        assert (folder / "a.jpg").read_bytes() == content(LARGE)

    @pytest.mark.parametrize("rest", [b"", b"\0" * 1000, content(2000, 7)])
    def test_what_a_power_cut_left_is_fetched_anew_if_it_is_wrong(
        self, asked, fetch, folder, part, rest
    ):
        """Blocks that never got to the disk read as zeros; or more is there than belongs there."""
        number = asked.add("a.jpg", content(1500))
        part(number).write_bytes(content(500) + rest)
        assert fetch() == 1
        assert (folder / "a.jpg").read_bytes() == content(1500)

    def test_a_name_that_was_given_before_the_server_knew_counts(self, asked, fetch, folder, part):
        """Killed between the two: it is not fetched again."""
        number = asked.add("a.jpg", content(1500))
        (folder / "a.jpg").write_bytes(content(1500))
        assert fetch() == 0
        assert asked.told == [("fetched", number, "a.jpg")]

    def test_parts_that_nobody_asks_for_go_after_two_weeks(self, folder, part, asked):
        old, new = (asked.add(f"{name}.jpg", content(9)) for name in "ab")
        for number in (old, new):
            part(number).touch()
        os.utime(part(old), (1, 1))
        Folder(str(folder)).close()
        assert [*(folder / ".hotshoe").iterdir()] == [part(new)]


class TestAProof:
    def test_is_given_of_what_is_here(self, asked, fetch):
        number = asked.add("r5/a.jpg", content(LARGE))
        fetch()
        asked.prove(number, "r5/a.jpg")
        assert fetch() == 0
        assert asked.told[-1] == ("proved", number, True, False)

    def test_cannot_be_given_of_another_content(self, asked, fetch, folder):
        number = asked.add("a.jpg", content(9))
        fetch()
        (folder / "a.jpg").write_bytes(content(9, 2))
        asked.prove(number, "a.jpg")
        fetch()
        assert asked.told[-1] == ("proved", number, False, False)

    @pytest.mark.parametrize("instead", ["nothing", "a link", "a folder", "a FIFO"])
    def test_cannot_be_given_of_what_is_no_photo_any_more(self, asked, fetch, folder, instead):
        number = asked.add("a.jpg", content(9))
        fetch()
        photo = folder / "a.jpg"
        photo.rename(folder / "moved.jpg")
        if instead == "a link":
            photo.symlink_to("moved.jpg")
        elif instead == "a folder":
            photo.mkdir()
        elif instead == "a FIFO":
            os.mkfifo(photo)
        asked.prove(number, "a.jpg")
        fetch()
        assert asked.told[-1] == ("proved", number, False, True)

    @pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE])
    def test_of_what_cannot_be_read_any_more_holds_up_no_other(
        self, asked, fetch, folder, monkeypatch, number
    ):
        """Such as one that its person has taken for himself alone."""
        first = asked.add("a.jpg", content(9))
        fetch()

        def refuse(*_):
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as broken:
            broken.setattr("hotshoe_fetch.folder.open_file", refuse)
            asked.prove(first, "a.jpg")
            asked.add("b.jpg", content(9))
            fetch()
        assert ("proved", first, False, True) in asked.told
        assert "b.jpg" in names(folder)

    def test_of_a_long_film_is_told_to_go_on(self, asked, fetch, monkeypatch):
        """Or systemd would end it, again and again."""
        number = asked.add("a.jpg", content(LARGE))
        fetch()
        asked.prove(number, "a.jpg")
        seen: list[None] = []
        fetch(lambda: seen.append(None))
        assert len(seen) >= LARGE >> 20

    def test_a_digest_from_before_is_none(self, asked, fetch):
        """What it told when it fetched it does not begin with the nonce."""
        number = asked.add("a.jpg", content(9))
        asked.prove(number, "a.jpg")
        with asked.changed:
            asked.tasks(1, 0)
            assert not asked.proved(number, asked.nonces[number].hex(), asked.digest(number))


class TestAServerThatLies:
    """It stands in the Internet's reach, and what has taken it over may say anything."""

    @pytest.mark.parametrize(
        "path",
        [
            *("../a.jpg", "/etc/a.jpg", "r5/../../a.jpg", "", "r5//a.jpg", "r5/.", "a\0b"),
            *(".hotshoe/x", ".profile", ".ssh/authorized_keys", "r5/.a.jpg"),
        ],
    )
    def test_puts_nothing_outside_of_the_folder(self, asked, served, folder, path, tmp_path):
        number = asked.add("a.jpg", content(9))
        before = sorted(tmp_path.rglob("*"))
        place = Folder(str(folder))
        with Server(served) as server:
            (task,) = server.tasks(1, 0)
            lying = type(task)(number, path, task.size, task.mtime_ns, None, None)
            with pytest.raises(StuckError) as stuck:
                Fetching(server, place, Rate(0), lambda: None).do([lying])
            assert stuck.value.number == number
            with suppress(OSError), place.find(path):
                pytest.fail("it is found")
        after = [each for each in sorted(tmp_path.rglob("*")) if ".hotshoe" not in each.parts]
        assert after == before

    def test_follows_no_link_that_is_in_the_folder(self, asked, fetch, folder, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        (folder / "r5").symlink_to(tmp_path / "elsewhere")
        number = asked.add("r5/a.jpg", content(9))
        with pytest.raises(StuckError, match="in the way") as stuck:
            fetch()
        assert stuck.value.number == number
        assert not [*(tmp_path / "elsewhere").iterdir()]

    def test_that_sends_something_else_is_not_believed(self, asked, fetch, folder, monkeypatch):
        number = asked.add("a.jpg", content(9))
        monkeypatch.setattr(asked, "right", lambda id, sha256: False)
        with pytest.raises(StuckError, match="is not what the server has") as stuck:
            fetch()
        assert stuck.value.number == number
        assert names(folder) == []

    @pytest.mark.parametrize(
        "said",
        [
            *("{", "[]", '{"tasks": [{}]}', '{"tasks": 7}', '{"refused": "x"}', ""),
            pytest.param("x" * 3_000_000, id="no end"),
        ],
    )
    def test_that_makes_no_sense_is_left(self, said):
        speaks = (
            "import sys; sys.stdin.readline(); "
            f"print({said[:20]!r} * {max(1, len(said) // 20)}, flush=True); sys.stdin.read()"
        )
        with (
            Server([sys.executable, "-c", speaks]) as server,
            pytest.raises(LostError, match="the server"),
        ):
            server.tasks(1, 0)


class TestTheRate:
    def test_is_kept_over_a_while(self):
        now = [0.0]
        rate = Rate(1000, lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds))
        for _ in range(100):
            rate.took(100)
        assert 9.7 <= now[0] <= 10.1

    def test_a_pause_is_not_made_up_for(self):
        now = [0.0]
        rate = Rate(1000, lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds))
        now[0] = 1000
        rate.took(10_000)
        assert now[0] >= 1009.5

    def test_without_one_nobody_waits(self):
        Rate(0, sleep=lambda _: pytest.fail("it waits")).took(10**12)


def test_the_relay_of_a_real_session_ends_with_its_fetcher(served, asked):
    """Nothing is left running when a connection goes."""
    process = subprocess.Popen(served, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(b'{"do": "tasks", "most": 1, "seconds": 0}\n')
    process.stdin.flush()
    assert process.stdout.readline() == b'{"tasks": []}\n'
    process.stdin.close()
    assert process.wait(10) == 0
