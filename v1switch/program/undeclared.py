"""Which headers of JSON of 2015 are metadata: it does not say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from v1switch.program.json_cursor import Node
from v1switch.program.symbols import STANDARD_METADATA, Symbols


class Undeclared:
    """Tells headers of the packet from metadata where they have no member `metadata`.

    In P4_14 a header that no frame can have is metadata. BMv2 1.15 takes all of them for headers of
    the packet, so that tables find 0 in the fields of metadata, and fields hold what they held for
    an earlier packet.
    """

    def __init__(self, root: Node, symbols: Symbols) -> None:
        """Look at the program `root` when it is first needed."""
        self._root = root
        self._symbols = symbols
        self._in_packets: set[object] | None = None

    def is_metadata(self, node: Node) -> bool:
        """Whether the header in `node` is metadata."""
        declared = node.find("metadata")
        if declared is not None:
            return declared.boolean()
        if self._in_packets is None:
            self._symbols.remark("headers without `metadata`, taken for it unless frames have them")
            self._in_packets = set(_of_packets(self._root))
        if node.get("name").text() == STANDARD_METADATA:
            return True
        return not self._in_packets & {node.get("name").text(), node.get("id").integer()}


def _of_packets(root: Node) -> Iterator[object]:
    """Names and ids of headers that are emitted, in stacks or unions, or named as a whole."""
    for deparser in root.items("deparsers"):
        yield from (item.text() for item in deparser.items("order"))
    for key in ("header_stacks", "header_unions"):
        for group in root.items(key):
            yield from (item.integer() for item in group.items("header_ids"))
    rest: list[Any] = [root.value]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            name = value.get("value")
            # also of extractions: of a header, or of no header and then in a stack
            if value.get("type") in ("header", "regular") and isinstance(name, str):
                yield name
            rest += value.values()
        elif isinstance(value, list):
            rest += value
