"""Watches what cameras try, as it happens: the journals of servers, and looks at all boxes."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from hotshoe.check.attempts import Notice, Said, Story
from hotshoe.check.box_state import Sets, read_sets
from hotshoe.check.inside import script
from hotshoe.debian import daemons
from hotshoe.plan.model import Plan, RouterPlan, ServerPlan
from hotshoe.remote import events
from hotshoe.remote.ssh import Access, Conversation, Host, Listening, RemoteError
from hotshoe.render import render

# Between two looks at a box, and how long it may take for one.
PAUSE, PATIENCE = 1, 30


@dataclass(frozen=True)
class _News:
    """What a source has told: a line of a server's journal, a look at a box, or its end."""

    servers: tuple[str, ...]
    box: str = ""
    line: bytes = b""
    sets: Sets | None = None
    error: RemoteError | None = None

    @property
    def source(self) -> tuple[tuple[str, ...], str]:
        """Who has told it: the journal of a server, or a box."""
        return self.servers, self.box


def follow(
    plan: Plan,
    servers: Sequence[ServerPlan],
    access: Access,
    ready: Callable[[str], None],
) -> Iterator[Notice]:
    """What cameras try, as it happens, until nobody is left who tells it.

    :param servers: those that are watched
    :param access: what leads to its machines
    :param ready: called with a sentence: what is watched, or cannot be
    :raises RemoteError: if there is no ssh, or a server does not answer
    """
    told: queue.SimpleQueue[_News] = queue.SimpleQueue()
    stories = {server.name: Story(plan, server) for server in servers}
    with ExitStack() as stack:
        # First, so that this computer's own SSH is no attempt.
        for server in servers:
            listening = Host.of(server, access).listen(_follow(server))
            stack.callback(listening.end)
            _begin(_listen, server.name, listening, told)
        journals = [((server.name,), "") for server in servers]
        came = _until_each_tells(told, journals)
        over = threading.Event()
        boxes = []
        for box, on_the_way in _boxes(plan, servers):
            program = script(box, on_the_way, attempts=True)
            conversation = Host.of(box, access).converse(program)
            stack.callback(conversation.end)
            boxes.append((tuple(server.name for server in on_the_way), box.name))
            _begin(_look, *boxes[-1], conversation, told, over)
        stack.callback(over.set)
        came += _until_each_tells(told, boxes)
        failed = [news.source for news in came if news.error]
        for server, journal in zip(servers, journals, strict=True):
            if journal not in failed:
                ready(f"{server.name}: watching; Ctrl-C ends")
        for router in plan.routers:
            if router.by_hand and any(router in plan.routers_to(server) for server in servers):
                ready(f"{router.name}: set up by hand, so it cannot tell what it sees")
        left = len(servers)
        for news in chain((news for news in came if news.sets is None), iter(told.get, None)):
            yield from _notices(stories, news)
            left -= news.error is not None and not news.box
            if not left:
                return


def _until_each_tells(
    told: queue.SimpleQueue[_News], sources: Collection[tuple[tuple[str, ...], str]]
) -> list[_News]:
    """All that comes until each of these sources has told something.

    :raises RemoteError: if one tells nothing; a box has an end of its own before
    """
    left, came = set(sources), list[_News]()
    end = time.monotonic() + 2 * PATIENCE
    while left:
        try:
            came.append(told.get(timeout=max(end - time.monotonic(), 0)))
        except queue.Empty:
            late = " and ".join(sorted(names[0] for names, _ in left))
            raise RemoteError(f"{late}: did not answer within {2 * PATIENCE} s") from None
        left.discard(came[-1].source)
    return came


def _notices(stories: Mapping[str, Story], news: _News) -> Iterator[Notice]:
    if news.error is not None:
        yield Notice(datetime.now(), news.servers[0], str(news.error), fine=False)
        return
    now = time.monotonic()
    for name in news.servers:
        for text, fine in _tell(stories[name], news, now):
            yield Notice(datetime.now(), name, text, fine)


def _boxes(
    plan: Plan, servers: Sequence[ServerPlan]
) -> Iterator[tuple[RouterPlan | ServerPlan, list[ServerPlan]]]:
    """Who is looked at, and on the way to which servers it is."""
    for router in plan.routers:
        behind = [server for server in servers if router in plan.routers_to(server)]
        if behind and not router.by_hand:
            yield router, behind
    for server in servers:
        yield server, [server]


def _begin(target: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=target, args=arguments, daemon=True).start()


def _listen(name: str, listening: Listening, told: queue.SimpleQueue[_News]) -> None:
    try:
        # The first line is empty: from then on it tells.
        for line in listening:
            told.put(_News((name,), line=line))
    except RemoteError as error:
        told.put(_News((name,), error=error))


def _look(
    names: tuple[str, ...],
    box: str,
    conversation: Conversation,
    told: queue.SimpleQueue[_News],
    over: threading.Event,
) -> None:
    try:
        conversation.answer(PATIENCE)
        told.put(_News(names, box=box, sets={}))
        while not over.wait(PAUSE):
            sets = read_sets(conversation.ask("sets", PATIENCE))
            told.put(_News(names, box=box, sets=sets))
    except (RemoteError, OSError, ValueError) as error:
        if not over.is_set():
            failed = error if isinstance(error, RemoteError) else RemoteError(f"{box}: {error}")
            told.put(_News(names, box=box, error=failed))


def _tell(story: Story, news: _News, now: float) -> Iterator[Said]:
    if news.sets is not None:
        yield from story.looked(news.box, news.sets, now)
        return
    if event := events.read_event(news.line):
        yield from story.event(event)
        return
    try:
        entry: Mapping[str, object] = json.loads(news.line)
        unit, message = str(entry["_SYSTEMD_UNIT"]), entry["MESSAGE"]
        process = int(str(entry["_PID"]))
    except (ValueError, KeyError, TypeError):
        return
    if isinstance(message, list):
        message = bytes(message).decode(errors="backslashreplace")
    yield from story.line(unit, str(message), now, process)


def _follow(server: ServerPlan) -> str:
    """The script that tells a server's journal as it grows."""
    units = [daemon.unit.name for daemon in daemons.wanted(server)]
    return render(
        "check/follow.sh.j2",
        units=[*units, "hotshoe-sessions.service", events.UNIT],
        fields=["MESSAGE", "_SYSTEMD_UNIT", "_PID", *(f"HOTSHOE_{name}" for name in events.FIELDS)],
    )
