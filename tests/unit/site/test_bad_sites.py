"""What a person may get wrong in a Site, and the messages about it.

Each case shows what the file says and the whole message: the file, the key, what is wrong with it,
and what to write instead. Nothing else is on the screen, above all no traceback. What is wrong
between devices is in :mod:`tests.unit.site.test_bad_homes`.
"""

from __future__ import annotations

import os
import re
from ipaddress import IPv4Interface

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from hotshoe.errors import SiteError
from hotshoe.plan.derivation import make_plan
from hotshoe.site.library import Delivery, Library, Message, Retention
from hotshoe.site.model import (
    Camera,
    Certificate,
    Ddns,
    Ftp,
    HomeService,
    Photos,
    Router,
    Server,
    SharedAddress,
    Site,
)
from hotshoe.site.reading import SiteFiles, load_site, parse_mapping, warnings_of
from tests.conftest import SMALLEST
from tests.unit.plan.packets import Boxes
from tests.unit.refusals import FILE, one_problem, refusal, with_lines, without

NAME_RULE = (
    "is not a name of lower-case letters, digits and '-', beginning with a letter, at most 31 "
    "characters"
)

TREE_RULE = (
    "is not a path that ends in {name}, of at most six folders of letters, digits, '.', '_' and '-'"
)
TREE_REMEDY = 'write for example: library: "{camera}/{year}/{date}/{name}"'

KEYS_HERE = (
    "hostname, public_address, ddns, port_set, routers, servers, ftp, certificate, photos, "
    "cameras, library, message, delivery, retention"
)

