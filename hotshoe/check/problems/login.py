"""The log-in, what PASV announces, and FTP helpers that change it."""

from __future__ import annotations

from hotshoe.check.case import Case, Entries, Explanation, at_server
from hotshoe.probe.layers import Problem
from hotshoe.probe.result import Result


def _refused(case: Case, _: Result) -> Explanation:
    name = case.server.name
    if case.view and not any("FAIL LOGIN" in line for line in case.view.journal):
        return Explanation(
            name,
            f"{name} has no such attempt in its journal: another server answered, or PAM does not "
            "work there",
            f"see journalctl -t vsftpd on {name}, and deploy again",
        )
    return Explanation(
        name,
        f"{name} has another password for {case.camera} than the vault, or none",
        "deploy again, and compare what is in the camera's menu with the vault",
    )


def _announces(case: Case, result: Result) -> Explanation:
    """An address that is not the one that was dialled."""
    name = case.server.name
    if case.server.follower:
        return Explanation(
            name,
            f"{name} has not followed the public address",
            f"see why on {name}: journalctl -u hotshoe-address",
        )
    announced = result.data.get("announced")
    told = f"{name} tells cameras {announced}" if announced else f"{name} tells another address"
    return Explanation(
        name,
        f"{told}: its configuration is not the planned one, or the Site's public_address is not "
        "the home's any more",
        f"deploy again, which announces {case.plan.public_address}; if the provider changes the "
        "address, write public_address: dynamic",
    )


def _port(case: Case, _: Result) -> Explanation:
    return Explanation(
        case.server.name,
        f"another range than {case.server.passive} is in force, or something on the way rewrites "
        "the answer",
        "deploy again",
    )


def _rewritten(case: Case, _: Result) -> Explanation:
    suspects = case.names(
        lambda router: router.by_hand or bool((box := case.box(router.name)) and box.helper)
    )
    off = f"turn the FTP ALG of {suspects} off" if suspects else "turn FTP ALGs on the way off"
    return Explanation(
        suspects,
        "an FTP helper (ALG) on the way writes another address into the answer to PASV",
        f"{off}; with TLS none of them can do this",
    )


def _helper_on(_case: Case, result: Result) -> Explanation:
    box = str(result.data["box"])
    return Explanation(
        box,
        f"an FTP helper (ALG) of {box} reads control connections; it cannot read through TLS, but "
        "spoils or cuts what is plain",
        f"turn it off on {box}: hotshoe uses none",
    )


ENTRIES: Entries = {
    Problem.LOGIN_REFUSED: _refused,
    Problem.LOGIN_FULL: at_server(
        "all sessions are taken, or all of this address: other cameras, or sessions of cameras "
        "that vanished, which end by themselves within minutes",
        "see who is there: journalctl -u hotshoe-sessions on {server}; or wait a minute",
    ),
    Problem.LOGIN_ENDED: at_server(
        "the session broke down during the log-in: vsftpd met an error, or was restarted",
        "see journalctl -u 'hotshoe-vsftpd*' on {server}, and deploy again",
    ),
    Problem.PASV_PRIVATE: _announces,
    Problem.PASV_ELSEWHERE: _announces,
    Problem.PASV_PORT: _port,
    Problem.PASV_REFUSED: at_server(
        "all passive ports are taken, or pasv_address cannot be used",
        "see journalctl -t vsftpd on {server}, and deploy again",
    ),
    Problem.PASV_REWRITTEN: _rewritten,
    Problem.HELPER_ON: _helper_on,
}
