"""Which DNS resolvers are asked besides the zone's own name server."""

from __future__ import annotations

# Of two companies, so that one that keeps an old record is told from a record that is wrong.
RESOLVERS = ("1.1.1.1", "9.9.9.9")
