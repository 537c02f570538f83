"""The page of one replay."""

from __future__ import annotations

from html import escape
from pathlib import Path

from vpp.pages.html import heading, note, number, page, table
from vpp.replay.report.catalogue import without_control
from vpp.replay.report.fans import fans
from vpp.replay.report.figures import flat, rows_of
from vpp.replay.report.folder import ReplayFolder, read_folder
from vpp.replay.report.ladder import rungs, worst_cycles
from vpp.replay.report.money import money
from vpp.replay.report.power import dispatch, loading, states_of_charge
from vpp.replay.report.reserve import reserve

REPORT = "report.html"
HEAD = ("figure", "with control", "without control", "unit")
KEY = (
    "cost",
    "peak_kw",
    "feeder_overload_kwh",
    "ev_energy_unmet_kwh",
    "events_delivered_kwh",
    "reserve_asked_kw_h",
    "reserve_backed_kw_h",
    "carbon_kg",
    "life_used_value",
)


def write_report(folder: Path) -> Path:
    """Write `report.html` from the files of a finished replay, and return where it is."""
    target = folder / REPORT
    target.write_text(report(read_folder(folder)), encoding="utf-8")
    return target


def report(replay: ReplayFolder) -> str:
    """Return the page: one file, no network, no script."""
    parts = [
        _headline(replay),
        _key_figures(replay),
        _facts(replay),
        heading("Dispatch against load and price"),
        *dispatch(replay),
        *reserve(replay),
        heading("States of charge"),
        *states_of_charge(replay),
        heading("Feeders"),
        *loading(replay),
        heading("Forecasts, and what came"),
        *fans(replay),
        heading("Money"),
        *money(replay),
        heading("The ladder"),
        *rungs(replay),
        heading("Worst cycles"),
        *worst_cycles(replay),
        heading("All figures"),
        _figures(replay),
        note(f"Made by vpp {replay.facts['version']} from the files beside it; times are {replay.timezone}."),
    ]
    return page(f"Replay of {replay.name}", parts)


def _headline(replay: ReplayFolder) -> str:
    kpis, currency = replay.kpis, replay.currency
    text = f"It cost {kpis['cost']:,.2f} {currency}"
    if kpis.get("cost_without_control") is not None:
        text += f", against {kpis['cost_without_control']:,.2f} without control"
    if kpis.get("cost_perfect_foresight") is not None:
        text += f" and {kpis['cost_perfect_foresight']:,.2f} with perfect foresight"
    return f"<p><strong>{escape(text)}.</strong></p>"


def _facts(replay: ReplayFolder) -> str:
    facts, timing = replay.facts, replay.facts["timing"]
    median = timing.get("cycle_s_median")
    asked = facts["options"] | facts.get("changes", {})
    options = ", ".join(f"{name} {value}" for name, value in asked.items())
    took = "" if median is None else f"; the median one took {number(median)} s with forecast and fleet"
    listed = {
        "Scenario": f"{facts['scenario']}, SHA-256 {facts['scenario_sha256'][:16]}",
        "Policy": options,
        "Time": f"{_when(replay, 0)} to {_when(replay, replay.grid.count)}, {replay.timezone}",
        "Fleet": f"{facts['assets']:,} assets on {facts['feeders']:,} feeder{'s' * (facts['feeders'] != 1)}",
        "Cadence": f"a cycle every {facts['interval_minutes']:g} minutes, {replay.grid.count:,} in all{took}",
        "Decision log": f"SHA-256 {replay.log_sha256}",
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in listed.items())
    return f'<dl class="facts">{rows}</dl>'


def _when(replay: ReplayFolder, interval: int) -> str:
    local = replay.local(interval)
    return f"{local.day} {local:%B %Y %H:%M}"


def _key_figures(replay: ReplayFolder) -> str:
    """Return the few figures that people ask for first."""
    found = flat(replay.kpis)
    kept = {name: found[name] for key in KEY for name in (key, *without_control(key)) if name in found}
    rows = [row for listed in rows_of(kept, replay.currency).values() for row in listed]
    return table(HEAD, rows)


def _figures(replay: ReplayFolder) -> str:
    groups = rows_of(flat(replay.kpis) | flat(replay.timings), replay.currency)
    return "".join(heading(group, 3) + table(_head(rows), _cut(rows)) for group, rows in groups.items())


def _head(rows: list[tuple[str, ...]]) -> tuple[str, ...]:
    return HEAD if _compared(rows) else ("figure", "value", "unit")


def _cut(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the rows without the column for the fleet without control, where it would be empty."""
    return rows if _compared(rows) else [(row[0], row[1], row[3]) for row in rows]


def _compared(rows: list[tuple[str, ...]]) -> bool:
    return any(row[2] for row in rows)
