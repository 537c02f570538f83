"""Money by day: with control, without, and with perfect foresight."""

from __future__ import annotations

import numpy as np

from vpp.pages.axes import Floats, reduced
from vpp.pages.charts import Curve, columns, curves
from vpp.pages.html import details, note, number, paragraph, table
from vpp.replay.report.folder import ReplayFolder
from vpp.replay.tables import CONTROL, FORESIGHT, NO_CONTROL

WAYS = {NO_CONTROL: "without control", CONTROL: "with control", FORESIGHT: "with perfect foresight"}
COLOURS = {NO_CONTROL: 7, CONTROL: 0, FORESIGHT: 2}
TOTALS = {NO_CONTROL: "cost_without_control", CONTROL: "cost", FORESIGHT: "cost_perfect_foresight"}
MAXIMUM_BARS = 31
MAXIMUM_POINTS = 366
MAXIMUM_ROWS = 62
BY_DAY = "without what is settled over the whole time"


def by_day(replay: ReplayFolder) -> dict[str, Floats]:
    """Return the money of every local day, by way; what is settled over the whole time is not among it."""
    days, code = replay.days()
    return {
        way: np.asarray(np.bincount(code, replay.intervals[f"cost_{way}"].to_numpy(), len(days)), np.float64)
        for way in WAYS
        if f"cost_{way}" in replay.intervals
    }


def money(replay: ReplayFolder) -> list[str]:
    """Return the drawing of money by day, what was saved so far, and what belongs to no day."""
    found, (days, _) = by_day(replay), replay.days()
    unit = f"{replay.currency} a day, {BY_DAY}"
    names = [f"{day.day} {day:%b}" for day in days]
    shown = details("Figures by day", _table(replay, found))
    if len(days) <= MAXIMUM_BARS:
        drawn = [Curve(name=WAYS[way], values=values, colour=COLOURS[way]) for way, values in found.items()]
        parts = [columns("Money by day", names, drawn, unit=unit, table=shown)]
    else:
        size = -(-len(days) // MAXIMUM_POINTS)
        drawn = [
            Curve(name=WAYS[way], values=reduced(values, size)[1], colour=COLOURS[way])
            for way, values in found.items()
        ]
        parts = [curves("Money by day", drawn, ticks=_ticks(names, size), unit=unit, zero=True, table=shown)]
    if len(days) > 1:
        saved = np.cumsum(found[NO_CONTROL] - found[CONTROL])
        size = -(-len(days) // MAXIMUM_POINTS)
        line = Curve(name="saved against no control", values=saved[size - 1 :: size], colour=2, thick=True)
        ticks = _ticks(names, size)
        parts.append(
            curves(
                "Saved so far",
                [line],
                ticks=ticks,
                unit=f"{replay.currency}, {BY_DAY}",
                zero=True,
                height_px=140,
            )
        )
    return [*parts, note(_rest(replay, found)), *_order(replay)]


def _ticks(names: list[str], size: int) -> list[tuple[float, str]]:
    every = -(-len(names) // 9)
    return [((place + 0.5) / size, name) for place, name in enumerate(names) if place % every == 0]


def _rest(replay: ReplayFolder, found: dict[str, Floats]) -> str:
    """Return how much of the cost belongs to no single day."""
    said = []
    for way, values in found.items():
        total = replay.kpis.get(TOTALS[way])
        if total is not None:
            rest = round(total - values.sum(), 9)
            said.append(f"{rest + 0.0:,.2f} {WAYS[way]} (of {total:,.2f} in all)")
    return (
        "Energy bought less energy sold, wear and penalties of events, less what reserve earned and the "
        "value of energy put into store. Not by day, because it is settled over the whole time, such as the "
        "charge for the peak, "
        f"{replay.currency}: {'; '.join(said)}."
    )


def _table(replay: ReplayFolder, found: dict[str, Floats]) -> str:
    days, _ = replay.days()
    size = -(-len(days) // MAXIMUM_ROWS)
    rows = []
    for first in range(0, len(days), size):
        sums = [float(values[first : first + size].sum()) for values in found.values()]
        rows.append((days[first].strftime("%a %d %b %Y"), *(f"{value:,.2f}" for value in sums)))
    caption = replay.currency + (f", sums of {size} days from the day given on" if size > 1 else "")
    return table(("day", *(WAYS[way] for way in found)), rows, caption=caption)


def _order(replay: ReplayFolder) -> list[str]:
    """Say why, where the order perfect foresight, control, no control does not hold."""
    kpis, said = replay.kpis, []
    cost, rest, perfect = (kpis.get(TOTALS[way]) for way in (CONTROL, NO_CONTROL, FORESIGHT))
    if cost is not None and rest is not None and cost > rest + 1e-6:
        more = f"{cost - rest:,.2f} {replay.currency} more"
        said.append(f"Control cost {more} than none: {_because(replay)}")
    if cost is not None and perfect is not None and cost < perfect - 1e-6:
        gap = kpis.get("gap_worst")
        within = f" (the widest gap was {100 * gap:.2g} %)" if gap is not None else ""
        more = f"{perfect - cost:,.2f} {replay.currency} more"
        said.append(
            f"Perfect foresight cost {more} than this replay. It knows the "
            "load and the prices, but plans no further than its horizon, accepts a gap as any plan does"
            f"{within}, and may spend money on limits and energy asked for that this sum does not hold."
        )
    return [f'<div class="warning">{paragraph(text)}</div>' for text in said]


def _because(replay: ReplayFolder) -> str:
    """Return the parts of the money that grew, and what the money bought that is not in it."""
    kpis = replay.kpis
    done, rest = kpis.get("cost_parts", {}), kpis.get("cost_parts_without_control", {})
    more = [
        f"{name.replace('_', ' ')} {done[name] - rest[name]:+,.2f}"
        for name in done
        if name in rest and abs(done[name] - rest[name]) > 0.005
    ]
    bought = []
    for key, what in (("feeder_overload", "feeder overload"), ("ev_energy_unmet", "energy that cars lacked")):
        before, after = kpis.get(f"{key}_without_control_kwh"), kpis.get(f"{key}_kwh")
        if before is not None and after is not None and before > after + 1e-6:
            bought.append(f"{number(before - after)} kWh less {what}")
    return f"{', '.join(more) or 'no part stands out'}. " + (
        f"In return: {', '.join(bought)}." if bought else ""
    )
