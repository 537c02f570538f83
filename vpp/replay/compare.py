"""Finished replays side by side: their figures, what differs between them, and whether that is fair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vpp.domain.errors import InvalidValueError
from vpp.pages.axes import reduced
from vpp.pages.charts import COLOURS, Curve, bars, columns, curves
from vpp.pages.html import heading, note, number, page, paragraph, table
from vpp.replay.report.figures import flat, shown, unit_of, words_of
from vpp.replay.report.folder import ReplayFolder, read_folder
from vpp.replay.report.money import MAXIMUM_BARS, by_day
from vpp.replay.tables import CONTROL

MAXIMUM_RUNS = COLOURS
# What must be the same for two replays to be compared, in words. Whatever else differs is what is compared.
SAME = {
    "scenario_sha256": "files of the scenario",
    "start": "first interval",
    "end": "last interval",
    "interval_minutes": "length of an interval",
    "currency": "currency",
    "version": "version of vpp",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Replays under names of their own; the first is what the others are compared with."""

    names: tuple[str, ...]
    runs: tuple[ReplayFolder, ...]
    unfair: tuple[str, ...]  # why the runs cannot be compared, in sentences
    changed: dict[str, tuple[str, ...]]  # options and settings that differ, one value for each run

    def figures(self) -> dict[str, tuple[Any, ...]]:
        """Return every figure that any run has, one value for each run, None where there is none."""
        each = [flat(run.kpis) for run in self.runs]
        names = dict.fromkeys(name for one in each for name in one if name != "currency")
        return {name: tuple(one.get(name) for one in each) for name in names}

    def as_json(self) -> dict[str, Any]:
        """Return everything that is not a drawing."""
        runs = [
            {"name": name, "folder": str(run.path), "decision_log_sha256": run.log_sha256}
            for name, run in zip(self.names, self.runs, strict=True)
        ]
        figures = {
            name: {"values": list(values), "differences": [difference(values[0], one) for one in values]}
            for name, values in self.figures().items()
        }
        return {
            "runs": runs,
            "fair": not self.unfair,
            "unfair": list(self.unfair),
            "changed": {name: list(values) for name, values in self.changed.items()},
            "figures": figures,
        }


def compare(folders: Sequence[Path]) -> Comparison:
    """Read two to eight folders of finished replays and compare them with the first."""
    if not 2 <= len(folders) <= MAXIMUM_RUNS:
        raise InvalidValueError("folders", len(folders), f"2 to {MAXIMUM_RUNS} folders of finished replays")
    runs = tuple(read_folder(folder) for folder in folders)
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    if len(set(names)) < len(names):
        raise InvalidValueError("folders", ", ".join(names), "every folder once")
    return Comparison(names=tuple(names), runs=runs, unfair=_unfair(names, runs), changed=_changed(runs))


def difference(first: Any, other: Any) -> float | None:
    """Return other less first, None where either is no number."""
    if isinstance(first, (int, float)) and isinstance(other, (int, float)):
        return float(other) - float(first)
    return None


def _unfair(names: Sequence[str], runs: Sequence[ReplayFolder]) -> tuple[str, ...]:
    asked = {key: [str(run.facts[key]) for run in runs] for key in SAME}
    asked["seed"] = [str(run.facts["options"].get("seed")) for run in runs]
    said = []
    for key, values in asked.items():
        others = [f"{name} has {value[:16]}" for name, value in zip(names, values, strict=True)]
        if len(set(values)) > 1:
            said.append(f"Not the same {SAME.get(key, key)}: {', '.join(others)}.")
    return tuple(said)


