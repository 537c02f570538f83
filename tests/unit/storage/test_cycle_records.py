"""A record brings back everything a cycle knew, to the bit, and says so where it cannot."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from optimizer import solve
from tests.unit.control.fleets import INTERVALS, fleet, inputs
from tests.unit.domain.signals import envelope, event, price, signal
from vpp.adapters.storage.codec import CodecError, encode
from vpp.adapters.storage.cycle_records import (
    RECORD,
    StoredRecord,
    decode_fleet,
    encode_fleet,
    encode_record,
    schedule_of,
)
from vpp.adapters.storage.narrowing import narrowed, widened
from vpp.control.compliance import Judgement
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import CycleInputs, SolveOutcome
from vpp.control.record import CycleRecord
from vpp.control.signals_on_grid import EventBaseline
from vpp.domain.signals import BaselineMethod, MaintenanceWindow


@given(
    st.one_of(
        arrays.arrays(np.int64, st.integers(0, 40)),
        arrays.arrays(np.float64, st.integers(0, 40)),
        arrays.arrays(np.float64, (3, 4), elements=st.floats(width=32)),
        arrays.arrays(np.bool_, st.integers(0, 40)),
        st.integers(-(2**62), 2**62).map(lambda first: np.arange(first, first + 9)),
        st.floats().map(lambda value: np.full((2, 3), value)),
    )
)
def test_narrowed_arrays_come_back_to_the_bit(array):
    stored, mark = narrowed(array)
    again = widened(stored, mark)
    assert again.dtype == array.dtype
    assert again.shape == array.shape
    assert again.tobytes() == array.tobytes()
    assert stored.nbytes <= array.nbytes


def test_columns_of_a_fleet_become_small():
    assert narrowed(np.arange(10_000))[0].nbytes <= 1
    assert narrowed(np.full(10_000, 0.3))[0].nbytes == 8
    assert narrowed(np.float32(np.linspace(0, 1, 10_000)).astype(np.float64))[0].nbytes == 40_000


def planned() -> tuple[CycleRecord, object]:
    """A cycle with everything there is: an earlier plan, a judgement, signals, a solve."""
    first = inputs()
    prepared = prepare(first)
    earlier = decide(first, prepared, SolveOutcome(plan=solve(prepared.problem))).plan
    judged = Judgement(availability=np.array([1.0, 0.7, 1.0]), deviation_kw=np.array([0.0, -0.1, 0.0]))
    given_now = inputs(
        previous=replace(earlier, run_id="run-0"),
        judgement=judged,
        signals=[
            signal(event(4.0, baseline=BaselineMethod.TEN_OF_TEN), "event", end=1.0),
            signal(envelope(30.0, 9.0, feeder_id="b"), "limit", end=1.0),
            signal(MaintenanceWindow(asset_ids=("battery",)), "rest", begin=2.0),
            signal(price(), "price", begin=3.0),
        ],
        event_baselines=[EventBaseline(signal_id="event", power_kw=np.full(INTERVALS, 0.1))],
    )
    problem = prepare(given_now).problem
    outcome = SolveOutcome(plan=solve(problem), killed=True, error="", seconds=0.123456789)
    record = CycleRecord(inputs=given_now, outcome=outcome)
    return record, decide(given_now, prepare(given_now), outcome)


def read_back(content: bytes, record: CycleRecord, plan) -> CycleRecord:
    stored = StoredRecord(content)
    assert stored.names.previous_run_id == record.inputs.previous.run_id
    assert stored.names.forecast_id == record.inputs.forecast.forecast_id
    named = {name: getattr(record.inputs, name) for name in ("fleet", "forecast", "previous")}
    return stored.record(**named, plan=plan)


def assert_same(one: object, other: object, path: str = "") -> None:
    if is_dataclass(one):
        assert type(one) is type(other), path
        for item in fields(one):
            if item.name != "prices" or path != ".outcome.plan":
                assert_same(getattr(one, item.name), getattr(other, item.name), f"{path}.{item.name}")
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), path
        assert one.tobytes() == other.tobytes() if one.dtype != object else (one == other).all(), path
    elif isinstance(one, tuple | list) and one and is_dataclass(one[0]):
        for place, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            assert_same(mine, theirs, f"{path}.{place}")
    else:
        assert one == other or (one != one and other != other), path


def test_a_record_holds_everything_a_cycle_knew_and_decides_the_same():
    record, decision = planned()
    content = encode_record(record, "0" * 64, decision.plan)

    again = read_back(content, record, decision.plan)

    assert_same(record.inputs, again.inputs, ".inputs")
    assert_same(record.outcome, again.outcome, ".outcome")
    prepared = prepare(again.inputs)
    assert prepared.input_sha256 == prepare(record.inputs).input_sha256
    assert_same(decide(again.inputs, prepared, again.outcome), decision)


def test_a_schedule_that_was_refused_is_kept_in_the_record_itself():
    record, decision = planned()
    beyond = replace(record.outcome.plan.schedule, charge_kw=record.outcome.plan.schedule.charge_kw + 1e3)
    record = replace(
        record, outcome=replace(record.outcome, plan=replace(record.outcome.plan, schedule=beyond))
    )
    again = read_back(encode_record(record, "0" * 64, decision.plan), record, decision.plan)
    assert_same(record.outcome, again.outcome, ".outcome")


def test_the_sign_of_zero_makes_no_other_schedule():
    record, decision = planned()
    signed = replace(
        record.outcome.plan.schedule,
        discharge_kw=np.copysign(record.outcome.plan.schedule.discharge_kw, -1.0),
    )
    rests = (signed.discharge_kw == 0.0).all(axis=1)
    assert rests.any(), "the car never discharges"
    signed = replace(
        signed, discharge_kw=np.where(rests[:, None], -0.0, record.outcome.plan.schedule.discharge_kw)
    )
    plan = replace(record.outcome.plan, schedule=signed)
    content = encode_record(
        replace(record, outcome=replace(record.outcome, plan=plan)), "0" * 64, decision.plan
    )
    assert StoredRecord(content)._found.header["schedule"] == "of the run"


def test_the_schedule_of_a_plan_is_the_solvers_to_the_bit():
    record, decision = planned()
    solved, stored = record.outcome.plan.schedule, schedule_of(decision.plan)
    assert_same(solved, stored)


def test_what_is_added_to_a_cycle_tomorrow_takes_its_default_in_the_records_of_today():
    record, decision = planned()
    parts = StoredRecord(encode_record(record, "0" * 64, decision.plan))._found
    header = {name: value for name, value in parts.header.items() if name != "judgement"}
    older = encode(RECORD, header=header, arrays=parts.arrays, texts=parts.texts)
    again = read_back(older, record, decision.plan)
    assert again.inputs.judgement is None


def test_a_record_of_a_later_version_is_refused_with_the_field_it_names():
    record, decision = planned()
    parts = StoredRecord(encode_record(record, "0" * 64, decision.plan))._found
    header = parts.header | {"policy": parts.header["policy"] | {"mood": 1}}
    later = encode(RECORD, header=header, arrays=parts.arrays, texts=parts.texts)
    with pytest.raises(CodecError, match="stored policy has mood, which this version does not know"):
        read_back(later, record, decision.plan)


def test_a_fleet_has_one_hash_and_comes_back():
    sha256, content = encode_fleet(fleet())
    assert decode_fleet(content) == fleet()
    assert encode_fleet(fleet())[0] == sha256
    changed = replace(
        fleet(), assets=(replace(fleet().assets[0], wear_cost_per_kwh=0.02), *fleet().assets[1:])
    )
    assert encode_fleet(changed)[0] != sha256


def test_every_field_of_a_cycle_is_recorded_or_named():
    record, decision = planned()
    header = StoredRecord(encode_record(record, "0" * 64, decision.plan))._found.header
    missing = {item.name for item in fields(CycleInputs)} - header.keys()
    assert missing == {"fleet", "forecast", "previous"}
