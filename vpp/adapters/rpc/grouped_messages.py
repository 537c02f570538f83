"""Messages of one kind for many nodes at once: what they share is encoded once, their columns are cut.

| tag | length | shared fields | tag | length | slots of this node | tag | length | powers … |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from vpp.adapters.rpc.outbox import Outgoing
from vpp.adapters.rpc.wire import FIXED, varint
from vpp.domain.setpoints import Rows
from vpp.rpcgen import fleet_pb2 as pb

_LENGTH_DELIMITED: Final = 2


def group_by(keys: NDArray[np.int64]) -> tuple[Rows, list[tuple[int, int, int]]]:
    """Return rows so that those of one key follow each other, and (key, first, end) of each key.

    Within a key they keep their order; nothing is moved where each key is one run already, as the assets
    of most nodes are.
    """
    firsts = _firsts(keys)
    rows: Rows = slice(None)
    if len(np.unique(keys[firsts])) < len(firsts):
        rows = np.argsort(keys, kind="stable")
        keys = keys[rows]
        firsts = _firsts(keys)
    ends = np.append(firsts, len(keys))[1:]
    return rows, list(zip(keys[firsts].tolist(), firsts.tolist(), ends.tolist(), strict=True))


def _firsts(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first row of each run of equal keys."""
    return np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))[: len(keys)])


class GroupedMessages:
    """ServerMessages whose columns are rows `first` to `end` of common ones; five microseconds each."""

    def __init__(self, kind: str, shared: Message, columns: Mapping[str, NDArray[Any]]) -> None:
        """`shared` is a message of that kind without columns; `columns` are of fixed-width numbers."""
        self._kind, self._shared, self._slots = kind, shared.SerializeToString(), columns["slot"]
        self._tag = varint(pb.ServerMessage.DESCRIPTOR.fields_by_name[kind].number << 3 | _LENGTH_DELIMITED)
        self._columns: list[tuple[bytes, int, memoryview]] = []
        for name, column in columns.items():
            field = shared.DESCRIPTOR.fields_by_name[name]
            data = column.astype(FIXED[field.type])
            tag = varint(field.number << 3 | _LENGTH_DELIMITED)
            self._columns.append((tag, data.itemsize, data.view(np.uint8).data))
        self._heads: dict[int, tuple[bytes, list[tuple[bytes, int, memoryview]]]] = {}  # by number of rows

    def message(self, first: int, end: int) -> Outgoing:
        """Return the message that holds rows `first` to `end`, the last not included."""
        head, columns = self._head(end - first)
        pieces: list[bytes | memoryview] = [head]
        for tagged, width, data in columns:
            pieces += (tagged, data[first * width : end * width])
        return Outgoing(self._kind, b"".join(pieces), self._slots[first:end])

    def _head(self, rows: int) -> tuple[bytes, list[tuple[bytes, int, memoryview]]]:
        """Return what comes before the columns of so many rows, and before each of them."""
        if rows not in self._heads:
            columns = [(tag + varint(width * rows), width, data) for tag, width, data in self._columns]
            length = len(self._shared) + sum(len(tagged) + width * rows for tagged, width, _ in columns)
            self._heads[rows] = (self._tag + varint(length) + self._shared, columns)
        return self._heads[rows]
