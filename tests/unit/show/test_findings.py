"""What a check finds, as a person reads it."""

from __future__ import annotations

from rich.console import Console

from hotshoe.check.model import Finding
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.show.findings import explanations, grouped, line, summary, table

BAD = Finding(
    Layer.LOGIN,
    Status.FAIL,
    "530 \x1b[31mno[/red]",
    Problem.LOGIN_REFUSED,
    "darkroom",
    "another password",
    "deploy again",
    {"journal": ["[r5] FAIL LOGIN\x1b[2J"]},
)
NOT_TRIED = [
    Finding(layer, Status.UNKNOWN, "not tried, since no log-in succeeded")
    for layer in (Layer.PASV, Layer.PASSIVE, Layer.UPLOAD)
]


def printed(*what: object, width: int = 60) -> str:
    console = Console(width=width, force_terminal=False, highlight=False)
    with console.capture() as capture:
        console.print(*what, sep="\n")
    return capture.get()


def test_each_status_has_a_word_and_a_symbol():
    rows = [Finding(Layer.PORT, status, "seen") for status in Status]
    for symbol, status in zip("✓!✗?", Status, strict=True):
        assert f"{symbol} {status.value}" in printed(table(rows))


def test_what_others_chose_is_escaped_and_no_markup():
    for text in (printed(table([BAD])), line(BAD), printed(*explanations([BAD]))):
        assert "\x1b" not in text
    assert "530 \\x1b[31mno[/red]" in line(BAD)


def test_a_problem_is_told_with_box_cause_log_and_remedy():
    assert printed(*explanations([BAD, Finding(Layer.PORT, Status.FINE, "well")])) == (
        "\nfail: log-in at darkroom (LOGIN_REFUSED)\n"
        "  why:  another password\n"
        "  log:  [r5] FAIL LOGIN\\x1b[2J\n"
        "  do:   deploy again\n"
    )


def test_what_was_not_tried_takes_one_line():
    after = Finding(Layer.LIBRARY, Status.UNKNOWN, "no photo was told 226")
    found = list(grouped([BAD, *NOT_TRIED, after]))
    assert [each.layer for each in found] == [Layer.LOGIN, Layer.PASV, Layer.LIBRARY]
    assert found[1].evidence == (
        "not tried, since no log-in succeeded; nor passive ports, small upload"
    )


def test_a_check_from_inside_says_that_it_was_one():
    assert "check from outside as well" in str(summary("darkroom", "r5", "here", 0, at_home=True))
    assert str(summary("darkroom", "r5", "here", 0, at_home=False)) == (
        "darkroom as r5, checked from here: cameras get in"
    )
