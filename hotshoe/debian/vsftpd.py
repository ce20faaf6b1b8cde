"""vsftpd's options, typed, for the two versions that Debian ships.

vsftpd ends at start on an unknown option and on a malformed value, so both are impossible to write
here. Only options that are set on purpose are listed; each says why. Sources: vsftpd.conf(5), and
the option tables in vsftpd's parseconf.c where the man page is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hotshoe import paths
from hotshoe.plan.model import ControlPort, Encryption, ServerPlan

# The user whose files the photos are.
OWNER = "hotshoe"
# The home that vsftpd finds for a camera: its root folder, and after "/./" where it begins.
OWNER_HOME = f"{paths.PHOTOS}/$USER/./{paths.UPLOAD}"
# Whom vsftpd becomes between a connection and its log-in; no other program runs as this user.
UNPRIVILEGED = "hotshoe-ftpd"

# Debian release -> the version of vsftpd in it.
VERSIONS = {"12": "3.0.3", "13": "3.0.5"}

# What a camera needs, and nothing that reads, changes or removes a file. The TLS and login commands
# have to be listed too: the list holds for everything after USER. REST is missing, though no option
# takes it out of FEAT: with anonymous rights vsftpd answers 350, ignores the position, and says 226
# to the rest of a photo as if it were the whole. Refused, clients begin anew.
_COMMANDS = """
    ABOR ALLO AUTH CDUP CWD EPSV FEAT HELP LIST MDTM MKD MODE NLST NOOP OPTS PASS PASV PBSZ PROT 
    PWD QUIT SIZE STAT STOR STRU SYST TYPE USER XCUP XCWD XMKD XPWD
"""
COMMANDS = _COMMANDS.split()

# vsftpd takes everything after "=" literally, so a stray space would become part of the value.
Text = Annotated[str, StringConstraints(pattern=r"^(\S([^\r\n]*\S)?)?$")]
Octal = Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$")]


class Options(BaseModel):
    """The options that 3.0.3 knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # -- the daemon. With listen_ipv6, pasv_address would be announced as 0,0,0,0; so IPv6 has a
    # daemon of its own, which listens on its one address beside the other.
    listen: bool = True
    listen_ipv6: bool = False
    listen_address6: IPv6Address | None = None
    background: bool = False
    listen_port: int = Field(ge=1, le=65535)
    max_clients: int
    max_per_ip: int
    secure_chroot_dir: Text = paths.EMPTY
    nopriv_user: Text = UNPRIVILEGED
    # What a session does, and for whom, is then seen by hotshoe-sessions.
    setproctitle_enable: bool = True

    # -- passive mode only
    pasv_enable: bool = True
    pasv_min_port: int = Field(gt=1024, le=65535)
    pasv_max_port: int = Field(gt=1024, le=65535)
    # Which files a session loads besides depends on where its client is (see load_by_client).
    pasv_address: IPv4Address | None
    tcp_wrappers: bool
    # A name would be resolved once, at start, and an unresolvable one ends the daemon.
    pasv_addr_resolve: bool = False
    # Data connections must come from where the control connection comes from.
    pasv_promiscuous: bool = False
    port_enable: bool = False
    connect_from_port_20: bool = False

    # -- who may log in: virtual users only; their password opens nothing else on the server
    anonymous_enable: bool = False
    local_enable: bool = True
    guest_enable: bool = True
    guest_username: Text = OWNER
    pam_service_name: Text = paths.PAM_SERVICE
    session_support: bool = False
    user_sub_token: Text = "$USER"  # noqa: S105 - no secret
    # The home of the photos' owner, with the camera's name in it: chroot before "/./", then go to
    # the folder that the camera may write to.
    passwd_chroot_enable: bool = True
    chroot_local_user: bool = True
    hide_ids: bool = True
    max_login_fails: int = 3
    delay_failed_login: int = 1

    # -- what they may do: upload, and nothing else. Anonymous rights open a new file with O_EXCL;
    # local rights would truncate an existing photo on the first byte of a retry.
    virtual_use_local_privs: bool = False
    write_enable: bool = True
    anon_upload_enable: bool = True
    anon_mkdir_write_enable: bool = True
    anon_other_write_enable: bool = False
    # A camera may see the names of its photos (to number the next one), though not fetch them.
    anon_world_readable_only: bool = False
    download_enable: bool = False
    chmod_enable: bool = False
    mdtm_write: bool = False
    ls_recurse_enable: bool = False
    ascii_upload_enable: bool = False
    ascii_download_enable: bool = False
    anon_umask: Octal = "0007"
    # A photo is read-only from its first byte; only the session that has made it can write to it.
    file_open_mode: Octal = "0440"
    # It would delete by name, which may be that of another upload by then.
    delete_failed_uploads: bool = False
    cmds_allowed: Text = ",".join(COMMANDS)

    # -- encryption: nothing works without it
    ssl_enable: bool = True
    # One process begins TLS at once or with AUTH TLS, never both.
    implicit_ssl: bool = False
    force_local_logins_ssl: bool = True
    force_local_data_ssl: bool = True
    # Guests with anonymous rights obey these, not those; without, they may send photos in clear.
    force_anon_logins_ssl: bool = True
    force_anon_data_ssl: bool = True
    allow_anon_ssl: bool = False
    rsa_cert_file: Text = paths.CERTIFICATE
    # Without it, vsftpd offers a single suite.
    ssl_ciphers: Text | None = None
    ssl_sslv2: bool = False
    ssl_sslv3: bool = False
    # FEAT announces AUTH TLS only with this on (3.0.5), and clients look there. openssl.cnf alone
    # keeps TLS 1.0 out.
    ssl_tlsv1: bool = True
    # Cameras open a fresh session for each transfer.
    require_ssl_reuse: bool = False
    # Without it, a connection cut by the network would count as a complete upload.
    strict_ssl_read_eof: bool = True
    ssl_request_cert: bool = False
    validate_cert: bool = False

    # -- time: a camera that walks out of range frees its place, and its file name, soon. vsftpd
    # waits for this long twice.
    idle_session_timeout: int = 300
    data_connection_timeout: int = 30
    accept_timeout: int = 30
    # vsftpd applies one of the two, depending on the rights of the user.
    anon_max_rate: int = 0
    local_max_rate: int = 0

    # -- logs, to the journal; the log line is what says that a photo is complete
    xferlog_enable: bool = True
    xferlog_std_format: bool = False
    syslog_enable: bool = True
    use_localtime: bool = True
    ftpd_banner: Text = "Ready"

    # -- the sandbox kills sessions at AUTH TLS on Debian 12; the unit confines the daemon instead
    seccomp_sandbox: bool = False


