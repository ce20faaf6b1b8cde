"""Every home of this repository, each as its own inventory says; several at a time."""

from roles.many_homes import this_home

globals().update(this_home())
