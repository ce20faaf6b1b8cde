"""How camera passwords are stored, and which ones a camera can type."""

from __future__ import annotations

import math
from secrets import choice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from passlib.hash import sha512_crypt

from hotshoe.debian.passwords import (
    ROUNDS,
    TYPEABLE,
    TYPED,
    new_password,
    pwdfile,
    salt_of,
    why_unusable,
)
from tests.effort import examples

PASSWORD = "typeable7Camera"
SALT = "abcdefgh12345678"


def hash_in(line: str) -> str:
    return line.rstrip("\n").split(":", 1)[1]


def test_the_file_has_a_line_for_each_user_which_the_password_opens():
    lines = pwdfile({"r5": PASSWORD, "a7": "another4Camera"}, {}).splitlines()
    assert [line.split(":")[0] for line in lines] == ["a7", "r5"]
    assert sha512_crypt.verify("another4Camera", hash_in(lines[0]))
    assert sha512_crypt.verify(PASSWORD, hash_in(lines[1]))
    assert not sha512_crypt.verify(PASSWORD, hash_in(lines[0]))


def test_the_file_does_not_hold_the_password():
    assert PASSWORD not in pwdfile({"r5": PASSWORD}, {})


def test_a_fresh_salt_is_taken_where_none_is_in_use():
    assert pwdfile({"r5": PASSWORD}, {}) != pwdfile({"r5": PASSWORD}, {})


def test_with_the_salt_in_use_an_unchanged_password_gives_the_same_text():
    first = pwdfile({"r5": PASSWORD}, {})
    salt = salt_of(hash_in(first).rpartition("$")[0])
    assert pwdfile({"r5": PASSWORD}, {"r5": salt}) == first


def test_with_the_salt_in_use_a_changed_password_gives_another_text():
    salts = {"r5": SALT}
    assert pwdfile({"r5": PASSWORD}, salts) != pwdfile({"r5": PASSWORD + "x"}, salts)


def test_a_salt_of_a_user_who_left_is_ignored():
    assert pwdfile({"r5": PASSWORD}, {"r5": SALT, "gone": SALT}).count("\n") == 1


@pytest.mark.parametrize(
    ("stored", "salt"),
    [
        (f"$6$rounds={ROUNDS}${SALT}", SALT),
        (f"$6$rounds={ROUNDS}${SALT}$hash", SALT),
        (f"$6$rounds={ROUNDS + 1}${SALT}", None),
        (f"$6${SALT}", None),
        (f"$6$rounds={ROUNDS}$", None),
        (f"$5$rounds={ROUNDS}${SALT}", None),
        (f"$1${SALT}", None),
        ("", None),
    ],
)
def test_only_a_salt_of_our_own_cost_is_kept(stored, salt):
    assert salt_of(stored) == salt


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        (None, "is not text; put it in quotes"),
        (123456789012, "is not text; put it in quotes"),
        (["twelve-chars"], "is not text; put it in quotes"),
        ("eleven-char", "has 11 characters, not 12 to 32"),
        ("x" * 33, "has 33 characters, not 12 to 32"),
        ("with a space in", "has a space or a character that not every keyboard has"),
        ("with\ta-tabulator", "has a space or a character that not every keyboard has"),
        ("passwort-für-die", "has a space or a character that not every keyboard has"),
        ("with-a-newline\n", "has a space or a character that not every keyboard has"),
    ],
)
def test_why_a_password_is_unusable(password, reason):
    assert why_unusable(password) == reason


@pytest.mark.parametrize(
    "password",
    [
        *("aaaaaaaaaaaa", "x" * 32, "123456789012", "abcdefghijkl", "121212121212"),
        *("passwordpassword", "P4ssw0rdP4ssw0rd", "password2024", "iloveyou1234", "passwort1234"),
        *("qwertyuiop12", "qwertzuiop12", "asdfghjkl123", "1q2w3e4r5t6z", "987654321098"),
        *(
            "eos-r5eos-r5",
            "eos-r5eos-r52024",
            "camera-eos-r5",
            "photos.example.net",
            "hotshoe12345",
        ),
    ],
)
def test_a_password_that_is_easy_to_guess_is_unusable(password):
    reason = why_unusable(password, ["eos-r5", "photos.example.net"])
    assert reason is not None
    assert reason.startswith("is easy to guess")
    assert password not in reason


def test_every_password_of_the_command_that_is_suggested_is_usable():
    """``hotshoe password``."""
    made = [new_password() for _ in range(50)]
    assert len(set(made)) == 50
    for password in made:
        assert why_unusable(password, ["r5", "photos.example.net"]) is None
        assert len(password) == TYPED <= 16
        assert set(password) <= set(TYPEABLE)


def test_a_new_password_has_seventy_bits_and_nothing_that_looks_like_something_else():
    assert len(set(TYPEABLE)) == len(TYPEABLE)
    assert TYPED * math.log2(len(TYPEABLE)) >= 70
    for alike in ("0o", "1il", "2z", "5s", "6b", "9gq"):
        assert len(set(alike) & set(TYPEABLE)) <= 1


def test_a_password_that_would_be_easy_to_guess_is_not_given(monkeypatch):
    first = iter("a" * TYPED)
    monkeypatch.setattr(
        "hotshoe.debian.passwords.secrets.choice", lambda of: next(first, None) or choice(of)
    )
    assert new_password() != "a" * TYPED


@pytest.mark.parametrize(
    "password", [PASSWORD, "k7wvm3xbt9zh", "k7wvm3xbt9zh" * 2, "!k#w$v%x&b(t)z*h"]
)
def test_a_typeable_password_of_the_right_length_is_usable(password):
    assert why_unusable(password) is None


@examples(8)  # each hash takes tens of milliseconds, on purpose
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=32))
def test_every_usable_password_opens_its_own_line_and_keeps_the_file_in_shape(password):
    if why_unusable(password) is not None:
        assert why_unusable(password).startswith("is easy to guess")
    text = pwdfile({"r5": password}, {"r5": SALT})
    assert text.count("\n") == 1
    assert text.count(":") == 1
    assert sha512_crypt.verify(password, hash_in(text))
