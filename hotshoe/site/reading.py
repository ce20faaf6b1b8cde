"""Read a Site from ``group_vars/``."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import Node, ScalarNode

from hotshoe.errors import Problem, SiteError
from hotshoe.site import checks, validation
from hotshoe.site.model import Site

FOLDER = Path("group_vars")
SHARED = "all.yml"
# A Site of a thousand cameras is less than this, and is read within seconds.
MOST_BYTES, MOST_VALUES, MOST_NESTED = 128 * 1024, 20_000, 50
SHARED_VAULT = "all.vault.yml"


@dataclass(frozen=True)
class SiteFiles:
    """Where the files of a Site are, relative to the folder that holds deploy.py.

    :param name: the Site's name, which is also its inventory's: ``home``
    :param root: the folder that holds deploy.py
    """

    name: str
    root: Path = Path()

    @property
    def site(self) -> Path:
        """What the person says."""
        return self.root / FOLDER / f"{self.name}.yml"

    @property
    def shared(self) -> Path:
        """What every Site of this repository shares."""
        return self.root / FOLDER / SHARED

    @property
    def vault(self) -> Path:
        """The secrets, encrypted: the Site's own, or else those that every Site shares."""
        own = self.root / FOLDER / f"{self.name}.vault.yml"
        return self.shared_vault if self.shared_vault.exists() and not own.exists() else own

    @property
    def shared_vault(self) -> Path:
        """The secrets of every Site that has none of its own."""
        return self.root / FOLDER / SHARED_VAULT

    @property
    def known_hosts(self) -> Path:
        """The SSH host keys of its hosts, compared by a person; there may be none yet."""
        return self.root / FOLDER / f"{self.name}.known_hosts"


def load_site(files: SiteFiles) -> Site:
    """Read, validate and check a Site. Touches no host.

    :returns: a Site that a Plan can be made of
    :raises SiteError: with every problem found
    """
    if files.name in ("", "..") or Path(files.name).name != files.name:
        # The name is that of a folder under .stage/ as well.
        reason = f"{files.name!r} is not the name of a Site"
        remedy = "write what a file in group_vars/ is called, without .yml; for example home"
        raise SiteError([Problem(str(files.site), "", reason, remedy)])
    own = read_mapping(
        files.site, "run this in the folder that holds deploy.py; group_vars/home.yml is an example"
    )
    shared = read_mapping(files.shared, "") if files.shared.exists() else {}
    raw = shared | own
    for key in shared.keys() & own.keys():
        if isinstance(shared[key], dict) and isinstance(own[key], dict):
            raw[key] = shared[key] | own[key]
    file_of = {"": str(files.site)}
    file_of |= {key: str(files.shared) for key in shared if key not in own}
    # A single server is written without a list.
    single = "servers" not in raw
    if single and "server" in raw:
        file_of["servers"] = file_of.get("server", file_of[""])
        raw["servers"] = [raw.pop("server")]

    valid, problems = validation.validate(Site, raw, file_of)
    problems += [_problem(finding, file_of) for finding in checks.run(valid)]
    if problems:
        raise SiteError(_with_key_as_written(problem, single) for problem in problems)
    return Site.model_validate(raw)


def warnings_of(files: SiteFiles, site: Site) -> list[Problem]:
    """Warnings: what works, though not as well as the person may think.

    :param site: what :func:`load_site` returned
    """
    file_of = {"": str(files.site)}
    return [_problem(finding, file_of) for finding in checks.run(site, checks.WARNINGS)]


def _problem(finding: checks.Finding, file_of: Mapping[str, str]) -> Problem:
    key, reason, remedy = finding
    file = file_of.get(key.split(".")[0].split("[")[0], file_of[""])
    return Problem(file, key, reason, remedy)


def _with_key_as_written(problem: Problem, single: bool) -> Problem:
    """A problem with the person's key ``server``, where a single one is written without a list."""
    if not single:
        return problem
    key = re.sub(r"^servers(\[0\])?(?=\.|$)", "server", problem.key)
    remedy = problem.remedy.replace("servers: [{", "server: {").replace("}]", "}")
    return replace(problem, key=key, remedy=remedy if key == "server" else problem.remedy)


