"""The cables and switches of a stage. The computer's own network has nothing of them."""

from __future__ import annotations

import json

from hotshoe.stage.podman import run
from hotshoe.stage.topology import Port


def add_switch(space: str) -> None:
    """Make a switch: a bridge in a network namespace of its own, which filters nothing."""
    run("ip", "netns", "add", space)
    script = (
        "for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ -e $f ] && echo 0 >$f; done; "
        "ip link add name bridge0 type bridge && ip link set bridge0 up"
    )
    run("ip", "netns", "exec", space, "sh", "-c", script)


def remove_switches(prefix: str) -> None:
    """Remove the switches whose names begin so, and their cables with them."""
    for space in json.loads(run("ip", "-json", "netns", "list") or "[]"):
        if space["name"].startswith(prefix):
            run("ip", "netns", "delete", space["name"])


def plug(port: Port, process: int, switch: str, far: str) -> None:
    """Lay a cable from a container to a switch.

    :param process: one of the container
    :param far: the name of the cable's end in the switch
    """
    run(
        "ip", "-n", switch, "link", "add", "name", far, "type", "veth",
        "peer", "name", port.name, "address", port.mac, "netns", str(process),
    )  # fmt: skip
    run("ip", "-n", switch, "link", "set", far, "master", "bridge0", "up")


def configuration(port: Port) -> list[str]:
    """What ``ip -batch`` has to be told in the container, so that a port has its addresses."""
    lines = [f"address add {port.address} dev {port.name}"]
    if port.address6:
        lines += [f"address add {port.address6} dev {port.name} nodad"]
    return [*lines, f"link set {port.name} up"]


def unplug(switch: str, far: str) -> None:
    """Remove a cable; harmless when there is none."""
    run("ip", "-n", switch, "link", "delete", far, check=False)


def configure(process: int, lines: list[str]) -> None:
    """Have ``ip -batch`` do this in the network of a container.

    :param process: one of the container
    """
    command = ("nsenter", f"--target={process}", "--net", "ip", "-batch", "-")
    run(*command, input_text="\n".join(lines))
