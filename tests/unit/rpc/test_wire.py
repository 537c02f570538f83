"""Batches are read in the public way whatever legal way they are written in, or refused in words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.adapters.rpc import raw_readings, wire
from vpp.domain.errors import InvalidValueError
from vpp.rpcgen import fleet_pb2 as pb


def batch_of(rows, number=7):
    slot, offset_ms, soc, power_kw, connected = zip(*rows, strict=True)
    batch = pb.ReadingBatch(
        slot=slot, offset_ms=offset_ms, soc=soc, power_kw=power_kw, connected=connected, reading_number=number
    )
    batch.base_time.FromSeconds(1_600_000_000)
    return batch


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def test_columns_that_are_not_packed_are_read_all_the_same():
    batch = batch_of([(3, 5, 0.5, 1.0, True), (4, 5, 0.5, 1.0, True)])
    packed_slots = bytes([0x0A, 8]) + np.array([3, 4], "<u4").tobytes()
    loose_slots = b"".join(bytes([0x0D]) + np.array([slot], "<u4").tobytes() for slot in (3, 4))
    body = batch.SerializeToString()
    assert packed_slots in body
    body = body.replace(packed_slots, loose_slots)
    message = wire.parse(bytes([0x1A]) + varint(len(body)) + body)
    assert list(message.reading_batch.slot) == [3, 4]


def test_columns_of_different_length_are_refused_in_words():
    batch = batch_of([(3, 5, 0.5, 1.0, True), (4, 5, 0.5, 1.0, True)])
    del batch.soc[1:]
    message = wire.parse(pb.NodeMessage(reading_batch=batch).SerializeToString())
    with pytest.raises(InvalidValueError, match="soc: got '1 values', expected 2, as in slot"):
        raw_readings.raw_batch(message.reading_batch)


@pytest.mark.parametrize("raw", [b"\x1a\xff", b"\x12\x05ab", b"\xff\xff\xff"])
def test_what_is_no_message_is_refused(raw):
    with pytest.raises(InvalidValueError, match="a NodeMessage"):
        wire.parse(raw)


@given(st.lists(st.integers(0, 12), max_size=12), st.sets(st.integers(0, 12), max_size=12))
@settings(deadline=None)
def test_only_rows_of_own_slots_are_kept(slots, own):
    count = len(slots)
    raw = raw_readings.RawReadings(
        slot=np.array(slots, dtype=np.uint32),
        measured_at_us=np.arange(count),
        soc=np.zeros(count, dtype=np.float32),
        power_kw=np.zeros(count, dtype=np.float32),
        connected=np.ones(count, dtype=np.bool_),
        reading_number=1,
    )
    kept, errors = raw_readings.own_rows(raw, np.array(sorted(own), dtype=np.int64))
    assert kept.slot.tolist() == [slot for slot in slots if slot in own]
    assert [error.value for error in errors] == [slot for slot in slots if slot not in own][:1]