# what the line says, the key in the message, what is wrong, what to do
ONE_LINE = [
    # -- the host name
    (
        "hostname: darkroom",
        "hostname",
        "'darkroom' is not a host name with a domain (RFC 1123)",
        "write for example: hostname: photos.example.net",
    ),
    (
        "hostname: 203.0.113.20",
        "hostname",
        "'203.0.113.20' is not a host name with a domain (RFC 1123)",
        "write for example: hostname: photos.example.net",
    ),
    (
        "hostname: my_photos.example.net",
        "hostname",
        "'my_photos.example.net' is not a host name with a domain (RFC 1123)",
        "write for example: hostname: photos.example.net",
    ),
    (
        f"hostname: photos.{'long.' * 12}example.net",
        "hostname",
        "is 78 characters long; a certificate's common name holds 64",
        "write for example: hostname: photos.example.net",
    ),
    (
        "hostname: 5",
        "hostname",
        "5 is not a host name with a domain (RFC 1123)",
        "write for example: hostname: photos.example.net",
    ),
    # -- the server's hardware address
    (
        'server: {name: darkroom, address: 192.168.1.10, mac: "b8:27:eb:12:34"}',
        "server.mac",
        "'b8:27:eb:12:34' is not a hardware address of six bytes, such as b8:27:eb:12:34:56",
        "write for example: mac: b8:27:eb:12:34:56",
    ),
    (
        'server: {name: darkroom, address: 192.168.1.10, mac: "01:27:eb:12:34:56"}',
        "server.mac",
        "'01:27:eb:12:34:56' is a multicast address, which no device has",
        "write for example: mac: b8:27:eb:12:34:56",
    ),
    # Without quotes YAML reads it as a number.
    (
        "server: {name: darkroom, address: 192.168.1.10, mac: 112233445566}",
        "server.mac",
        "112233445566 is not a hardware address of six bytes, such as b8:27:eb:12:34:56",
        "write for example: mac: b8:27:eb:12:34:56",
    ),
    # -- the public address
    (
        "public_address: 192.168.178.2",
        "public_address",
        "192.168.178.2 cannot be reached from the Internet: it is private (RFC 1918)",
        "write the address that the provider gave the outermost router; if the provider gives "
        "only an address like this one, ask for a public one",
    ),
    (
        "public_address: 100.64.3.4",
        "public_address",
        "100.64.3.4 cannot be reached from the Internet: it is behind the provider's "
        "carrier-grade NAT (RFC 6598)",
        "write the address that the provider gave the outermost router; if the provider gives "
        "only an address like this one, ask for a public one",
    ),
    (
        "public_address: dynamical",
        "public_address",
        "'dynamical' is not an IPv4 address",
        "write for example: public_address: 203.0.113.20",
    ),
    (
        "public_address: 2001:db8::1",
        "public_address",
        "'2001:db8::1' is not an IPv4 address",
        "write for example: public_address: 203.0.113.20",
    ),
    (
        "public_address: 3405803796",
        "public_address",
        "3405803796 is not an address",
        "write for example: public_address: 203.0.113.20",
    ),
    (
        "public_address:",
        "public_address",
        "is empty; an address that changes is written dynamic",
        "write for example: public_address: 203.0.113.20",
    ),
    # -- routers
    (
        "routers: [{name: gateway, lan: 192.168.1.1}]",
        "routers[0].lan",
        "'192.168.1.1' has no prefix length",
        "write for example: lan: 192.168.1.1/24",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.1/33}]",
        "routers[0].lan",
        "'192.168.1.1/33' is not an IPv4 address with the prefix length of its network",
        "write for example: lan: 192.168.1.1/24",
    ),
    (
        "routers: [{name: gateway, lan: 24}]",
        "routers[0].lan",
        "24 is not an address",
        "write for example: lan: 192.168.1.1/24",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.0/24}]",
        "routers[0].lan",
        "192.168.1.0 is the network's own or its broadcast address, not a router's",
        "write the router's address, for example 192.168.1.1/24",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.1/32}]",
        "routers[0].lan",
        "192.168.1.1/32 leaves no room for a server",
        "write the prefix length of the whole LAN, for example 192.168.1.1/24",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.1/31}]",
        "routers[0].lan",
        "192.168.1.1/31 leaves no room for a server",
        "write the prefix length of the whole LAN, for example 192.168.1.1/24",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.1/24, managed_by: cisco}]",
        "routers[0].managed_by",
        "'cisco' is not 'linux', 'openwrt' or 'hand'",
        "write for example: managed_by: linux",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.1/24, mode: bridge}]",
        "routers[0].mode",
        "'bridge' is not 'nat', 'default-host' or 'routed'",
        "write for example: mode: nat",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.1/24, masks_source: perhaps}]",
        "routers[0].masks_source",
        "'perhaps' is neither true nor false",
        "write for example: masks_source: false",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.1/24, masks_source: [true]}]",
        "routers[0].masks_source",
        "[True] is neither true nor false",
        "write for example: masks_source: false",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.1/24, other_forwards: [8443]}]",
        "routers[0].other_forwards[0]",
        "8443 is not a port with its protocol, such as 445/tcp",
        "write for example: other_forwards: [8443/tcp]",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.1/24, wan: 2001:db8:1::2}]",
        "routers[0].wan",
        "'2001:db8:1::2' is not an IPv4 address",
        "write for example: wan: 192.168.178.2",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.1/24, wan6: 192.168.178.2}]",
        "routers[0].wan6",
        "'192.168.178.2' is not an IPv6 address",
        "write for example: wan6: 2001:db8:1::2",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.1/24, wan6: 'fe80::1%eth0'}]",
        "routers[0].wan6",
        "'fe80::1%eth0' names an interface after its '%'",
        "write for example: wan6: 2001:db8:1::2",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.1/24, lan6: 2001:db8:2::1}]",
        "routers[0].lan6",
        "'2001:db8:2::1' has no prefix length",
        "write for example: lan6: 2001:db8:2::1/64",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.1/24, lan6: 192.168.1.1/24}]",
        "routers[0].lan6",
        "'192.168.1.1/24' is not an IPv6 address with the prefix length of its network",
        "write for example: lan6: 2001:db8:2::1/64",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.1/24, ssh_port: true}]",
        "routers[0].ssh_port",
        "true is not a number",
        "write for example: ssh_port: 22",
    ),
    (
        "routers: []",
        "routers",
        "[] is an empty list",
        "write for example: routers: [{name: gateway, lan: 192.168.1.1/24}]",
    ),
    (
        "routers: gateway",
        "routers",
        "'gateway' is not a list",
        "write for example: routers: [{name: gateway, lan: 192.168.1.1/24}]",
    ),
    (
        "routers: [gateway]",
        "routers[0]",
        "must be a mapping of keys to values, not 'gateway'",
        "write for example: {name: gateway, lan: 192.168.1.1/24}",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.1/24, open_to_wan: [50010-50020/tcp]}]",
        "routers[0].open_to_wan",
        "50010-50020/tcp is a port that the cameras' FTP connections use (50000-50199)",
        "remove it; the FTP ports are opened by themselves",
    ),
    (
        "routers: [{name: gateway, lan: 192.168.1.1/24, other_forwards: [50050-50060/tcp]}]",
        "routers[0].other_forwards",
        "50050-50060/tcp is forwarded elsewhere already, and the cameras need 50000-50199",
        "take other FTP ports (ftp.control_port, ftp.passive_ports), or remove that forward from "
        "the router and from here",
    ),
    # -- the server
    (
        "server: {name: darkroom, address: 192.168.2.10}",
        "server.address",
        "192.168.2.10 is not in the LAN 192.168.1.0/24 of gateway",
        "give the server a fixed address in 192.168.1.0/24, for example 192.168.1.2",
    ),
    (
        "server: {name: darkroom, address: 192.168.1.1}",
        "server.address",
        "192.168.1.1 is the address of gateway itself",
        "give the server a fixed address in 192.168.1.0/24, for example 192.168.1.2",
    ),
    (
        "server: {name: darkroom, address: 192.168.1.255}",
        "server.address",
        "192.168.1.255 is the network's broadcast address",
        "give the server a fixed address in 192.168.1.0/24, for example 192.168.1.2",
    ),
    (
        "server: {name: darkroom, address: 192.168.1.0}",
        "server.address",
        "192.168.1.0 is the network's own address",
        "give the server a fixed address in 192.168.1.0/24, for example 192.168.1.2",
    ),
    (
        "server: {name: darkroom, address: 192.168.1.10, address6: 192.168.1.10}",
        "server.address6",
        "'192.168.1.10' is not an IPv6 address",
        "write for example: address6: 2001:db8:2::10",
    ),
    (
        "server: {name: darkroom, address: 192.168.1.10, address6: '2001:db8:2::10%eth0'}",
        "server.address6",
        "'2001:db8:2::10%eth0' names an interface after its '%'",
        "write for example: address6: 2001:db8:2::10",
    ),
    (
        "server: {name: darkroom, address: 192.168.1.10, may_open: [{to: nas, services: [1/tcp]}]}",
        "server.may_open[0].to",
        "'nas' is not an IPv4 address",
        "write for example: to: 192.168.2.20",
    ),
    (
        "server: {name: darkroom, address: 192.168.1.10, may_open: [192.168.2.20]}",
        "server.may_open[0]",
        "must be a mapping of keys to values, not '192.168.2.20'",
        "write for example: {to: 192.168.2.20, services: [22/tcp]}",
    ),
    (
        "server: {name: darkroom, address: 192.168.1.10, may_open: [{services: [22/tcp]}]}",
        "server.may_open[0].to",
        "is missing",
        "write for example: to: 192.168.2.20",
    ),
    (
        "server: {name: darkroom, address: 192.168.1.10, ssh_port: 50010}",
        "ftp.passive_ports",
        "50000-50199 holds 50010, where the SSH of darkroom answers",
        "take a range without it, or let SSH answer on another port",
    ),
    (
        "server: {name: darkroom, address: 192.168.1.10, behind: gatewy}",
        "server.behind",
        "there is no router named 'gatewy'",
        "write one of: gateway",
    ),
    (
        "server: {name: gateway, address: 192.168.1.10}",
        "server.name",
        "'gateway' is the name of another device already",
        "give every device a name of its own",
    ),
    (
        "server: {address: 192.168.1.10}",
        "server.name",
        "is missing",
        "write for example: name: darkroom",
    ),
    (
        "server: {name: darkroom, address: 192.168.1.10, open_to_lan: 445/tcp}",
        "server.open_to_lan",
        "'445/tcp' is not a list",
        "write for example: open_to_lan: [445/tcp]",
    ),
    (
        "server: {name: darkroom, address: 192.168.1.10, open_to_lan: [445/tcp, 446]}",
        "server.open_to_lan[1]",
        "446 is not a port with its protocol, such as 445/tcp",
        "write for example: open_to_lan: [445/tcp]",
    ),
    (
        "server: {name: darkroom, address: 192.168.1.10, open_to_lan: [21/tcp]}",
        "server.open_to_lan",
        "21/tcp is a port that the cameras' FTP connections use (21)",
        "remove it; the FTP ports are opened by themselves",
    ),
    (
        "server: {name: darkroom, address: 192.168.1.10, ssh_from: [10.9.0.5/24]}",
        "server.ssh_from[0]",
        "'10.9.0.5/24' is not an IPv4 network",
        "write for example: ssh_from: [10.9.0.0/24]",
    ),
    (
        "server: {name: darkroom, address: 192.168.1.10, ssh_user: Root Admin}",
        "server.ssh_user",
        "'Root Admin' is not the name of a user on a Linux system",
        "write for example: ssh_user: root",
    ),
    (
        "server:",
        "server",
        "must be a mapping of keys to values, not nothing",
        "write for example: {name: darkroom, address: 192.168.1.10}",
    ),
    (
        "server: [{name: darkroom}]",
        "server",
        "must be a mapping of keys to values, not [{'name': 'darkroom'}]",
        "write for example: {name: darkroom, address: 192.168.1.10}",
    ),
    (
        "servers: []",
        "servers",
        "[] is an empty list",
        "write for example: servers: [{name: darkroom, address: 192.168.1.10}]",
    ),
    (
        "servers: {name: darkroom}",
        "servers",
        "{'name': 'darkroom'} is not a list",
        "write for example: servers: [{name: darkroom, address: 192.168.1.10}]",
    ),
    # -- FTP
    (
        "ftp: {control_port: 50010}",
        "ftp.control_port",
        "50010 is inside the passive range 50000-50199",
        "take a control port outside the range, for example 21",
    ),
    (
        "ftp: {control_port: 22}",
        "ftp.control_port",
        "22 is where the SSH of darkroom answers",
        "take another control port, for example 21",
    ),
    (
        "ftp: {control_port: 65536}",
        "ftp.control_port",
        "65536 is more than 65535",
        "write for example: control_port: 21",
    ),
    (
        "ftp: {control_port: twenty-one}",
        "ftp.control_port",
        "'twenty-one' is not a whole number",
        "write for example: control_port: 21",
    ),
    (
        "ftp: {control_port: 60010, passive_ports: 60000-60099}",
        "ftp.control_port",
        "60010 is inside the passive range 60000-60099",
        "take a control port outside the range, for example 21",
    ),
    (
        "ftp: {passive_ports: 50000-50006}",
        "ftp.passive_ports",
        "50000-50006 has 7 ports; 1 camera may use 2 ports at once (one transfer each, and one "
        "that broke off less than 60 seconds ago), and needs 8 for vsftpd's 9 random tries to find "
        "a free one",
        "write for example: passive_ports: 50000-50199; or leave it out",
    ),
    (
        "ftp: {passive_ports: 1024-1999}",
        "ftp.passive_ports",
        "1024-1999 begins below 1025, which vsftpd refuses",
        "write for example: passive_ports: 50000-50199",
    ),
    (
        "ftp: {passive_ports: 50199-50000}",
        "ftp.passive_ports",
        "the range 50199-50000 ends before it starts",
        "write for example: passive_ports: 50000-50199",
    ),
    (
        "ftp: {passive_ports: 60000-70000}",
        "ftp.passive_ports",
        "ports run from 1 to 65535, not 60000-70000",
        "write for example: passive_ports: 50000-50199",
    ),
    (
        "ftp: {passive_ports: [50000, 50199]}",
        "ftp.passive_ports",
        "[50000, 50199] is neither a port nor a range such as 50000-50199",
        "write for example: passive_ports: 50000-50199",
    ),
    (
        "ftp: {tls: starttls}",
        "ftp.tls",
        "'starttls' is not 'explicit', 'implicit', 'both' or 'none'",
        "write for example: tls: explicit",
    ),
    (
        "ftp: {bytes_per_second: 20 parsecs}",
        "ftp.bytes_per_second",
        "'20 parsecs' is not a number of bytes",
        "write for example: bytes_per_second: 20MB",
    ),
    (
        "ftp: {bytes_per_second: 10GB}",
        "ftp.bytes_per_second",
        "'10GB' is more than 2147483647",
        "write for example: bytes_per_second: 20MB",
    ),
    (
        "ftp: {total_bytes_per_second: 10 bits}",
        "ftp.total_bytes_per_second",
        "'10 bits' is not a number of bytes",
        "write for example: total_bytes_per_second: 50MB",
    ),
    (
        "ftp: {total_bytes_per_second: 50MB/s}",
        "ftp.total_bytes_per_second",
        "'50MB/s' is not a number of bytes",
        "write for example: total_bytes_per_second: 50MB",
    ),
    (
        "ftp: {bytes_per_second: 20MB, total_bytes_per_second: 10MB}",
        "ftp.total_bytes_per_second",
        "10 MB a second for all transfers is less than 20 MB for each (ftp.bytes_per_second)",
        "write more here, or less there",
    ),
    (
        "ftp: 21",
        "ftp",
        "must be a mapping of keys to values, not 21",
        "write for example: {tls: explicit}",
    ),
    (
        "ftp:",
        "ftp",
        "must be a mapping of keys to values, not nothing",
        "write for example: {tls: explicit}",
    ),
    (
        "ftp: {tls: none}",
        "ftp.only_on",
        "is missing: without TLS, everybody on the way can read the passwords and the photos, so "
        "FTP is offered on a direct link to one computer alone, a cable or a Wi-Fi of their own",
        "write tls: explicit; or name the server's interface of such a link, for example only_on: "
        "eth1",
    ),
    (
        "ftp: {only_on: eth1}",
        "ftp.only_on",
        "is for FTP without TLS; with tls: explicit, cameras come by the network",
        "remove it, or write tls: none",
    ),
    (
        "ftp: {tls: none, only_on: eth/1}",
        "ftp.only_on",
        "'eth/1' is not the name of a network interface",
        "write for example: only_on: eth1",
    ),
    (
        "ftp: {tls: none, only_on: lo}",
        "ftp.only_on",
        "'lo' is no interface that a cable or a Wi-Fi can be on",
        "write for example: only_on: eth1",
    ),
    (
        "ftp: {tls: none, only_on: eth1, only_from: [198.51.100.0/24]}",
        "ftp.only_from",
        "is not for a direct link (tls: none), where nobody else can connect",
        "remove it",
    ),
    # -- a shared public address
    (
        "port_set: 5136-5151",
        "port_set",
        "must be a mapping of keys to values, not '5136-5151'",
        "write for example: {offset: 6}",
    ),
    (
        "port_set: {}",
        "port_set",
        "needs offset, psid_length and psid, or the list of ports",
        "write for example: port_set: {offset: 6, psid_length: 8, psid: 0x34}, or "
        "port_set: {ports: [5136-5151, 9232-9247]}",
    ),
    (
        "port_set: {offset: 6, psid: 0x34}",
        "port_set",
        "needs offset, psid_length and psid, or the list of ports",
        "write for example: port_set: {offset: 6, psid_length: 8, psid: 0x34}, or "
        "port_set: {ports: [5136-5151, 9232-9247]}",
    ),
    (
        "port_set: {offset: 6, psid_length: 8, psid: 0x34, ports: [5136-5151]}",
        "port_set",
        "has both a list of ports and numbers to compute them from",
        "keep one of the two",
    ),
    (
        "port_set: {offset: 16, psid_length: 0, psid: 0}",
        "port_set",
        "a PSID offset is 0 to 15, not 16",
        "write the numbers that the provider's router shows",
    ),
    (
        "port_set: {offset: 6, psid_length: 11, psid: 1}",
        "port_set",
        "a PSID length beside offset 6 is 0 to 10, not 11",
        "write the numbers that the provider's router shows",
    ),
    (
        "port_set: {offset: 4, psid_length: 8, psid: 256}",
        "port_set",
        "a PSID of length 8 is 0 to 255, not 256",
        "write the numbers that the provider's router shows",
    ),
    (
        "port_set: {offset: 17, psid_length: 8, psid: 100}",
        "port_set.offset",
        "17 is more than 16",
        "write for example: offset: 6",
    ),
    (
        "port_set: {offset: 4, psid_length: true, psid: 100}",
        "port_set.psid_length",
        "true is not a number",
        "write for example: psid_length: 8",
    ),
    (
        "port_set: {offset: 4, psid_length: 8, psid: 0x12345}",
        "port_set.psid",
        "74565 is more than 65535",
        "write for example: psid: 0x34",
    ),
    (
        "port_set: {ports: 5136-5151}",
        "port_set.ports",
        "'5136-5151' is not a list",
        "write for example: ports: [5136-5151, 9232-9247]",
    ),
    (
        "port_set: {ports: [5136-5151, lots]}",
        "port_set.ports[1]",
        "'lots' is neither a port nor a range such as 50000-50199",
        "write for example: ports: [5136-5151, 9232-9247]",
    ),
    (
        "port_set: {ports: [5136-5151], router: true}",
        "port_set.router",
        "is not a key that belongs here",
        "remove it; the keys here are offset, psid_length, psid, ports",
    ),
    # -- cameras
    (
        "cameras: [{name: r5}, {name: r5}]",
        "cameras[1].name",
        "'r5' is the name of another camera already",
        "give every camera a name of its own",
    ),
    (
        "cameras: [{name: EOS R5}]",
        "cameras[0].name",
        f"'EOS R5' {NAME_RULE}",
        "write for example: name: r5",
    ),
    (
        "cameras: [{name: 7}]",
        "cameras[0].name",
        f"7 {NAME_RULE}",
        "write for example: name: r5",
    ),
    (
        "cameras: [r5]",
        "cameras[0]",
        "must be a mapping of keys to values, not 'r5'",
        "write for example: {name: r5}",
    ),
    (
        "cameras: [{name: r5, server: attic}]",
        "cameras[0].server",
        "there is no server named 'attic'",
        "write one of: darkroom",
    ),
    (
        "cameras: {r5: {}}",
        "cameras",
        "{'r5': {}} is not a list",
        "write for example: cameras: [{name: r5}]",
    ),
    (
        "cameras: [{name: library}]",
        "cameras[0].name",
        "/srv/hotshoe/library is where the photos of all cameras go, so no camera has that name",
        "give this camera another name",
    ),
    (
        "cameras: [{name: r5, limit: all of it}]",
        "cameras[0].limit",
        "'all of it' is not a number of bytes",
        "write for example: limit: 100GB",
    ),
    (
        "photos: {limit: 500GB}\ncameras: [{name: r5, limit: 500.1GB}]",
        "cameras[0].limit",
        "500100 MB is more than all photos may take together, which is 500 GB (photos.limit)",
        "write less here, or more there",
    ),
    (
        "photos: {library: '{date}/{name}'}\ncameras: [{name: r5, limit: 5GB}]",
        "cameras[0].limit",
        "the folders of the library ({date}/{name}) do not say which camera a photo is of",
        "add {camera} to photos.library, or limit all photos together (photos.limit)",
    ),
    (
        "cameras: [{name: r5, tolerates_unclean_close: mostly}]",
        "cameras[0].tolerates_unclean_close",
        "'mostly' is neither true nor false",
        "write for example: tolerates_unclean_close: false",
    ),
    # -- photos
    (
        "photos: {library: '{camera}/{date}'}",
        "photos.library",
        f"'{{camera}}/{{date}}' {TREE_RULE}",
        TREE_REMEDY,
    ),
    (
        "photos: {library: '{camera}/../../../etc/{name}'}",
        "photos.library",
        f"'{{camera}}/../../../etc/{{name}}' {TREE_RULE}",
        TREE_REMEDY,
    ),
    (
        "photos: {library: '/{date}/{name}'}",
        "photos.library",
        f"'/{{date}}/{{name}}' {TREE_RULE}",
        TREE_REMEDY,
    ),
    (
        "photos: {library: '{date}/{name}.JPG'}",
        "photos.library",
        f"'{{date}}/{{name}}.JPG' {TREE_RULE}",
        TREE_REMEDY,
    ),
    (
        "photos: {library: 'my photos/{name}'}",
        "photos.library",
        f"'my photos/{{name}}' {TREE_RULE}",
        TREE_REMEDY,
    ),
    (
        "photos: {library: 'a/b/c/d/e/f/g/{name}'}",
        "photos.library",
        f"'a/b/c/d/e/f/g/{{name}}' {TREE_RULE}",
        TREE_REMEDY,
    ),
    (
        "photos: {library: [date]}",
        "photos.library",
        f"['date'] {TREE_RULE}",
        TREE_REMEDY,
    ),
    *(
        (
            f"photos: {{library: '{folder}/{{name}}'}}",
            "photos.library",
            f"'{folder}/{{name}}' has something in braces in {folder} that is none of {{camera}}, "
            "{year}, {month}, {day}, {date}",
            TREE_REMEDY,
        )
        for folder in ("{lens}", "{name}", "{{camera}}", "{camera", "date}", "{}", "}{")
    ),
    (
        f"photos: {{library: '{'x' * 225}{{camera}}/{{name}}'}}",
        "photos.library",
        f"'{'x' * 60}…' may become longer than a folder's name may be",
        TREE_REMEDY,
    ),
    (
        "photos: {keep_incomplete: 0}",
        "photos.keep_incomplete",
        "0 is less than 1",
        "write for example: keep_incomplete: 14",
    ),
    (
        "photos: {limit: 500}",
        "photos.limit",
        "500 is less than 1000000",
        "write for example: limit: 500GB",
    ),
    (
        "photos: {limit: 3PB}",
        "photos.limit",
        "'3PB' is more than 2000000000000000",
        "write for example: limit: 500GB",
    ),
    (
        "photos: {keep_free: true}",
        "photos.keep_free",
        "true is not a number",
        "write for example: keep_free: 5GB",
    ),
    (
        "photos: {keep_free: 10%}",
        "photos.keep_free",
        "'10%' is not a number of bytes",
        "write for example: keep_free: 5GB",
    ),
    # -- keys that do not belong
    (
        "public_adress: 203.0.113.20",
        "public_adress",
        "is not a key that belongs here",
        "did you mean 'public_address'?",
    ),
    (
        "ftp: {pasive_ports: 50000-50199}",
        "ftp.pasive_ports",
        "is not a key that belongs here",
        "did you mean 'passive_ports'?",
    ),
    (
        "wifi: fast",
        "wifi",
        "is not a key that belongs here",
        f"remove it; the keys here are {KEYS_HERE}",
    ),
    (
        "21: yes",
        "21",
        "is not a key that belongs here",
        f"remove it; the keys here are {KEYS_HERE}",
    ),
    (
        "servers_of_mine: [darkroom]\nserver: {name: darkroom, address: 192.168.1.10}",
        "servers_of_mine",
        "is not a key that belongs here",
        "did you mean 'servers'?",
    ),
    (
        "server: {name: attic}\nservers: [{name: darkroom, address: 192.168.1.10}]",
        "server",
        "is not a key that belongs here",
        "did you mean 'servers'?",
    ),
]


