"""Fetch photos from a server's library into a folder of this computer. Managed by hotshoe.

The server is not believed: it names files, and each of them stays below the folder. This computer
is not believed either: a photo counts as delivered once the server has compared its digest.
"""
