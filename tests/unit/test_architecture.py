"""Who may import whom, and that what is named exists, in the documents as well."""

from __future__ import annotations

import ast
import pkgutil
import re
from pathlib import Path

import pytest

from tests.conftest import PROJECT

CORE = sorted((PROJECT / "hotshoe").rglob("*.py"))
ROLES = sorted((PROJECT / "roles").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The modules that a file imports anywhere in it, by their full names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def name_of(path: Path) -> str:
    return str(path.relative_to(PROJECT))


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_the_core_knows_neither_pyinfra_nor_ansible_nor_the_roles(path):
    assert not packages(path) & {"pyinfra", "pyinfra_cli", "ansible", "roles", "gevent", "paramiko"}


@pytest.mark.parametrize("path", ROLES, ids=name_of)
def test_no_role_knows_ansible_or_the_stage(path):
    """Importing ansible beside gevent prints a traceback; and a role must not know it rehearses."""
    assert "ansible" not in packages(path)
    assert not {name for name in imported(path) if name.startswith("hotshoe.stage")}


# The layers of hotshoe/, the lowest first, and the modules and packages in each. One imports from
# itself and from layers below; those in one layer do not know each other.
LAYERS = (
    ("errors", "paths", "probe", "resources", "venv"),
    ("browser", "environment", "render", "files"),
    ("ports",),
    ("site",),
    ("plan",),
    ("debian", "openwrt"),
    ("remote",),
    ("check",),
    ("show",),
    ("secrets",),
    ("deploy",),
    ("stage",),
    ("gitops",),
    ("cli",),
)
LAYER = {part: layer for layer, parts in enumerate(LAYERS) for part in parts}


def part_of(path: Path) -> str:
    return path.relative_to(PROJECT / "hotshoe").parts[0].removesuffix(".py")


@pytest.mark.parametrize(
    "path", [p for p in CORE if p.parent.name != "hotshoe" or p.stem != "__init__"], ids=name_of
)
def test_a_layer_imports_only_from_those_below_it(path):
    own = part_of(path)
    parts = {name.split(".")[1] for name in imported(path) if name.startswith("hotshoe.")}
    assert [part for part in parts - {own} if LAYER[part] >= LAYER[own]] == []


def test_architecture_tells_the_layers_as_they_are():
    told = " < ".join(parts[0] if len(parts) == 1 else f"({', '.join(parts)})" for parts in LAYERS)
    assert told in re.sub(r"\s+", " ", ARCHITECTURE)


def test_uci_knows_nothing_of_openwrt():
    """It is a language of its own."""
    names = {n for path in CORE if path.parent.name == "uci" for n in imported(path)}
    ours = {name for name in names if name.startswith("hotshoe.openwrt.")}
    assert ours
    assert {name for name in ours if not name.startswith("hotshoe.openwrt.uci.")} == set()


READS_FILES = {
    *(
        "resources",
        "venv",
        "environment",
        "browser",
        "render",
        "files",
        "probe",
        "remote",
        "check",
        "secrets",
        "stage",
    ),
    *("deploy", "gitops", "cli"),
}
# Modules of such packages that read files on the computer that deploys, or reckon with time.
FILES_OF_THE_PERSON = (
    "hotshoe/site/reading.py",
    "hotshoe/debian/acme_files.py",
    "hotshoe/debian/authority.py",
    "hotshoe/debian/authority_files.py",
    "hotshoe/debian/camera_roots.py",
    "hotshoe/debian/card.py",
    "hotshoe/debian/certificate_files.py",
    "hotshoe/debian/message_file.py",
    "hotshoe/debian/pair.py",
    "hotshoe/debian/renewal.py",
    "hotshoe/site/homes.py",
)
PURE = [
    path
    for path in CORE
    if not {part_of(path), *path.relative_to(PROJECT).with_suffix("").parts[1:]} & READS_FILES
    and name_of(path) not in FILES_OF_THE_PERSON
]


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_pure_modules_touch_no_host_no_file_and_no_clock(path):
    touching = {"os", "subprocess", "socket", "pathlib", "time", "datetime", "shutil", "random"}
    assert not packages(path) & touching


def test_every_named_template_exists_and_every_template_is_named():
    folder = PROJECT / "templates"
    templates = list(folder.rglob("*.j2"))
    named = {
        name
        for path in (*CORE, *ROLES, *templates)
        for name in re.findall(r'"([a-z_]+/[\w.-]+\.j2)"', path.read_text())
    }
    assert named == {str(path.relative_to(folder)) for path in templates}


def test_operations_of_different_hosts_are_never_fused():
    """pyinfra orders operations by line, so each call in deploy.py has a line of its own."""
    tree = ast.parse((PROJECT / "deploy.py").read_text())
    calls = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]
    assert len(calls) > 5
    assert len(set(calls)) == len(calls)
    # Of loops, pyinfra counts only its own.
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While)]
    assert [ast.unparse(loop.iter) for loop in loops] == ["host.loop(plan.routers)"]


