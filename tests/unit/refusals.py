"""How tests of refusals write what is wrong, and read the answer."""

from __future__ import annotations

import pytest

from hotshoe.errors import SiteError
from hotshoe.site.reading import SiteFiles, load_site
from tests.conftest import SMALLEST

FILE = "group_vars/home.yml"


def with_lines(lines: str) -> str:
    """The smallest Site, with the lines of these keys replaced, or added if it has none."""
    keys = {line.split(":")[0] for line in lines.splitlines()}
    if "servers" in keys:
        keys.add("server")
    kept = [other for other in SMALLEST.splitlines() if other.split(":")[0] not in keys]
    return "\n".join([*kept, lines, ""])


def without(key: str) -> str:
    """The smallest Site, with a key left out."""
    return "".join(f"{line}\n" for line in SMALLEST.splitlines() if line.split(":")[0] != key)


def refusal(files: SiteFiles) -> str:
    """The whole message that loading a Site ends with."""
    with pytest.raises(SiteError) as refused:
        load_site(files)
    return str(refused.value)


def one_problem(key: str, reason: str, remedy: str) -> str:
    """The whole message when a single thing is wrong."""
    return f"1 problem, nothing was changed:\n{FILE}: {key}: {reason}\n    -> {remedy}"
