"""UCI as text: what is read, what is written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotshoe.errors import HotshoeError
from hotshoe.openwrt.uci.data import Package, Section, UciError
from hotshoe.openwrt.uci.text import parse, render
from tests.unit.openwrt.uci.batch import RefusedError
from tests.unit.openwrt.uci.packages import file_texts, packages

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*/*"))


def corpus_text(path):
    return path.read_bytes().decode()


def read(body):
    """The options of the one section with this body."""
    (package,) = parse(f"config t 's'\n{body}\n", "p")
    return dict(package.sections[0].options)


any_types = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=6)


@given(st.lists(packages(file_texts, any_types), max_size=3, unique_by=lambda one: one.name))
def test_what_is_written_is_read_again(some):
    assert parse(render(*some)) == tuple(some)


@given(packages(file_texts))
def test_a_file_without_a_package_line_has_the_name_that_is_given(package):
    _, _, body = render(package).partition("\n")
    assert parse(body, package.name) == (package,)


@given(packages(file_texts))
def test_what_is_read_keeps_the_order_of_options(package):
    (found,) = parse(render(package))
    assert [list(s.options) for s in found.sections] == [list(s.options) for s in package.sections]


# Words and marks of the language: in any order, and as statements, most of which are right.
SCRAPS = ["config", "option", "list", "package", "c", "o", "l", "a", "b", "'", '"', "\\", "#", ";"]
PARTS = ["a", "é", "'b c'", '"d e"', '"\\""', "''", "\\ ", "\\#", "\\;", "\\\n", "'\n'", '"\\\n"']
ENDS = ["\n", "\n", "\r\n", ";", " ;", "; ", "#\n", " # a\n", " \\\n\n"]
words = st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map("".join)
statements = st.tuples(
    st.sampled_from(["option a ", "list\ta\t", "o 'b' ", "l b ", "config t ", "c t s #"]),
    st.one_of(st.just(""), words),
    st.sampled_from(ENDS),
).map("".join)
texts = st.one_of(
    st.lists(st.sampled_from([*SCRAPS, " ", " ", "\t", "\n", "\n", "\r", "\f", "é"])).map("".join),
    st.lists(statements, max_size=6).map(lambda some: "".join(["config t s\n", *some])),
)


@given(texts)
def test_whatever_the_text_is_it_is_read_or_refused_with_a_line(text):
    try:
        found = parse(text, "p")
    except UciError as refusal:
        assert refusal.package == "p"
        assert refusal.where.startswith("line ")
    else:
        assert parse(render(*found)) == found


def test_an_export_looks_like_that_of_uci():
    package = Package(
        "network",
        (
            Section("device", None, {"name": "br-lan", "ports": ("lan1", "lan2")}),
            Section("interface", "lan", {"descr": "it's\nhome"}),
        ),
    )
    assert render(package) == (
        "package network\n\n"
        "config device\n\toption name 'br-lan'\n\tlist ports 'lan1'\n\tlist ports 'lan2'\n\n"
        "config interface 'lan'\n\toption descr 'it'\\''s\nhome'\n\n"
    )


# What stands in a section, and what is read; None if it is refused.
BODIES: dict[str, tuple[str, dict | None]] = {
    "bare": ("option a b", {"a": "b"}),
    "single quotes": ("option a 'b c'", {"a": "b c"}),
    "nothing is special in them": ("option a 'b\\n\"'", {"a": 'b\\n"'}),
    "double quotes": ('option a "b \\"c\\" \\\\ \\n"', {"a": 'b "c" \\ n'}),
    "parts of one word": ("option a b'c d'\"e f\"g", {"a": "bc de fg"}),
    "an escaped quote inside quotes": ("option a it'\\''s", None),
    "a quote between quotes": ("option a 'it'\\''s'", {"a": "it's"}),
    "backslashes": ("option a b\\ c\\#d\\;e", {"a": "b c#d;e"}),
    "a line that goes on": ("option a b\\\nc", {"a": "bc"}),
    "with a carriage return": ("option a b\\\r\nc", {"a": "bc"}),
    "a line that goes on with a blank": ("option a \\\n  b", None),
    "a line that goes on with nothing": ("option a b \\\n\noption c d", {"a": "b", "c": "d"}),
    "in double quotes": ('option a "b\\\nc"', {"a": "bc"}),
    "not in single quotes": ("option a 'b\\\nc'", {"a": "b\\\nc"}),
    "newlines in single quotes": ("option a 'b\n\n\tc'", {"a": "b\n\n\tc"}),
    "newlines in double quotes": ('option a "b\nc"', {"a": "b\nc"}),
    "comment": ("option a b # c", {"a": "b"}),
    "comment inside a word": ("option a b#c", {"a": "b"}),
    "none inside quotes": ("option a 'b#c'", {"a": "b#c"}),
    "whole line": ("# option a b\n\t#", {}),
    "two statements": ("option a 'b'; option c d", {"a": "b", "c": "d"}),
    "after a blank": ("option a b ;option c d", {"a": "b", "c": "d"}),
    "right after a bare word": ("option a b; option c d", {"a": "b"}),
    "nothing after it": ("option a 'b';", None),
    "blanks": ("\v\f\r option\ta\t\tb\t", {"a": "b"}),
    "a line end of Windows": ("option a b\r", {"a": "b"}),
    "a blank that is none in C": ("option a b\u00a0c", {"a": "b\u00a0c"}),
    "short keywords": ("o a b\nl c d", {"a": "b", "c": ("d",)}),
    "other abbreviations": ("opt a b", None),
    "capitals": ("OPTION a b", None),
    "a keyword in quotes": ("'option' a b", None),
    "a name in quotes": ("option 'a' b", {"a": "b"}),
    "no value": ("option a", {}),
    "an empty value": ("option a ''", {}),
    "an empty value again": ("option a b\noption a ''", {"a": "b"}),
    "empty items": ("list a\nlist a ''", {"a": ("", "")}),
    "the last one counts": ("option a b\noption a c", {"a": "c"}),
    "the same item twice": ("list a b\nlist a b", {"a": ("b", "b")}),
    "a list after an option": ("option a b\nlist a c", {"a": ("b", "c")}),
    "an option after a list": ("list a b\noption a c", {"a": "c"}),
    "a word too many": ("option a b c", None),
    "a hyphen in a name": ("option a-b c", None),
    "a letter in a name that is none in C": ("option é c", None),
    "no name": ("option", None),
}


@pytest.mark.parametrize(("body", "options"), BODIES.values(), ids=BODIES)
def test_a_body_is_read_as_libuci_reads_it(body, options):
    if options is None:
        with pytest.raises(UciError):
            read(body)
    else:
        assert read(body) == options


def test_the_last_line_needs_no_end():
    assert read("option a b") == {"a": "b"}
    assert parse("config t", "p")[0].sections == (Section("t", None, {}),)


def test_a_named_section_that_occurs_twice_is_one():
    text = "config t 's'\noption a b\nconfig u\nconfig t s\noption c d\n"
    assert parse(text, "p") == (
        Package("p", (Section("t", "s", {"a": "b", "c": "d"}), Section("u", None, {}))),
    )


def test_anonymous_sections_are_never_one():
    assert parse("config t\nconfig t ''\n", "p")[0].sections == (Section("t", None, {}),) * 2


def test_package_lines_count_unless_the_text_is_one_file():
    text = "package a\nconfig t\npackage b-c\n"
    assert parse(text) == (Package("a", (Section("t", None, {}),)), Package("b-c"))
    assert parse(text, "d") == (Package("d", (Section("t", None, {}),)),)


def test_nothing_is_nothing():
    assert parse("") == ()
    assert parse("", "p") == (Package("p"),)
    assert render() == ""


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("config t\n\noption a 'b\n\n", "p", "p, line 3: a quote begins with ' and never ends"),
        ('config t\noption a "b\\', "p", 'p, line 2: a quote begins with " and never ends'),
        ("option a b", "p", "p, line 1: an option or list before the first section"),
        ("config t", None, "(no name yet), line 1: a section before the first package line"),
        ("package a\npackage a", None, "a, line 2: package a occurs twice"),
        ("package a\nlist b c\n", None, "a, line 2: an option or list before the first section"),
        ("package a\nconfig t\npackage b\nlist c d", None, "b, line 4: an option or list before"),
        ("package a.b", None, "(no name yet), line 1: 'a.b' is no name of a package"),
        ("config 'a b'", "p", "p, line 1: 'a b' is no type of a section"),
        ("config t s-x", "p", "line 1: 's-x' is no name of a section: letters, digits and _ only"),
        ("config t s u", "p", "p, line 1: 'u' is one word too many"),
        ("config t s\nconfig u s", "p", "line 2: section s is a t before, and here a u"),
        ("config\n", "p", "p, line 1: 'config' begins no statement; package, config, option and"),
        ("config t\noption a b\0c", "p", "p, line 2: a NUL, where C takes text to end"),
    ],
)
def test_a_mistake_is_told_with_its_line(text, name, message):
    with pytest.raises(HotshoeError) as refusal:
        parse(text, name)
    assert message in str(refusal.value)
    assert str(refusal.value).startswith("UCI package ")


def test_a_name_that_is_given_is_one():
    with pytest.raises(ValueError, match="no name of a UCI package"):
        parse("", "a.b")


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_corpus_survives(path):
    found = parse(corpus_text(path), path.name)
    assert found[0].sections
    assert parse(render(*found)) == found


@pytest.mark.parametrize(
    "section",
    [("", None, {}), ("a b", None, {}), ("t", "", {}), ("t", "a-b", {}), ("t", None, {"a-b": "c"})],
)
def test_a_section_that_libuci_would_not_take_is_refused(section):
    with pytest.raises(ValueError):
        Section(*section)


def test_a_nul_is_refused():
    for value in ("a\0", ("b", "a\0")):
        with pytest.raises(ValueError, match="NUL"):
            Section("t", None, {"a": value})


def test_a_package_has_a_name_and_its_sections_have_their_own():
    with pytest.raises(ValueError, match="no name"):
        Package("a.b")
    with pytest.raises(ValueError, match="two sections named s"):
        Package("p", (Section("t", "s", {}), Section("u", "s", {})))


def test_sections_are_equal_by_content_in_whatever_order():
    assert Section("t", "s", {"a": "b", "c": ""}) == Section("t", "s", {"c": (), "a": "b"})
    assert Section("t", "s", {"a": "b"}) != Section("t", "s", {"a": ("b",)})
    assert list(Section("t", None, {"b": "1", "a": "2"}).options) == ["b", "a"]


def test_a_package_tells_its_sections():
    lan, wan = Section("zone", "lan", {}), Section("zone", None, {"name": "wan"})
    package = Package("firewall", (lan, Section("rule", None, {}), wan))
    assert package.section("lan") == lan
    assert package.section("wan") is None
    assert package.of_type("zone") == (lan, wan)
    assert package.addressed("zone") == (("lan", lan), ("@zone[1]", wan))


def test_the_real_program_reads_every_body_alike(uci_program):
    for body, options in BODIES.values():
        text = f"config t 's'\n{body}\n"
        if options is None:
            with pytest.raises(RefusedError):
                uci_program.read(text, "p")
        else:
            assert uci_program.read(text, "p") == render(*parse(text, "p"))


def test_the_real_program_exports_the_corpus_alike(uci_program):
    for path in CORPUS:
        text = corpus_text(path)
        assert uci_program.read(text, path.name) == render(*parse(text, path.name))


@given(packages(file_texts))
def test_the_real_program_exports_what_it_is_given(uci_program, package):
    assert uci_program.read(render(package), package.name) == render(package)


@given(texts)
def test_the_real_program_reads_any_text_alike(uci_program, text):
    try:
        found = render(*parse(text, "p"))
    except UciError:
        with pytest.raises(RefusedError):
            uci_program.read(text, "p")
    else:
        assert uci_program.read(text, "p") == found
