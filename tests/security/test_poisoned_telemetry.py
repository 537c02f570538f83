"""Promise 14: bad telemetry cannot steer. A generated corpus, and a fleet with one poisoned node in ten."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest

from optimizer import solve
from tests.integration.rpc.plant import ORIGIN
from tests.unit.control import fleets
from vpp.adapters.rpc.live_state import LiveState
from vpp.adapters.rpc.raw_readings import RawReadings
from vpp.adapters.rpc.reading_judge import ReadingJudge
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import SolveOutcome
from vpp.control.leases import OrdersInForce
from vpp.domain.assets import Asset, AssetKind, Feeder, Fleet
from vpp.domain.readings import ReadingLimits, steers, to_microseconds

CAPACITY_KWH, RATING_KW, FEEDER_KW = 10.0, 5.0, 40.0
# What a poisoned node may say in place of (soc, power_kw, seconds off).
POISONS = {
    "NaN": lambda soc, power_kw: (math.nan, power_kw, 0.0),
    "infinite power": lambda soc, power_kw: (soc, math.inf, 0.0),
    "SOC 1.5": lambda soc, power_kw: (1.5, power_kw, 0.0),
    "times a thousand": lambda soc, power_kw: (soc * 1000.0, power_kw * 1000.0 + 1e5, 0.0),
    "negative": lambda soc, power_kw: (-0.2, power_kw, 0.0),
    "frozen": lambda soc, power_kw: (0.5, RATING_KW, 0.0),
    "future": lambda soc, power_kw: (soc, power_kw, 3600.0),
    "wild": lambda soc, power_kw: (0.95 if soc < 0.5 else 0.02, power_kw, 0.0),
}


def make_fleet(count: int) -> Fleet:
    return Fleet(
        assets=tuple(
            Asset(
                asset_id=f"b{slot}",
                node_id=f"n{slot}",
                feeder_id="ab"[slot % 2],
                kind=AssetKind.HOME_BATTERY,
                capacity_kwh=CAPACITY_KWH,
                energy_min_kwh=0.0,
                energy_max_kwh=CAPACITY_KWH,
                max_charge_kw=RATING_KW,
                max_discharge_kw=RATING_KW,
            )
            for slot in range(count)
        ),
        feeders=tuple(
            Feeder(feeder_id=name, import_limit_kw=FEEDER_KW, export_limit_kw=FEEDER_KW) for name in "ab"
        ),
    )


class Nodes:
    """Nodes that report every half minute; the last of each ten is poisoned after a good start."""

    def __init__(self, count: int, poison: str) -> None:
        self.fleet = make_fleet(count)
        self.judge, self.live = ReadingJudge(self.fleet, ReadingLimits()), LiveState(count)
        self.soc = np.random.default_rng(4).uniform(0.3, 0.7, count)
        self.poisoned = np.arange(count) % 10 == 9
        self.poison, self.now, self.number = POISONS[poison], fleets.NOON - timedelta(minutes=20), 0
        self.flags = np.zeros(count, dtype=np.int64)

    def report(self, *, lie: bool) -> None:
        rows = []
        for slot, soc in enumerate(self.soc.tolist()):
            told = self.poison(soc, 0.0) if lie and self.poisoned[slot] else (soc, 0.0, 0.0)
            if lie and self.poison is POISONS["wild"] and self.poisoned[slot] and self.number % 2:
                told = (1.0 - told[0], 0.0, 0.0)
            rows.append(told)
        soc, power_kw, off_s = zip(*rows, strict=True)
        at_us = to_microseconds(self.now) + (np.array(off_s) * 1e6).astype(np.int64)
        raw = RawReadings(
            slot=np.arange(len(rows)),
            measured_at_us=at_us,
            soc=np.array(soc),
            power_kw=np.array(power_kw),
            connected=np.ones(len(rows), dtype=bool),
            reading_number=self.number,
        )
        readings = self.judge.judge(raw, self.now)
        self.flags = readings.quality
        self.live.update(readings)
        self.number += 1
        self.now += timedelta(seconds=30)


@pytest.mark.parametrize("poison", POISONS)
def test_one_poisoned_node_in_ten_steers_nothing_and_no_feeder_is_overloaded(poison):
    nodes = Nodes(20, poison)
    for turn in range(34):
        nodes.report(lie=turn >= 4)
    quarantined = nodes.judge.watch.quarantined.copy()
    assert quarantined[nodes.poisoned].all()
    assert not quarantined[~nodes.poisoned].any()

    inputs = fleets.inputs(
        fleet=nodes.fleet,
        readings=nodes.live.latest_readings(),
        quarantined=quarantined,
        orders=OrdersInForce.none(20),
        reachable=np.ones(20, dtype=bool),
        forecast=fleets.forecast(load_kw=36.0),
        sessions=[],
    )
    prepared = prepare(inputs)
    assert np.isfinite(prepared.state.energy_kwh).all()
    assert prepared.problem is not None
    decision = decide(inputs, prepared, SolveOutcome(plan=solve(prepared.problem)))
    assert decision.setpoints is not None
    ordered_kw = np.zeros(20)
    ordered_kw[decision.setpoints.slot] = decision.setpoints.power_kw
    assert set(np.flatnonzero(nodes.poisoned)) <= set(decision.setpoints.slot.tolist())
    assert (ordered_kw[nodes.poisoned] == 0.0).all()

    # What happens then, by the true state of charge: an empty battery cannot deliver, a full one cannot take.
    energy_kwh = nodes.soc * CAPACITY_KWH
    true_kw = np.clip(ordered_kw, -(CAPACITY_KWH - energy_kwh) * 4, energy_kwh * 4)
    feeder = nodes.fleet.feeder_index()
    for index in (0, 1):
        net_kw = 36.0 - true_kw[feeder == index].sum()
        assert -FEEDER_KW - 1e-6 <= net_kw <= FEEDER_KW + 1e-6

    for _ in range(8):
        nodes.report(lie=False)
    assert not nodes.judge.watch.quarantined.any(), "trust is earned back"
    assert steers(nodes.flags).all()


def test_a_corpus_of_wild_numbers_leaves_the_live_state_possible():
    """Seeded: whatever is said, the live state holds possible numbers, and the good nodes' own."""
    generator = np.random.default_rng(14)
    wild = [math.nan, math.inf, -math.inf, 1.5, -0.1, 1e308, -1e308, 5e-324, 0.0, 1.0, 1e6, -1e6]
    fleet = make_fleet(10)
    judge, live = ReadingJudge(fleet, ReadingLimits()), LiveState(10)
    now = ORIGIN
    for turn in range(400):
        now += timedelta(seconds=30)
        bad = generator.random(10) < 0.5
        bad[0] = False
        soc = np.where(bad, generator.choice(wild, 10), 0.5)
        power_kw = np.where(bad, generator.choice(wild, 10), 0.0)
        off_us = np.where(bad, generator.integers(-(10**13), 10**13, 10), 0)
        raw = RawReadings(
            slot=np.arange(10),
            measured_at_us=to_microseconds(now) + off_us,
            soc=soc,
            power_kw=power_kw,
            connected=np.ones(10, dtype=bool),
            reading_number=turn,
        )
        with np.errstate(all="raise", under="ignore"):
            readings = judge.judge(raw, now)
        live.update(readings)
        held = live.latest_readings()
        assert ((held.soc >= 0.0) & (held.soc <= 1.0)).all()
        assert (np.abs(held.power_kw) <= 1.2 * RATING_KW + 0.1).all()
        assert (held.at_us() <= to_microseconds(now) + 30_000_000).all()
    assert not judge.watch.quarantined[0]
    assert live.measured_at_us[0] == to_microseconds(now)
    assert judge.watch.quarantined[1:].sum() >= 5, "half of what they say is wrong"
