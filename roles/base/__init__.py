"""What every role shares: the host as one command sees it, and the few ways to change it."""
