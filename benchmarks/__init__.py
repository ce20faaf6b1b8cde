"""How fast a deploy is."""
