"""What settings are called in the menus of cameras, brand by brand.

Names differ between the models of a brand and between firmware versions. What has no source is
unverified, and a sheet says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from hotshoe.plan.camera_setup import Setting

UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Source:
    """Where something is written.

    :param title: of the page
    :param address: of the page
    """

    title: str
    address: str


@dataclass(frozen=True)
class Remark:
    """What is known of a brand's cameras.

    :param text: a sentence or two
    :param source: where that is written; None if it is unverified
    """

    text: str
    source: Source | None = None


@dataclass(frozen=True)
class Brand:
    """The menus of a brand's cameras.

    :param title: its name
    :param menu: where the settings for FTP are
    :param words: what settings are called, in the order of the menus; those that are missing have
        no name that is known, and come in the order of all cameras
    :param values: what is entered there, where that has another name: by the setting, and by what
        most cameras call it
    :param root: where a root certificate is loaded, and by which name it is found
    :param remarks: limits, and what is easily missed
    :param source: where words are from; None if all are unverified
    :param sourced: the settings whose words are from there; the others are unverified
    """

    title: str
    menu: str
    words: Mapping[Setting, str]
    root: str
    values: Mapping[tuple[Setting, str], str] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    source: Source | None = None
    sourced: frozenset[Setting] = frozenset()


_R5 = Source(
    "Wireless Tethering Shooting mit der Canon R5/R6/R6II, menus in German",
    "https://github.com/SteitzTo/Tethershooting-Canon",
)
_A7_IV = Source(
    "Petr Ruzicka: Transfer photos wirelessly from Sony cameras, of an A7 IV",
    "https://github.com/ruzickap/ruzickap.github.io/blob/main/_posts/2023/"
    "2023-01-15-ftp-and-sony-camera.md",
)
_WFT_TIPS = Source(
    "Wireless photography with an iPad and ShutterSnitch: Canon WFT transmitter tips",
    "http://robgalbraith.com/multi_page833f.html?cid=7-10055-10851-10855",
)
_Z8_MENUS = Source(
    "Nikon Z8, part 2",
    "https://www.savazzi.net/photography/nikon-z8-p2.html",
)
_SONY_FIELDS = Source(
    "Sony ILCE Help Guide: Access Authen. Settings",
    "https://helpguide.sony.net/ilc/2410/v1/en/contents/221h_access_authentication_settings.html",
)

GENERIC = Brand(
    title="Any camera",
    menu="the menu for networks, wireless communication or FTP",
    words=MappingProxyType({}),
    root="the menu for FTP or for certificates; the file is in the card's top folder",
    remarks=(
        Remark("Many menus hide the fields of a server until the type of server is chosen."),
        Remark("Some cameras show settings for sending only while they are connected."),
    ),
)

BRANDS: Mapping[str, Brand] = MappingProxyType(
    {
        "canon": Brand(
            title="Canon",
            menu="the network tab, “Wi-Fi/Bluetooth connection”, “Transfer images to FTP server”",
            words=MappingProxyType(
                {
                    Setting.CLOCK: "Date/Time/Zone",
                    Setting.ROOT: "Set root certif from card",
                    Setting.PROTOCOL: "FTP mode",
                    Setting.SERVER: "Address setting",
                    Setting.PORT: "Port number setting",
                    Setting.PASSIVE: "Passive mode",
                    Setting.PROXY: "Proxy server",
                    Setting.USER: "Login name",
                    Setting.PASSWORD: "Login password",
                    Setting.FOLDER: "Target folder",
                    Setting.TRUST: "Trust target server",
                    Setting.SENDING: "Automatic transfer",
                }
            ),
            values=MappingProxyType(
                {
                    (Setting.PROTOCOL, "FTPS (explicit)"): "FTPS",
                    (Setting.PASSIVE, "on"): "Enable",
                    (Setting.PROXY, "off"): "Disable",
                    (Setting.FOLDER, "/"): "Root folder",
                    (Setting.TRUST, "off"): "Disable",
                    (Setting.SENDING, "on"): "Enable",
                }
            ),
            source=_R5,
            sourced=frozenset(
                {
                    Setting.PROTOCOL,
                    Setting.SERVER,
                    Setting.PORT,
                    Setting.PASSIVE,
                    Setting.PROXY,
                    Setting.FOLDER,
                    Setting.SENDING,
                }
            ),
            root="“FTP transfer settings”, “Set root certif from card”, which finds ROOT.CER, "
            "ROOT.CRT or ROOT.PEM in the card's top folder",
            remarks=(
                Remark(
                    "“Directory structure” stays at “Default”: “Camera” makes the folders of the "
                    "card anew on the server. The server takes both.",
                    _WFT_TIPS,
                ),
                Remark("“Login method” is by name and password, not anonymous.", _R5),
                Remark("“Automatic transfer” is in “FTP transfer settings”.", _R5),
            ),
        ),
        "nikon": Brand(
            title="Nikon",
            menu="the network menu, “Connect to FTP server”, “Network settings”",
            words=MappingProxyType(
                {
                    Setting.CLOCK: "Time zone and date",
                    Setting.ROOT: "Import root certificate",
                    Setting.PROTOCOL: "Server type",
                    Setting.SERVER: "Address",
                    Setting.PORT: "Port number",
                    Setting.PASSIVE: "PASV mode",
                    Setting.PROXY: "Proxy server",
                    Setting.USER: "User ID",
                    Setting.PASSWORD: "Password",
                    Setting.FOLDER: "Destination folder",
                    Setting.SENDING: "Auto upload",
                }
            ),
            values=MappingProxyType(
                {
                    (Setting.PROTOCOL, "FTPS (explicit)"): "FTPS",
                    (Setting.FOLDER, "/"): "Home folder",
                }
            ),
            root="“Connect to FTP server”, “Options”, “Manage root certificate”",
            remarks=(
                Remark("It connects and sends nothing until “Auto upload” is on."),
                Remark(
                    "A Z9 has FTPS from firmware C 3.00 on, and wants the root certificate first."
                ),
                Remark(
                    "While it is connected to an FTP server, the Z8 does not switch itself off: "
                    "mind its battery.",
                    _Z8_MENUS,
                ),
            ),
        ),
        "sony": Brand(
            title="Sony",
            menu="“Network”, “Transfer/Remote”, “FTP Transfer Func”, “Server Setting”",
            words=MappingProxyType(
                {
                    Setting.CLOCK: "Area/Date/Time Setting",
                    Setting.ROOT: "Import Root Certificate",
                    Setting.SERVER: "Hostname",
                    Setting.PROTOCOL: "Secure Protocol",
                    Setting.PORT: "Port",
                    Setting.FOLDER: "Directory Settings",
                    Setting.USER: "User",
                    Setting.PASSWORD: "Password",
                    Setting.PASSIVE: "Passive Mode",
                    Setting.TRUST: "Root Certificate Error Setting",
                    Setting.SENDING: "Auto FTP Transfer",
                }
            ),
            values=MappingProxyType(
                {
                    (Setting.PROTOCOL, "FTPS (explicit)"): "On",
                    (Setting.PROTOCOL, "FTP"): "Off",
                    (Setting.TRUST, "off"): "Does Not Connect",
                }
            ),
            source=_A7_IV,
            sourced=frozenset({Setting.SERVER, Setting.PORT, Setting.USER, Setting.PASSWORD}),
            root="“FTP Transfer Func”, “Import Root Certificate”; on the card, rename ROOT.PEM to "
            "cacert.pem",
            remarks=(
                Remark("“FTP Function” has to be on, too.", _A7_IV),
                Remark("“Secure Protocol” is explicit FTPS; there is no implicit one."),
                Remark(
                    "In another menu, a user name has at most 16 characters, and a password 8 to "
                    "16, of letters, digits and a few symbols; what hotshoe password makes fits.",
                    _SONY_FIELDS,
                ),
            ),
        ),
        "fujifilm": Brand(
            title="Fujifilm",
            menu="the network and USB settings, “CREATE/EDIT CONNECTION PROFILE”, and there the "
            "FTP server",
            words=MappingProxyType(
                {
                    Setting.CLOCK: "DATE/TIME, TIME DIFFERENCE",
                    Setting.ROOT: "ROOT CERTIFICATE",
                    Setting.PASSIVE: "PASV MODE",
                }
            ),
            root="the settings of the FTP server, “ROOT CERTIFICATE”",
            remarks=(
                Remark("Many models need the grip FT-XH (file transmitter) for FTP."),
                Remark("A photo that failed is sent again under the same name, which works here."),
            ),
        ),
        "panasonic": Brand(
            title="Panasonic",
            menu="the setup menu, LAN / Wi-Fi, and there the image transfer by FTP",
            words=MappingProxyType({Setting.CLOCK: "Clock Set, Time Zone"}),
            root="the settings for FTP",
            remarks=(Remark("Few models have FTP, and some only since a firmware update."),),
        ),
    }
)


def brand_of(name: str) -> Brand:
    """A brand by its name; ``generic`` is any camera.

    :raises KeyError: if there is none of that name
    """
    return GENERIC if name == "generic" else BRANDS[name]
