"""Every home of this repository, each as its own inventory says; several at a time."""

from hotshoe.resources import use_roles

use_roles()

from roles.many_homes import this_home  # noqa: E402

globals().update(this_home())
