"""Tells a program of the owner's of photos that have come into the library.

What has to be told is kept in a file of its own, so that neither a restart nor a reboot loses a
message. The program runs under another user, in a unit of its own, which systemd makes for each run
(:mod:`hotshoe_message.runner`); whatever it does, uploads and other messages go on.
"""
