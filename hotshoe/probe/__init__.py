"""Plays a camera from wherever it runs, and tells what it meets, layer by layer.

It has to run on a friend's computer and in a telephone's Termux: it needs Python 3.9 and nothing
else, and imports nothing of hotshoe outside of this package. What the results mean is decided
elsewhere (:mod:`hotshoe.check`), where the home is known.
"""