TESTS = sorted((PROJECT / "tests").rglob("test_*.py"))
NAMES_OF_TESTS = [
    *(path.stem for path in TESTS),
    *(
        node.name
        for path in TESTS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ),
]
ARCHITECTURE = (PROJECT / "ARCHITECTURE.md").read_text()


def named_tests() -> set[str]:
    """Functions, classes and files; "…" stands for the rest of a long name."""
    said = ARCHITECTURE + (PROJECT / "SECURITY.md").read_text()
    return set(re.findall(r"`((?:test_|Test)\w+…?)(?:\[\w+\])?`", said))


@pytest.mark.parametrize("name", sorted(named_tests()))
def test_a_test_that_is_named_as_a_proof_exists(name):
    if name.endswith("…"):
        begins = name.removesuffix("…")
        assert len({each for each in NAMES_OF_TESTS if each.startswith(begins)}) == 1
    else:
        assert name in NAMES_OF_TESTS


def test_every_decision_names_a_test_as_its_proof():
    """And not "the same" as the row above, which may be another one by now."""
    _, _, table = ARCHITECTURE.partition("| decision | why | proof |\n|---|---|---|\n")
    rows = [row.split(" | ") for row in table.partition("\n\n")[0].splitlines()]
    assert len(rows) > 30
    assert [row[0] for row in rows if not re.search(r"`(test_|Test|tests/)", row[-1])] == []


DOCUMENTS = [
    *(path.name for path in sorted(PROJECT.glob("*.md"))),
    *(name_of(path) for path in sorted((PROJECT / "docs").glob("*.md"))),
    "tests/standin/README.md",
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_file_that_a_document_names_exists(document):
    """By its path from the project's folder, or by the end of it."""
    named = re.findall(r"`([\w./-]+\.(?:py|j2|md|sh|json))`", (PROJECT / document).read_text())
    ours = [f"/{name_of(path)}" for path in PROJECT.rglob("*.*")]
    ours = [path for path in ours if "/." not in path]
    assert [name for name in named if not any(each.endswith(f"/{name}") for each in ours)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_link_of_a_document_leads_to_a_file(document):
    path = PROJECT / document
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text())
    inner = [link for link in links if not link.startswith(("https://", "http://"))]
    assert [link for link in inner if not (path.parent / link).is_file()] == []


REFERENCES = sorted(
    {
        (name, name_of(path))
        for path in (*CORE, *ROLES, *(PROJECT / "tests").rglob("*.py"))
        for name in re.findall(r":\w+:`~?((?:hotshoe|roles|tests)\.[\w.]+)`", path.read_text())
    }
)


@pytest.mark.parametrize(("name", "where"), REFERENCES)
def test_a_docstring_refers_to_what_exists(name, where):
    pkgutil.resolve_name(name)
