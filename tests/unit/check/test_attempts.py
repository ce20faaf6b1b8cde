"""What a camera tries, told in sentences: of lines of the journal and looks at the kernel."""

from __future__ import annotations

from datetime import datetime

import pytest

from hotshoe.check.attempts import GRACE, GRACE_OF_UPLOADS, LOST_AFTER, Story
from hotshoe.plan.derivation import make_plan
from hotshoe.remote.events import Event, Kind
from hotshoe.site.reading import SiteFiles, load_site
from tests.conftest import PROJECT

CAMERA, PORT = "198.51.100.250", "49152"
CONNECTION = (CAMERA, PORT, "21")
VSFTPD = "hotshoe-vsftpd.service"


@pytest.fixture
def story() -> Story:
    plan = make_plan(load_site(SiteFiles("cascade", PROJECT)))
    return Story(plan, plan.servers[0])


def sets(**elements: tuple[str, ...] | list[tuple[str, ...]]):
    empty = dict.fromkeys(("arrived", "passed", "began", "ended", "sftp"), ())
    given = {k: [v] if isinstance(v, tuple) else v for k, v in elements.items()}
    return {name: set(keys) for name, keys in (empty | given).items()}


def texts(said) -> list[str]:
    return [text for text, _ in said]


def over(story: Story, **more: tuple[str, ...]) -> list[str]:
    """What is told of a connection that has ended, besides that it began."""
    ended = sets(began=CONNECTION, ended=CONNECTION, **more)
    told = [
        *texts(story.looked("darkroom", ended, 10)),
        *texts(story.looked("darkroom", ended, 10 + GRACE)),
        *texts(story.looked("darkroom", ended, 11 + GRACE)),
    ]
    assert told.pop(0) == f"{CAMERA} connects to port 21"
    return told


def test_a_connection_is_told_once(story):
    assert texts(story.looked("darkroom", sets(began=CONNECTION), 1)) == [
        f"{CAMERA} connects to port 21"
    ]
    assert texts(story.looked("darkroom", sets(began=CONNECTION), 2)) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "hung up before it logged in"),
        ({"client_48": (CAMERA, PORT)}, "does not trust the certificate (unknown_ca)"),
        ({"client_42": (CAMERA, PORT)}, "does not trust the certificate (bad_certificate)"),
        ({"client_45": (CAMERA, PORT)}, "takes the certificate for expired"),
        (
            {"server_70": (CAMERA, PORT)},
            "no version of TLS and no cipher suite in common: the server",
        ),
        ({"client_40": (CAMERA, PORT)}, "no version of TLS and no cipher suite in common: it says"),
        ({"server_42": (CAMERA, PORT)}, "the server says bad_certificate"),
        ({"reply_530": (CAMERA, PORT)}, "logs in without TLS"),
        ({"reply_421": (CAMERA, PORT)}, "got no place"),
        ({"reply_530": (CAMERA, PORT), "hello": (CAMERA, PORT)}, "begins TLS at once"),
        ({"hello": (CAMERA, PORT), "reply_234": []}, "begins TLS at once"),
        (
            {"hello": (CAMERA, PORT), "reply_234": [], "client_70": (CAMERA, PORT)},
            "begins TLS at once",
        ),
        (
            {"hello": (CAMERA, PORT), "reply_234": (CAMERA, PORT)},
            "in the middle of TLS: most likely it does not trust",
        ),
        ({"hello": (CAMERA, PORT)}, "in the middle of TLS: most likely it does not trust"),
        ({"hello": (CAMERA, "50001")}, "and never began TLS: choose FTPS, explicit"),
        # An alert of another connection.
        ({"client_48": (CAMERA, "50001")}, "hung up before it logged in"),
    ],
)
def test_how_an_attempt_ended_is_told(story, more, said):
    (told,) = over(story, **more)
    assert said in told


def test_a_wrong_password_is_told_and_its_end_is_not(story):
    (told,) = story.line(VSFTPD, f'[r5] FAIL LOGIN: Client "{CAMERA}"', 10)
    assert told == (f"the password of r5 is wrong, from {CAMERA}", False)
    assert over(story) == []


def test_a_wrong_password_on_a_direct_link_is_no_lack_of_tls():
    plan = make_plan(load_site(SiteFiles("direct", PROJECT)))
    story = Story(plan, plan.servers[0])
    list(story.line(VSFTPD, f'[r5] FAIL LOGIN: Client "{CAMERA}"', 10))
    assert over(story, reply_530=(CAMERA, PORT)) == []


