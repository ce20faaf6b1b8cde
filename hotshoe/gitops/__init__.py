"""A repository of homes under git: what a revision changes, and who may bring it onto the hosts."""
