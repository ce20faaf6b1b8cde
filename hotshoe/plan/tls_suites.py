"""Which cipher suites of TLS up to 1.2 are offered, and why.

By OpenSSL's names, as vsftpd's ``ssl_ciphers`` takes them. All are for RSA certificates, which
cameras take. (TLS 1.3 has suites of its own, all of them good.)

What clients can:

- Sony publishes the suites of its cameras ("About the FTPES (FTPS) function" and, for camcorders,
  "Transferring using Secure FTP", helpguide.sony.net): ECDHE-RSA with AES-GCM, which it recommends,
  and for older servers the same with CBC, DHE, and RSA key exchange.
- Of Canon, Nikon, Fujifilm and Panasonic no list was found.
- Mbed TLS 2.x (ssl_ciphersuites.c), wolfSSL and GnuTLS offer ECDHE-RSA with GCM and CBC as they
  come; wolfSSL has had no RSA key exchange since 3.6.6 unless it is asked for (its README).
- Silicon Labs' Wi-Fi modules ("SSL/TLS Cipher Selection" of the RS9116) list ECDHE-RSA with CBC.
- axTLS, on small devices such as the ESP8266, has RSA key exchange alone (README of its port).

DHE is missing: Debian's vsftpd has no option for its parameters (``dh_param_file`` is Fedora's) and
OpenSSL takes none from openssl.cnf, so it could not be agreed on. All the above that have DHE have
ECDHE too. 3DES and RC4 are broken (RFC 7465, RFC 8429).
"""

from __future__ import annotations

# Forward secrecy and AEAD: TLS 1.2 only.
AEAD = (
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
# Forward secrecy with CBC, the most that some clients can. Those with SHA-1 as their MAC, where it
# is not broken, are the only ones of TLS 1.0 and 1.1. OpenSSL computes CBC in constant time, and
# encrypts before it authenticates with whoever can (RFC 7366).
CBC = (
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-RSA-AES256-SHA",
)
# Without forward secrecy: whoever gets the server's key can read what was recorded before.
RSA_KEY_EXCHANGE = (
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA256",
    "AES256-SHA256",
    "AES128-SHA",
    "AES256-SHA",
)


def chosen(*, rsa_key_exchange: bool = False) -> tuple[str, ...]:
    """The cipher suites that a server offers, the preferred one first.

    :param rsa_key_exchange: whether those without forward secrecy are among them
    """
    return (*AEAD, *CBC, *(RSA_KEY_EXCHANGE if rsa_key_exchange else ()))
