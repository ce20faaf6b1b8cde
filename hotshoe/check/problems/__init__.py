"""What may be wrong, each with its cause and remedy; a module a theme."""
