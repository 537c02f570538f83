"""Explains a setpoint in sentences, from what is stored about it and from nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from vpp.control.compliance import TOLERANCE_KW, TOLERANCE_SHARE
from vpp.control.reasons import reasons
from vpp.domain.audit import AuditKind, AuditRecord
from vpp.domain.forecasts import ForecastSource
from vpp.domain.readings import from_microseconds
from vpp.domain.reasons import Reason, Sentence, Topic
from vpp.domain.runs import Rung
from vpp.domain.setpoints import Origin
from vpp.forecasting.explaining import evidence_shown, explain
from vpp.ports.evidence import EvidenceStore, SetpointEvidence, SetpointExplanation

MAX_WORDS: Final = 5  # of the model that are quoted
_OWN_RECORDS: Final = {AuditKind.RUN, AuditKind.FORECAST}
_ABOUT_RUN: Final = "approval"


async def explain_setpoint(
    store: EvidenceStore, *, asset_id: str, epoch: int = 0, sequence: int = 0, at: datetime | None = None
) -> SetpointExplanation | None:
    """Return the explanation of an order, None where there is none.

    It is the order of that number, else the newest that began by `at`, else the newest.
    """
    found = await store.evidence(asset_id=asset_id, epoch=epoch, sequence=sequence, at=at)
    if found is None:
        return None
    why = _reasons(found)
    share = model_share(found)
    parts = (
        _order(found),
        (Sentence(Topic.REASON, _capital(f"{reason.sentence}.")) for reason in why),
        _plan(found),
        _forecast(found, share),
        _records(found),
        _node(found),
        _metering(found),
    )
    return SetpointExplanation(
        evidence=found,
        reasons=why,
        sentences=tuple(sentence for part in parts for sentence in part),
        model_share=share,
        followed=followed(found),
    )


def _reasons(found: SetpointEvidence) -> tuple[Reason, ...]:
    plan = found.plan
    if plan is None or plan.grounds is None or found.setpoint.origin != Origin.OPTIMIZER:
        return ()
    return tuple(reasons(plan, plan.grounds, plan.asset_ids.index(found.setpoint.asset_id), found.run.rung))


def _order(found: SetpointEvidence) -> Iterator[Sentence]:
    order = found.setpoint
    verb = "rest"
    if abs(order.power_kw) > 1e-6:
        verb = f"{'discharge' if order.power_kw > 0 else 'charge'} at {abs(order.power_kw):.2f} kW"
    yield Sentence(
        Topic.ORDER,
        f"{order.asset_id} was ordered to {verb} from {_time(order.valid_from)} "
        f"(epoch {order.epoch}, sequence {order.sequence}, run {order.run_id}).",
    )
    if order.origin != Origin.OPTIMIZER:
        yield Sentence(Topic.ORDER, f"The order came from {order.origin}: {order.reason}.")
    elif found.plan is not None and found.plan.grounds is None:
        words = "The plan was stored by an earlier version, without what its reasons could be read from."
        yield Sentence(Topic.REASON, words)


def _plan(found: SetpointEvidence) -> Iterator[Sentence]:
    run = found.run
    if found.plan is None:
        return
    if run.gap is not None and math.isfinite(run.gap):
        words = f"The plan is proven to be within {run.gap:.2%} of the best possible"
    else:
        words = "The plan comes without a proof of how good it is"
    if run.rung is not Rung.OPTIMAL:
        words += f", on the rung {run.rung} of the ladder, because: {run.reason or 'no reason was stored'}"
    yield Sentence(Topic.PLAN, f"{words}. The hash of its inputs is {run.input_sha256[:16]}….")
    yield Sentence(
        Topic.VERIFIER,
        "The verifier, which shares no code with the planner, found no limit broken before the order was "
        "stored and sent.",
    )


def model_share(found: SetpointEvidence) -> float:
    """Return by how much the forecast for the order's feeder and interval was above the baseline's."""
    forecast = found.forecast
    if forecast is None or forecast.parts is None or found.setpoint.feeder_id not in forecast.feeder_ids:
        return math.nan
    row = forecast.feeder_ids.index(found.setpoint.feeder_id)
    place = forecast.grid.index_of(found.setpoint.valid_from)
    if not 0 <= place < forecast.grid.count:
        return math.nan
    baseline = float(forecast.parts.p50_kw[0, row, place])
    return float(forecast.consumption_p50_kw[row, place]) / baseline - 1.0 if baseline > 0.0 else math.nan


def _forecast(found: SetpointEvidence, share: float) -> Iterator[Sentence]:
    forecast, call = found.forecast, found.call
    if forecast is None:
        yield Sentence(Topic.FORECAST, "There was no load forecast.")
        return
    name = f"Forecast {forecast.forecast_id} of {_time(forecast.available_at)}"
    if forecast.source is ForecastSource.BASELINE:
        because = f" ({forecast.reason})" if forecast.reason else ""
        words = f"{name} is the statistical baseline; the reasoning model's word is not in it{because}."
        yield Sentence(Topic.FORECAST, words)
    else:
        known = math.isfinite(share)
        change = f"; for this feeder and interval it is {share:+.1%} against the baseline" if known else ""
        model = f" by {call.model}" if call is not None else ""
        yield Sentence(Topic.FORECAST, f"{name} is the baseline as adjusted{model} under contract{change}.")
    if call is None:
        return
    shown = evidence_shown(call)
    if shown:
        quotes = ", ".join(f"{item_id} “{text}”" for item_id, text in shown[:MAX_WORDS])
        yield Sentence(Topic.FORECAST, f"The model was shown: {quotes}.")
    for proposal in explain(forecast, call).proposals[:MAX_WORDS]:
        named = f"its words, not checked; it named {proposal.evidence_id}"
        yield Sentence(Topic.MODEL_WORDS, f"{call.model} wrote: “{proposal.words}” ({named}).")


def _records(found: SetpointEvidence) -> Iterator[Sentence]:
    """Say who approved, and what operators did while the order held."""
    others = [record for record in found.records if record.kind not in _OWN_RECORDS]
    approvals = [record for record in others if record.kind.startswith(_ABOUT_RUN)]
    if found.plan is not None and not approvals:
        yield Sentence(Topic.APPROVAL, "No person's approval of this run is on record.")
    for record in others:
        topic = Topic.APPROVAL if record in approvals else Topic.OPERATOR
        words = f"{_capital(record.kind)} by {record.actor} at {_time(from_microseconds(record.at_us))}"
        reason = _reason(record)
        yield Sentence(topic, f"{words}{': ' + reason if reason else ''} (record {record.number}).")


def _reason(record: AuditRecord) -> str:
    try:
        payload = json.loads(record.payload)
    except ValueError:
        return ""
    words = payload.get("reason") or payload.get("decision") if isinstance(payload, dict) else ""
    return words if isinstance(words, str) else ""


def _node(found: SetpointEvidence) -> Iterator[Sentence]:
    if not found.acknowledgements:
        yield Sentence(Topic.NODE, "Its node has not said anything about the order.")
        return
    said = ", ".join(
        f"{word.state} at {word.at:%H:%M:%S}{' (' + word.detail + ')' if word.detail else ''}"
        for word in found.acknowledgements
    )
    yield Sentence(Topic.NODE, f"Its node said: {said}.")


def followed(found: SetpointEvidence) -> bool | None:
    """Return whether metering shows the ordered power; the tolerance is that of compliance."""
    measured = found.metering
    if measured.readings == 0 or not math.isfinite(measured.mean_kw):
        return None
    ordered = found.setpoint.power_kw
    return abs(measured.mean_kw - ordered) <= max(TOLERANCE_KW, TOLERANCE_SHARE * abs(ordered))


def _metering(found: SetpointEvidence) -> Iterator[Sentence]:
    measured, ordered = found.metering, found.setpoint.power_kw
    verdict = followed(found)
    if verdict is None:
        yield Sentence(
            Topic.METERING, "The database holds no good reading of the interval (older ones are archived)."
        )
        return
    words = f"Metering shows {measured.mean_kw:.2f} kW on average ({measured.readings} readings)"
    if verdict:
        yield Sentence(Topic.METERING, f"{words}: the order was followed.")
    else:
        off = measured.mean_kw - ordered
        yield Sentence(Topic.METERING, f"{words}, {off:+.2f} kW off: the order was not followed.")


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
