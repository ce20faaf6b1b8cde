"""The ports of a subscriber who shares a public IPv4 address by MAP-E or MAP-T."""

from __future__ import annotations

from collections.abc import Iterable

from hotshoe.ports.ranges import PortRange

PORT_BITS = 16


def port_set(offset: int, psid_length: int, psid: int) -> tuple[PortRange, ...]:
    """The ports of a subscriber under MAP-E/MAP-T (RFC 7597 section 5.1 and appendix B; RFC 7599).

    A port is, from its highest bit, ``offset`` bits that number the block, ``psid_length`` bits
    that name the subscriber, and the rest, which counts inside the block. It is about an address
    that is shared: whoever has one to themselves has all its ports, whatever the offset (RFC 7599
    appendix A, example 4).

    :param offset: the PSID offset, 6 unless the provider says otherwise
    :param psid_length: how many bits the PSID has; 2 to that power is how many share the address
    :param psid: the subscriber's Port Set Identifier
    :returns: ranges in order, with a gap between any two
    :raises ValueError: if the three do not fit into the bits of a port
    """
    if not 0 <= offset <= PORT_BITS - 1:
        raise ValueError(f"a PSID offset is 0 to {PORT_BITS - 1}, not {offset}")
    beyond_offset = PORT_BITS - offset
    if not 0 <= psid_length <= beyond_offset:
        raise ValueError(
            f"a PSID length beside offset {offset} is 0 to {beyond_offset}, not {psid_length}"
        )
    if not 0 <= psid < 1 << psid_length:
        raise ValueError(f"a PSID of length {psid_length} is 0 to {2**psid_length - 1}, not {psid}")
    inside_block = beyond_offset - psid_length
    # Block 0, the lowest ports, is nobody's; without an offset there is no other block.
    blocks = range(1, 1 << offset) if offset else range(1)
    firsts = (block << beyond_offset | psid << inside_block for block in blocks)
    spans = ((first, first + (1 << inside_block) - 1) for first in firsts)
    # The arithmetic gives port 0 to PSID 0 of offset 0, yet it never is a port.
    return merged(PortRange(max(first, 1), last) for first, last in spans if last)


def merged(ranges: Iterable[PortRange]) -> tuple[PortRange, ...]:
    """Ranges in order, those that touch or overlap joined."""
    joined: list[PortRange] = []
    for ports in sorted(ranges):
        if joined and ports.first <= joined[-1].last + 1:
            joined[-1] = PortRange(joined[-1].first, max(joined[-1].last, ports.last))
        else:
            joined.append(ports)
    return tuple(joined)
