"""A batch of readings, read off the wire in one compiled pass.

A packed column of fixed-width numbers is one piece of little-endian memory on the wire. So the message's
bytes are gone through once, its fields are found, and each column is widened to where it is judged: 6
microseconds for 1,000 readings, where protobuf's own lists take 30 and another 40 to become columns.

A message that is anything but a plain batch of the session's own assets is left to protobuf: columns in
several pieces or not packed are legal, and what is wrong with others is said in words there.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vpp.adapters.rpc import limits
from vpp.domain.judging import KERNEL
from vpp.rpcgen import fleet_pb2 as pb

MESSAGE_TAG: Final = (pb.NodeMessage.READING_BATCH_FIELD_NUMBER << 3) | 2  # a batch, length-delimited
_SLOT: Final = pb.ReadingBatch.SLOT_FIELD_NUMBER
_BASE_TIME: Final = pb.ReadingBatch.BASE_TIME_FIELD_NUMBER
_OFFSET_MS: Final = pb.ReadingBatch.OFFSET_MS_FIELD_NUMBER
_SOC: Final = pb.ReadingBatch.SOC_FIELD_NUMBER
_POWER_KW: Final = pb.ReadingBatch.POWER_KW_FIELD_NUMBER
_CONNECTED: Final = pb.ReadingBatch.CONNECTED_FIELD_NUMBER
_READING_NUMBER: Final = pb.ReadingBatch.READING_NUMBER_FIELD_NUMBER  # the last one, and a plain number
_MAX_ROWS: Final = limits.MAX_BATCH_ROWS
_MAX_UNIX_TIME_S: Final = limits.MAX_UNIX_TIME_S
_ONE, _FOUR = np.uint64(1), np.uint64(4)
NOT_PLAIN: Final = (-1, 0)


class WideColumns(NamedTuple):
    """Room for readings as they are judged; power_kw > 0 discharges into the grid."""

    slot: NDArray[np.int64]
    measured_at_us: NDArray[np.int64]
    soc: NDArray[np.float64]
    power_kw: NDArray[np.float64]
    connected: NDArray[np.bool_]

    @classmethod
    def of_rows(cls, rows: int) -> Self:
        """Return room for so many readings, not filled."""
        integers = (np.empty(rows, dtype=np.int64), np.empty(rows, dtype=np.int64))
        return cls(*integers, np.empty(rows), np.empty(rows), np.empty(rows, dtype=np.bool_))


def read_batch(raw: bytes, own_slots: NDArray[np.int64], into: WideColumns, first: int) -> tuple[int, int]:
    """Write a batch into rows [first, first + rows) of `into`; return rows and its reading number.

    Rows are -1 for what is not a plain batch of `own_slots` (sorted): what `into` then holds from `first`
    on is nothing. At most MAX_BATCH_ROWS are written.
    """
    rows, number = _read_batch(raw, own_slots, into, first)
    return int(rows), int(number)


@njit(**KERNEL)
def _read_batch(raw: Any, own_slots: Any, into: Any, first: Any) -> Any:
    at = _begin(raw)
    if at == 0 or len(own_slots) == 0:
        return NOT_PLAIN
    good, found = _fields(raw, at, len(raw), _READING_NUMBER, _READING_NUMBER)
    rows, number = found[_CONNECTED, 1], found[_READING_NUMBER, 1]
    base_us = _microseconds(raw, found[_BASE_TIME, 0], found[_BASE_TIME, 1])
    if not good or number < 0 or base_us < 0 or not 0 < rows <= _MAX_ROWS or not _all_of(found, 4 * rows):
        return NOT_PLAIN
    last = first + rows
    _integers(raw, found[_SLOT, 0], into.slot[first:last])
    if not _all_own(into.slot[first:last], own_slots):
        return NOT_PLAIN
    _integers(raw, found[_OFFSET_MS, 0], into.measured_at_us[first:last])
    into.measured_at_us[first:last] *= 1000
    into.measured_at_us[first:last] += base_us
    _floats(raw, found[_SOC, 0], into.soc[first:last])
    _floats(raw, found[_POWER_KW, 0], into.power_kw[first:last])
    begin = np.uint64(found[_CONNECTED, 0])
    for row in range(rows):
        byte = raw[begin + np.uint64(row)]
        if byte > 1:  # legal, but then it is not one byte for each
            return NOT_PLAIN
        into.connected[first + row] = byte == 1
    return rows, number


@njit(**KERNEL)
def _begin(raw):
    """Return where the batch begins in a message that holds one and nothing else, else 0."""
    if len(raw) == 0 or raw[0] != MESSAGE_TAG:
        return 0
    length, at = _varint(raw, 1, len(raw))
    return at if length == len(raw) - at else 0


@njit(**KERNEL)
def _all_of(found, length):
    """Return whether the columns of four bytes a row are of this length."""
    same = found[_SLOT, 1] == length and found[_OFFSET_MS, 1] == length
    return same and found[_SOC, 1] == length and found[_POWER_KW, 1] == length


@njit(**KERNEL)
def _varint(raw, at, end):
    """Return a number in base 128 and where the next byte is, 0 when it has no end; 2^63 comes out < 0."""
    value, shift = np.int64(0), 0
    while at < end and shift < 64:
        byte = np.int64(raw[at])
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return np.int64(0), 0


@njit(**KERNEL)
def _fields(raw, at, end, most, first_number):
    """Return whether raw[at:end] has each field at most once, and of each where it begins and its length.

    Fields are 1 to `most`; from `first_number` on they are plain numbers, whose value stands for the length:
    0 where it is not there.
    """
    found = np.zeros((most + 1, 2), dtype=np.int64)
    while at < end:
        tag, at = _varint(raw, at, end)
        number, kind = tag >> 3, tag & 7
        if at == 0 or not 0 < number <= most or found[number, 0] > 0:
            return False, found
        if kind != (2 if number < first_number else 0):
            return False, found
        value, at = _varint(raw, at, end)
        if at == 0 or (kind == 2 and not 0 <= value <= end - at):
            return False, found
        found[number, 0], found[number, 1] = at, value
        if kind == 2:
            at += value
    return True, found


@njit(**KERNEL)
def _microseconds(raw, at, length):
    """Return a Timestamp as microseconds since 1970, -1 for one that cannot be."""
    good, found = _fields(raw, at, at + length, 2, 1)
    seconds, nanos = found[1, 1], found[2, 1]
    if not (good and 0 < seconds < _MAX_UNIX_TIME_S and 0 <= nanos < 1_000_000_000):
        return -1
    return seconds * 1_000_000 + nanos // 1_000


@njit(**KERNEL)
def _bits(raw, at):
    """Return four bytes as one number: positions without a sign become one load, loops of them vectors."""
    low = np.uint32(raw[at]) | (np.uint32(raw[at + _ONE]) << np.uint32(8))
    high = np.uint32(raw[at + _ONE + _ONE]) | (np.uint32(raw[at + _ONE + _ONE + _ONE]) << np.uint32(8))
    return np.uint32(low | (high << np.uint32(16)))


@njit(**KERNEL)
def _integers(raw, at, column):
    place = np.uint64(at)
    for row in range(len(column)):
        column[row] = _bits(raw, place)
        place += _FOUR


@njit(**KERNEL)
def _floats(raw, at, column):
    place = np.uint64(at)
    for row in range(len(column)):
        column[row] = np.uint32(_bits(raw, place)).view(np.float32)
        place += _FOUR


@njit(**KERNEL)
def _all_own(slots, own_slots):
    """Return whether all are in `own_slots`; most gateways' follow each other without a gap."""
    low, high = slots[0], slots[0]
    for slot in slots:
        low, high = min(low, slot), max(high, slot)
    if low < own_slots[0] or high > own_slots[-1]:
        return False
    if own_slots[-1] - own_slots[0] == len(own_slots) - 1:
        return True
    for slot in slots:
        if own_slots[np.searchsorted(own_slots, slot)] != slot:
            return False
    return True


def warm_up() -> None:
    """Load the compiled pass, or compile it: once for an installation."""
    read_batch(b"", np.zeros(0, dtype=np.int64), WideColumns.of_rows(0), 0)