@pytest.mark.parametrize(
    ("line", "key", "reason", "remedy"), [pytest.param(*case, id=case[0]) for case in ONE_LINE]
)
def test_a_mistake_in_one_line_is_refused_with(write_site, line, key, reason, remedy):
    assert refusal(write_site(with_lines(line))) == one_problem(key, reason, remedy)


def test_a_missing_server_is_asked_for_without_a_list(write_site):
    assert refusal(write_site(without("server"))) == one_problem(
        "server", "is missing", "write for example: server: {name: darkroom, address: 192.168.1.10}"
    )


WHOLE_FILE = [
    (
        "nothing in it",
        "",
        f"{FILE}: is empty\n    -> begin with a line such as: key: value",
    ),
    (
        "only a comment in it",
        "# my home\n",
        f"{FILE}: is empty\n    -> begin with a line such as: key: value",
    ),
    (
        "a list",
        "- hostname: photos.example.net\n",
        f"{FILE}: is not a mapping of keys to values\n    -> begin with a line such as: key: value",
    ),
    (
        "prose",
        "my home\n",
        f"{FILE}: is not a mapping of keys to values\n    -> begin with a line such as: key: value",
    ),
    (
        "two colons in a line",
        "hostname: photos: example\n",
        f"{FILE}: line 1: is not YAML: mapping values are not allowed here\n"
        "    -> correct that line",
    ),
    (
        "a tabulator",
        "server:\n\tname: darkroom\n",
        f"{FILE}: line 2: has a tab where YAML takes spaces\n    -> write spaces there",
    ),
    (
        "a bracket that is never closed",
        "cameras: [{name: r5}\n",
        f"{FILE}: line 2: is not YAML: expected ',' or ']', but got '<stream end>'\n"
        "    -> correct that line",
    ),
    (
        "a key twice",
        "hostname: photos.example.net\nhostname: other.example.net\n",
        f"{FILE}: line 2: has the same key twice\n    -> keep one of the two",
    ),
    (
        "a key twice further in",
        with_lines("server: {name: darkroom, address: 192.168.1.10, name: attic}"),
        f"{FILE}: line 5: has the same key twice\n    -> keep one of the two",
    ),
    (
        "two documents",
        "hostname: photos.example.net\n---\nhostname: photos.example.net\n",
        f"{FILE}: line 2: is not YAML: but found another document\n    -> correct that line",
    ),
    (
        "a date that does not exist",
        with_lines("hostname: 2024-02-30"),
        f"{FILE}: holds a value that cannot be read: day is out of range for month\n"
        "    -> put quotes around what is meant as text",
    ),
    (
        "lists in lists in lists, without an end",
        with_lines(f"cameras: {'[' * 700}{']' * 700}"),
        f"{FILE}: holds lists or mappings nested too deeply\n    -> correct the file",
    ),
    (
        "an object of Python",
        "hostname: !!python/object/apply:os.system [reboot]\n",
        f"{FILE}: line 1: is not YAML: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/object/apply:os.system'\n    -> correct that line",
    ),
    (
        "a zero byte",
        "hostname: \0\n",
        f"{FILE}: is not YAML: unacceptable character #x0000: special characters are not allowed\n"
        "    -> correct the file",
    ),
]


