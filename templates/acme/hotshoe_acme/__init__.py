"""Gets the server's certificate by certbot, renews it, and puts it into use.

Managed by hotshoe. Installed on servers whose certificate is from an ACME authority; Python's
standard library is all that it needs.
"""
