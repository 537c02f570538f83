"""What is certainly new may skip the index; what is not must not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.integration.storage.samples import setpoints
from vpp.adapters.storage.order_numbers import MOST_SLOTS, OrderNumbers
from vpp.domain.setpoints import SetpointColumns


def orders(slots: list[int], sequences: list[int], *, epoch: int = 7) -> SetpointColumns:
    columns = setpoints(epoch=epoch, count=len(slots))
    slot, sequence = np.array(slots, dtype=np.int64), np.array(sequences, dtype=np.int64)
    return replace(columns, slot=slot, sequence=sequence)


def test_numbers_are_new_while_each_asset_counts_up() -> None:
    numbers = OrderNumbers()
    numbers.begin(7)

    assert numbers.take(orders([0, 2], [1, 1]))
    assert numbers.take(orders([1, 2, 5], [1, 4, 1]))
    assert not numbers.take(orders([2], [3])), "lower than one that was given"
    assert not numbers.take(orders([2], [4])), "given"
    assert numbers.take(orders([2], [5]))


def test_numbers_that_were_not_new_count_as_given() -> None:
    numbers = OrderNumbers()
    numbers.begin(7)
    assert not numbers.take(orders([1, 0], [9, 9])), "not by slot"

    assert not numbers.take(orders([0, 1], [9, 9]))
    assert numbers.take(orders([0, 1], [10, 10]))


@pytest.mark.parametrize(
    "given",
    [
        orders([0, 0], [1, 2]),
        orders([1, 0], [1, 1]),
        orders([-1, 0], [1, 1]),
        orders([0], [0]),
        orders([0, MOST_SLOTS], [1, 1]),
        orders([0], [1], epoch=6),
        orders([], []),
    ],
    ids=["an asset twice", "not by slot", "no slot", "no number", "no fleet", "another epoch", "nothing"],
)
def test_what_cannot_be_told_is_not_new(given: SetpointColumns) -> None:
    numbers = OrderNumbers()
    numbers.begin(7)

    assert not numbers.take(given)


def test_nothing_is_new_before_an_epoch_was_taken_and_all_is_in_the_next() -> None:
    numbers = OrderNumbers()
    assert not numbers.take(orders([0], [1]))
    numbers.begin(7)
    assert numbers.take(orders([0], [1]))
    numbers.begin(8)

    assert numbers.take(orders([0], [1], epoch=8))
