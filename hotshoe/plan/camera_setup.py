"""What a person enters in the menus of a camera, as data.

:mod:`hotshoe.show.sheet` prints it, and :mod:`hotshoe.show.camera_menus` says what the settings
are called on which camera. A password is no part of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from hotshoe import paths
from hotshoe.plan.model import CertificatePlan, Plan, ServerPlan

# The most that some cameras are known to take in a field for a user name.
USUAL_FIELD = 16
# What cameras suggest for FTP and explicit FTPS (RFC 959).
USUAL_PORT = 21


class Setting(StrEnum):
    """Something that is set on a camera, in the words that most cameras use."""

    CLOCK = "Date, time and time zone"
    ROOT = "Root certificate"
    PROTOCOL = "Type of server"
    SERVER = "Server address"
    PORT = "Port"
    PASSIVE = "Passive mode (PASV)"
    PROXY = "Proxy server"
    USER = "User name"
    PASSWORD = "Password"  # noqa: S105 - a label
    FOLDER = "Target folder"
    TRUST = "Trust a server whose certificate cannot be verified"
    SENDING = "Automatic sending"


@dataclass(frozen=True)
class Entry:
    """One setting of a camera.

    :param setting: which one
    :param value: what to enter; empty for a password
    :param note: what is easily missed, or how to see a password; empty if nothing is
    :param typed: whether the value is typed letter by letter
    """

    setting: Setting
    value: str
    note: str = ""
    typed: bool = False


@dataclass(frozen=True)
class CameraSetup:
    """What is set on one camera, and what there is to know about it.

    :param camera: its name
    :param server: the server that it uploads to
    :param entries: its settings, in the order in which to enter them
    :param lengths: how long what is typed is
    :param network: what the network that it is in must allow, each a sentence
    :param first_shot: how to try it, step by step
    :param url: server, port and user for a phone's FTP app; None for a direct link
    """

    camera: str
    server: str
    entries: tuple[Entry, ...]
    lengths: tuple[str, ...]
    network: tuple[str, ...]
    first_shot: tuple[str, ...]
    url: str | None


def camera_setups(plan: Plan, site: str) -> tuple[CameraSetup, ...]:
    """What is set on each camera of a home.

    :param site: the Site's name
    """
    return tuple(
        camera_setup(plan, site, server, camera)
        for server in plan.servers
        for camera in server.cameras
    )


def camera_setup(plan: Plan, site: str, server: ServerPlan, camera: str) -> CameraSetup:
    """What is set on a camera.

    :param site: the Site's name
    :param server: that the camera uploads to
    :param camera: one of its cameras
    """
    return CameraSetup(
        camera,
        server.name,
        _entries(site, server, camera),
        _lengths(server, camera),
        tuple(_network(plan, server)),
        tuple(_first_shot(site, server, camera)),
        None if server.only_on else _url(server, camera),
    )


def _entries(site: str, server: ServerPlan, camera: str) -> tuple[Entry, ...]:
    clock = Entry(
        Setting.CLOCK,
        "right",
        "It names the folder of a photo's date."
        if server.certificate is None
        else "By a clock that is wrong, no certificate is valid, and the camera says only that it "
        "cannot connect.",
    )
    return (
        clock,
        *_root(site, server.certificate),
        _protocol(server),
        _address(server),
        Entry(Setting.PORT, str(server.control_port), _port_note(server), typed=True),
        Entry(
            Setting.PASSIVE, "on", "Active mode is refused: the server connects to nobody's camera."
        ),
        Entry(Setting.PROXY, "off"),
        Entry(Setting.USER, camera, "All letters are lower case.", typed=True),
        Entry(
            Setting.PASSWORD, "", f"hotshoe sheet{_of(site)} --with-password shows it.", typed=True
        ),
        Entry(
            Setting.FOLDER,
            "/",
            "The root folder. Another one is taken too; the server sorts photos by camera and date "
            "in any case.",
        ),
        *_trust(server.certificate),
        Entry(
            Setting.SENDING,
            "on",
            "As long as it is off, the camera connects and sends nothing.",
        ),
    )


def _root(site: str, certificate: CertificatePlan | None) -> tuple[Entry, ...]:
    """What a camera has to be given before it can verify the server's certificate."""
    if certificate is None:
        return ()
    if certificate.issuer == "own-ca" or certificate.root:
        value = "load it from the card"
        note = (
            f"hotshoe sheet{_of(site)} --card FOLDER writes ROOT.CER, ROOT.CRT and ROOT.PEM into "
            "the top folder of the card: one certificate, in the forms and names that cameras look "
            "for."
        )
        return (Entry(Setting.ROOT, value, note),)
    value = "nothing to load, if the camera knows the issuer"
    note = (
        "Cameras come with few root certificates. One that cannot verify the server needs its "
        "issuer's root, such as ISRG Root X1: name that file as certificate.root in the Site."
    )
    return (Entry(Setting.ROOT, value, note),)


