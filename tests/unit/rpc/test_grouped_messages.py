"""Messages cut from common columns are those that protobuf would have made of each node's rows."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.control.test_order_book import NOW, orders
from vpp.adapters.rpc.dispatch_messages import (
    release_message,
    release_messages,
    renewal_messages,
    setpoints_message,
    setpoints_messages,
    stop_message,
    stop_messages,
)
from vpp.adapters.rpc.grouped_messages import group_by
from vpp.rpcgen import fleet_pb2 as pb

KEYS = st.lists(st.integers(-3, 3), max_size=30)


def rows_and_groups(keys):
    rows, groups = group_by(np.array(keys, dtype=np.int64))
    return np.arange(len(keys))[rows], groups


@given(KEYS)
def test_groups_hold_every_row_once(keys):
    order, groups = rows_and_groups(keys)
    rows_of = {key: order[first:end].tolist() for key, first, end in groups}
    assert sorted(row for rows in rows_of.values() for row in rows) == list(range(len(keys)))
    for key, rows in rows_of.items():
        assert rows == sorted(rows)
        assert [keys[row] for row in rows] == [key] * len(rows)


def test_nothing_is_moved_where_each_node_has_a_run_of_rows():
    assert group_by(np.array([7, 7, 2, 5, 5, 5])) == (slice(None), [(7, 0, 2), (2, 2, 3), (5, 3, 6)])
    rows, groups = group_by(np.array([7, 2, 7]))
    assert (np.arange(3)[rows].tolist(), groups) == ([1, 0, 2], [(2, 0, 1), (7, 1, 3)])


@given(KEYS)
def test_orders_for_many_nodes_are_those_for_each(keys):
    everybody = orders(1.5, sequence=2**40, slots=range(len(keys)))
    order, groups = rows_and_groups(keys)
    messages = setpoints_messages(everybody.take(order), NOW)
    for _, first, end in groups:
        rows, outgoing = order[first:end], messages.message(first, end)
        assert pb.ServerMessage.FromString(outgoing.raw) == setpoints_message(everybody.take(rows), NOW)
        assert (outgoing.kind, outgoing.slots.tolist()) == ("setpoints", everybody.slot[rows].tolist())


@given(st.integers(1, 300))
def test_stops_releases_and_renewals_for_many_nodes_are_those_for_each(rows):
    slots = np.arange(rows) * 7
    stops = stop_messages(slots, "too hot", NOW, until_released=True)
    releases = release_messages(3, slots, "cool again", NOW)
    renewals = renewal_messages(
        epoch=3, sent_at=NOW, lifetime=timedelta(seconds=60), slots=slots, sequences=slots + 1
    )
    middle = rows // 2
    for first, end in ((0, middle), (middle, rows)) if middle else ((0, rows),):
        own = slots[first:end]
        stop, release, renewal = (
            pb.ServerMessage.FromString(kind.message(first, end).raw) for kind in (stops, releases, renewals)
        )
        assert stop == stop_message(own, "too hot", NOW, until_released=True)
        assert release == release_message(3, own, "cool again", NOW)
        assert (list(renewal.renewal.slot), list(renewal.renewal.sequence)) == (
            own.tolist(),
            (own + 1).tolist(),
        )
        assert (renewal.renewal.epoch, renewal.renewal.lifetime_s) == (3, 60.0)