@pytest.mark.parametrize(
    ("text", "message"), [pytest.param(*case[1:], id=case[0]) for case in WHOLE_FILE]
)
def test_a_file_that_is_no_site_is_refused_with(write_site, text, message):
    assert refusal(write_site(text)) == f"1 problem, nothing was changed:\n{message}"


class TestUnreadableFiles:
    def test_a_missing_file_is_refused(self, home):
        assert refusal(SiteFiles("home")) == (
            "1 problem, nothing was changed:\n"
            "group_vars/home.yml: there is no such file\n"
            "    -> run this in the folder that holds deploy.py; group_vars/home.yml is an example"
        )

    def test_a_photo_is_refused(self, home):
        files = SiteFiles("home")
        files.site.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")
        assert refusal(files) == (
            "1 problem, nothing was changed:\n"
            "group_vars/home.yml: is not a text file in UTF-8\n"
            "    -> save it as UTF-8"
        )

    def test_a_folder_is_refused(self, home):
        files = SiteFiles("home")
        files.site.mkdir()
        assert refusal(files) == (
            "1 problem, nothing was changed:\n"
            "group_vars/home.yml: cannot be read: Is a directory\n"
            "    -> make it readable"
        )


@pytest.mark.parametrize(
    "line",
    [
        "ftp: {passive_ports: 1025-1100}",
        "ftp: {passive_ports: 65526-65535}",
        "ftp: {control_port: 49999, passive_ports: 50000-50007}",
        "ftp: {tls: none, only_on: eth1}",
        "port_set: {offset: 4, psid_length: 8, psid: 0x64}",
        "port_set: {offset: 6, psid_length: 0, psid: 0}",
        "port_set: {ports: [5136-5144]}",
        "port_set:",
        "servers: [{name: darkroom, address: 192.168.1.10}]",
        "routers: [{name: gateway, lan: 192.168.1.9/30}]",
        "routers: [{name: gateway, lan: 192.168.1.1/24, wan: 203.0.113.20}]",
        "routers: [{name: gateway, lan: 192.168.1.1/24, wan: null, lan6: fd00::1/126}]",
        "routers: [{name: gateway, lan: 192.168.1.1/24, other_forwards: [50000-50199/udp]}]",
        "ftp: {control_port: 1}",
        "ftp: {bytes_per_second: 1000}",
        "ftp: {bytes_per_second: 20MB, total_bytes_per_second: 20MB}",
        "photos: {limit: 1MB, keep_free: 1MB}\ncameras: [{name: r5, limit: 1MB}]",
        "photos: {library: '{name}'}",
        "photos: {library: 'a/..b/{year}{month}{day}/.d/{camera}-{date}/f/{name}'}",
        f"photos: {{library: '{'x' * 224}{{camera}}/{{name}}'}}",
        "server: {name: darkroom, address: 192.168.1.254}",
        "server: {name: darkroom, address: 192.168.1.10, open_to_lan: [50000/udp, 49999/tcp]}",
        "public_address: 9.9.9.9",
        f"hostname: {'a' * 52}.example.net",
        f"cameras: [{{name: {'r' * 31}}}]",
    ],
)
def test_values_at_their_limits_are_accepted(write_site, line):
    assert make_plan(load_site(write_site(with_lines(line))))