def _protocol(server: ServerPlan) -> Entry:
    if server.tls == "none":
        note = "Not SFTP and not FTPS: this server speaks plain FTP, on the direct link alone."
        return Entry(Setting.PROTOCOL, "FTP", note)
    kind = server.control_ports[0].tls
    note = "Not SFTP, which many cameras offer first and which is another protocol; not plain FTP."
    if len(server.control_ports) > 1:
        note += " Where a camera asks which kind of FTPS: explicit."
    return Entry(Setting.PROTOCOL, f"FTPS ({kind})", note)


def _address(server: ServerPlan) -> Entry:
    if server.only_on:
        value = f"the address of {server.only_on} on {server.name}"
        note = (
            f"On {server.name}, the command ip -4 address show {server.only_on} tells it. The "
            "camera is on the same cable or Wi-Fi; there is no name to dial."
        )
        return Entry(Setting.SERVER, value, note)
    note = (
        "The name and not an address, since it is what the certificate is for. No ftp:// before it."
    )
    return Entry(Setting.SERVER, server.hostname, note, typed=True)


def _port_note(server: ServerPlan) -> str:
    others = [control for control in server.control_ports[1:] if control.tls == "implicit"]
    if others:
        return f"{others[0].port} on a camera that knows implicit FTPS only."
    if server.control_ports[0].tls == "implicit":
        return "The camera must speak implicit FTPS there: TLS begins at once."
    if server.control_port != USUAL_PORT:
        return f"Not {USUAL_PORT}, which cameras suggest."
    return ""


def _trust(certificate: CertificatePlan | None) -> tuple[Entry, ...]:
    if certificate is None:
        return ()
    note = (
        "The root certificate makes that unnecessary. A camera that trusts any server sends its "
        "password to whoever answers in the place of yours."
    )
    return (Entry(Setting.TRUST, "off", note),)


def _lengths(server: ServerPlan, camera: str) -> tuple[str, ...]:
    """What a camera's fields must take."""
    host = len(server.hostname)
    typed = "" if server.only_on else f"The server address has {host} characters, and the "
    said = f"{typed or 'The '}user name has {len(camera)}: small letters, digits, dots, hyphens."
    if len(camera) > USUAL_FIELD:
        said += (
            f" Some cameras take no more than {USUAL_FIELD} characters in such a field: a shorter "
            "name of the camera in the Site helps, and is its user name from the next deploy on."
        )
    return (said,)


def _network(plan: Plan, server: ServerPlan) -> tuple[str, ...]:
    if server.only_on:
        return (f"Only the direct link to {server.only_on}: no router and no Internet.",)
    (rule,) = (rule for rule in plan.client_firewall if rule.server == server.name)
    # A dynamic address is known by its name alone, and so is a fixed one that will change some day.
    to = " or ".join(map(str, rule.to)) if plan.public_address else "whatever that leads to"
    ports = ", ".join(str(service.ports) for service in rule.services)
    return (
        f"A guest network, a hotel's or a mobile phone's must let out: TCP to {plan.hostname} "
        f"({to}), ports {ports}; and DNS.",
        "IPv6 is not needed. A page on which one has to click before the Internet works stops a "
        "camera: use a phone's hotspot there.",
    )


def _first_shot(site: str, server: ServerPlan, camera: str) -> Iterator[str]:
    """How to try a camera, after its server was tried without it."""
    name = _of(site)
    fields = {"camera": camera, "year": "YEAR", "month": "MONTH", "day": "DAY", "date": "DATE"}
    photo = f"{paths.LIBRARY}/{server.intake.library.format(**fields, name='NAME.JPG')}"
    where = "a computer on the direct link" if server.only_on else "a computer"
    yield (
        f"Try the home from {where} first: hotshoe check{name} says whether everything but the "
        "camera works."
    )
    yield (
        "Take one small JPEG. The camera connects, sends it and shows it as sent; that takes a few "
        "seconds."
    )
    yield f"hotshoe photos{name} lists it as {photo} on {server.name}, with the date of the photo."
    yield (
        f"Then RAW and JPEG together, and a burst. If a photo does not come, hotshoe check{name} "
        "--watch tells what the camera tries."
    )


def _of(site: str) -> str:
    """What a command needs, to be about this home."""
    return "" if site == "home" else f" {site}"


def _url(server: ServerPlan, camera: str) -> str:
    # As FTP clients for computers and phones write it: explicit FTPS is ftpes there.
    scheme = {"explicit": "ftpes", "implicit": "ftps", "none": "ftp"}[server.control_ports[0].tls]
    return f"{scheme}://{camera}@{server.hostname}:{server.control_port}/"
