"""On which rung the cycles stood, and the worst of them in words."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vpp.domain.runs import Rung
from vpp.pages.axes import Floats
from vpp.pages.cells import strip
from vpp.pages.html import number, paragraph, table
from vpp.replay.report.folder import ReplayFolder
from vpp.replay.report.money import WAYS
from vpp.replay.tables import ALL_FEEDERS, CONTROL, FORESIGHT, NO_CONTROL

RUNGS = tuple(str(rung) for rung in Rung)
COLOURS = (2, 5, 4, 1, 6)
MEANING = {
    Rung.OPTIMAL: "a plan within the accepted gap",
    Rung.INCUMBENT: "the best plan at the deadline",
    Rung.SHIFTED: "the plan before it, moved to where the fleet was",
    Rung.GREEDY: "batteries rested, and cars shared the room on their feeder",
    Rung.NOTHING: "no orders were sent; leases ran out into default control",
}
MAXIMUM_CELLS = 240
MAXIMUM_WORST = 8
LEAST_MONEY = 0.005  # what is rounded to nothing is nothing to explain


def rungs(replay: ReplayFolder) -> list[str]:
    """Return a strip of the rungs over time, and how many cycles stood on each."""
    depth, size = _depth(replay), replay.step(MAXIMUM_CELLS)
    cells = np.array([depth[first : first + size].max() for first in range(0, len(depth), size)])
    counts = np.bincount(depth[depth >= 0], minlength=len(RUNGS))
    rows = [
        (rung, f"{counts[k]:,}", f"{100 * counts[k] / max(1, counts.sum()):.1f} %", MEANING[Rung(rung)])
        for k, rung in enumerate(RUNGS)
    ]
    label = "Rungs over time: " + ", ".join(f"{counts[k]} {rung}" for k, rung in enumerate(RUNGS))
    said = f"Each cell is the lowest rung of {size} cycles." if size > 1 else ""
    kwargs = {"ticks": replay.ticks(size), "label": label, "said": said}
    return [
        strip("Rungs of the ladder", cells, RUNGS, COLOURS, **kwargs),  # type: ignore[arg-type]
        table(("rung", "cycles", "share", "what was sent"), rows),
    ]


def worst_cycles(replay: ReplayFolder) -> list[str]:
    """Return the cycles that stood lowest, overloaded a feeder most or cost most above what was possible."""
    over, extra = replay.overload_kwh().sum(axis=0), _extra(replay)
    depth = _depth(replay)
    order = np.lexsort((-extra, -np.round(over, 6), -depth))
    chosen = [k for k in order.tolist() if depth[k] > 0 or over[k] > 1e-6 or extra[k] > LEAST_MONEY][
        :MAXIMUM_WORST
    ]
    if not chosen:
        return [paragraph("No cycle stood below the first rung, overloaded a feeder or cost too much.")]
    return ['<ol class="worst">', *(f"<li>{_words(replay, k, over, extra)}</li>" for k in chosen), "</ol>"]


def _depth(replay: ReplayFolder) -> NDArray[np.int64]:
    """Return how far down the ladder each interval's cycle stood, -1 where there was none, (T,)."""
    depth = np.full(replay.grid.count, -1, dtype=np.int64)
    place = _places(replay)
    inside = (place >= 0) & (place < replay.grid.count)
    levels = replay.cycles.rung.map({rung: k for k, rung in enumerate(RUNGS)}).to_numpy()
    depth[place[inside]] = levels[inside]
    return depth


def _places(replay: ReplayFolder) -> NDArray[np.int64]:
    since = replay.cycles.cycle_start - pd.Timestamp(replay.grid.start)
    return np.asarray(since // pd.Timedelta(replay.grid.length), dtype=np.int64)


def _against(replay: ReplayFolder) -> str:
    return FORESIGHT if f"cost_{FORESIGHT}" in replay.intervals else NO_CONTROL


def _extra(replay: ReplayFolder) -> Floats:
    """Return what each interval cost above perfect foresight, or above no control where that is missing."""
    costs = replay.intervals
    return np.asarray(costs[f"cost_{CONTROL}"] - costs[f"cost_{_against(replay)}"])


def _words(replay: ReplayFolder, interval: int, over: Floats, extra: Floats) -> str:
    """Return one cycle in sentences, as HTML."""
    rows = replay.cycles[_places(replay) == interval]
    said = []
    if len(rows):
        row = rows.iloc[0]
        said.append(f"It stood on {row.rung}: {MEANING[Rung(row.rung)]}.")
        if row.reason:
            said.append(f"Not higher, because: {row.reason.rstrip('.')}.")
        if pd.notna(row.gap):
            said.append(f"The plan was proven to within {100 * row.gap:.2g} % of the best.")
    said += [_load(replay, interval), _overload(replay, interval, over), _cost(replay, interval, extra)]
    local = replay.local(interval)
    head = f"{local:%a} {local.day} {local:%b %Y %H:%M}"
    return f"<strong>{escape(head)}</strong> " + escape(" ".join(text for text in said if text))


def _load(replay: ReplayFolder, interval: int) -> str:
    load = replay.load_kw[:, interval].sum()
    power = replay.fleet_kw[CONTROL][:, interval].sum()
    did = "discharged" if power >= 0 else "charged"
    text = f"Net load without the fleet was {number(float(load))} kW"
    found = replay.forecasts
    at = pd.Timestamp(replay.grid.start_of(interval))
    rows = found[(found.start == at) & (found.feeder_id == ALL_FEEDERS)] if len(found) else found
    if len(rows):
        expected = float(rows.p50_kw.iloc[-1] - rows.pv_kw.iloc[-1])
        text += f" ({number(expected)} kW in the day's first forecast)"
    return f"{text}; the fleet {did} {number(abs(float(power)))} kW."


def _overload(replay: ReplayFolder, interval: int, over: Floats) -> str:
    if over[interval] <= 1e-6:
        return ""
    by_feeder = replay.overload_kwh()[:, interval]
    worst = int(np.argmax(by_feeder))
    before = float(replay.overload_kwh(NO_CONTROL)[:, interval].sum())
    above = f"{number(float(over[interval]))} kWh over their limits ({number(before)} without control)"
    return f"Feeders were {above}, most of all {replay.feeder_ids[worst]}."


def _cost(replay: ReplayFolder, interval: int, extra: Floats) -> str:
    cost = float(replay.intervals[f"cost_{CONTROL}"].iloc[interval])
    more = float(extra[interval])
    way = WAYS[_against(replay)]
    compared = f"{abs(more):,.2f} {'more' if more >= 0 else 'less'} than {way}"
    return f"It cost {cost:,.2f} {replay.currency}, {compared}."