def test_a_folder_that_is_there_already_is_no_fault(story):
    line = f'[r5] FAIL MKDIR: Client "{CAMERA}", "/upload/DCIM"'
    (told,) = story.line(VSFTPD, line, 10)
    assert told == ("r5: the folder /upload/DCIM is there already, or may not be made", None)


def test_a_name_that_no_camera_has_is_told(story):
    (told,) = texts(story.line(VSFTPD, f'[r6] FAIL LOGIN: Client "{CAMERA}"', 10))
    assert told == f"{CAMERA} logs in as r6, and no camera is called so"


@pytest.mark.parametrize("typed", ["R5", "r5 "])
def test_a_user_name_that_a_cameras_keyboard_has_changed_is_told(story, typed):
    (told,) = texts(story.line(VSFTPD, f'[{typed}] FAIL LOGIN: Client "{CAMERA}"', 10))
    assert told.startswith(f"{CAMERA} logs in as '{typed}', and the user name is 'r5': small")


def test_who_logs_in_and_leaves_is_told(story):
    assert list(story.line(VSFTPD, f'[r5] OK LOGIN: Client "{CAMERA}"', 10)) == [
        (f"r5 logs in, from {CAMERA}", True)
    ]
    (told,) = over(story)
    assert told.startswith("r5 left without an upload")


def test_after_an_upload_nothing_is_said_of_the_end(story):
    upload = f'[r5] OK UPLOAD: Client "{CAMERA}", "/upload/a.JPG", 3 bytes, 1Kbyte/sec'
    list(story.line(VSFTPD, f'[r5] OK LOGIN: Client "{CAMERA}"', 10, 60))
    list(story.line(VSFTPD, upload, 11, 62))
    assert over(story) == []


def test_what_a_session_sent_may_be_told_after_its_end(story):
    at = datetime(2026, 5, 31)
    list(story.line(VSFTPD, f'[r5] OK LOGIN: Client "{CAMERA}"', 10, 60))
    list(story.event(Event(Kind.ARRIVING, at, "r5", "a.JPG")))
    assert over(story) == []
    upload = f'[r5] FAIL UPLOAD: Client "{CAMERA}", "/upload/a.JPG", 3 bytes, 1Kbyte/sec'
    list(story.line(VSFTPD, upload, 15, 62))
    list(story.event(Event(Kind.INCOMPLETE, at, "r5", "a.JPG", 3)))
    ended = sets(began=CONNECTION, ended=CONNECTION)
    assert texts(story.looked("darkroom", ended, 15)) == []


def test_nobody_waits_for_ever_for_what_a_session_sent(story):
    list(story.line(VSFTPD, f'[r5] OK LOGIN: Client "{CAMERA}"', 10, 60))
    list(story.event(Event(Kind.ARRIVING, datetime(2026, 5, 31), "r5", "a.JPG")))
    assert over(story) == []
    ended = sets(began=CONNECTION, ended=CONNECTION)
    (told,) = texts(story.looked("darkroom", ended, 10 + GRACE_OF_UPLOADS))
    assert told.startswith("r5 left without an upload")


def test_of_two_sessions_the_one_that_sent_nothing_is_told(story):
    first, second = (CAMERA, "1", "21"), (CAMERA, "2", "21")
    list(story.looked("darkroom", sets(began=[first]), 0))
    list(story.line(VSFTPD, f'[r5] OK LOGIN: Client "{CAMERA}"', 1, 60))
    list(story.looked("darkroom", sets(began=[first, second]), 100))
    list(story.line(VSFTPD, f'[r5] OK LOGIN: Client "{CAMERA}"', 101, 70))
    upload = f'[r5] OK UPLOAD: Client "{CAMERA}", "/upload/a.JPG", 3 bytes, 1Kbyte/sec'
    list(story.line(VSFTPD, upload, 102, 72))
    told = []
    for gone, now in (([second], 110), ([second, first], 120)):
        ended = sets(began=[first, second], ended=gone)
        told += texts(story.looked("darkroom", ended, now))
        told += texts(story.looked("darkroom", ended, now + GRACE))
    assert len(told) == 1
    assert told[0].startswith("r5 left without an upload")


def test_an_old_log_in_says_nothing_of_a_new_connection(story):
    list(story.line(VSFTPD, f'[r5] OK LOGIN: Client "{CAMERA}"', 1))
    (told,) = over(story)
    assert "hung up before it logged in" in told


