"""Lines for a person elsewhere, who has nothing of hotshoe's but one file."""

from __future__ import annotations

from hotshoe.probe import table
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.result import Result


def test_what_a_strangers_server_says_does_not_control_the_terminal():
    evidence = "it is for \x1b]0;x\x07caf\xe9\u202e, and not for photos.example.net"
    problem = Problem.CERTIFICATE_NAME
    said = table.line(Result(Layer.CERTIFICATE, Status.FAIL, evidence, problem))
    assert r"\x1b]0;x\x07café\u202e" in said.replace("\n", " ")
    assert "\x1b" not in said
