"""How many examples a property is tried with.

``make test`` tries the same ones every time, so that it says the same of the same code. To look
for what nobody has thought of yet: ``pytest --hypothesis-profile=search tests/unit``.
"""

from __future__ import annotations

from hypothesis import settings

USUAL = 30


def register() -> None:
    """Register both profiles with hypothesis, and load the usual one.

    A slow or busy machine is no reason to fail.
    """
    settings.register_profile("usual", max_examples=USUAL, deadline=None, derandomize=True)
    settings.register_profile("search", max_examples=20 * USUAL, deadline=None)
    settings.load_profile("usual")


def examples(usual: int) -> settings:
    """Settings for a property whose examples are worth more or less than others'.

    :param usual: how many are tried in ``make test``; a search tries more in proportion
    """
    return settings(max_examples=usual * settings().max_examples // USUAL)
