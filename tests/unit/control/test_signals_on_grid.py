from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.control.fleets import INTERVALS, fleet, grid, prices
from tests.unit.domain.signals import envelope, event, price, signal
from vpp.control.held_limits import held_limits
from vpp.control.limited_assets import bounds_of, cut_stays, free_of
from vpp.control.signals_on_grid import LEAST_LIMIT_KW, EventBaseline, priced, signals_on
from vpp.domain.policy import DispatchPolicy
from vpp.domain.signals import (
    BaselineMethod,
    Direction,
    MaintenanceWindow,
    OperatingEnvelope,
    OptOut,
    ReserveRequest,
)

REGISTER_KW = 40.0
BATTERY, CAR, GRID_BATTERY = 0, 1, 2


def on_grid(*signals, **options):
    return signals_on(signals, fleet(), grid(), **options)


def site(*asset_ids, import_kw=3.0, export_kw=3.0):
    return OperatingEnvelope(asset_ids=asset_ids, import_limit_kw=import_kw, export_limit_kw=export_kw)


def test_without_signals_the_register_holds():
    found = on_grid()
    assert (found.import_limit_kw == REGISTER_KW).all()
    assert (found.export_limit_kw == REGISTER_KW).all()
    assert found.slots.size == 0
    assert (found.asks, found.reserves, found.signal_ids) == ((), (), ())


def test_an_envelope_tightens_its_feeder_for_every_interval_that_it_touches():
    found = on_grid(signal(envelope(10.0, 0.0, feeder_id="b"), "e", begin=0.3, end=0.6))
    assert found.import_limit_kw[1].tolist() == [40.0, 10.0, 10.0] + [40.0] * 13
    assert found.export_limit_kw[1].tolist() == [40.0, LEAST_LIMIT_KW, LEAST_LIMIT_KW] + [40.0] * 13
    assert (found.import_limit_kw[0] == REGISTER_KW).all()
    assert found.signal_ids == ("e",)


@pytest.mark.parametrize(
    ("asks", "allowed", "expected"),
    [(False, False, 40.0), (False, True, 40.0), (True, False, 40.0), (True, True, 90.0)],
)
def test_an_envelope_widens_only_where_it_says_so_and_the_policy_lets_it(asks, allowed, expected):
    wide = signal(envelope(90.0, 90.0, feeder_id="a", may_widen=asks), begin=0.0, end=1.1)
    found = on_grid(wide, may_widen=allowed)
    assert found.import_limit_kw[0, :4].tolist() == [expected] * 4
    assert found.import_limit_kw[0, 4] == REGISTER_KW  # only a part of this interval is wider


def test_maintenance_of_a_feeder_rests_all_its_assets_for_its_time():
    found = on_grid(signal(MaintenanceWindow(feeder_id="a"), begin=1.0, end=2.0))
    assert found.slots.tolist() == [BATTERY, CAR]
    assert found.charge_kw[0].tolist() == [5.0] * 4 + [0.0] * 4 + [5.0] * 8
    assert found.discharge_kw[0].tolist() == [5.0] * 4 + [0.0] * 4 + [5.0] * 8


def test_a_sites_limit_is_shared_by_rating():
    found = on_grid(
        signal(site("battery", "grid-battery", import_kw=11.0, export_kw=0.0), begin=0.0, end=1.0)
    )
    assert found.charge_kw[:, 0] == pytest.approx([1.0, 10.0])
    assert (found.discharge_kw[:, :4] == 0.0).all()
    assert found.charge_kw[:, 4].tolist() == [5.0, 50.0]


def test_who_opted_out_rests_in_the_event_and_a_car_does_not():
    found = on_grid(
        signal(event(), "e", begin=1.0, end=2.0),
        signal(OptOut(event_id="e", asset_id="battery"), "o1", begin=-9, end=99),
        signal(OptOut(event_id="e", asset_id="car"), "o2", begin=-9, end=99),
        signal(OptOut(event_id="another", asset_id="grid-battery"), "o3", begin=-9, end=99),
    )
    assert found.slots.tolist() == [BATTERY]
    assert found.discharge_kw[0].tolist() == [5.0] * 4 + [0.0] * 4 + [5.0] * 8


@pytest.mark.parametrize(
    ("direction", "baseline", "expected_kw"),
    [
        (Direction.UP, BaselineMethod.NONE, 5.0),
        (Direction.DOWN, BaselineMethod.NONE, -5.0),
        (Direction.UP, BaselineMethod.TEN_OF_TEN, 3.0),
        (Direction.DOWN, BaselineMethod.TEN_OF_TEN, -7.0),
    ],
)
def test_an_event_asks_from_its_baseline(direction, baseline, expected_kw):
    asked = signal(event(5.0, direction, baseline=baseline), "e", begin=-1.0, end=0.5)
    (found,) = on_grid(
        asked, baselines=[EventBaseline(signal_id="e", power_kw=np.full(INTERVALS, -2.0))]
    ).asks
    assert found.up == (direction is Direction.UP)
    assert found.power_kw[:2].tolist() == [expected_kw] * 2
    assert np.isnan(found.power_kw[2:]).all()


