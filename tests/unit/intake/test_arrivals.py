"""Which upload a line of vsftpd's is about, and what becomes of an upload."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from hotshoe_intake.arrivals import Arrival, Arrivals, Fate, judge
from hotshoe_intake.formats import Look, Verdict
from hotshoe_intake.journal import OURSELVES, Barrier, Ended, read_entry
from hotshoe_intake.locks import writer

OWNER, OWN, NOW = 990, 991, 1_800_000_000.0
SIZE = 1000


def arrival(name: str = "IMG_0001.JPG", camera: str = "r5", place: str = "1", **more) -> Arrival:
    pid = more.pop("pid", None)
    made = Arrival(camera, place, name, NOW, **more)
    made.pid = pid
    return made


def line(name: str = "IMG_0001.JPG", camera: str = "r5", pid: int = 50, **more) -> Ended:
    return Ended(
        **{"ours": True, "size": SIZE, "at": NOW + 1} | more, pid=pid, camera=camera, name=name
    )


def arrivals(*each: Arrival) -> Arrivals:
    made = Arrivals()
    for one in each:
        pid, one.pid = one.pid, None
        made.add(one)
        if pid:
            made.seen(one, pid)
    return made


def match(those: Arrivals, what: Ended, **sizes: int) -> str | None:
    found = those.match(what, lambda each: sizes.get(f"_{each.place}", SIZE))
    return found and found.place


class TestMatch:
    def test_by_the_process_that_writes(self):
        both = arrivals(arrival(place="1", pid=40), arrival(place="2", pid=50))
        assert match(both, line(pid=50)) == "2"
        assert match(both, line(pid=40)) == "1"

    @pytest.mark.parametrize(
        "other",
        [
            line(pid=51),
            line(name="IMG_0002.JPG"),
            line(camera="a7"),
            line(size=SIZE - 1),
            line(at=NOW - 7200),
        ],
    )
    def test_not_by_another(self, other):
        assert match(arrivals(arrival(pid=50)), other) is None

    def test_the_writer_of_a_short_upload_need_not_have_been_seen(self):
        assert match(arrivals(arrival()), line()) == "1"
        # The session goes on with another.
        seen = arrival("IMG_0002.JPG", place="2", pid=50)
        assert match(arrivals(arrival(), seen), line()) == "1"

    def test_a_process_that_writes_for_another_camera_vouches_for_nothing(self):
        other = arrival("IMG_0002.JPG", camera="a7", place="2", pid=50)
        both = arrivals(arrival(), other)
        assert match(both, line()) is None
        both.remove(other)
        assert match(both, line()) == "1"

    def test_another_program_vouches_for_nothing(self):
        assert match(arrivals(arrival()), line(ours=False)) is None
        # journald was too late to find its unit.
        assert match(arrivals(arrival()), line(ours=None)) == "1"

    def test_who_was_seen_comes_before_who_was_not(self):
        assert match(arrivals(arrival(place="1"), arrival(place="2", pid=50)), line()) == "2"

    def test_the_size_tells_what_broke_off_from_its_retry(self):
        """In one session, and of one name."""
        both = arrivals(arrival(place="1", pid=50), arrival(place="2", pid=50))
        assert match(both, line(), _1=300) == "2"

    def test_a_clock_that_is_set_back_does_not_hide_what_the_process_proves(self):
        early = line(at=NOW - 600)
        assert match(arrivals(arrival(pid=50)), early) == "1"
        assert match(arrivals(arrival()), early) is None

    def test_one_of_several_of_one_size_may_be_meant_so_none_is_said_to_have_broken_off(self):
        """Of two whose writers nobody saw, vsftpd logs only the one that ended well."""
        reset, whole = arrival(place="1"), arrival(place="2")
        assert match(arrivals(reset, whole), line()) == "1"
        assert not whole.witnessed
        assert judge(whole, SIZE, WHOLE, certain=True, tolerant=False)[0] is Fate.LIBRARY
        assert judge(whole, SIZE, UNKNOWN, certain=True, tolerant=False)[0] is Fate.UNPROVEN

    def test_each_line_is_about_one_upload(self):
        both = arrivals(arrival(place="1", pid=50), arrival(place="2", pid=50))
        for one in both:
            assert match(both, line()) == one.place
            one.sent = SIZE
        assert match(both, line()) is None

    def test_names_of_any_bytes_are_found_as_vsftpd_logs_them(self):
        name = os.fsdecode(b"a\nb\xff\x01.JPG")
        assert match(arrivals(arrival(name)), line(name=os.fsdecode(b"a?b\xff?.JPG"))) == "1"

    def test_what_is_removed_is_forgotten(self):
        one = arrival(pid=50)
        those = arrivals(one)
        those.remove(one)
        assert list(those) == []
        assert match(those, line()) is None


WHOLE, CUT, UNKNOWN = (Look(verdict, "why", None) for verdict in Verdict)


def fate(
    look: Look,
    sent: int | None,
    *,
    certain: bool = True,
    tolerant: bool = False,
    logs: bool = True,
    witnessed: bool = True,
):
    judged = arrival(sent=sent, logs=logs, witnessed=witnessed)
    return judge(judged, SIZE, look, certain=certain, tolerant=tolerant)[0]


class TestFate:
    @pytest.mark.parametrize("look", [WHOLE, UNKNOWN])
    def test_what_vsftpd_says_is_whole_gets_into_the_library(self, look):
        assert fate(look, SIZE) is Fate.LIBRARY

    @pytest.mark.parametrize("tolerant", [False, True])
    def test_unless_it_looks_cut(self, tolerant):
        """Its camera was told 226: it is kept for good."""
        assert fate(CUT, SIZE, tolerant=tolerant) is Fate.UNPROVEN

    def test_of_a_camera_that_may_end_early_content_has_to_prove_it(self):
        assert fate(WHOLE, SIZE, tolerant=True) is Fate.LIBRARY
        assert fate(UNKNOWN, SIZE, tolerant=True) is Fate.UNPROVEN

    @pytest.mark.parametrize("look", [CUT, UNKNOWN])
    @pytest.mark.parametrize("sent", [None, SIZE - 1])
    def test_what_vsftpd_does_not_say_is_whole_broke_off(self, look, sent):
        """Its camera was not told 226, and sends it again."""
        assert fate(look, sent) is Fate.INCOMPLETE

    @pytest.mark.parametrize("sent", [None, SIZE - 1])
    def test_what_seems_whole_is_never_removed(self, sent):
        assert fate(WHOLE, sent) is Fate.UNPROVEN

    @pytest.mark.parametrize("sent", [None, SIZE - 1])
    def test_of_a_camera_that_never_ends_well_content_alone_decides(self, sent):
        """It is never told 226."""
        assert fate(WHOLE, sent, tolerant=True) is Fate.LIBRARY
        assert fate(CUT, sent, tolerant=True) is Fate.INCOMPLETE
        assert fate(UNKNOWN, sent, tolerant=True) is Fate.UNPROVEN

    @pytest.mark.parametrize("how", [{"certain": False}, {"logs": False}, {"witnessed": False}])
    def test_without_the_journal_content_decides(self, how):
        assert fate(WHOLE, None, **how) is Fate.LIBRARY
        assert fate(CUT, None, **how) is Fate.INCOMPLETE
        assert fate(UNKNOWN, None, **how) is Fate.UNPROVEN


class TestTheJournal:
    @staticmethod
    def entry(message: str | bytes, **more) -> dict:
        at = datetime.fromtimestamp(NOW, UTC)
        return {
            "MESSAGE": message,
            "_UID": OWNER,
            "_PID": 50,
            "_SYSTEMD_UNIT": "hotshoe-vsftpd.service",
            "__REALTIME_TIMESTAMP": at,
        } | more

    @pytest.mark.parametrize(
        ("path", "size", "name"),
        [
            ("/upload/IMG_0001.JPG", "1000 bytes, ", "IMG_0001.JPG"),
            ("/upload/../upload/./trip/a b.JPG", "1000 bytes, ", "a b.JPG"),
            ('/upload/half "a" 7 bytes, .JPG', "1000 bytes, ", 'half "a" 7 bytes, .JPG'),
            ("/upload/a\nb.JPG", "1000 bytes, ", "a?b.JPG"),
            ("/upload/empty.JPG", "", "empty.JPG"),
        ],
    )
    def test_a_line_of_vsftpd_s_tells_what_ended_well(self, path, size, name):
        text = f'[r5] OK UPLOAD: Client "192.0.2.1", "{path}", {size}12.50Kbyte/sec'
        assert read_entry(self.entry(text), OWNER, OWN) == Ended(
            50, True, "r5", name, 1000 if size else 0, NOW
        )

    def test_bytes_that_are_no_text_are_a_name_too(self):
        text = b'[r5] OK UPLOAD: Client "192.0.2.1", "/upload/\xff.JPG", 7 bytes, 1.00Kbyte/sec'
        told = read_entry(self.entry(text), OWNER, OWN)
        assert isinstance(told, Ended)
        assert os.fsencode(told.name) == b"\xff.JPG"

    @pytest.mark.parametrize(
        "text",
        [
            '[r5] FAIL UPLOAD: Client "192.0.2.1", "/upload/a.JPG", 7 bytes, 1.00Kbyte/sec',
            # Python refuses to make a number of so many digits.
            f'[r5] OK UPLOAD: Client "::1", "/upload/a.JPG", {"9" * 5000} bytes, 1.00Kbyte/sec',
            ["one message", "and another"],
            None,
            '[r5] OK LOGIN: Client "192.0.2.1"',
            'x [r5] OK UPLOAD: Client "192.0.2.1", "/upload/a.JPG", 7 bytes, 1.00Kbyte/sec',
            '[r5] OK UPLOAD: Client "192.0.2.1", "/upload/a.JPG", 7 bytes, 1.00Kbyte/sec and more',
            "",
        ],
    )
    def test_any_other_line_tells_nothing(self, text):
        assert read_entry(self.entry(text), OWNER, OWN) is None

    def test_another_user_s_line_tells_nothing(self):
        text = '[r5] OK UPLOAD: Client "192.0.2.1", "/upload/a.JPG", 7 bytes, 1.00Kbyte/sec'
        for uid in (0, OWN, 65534):
            assert read_entry(self.entry(text, _UID=uid), OWNER, OWN) is None

    @pytest.mark.parametrize(
        ("unit", "ours"),
        [("hotshoe-vsftpd6.service", True), ("session-1.scope", False), (None, None)],
    )
    def test_whose_unit_it_is(self, unit, ours):
        text = '[r5] OK UPLOAD: Client "192.0.2.1", "/upload/a.JPG", 7 bytes, 1.00Kbyte/sec'
        entry = self.entry(text, _SYSTEMD_UNIT=unit)
        if unit is None:
            del entry["_SYSTEMD_UNIT"]
        told = read_entry(entry, OWNER, OWN)
        assert isinstance(told, Ended)
        assert told.ours is ours

    def test_a_barrier_is_our_own(self):
        entry = self.entry("barrier 0af3", _UID=OWN, SYSLOG_IDENTIFIER=OURSELVES)
        assert read_entry(entry, OWNER, OWN) == Barrier("0af3")
        assert read_entry(entry | {"_UID": OWNER}, OWNER, OWN) is None
        assert read_entry(entry | {"MESSAGE": "barrier x"}, OWNER, OWN) is None


LOCKER = """
import fcntl, sys
with open(sys.argv[1], "wb") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_who_writes_is_told_by_the_file_s_lock(tmp_path):
    """Also of one that may only be read."""
    path = tmp_path / "a.JPG"
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(path)], stdin=pipe, stdout=pipe, text=True
    ) as locker:
        assert locker.stdout
        assert locker.stdout.readline() == "locked\n"
        path.chmod(0o440)
        with path.open("rb") as file:
            assert writer(file.fileno()) == locker.pid
            locker.communicate()
            assert writer(file.fileno()) is None
