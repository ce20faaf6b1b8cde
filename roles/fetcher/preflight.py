"""Refuse what keeps a computer from fetching photos, before anything is changed."""

from __future__ import annotations

from pyinfra import host

from hotshoe.debian.device import Footprint
from hotshoe.debian.fetch import FETCHER_USER
from hotshoe.plan.model import FetcherPlan
from roles.base.device import read
from roles.base.plans import refuse
from roles.base.preflight import refuse_another
from roles.fetcher.facts import FOOTPRINT, folder_query, takes_photos


def refuse_unfit(plan: FetcherPlan) -> None:
    """Look at a computer, and refuse it if it is another one or has no place for photos.

    :raises RefusedError: with the reason and what to do
    """
    asked = folder_query(plan)
    device = read(host, (FOOTPRINT, Footprint(queries=(asked,))))
    what = f"the computer of the delivery {plan.name}"
    remedy = "give it that fixed address, or correct the delivery's address"
    refuse_another(device, plan.address, what, remedy)
    if plan.removed:
        return
    folder = device[asked]
    if folder and folder.kind != "d":
        refuse(
            host,
            f"{plan.folder} is a {'link' if folder.kind == 'l' else 'file'}, where photos shall go",
            "name a folder in the delivery's folder: the one that the link leads to, or one that "
            "is not there yet",
        )
    if folder and not takes_photos(folder):
        refuse(
            host,
            f"{plan.folder} belongs to {folder.owner}, and hotshoe's user may put nothing there",
            f"name a folder in it that is not there yet, such as {plan.folder}/camera, which "
            f"hotshoe makes; or, once there is the user, chgrp {FETCHER_USER} {plan.folder} && "
            f"chmod g+rwxs {plan.folder}",
        )
