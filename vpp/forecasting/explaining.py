"""What a stored exchange with the model said, read back: what it was shown, what it proposed, in its words.

Everything comes from the record of the call; nothing is computed anew, so an explanation of today and one of
next year agree.
"""

from __future__ import annotations

import json
import re

import numpy as np
from numpy.typing import NDArray

from vpp.domain.forecasts import ForecastExplanation, LoadForecast, ModelCall, Proposal
from vpp.forecasting.contract import QUANTILES, last_object
from vpp.forecasting.prompt import BLOCK, block_count, block_of_intervals
from vpp.forecasting.quoting import quoted

MAXIMUM_WORDS = 160
_EVIDENCE = re.compile(r'^Context: (e\d+)[^"\n]*"(.*)"$', re.MULTILINE)


def explain(forecast: LoadForecast, call: ModelCall | None) -> ForecastExplanation:
    """Return what `forecast` rests on; `call` is the exchange with the model behind it."""
    consumption_kw, pv_kw = block_means(forecast)
    return ForecastExplanation(
        forecast=forecast,
        block=BLOCK,
        consumption_kw=consumption_kw,
        pv_kw=pv_kw,
        call=call,
        evidence=() if call is None else tuple(evidence_shown(call)),
        proposals=() if call is None else tuple(proposals(call)),
    )


def evidence_shown(call: ModelCall) -> list[tuple[str, str]]:
    """Return the ids and texts of the remarks in the question, as they were sent."""
    question = call.prompt.partition("Baseline in percent")[2]  # after the solved examples
    return _EVIDENCE.findall(question)


def proposals(call: ModelCall) -> list[Proposal]:
    """Return what every reply proposed, also those that were refused, as far as it can be read."""
    found: list[Proposal] = []
    for sample, reply in enumerate(call.replies):
        try:
            items = last_object(reply, call.reasoning).get("adjustments", [])
        except ValueError:
            continue
        for item in items if isinstance(items, list) else []:
            proposal = _proposal(sample, item)
            if proposal is not None:
                found.append(proposal)
    return found


def _proposal(sample: int, item: object) -> Proposal | None:
    if not isinstance(item, dict):
        return None
    try:
        low, median, high = (float(item[name]) for name in QUANTILES)
        start, end = int(item["start_block"]), int(item["end_block"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if not (abs(start) < 1_000 and abs(end) < 1_000):
        return None
    return Proposal(
        sample=sample,
        start_block=start,
        end_block=end,
        multipliers=(low, median, high),
        cause=_text(item.get("cause")),
        evidence_id=_text(item.get("evidence_id")),
        words=_text(item.get("reason")),
    )


def _text(value: object) -> str:
    return quoted(value if isinstance(value, str) else json.dumps(value, default=str), MAXIMUM_WORDS)


def block_means(forecast: LoadForecast) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean median consumption and PV of all feeders in each two-hour block, kW."""
    block = block_of_intervals(forecast.grid)
    consumption, pv = forecast.consumption_p50_kw.sum(axis=0), forecast.pv_kw.sum(axis=0)
    rows = [block == number for number in range(block_count(forecast.grid))]
    return np.array([consumption[row].mean() for row in rows]), np.array([pv[row].mean() for row in rows])
