"""Refuse passwords that are published, before anything is changed."""

from __future__ import annotations

from pyinfra import host

from hotshoe.plan.model import ServerPlan
from roles.base.plans import refuse, secrets_of


def refuse_unfit(_plan: ServerPlan) -> None:
    """Refuse a vault that is still the published demo, outside a stage.

    :raises RefusedError: if it is, or does not open
    """
    if secrets_of(host.data.site).demo and not host.data.get("stage"):
        refuse(
            host,
            "the vault opens with the published demo password, or still holds published passwords "
            "(they begin with demo-), so anybody may know them",
            "ansible-vault edit it, put new passwords in, then ansible-vault rekey it with a "
            "password of your own in .vault-password",
        )