def _changed(runs: Sequence[ReplayFolder]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for part in ("options", "settings"):
        each = [flat(_mapping(run.facts[part])) for run in runs]
        for name in dict.fromkeys(name for one in each for name in one):
            values = tuple(str(one.get(name, "")) for one in each)
            if len(set(values)) > 1:
                found[name] = values
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def comparison_page(found: Comparison) -> str:
    """Return the comparison as one page."""
    warnings = [f'<div class="warning">{paragraph(text)}</div>' for text in found.unfair]
    changed = [(name, *values) for name, values in found.changed.items()]
    parts = [
        *(warnings or [note("Same scenario, time, seed and version: the comparison is fair.")]),
        heading("What differs"),
        table(("setting", *found.names), changed) if changed else paragraph("Nothing that was asked for."),
        heading("Money"),
        *_money(found),
        heading("Over time"),
        *_over_time(found),
        heading("All figures"),
        _figures(found),
    ]
    return page(f"Comparison of {', '.join(found.names)}", parts)


def rows(found: Comparison) -> list[tuple[str, ...]]:
    """Return figure with unit, the value of each run, and each difference from the first, as text.

    Figures that no run has are left out.
    """
    currency, made = found.runs[0].currency, []
    for name, values in found.figures().items():
        if all(value is None for value in values):
            continue
        cells = ["" if value is None else shown(name, value, currency) for value in values]
        apart = [_apart(values[0], value) for value in values[1:]]
        unit = unit_of(name, currency)
        made.append((f"{words_of(name)}{', ' * bool(unit)}{unit}", *cells, *apart))
    return made


def head(found: Comparison) -> tuple[str, ...]:
    """Return the names over the columns of `rows`."""
    return ("figure", *found.names, *(f"{name} less {found.names[0]}" for name in found.names[1:]))


def _apart(first: Any, other: Any) -> str:
    found = difference(first, other)
    if found is None:
        return ""
    if found == 0.0:
        return "0"
    share = f" ({100.0 * found / abs(first):+.1f} %)" if first else ""
    return f"{'+' if found > 0 else '-'}{number(abs(found))}{share}"


def _figures(found: Comparison) -> str:
    return table(head(found), rows(found))


def _curves(found: Comparison) -> list[tuple[int, str, ReplayFolder]]:
    return list(zip(range(len(found.runs)), found.names, found.runs, strict=True))


def _money(found: Comparison) -> list[str]:
    currency = found.runs[0].currency
    costs = {name: float(run.kpis["cost"]) for name, run in zip(found.names, found.runs, strict=True)}
    total = {name: cost for name, cost in costs.items() if cost >= 0.0}
    parts = [bars("Cost", total, unit=currency, form=",.2f")] if len(total) == len(costs) else []
    if not _same_time(found):
        return [*parts, note("Days are not drawn, since the runs are of different times.")]
    days, _ = found.runs[0].days()
    names = [f"{day.day} {day:%b}" for day in days]
    drawn = [Curve(name=name, values=by_day(run)[CONTROL], colour=k) for k, name, run in _curves(found)]
    unit = f"{currency} a day, without what is settled over the whole time"
    if len(days) <= MAXIMUM_BARS:
        parts.append(columns("Money by day", names, drawn, unit=unit))
    else:
        every = -(-len(days) // 9)
        ticks = [(place + 0.5, name) for place, name in enumerate(names) if place % every == 0]
        parts.append(curves("Money by day", drawn, ticks=ticks, unit=unit, zero=True))
    return parts


def _same_time(found: Comparison) -> bool:
    return len({(run.grid.start, run.grid.length, run.grid.count) for run in found.runs}) == 1


def _over_time(found: Comparison) -> list[str]:
    if not _same_time(found):
        return [note("Nothing is drawn, since the runs are of different times.")]
    first = found.runs[0]
    size = first.step()
    said = f"Means of {size} intervals each." if size > 1 else ""

    def line(k: int, name: str, values: Any) -> Curve:
        return Curve(name=name, values=reduced(np.asarray(values, np.float64), size)[1], colour=k)

    net = [line(k, name, run.net_kw().sum(axis=0)) for k, name, run in _curves(found)]
    ticks = first.ticks(size)
    parts = [curves("Net load with the fleet", net, ticks=ticks, unit="kW, positive is import", said=said)]
    medians = [(k, name, 100.0 * run.intervals.battery_soc_p50) for k, name, run in _curves(found)]
    if all(np.isfinite(values).any() for _, _, values in medians):
        soc = [line(*one) for one in medians]
        parts.append(
            curves("Median state of charge", soc, ticks=ticks, unit="batteries, %", within=(0.0, 100.0))
        )
    return parts