@pytest.mark.parametrize(
    ("lan", "block"),
    [
        ("0.0.0.1/24", "0.0.0.0/8"),
        ("127.0.0.1/24", "127.0.0.0/8"),
        ("64.0.0.1/2", "127.0.0.0/8"),
        ("169.254.7.1/24", "169.254.0.0/16"),
        ("224.0.1.1/24", "224.0.0.0/3"),
        ("250.0.0.1/24", "224.0.0.0/3"),
    ],
)
def test_a_lan_in_a_block_that_no_lan_can_use_is_refused(write_site, lan, block):
    server = IPv4Interface(lan).network[2]
    text = SMALLEST.replace("192.168.1.10", str(server)).replace("192.168.1.1/24", lan)
    assert refusal(write_site(text)) == one_problem(
        "routers[0].lan",
        f"{lan} has addresses of {block}, which no LAN can use",
        "write the router's address inside the home, for example 192.168.1.1/24",
    )


PUBLIC_NAME = (
    "write a name that everybody can look up, in a domain of yours or of a dynamic DNS provider, "
    "such as photos.example.net"
)


@pytest.mark.parametrize(
    ("hostname", "reason"),
    [
        ("photos.local", ".local is for multicast DNS in a single network (RFC 6762)"),
        ("photos.home.arpa", ".home.arpa is for names inside a home (RFC 8375)"),
        ("1.168.192.in-addr.arpa", ".arpa is for the Internet's own infrastructure (RFC 3172)"),
        ("photos.localhost", ".localhost is the computer itself (RFC 6761)"),
        ("photos.invalid", ".invalid is a name that never exists (RFC 6761)"),
        ("photos.test", ".test is for tests (RFC 6761)"),
        ("photos.example", ".example is for documentation (RFC 6761)"),
        ("photos.onion", ".onion is for Tor, which cameras do not speak (RFC 7686)"),
        ("photos.alt", ".alt is for names outside of DNS (RFC 9476)"),
        ("photos.internal", ".internal is for names inside a network (ICANN, July 2024)"),
        ("Photos.LAN.", ".lan is only used inside networks (RFC 6762, appendix G)"),
        ("photos.my.home", ".home is only used inside networks (RFC 6762, appendix G)"),
        ("photos.corp", ".corp is only used inside networks (RFC 6762, appendix G)"),
        ("photos.private", ".private is only used inside networks (RFC 6762, appendix G)"),
        ("photos.intranet", ".intranet is only used inside networks (RFC 6762, appendix G)"),
        ("photos.localdomain", ".localdomain is only used inside networks (no such domain)"),
        ("photos.fritz.box", ".fritz.box is for names in the network of a FRITZ!Box (AVM)"),
    ],
)
def test_a_name_that_nobody_outside_can_look_up_is_refused(write_site, hostname, reason):
    name = hostname.lower().rstrip(".")
    assert refusal(write_site(with_lines(f"hostname: {hostname}"))) == one_problem(
        "hostname", f"{name} leads nowhere on the Internet: {reason}", PUBLIC_NAME
    )


