"""The picture of a home, as SVG. Pure."""
