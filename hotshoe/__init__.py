"""The core of hotshoe: what a home needs, derived from one description of it.

Nothing in this package imports pyinfra or ansible; the roles import it, never the other way round.
"""
