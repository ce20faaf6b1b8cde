"""A Debian server or router as data and text: vsftpd's options, certificates, passwords. Pure."""
