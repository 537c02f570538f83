"""A batch read off the wire is what protobuf reads from the same bytes, or it is left to protobuf."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.batch_bytes import WideColumns, read_batch
from vpp.adapters.rpc.raw_readings import RawReadings, raw_batch
from vpp.rpcgen import fleet_pb2 as pb

OWN = np.array([3, 4, 5, 9, 2**32 - 1])
ROOM = 16
ROWS = st.lists(
    st.tuples(
        st.sampled_from(OWN.tolist()),
        st.integers(0, 2**32 - 1),
        st.floats(width=32),
        st.floats(width=32),
        st.booleans(),
    ),
    min_size=1,
    max_size=10,
)


def batch_of(rows, number=7, nanos=123_456_789):
    slot, offset_ms, soc, power_kw, connected = zip(*rows, strict=True)
    batch = pb.ReadingBatch(
        slot=slot, offset_ms=offset_ms, soc=soc, power_kw=power_kw, connected=connected, reading_number=number
    )
    batch.base_time.seconds, batch.base_time.nanos = 1_600_000_000, nanos
    return batch


def bytes_of(batch):
    return pb.NodeMessage(reading_batch=batch).SerializeToString()


def assert_read_as_by_protobuf(raw, own=OWN):
    """Assert that a batch is refused, or read as protobuf reads it; return its rows, -1 when refused."""
    into = WideColumns.of_rows(ROOM)
    for column in into:
        column[:] = 1
    rows, number = read_batch(raw, own, into, 2)
    if rows < 0:
        return rows
    expected = RawReadings.concatenate([raw_batch(pb.NodeMessage.FromString(raw).reading_batch)])
    assert (rows, number) == (len(expected.slot), expected.reading_number)
    assert np.isin(expected.slot, own).all()
    for name, column in zip(WideColumns._fields, into, strict=True):
        np.testing.assert_array_equal(column[2 : 2 + rows], getattr(expected, name))
        assert (column[:2] == 1).all()
        assert (column[2 + rows :] == 1).all()
    return rows


@settings(deadline=None)
@given(ROWS, st.integers(0, limits.MAX_NUMBER), st.integers(0, 999_999_999))
def test_a_plain_batch_is_read(rows, number, nanos):
    raw = bytes_of(batch_of(rows, number, nanos))
    assert assert_read_as_by_protobuf(raw) == len(rows)


@settings(deadline=None, max_examples=200)
@given(ROWS, st.data())
def test_no_damage_is_read_as_something_else(rows, data):
    raw = bytearray(bytes_of(batch_of(rows)))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = bytes(raw[: data.draw(st.integers(0, len(raw)))]) if data.draw(st.booleans()) else bytes(raw)
    assert_read_as_by_protobuf(raw)


ONE = [(3, 5, 0.5, 1.0, True)]


def test_a_signalling_nan_is_read_without_a_warning():
    """Warnings are errors here: a node could fill the log with them."""
    raw = bytes_of(batch_of([(3, 5, float("inf"), 1.0, True)])).replace(
        b"\x00\x00\x80\x7f", b"\x01\x00\x80\x7f"
    )
    assert assert_read_as_by_protobuf(raw) == 1


def without(name):
    batch = batch_of(ONE)
    batch.ClearField(name)
    return batch


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x1a",
        b"\x1a\x80",
        bytes_of(batch_of([(6, 5, 0.5, 1.0, True)])),
        bytes_of(batch_of([(2, 5, 0.5, 1.0, True), (3, 5, 0.5, 1.0, True)])),
        bytes_of(batch_of(ONE, number=limits.MAX_NUMBER + 1)),
        bytes_of(batch_of(ONE, number=2**64 - 1)),
        bytes_of(batch_of(ONE, nanos=-1)),
        bytes_of(batch_of(ONE, nanos=1_000_000_000)),
        *(bytes_of(without(name)) for name in ("slot", "base_time", "offset_ms", "soc", "connected")),
        bytes_of(batch_of(ONE)) + bytes_of(batch_of(ONE)),
        bytes_of(batch_of(ONE)).replace(b"\x32\x01\x01", b"\x32\x01\x02"),
        bytes_of(batch_of(ONE * (limits.MAX_BATCH_ROWS + 1))),
        pb.NodeMessage(reading=pb.Reading(slot=3)).SerializeToString(),
    ],
)
def test_what_is_not_plain_is_left_to_protobuf(raw):
    assert assert_read_as_by_protobuf(raw) == -1


def test_a_session_without_assets_owns_no_row():
    assert assert_read_as_by_protobuf(bytes_of(batch_of(ONE)), np.zeros(0, dtype=np.int64)) == -1


def test_slots_without_a_gap_are_own_from_the_first_to_the_last():
    own = np.arange(3, 6)
    for slot, rows in ((2, -1), (3, 1), (5, 1), (6, -1)):
        assert assert_read_as_by_protobuf(bytes_of(batch_of([(slot, 5, 0.5, 1.0, True)])), own) == rows
