"""Answers to PASV and EPSV that announce what nobody can dial."""

from __future__ import annotations

from typing import Any

import pytest

from hotshoe.probe.connection import Reply
from hotshoe.probe.session import RefusedError, announced_by_epsv, announced_by_pasv


class Answers:
    """A control connection that answers each command alike."""

    def __init__(self, code: int, text: str) -> None:
        self._reply = Reply(code, f"{code} {text}")

    def ask(self, _command: str) -> Reply:
        return self._reply


def answers(code: int, text: str) -> Any:
    return Answers(code, text)


def test_what_can_be_dialled_is_read():
    pasv = answers(227, "Entering Passive Mode (203,0,113,20,195,80).")
    assert announced_by_pasv(pasv) == ("203.0.113.20", 50000)
    assert announced_by_epsv(answers(229, "Entering Extended Passive Mode (|||50000|)")) == 50000


@pytest.mark.parametrize("numbers", ["1,2,3,4,999,1", f"1,2,3,4,5,{'9' * 5000}", "1,2,3,4,5"])
def test_a_port_that_does_not_exist_is_a_refusal_of_pasv(numbers):
    with pytest.raises(RefusedError):
        announced_by_pasv(answers(227, f"({numbers})"))


@pytest.mark.parametrize("number", ["65536", "99999", "9" * 5000])
def test_a_port_that_does_not_exist_is_a_refusal_of_epsv(number):
    with pytest.raises(RefusedError):
        announced_by_epsv(answers(229, f"(|||{number}|)"))
