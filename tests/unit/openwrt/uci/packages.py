"""Random packages, and what may be wanted of them."""

from __future__ import annotations

from hypothesis import strategies as st

from hotshoe.openwrt.uci.changes import Setting, Wanted
from hotshoe.openwrt.uci.data import Package, Section

OWNER = "hotshoe"

# Few names and values, so that they often meet again.
types = st.sampled_from(["zone", "rule", "redirect", "bridge-vlan", "a/b+c"])
option_names = st.sampled_from(["name", "proto", "src_ip", "O1"])
short_texts = st.sampled_from(["a", "b", "c", "lan", "192.168.1.1"])
AWKWARD = " \t\n\r'\"\\#;=.@[]$`%\u00e9\u65e5\u0085\u2028\U0001f4f7"
awkward_texts = st.one_of(
    st.text(AWKWARD + "ab", max_size=12),
    st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"])),
    st.integers(100, 5000).map(lambda length: 'it\'s\\ "long"\n' * (length // 13)),
)
texts = st.one_of(short_texts, short_texts, awkward_texts)
# What a file may hold, but no line of a batch.
file_texts = st.one_of(texts, st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"])))


def values(items):
    return st.one_of(items, st.lists(items, max_size=4).map(tuple))


def options(items):
    return st.dictionaries(option_names, values(items), max_size=4)


def sections(names, items=texts, kinds=types):
    return st.builds(Section, kinds, names, options(items))


foreign_names = st.one_of(
    st.none(), st.none(), st.sampled_from(["lan", "wan", "hotshoes", "Hotshoe_a", "_"])
)
our_names = st.sampled_from([f"{OWNER}_{letter}" for letter in "abcdef"])


def unique(found):
    """Without those whose name is there before."""
    names = set()
    kept = []
    for section in found:
        if section.name is None or section.name not in names:
            kept.append(section)
            names.add(section.name)
    return tuple(kept)


def packages(items=texts, kinds=types):
    some = sections(st.one_of(foreign_names, our_names), items, kinds)
    return st.builds(
        Package, st.sampled_from(["firewall", "luci-x"]), st.lists(some, max_size=9).map(unique)
    )


def items_of(value):
    """What a value consists of, and something else."""
    return [*([value] if isinstance(value, str) else value), "new"]


@st.composite
def altered(draw, found):
    """One of these sections, with options and lists of much the same items."""
    section = draw(st.sampled_from(found))
    said = {
        name: draw(st.one_of(st.just(value), values(st.sampled_from(items_of(value)))))
        for name, value in section.options.items()
    }
    return Section(section.type, section.name, said)


@st.composite
def wanted_of(draw, package):
    """Anything that may be wanted of a package, often much of what it holds already."""
    there = [s for s in package.sections if s.name and s.name.startswith(f"{OWNER}_")]
    known = st.one_of(st.sampled_from(there), altered(there)) if there else st.nothing()
    some = unique(draw(st.lists(st.one_of(sections(our_names), known), max_size=6)))
    last = set()
    closed = set()
    for section in reversed(some):
        if section.type not in closed and draw(st.booleans()):
            last.add(section.name)
        else:
            closed.add(section.type)
    return Wanted(package.name, OWNER, some, draw(settings_of(package)), frozenset(last))


@st.composite
def settings_of(draw, package):
    addresses = [
        address
        for kind in ("zone", "rule", "redirect", "bridge-vlan")
        for address, section in package.addressed(kind)
        if not (section.name or "").startswith(f"{OWNER}_")
    ]
    if not addresses:
        return ()
    chosen = draw(
        st.dictionaries(
            st.tuples(st.sampled_from(addresses), option_names),
            st.one_of(st.none(), values(texts)),
            max_size=4,
        )
    )
    return tuple(Setting(*where, value) for where, value in chosen.items())


@st.composite
def cases(draw):
    """A package, and what is wanted of it."""
    package = draw(packages())
    return package, draw(wanted_of(package))
