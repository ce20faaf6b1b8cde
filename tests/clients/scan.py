"""Asks a server for everything that TLS has, and prints what it takes.

Runs on this computer, in the network of a device. Takes one order as JSON: ``host`` (the name),
``dial`` (the address), ``port``, and ``starttls``, whether TLS begins with AUTH TLS.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from sslyze import (
    ProtocolWithOpportunisticTlsEnum,
    ScanCommand,
    ScanCommandAttemptStatusEnum,
    Scanner,
    ServerNetworkConfiguration,
    ServerNetworkLocation,
    ServerScanRequest,
)

VERSIONS = {
    "SSL 2": ScanCommand.SSL_2_0_CIPHER_SUITES,
    "SSL 3": ScanCommand.SSL_3_0_CIPHER_SUITES,
    "1.0": ScanCommand.TLS_1_0_CIPHER_SUITES,
    "1.1": ScanCommand.TLS_1_1_CIPHER_SUITES,
    "1.2": ScanCommand.TLS_1_2_CIPHER_SUITES,
    "1.3": ScanCommand.TLS_1_3_CIPHER_SUITES,
}
OTHERS = {
    ScanCommand.ELLIPTIC_CURVES,
    ScanCommand.HEARTBLEED,
    ScanCommand.OPENSSL_CCS_INJECTION,
    ScanCommand.ROBOT,
    ScanCommand.SESSION_RENEGOTIATION,
    ScanCommand.TLS_1_3_EARLY_DATA,
    ScanCommand.TLS_COMPRESSION,
    ScanCommand.TLS_EXTENDED_MASTER_SECRET,
    ScanCommand.TLS_FALLBACK_SCSV,
}


def scan(order: dict[str, Any]) -> dict[str, Any]:
    """What the server takes: see the keys."""
    ftp = ProtocolWithOpportunisticTlsEnum.FTP if order["starttls"] else None
    request = ServerScanRequest(
        ServerNetworkLocation(order["host"], order["port"], order["dial"]),
        ServerNetworkConfiguration(order["host"], tls_opportunistic_encryption=ftp),
        {*VERSIONS.values(), *OTHERS},
    )
    scanner = Scanner(per_server_concurrent_connections_limit=4)
    scanner.queue_scans([request])
    (result,) = scanner.get_results()
    if result.scan_result is None:
        raise SystemExit(f"{result.scan_status}: {result.connectivity_error_trace}")

    def found(command: ScanCommand) -> Any:
        attempt = getattr(result.scan_result, command.value)
        if attempt.status is not ScanCommandAttemptStatusEnum.COMPLETED:
            raise SystemExit(f"{command}: {attempt.error_reason} {attempt.error_trace}")
        return attempt.result

    suites = {
        version: sorted(each.cipher_suite.openssl_name for each in accepted)
        for version, command in VERSIONS.items()
        if (accepted := found(command).accepted_cipher_suites)
    }
    renegotiation = found(ScanCommand.SESSION_RENEGOTIATION)
    curves = found(ScanCommand.ELLIPTIC_CURVES).supported_curves or []
    return {
        "suites": suites,
        "curves": sorted(curve.name for curve in curves),
        "compression": found(ScanCommand.TLS_COMPRESSION).supports_compression,
        "clients renegotiate": renegotiation.is_vulnerable_to_client_renegotiation_dos,
        "secure renegotiation": renegotiation.supports_secure_renegotiation,
        "early data": found(ScanCommand.TLS_1_3_EARLY_DATA).supports_early_data,
        "downgrades are noticed": found(ScanCommand.TLS_FALLBACK_SCSV).supports_fallback_scsv,
        "extended master secret": found(
            ScanCommand.TLS_EXTENDED_MASTER_SECRET
        ).supports_ems_extension,
        "Heartbleed": found(ScanCommand.HEARTBLEED).is_vulnerable_to_heartbleed,
        "CCS injection": found(ScanCommand.OPENSSL_CCS_INJECTION).is_vulnerable_to_ccs_injection,
        "ROBOT": found(ScanCommand.ROBOT).robot_result.name,
    }


if __name__ == "__main__":
    print(json.dumps(scan(json.load(sys.stdin))))