def test_what_was_refused_at_once_is_told(story):
    line = f'[r5] FAIL UPLOAD: Client "{CAMERA}", "/upload/a.JPG", 0.00Kbyte/sec'
    assert texts(story.line(VSFTPD, line, 1)) == ["r5: a.JPG was refused, or nothing of it came"]
    line = f'[r5] FAIL UPLOAD: Client "{CAMERA}", "/upload/a.JPG", 5 bytes, 0.00Kbyte/sec'
    # What became of it is told by hotshoe-intake.
    assert texts(story.line(VSFTPD, line, 1)) == []


def test_sessions_that_hotshoe_ended_are_told(story):
    line = f"ended 1 of {CAMERA}, not logged in within 60 s"
    assert texts(story.line("hotshoe-sessions.service", line, 1)) == [f"hotshoe {line}"]


@pytest.mark.parametrize(
    "line", ["", "pam_pwdfile(hotshoe-vsftpd:auth): wrong password for user r5", "[r5] OK LOGIN"]
)
def test_other_lines_are_passed_over(story, line):
    assert list(story.line(VSFTPD, line, 1)) == []


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Event(Kind.ARRIVING, datetime.now(), "r5", "a.JPG"), "r5 sends a.JPG"),
        (
            Event(Kind.LIBRARY, datetime.now(), "r5", "a.JPG", 3, "/srv/a.JPG"),
            "r5: a.JPG arrived whole, and is /srv/a.JPG",
        ),
        (
            Event(Kind.INCOMPLETE, datetime.now(), "r5", "a.JPG", 3, "/srv/a.JPG", "it was cut"),
            "r5: a.JPG broke off after 3 bytes: it was cut",
        ),
        (
            Event(Kind.FULL, datetime.now(), reason="the disk"),
            "all cameras: there is no room, and uploads are refused: the disk",
        ),
    ],
)
def test_what_becomes_of_uploads_is_told(story, event, said):
    assert texts(story.event(event)) == [said]


def test_port_22_is_told_once_wherever_it_is_seen(story):
    (told,) = texts(story.looked("gateway", sets(sftp=(CAMERA,)), 1))
    assert told.startswith(f"{CAMERA} tries port 22, SSH or SFTP")
    assert texts(story.looked("gateway", sets(sftp=(CAMERA,)), 2)) == []


def test_who_opens_too_many_connections_is_told(story):
    (told,) = texts(story.looked("darkroom", sets(flooding4=(CAMERA,)), 1))
    assert "too many connections" in told
    assert texts(story.looked("darkroom", sets(flooding4=(CAMERA,)), 2)) == []
    list(story.looked("darkroom", sets(), 3))
    assert len(texts(story.looked("darkroom", sets(flooding4=(CAMERA,)), 4))) == 1


def test_a_look_may_come_late(story):
    list(story.looked("darkroom", sets(), 1))
    list(story.line(VSFTPD, f'[r5] FAIL LOGIN: Client "{CAMERA}"', 3))
    assert over(story) == []


def test_whoever_was_ended_here_has_not_hung_up(story):
    list(
        story.line("hotshoe-sessions.service", f"ended 1 of {CAMERA}, not logged in within 60 s", 9)
    )
    assert over(story) == []


def test_many_are_told_at_once(story):
    many = [(CAMERA, str(port), "21") for port in range(50)]
    said = texts(story.looked("darkroom", sets(began=many), 1))
    assert said == [f"{CAMERA} connects to port 21 (50 times)"]


def lost(story: Story, **darkroom: tuple[str, ...]) -> list[str]:
    told: list[str] = []
    dialled = sets(arrived=(CAMERA, "21"))
    for now in (1, 1 + LOST_AFTER, 2 + LOST_AFTER):
        told += texts(story.looked("gateway", dialled, now))
        told += texts(story.looked("darkroom", sets(**darkroom), now))
    return told


def test_a_connection_that_is_lost_on_the_way_is_told_once(story):
    assert lost(story) == [f"{CAMERA} dials port 21 arrived at gateway and did not leave it"]


def test_a_connection_that_the_firewall_refuses_is_told(story):
    (told,) = lost(story, arrived=(CAMERA, "21"))
    assert told.endswith("arrived at darkroom, and its firewall did not let it in")


@pytest.mark.parametrize("source", [CAMERA, "192.168.1.1"])
def test_a_connection_that_got_in_is_not_lost_whatever_it_looks_like(story, source):
    assert lost(story, arrived=(source, "21"), passed=(source, "21")) == []
