"""Columns that are written as bytes are read as the numbers they are."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vpp.adapters.rpc.wire import packed
from vpp.rpcgen import fleet_pb2 as pb

ROWS = st.lists(
    st.tuples(
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**63 - 1),
        st.floats(allow_nan=False),
    ),
    max_size=300,
)


@given(rows=ROWS)
def test_packed_columns_are_the_same_message_as_lists(rows):
    slot, sequence, power_kw = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    columns = {
        "slot": np.array(slot, dtype=np.int64),
        "sequence": np.array(sequence, dtype=np.int64),
        "power_kw": np.array(power_kw, dtype=np.float64),
    }
    message = pb.Setpoints(run_id="run", lifetime_s=60.0)
    message.MergeFromString(packed(pb.Setpoints, columns))
    assert message == pb.Setpoints(
        run_id="run", lifetime_s=60.0, slot=slot, sequence=sequence, power_kw=power_kw
    )


def test_columns_of_every_fixed_width_are_written():
    fields = pb.ReadingBatch.DESCRIPTOR.fields_by_name
    assert fields["soc"].type == fields["soc"].TYPE_FLOAT
    batch = pb.ReadingBatch()
    batch.MergeFromString(packed(pb.ReadingBatch, {"soc": np.array([0.5, 1.0]), "slot": np.array([3, 4])}))
    assert (list(batch.soc), list(batch.slot)) == ([0.5, 1.0], [3, 4])
