"""Which limits bind the first power of an asset, at which price, and why it pays: from the plan alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import numpy as np

from vpp.control.shared_limits import shared_limits
from vpp.control.worth import TOLERANCE_KW, TOLERANCE_KWH, Worth, connected, worth_after_first
from vpp.domain.grounds import PlanGrounds
from vpp.domain.reasons import Reason, ReasonKind
from vpp.domain.runs import DispatchPlan, Rung

_SHOWN_MONEY: Final = 5e-4  # less would be shown as zero
_BY_RULE: Final = {
    Rung.SHIFTED: "no new plan was accepted, so the earlier plan goes on from where the asset is now",
    Rung.GREEDY: "no plan was accepted, so a rule was followed: batteries rest, cars share the room",
}


def reasons(plan: DispatchPlan, grounds: PlanGrounds, slot: int, rung: Rung) -> list[Reason]:
    """Return why asset `slot` has the power of the plan's first interval: what matters most comes first."""
    power_kw = float(plan.power_kw[slot, 0])
    if rung in _BY_RULE:
        rule = Reason(kind=ReasonKind.RULE, sentence=_BY_RULE[rung])
        return [rule, *_device(plan, grounds, slot, None), *shared_limits(plan, grounds, slot)]
    if not _takes_part(grounds, slot):
        return [_no_part(plan, grounds, slot)]
    worth = worth_after_first(grounds, plan.power_kw[slot], plan.energy_end_kwh[slot], slot)
    return [
        _price(plan, grounds, slot, power_kw, worth),
        *_device(plan, grounds, slot, worth),
        *_departure(plan, grounds, slot, power_kw, worth),
        *shared_limits(plan, grounds, slot),
        *_calm(grounds, slot, power_kw),
    ]


def _takes_part(grounds: PlanGrounds, slot: int) -> bool:
    able = max(float(grounds.max_charge_kw[slot]), float(grounds.max_discharge_kw[slot])) > 0.0
    return able and bool(connected(grounds, slot)[0])


def _no_part(plan: DispatchPlan, grounds: PlanGrounds, slot: int) -> Reason:
    ahead = np.flatnonzero(connected(grounds, slot))
    if max(float(grounds.max_charge_kw[slot]), float(grounds.max_discharge_kw[slot])) <= 0.0:
        words = (
            "it may not be asked for anything: its node is away, its readings are old or not trusted, it is "
            "stopped, or no car is expected"
        )
    elif len(ahead):
        words = f"it is not connected now; it is expected at {_clock(plan, int(ahead[0]))}"
    else:
        words = "it is not connected in the time that was planned"
    return Reason(kind=ReasonKind.NO_PART, sentence=words, limit=0.0, unit="kW")


def _price(plan: DispatchPlan, grounds: PlanGrounds, slot: int, power_kw: float, worth: Worth) -> Reason:
    """Say what a kWh costs or earns now, and what one in the store is worth."""
    price = float(grounds.price_per_kwh(int(grounds.feeder[slot]))[0])
    wear = float(grounds.wear_cost_per_kwh[slot])
    bought = (price + wear) / float(grounds.charge_efficiency[slot])
    sold = (price - wear) * float(grounds.discharge_efficiency[slot])
    kept, money = _kept(plan, grounds, slot, worth), grounds.currency
    if power_kw < -TOLERANCE_KW:
        words = f"a kWh stored now costs {bought:.3f} {money} with losses and wear; {kept}"
    elif power_kw > TOLERANCE_KW:
        words = f"a kWh taken from the store now earns {sold:.3f} {money} after losses and wear; {kept}"
    else:
        costs = f"a kWh stored now would cost {bought:.3f} {money}"
        if float(grounds.max_discharge_kw[slot]) > 0.0:
            costs += f" and one taken from the store would earn {sold:.3f} {money}"
        words = f"{costs}, with losses and wear; {kept}"
    return Reason(kind=ReasonKind.PRICE, sentence=words, marginal_per_kwh=price)


def _kept(plan: DispatchPlan, grounds: PlanGrounds, slot: int, worth: Worth) -> str:
    """Say what a kWh in the store is worth, and what the plan does with it."""
    money = grounds.currency
    low, high = worth.low, worth.high
    if math.isfinite(low) and math.isfinite(high) and abs(high - low) < 5e-4 * max(1.0, abs(high)):
        value = f"one that is kept is worth {high:.3f} {money}"
    elif math.isfinite(low) and math.isfinite(high) and low <= high:
        value = f"one that is kept is worth {low:.3f} to {high:.3f} {money}"
    elif math.isfinite(worth.value):
        bound = (
            "about"
            if math.isfinite(low) and math.isfinite(high)
            else "at least"
            if math.isfinite(low)
            else "at most"
        )
        value = f"one that is kept is worth {bound} {worth.value:.3f} {money}"
    else:
        value = "what one is worth that is kept, the plan does not say"
    uses: list[str] = []
    if worth.used_in >= 0:
        uses.append(f"discharges at {_clock(plan, worth.used_in)}")
    if worth.refilled_in >= 0:
        uses.append(f"charges at {_clock(plan, worth.refilled_in)}")
    if worth.end == "departure":
        uses.append(f"must be ready for its car's departure at {_clock(plan, worth.end_interval + 1)}")
    elif worth.end in {"full", "empty"}:
        uses.append(f"is {worth.end} at {_clock(plan, worth.end_interval + 1)}")
    return value + (f" (it {', '.join(uses)})" if uses else "")