def read_mapping(path: Path, if_missing: str) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    :param if_missing: what to do when the file is not there
    :raises SiteError: if the file cannot be read, or is no YAML mapping, or has a key twice
    """
    if path.is_fifo():
        # Reading would wait for whoever writes to it.
        raise SiteError([Problem(str(path), "", "is a pipe, and no file", "make it a file")])
    try:
        with path.open("rb") as file:
            # One byte more shows that it is too long; a link may lead to an endless file.
            read = file.read(MOST_BYTES + 1)
        _require_short(read, path)
        text = read.decode("utf-8")
    except FileNotFoundError:
        raise SiteError([Problem(str(path), "", "there is no such file", if_missing)]) from None
    except UnicodeDecodeError:
        raise SiteError(
            [Problem(str(path), "", "is not a text file in UTF-8", "save it as UTF-8")]
        ) from None
    except OSError as error:
        raise SiteError(
            [Problem(str(path), "", f"cannot be read: {error.strerror}", "make it readable")]
        ) from None
    return parse_mapping(text, str(path))


def parse_mapping(text: str, file: str, *, secret: bool = False) -> dict[str, Any]:
    """Parse YAML 1.2 text that holds a mapping.

    :param file: the file's name for messages
    :param secret: leave out what the parser says, because it quotes the text
    :raises SiteError: if it is no YAML mapping, or has a key twice
    """

    def quoted(what: object) -> str:
        return "" if secret else f": {what}"

    _require_short(text, file)
    parser = YAML(typ="safe", pure=True)
    parser.Constructor = _MeasuringConstructor
    try:
        with warnings.catch_warnings():
            # YAML 1.2 allows it, and the warning quotes the text.
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            raw = parser.load(text)
    except _TooLargeError as error:
        raise SiteError([Problem(file, "", str(error), "write the values themselves")]) from None
    except DuplicateKeyError as error:
        raise SiteError(
            [Problem(file, _line(error), "has the same key twice", "keep one of the two")]
        ) from None
    except MarkedYAMLError as error:
        if "'\\t'" in (error.problem or ""):
            reason, remedy = "has a tab where YAML takes spaces", "write spaces there"
            raise SiteError([Problem(file, _line(error), reason, remedy)]) from None
        raise SiteError(
            [
                Problem(
                    file, _line(error), f"is not YAML{quoted(error.problem)}", "correct that line"
                )
            ]
        ) from None
    except YAMLError as error:
        reason = str(error).splitlines()[0]
        raise SiteError(
            [Problem(file, "", f"is not YAML{quoted(reason)}", "correct the file")]
        ) from None
    except RecursionError:
        raise SiteError(
            [Problem(file, "", "holds lists or mappings nested too deeply", "correct the file")]
        ) from None
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # The parser lets these through, for example for the date 2024-02-30.
        reason = f"holds a value that cannot be read{quoted(error)}"
        raise SiteError(
            [Problem(file, "", reason, "put quotes around what is meant as text")]
        ) from None
    if not isinstance(raw, dict):
        reason = "is empty" if raw is None else "is not a mapping of keys to values"
        raise SiteError([Problem(file, "", reason, "begin with a line such as: key: value")])
    return raw


def _require_short(content: bytes | str, file: object) -> None:
    if len(content) > MOST_BYTES:
        reason = f"is longer than {MOST_BYTES // 1024} KiB"
        remedy = "write only what belongs here, which is a few kilobytes"
        raise SiteError([Problem(str(file), "", reason, remedy)])


class _TooLargeError(Exception):
    """A document stands for more values than a Site has."""


class _MeasuringConstructor(SafeConstructor):
    """Measures a document before it builds any of it.

    An alias costs nothing to read, but aliases of aliases stand for more than a computer can hold,
    as soon as somebody walks through them.
    """

    def construct_document(self, node: Node) -> Any:
        _measure(node, 0, {})
        return super().construct_document(node)


def _measure(node: Node, depth: int, known: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """How many values a node stands for, and how many levels they have.

    :param depth: how deep it is written
    :param known: those of nodes that were measured, by identity; None while one is measured
    :raises _TooLargeError: if they are too many
    :raises RecursionError: if they are nested too deeply
    """
    if id(node) in known:
        measured = known[id(node)]
        if measured is None:
            raise _TooLargeError("holds something that contains itself, by an alias (*name)")
        return measured
    if depth > MOST_NESTED:
        raise RecursionError
    known[id(node)] = None
    values, levels = 1, 0
    for part in () if isinstance(node, ScalarNode) else node.value:
        for inner in part if isinstance(part, tuple) else (part,):
            more, deep = _measure(inner, depth + 1, known)
            values, levels = values + more, max(levels, deep)
    if values > MOST_VALUES:
        aliases = f"stands for more than {MOST_VALUES} values, by aliases of aliases (*name)"
        raise _TooLargeError(aliases)
    if levels >= MOST_NESTED:
        raise RecursionError
    known[id(node)] = values, levels + 1
    return values, levels + 1


def _line(error: MarkedYAMLError) -> str:
    return f"line {error.problem_mark.line + 1}" if error.problem_mark else ""