@pytest.mark.parametrize(
    "hostname",
    [
        *("photos.example.net", "example.com", "local.example.org", "x.myfritz.net", "a.box"),
        *("thelocal.se", "lan.de", "home.arpa.example.net", "photos.dyn.internal.example.com"),
    ],
)
def test_a_name_that_only_resembles_an_inside_name_is_accepted(write_site, hostname):
    assert load_site(write_site(with_lines(f"hostname: {hostname}"))).hostname == hostname


PRIVATE_LAN = (
    "write the router's address inside the home; private are 192.168.0.0/16, 10.0.0.0/8 and "
    "172.16.0.0/12, which is 172.16.0.0 to 172.31.255.255 (RFC 1918); for example "
)


@pytest.mark.parametrize(
    ("lan", "network", "instead"),
    [
        ("8.8.8.1/24", "8.8.8.0/24", "192.168.1.1/24"),
        ("172.168.1.1/24", "172.168.1.0/24", "172.16.1.1/24"),
        ("172.15.255.1/24", "172.15.255.0/24", "172.16.255.1/24"),
        ("172.32.0.1/24", "172.32.0.0/24", "172.16.0.1/24"),
        ("192.169.1.1/24", "192.169.1.0/24", "192.168.1.1/24"),
        ("192.168.1.1/8", "192.0.0.0/8", "192.168.1.1/24"),
        ("10.0.0.1/7", "10.0.0.0/7", "10.0.0.1/24"),
        ("192.0.0.1/24", "192.0.0.0/24", "192.168.0.1/24"),
        ("198.51.100.1/24", "198.51.100.0/24", "192.168.1.1/24"),
        ("203.0.113.1/24", "203.0.113.0/24", "192.168.1.1/24"),  # which has the public address
    ],
)
def test_a_lan_of_addresses_that_others_have_is_refused(write_site, lan, network, instead):
    server = IPv4Interface(lan).ip + 9
    text = SMALLEST.replace("192.168.1.10", str(server)).replace("192.168.1.1/24", lan)
    assert refusal(write_site(text)) == one_problem(
        "routers[0].lan",
        f"{network} is not private, so its addresses are others' on the Internet",
        PRIVATE_LAN + instead,
    )


@pytest.mark.parametrize("lan", ["10.0.0.1/8", "172.31.255.1/24", "100.64.0.1/24", "198.18.0.1/15"])
def test_a_lan_that_nobody_on_the_internet_has_is_accepted(write_site, lan):
    server = IPv4Interface(lan).ip + 9
    text = SMALLEST.replace("192.168.1.10", str(server)).replace("192.168.1.1/24", lan)
    assert load_site(write_site(text)).servers[0].address == server


@pytest.mark.parametrize("lan6", ["2001:db8::1/32", "2000::1/3", "fd00::1/47"])
def test_an_ipv6_lan_larger_than_a_home_gets_is_refused(write_site, lan6):
    text = SMALLEST.replace("1.1/24", f"1.1/24, lan6: '{lan6}'")
    address = lan6.partition("/")[0]
    assert refusal(write_site(text)) == one_problem(
        "routers[0].lan6",
        f"{lan6} is more than a provider gives a home, which is a /48 at most (RFC 6177)",
        f"write the prefix length of this LAN, which mostly is 64: {address}/64",
    )


