"""Runs the probe.

With an order in its own file it asks for the password, and prints a table and a code for whoever
made the file. Otherwise it reads the order from its standard input, and prints a line of JSON for
each result.
"""

from __future__ import annotations

import getpass
import json
import sys
from dataclasses import replace

from hotshoe.probe import table
from hotshoe.probe.bundle import order_inside
from hotshoe.probe.code import encode
from hotshoe.probe.order import Order
from hotshoe.probe.result import Result
from hotshoe.probe.run import run

_INTERRUPTED = 130


def main() -> int:
    """Run.

    :returns: the exit status: 0 if the probe has run, whatever it met
    """
    try:
        order = order_inside()
        if order is not None:
            return _for_a_person(order)
        return _for_a_program()
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read it is gone; so nothing more can be said, at the exit either.
        sys.stdout = None
        return _INTERRUPTED
    except Exception as error:
        print(f"the check itself failed: {type(error).__name__}: {error}", file=sys.stderr)
        return 1


def _for_a_program() -> int:
    try:
        order = Order.parse(sys.stdin.read())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    run(
        order,
        lambda result: print(result.line(), flush=True),
        lambda text: print(json.dumps({"progress": text}), flush=True),
    )
    return 0


def _for_a_person(order: Order) -> int:
    print(f"This looks at {order.hostname or order.server} as a camera would.")
    print("It takes a minute or two. The password goes to that server only.")
    try:
        password = getpass.getpass(f"Password of the camera {order.user} (or Enter, without): ")
    except EOFError:
        password = ""
    results: list[Result] = []

    def tell(result: Result) -> None:
        results.append(result)
        print(table.line(result), flush=True)

    try:
        run(replace(order, password=password or None), tell)
    finally:
        # Also when Ctrl-C ends it: by the code, its test photos are removed.
        text = encode(order, results)
        print(f"\nPlease tell this code to whoever gave you this file:\n\n    {text}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
