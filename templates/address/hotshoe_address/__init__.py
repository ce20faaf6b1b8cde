"""Follow the public address of a home while the provider changes it. Managed by hotshoe.

The public address is what two independent services see, if the Internet can reach such an address
and the outermost router says nothing else. vsftpd announces it to each new session, and the DNS
record of the name is set to it. While there is any doubt, both stay as they are.
"""
