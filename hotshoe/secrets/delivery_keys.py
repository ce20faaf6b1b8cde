"""SSH keys by which photos are delivered, each derived from the vault's ``delivery_secret``.

So nothing has to be read from one host to be written to another, nothing has to be kept, and a
second deploy writes the same. A key is HKDF's output (RFC 5869, with SHA-256) for its purpose,
taken as the seed of an Ed25519 key (RFC 8032, section 5.1.5). The home's host name is part of the
purpose, for several homes may share a vault.
"""

from __future__ import annotations

import base64
import textwrap
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_KIND = "ssh-ed25519"
_SEED_BYTES, _CHECK_BYTES = 32, 4
# What a private key that is not encrypted is filled up to a multiple of (PROTOCOL.key).
_BLOCK = 8


@dataclass(frozen=True)
class KeyPair:
    """An SSH key pair.

    :param private: the text of its private key's file, as OpenSSH writes one; never printed
    :param public: its public key, ``ssh-ed25519 AAAA…``
    """

    private: str = field(repr=False)
    public: str


def fetch_key(secret: str, hostname: str, delivery: str, to: str) -> KeyPair:
    """The key by which a computer at home logs in to fetch photos.

    Of another computer, or for another folder, it is another one: until a deploy has told that
    computer of it, what it fetches cannot count for a place where it puts nothing.

    :param secret: the vault's ``delivery_secret``
    :param hostname: of the home
    :param delivery: the name of the delivery
    :param to: where photos go there, as ``192.168.1.20:/srv/photos``
    """
    return _derived(secret, hostname, f"fetch key {delivery} {to}")


def fetch_host_key(secret: str, hostname: str, server: str) -> KeyPair:
    """The host key that a server shows to computers that fetch photos.

    :param secret: the vault's ``delivery_secret``
    :param hostname: of the home
    :param server: the server's name
    """
    return _derived(secret, hostname, f"fetch host key {server}")


def sftp_key(secret: str, hostname: str, delivery: str) -> KeyPair:
    """The key by which a server logs in at an SFTP peer.

    :param secret: the vault's ``delivery_secret``
    :param hostname: of the home
    :param delivery: the name of the delivery
    """
    return _derived(secret, hostname, f"sftp key {delivery}")


def _derived(secret: str, hostname: str, purpose: str) -> KeyPair:
    info = f"hotshoe {hostname} {purpose}".encode()
    kdf = HKDF(SHA256(), _SEED_BYTES + _CHECK_BYTES, salt=None, info=info)
    bits = kdf.derive(secret.encode())
    seed, check = bits[:_SEED_BYTES], bits[_SEED_BYTES:]
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    public = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return KeyPair(_openssh(seed, key.public_bytes_raw(), check), public)


def _openssh(seed: bytes, public: bytes, check: bytes) -> str:
    """The text of a private key's file, in the format of OpenSSH's PROTOCOL.key, not encrypted.

    The library would write another text each time, for it takes a random number as ``check``; and
    OpenSSH up to 9.5, so that of Debian 12, reads no Ed25519 key in another format.
    """
    blob = _string(_KIND.encode()) + _string(public)
    inner = check * 2 + blob + _string(seed + public) + _string(b"")
    inner += bytes(range(1, -len(inner) % _BLOCK + 1))
    none = _string(b"none")
    outer = b"openssh-key-v1\0" + none * 2 + _string(b"") + (1).to_bytes(4, "big")
    text = base64.b64encode(outer + _string(blob) + _string(inner)).decode()
    lines = "\n".join(textwrap.wrap(text, 70))
    return f"-----BEGIN OPENSSH PRIVATE KEY-----\n{lines}\n-----END OPENSSH PRIVATE KEY-----\n"


def _string(value: bytes) -> bytes:
    """RFC 4251, section 5."""
    return len(value).to_bytes(4, "big") + value
