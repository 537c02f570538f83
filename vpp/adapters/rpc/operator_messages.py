"""From the service's values to what operators read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from vpp.adapters.rpc.access import scope
from vpp.adapters.rpc.dispatch_messages import timestamp, timestamp_of
from vpp.adapters.rpc.live_state import LiveState
from vpp.control.order_book import OrderBook
from vpp.domain.assets import Fleet
from vpp.domain.forecasts import LoadForecast, ModelCall
from vpp.domain.readings import Quality
from vpp.domain.runs import RunSummary
from vpp.ports import SetpointTrail, StoredSetpoint
from vpp.rpcgen import operator_pb2 as pb


def _timestamp_or_none(at: datetime | None) -> Timestamp | None:
    return None if at is None else timestamp(at)


def asset_states(
    fleet: Fleet, live: LiveState, book: OrderBook, slots: list[int], now: datetime
) -> list[pb.AssetState]:
    """Return the live state of assets, in the order of `slots`."""
    setpoint_kw, until_us = book.shown(now)
    rows = np.array(slots, dtype=np.int64)
    columns = (
        live.measured_at_us,
        live.soc,
        live.power_kw,
        live.node_connected,
        live.quarantined,
        live.quality,
        setpoint_kw,
        until_us,
    )
    states: list[pb.AssetState] = []
    for slot, values in zip(
        slots, zip(*(column[rows].tolist() for column in columns), strict=True), strict=True
    ):
        measured_us, soc, power_kw, connected, quarantined, quality, ordered_kw, ordered_until_us = values
        asset = fleet.assets[slot]
        state = pb.AssetState(
            asset_id=asset.asset_id,
            feeder_id=asset.feeder_id,
            measured_at=timestamp_of(measured_us) if measured_us else None,
            soc=soc,
            power_kw=power_kw,
            node_connected=connected,
            quarantined=quarantined,
            reading_flags=[str(flag.name) for flag in Quality(quality)] if quality else (),
        )
        if not math.isnan(ordered_kw):
            state.setpoint_kw = ordered_kw
            state.setpoint_valid_until.CopyFrom(timestamp_of(ordered_until_us))
        states.append(state)
    return states


def run_message(run: RunSummary) -> pb.Run:
    """Return a run."""
    return pb.Run(
        run_id=run.run_id,
        cycle_start=timestamp(run.cycle_start),
        started_at=timestamp(run.started_at),
        finished_at=timestamp(run.finished_at),
        trigger=run.trigger,
        rung=f"RUNG_{run.rung.upper()}",
        reason=run.reason,
        forecast_id=run.forecast_id or "",
        input_sha256=run.input_sha256,
        objective=run.objective,
        lower_bound=run.lower_bound,
        gap=run.gap,
        setpoints=run.setpoints,
        solve_s=run.seconds_solve,
        killed=run.killed,
        epoch=run.epoch,
        kind=f"RUN_KIND_{run.kind.upper()}",
        portfolio=run.portfolio,
    )


def without_money(run: pb.Run) -> pb.Run:
    """Take out what a run says of the bill of the whole fleet."""
    for field in ("objective", "lower_bound", "gap"):
        run.ClearField(field)
    return run


def run_in_scope(run: RunSummary) -> pb.Run:
    """Return a run as the caller may see it."""
    return run_message(run) if scope().everything else without_money(run_message(run))


def setpoint_message(order: StoredSetpoint) -> pb.Setpoint:
    """Return an order with the last word of its node."""
    return setpoint_messages([order])[0]


def setpoint_messages(orders: Iterable[StoredSetpoint]) -> list[pb.Setpoint]:
    """Return orders with the last words of their nodes; a page of them shares a handful of times."""
    times: dict[datetime, Timestamp] = {}

    def time_of(at: datetime) -> Timestamp:
        if (known := times.get(at)) is None:
            known = times[at] = timestamp(at)
        return known

    return [
        pb.Setpoint(
            asset_id=order.asset_id,
            feeder_id=order.feeder_id,
            run_id=order.run_id,
            epoch=order.epoch,
            sequence=order.sequence,
            power_kw=order.power_kw,
            min_kw=order.min_kw,
            max_kw=order.max_kw,
            valid_from=time_of(order.valid_from),
            valid_until=time_of(order.valid_until),
            origin=order.origin,
            reason=order.reason,
            acknowledged=order.acknowledged,
            acknowledged_at=None if order.acknowledged_at is None else time_of(order.acknowledged_at),
        )
        for order in orders
    ]


def forecast_message(forecast: LoadForecast, *, with_series: bool) -> pb.Forecast:
    """Return a forecast, with or without its series."""
    feeders: list[pb.FeederForecast] = []
    if with_series:
        feeders = [
            pb.FeederForecast(
                feeder_id=feeder_id,
                consumption_p10_kw=forecast.consumption_p10_kw[row].tolist(),
                consumption_p50_kw=forecast.consumption_p50_kw[row].tolist(),
                consumption_p90_kw=forecast.consumption_p90_kw[row].tolist(),
                pv_kw=forecast.pv_kw[row].tolist(),
            )
            for row, feeder_id in enumerate(forecast.feeder_ids)
        ]
    return pb.Forecast(
        forecast_id=forecast.forecast_id,
        available_at=timestamp(forecast.available_at),
        start=timestamp(forecast.grid.start),
        interval_s=forecast.grid.length.total_seconds(),
        source=forecast.source,
        verdict=forecast.verdict,
        reason=forecast.reason,
        feeders=feeders,
    )


def _words(call: ModelCall | None) -> list[str]:
    """Return what the model answered; its words are shown as such, never acted on."""
    return [] if call is None else list(call.replies)


def trail_message(trail: SetpointTrail) -> pb.GetTrailResponse:
    """Return everything that one order rests on."""
    return pb.GetTrailResponse(
        setpoint=setpoint_message(trail.setpoint),
        run=run_message(trail.run),
        forecast=forecast_message(trail.forecast, with_series=False) if trail.forecast else None,
        reading_measured_at=_timestamp_or_none(trail.reading_measured_at),
        reading_soc=trail.reading_soc or 0.0,
        reading_power_kw=trail.reading_power_kw or 0.0,
        energy_kwh=trail.energy_kwh,
        acknowledgements=[
            pb.TrailAcknowledgement(state=item.state, at=timestamp(item.at), detail=item.detail)
            for item in trail.acknowledgements
        ],
        model_words=_words(trail.model_call),
    )
