"""What a deploy would change, as Markdown for the comment on a merge request.

Names come from files that others may have written, so all of them are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hotshoe.deploy.results import SiteResult
from hotshoe.errors import escaped

# CommonMark 0.31, section 2.4: a backslash before ASCII punctuation takes its meaning. HTML, and
# what services make links of (mentions, issues), need more than that.
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+\-.!|~])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", ":": "&#58;", "/": "&#47;"}
_WORDS = {"change": "would change", "if": "may change", "changed": "changed", "failed": "failed"}


def escape(text: str) -> str:
    """Text that means nothing but itself in Markdown, in one line."""
    plain = escaped(" ".join(text.split()))
    return "".join(_ENTITIES.get(c, c) for c in _PUNCTUATION.sub(r"\\\1", plain))


def markdown(results: Iterable[SiteResult]) -> str:
    """What deploys would change: a heading and a table for each Site."""
    return "".join(f"{line}\n" for result in results for line in _lines(result))


def _lines(result: SiteResult) -> Iterator[str]:
    yield f"### {escape(result.site)}"
    yield ""
    if result.error:
        yield "Could not be told:"
        yield ""
        yield from (f"> {escape(line)}  " for line in result.error.splitlines())
    elif not result.changes:
        yield f"No change on {', '.join(escape(host.host) for host in result.hosts) or 'any host'}."
    else:
        yield "| host | operation | |"
        yield "|---|---|---|"
        for host in result.hosts:
            for operation in host.operations:
                cells = (host.host, operation.name, _WORDS[operation.effect])
                yield f"| {' | '.join(map(escape, cells))} |"
            for leftover in host.leftovers:
                yield f"| {escape(host.host)} | {escape(leftover)} | leftover, would go |"
    yield ""
