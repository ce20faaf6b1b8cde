"""Transfers, and whether photos are in the library."""

from __future__ import annotations

from hotshoe.check.case import Case, Entries, Explanation, at_server
from hotshoe.probe.layers import Problem
from hotshoe.probe.result import Result


def _stalled(case: Case, _: Result) -> Explanation:
    return Explanation(
        "",
        "large packets vanish on the way, and no ICMP says so (MTU black hole): common with PPPoE, "
        "DS-Lite and VPNs",
        f"on {case.outermost}, at the line, clamp the MSS of TCP to the path's MTU, and let ICMP "
        "through; if it works from another network, the one that was checked from does this",
    )


def _forgotten(case: Case, _: Result) -> Explanation:
    suspects = case.names(lambda router: bool(router.masquerade or router.targets))
    idle = [
        box.name
        for router in case.chain
        if (box := case.box(router.name)) and _forgets(box.idle_seconds)
    ]
    boxes = " or ".join(idle) or suspects
    return Explanation(
        boxes,
        "while a transfer goes on, nothing passes the control connection, and a NAT on the way "
        "forgot it",
        f"let established TCP connections last an hour or more on {boxes or 'whatever is between'} "
        "(nf_conntrack_tcp_timeout_established); if that is so, the NAT is the camera's network's",
    )


def _forgets(idle_seconds: float | None) -> bool:
    # RFC 5382, REQ-5: not before two hours and four minutes. An hour is longer than any photo.
    return idle_seconds is not None and idle_seconds < 3600


def _few(case: Case, _: Result) -> Explanation:
    return Explanation(
        case.server.name,
        "the server takes fewer sessions than planned from one camera or one address, which "
        "cameras answer with an error",
        f"deploy again, which sets {case.server.max_clients} in all and "
        f"{case.server.max_per_address} from one address; see what sessions there are: "
        f"journalctl -u hotshoe-sessions on {case.server.name}",
    )


_FULL = at_server(
    "uploads are refused (553): a limit of the Site is reached, the disk is full, or somebody took "
    "the right to write from the camera's folder",
    "see which: journalctl -u hotshoe-intake on {server}; move or remove photos, and it goes on by "
    "itself; where nothing is full, systemctl restart hotshoe-intake opens the folder again",
)
ENTRIES: Entries = {
    Problem.UPLOAD_REFUSED: at_server(
        "{server} takes no file from {camera}: its folder is missing or not its own",
        "deploy again; journalctl -t vsftpd on {server} has the reason",
    ),
    Problem.UPLOAD_FULL: _FULL,
    Problem.ROOM_FULL: _FULL,
    Problem.UPLOAD_BROKEN: at_server(
        "the transfer broke off", "see journalctl -t vsftpd and -u hotshoe-intake on {server}"
    ),
    Problem.UPLOAD_DATA_TLS: at_server(
        "the data connection got through, and TLS on it did not: another program answers at a "
        "passive port, or something on the way cuts it",
        "deploy again; see whose program has the port: ss -ltnp",
    ),
    Problem.LARGE_STALLED: _stalled,
    Problem.SLOW_FORGOTTEN: _forgotten,
    Problem.SESSIONS_FEW: _few,
    Problem.SAME_NAME_REFUSED: at_server(
        "the camera's folder still has the photo of before: hotshoe-intake does not take photos in",
        "see journalctl -u hotshoe-intake on {server}, and deploy again",
    ),
    Problem.LIBRARY_MISSING: at_server(
        "hotshoe-intake on {server} has not put it there",
        "see journalctl -u hotshoe-intake on {server}",
    ),
    Problem.LIBRARY_DIFFERS: at_server(
        "what is in the library is not what was sent: the disk is failing, or somebody changed it",
        "look at the disk of {server} (journalctl -k), and trust no photo of today",
    ),
}
