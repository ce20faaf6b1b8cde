"""What is looked at, in its order, and what may be wrong with it."""

from __future__ import annotations

import enum


class Layer(enum.Enum):
    """What is looked at, in this order."""

    NAME = "name"
    PORT = "control port"
    BANNER = "banner"
    TLS = "TLS"
    CERTIFICATE = "certificate"
    LOGIN = "log-in"
    PASV = "PASV"
    PASSIVE = "passive ports"
    UPLOAD = "small upload"
    LARGE = "large upload"
    SLOW = "slow upload"
    SESSIONS = "sessions at once"
    SAME_NAME = "same name again"
    REFUSALS = "refusals"
    SPEED = "speed"
    # What only the home's own machines can tell.
    LIBRARY = "library"
    HAIRPIN = "hairpin NAT"
    BOXES = "boxes"
    SERVER = "server"


class Status(enum.Enum):
    """How a layer is."""

    FINE = "pass"
    WARNING = "warning"
    FAIL = "fail"
    UNKNOWN = "cannot tell"


class Problem(enum.Enum):
    """What may be wrong with a layer, each with the number that a code has for it.

    Numbers are never used again for something else: a friend's checker may be older.
    """

    # name
    NAME_MISSING = 1  # it has no A record
    NAME_ELSEWHERE = 2  # it leads to another address than the home's
    NAME_PRIVATE = 3  # it leads to an address that the Internet cannot reach
    NAME_DIFFERS = 4  # resolvers disagree with the authoritative server, such as by an old record
    NAME_AAAA = 5  # it has an IPv6 address that is not the server's
    NAME_UNASKED = 6  # no resolver answered
    # control port
    PORT_SILENT = 10  # no answer
    PORT_REFUSED = 11  # an answer, and it was no
    PORT_RESET = 12  # it opened, and was closed before anything came
    PORT_UNREACHABLE = 13  # a router on the way says that there is no way
    # banner
    BANNER_NONE = 20  # it opened, and nothing came
    BANNER_FOREIGN = 21  # another server answers
    # TLS
    TLS_REFUSED = 30  # the answer to AUTH TLS is no: something on the way strips it
    TLS_FAILED = 31  # no handshake
    TLS_VERSION = 32  # another version than the server offers
    TLS_LEGACY = 33  # TLS 1.0 or 1.1 are accepted
    # certificate
    CERTIFICATE_NAME = 40  # it is for another name
    CERTIFICATE_EXPIRED = 41
    CERTIFICATE_EARLY = 42  # it is not valid yet
    CERTIFICATE_ISSUER = 43  # it is of an authority that cameras do not have
    CERTIFICATE_CHAIN = 44  # the certificates between it and the root are not sent
    CERTIFICATE_COMMON_NAME = 45  # the name is among the alternative names alone, or the reverse
    CERTIFICATE_ENDS = 46  # it ends within 21 days
    CLOCK = 47  # the clock here differs from the server's: do not trust the dates
    # log-in
    LOGIN_REFUSED = 50  # 530: wrong user or password
    LOGIN_FULL = 51  # 421: too many sessions
    LOGIN_ENDED = 52  # the connection ended
    # PASV
    PASV_PRIVATE = 60  # the address that it announces is private
    PASV_ELSEWHERE = 61  # it announces another address than the one that was dialled
    PASV_PORT = 62  # the port that it announces is not in the range
    PASV_REFUSED = 63
    PASV_REWRITTEN = 64  # something on the way changes what is announced
    # passive ports
    PASSIVE_NONE = 70  # none gets through
    PASSIVE_SOME = 71  # some do not
    PASSIVE_FOREIGN = 72  # another program answers at some
    # uploads
    UPLOAD_REFUSED = 80  # not 150 to STOR
    UPLOAD_FULL = 81  # 553
    UPLOAD_BROKEN = 82  # it broke off
    UPLOAD_DATA_TLS = 83  # no TLS on the data connection
    LARGE_STALLED = 84  # large packets vanish (MTU)
    SLOW_FORGOTTEN = 85  # the control connection is gone after the transfer
    SESSIONS_FEW = 86  # fewer sessions at once than a camera opens
    SAME_NAME_REFUSED = 87
    # what must be refused, and is not
    ALLOWED_PLAIN = 90
    ALLOWED_ANONYMOUS = 91
    ALLOWED_CLEAR_DATA = 92
    ALLOWED_ACTIVE = 93
    ALLOWED_DOWNLOAD = 94
    ALLOWED_DELETE = 95
    # what the home's own machines tell
    LIBRARY_MISSING = 100  # told 226, and not in the library
    LIBRARY_DIFFERS = 101
    HAIRPIN_MISSING = 102  # the name does not work from inside
    BOX_UNASKED = 103  # it cannot be asked by SSH
    WAN_ELSEWHERE = 104  # the outermost router has another address outside than the home's
    WAN_SHARED = 105  # carrier-grade NAT, DS-Lite
    HELPER_ON = 106  # an FTP helper reads control connections
    DAEMON_STOPPED = 107
    INTAKE_STOPPED = 108
    FIREWALL_MISSING = 109
    SPACE_LOW = 110
    ROOM_FULL = 111  # a limit is reached: uploads are refused
    DDNS_FAILING = 112
    SERVER_CLOCK = 113
    SERVER_CERTIFICATE_ENDS = 114
