"""The backtest as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from vpp.forecasting.backtest.evaluation import Entry, Evaluation, worst_window
from vpp.forecasting.backtest.regret import PERFECT
from vpp.forecasting.models.catalogue import BASELINE
from vpp.forecasting.scores import daily_mape_percent
from vpp.pages.axes import Ticks
from vpp.pages.charts import COLOURS, Curve, bars, curves
from vpp.pages.html import heading, items, note, page, table

DAYS_DRAWN = 3
MAXIMUM_REFUSALS = 20


def report(evaluation: Evaluation, *, title: str, timezone: str, facts: Sequence[str]) -> str:
    """Return the report; `facts` are sentences on how it was made."""
    parts = [
        *(note(fact) for fact in facts),
        heading("Scores"),
        _scores(evaluation),
        bars("MAPE", {entry.name: entry.scores.mape_percent for entry in evaluation.entries}, unit="%"),
        bars(
            "Coverage of the 90 % intervals",
            {entry.name: 100.0 * entry.scores.coverage_90 for entry in evaluation.entries},
            unit="%, the mark is at 90",
            mark=90.0,
        ),
        heading("What the aggregation can lose, and has lost"),
        _bounds(evaluation),
        _excess(evaluation, timezone),
        heading("Whom it believed"),
        *(_weights(evaluation, entry, timezone) for entry in evaluation.entries if entry.chain is not None),
        heading("Worst days of the baseline"),
        _worst(evaluation),
        *_days(evaluation, timezone),
        *_money(evaluation),
        *_asked(evaluation),
        *_refusals(evaluation),
    ]
    return page(title, parts)


def _optional(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _scores(evaluation: Evaluation) -> str:
    head = ("forecaster", "MAPE %", "holidays %", "nMAE %", "CRPS %", "pinball %", "cover 90", "CPU s",
            "calls", "tokens", "cost")  # fmt: skip
    rows = []
    for entry in evaluation.entries:
        scores, usage = entry.scores, entry.usage
        tokens = "" if usage is None else str(usage.prompt_tokens + usage.completion_tokens)
        rows.append(
            (
                entry.name,
                f"{scores.mape_percent:.2f}",
                _optional(entry.holiday_mape_percent, ".2f"),
                f"{scores.nmae_percent:.2f}",
                f"{scores.crps_percent:.2f}",
                f"{scores.pinball_percent:.2f}",
                f"{100.0 * scores.coverage_90:.1f} %",
                _optional(entry.cpu_s_per_forecast, ".4f"),
                "" if usage is None else str(usage.calls),
                tokens,
                "" if usage is None else f"{usage.cost:.4f} {usage.currency}",
            )
        )
    said = (
        "nMAE, CRPS and pinball in percent of the mean; CRPS is twice the mean pinball loss over 19 levels. "
        "CPU seconds per forecast, fitting included."
    )
    return table(head, rows) + note(said)


def _bounds(evaluation: Evaluation) -> str:
    rows = []
    for entry in evaluation.entries:
        if entry.chain is None:
            continue
        chain = entry.chain
        rows.append(
            (
                entry.name,
                f"{100 * chain.excess.sum():+.2f}",
                f"{100 * chain.bound:.2f}",
                f"{100 * worst_window(chain.excess):.2f}",
                f"{100 * chain.window_bound:.2f}",
                str(len(chain.refused)),
            )
        )
    head = ("forecaster", "excess", "proven bound", "worst stretch", "its bound", "days refused")
    said = "Sums over days of the loss above the baseline's, in percentage points of the scale times days."
    return table(head, rows) + note(said)


def _labels(starts: Sequence[datetime], timezone: str, form: str) -> Ticks:
    zone = ZoneInfo(timezone)
    places = np.unique(np.linspace(0, len(starts) - 1, 6).astype(int))
    return [(float(place) + 0.5, starts[place].astimezone(zone).strftime(form)) for place in places]


def _excess(evaluation: Evaluation, timezone: str) -> str:
    lines = {
        entry.name: 100.0 * np.cumsum(entry.chain.excess)
        for entry in evaluation.entries
        if entry.chain is not None
    }
    bound = 100.0 * evaluation.final.chain.bound if evaluation.final.chain is not None else 0.0
    lines["proven bound"] = np.full(len(evaluation.rolling), bound)
    labels = _labels(evaluation.rolling.starts, timezone, "%d %b %Y")
    drawn = [
        Curve(name=name, values=values, colour=place % COLOURS, dashed=name == "proven bound")
        for place, (name, values) in enumerate(lines.items())
    ]
    return curves("Excess over the baseline", drawn, ticks=labels, unit="percentage points times days")


def _weights(evaluation: Evaluation, entry: Entry, timezone: str) -> str:
    if entry.chain is None:
        return ""
    labels = _labels(evaluation.rolling.starts, timezone, "%d %b %Y")
    lines = {name: entry.chain.share * weights for name, weights in entry.chain.weights.items()}
    lines = {f"{name} within the rest": values for name, values in lines.items()}
    lines["frozen baseline"] = 1.0 - entry.chain.share
    drawn = [
        Curve(name=name, values=values, colour=place % COLOURS)
        for place, (name, values) in enumerate(lines.items())
    ]
    return curves(f"Weights in {entry.name}", drawn, ticks=labels, unit="share", zero=True)


def _worst(evaluation: Evaluation) -> str:
    rows = [
        (
            f"{day.day:%a %d %b %Y}{' (holiday)' if day.holiday else ''}",
            f"{day.baseline_mape_percent:.2f}",
            f"{day.aggregated_mape_percent:.2f}",
        )
        for day in evaluation.worst_days
    ]
    return table(("day", "baseline MAPE %", f"{evaluation.final.name} MAPE %"), rows)


def _days(evaluation: Evaluation, timezone: str) -> list[str]:
    """Return drawings of the days on which the baseline was worst."""
    rolling, final = evaluation.rolling, evaluation.final
    error = daily_mape_percent(rolling.medians[BASELINE], rolling.actual)
    error[: rolling.first] = -1.0
    drawings = []
    zone = ZoneInfo(timezone)
    for day in np.argsort(-error, kind="stable")[:DAYS_DRAWN]:
        start = rolling.starts[day]
        times = [start + rolling.length * step for step in range(rolling.actual.shape[1])]
        band = (final.quantiles[0, day], final.quantiles[-1, day])
        drawn = [
            Curve(name=final.name, values=final.median[day], colour=0, bands=(band,)),
            Curve(name="baseline", values=rolling.medians[BASELINE][day], colour=1, dashed=True),
            Curve(name="actual", values=rolling.actual[day], colour=6),
        ]
        drawings.append(
            curves(
                start.astimezone(zone).strftime("%A %d %B %Y"),
                drawn,
                ticks=_labels(times, timezone, "%H:%M"),
                unit="value, with the 90 % interval",
            )
        )
    return drawings


def _money(evaluation: Evaluation) -> list[str]:
    found = evaluation.regret
    if found is None:
        return []
    rows = [
        (name, f"{cost:.2f}", "" if name == PERFECT else f"{found.of(name):.3f}")
        for name, cost in found.cost.items()
    ]
    said = (
        f"An example fleet of five batteries behind a feeder scaled to 100 kW, planned on each forecast and "
        f"billed on what came, on {found.days} days. Regret is what a day costs above perfect foresight."
    )
    return [
        heading("Money"),
        table(("planned on", "cost per day", "regret per day"), rows),
        note(said),
    ]


def _asked(evaluation: Evaluation) -> list[str]:
    """Return what became of the questions to a reasoning model, and why its answers were not used."""
    rows, reasons = [], []
    for entry in evaluation.entries:
        usage = entry.usage
        if usage is None or not usage.verdicts:
            continue
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in usage.verdicts.items())
        deadline = _optional(usage.deadline_s, "g")
        longest = f"{usage.longest_s:.1f} of {deadline}"
        tokens = f"{usage.prompt_tokens} ({usage.cached_tokens} cached) + {usage.completion_tokens}"
        rows.append((entry.name, str(usage.calls), str(usage.replies), verdicts, longest, tokens))
        reasons += [f"{entry.name}, {reason}" for reason in usage.not_followed]
    if not rows:
        return []
    head = ("forecaster", "calls", "replies", "days", "longest s", "tokens")
    return [heading("What the model was asked"), table(head, rows), *_some(reasons)]


def _some(reasons: Sequence[str]) -> list[str]:
    more = len(reasons) - MAXIMUM_REFUSALS
    rest = note(f"and {more} more, in scores.json") if more > 0 else ""
    return [items(reasons[:MAXIMUM_REFUSALS]), rest]


def _refusals(evaluation: Evaluation) -> list[str]:
    refused = [reason for entry in evaluation.entries if entry.chain for reason in entry.chain.refused]
    if not refused:
        return []
    return [heading("Refused as implausible"), *_some(refused)]
