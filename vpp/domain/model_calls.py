"""Exchanges with the reasoning model as lines of text: `model_calls.jsonl`, one call per line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final

from vpp.domain.forecasts import ModelCall

MODEL_CALLS: Final = "model_calls.jsonl"


def lines_of(calls: Iterable[ModelCall]) -> str:
    """Return the calls as JSON Lines; every character a model may answer with comes back as it was."""
    return "".join(json.dumps(_plain(call), sort_keys=True) + "\n" for call in calls)


def _plain(call: ModelCall) -> dict[str, Any]:
    return asdict(call) | {"asked_at": call.asked_at.isoformat(), "verdict": str(call.verdict)}
