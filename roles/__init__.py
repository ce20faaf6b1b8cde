"""The roles: each carries a part of the Plan onto hosts and decides nothing itself."""
