"""Enough company for every row, relative values, and names that lead nowhere."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.domain.anonymity import (
    CLASS_NAMES,
    KEY_BYTES,
    DayMeans,
    Groups,
    TrainingRows,
    group_names,
    in_company,
    nameless,
)
from vpp.domain.assets import Asset, AssetKind, Feeder, Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import Quality, ReadingColumns

KEY = bytes(range(KEY_BYTES))


def fleet(*assets: tuple[str, float, float]) -> Fleet:
    """Assets by node, charging and discharging rating in kW."""
    return Fleet(
        assets=tuple(
            Asset(
                asset_id=f"device-{slot}",
                node_id=node,
                feeder_id="street",
                kind=AssetKind.HOME_BATTERY,
                capacity_kwh=10.0,
                energy_min_kwh=0.0,
                energy_max_kwh=10.0,
                max_charge_kw=charge,
                max_discharge_kw=discharge,
            )
            for slot, (node, charge, discharge) in enumerate(assets)
        ),
        feeders=(Feeder(feeder_id="street", import_limit_kw=100.0, export_limit_kw=100.0),),
    )


def training_rows(places: list[tuple[int, int, int]]) -> TrainingRows:
    """Rows by slot, day and interval; the week follows from the day."""
    slot, day, interval = np.array(places, dtype=np.int64).reshape(-1, 3).T
    return TrainingRows(
        slot=slot.astype(np.int32),
        day=(737_000 + day).astype(np.int32),
        day_type=(day % 2).astype(np.int8),
        week=(1 + day // 2).astype(np.int8),
        interval=interval.astype(np.int16),
        power=(slot / 100.0).astype(np.float32),
        soc=np.zeros(len(slot), dtype=np.float32),
    )


PLACES = st.lists(
    st.tuples(st.integers(0, 11), st.integers(0, 3), st.integers(0, 2)), unique=True, max_size=60
)
# 12 assets of 8 households: four have two; three ratings in two classes.
TWELVE = fleet(*((f"home-{slot % 8}", (3.0, 5.0, 11.0)[slot % 3], 2.0) for slot in range(12)))


@given(PLACES, st.integers(3, 5))
@settings(max_examples=150, deadline=None)
def test_a_row_stays_exactly_where_k_households_share_its_group_and_cell(
    places: list[tuple[int, int, int]], k: int
) -> None:
    rows, groups = training_rows(places), Groups.of(TWELVE)
    company: dict[tuple[int, int, int, int], set[str]] = defaultdict(set)
    cells = [
        (int(groups.group[slot]), int(rows.week[place]), int(rows.day_type[place]), interval)
        for place, (slot, _, interval) in enumerate(places)
    ]
    for cell, (slot, _, _) in zip(cells, places, strict=True):
        company[cell].add(TWELVE.assets[slot].node_id)
    expected = [len(company[cell]) >= k for cell in cells]
    assert in_company(rows, groups, least_households=k).tolist() == expected


def test_fewer_than_three_households_are_never_enough() -> None:
    with pytest.raises(InvalidValueError, match="at least 3"):
        in_company(training_rows([(0, 0, 0)]), Groups.of(TWELVE), least_households=2)


def test_groups_are_kind_and_class_of_the_larger_rating() -> None:
    groups = Groups.of(fleet(("a", 4.0, 1.0), ("b", 1.0, 4.1), ("c", 2000.0, 0.0), ("d", 0.0, 0.0)))
    assert [group_names(int(number))[1] for number in groups.group[:3]] == [
        CLASS_NAMES[0],
        CLASS_NAMES[1],
        CLASS_NAMES[-1],
    ]
    assert groups.group[3] == -1


def test_means_are_relative_rounded_and_of_fit_readings_only() -> None:
    rows = [(4, 1.0, 0.5), (4, 2.012, 0.5), (7, -3.0, 0.254), (4, 50.0, 0.5), (7, 1.0, 0.9)]
    quality = [0, int(Quality.LATE), 0, int(Quality.OUT_OF_RANGE), 0]
    readings = ReadingColumns(
        slot=np.array([row[0] for row in rows]),
        measured_at_us=np.zeros(5, dtype=np.int64),
        received_at_us=np.zeros(5, dtype=np.int64),
        soc=np.array([row[2] for row in rows]),
        power_kw=np.array([row[1] for row in rows]),
        connected=np.ones(5, dtype=np.bool_),
        quality=np.array(quality),
    )
    means = DayMeans(np.array([4, 7]), day=737_000, day_type=0, week=9, count=96)
    means.add(readings, np.array([1, 1, 95, 1, -1]))
    found = means.rows(np.full(8, 10.0))
    assert means.unusable == 1
    assert list(zip(found.slot.tolist(), found.interval.tolist(), strict=True)) == [(4, 1), (7, 95)]
    assert found.power.tolist() == pytest.approx([0.15, -0.3])
    assert found.soc.tolist() == pytest.approx([0.5, 0.25])


@given(PLACES.filter(bool))
@settings(max_examples=50, deadline=None)
def test_rows_keep_their_asset_and_day_together_under_new_names(places: list[tuple[int, int, int]]) -> None:
    rows = training_rows(places)
    ids = tuple(asset.asset_id for asset in TWELVE.assets)
    hidden = nameless(rows, ids, key=KEY)
    assert list(hidden.names) == sorted(hidden.names)
    found = list(zip(hidden.name.tolist(), hidden.day.tolist(), strict=True))
    real = list(zip(hidden.rows.slot.tolist(), hidden.rows.day.tolist(), strict=True))
    assert found == sorted(found)
    assert len(set(zip(found, real, strict=True))) == len(set(found)) == len(set(real))
    for name in set(hidden.name.tolist()):
        days = {day for other, day in found if other == name}
        assert days == set(range(len(days)))


def test_days_are_in_an_order_that_the_key_draws() -> None:
    rows = training_rows([(0, day, 0) for day in range(20)])
    orders = [
        nameless(rows, ("device",), key=bytes([number]) * KEY_BYTES).rows.day.tolist() for number in (1, 2)
    ]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(rows.day.tolist())
    assert orders[0] != orders[1]
    assert orders[0] != sorted(orders[0])


def test_a_short_key_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="32 random bytes"):
        nameless(training_rows([(0, 0, 0)]), ("device",), key=b"short")
