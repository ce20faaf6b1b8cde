"""What pyinfra works out anew for each operation of each host, worked out once or at less cost.

With 20 hosts that is more than half of the processor time of a run that changes nothing. What
comes out is the same: ``tests/operations/test_speed.py`` compares. Each replacement is for one text
of pyinfra's function; where a release has another, pyinfra's own stays, which is slower and right.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from functools import cache
from types import FrameType, SimpleNamespace
from typing import Any

import pyinfra
from pyinfra.api import Host, State, arguments, util

# The functions that are replaced, and the SHA-256 of their source.
KNOWN = {
    "get_operation_order_from_stack": (
        "f4807f61585570e091fd453c7552d9e2b49329555f07f395a8e8f1d2a398a0b2"
    ),
    "pop_global_arguments": "a12a311539ff5068152b1c9c4578d77a8a893239a570f912768050a623069faf",
    "all_global_arguments": "f7afbc472d78c5d2f0bb282994175647651e888543da001968d903cc4a26a5a1",
}


def is_known(function: Callable[..., Any]) -> bool:
    """Whether a function of pyinfra's is the one that a replacement was written for.

    :param function: by its name in :data:`KNOWN`
    """
    try:
        source = inspect.getsource(function)
    except OSError:
        return False
    return hashlib.sha256(source.encode()).hexdigest() == KNOWN.get(function.__name__)


def operation_order(state: State) -> list[int]:
    """Where an operation is called, as pyinfra has it: line numbers from the deploy file on.

    pyinfra's asks ``inspect.stack()``, which reads the source around each frame; the frames
    themselves know their lines.
    """
    frames: list[FrameType] = []
    frame: FrameType | None = sys._getframe(1)
    while frame:
        frames.append(frame)
        frame = frame.f_back
    frames.reverse()
    names = [frame.f_code.co_filename for frame in frames]
    first = 0
    if file := state.current_deploy_filename:
        # Without it, pyinfra stays at the last frame, which is its own.
        first = names.index(file) if file in names else len(names)
    lines = [state.current_op_file_number] if pyinfra.is_cli else []
    return lines + [
        frame.f_lineno
        for frame, name in zip(frames[first:], names[first:], strict=True)
        if not name.startswith(util.PYINFRA_INSTALL_DIR)
    ]


_ARGUMENTS = frozenset(arguments.all_argument_meta)
_pop_global_arguments = arguments.pop_global_arguments


def pop_global_arguments(
    state: State, host: Host, kwargs: dict[str, Any]
) -> tuple[arguments.AllArguments, list[str]]:
    """The arguments that every operation takes, as pyinfra finds them.

    pyinfra's looks for each of them in all that is known of a host, which this does once.
    """
    # As pyinfra's HostData does, it gives copies.
    found = {key: copy(value) for key, value in host.data.dict().items() if key in _ARGUMENTS}
    known = SimpleNamespace(
        data=SimpleNamespace(**found), current_deploy_kwargs=host.current_deploy_kwargs
    )
    return _pop_global_arguments(state, known, kwargs)


@cache
def hasten() -> None:
    """Have pyinfra use what is here, where its own code is what this was written for."""
    # pyinfra.api has a decorator by the name of each of these modules.
    modules: list[Any] = [
        importlib.import_module(f"pyinfra.api.{name}") for name in ("operation", "deploy", "facts")
    ]
    operation = modules[0]
    if is_known(util.get_operation_order_from_stack):
        operation.get_operation_order_from_stack = operation_order
    if is_known(_pop_global_arguments):
        for module in modules:
            module.pop_global_arguments = pop_global_arguments
    # The types of these arguments, and the parameters of an operation, stay the same.
    if is_known(arguments.all_global_arguments):
        arguments.all_global_arguments = cache(arguments.all_global_arguments)
    operation.signature = cache(inspect.signature)


@cache
def begin_imports(*modules: str) -> threading.Thread:
    """Begin to import modules that a deploy needs, while pyinfra waits for hosts to answer.

    :param modules: by their full names
    :returns: what imports them
    """

    def import_all() -> None:
        for module in modules:
            # Whoever needs it gets to see why it cannot be imported.
            with suppress(Exception):
                importlib.import_module(module)
            # A thread of gevent's gives way only when it waits.
            time.sleep(0)

    thread = threading.Thread(target=import_all, daemon=True)
    thread.start()
    return thread
