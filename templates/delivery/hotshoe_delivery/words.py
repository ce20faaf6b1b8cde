"""What is wrong with a destination, in plain words.

What programs and servers say is matched, not understood: what nothing here knows is told as it is.
"""

from __future__ import annotations

import re

from hotshoe_delivery.system import printable

# Of what is said, so many characters are looked at.
LONGEST = 4000


class TroubleError(Exception):
    """Something could not be delivered, or looked at.

    :param reason: in plain words
    :param photo: whether it is about one photo; else about everything that goes there
    """

    def __init__(self, reason: str, *, photo: bool = False) -> None:
        super().__init__(reason)
        self.photo = photo


class OtherContentError(TroubleError):
    """What arrived at the other side is not what was sent, or not what is here by now."""

    def __init__(self) -> None:
        super().__init__("what arrived there is not what was sent; it is sent again", photo=True)


# What is said, and what it means; the first one counts. Of rclone 1.60 with its backends, OpenSSH,
# go-smb2, S3's error codes (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html) and the
# statuses of WebDAV (RFC 4918).
_WORDS = (
    (
        r"x509: certificate signed by unknown authority|x509: .*self.signed",
        "its certificate is of an authority that this server does not trust; put that one's root "
        "certificate into /usr/local/share/ca-certificates and run update-ca-certificates",
    ),
    (
        r"x509: certificate has expired or is not yet valid",
        "its certificate has expired, or the clock of one of the two is wrong",
    ),
    (
        r"x509: certificate is (?:valid for|not valid for any names)|x509: cannot validate",
        "its certificate is for another name than the one in delivery[].url",
    ),
    (r"x509: |tls: ", "its certificate is not trusted: {said}"),
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|"
        r"knownhosts: key mismatch|No \S+ host key is known",
        "its host key is not the one of the Site (delivery[].host_key): either it was set up anew, "
        "or something else answers in its place. Nothing is sent before the Site has its key",
    ),
    (
        r"RequestTimeTooSkewed",
        "it refuses requests, since the clock of one of the two is wrong",
    ),
    (
        r"NoSuchBucket",
        "there is no such bucket (delivery[].bucket)",
    ),
    (
        r"InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken",
        "it does not take the access key: its ID (delivery[].username) or the secret in the vault "
        "(delivery_passwords) is wrong",
    ),
    (
        r"401 Unauthorized|\b401\b|attempted logon is invalid|STATUS_LOGON_FAILURE|"
        r"Permission denied \(|Too many authentication failures|"
        r"account (?:is currently disabled|has been locked)|password .* expired",
        "it does not take the username or the password or key (delivery[].username, and "
        "delivery_passwords in the vault)",
    ),
    (
        r"507 |Insufficient Storage|no space left|No space left|disk was full|DISK_FULL|disk full|"
        r"[Qq]uota ?[Ee]xceeded|exceeded.*quota|EDQUOT",
        "its disk is full",
    ),
    (
        r"share name cannot be found|BAD_NETWORK_NAME|couldn't connect.*share",
        "there is no such share (delivery[].share)",
    ),
    (
        r"AccessDenied|403 Forbidden|\b403\b|ACCESS_DENIED|Access Denied|"
        r"not been granted those access rights|Permission denied|permission denied",
        "it does not let the user read or write there",
    ),
    (
        r"no such host|Name or service not known|Temporary failure in name resolution|"
        r"server misbehaving|Could not resolve hostname",
        "its name is not known to the DNS, or there is no DNS",
    ),
    (
        r"connection refused|Connection refused",
        "it is there, and nothing answers at its port",
    ),
    (
        r"no route to host|No route to host|network is unreachable|Network is unreachable|"
        r"i/o timeout|timed out|deadline exceeded|Timeout|Host is down",
        "it does not answer: it is off, elsewhere, or a firewall is in the way",
    ),
    (
        r"connection reset|Connection reset|broken pipe|Broken pipe|\bEOF\b|Connection closed|"
        r"closed by remote|use of closed|server closed|Server connection dropped|not connected",
        "it hung up in the middle",
    ),
    (r"\b404\b|404 Not Found|directory not found", "there is no such folder at its URL"),
    (r"\b5\d\d [A-Z]", "it answers that something is wrong with itself: {said}"),
)


def trouble(said: str, *, photo: bool = False) -> TroubleError:
    """What something that a program or a server says means.

    :param said: what it says
    :param photo: whether it is about one photo, if nothing here knows it
    """
    # A server may say as much as it likes, and make a search last.
    said = said.strip()[:LONGEST]
    text = printable(said)
    for form, meaning in _WORDS:
        if re.search(form, said):
            return TroubleError(meaning.format(said=text))
    if text in ("", "Failure"):
        # All that SFTP says of most errors.
        text = "it refuses without a reason; a quota may be used up, or the name not allowed there"
    return TroubleError(text, photo=photo)
