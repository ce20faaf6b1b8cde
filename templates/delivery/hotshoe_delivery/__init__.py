"""Deliver photos from the library to where they belong, and prove it. Managed by hotshoe.

The ledger remembers which photos there are and who has them. A photo is delivered once the other
side has been seen to have its content, by a digest. Whatever the ledger has lost can be found out
again there; so nothing is delivered twice, and nothing is lost with it.
"""