def test_free_addresses_are_suggested_without_trying_all_there_are(write_site, monkeypatch):
    """Each overlap of large LANs went through all networks that there are, one by one."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("networks are counted one by one")

    monkeypatch.setattr("ipaddress.IPv4Network.subnets", refuse)
    routers = ", ".join(f"{{name: r{i}, wan: 10.0.0.{i}, lan: 10.0.0.{i}/8}}" for i in range(1, 20))
    message = refusal(write_site(with_lines(f"routers: [{routers}]")))
    assert "give this LAN other addresses, for example 192.168.0.1/24" in message


def nested(level: str, inner: str, depth: int) -> str:
    """Ten lines that stand for ten times ten times … as much."""
    lines = [f"a0: &a0 {inner}"]
    lines += [
        f"a{i}: &a{i} " + level.replace("…", ", ".join([f"*a{i - 1}"] * 9)) for i in range(1, depth)
    ]
    return "\n".join(lines) + "\n"


LAUGHS = [nested("[…]", "[x]", 9), nested("{<<: […]}", "{x: 1}", 9)]


@pytest.fixture
def nothing_is_built(monkeypatch):
    """A file that is too much is refused before any value of it exists."""

    def build(*_: object, **__: object) -> None:
        raise AssertionError("the values are built")

    monkeypatch.setattr("ruamel.yaml.constructor.BaseConstructor.construct_document", build)


@pytest.mark.usefixtures("nothing_is_built")
class TestTooMuch:
    @pytest.mark.parametrize("text", LAUGHS, ids=["lists", "merged mappings"])
    @pytest.mark.parametrize("secret", [False, True])
    def test_aliases_of_aliases_are_refused(self, text, secret):
        with pytest.raises(SiteError) as refused:
            parse_mapping(text, FILE, secret=secret)
        assert str(refused.value) == (
            f"1 problem, nothing was changed:\n{FILE}: stands for more than 20000 values, by "
            "aliases of aliases (*name)\n    -> write the values themselves"
        )

    def test_an_alias_of_itself_is_refused(self):
        with pytest.raises(SiteError) as refused:
            parse_mapping("hostname: &a [*a]\n", FILE)
        assert str(refused.value) == (
            f"1 problem, nothing was changed:\n{FILE}: holds something that contains itself, by an "
            "alias (*name)\n    -> write the values themselves"
        )

    @pytest.mark.parametrize("depth", [60, 2000])
    @pytest.mark.parametrize("bracket", ["[]", "{}"])
    def test_deeply_nested_lists_or_mappings_are_refused(self, depth, bracket):
        text = f"hostname: {bracket[0] * depth}{bracket[1] * depth}\n"
        if bracket == "{}":
            text = f"hostname: {'{a: ' * depth}1{'}' * depth}\n"
        with pytest.raises(SiteError) as refused:
            parse_mapping(text, FILE)
        assert str(refused.value) == (
            f"1 problem, nothing was changed:\n{FILE}: holds lists or mappings nested too deeply\n"
            "    -> correct the file"
        )

    def test_lists_nested_by_aliases_are_refused(self):
        lines = [f"a{i}: &a{i} [{f'*a{i - 1}' if i else 'x'}]\n" for i in range(60)]
        with pytest.raises(SiteError, match="nested too deeply"):
            parse_mapping("".join(lines), FILE)

    def test_an_endless_file_is_refused(self, write_site):
        files = write_site("")
        files.site.unlink()
        files.site.symlink_to("/dev/zero")
        assert refusal(files) == (
            f"1 problem, nothing was changed:\n{FILE}: is longer than 128 KiB\n"
            "    -> write only what belongs here, which is a few kilobytes"
        )

    def test_a_pipe_is_refused_and_not_waited_for(self, write_site):
        files = write_site("")
        files.site.unlink()
        os.mkfifo(files.site)
        assert f"{FILE}: is a pipe, and no file\n" in refusal(files)

    def test_a_long_file_is_refused(self, write_site):
        files = write_site(SMALLEST + "# ein schöner Kommentar\n" * 8000)
        assert f"{FILE}: is longer than 128 KiB\n" in refusal(files)

    def test_a_long_text_out_of_a_vault_is_refused(self):
        with pytest.raises(SiteError, match="is longer than 128 KiB"):
            parse_mapping("# a comment\n" * 12000, FILE, secret=True)


def test_aliases_that_stand_for_little_are_accepted(write_site):
    site = load_site(
        write_site(
            with_lines(
                "routers: [&r {name: gateway, lan: 192.168.1.1/24, open_to_wan: &s [80/tcp]}]\n"
                "server: {name: darkroom, address: 192.168.1.10, open_to_lan: *s}"
            )
        )
    )
    assert site.servers[0].open_to_lan == site.routers[0].open_to_wan


def test_a_site_of_a_thousand_cameras_is_not_too_much(write_site):
    cameras = ", ".join(f"{{name: camera-number-{i}}}" for i in range(1000))
    assert len(load_site(write_site(with_lines(f"cameras: [{cameras}]"))).cameras) == 1000


@pytest.mark.parametrize("line", ["hostname:\tphotos.example.net", "cameras:\n\t- {name: r5}"])
def test_the_message_names_a_tab(write_site, line):
    text = refusal(write_site(f"{line}\n"))
    assert "has a tab where YAML takes spaces\n    -> write spaces there" in text


def test_every_item_of_a_list_is_checked(write_site):
    line = "server: {name: darkroom, address: 192.168.1.10, open_to_lan: [445, 22/tcp, smb]}"
    assert refusal(write_site(with_lines(line))) == (
        "2 problems, nothing was changed:\n"
        f"{FILE}: server.open_to_lan[0]: 445 is not a port with its protocol, such as 445/tcp\n"
        "    -> write for example: open_to_lan: [445/tcp]\n"
        f"{FILE}: server.open_to_lan[2]: 'smb' is not a port with its protocol, such as 445/tcp\n"
        "    -> write for example: open_to_lan: [445/tcp]"
    )


def test_a_mistake_in_all_yml_is_blamed_on_that_file(write_site):
    files = write_site(SMALLEST, shared="ftp: {control_port: 22}\n")
    assert refusal(files) == (
        "1 problem, nothing was changed:\n"
        "group_vars/all.yml: ftp.control_port: 22 is where the SSH of darkroom answers\n"
        "    -> take another control port, for example 21"
    )


def test_every_mistake_is_reported_in_one_run(write_site):
    """Bad fields do not hide what makes no sense together elsewhere, nor the other way round."""
    files = write_site("""\
hostname: darkroom
public_address: 192.168.178.2
routers:
  - {name: gateway, lan: 192.168.1.1/24, ssh_port: 0}
server: {name: gateway, adress: 192.168.1.10}
ftp: {control_port: 60005, passive_ports: 60000-60009}
cameras:
  - {name: r5}
  - {name: R5}
  - {name: r5}
wifi: fast
""")
    assert (
        refusal(files)
        == f"""\
11 problems, nothing was changed:
group_vars/home.yml: wifi: is not a key that belongs here
    -> remove it; the keys here are {KEYS_HERE}
group_vars/home.yml: hostname: 'darkroom' is not a host name with a domain (RFC 1123)
    -> write for example: hostname: photos.example.net
group_vars/home.yml: routers[0].ssh_port: 0 is less than 1
    -> write for example: ssh_port: 22
group_vars/home.yml: server.adress: is not a key that belongs here
    -> did you mean 'address'?
group_vars/home.yml: server.address: is missing
    -> write for example: address: 192.168.1.10
group_vars/home.yml: cameras[1].name: 'R5' {NAME_RULE}
    -> write for example: name: r5
group_vars/home.yml: public_address: 192.168.178.2 cannot be reached from the Internet: it is \
private (RFC 1918)
    -> write the address that the provider gave the outermost router; if the provider gives only \
an address like this one, ask for a public one
group_vars/home.yml: server.name: 'gateway' is the name of another device already
    -> give every device a name of its own
group_vars/home.yml: cameras[2].name: 'r5' is the name of another camera already
    -> give every camera a name of its own
group_vars/home.yml: ftp.control_port: 60005 is inside the passive range 60000-60009
    -> take a control port outside the range, for example 21
group_vars/home.yml: ftp.passive_ports: 60000-60009 has 10 ports; 3 cameras may use 6 ports at \
once (one transfer each, and one that broke off less than 60 seconds ago), and need 22 for \
vsftpd's 9 random tries to find a free one
    -> write for example: passive_ports: 50000-50199; or leave it out"""
    )


# -- whatever is in the file, the answer is a Site or a refusal

ODD_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 70000)
    | st.floats()
    | st.dates()
    | st.binary(max_size=8)
    | st.text(max_size=12)
)
# What is right somewhere, and mostly wrong where it is put.
RIGHT_SCALARS = st.sampled_from(
    [
        *("photos.local", "photos.example", "8.8.8.1/24", "172.168.1.1/24"),
        *("203.0.113.20", "198.51.100.1", "100.64.0.1", "192.168.178.1", "192.168.178.2"),
        *("192.168.178.10", "192.168.1.1", "192.168.1.10", "192.168.1.20", "192.168.1.255"),
        *("192.168.1.1/24", "192.168.178.1/24", "192.168.178.1/30", "192.168.1.1/32"),
        *("192.168.0.1/16", "10.0.0.1/8", "172.16.0.1/12", "0.0.0.0/0", "128.0.0.1/1"),
        *("2001:db8:1::1", "2001:db8:1::2", "2001:db8:2::10", "fe80::1", "::ffff:192.168.1.1"),
        *("2001:db8:1::1/64", "2001:db8:2::1/64", "2001:db8:2::1/127", "2001:db8:2::1/126"),
        *("2001:db8::1/32", "::/0", "fe80::1/64", "fd00::1/64", "fe80::1%a", "fe80::1%a/64"),
        *("nat", "default-host", "routed", "linux", "openwrt", "hand", "explicit", "none"),
        *("edge", "gateway", "darkroom", "studio", "r5", "a7", True, False, "20MB"),
        *("{camera}/{date}/{name}", "{name}", "{year}/{name}", "1MB", "500GB"),
        *(21, 22, 5700, 50010, "5696-5711", "50000-50199", "1-65535"),
        *("22/tcp", "445/tcp", "1-65535/tcp", "1-65535/udp"),
        *("dynamic", "server", "router", "nsupdate", "duckdns", "dyndns2", "example.net"),
        *("implicit", "both", "own-ca", "letsencrypt", "files", "http-01", "dns-01", 80, 990),
        *("smb", "fetch", "sftp", "webdav", "s3", "newest", "quiet-minute", "sftp.example.net"),
        *("https://192.168.1.30:22/in", "https://192.168.1.21", "https://x:99999/", "in", "/in"),
        *("eth1", "https://acme.example.net/dir", "/usr/local/sbin/hook", "pki/own/chain.pem"),
    ]
)
PARTS = (
    *(Site, Router, Server, HomeService, Ftp, Certificate, Photos, SharedAddress, Ddns, Camera),
    *(Library, Message, Delivery, Retention),
)
KEYS = st.sampled_from(sorted({"server", *(key for part in PARTS for key in part.model_fields)}))
ODD_VALUES = RIGHT_SCALARS | st.recursive(
    ODD_SCALARS | RIGHT_SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)
# Every key of every part has a place in one of these two.
LARGEST = """\
hostname: photos.example.net
public_address: 203.0.113.20
port_set: {offset: 4, psid_length: 8, psid: 100, ports: []}
routers:
  - {name: edge, managed_by: hand, mode: nat, lan: 192.168.178.1/24, lan6: 2001:db8:1::1/64,
     masks_source: true, other_forwards: [8443/tcp], open_to_wan: [51820/udp]}
  - {name: gateway, managed_by: linux, mode: nat, wan: 192.168.178.2, wan6: 2001:db8:1::2,
     lan: 192.168.1.1/24, lan6: 2001:db8:2::1/64, ssh_user: root, ssh_port: 22}
