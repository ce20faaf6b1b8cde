"""Which sections of a package have to move, and where to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence


def moves(
    names: Sequence[str | None], ours: Sequence[str], behind: Mapping[str, int]
) -> Iterator[tuple[str, int]]:
    """The fewest moves that bring our sections into order and leave the others in theirs.

    As many as possible stay: the longest sequence of sections that are in order already and behind
    what they have to be. Each other one goes right before the next one that stays, or to the end.

    :param names: the names of the package's sections as they are, None for an anonymous one
    :param ours: those that may move, in the order in which they shall be
    :param behind: the place that some of them have to be behind; nothing that moves is there
    :returns: names and places for ``reorder``, one move after the other; it counts places without
        the section that moves (list.c, ``uci_list_set_pos``)
    """
    staying = _staying(names, ours, behind)
    order = list(names)
    ahead = list(staying)
    for name in ours:
        if name in staying:
            ahead.remove(name)
            continue
        order.remove(name)
        place = order.index(ahead[0]) if ahead else len(order)
        order.insert(place, name)
        yield name, place


def _staying(
    names: Sequence[str | None], ours: Sequence[str], behind: Mapping[str, int]
) -> tuple[str, ...]:
    place = {name: index for index, name in enumerate(names)}
    # What has to come after one of ours has to be behind the same.
    first_allowed = 0
    sequences: list[tuple[str, ...]] = []
    for name in ours:
        first_allowed = max(first_allowed, behind.get(name, -1) + 1)
        if place[name] >= first_allowed:
            before = (each for each in sequences if place[each[-1]] < place[name])
            sequences.append((*max(before, key=len, default=()), name))
    # Of sequences of one length, that which ends first: what is there stays, what is new moves.
    return max(sequences, key=lambda each: (len(each), -place[each[-1]]), default=())
