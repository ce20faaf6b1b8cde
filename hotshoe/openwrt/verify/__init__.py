"""Whether a router holds what it should: before a change, while it is staged, when it is live."""
