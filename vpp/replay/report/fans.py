"""Forecasts as they were issued, with what came: how good they were, and the worst of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from vpp.pages.axes import Floats, time_ticks
from vpp.pages.charts import Curve, curves
from vpp.pages.html import note, number, paragraph, table
from vpp.replay.report.folder import ReplayFolder
from vpp.replay.tables import ALL_FEEDERS

MAXIMUM_DAYS = 3


def fans(replay: ReplayFolder) -> list[str]:
    """Return the worst days of the sum of all feeders and the worst of the feeder nearest its limit."""
    if replay.forecasts.empty:
        return [paragraph("No forecast was issued.")]
    errors = scores(replay)
    if errors.empty:
        return [paragraph("No forecast covers what was replayed.")]
    parts = [_table(errors)]
    whole = errors[errors.feeder_id == ALL_FEEDERS].nlargest(MAXIMUM_DAYS, "error_kw")
    single = errors[errors.feeder_id != ALL_FEEDERS].nlargest(1, "error_kw")
    for row in pd.concat([whole, single]).itertuples():
        parts.append(_fan(replay, str(row.forecast_id), str(row.feeder_id)))  # noqa: PERF401
    parts.append(
        note(
            "Net load, consumption less PV. The band spans the 10 % and 90 % quantiles of consumption; over "
            "all feeders it is the sum of theirs, as if all erred together, and so wider than 80 %. Drawn "
            "are the days with the largest errors of the median, of the first forecast of every day."
        )
    )
    return parts


def scores(replay: ReplayFolder) -> pd.DataFrame:
    """Return a row for each first forecast of a day and feeder: mean error, share within the band."""
    found = replay.forecasts
    came = _came(replay, found)
    net = (found.p50_kw - found.pv_kw).to_numpy()
    inside = (came >= (found.p10_kw - found.pv_kw).to_numpy() - 1e-9) & (
        came <= (found.p90_kw - found.pv_kw).to_numpy() + 1e-9
    )
    rows = found[["forecast_id", "feeder_id", "available_at", "source", "verdict", "reason"]].assign(
        error_kw=np.abs(net - came), inside=inside.astype(float), came_kw=np.abs(came)
    )
    rows = rows[np.isfinite(came)]
    keys = ["feeder_id", "forecast_id"]
    return rows.groupby(keys, sort=False, as_index=False).agg(
        available_at=("available_at", "first"),
        source=("source", "first"),
        verdict=("verdict", "first"),
        reason=("reason", "first"),
        error_kw=("error_kw", "mean"),
        inside=("inside", "mean"),
        came_kw=("came_kw", "mean"),
    )


def _came(replay: ReplayFolder, found: pd.DataFrame) -> Floats:
    """Return the net load that came at each row of forecasts, NaN after the end of the replay."""
    series = {ALL_FEEDERS: replay.load_kw.sum(axis=0)}
    series |= dict(zip(replay.feeder_ids, replay.load_kw, strict=True))
    place = ((found.start - pd.Timestamp(replay.grid.start)) // pd.Timedelta(replay.grid.length)).to_numpy()
    inside = (place >= 0) & (place < replay.grid.count)
    came = np.full(len(found), np.nan)
    for feeder in found.feeder_id.unique():
        rows = inside & (found.feeder_id == feeder).to_numpy()
        came[rows] = series[str(feeder)][place[rows]]
    return came


def _table(errors: pd.DataFrame) -> str:
    rows = []
    for (feeder, source, verdict), group in errors.groupby(["feeder_id", "source", "verdict"], sort=False):
        share = 100.0 * group.error_kw.mean() / group.came_kw.mean() if group.came_kw.mean() > 0 else None
        rows.append(
            (
                str(feeder) or "all feeders",
                f"{source}, {str(verdict).replace('_', ' ')}",
                str(len(group)),
                number(float(group.error_kw.mean())),
                number(share),
                f"{100.0 * group.inside.mean():.0f} %",
            )
        )
    head = ("feeder", "source, model", "forecasts", "mean error kW", "in % of the load", "within the band")
    return table(head, rows, caption="The first forecast of every day, against what came")


def _fan(replay: ReplayFolder, forecast_id: str, feeder: str) -> str:
    found = replay.forecasts
    one = found[(found.forecast_id == forecast_id) & (found.feeder_id == feeder)]
    start, count = one.start.iloc[0].to_pydatetime(), len(one)
    pv = one.pv_kw.to_numpy()
    drawn = [
        Curve(
            name="forecast",
            values=one.p50_kw.to_numpy() - pv,
            colour=0,
            bands=((one.p10_kw.to_numpy() - pv, one.p90_kw.to_numpy() - pv),),
        ),
        Curve(name="what came", values=_came(replay, one), colour=6, thick=True),
    ]
    local = pd.Timestamp(one.available_at.iloc[0]).tz_convert(replay.timezone)
    reason = str(one.reason.iloc[0])
    return curves(
        f"{feeder or 'All feeders'}, forecast of {local:%A} {local.day} {local:%B %Y %H:%M}",
        drawn,
        ticks=time_ticks(start, replay.grid.length, count, replay.timezone),
        unit="kW",
        said=f"Source: {one.source.iloc[0]}" + (f"; {reason}." if reason else "."),
    )
