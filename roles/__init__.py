"""The roles: each carries a part of the Plan onto hosts and decides nothing itself."""

import sys

# pyinfra turns this off for the files that it is given; without it, every run would compile ours.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)
