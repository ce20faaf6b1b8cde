"""What the program reads of photos, and where they are found."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from hotshoe_delivery.library import ASIDE
from hotshoe_message.journal import Journal, journal, read_entry
from hotshoe_message.library import look
from hotshoe_message.photos import Photo, camera_of, message

AT = datetime(2026, 5, 31, 10, 0, tzinfo=UTC)


def test_the_program_reads_a_list_of_photos():
    photo = Photo("r5", "/srv/hotshoe/library/r5/A.JPG", 7, 1, AT.timestamp() + 0.9)
    said = {"camera": "r5", "path": photo.path, "size": 7, "time": "2026-05-31T10:00:00Z"}
    assert json.loads(message([photo, photo])) == [said, said]


def test_a_name_that_is_no_utf_8_is_told_so_that_python_finds_the_file(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xc3\xa9.JPG")
    told = json.loads(message([Photo("r5", path, 0, 0, 0)]))[0]["path"]
    assert os.fsencode(told) == os.fsencode(path)


@pytest.mark.parametrize(
    ("tree", "path", "camera"),
    [
        ("{camera}/{date}/{name}", "r5/2026-05-31/A.JPG", "r5"),
        ("{year}/all-{camera}/{name}", "2026/all-r5/A.JPG", "r5"),
        ("{camera}/{year}/{camera}-{day}/{name}", "r5/2026/r5-31/A.JPG", "r5"),
        ("{camera}-{date}/{name}", "r5-2026-05-31/A.JPG", "r5"),
        ("{camera}{year}{month}{day}/{name}", "r5-b20260531/A.JPG", "r5-b"),
        ("{date}/{name}", "2026-05-31/A.JPG", ""),
        ("{camera}/{date}/{name}", "A.JPG", ""),
    ],
)
def test_where_a_photo_is_tells_its_camera(tree, path, camera):
    assert camera_of(tree, path) == camera


class TestLook:
    """hotshoe_message.library"""

    @pytest.fixture
    def library(self, tmp_path):
        (tmp_path / "r5" / "2026-05-31").mkdir(parents=True)
        (tmp_path / "r5" / "2026-05-31" / "A.JPG").write_bytes(b"1234567")
        return tmp_path

    def test_photos_are_found(self, library):
        path = library / "r5" / "2026-05-31" / "A.JPG"
        (photo,) = look(str(library), "{camera}/{date}/{name}", os.getuid())
        written = path.stat()
        assert photo == Photo("r5", str(path), 7, written.st_mtime_ns, written.st_mtime)

    def test_folders_that_are_too_deep_hide_no_other(self, library):
        """Python 3.11 looks into each by a call of its own."""
        (library / "/".join("d" * 60)).mkdir(parents=True)
        (library / "/".join("d" * 60) / "B.JPG").write_bytes(b"deep")
        (photo,) = look(str(library), "{camera}/{date}/{name}", os.getuid())
        assert photo.size == 7

    def test_what_others_put_there_is_not(self, library):
        assert list(look(str(library), "{camera}/{date}/{name}", os.getuid() + 1)) == []

    def test_what_retention_is_about_to_remove_is_no_new_one(self, library):
        (photo,) = look(str(library), "{camera}/{date}/{name}", os.getuid())
        path = Path(photo.path)
        path.rename(path.with_name(f"{ASIDE}{path.name}"))
        assert list(look(str(library), "{camera}/{date}/{name}", os.getuid())) == []

    def test_a_link_is_no_photo_of_what_it_leads_to(self, library):
        (library / "r5" / "B.JPG").symlink_to(library / "r5" / "2026-05-31" / "A.JPG")
        sizes = {each.size for each in look(str(library), "{name}", os.getuid())}
        assert 7 in sizes
        assert len(sizes) == 2


class TestJournal:
    """hotshoe_message.journal"""

    @staticmethod
    def entry(path: object, **fields: object) -> dict:
        said = {"HOTSHOE_PATH": path, "HOTSHOE_CAMERA": "r5", "HOTSHOE_BYTES": "9"}
        return said | {"__REALTIME_TIMESTAMP": AT} | fields

    def test_an_entry_tells_of_a_photo(self, tmp_path):
        path = tmp_path / "A.JPG"
        path.write_bytes(b"1234567")
        photo = read_entry(self.entry(str(path)), str(tmp_path))
        assert photo == Photo("r5", str(path), 7, path.stat().st_mtime_ns, AT.timestamp())

    def test_a_photo_that_is_gone_by_now_is_told_all_the_same(self, tmp_path):
        path = f"{tmp_path}/A.JPG"
        assert read_entry(self.entry(path), str(tmp_path)) == Photo(
            "r5", path, 9, 0, AT.timestamp()
        )

    @pytest.mark.parametrize("path", ["/etc/passwd", "", None, ["/a", "/b"], 7])
    def test_what_is_not_in_the_library_is_none(self, tmp_path, path):
        assert read_entry(self.entry(path), str(tmp_path)) is None

    def test_it_goes_on_behind_the_entry_that_was_read_last(self, tmp_path, monkeypatch):
        """And an entry that makes no sense hides none of the others."""
        entries = [
            self.entry(f"{tmp_path}/{name}.JPG", __CURSOR=name, **more)
            for name, more in (
                ("A", {}),
                ("B", {}),
                ("C", {"HOTSHOE_BYTES": "many"}),
                ("D", {}),
            )
        ]
        asked: list[object] = []

        class Reader:
            def __init__(self):
                self.rest = iter(entries)

            def add_match(self, **match):
                asked.append(match)

            def seek_cursor(self, cursor):
                asked.append(cursor)

            def fileno(self):
                return 7

            def process(self):
                pass

            def __iter__(self):
                return self.rest

        monkeypatch.setattr(journal, "Reader", Reader, raising=False)
        read = [
            (cursor, photo and photo.path.rpartition("/")[2])
            for cursor, photo in Journal(998, str(tmp_path), "A", 0).read()
        ]
        assert read == [("B", "B.JPG"), ("C", None), ("D", "D.JPG")]
        match = {
            "_UID": 998,
            "_SYSTEMD_UNIT": "hotshoe-intake.service",
            "HOTSHOE_EVENT": "library",
        }
        assert asked == [match, "A"]

    def test_without_one_it_begins_at_a_time(self, monkeypatch):
        asked: list[float] = []
        reader = SimpleNamespace(
            add_match=lambda **_: None, seek_realtime=asked.append, fileno=lambda: 7
        )
        monkeypatch.setattr(journal, "Reader", lambda: reader, raising=False)
        Journal(998, "/srv/hotshoe/library", None, -5)
        assert asked == [0]