servers:
  - {name: darkroom, behind: edge, address: 192.168.178.10, address6: 2001:db8:1::10,
     may_open: [{to: 192.168.1.20, services: [445/tcp]}]}
  - {name: studio, behind: gateway, address: 192.168.1.10, mac: "b8:27:eb:12:34:56",
     ssh_user: root, ssh_port: 22, ssh_from: [10.9.0.0/24], open_to_lan: [445/tcp]}
ftp: {tls: explicit, control_port: null, implicit_port: null, only_on: null, only_from: [],
  tls_1_3: false, legacy_tls: true, rsa_key_exchange: true, passive_ports: null,
  bytes_per_second: 20MB,
  total_bytes_per_second: 50MB}
certificate: {issuer: own-ca, challenge: null, staging: false, directory: null, ca_bundle: null,
  email: null, server: null, key_name: null, algorithm: hmac-sha256, propagation_seconds: 60,
  hook: null, chain: null, key: null, root: null}
photos: {library: "{camera}/{date}/{name}", keep_incomplete: 14, limit: 500GB, keep_free: 5GB}
cameras: [{name: r5, server: darkroom, limit: 100GB, tolerates_unclean_close: true},
  {name: a7, server: studio}]
library: {share: smb, share_may_change: true, readers: [ann]}
message: {program: messages/ntfy, per: photo, timeout_seconds: 30}
delivery:
  - {name: nas, by: fetch, server: darkroom, behind: gateway, address: 192.168.1.21, ssh_user: root,
     ssh_port: 22, folder: /srv/photos, order: oldest, bytes_per_second: 5MB, removed: false,
     by_hand: false}
  - {name: desk, by: sftp, server: darkroom, address: 192.168.1.30, port: 22, username: ann,
     folder: in,
     host_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJZyu2AMH/Gn3pyaT3bY0gVlt46Jdvd3JpG9XJ8Fp9rW}
  - {name: office, by: smb, server: studio, address: 192.168.1.31, username: ann, share: photos}
  - {name: bucket, by: s3, server: studio, url: "https://s3.example.net", region: eu,
     bucket: photos, username: AKIA}
  - {name: cloud, by: webdav, server: darkroom, url: "https://192.168.1.32/in", username: ann}
retention: {after_days: 30, keep_free: 200GB}
"""
LARGEST_DYNAMIC = LARGEST.replace(
    "public_address: 203.0.113.20", "public_address: dynamic"
).replace(
    "port_set: {offset: 4, psid_length: 8, psid: 100, ports: []}",
    "ddns: {updated_by: nsupdate, provider: null, username: null, server: ns1.example.net,\n"
    "  zone: example.net, key_name: hotshoe.example.net, algorithm: hmac-sha512, ttl: 30}",
)


def test_the_largest_sites_have_every_key(write_site):
    for text in (LARGEST, LARGEST_DYNAMIC):
        assert load_site(write_site(text)).servers[0].may_open
    for part in PARTS:
        for key in part.model_fields:
            assert re.search(rf"\b{key}:", LARGEST + LARGEST_DYNAMIC), key


@pytest.fixture(scope="module")
def odd_files(tmp_path_factory) -> SiteFiles:
    folder = tmp_path_factory.mktemp("odd")
    (folder / "group_vars").mkdir()
    return SiteFiles("home", folder)


@given(st.data(), st.sampled_from([SMALLEST, LARGEST, LARGEST_DYNAMIC]))
def test_a_site_with_any_value_anywhere_is_loaded_or_refused(odd_files, data, text):
    """Take a good Site and put something odd in one to three places, or add or remove a key."""
    raw = YAML(typ="safe", pure=True).load(text)
    for _ in range(data.draw(st.integers(1, 3))):
        part = raw
        while True:
            places = list(part) if isinstance(part, dict) else list(range(len(part)))
            if not places:
                break
            place = data.draw(st.sampled_from(places))
            if isinstance(part[place], (dict, list)) and data.draw(st.booleans()):
                part = part[place]
                continue
            if isinstance(part, dict) and data.draw(st.booleans()):
                place = data.draw(KEYS)
            if place in places and data.draw(st.integers(0, 4)) == 0:
                del part[place]
            else:
                part[place] = data.draw(ODD_VALUES)
            break
    with odd_files.site.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(raw, file)
    loaded_or_refused(odd_files)


@given(st.binary(max_size=60) | st.text("ab:-[]{}!&*|>#%@'\"\\ \n0123456789xU", max_size=40))
def test_any_content_is_loaded_or_refused(odd_files, content):
    odd_files.site.write_bytes(content if isinstance(content, bytes) else content.encode())
    loaded_or_refused(odd_files)


def loaded_or_refused(files: SiteFiles) -> None:
    try:
        site = load_site(files)
    except SiteError as refused:
        for problem in refused.problems:
            assert problem.file == str(files.site)
            assert problem.reason
            assert problem.remedy
    else:
        # Whatever is not refused is a home that can be planned.
        assert Boxes(make_plan(site)).servers
        assert warnings_of(files, site) is not None


@pytest.mark.parametrize(
    "value",
    [
        "9" * 5000,
        "!!int abc",
        "!!int ''",
        "!!float x",
        "!!bool x",
        "!!timestamp x",
        "0000-00-00",
        "2024-01-01T00:00:00+99:99",
        '"\\UFFFFFFFF"',
        '"\\U00110000"',
    ],
)
def test_a_value_that_is_not_of_the_type_that_it_claims_is_refused(value):
    with pytest.raises(SiteError, match=r"holds a value that cannot be read|is not YAML"):
        parse_mapping(f"hostname: {value}\n", FILE)
