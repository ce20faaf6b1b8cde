"""TCP and UDP ports: ranges, the ports of a shared address, and which server gets which."""
