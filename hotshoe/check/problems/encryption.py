"""TLS, and the server's certificate."""

from __future__ import annotations

from hotshoe.check.case import Case, Entries, Entry, Explanation, at_no_box, at_server
from hotshoe.probe.layers import Problem
from hotshoe.probe.result import Result


def _stripped(case: Case, _: Result) -> Explanation:
    suspects = case.names(lambda router: router.by_hand)
    return Explanation(
        suspects,
        "the server offers TLS, so something on the way reads the control connection and takes it "
        "out: an FTP helper (ALG), a firewall that inspects FTP, or a stranger",
        f"{_without_helpers(suspects)}check from another network as well, to know whether it is "
        "that network's; cameras that speak implicit FTPS pass such boxes (ftp.tls: both)",
    )


def _without_helpers(suspects: str) -> str:
    return f"turn the FTP ALG of {suspects} off; " if suspects else ""


def _cut(case: Case, _: Result) -> Explanation:
    return Explanation(
        "",
        "something on the way cuts TLS, such as a firewall that inspects it, or the daemon has no "
        "certificate that it can use",
        "check from another network, to know whether it is that network's; see journalctl -u "
        f"'hotshoe-vsftpd*' on {case.server.name}, and deploy again",
    )


def _version(case: Case, _: Result) -> Explanation:
    versions = ", ".join(case.server.encryption.versions) if case.server.encryption else "none"
    return Explanation(
        case.server.name,
        f"planned are {versions}; another server answers, or an older configuration runs",
        "deploy again",
    )


def _legacy(case: Case, _: Result) -> Explanation:
    if case.server.encryption and "1.0" in case.server.encryption.versions:
        return Explanation(
            case.server.name,
            "the Site has legacy_tls: true",
            "take ftp.legacy_tls out, unless a camera needs it",
        )
    return Explanation(
        case.server.name, "the Site does not offer them, so another server answers", "deploy again"
    )


def _issuer(case: Case, _: Result) -> Explanation:
    return Explanation(
        case.server.name,
        "it is of another authority than the root certificate that cameras have: the server has "
        "another certificate than planned, the authority was made anew, or another server answers",
        f"deploy again; compare with hotshoe authority show, and cameras need {_root(case)}",
    )


def _root(case: Case) -> str:
    certificate = case.server.certificate
    if certificate and certificate.issuer == "own-ca":
        return f"pki/{case.plan.hostname}/ROOT.CRT"
    return "the root certificate of that authority"


def _not_renewed(cause: str) -> Entry:
    return lambda case, _: Explanation(case.server.name, cause, _renewal(case))


def _renewal(case: Case) -> str:
    certificate = case.server.certificate
    if certificate and certificate.issuer == "letsencrypt":
        return f"see journalctl -u hotshoe-acme on {case.server.name}, and deploy again"
    if certificate and certificate.files:
        return f"put a new certificate into {certificate.files.chain}, and deploy again"
    return "deploy again, which renews it"


ENTRIES: Entries = {
    Problem.TLS_REFUSED: _stripped,
    Problem.TLS_FAILED: _cut,
    Problem.TLS_VERSION: _version,
    Problem.TLS_LEGACY: _legacy,
    Problem.CERTIFICATE_NAME: at_server("the certificate is not for {hostname}", "deploy again"),
    Problem.CERTIFICATE_EXPIRED: _not_renewed("it was not renewed in time"),
    Problem.CERTIFICATE_EARLY: at_server(
        "it was made by a clock that is ahead, or the clock of the checking computer is slow",
        "deploy again",
    ),
    Problem.CERTIFICATE_ISSUER: _issuer,
    Problem.CERTIFICATE_CHAIN: at_server(
        "the server does not send the certificates between its own and the root, so a camera that "
        "has the root alone cannot get there",
        "deploy again; the file of certificate.chain holds them after the server's",
    ),
    Problem.CERTIFICATE_COMMON_NAME: at_server(
        "the name has to be the common name and an alternative name: some cameras look at the one, "
        "and some at the other",
        "deploy again",
    ),
    Problem.CERTIFICATE_ENDS: _not_renewed("it has not been renewed yet"),
    Problem.SERVER_CERTIFICATE_ENDS: _not_renewed("it has not been renewed yet"),
    Problem.CLOCK: at_no_box(
        "the computer from which this was checked has another time than the server, so it cannot "
        "judge dates",
        "set its clock, and check again; set the camera's as well",
    ),
}
