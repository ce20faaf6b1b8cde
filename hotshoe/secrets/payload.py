"""The content of a vault, read without starting ansible-vault.

The format is ansible-core's: "Format of files encrypted with Ansible Vault", user guide, versions
1.1 and 1.2. Starting ansible-vault takes half a second of processor time, more than all the rest
of a deploy that changes nothing; importing its library prints a traceback under gevent.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import unhexlify

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

# The version, and from 1.2 on a label, which says nothing of how the rest is encrypted.
_HEADER = re.compile(rb"\$ANSIBLE_VAULT;(?:1\.1;AES256|1\.2;AES256;[^\r\n;]+)[ \t]*\r?\n")
_ITERATIONS = 10_000
_KEY, _BLOCK = 32, 16


def decrypt(encrypted: bytes, password: bytes) -> bytes | None:
    """Decrypt a vault of one of the two known versions.

    Nothing is decrypted before its HMAC is known to be right.

    :param encrypted: the file, with its header
    :param password: without the line end of the file that holds it
    :returns: what is inside; None if the format is another, or if the password does not open it
    """
    header = _HEADER.match(encrypted)
    if not header or not password:
        return None
    try:
        salt, told, ciphertext = map(
            unhexlify, unhexlify(b"".join(encrypted[header.end() :].split())).split(b"\n")
        )
    except ValueError:
        return None
    # The key of the cipher, that of the HMAC, and the first counter.
    keys = hashlib.pbkdf2_hmac("sha256", password, salt, _ITERATIONS, 2 * _KEY + _BLOCK)
    is_right = hmac.digest(keys[_KEY : 2 * _KEY], ciphertext, "sha256")
    if not hmac.compare_digest(is_right, told):
        return None
    counter = modes.CTR(keys[2 * _KEY :])
    decryptor = Cipher(algorithms.AES(keys[:_KEY]), counter).decryptor()
    unpadder = PKCS7(8 * _BLOCK).unpadder()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        return None
