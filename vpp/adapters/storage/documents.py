"""Which value becomes which compressed object, and back."""

from __future__ import annotations

from dataclasses import fields

from vpp.adapters.storage.codec import Decoded, decode, encode, grid_header, grid_of
from vpp.adapters.storage.values import Parts, put_together
from vpp.domain.forecasts import ForecastParts, ForecastSource, LoadForecast, ModelCall, ReplyVerdict
from vpp.domain.grounds import PlanGrounds
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.runs import DispatchPlan, PlanLimits
from vpp.domain.state import FleetState

PLAN = "plan"
FLEET_STATE = "fleet_state"
FORECAST = "forecast"
EXCHANGE = "exchange"
GROUNDS = "grounds"

_SCHEDULE = ("power_kw", "energy_end_kwh", "net_load_kw")

_LIMITS = ("import_limit_kw", "export_limit_kw", "limited")
_QUANTILES = ("consumption_p10_kw", "consumption_p50_kw", "consumption_p90_kw", "pv_kw")


def encode_plan(plan: DispatchPlan) -> bytes:
    """Return a plan as bytes; its certificate must be JSON-able (tuples come back as lists)."""
    grounds = Parts()
    grounds.add(GROUNDS, plan.grounds)
    limits = plan.limits
    held = {} if limits is None else {name: getattr(limits, name) for name in _LIMITS}
    names = {} if limits is None else {"signal_ids": limits.signal_ids}
    return encode(
        PLAN,
        header={
            "run_id": plan.run_id,
            "grid": grid_header(plan.grid),
            "certificate": plan.certificate,
            **grounds.header,
        },
        arrays={name: getattr(plan, name) for name in _SCHEDULE} | grounds.arrays | held,
        texts={"asset_ids": plan.asset_ids, **grounds.texts, **names},
    )


def decode_plan(content: bytes) -> DispatchPlan:
    found = decode(PLAN, content)
    return DispatchPlan(
        run_id=found.header["run_id"],
        grid=grid_of(found.header["grid"]),
        asset_ids=found.texts["asset_ids"],
        certificate=found.header["certificate"],
        grounds=put_together(PlanGrounds | None, GROUNDS, found.header, found.arrays, found.texts)
        if GROUNDS in found.header
        else None,
        limits=_limits(found),
        **{name: found.arrays[name] for name in _SCHEDULE},
    )


def _limits(found: Decoded) -> PlanLimits | None:
    """Return what a plan was held to, None for a plan that signals had no say in."""
    if "signal_ids" not in found.texts:
        return None
    arrays = {name: found.arrays[name] for name in _LIMITS}
    return PlanLimits(signal_ids=found.texts["signal_ids"], **arrays)


def encode_state(state: FleetState) -> bytes:
    names = [item.name for item in fields(state) if item.name != "at"]
    return encode(
        FLEET_STATE,
        header={"at_us": to_microseconds(state.at)},
        arrays={name: getattr(state, name) for name in names},
    )


def decode_state(content: bytes) -> FleetState:
    found = decode(FLEET_STATE, content)
    return FleetState(at=from_microseconds(found.header["at_us"]), **found.arrays)


def encode_quantiles(forecast: LoadForecast) -> bytes:
    """Return the grid, the feeders and the matrices of a forecast; the rest are columns of its row."""
    arrays = {name: getattr(forecast, name) for name in _QUANTILES}
    texts = {"feeder_ids": forecast.feeder_ids}
    if forecast.parts is not None:
        texts["part_names"] = forecast.parts.names
        arrays |= {"part_p50_kw": forecast.parts.p50_kw, "part_peak_kw": forecast.parts.typical_peak_kw}
    if forecast.scenario_consumption_kw is not None:
        arrays["scenario_consumption_kw"] = forecast.scenario_consumption_kw
    return encode(FORECAST, header={"grid": grid_header(forecast.grid)}, arrays=arrays, texts=texts)


def decode_forecast(
    quantiles: bytes,
    *,
    forecast_id: str,
    available_at_us: int,
    source: str,
    verdict: str,
    reason: str,
    call_id: str | None,
) -> LoadForecast:
    found = decode(FORECAST, quantiles)
    return LoadForecast(
        forecast_id=forecast_id,
        feeder_ids=found.texts["feeder_ids"],
        grid=grid_of(found.header["grid"]),
        available_at=from_microseconds(available_at_us),
        source=ForecastSource(source),
        verdict=ReplyVerdict(verdict),
        reason=reason,
        model_call_id=call_id,
        parts=_parts(found),
        scenario_consumption_kw=found.arrays.get("scenario_consumption_kw"),
        **{name: found.arrays[name] for name in _QUANTILES},
    )


def _parts(found: Decoded) -> ForecastParts | None:
    if "part_names" not in found.texts:
        return None
    return ForecastParts(
        names=found.texts["part_names"],
        p50_kw=found.arrays["part_p50_kw"],
        typical_peak_kw=found.arrays["part_peak_kw"],
    )


def encode_exchange(call: ModelCall) -> bytes:
    """Return prompt, replies and reasoning; in the header, since JSON keeps every string as it came.

    A model may answer with characters no database text takes (U+0000, halves of surrogate pairs).
    """
    words = {"prompt": call.prompt, "replies": list(call.replies), "reasoning": call.reasoning}
    return encode(EXCHANGE, header=words, arrays={})


def decode_exchange(content: bytes) -> tuple[str, tuple[str, ...], str]:
    """Return prompt, replies and reasoning."""
    words = decode(EXCHANGE, content).header
    return words["prompt"], tuple(words["replies"]), words["reasoning"]
