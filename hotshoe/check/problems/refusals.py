"""What the server has to refuse, and does not."""

from __future__ import annotations

from hotshoe.check.case import Entries, Entry, at_server
from hotshoe.probe.layers import Problem


def _allows(what: str) -> Entry:
    return at_server(
        "the configuration of vsftpd on {server} is not the planned one, or another server "
        f"answers: {what}",
        "take {server} off the Internet or stop hotshoe-vsftpd*, and deploy again",
    )


ENTRIES: Entries = {
    Problem.ALLOWED_PLAIN: _allows("it takes a password in clear"),
    Problem.ALLOWED_ANONYMOUS: _allows("it lets anybody in"),
    Problem.ALLOWED_CLEAR_DATA: _allows("it takes photos in clear"),
    Problem.ALLOWED_ACTIVE: _allows("it opens connections to wherever it is told (active mode)"),
    Problem.ALLOWED_DOWNLOAD: _allows("it hands photos out"),
    Problem.ALLOWED_DELETE: _allows("it deletes photos"),
}