def _device(plan: DispatchPlan, grounds: PlanGrounds, slot: int, worth: Worth | None) -> Iterator[Reason]:
    """Yield the asset's own limits that its power or its energy touches."""
    power_kw, energy_kwh = float(plan.power_kw[slot, 0]), float(plan.energy_end_kwh[slot, 0])
    charging, magnitude = power_kw < 0.0, abs(power_kw)
    word = "charging" if charging else "discharging"
    most = float((grounds.max_charge_kw if charging else grounds.max_discharge_kw)[slot])
    least = float((grounds.min_charge_kw if charging else grounds.min_discharge_kw)[slot])
    if magnitude > TOLERANCE_KW and magnitude >= most - TOLERANCE_KW:
        gain = None if worth is None else _gain_of_power(grounds, slot, worth, charging=charging)
        yield Reason(
            kind=ReasonKind.POWER,
            sentence=f"{word} is at its limit of {most:g} kW{_worth_more(gain, grounds, 'kWh')}",
            limit=most,
            unit="kW",
            marginal_per_kwh=gain,
        )
    elif least > 0.0 and TOLERANCE_KW < magnitude <= least + TOLERANCE_KW:
        yield Reason(
            kind=ReasonKind.LEAST_POWER,
            sentence=f"{word} is at the least that the device can do, {least:g} kW",
            limit=least,
            unit="kW",
        )
    for name, bound, touched in (
        (
            "full",
            float(grounds.energy_max_kwh[slot]),
            energy_kwh >= grounds.energy_max_kwh[slot] - TOLERANCE_KWH,
        ),
        (
            "empty",
            float(grounds.energy_min_kwh[slot]),
            energy_kwh <= grounds.energy_min_kwh[slot] + TOLERANCE_KWH,
        ),
    ):
        if touched:
            words = f"it is {name} at the end of the interval ({bound:g} kWh)"
            yield Reason(kind=ReasonKind.ENERGY, sentence=words, limit=bound, unit="kWh")


def _gain_of_power(grounds: PlanGrounds, slot: int, worth: Worth, *, charging: bool) -> float | None:
    """Return what one more kWh at the terminals would bring, money; at least zero, None where unknown."""
    price = float(grounds.price_per_kwh(int(grounds.feeder[slot]))[0])
    wear = float(grounds.wear_cost_per_kwh[slot])
    # The bound that is certain: what the kWh is worth at least when charged, at most when discharged.
    kept = worth.low if charging else worth.high
    kept = kept if math.isfinite(kept) else worth.value
    if not grounds.priced or not math.isfinite(kept):
        return None
    if charging:
        return max(0.0, kept * float(grounds.charge_efficiency[slot]) - price - wear)
    return max(0.0, price - wear - kept / float(grounds.discharge_efficiency[slot]))


def _worth_more(gain: float | None, grounds: PlanGrounds, unit: str) -> str:
    return (
        ""
        if gain is None or gain < _SHOWN_MONEY
        else f"; one more {unit} would be worth {gain:.3f} {grounds.currency}"
    )


def _departure(
    plan: DispatchPlan, grounds: PlanGrounds, slot: int, power_kw: float, worth: Worth
) -> Iterator[Reason]:
    """Yield the departure that this charging is for."""
    if worth.end != "departure" or power_kw >= -TOLERANCE_KW:
        return
    stays = grounds.stays
    rows = np.flatnonzero((stays.asset == slot) & (stays.to_interval == worth.end_interval + 1))
    asked, leaves = float(stays.departure_energy_kwh[rows[0]]), _clock(plan, worth.end_interval + 1)
    yield Reason(
        kind=ReasonKind.DEPARTURE,
        sentence=f"the car leaves at {leaves} and is to have {asked:g} kWh then",
        limit=asked,
        unit="kWh",
    )


def _calm(grounds: PlanGrounds, slot: int, power_kw: float) -> Iterator[Reason]:
    before = float(grounds.previous_kw[slot])
    if math.isfinite(before) and abs(before - power_kw) <= TOLERANCE_KW and abs(power_kw) > TOLERANCE_KW:
        yield Reason(
            kind=ReasonKind.CALM,
            sentence="the plan before had the same power for this time",
            limit=before,
            unit="kW",
        )


def _clock(plan: DispatchPlan, interval: int) -> str:
    at: datetime = plan.grid.start + interval * plan.grid.length
    return f"{at:%d %b %H:%M} UTC"
