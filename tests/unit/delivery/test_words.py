"""What programs and servers say, and what a person is told."""

from __future__ import annotations

import pytest

from hotshoe_delivery.words import trouble


@pytest.mark.parametrize(
    ("said", "told"),
    [
        # rclone 1.60 with WebDAV
        ("couldn't list files: Unauthorized: 401 Unauthorized", "username or the password"),
        ('Propfind "https://it/": x509: certificate signed by unknown authority', "not trust"),
        (
            'Propfind "https://it/": x509: certificate is valid for a.example, not b.example',
            "for another name",
        ),
        ("x509: certificate has expired or is not yet valid: current time", "has expired"),
        ("copy failed: Insufficient Storage: 507 Insufficient Storage", "its disk is full"),
        ("Propfind: dial tcp 192.168.1.30:443: connect: connection refused", "at its port"),
        ("dial tcp 192.168.1.30:443: i/o timeout", "does not answer"),
        ("dial tcp: lookup it.example on 1.1.1.1:53: no such host", "not known to the DNS"),
        ("Bad Gateway: 502 Bad Gateway", "something is wrong with itself: Bad Gateway"),
        # with SMB (go-smb2)
        (
            "couldn't connect SMB: response error: The attempted logon is invalid. This is either "
            "due to a bad username or authentication information.",
            "username or the password",
        ),
        (
            "response error: {Network Name Not Found} The specified share name cannot be found on "
            "the remote server.",
            "no such share",
        ),
        ("response error: An operation failed because the disk was full.", "its disk is full"),
        ("dial tcp 192.168.1.31:445: connect: no route to host", "does not answer"),
        # with S3
        ("NoSuchBucket: The specified bucket does not exist\n\tstatus code: 404", "no such bucket"),
        ("SignatureDoesNotMatch: The request signature\n\tstatus code: 403", "the access key"),
        ("InvalidAccessKeyId: The AWS Access Key Id\n\tstatus code: 403", "the access key"),
        ("AccessDenied: Access Denied\n\tstatus code: 403", "does not let the user read or write"),
        ("RequestTimeTooSkewed: The difference between", "clock"),
        # OpenSSH
        ("ann@192.168.1.30: Permission denied (publickey,password).", "password or key"),
        ("Host key verification failed.", "its host key is not the one of the Site"),
        (
            "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification "
            "failed.",
            "its host key is not the one of the Site",
        ),
        ("ssh: connect to host 192.168.1.30 port 22: Connection refused", "at its port"),
        ("ssh: connect to host 192.168.1.30 port 22: No route to host", "does not answer"),
        ("ssh: connect to host 192.168.1.30 port 22: Connection timed out", "does not answer"),
        ("ssh: Could not resolve hostname it: Name or service not known", "DNS"),
        ("Timeout, server 192.168.1.30 not responding.", "does not answer"),
        ("Connection closed by 192.168.1.30 port 22", "hung up"),
    ],
)
def test_it_is_told_in_plain_words(said, told):
    error = trouble(said, photo=True)
    assert told in str(error)
    # It is about all that goes there, whoever asked.
    assert not error.photo


@pytest.mark.parametrize("said", ["Failure", "", "something new"])
def test_what_nobody_knows_is_about_one_photo_and_told_as_it_is(said):
    error = trouble(said, photo=True)
    assert error.photo
    assert said in str(error) or "without a reason" in str(error)


def test_nothing_of_it_reaches_a_terminal_as_more_than_text():
    assert str(trouble("a\x1b[31m\nb")) == "a\\x1b[31m\\nb"
    assert len(str(trouble("x" * 10_000))) == 400