def test_reserve_goes_by_direction():
    asked = ReserveRequest(
        product_id="fcr", up_kw=3.0, down_kw=2.0, price_per_kw_h=0.1, sustain=timedelta(minutes=30)
    )
    found = on_grid(signal(asked, begin=1.0, end=2.0)).reserves
    assert [(item.up, item.first, item.end, item.most_kw) for item in found] == [
        (True, 4, 8, 3.0),
        (False, 4, 8, 2.0),
    ]


def test_prices_of_signals_go_first_for_the_time_they_hold():
    known = prices()
    assert priced(known, [], grid()) is known
    found = priced(known, [signal(price(0.5, -0.1), begin=0.25, end=0.625)], grid())
    assert found.import_price_per_kwh[:4] == pytest.approx([0.1, 0.5, 0.3, 0.1])
    assert found.export_price_per_kwh[:4] == pytest.approx([0.05, -0.1, (-0.1 + 0.05) / 2, 0.05])


def test_prices_of_signals_alone_are_enough_when_they_cover_the_grid():
    assert priced(None, [signal(price(), begin=0.0, end=3.9)], grid()) is None
    found = priced(None, [signal(price(0.5), begin=-1.0, end=4.0)], grid())
    assert found.import_price_per_kwh.tolist() == [0.5] * INTERVALS


def limited(charge_kw, discharge_kw):
    """Return limits of the battery alone."""
    found = on_grid(signal(MaintenanceWindow(asset_ids=("battery",)), begin=0.0, end=1.0))
    columns = {"charge_kw": np.array([charge_kw], float), "discharge_kw": np.array([discharge_kw], float)}
    return type(found)(
        import_limit_kw=found.import_limit_kw,
        export_limit_kw=found.export_limit_kw,
        slots=found.slots,
        **columns,
    )


@given(st.lists(st.tuples(st.sampled_from([0.0, 3.0, 5.0]), st.sampled_from([0.0, 2.0, 5.0])), min_size=1))
def test_every_interval_keeps_its_limit_and_the_first_uses_it_whole(limits):
    signals = limited(*zip(*limits, strict=True))
    charge, discharge = bounds_of(signals)
    free = free_of(signals)[0]
    assert (np.where(free, charge, 0.0) <= signals.charge_kw[0]).all()
    assert (np.where(free, discharge, 0.0) <= signals.discharge_kw[0]).all()
    if any(limits[0]):
        assert free[0]
        assert (charge[0], discharge[0]) == limits[0]


def test_a_stay_is_cut_and_asks_for_its_energy_at_the_end_of_its_last_part():
    limits = limited([5, 5, 0, 0, 5, 5], [5, 5, 0, 0, 5, 5])
    rows = cut_stays([(BATTERY, 1, 6, 20.0, 8.0), (CAR, 0, 3, 1.0, 1.0)], limits, np.zeros(3, bool))
    assert rows == [(BATTERY, 1, 2, 0.0, 0.0), (BATTERY, 4, 6, 20.0, 8.0), (CAR, 0, 3, 1.0, 1.0)]


def test_what_is_always_there_gets_windows_where_it_is_free():
    limits = limited([5, 0, 5, 5], [5, 0, 5, 5])
    assert cut_stays([], limits, np.ones(3, bool)) == [(BATTERY, 0, 1, 0, 0), (BATTERY, 2, 4, 0, 0)]
    assert cut_stays([], limited([5, 5], [5, 5]), np.ones(3, bool)) == []


@st.composite
def some_limits(draw):
    contents = [
        envelope(7.0, 1.0, feeder_id="a"),
        envelope(90.0, 90.0, feeder_id="a", may_widen=True),
        envelope(9.0, 50.0, feeder_id="b"),
        site("battery", "grid-battery"),
        site("battery", "grid-battery", import_kw=1.0, export_kw=9.0),
        site("battery"),
        MaintenanceWindow(feeder_id="b"),
        MaintenanceWindow(asset_ids=("car",)),
        event(),
    ]
    return [
        signal(
            draw(st.sampled_from(contents)),
            f"s{number}",
            begin=(begin := draw(st.integers(-4, 20)) / 6),
            end=begin + draw(st.integers(1, 12)) / 6,
            known=draw(st.integers(-30, -20)),
            primacy=draw(st.integers(0, 2)),
        )
        for number in range(draw(st.integers(1, 6)))
    ]


@given(some_limits(), st.booleans())
def test_the_second_look_finds_the_same_limits_by_another_way(signals, may_widen):
    found = on_grid(*signals, may_widen=may_widen)
    held = held_limits(signals, fleet(), grid(), DispatchPolicy(envelopes_may_widen=may_widen))
    if held is None:
        assert found.slots.size == 0
        assert (found.import_limit_kw == REGISTER_KW).all()
        return
    np.testing.assert_array_equal(found.import_limit_kw, held.import_limit_kw)
    np.testing.assert_array_equal(found.export_limit_kw, held.export_limit_kw)
    row_of = {slot: row for row, slot in enumerate(found.slots.tolist())}
    for limit in held.sites:
        rows = [row_of[slot] for slot in limit.slots.tolist()]
        assert found.charge_kw[rows, limit.interval].sum() <= limit.charge_kw + 1e-9
        assert found.discharge_kw[rows, limit.interval].sum() <= limit.discharge_kw + 1e-9