class Options305(Options):
    """3.0.5 knows these as well; its man page spells them wrongly, which is fatal."""

    ssl_tlsv11: bool = False
    ssl_tlsv12: bool = True
    ssl_tlsv13: bool = False


def options(
    server: ServerPlan, version: str, control: ControlPort, *, ipv6: bool = False
) -> Options:
    """The options for a daemon of a server.

    :param version: of vsftpd, a value of :data:`VERSIONS`
    :param control: where it answers, and how TLS begins there
    :param ipv6: for one that answers on the server's IPv6 address
    :raises KeyError: for a version that is not known
    """
    kind = {"3.0.3": Options, "3.0.5": Options305}[version]
    encryption, encrypted = server.encryption, control.tls != "none"
    more: dict[str, Any] = {}
    if encryption:
        more["ssl_ciphers"] = ":".join(encryption.ciphers)
    if encryption and kind is Options305:
        more["ssl_tlsv11"] = "1.1" in encryption.versions
        more["ssl_tlsv13"] = "1.3" in encryption.versions
    return kind(
        listen=not ipv6,
        listen_ipv6=ipv6,
        listen_address6=server.address6 if ipv6 else None,
        listen_port=control.port,
        max_clients=server.max_clients,
        max_per_ip=server.max_per_address,
        pasv_min_port=server.passive.first,
        pasv_max_port=server.passive.last,
        # EPSV, which IPv6 needs, announces no address. On a direct link it is the one dialled.
        pasv_address=None if ipv6 or server.only_on else server.public_address,
        tcp_wrappers=not ipv6,
        anon_max_rate=server.bytes_per_second,
        local_max_rate=server.bytes_per_second,
        ssl_enable=encrypted,
        implicit_ssl=control.tls == "implicit",
        force_local_logins_ssl=encrypted,
        force_local_data_ssl=encrypted,
        force_anon_logins_ssl=encrypted,
        force_anon_data_ssl=encrypted,
        **more,
    )


def openssl_settings(encryption: Encryption) -> dict[str, str]:
    """What OpenSSL is told, as config(5) and SSL_CONF_cmd(3) spell it.

    Only this turns versions of TLS on or off for vsftpd 3.0.3, and TLS 1.0 for both. (``Groups``
    would have no effect: vsftpd takes P-256 alone, which every client with ECDHE can.)

    :param encryption: of the server
    """
    names = {"1.0": "TLSv1", "1.1": "TLSv1.1", "1.2": "TLSv1.2", "1.3": "TLSv1.3"}
    # TLS 1.0 and 1.1 sign with MD5 and SHA-1, which higher levels refuse
    # (SSL_CTX_set_security_level(3)). Level 2 refuses RSA keys below 2048 bits as well.
    level = 0 if encryption.versions[0] < "1.2" else 2
    return {
        "MinProtocol": names[encryption.versions[0]],
        "MaxProtocol": names[encryption.versions[-1]],
        "CipherString": f"DEFAULT@SECLEVEL={level}",
        # The first suite of ours that the camera knows, and not the first of the camera's.
        "Options": "ServerPreference",
        # Of TLS 1.3. A camera that closes a connection on which it has not read a ticket yet resets
        # it (RFC 1122, 4.2.2.13), and the end of the photo is lost, also of one that says properly
        # that it closes. Resuming a session would save no round trip (RFC 8446, 2.2).
        "NumTickets": "0",
    }


def load_by_client(server: ServerPlan) -> Iterator[tuple[str, str]]:
    """Whom a session serves, as hosts_access(5) spells it, and the file that it loads for them.

    Clients inside get the address that they dialled. Hairpin NAT makes them look like their router,
    and then they have dialled the public address, like everybody else. That is in vsftpd's main
    configuration, unless it changes.

    :param server: the server that they connect to
    """
    for network in server.inside:
        router = f" EXCEPT {server.gateway}" if server.gateway in network else ""
        yield f"{network.with_netmask}{router}", paths.INSIDE
    if server.public_address is None and server.only_on is None:
        yield "ALL", paths.PUBLIC_ADDRESS


def most_tasks(server: ServerPlan) -> int:
    """The processes that a daemon may have: three for a session that is logged in, and some more.

    :param server: the server that it runs on
    """
    return 4 * server.max_clients


def lines(chosen: Options) -> Iterator[tuple[str, str]]:
    """Each option and its value, as vsftpd.conf(5) spells them; None is left out."""
    for name, value in chosen:
        if value is not None:
            yield name, {True: "YES", False: "NO"}[value] if isinstance(value, bool) else str(value)
