"""How fast a deploy is, beside the same work done by Ansible, and an upload, beside a stock vsftpd.

``make bench``

Prints one line per figure: its name, its value, its unit. Hardware and network are noisy, so the
two take turns, and a figure is the median of its rounds.
"""
