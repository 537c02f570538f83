"""The contract with the reasoning model: what a reply may say, and the judgement of one that came.

The model adjusts a statistical forecast by block; the arithmetic is ours. A reply that breaks any rule
is refused whole, with the reason, and the baseline stays in force.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vpp.domain.forecasts import ReplyVerdict
from vpp.forecasting.quoting import quoted

MAXIMUM_BLOCKS = 12
MINIMUM_MULTIPLIER = 0.7
MAXIMUM_MULTIPLIER = 1.4
MAXIMUM_ITEMS = 6
MAXIMUM_REASON_CHARACTERS = 160
MAXIMUM_REPLY_CHARACTERS = 16_000
CAUSES = ("heat", "cold", "holiday", "event", "outage", "operator", "habit", "other")
QUANTILES = ("multiplier_p10", "multiplier_p50", "multiplier_p90")
COMPACT_STEPS = (0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15)

_THINKING = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that the model may point to, valid in blocks `first_block` to `last_block`, inclusive."""

    evidence_id: str
    text: str
    first_block: int
    last_block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRules:
    """What a reply may look like. Small models get steps to choose from, fewer items, shorter words."""

    multiplier_steps: tuple[float, ...] = ()  # empty: any number in [0.7, 1.4]
    maximum_items: int = MAXIMUM_ITEMS
    maximum_reason_characters: int = MAXIMUM_REASON_CHARACTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentRequest:
    """One question to the model. `system` is the same from issue to issue, so that it can be cached."""

    system: str
    user: str
    schema: dict[str, object]
    rules: ReplyRules
    block_count: int
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Multipliers of the consumption quantiles in blocks `start_block` to `end_block`, inclusive."""

    start_block: int
    end_block: int
    multiplier_p10: float
    multiplier_p50: float
    multiplier_p90: float
    cause: str
    evidence_id: str
    reason: str  # the model's words, never a fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """ACCEPTED with adjustments, EMPTY without, or REFUSED with the reason."""

    verdict: ReplyVerdict
    adjustments: tuple[Adjustment, ...] = ()
    reason: str = ""


def reply_schema(*, block_count: int, evidence: Sequence[Evidence], rules: ReplyRules) -> dict[str, object]:
    """Return the JSON schema of a reply; every string and number in it is bounded.

    With `multiplier_steps` there is one alternative per evidence, so that a grammar built from the schema
    already keeps the blocks at the evidence.
    """
    items: dict[str, object]
    if rules.multiplier_steps:
        items = {"anyOf": [_item_schema(rules, *_blocks_around(one), [one.evidence_id]) for one in evidence]}
    else:
        block: dict[str, object] = {"type": "integer", "minimum": 0, "maximum": block_count - 1}
        items = _item_schema(rules, block, block, [one.evidence_id for one in evidence])
    most = min(rules.maximum_items, len(evidence)) if rules.multiplier_steps else rules.maximum_items
    adjustments = {"type": "array", "maxItems": most, "items": items}
    return _object_schema({"adjustments": adjustments})


def _blocks_around(evidence: Evidence) -> tuple[dict[str, object], dict[str, object]]:
    # Starts up to the middle and ends from the middle on: no grammar can say "not before the start".
    middle = (evidence.first_block + evidence.last_block) // 2
    start = list(range(evidence.first_block, middle + 1))
    end = list(range(middle, evidence.last_block + 1))
    return {"enum": start}, {"enum": end}


def _item_schema(
    rules: ReplyRules, start: dict[str, object], end: dict[str, object], evidence_ids: list[str]
) -> dict[str, object]:
    multiplier: dict[str, object] = {
        "type": "number",
        "minimum": MINIMUM_MULTIPLIER,
        "maximum": MAXIMUM_MULTIPLIER,
    }
    if rules.multiplier_steps:
        multiplier = {"enum": list(rules.multiplier_steps)}
    return _object_schema(
        {
            "evidence_id": {"enum": evidence_ids},
            # Words before numbers: what has been said in words guides the numbers that follow.
            "reason": {"type": "string", "maxLength": rules.maximum_reason_characters},
            "cause": {"enum": list(CAUSES)},
            "start_block": start,
            "end_block": end,
            **dict.fromkeys(QUANTILES, multiplier),
        }
    )


def _object_schema(properties: dict[str, object]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


class _RefusedError(ValueError):
    """A rule of the contract is broken; the message says which, for the repair attempt and the record."""


def judge_reply(text: str, reasoning: str, request: AdjustmentRequest) -> Judgement:
    """Return what becomes of one reply; never raises, whatever the model wrote."""
    try:
        reply = last_object(text, reasoning)
        adjustments = _adjustments(reply, request)
    except _RefusedError as error:
        return Judgement(verdict=ReplyVerdict.REFUSED, reason=str(error))
    if not adjustments:
        return Judgement(verdict=ReplyVerdict.EMPTY, reason="the model sees nothing to adjust")
    return Judgement(verdict=ReplyVerdict.ACCEPTED, adjustments=adjustments)


def last_object(text: str, reasoning: str) -> Mapping[str, object]:
    """Return the last JSON object of the reply, or of the reasoning where some servers put it.

    Raises ValueError when there is none, or when it repeats a key or holds NaN or Infinity.
    """
    if len(text) > MAXIMUM_REPLY_CHARACTERS:
        raise _RefusedError(f"the reply is longer than {MAXIMUM_REPLY_CHARACTERS} characters")
    answer = _THINKING.sub("", text).strip()
    searched = answer or reasoning[-MAXIMUM_REPLY_CHARACTERS:]
    decoder = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    found: object = None
    at = searched.find("{")
    while at >= 0:
        end = at + 1
        try:
            found, end = decoder.raw_decode(searched, at)
        except _RefusedError:
            raise
        except (ValueError, RecursionError):
            pass  # prose with a brace in it, or an object that was cut off
        at = searched.find("{", end)
    if not isinstance(found, dict):
        raise _RefusedError("the reply holds no JSON object")
    return found


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _RefusedError("a key appears twice in one object")
    return result


def _no_constant(name: str) -> float:
    raise _RefusedError(f"{name} is not a number")


def _adjustments(reply: Mapping[str, object], request: AdjustmentRequest) -> tuple[Adjustment, ...]:
    _require_keys(reply, {"adjustments"}, "the reply")
    items = reply["adjustments"]
    if not isinstance(items, list):
        raise _RefusedError("adjustments is not a list")
    if len(items) > request.rules.maximum_items:
        raise _RefusedError(f"{len(items)} adjustments, at most {request.rules.maximum_items} are allowed")
    adjustments = tuple(_adjustment(item, f"adjustment {k}", request) for k, item in enumerate(items))
    taken: set[int] = set()
    for number, adjustment in enumerate(adjustments):
        blocks = set(range(adjustment.start_block, adjustment.end_block + 1))
        if blocks & taken:
            raise _RefusedError(f"adjustment {number}: block {min(blocks & taken)} is adjusted twice")
        taken |= blocks
    return adjustments


def _adjustment(item: object, where: str, request: AdjustmentRequest) -> Adjustment:
    if not isinstance(item, dict):
        raise _RefusedError(f"{where} is not an object")
    _require_keys(item, set(Adjustment.__dataclass_fields__), where)
    low, median, high = (_multiplier(item[name], f"{where}: {name}", request.rules) for name in QUANTILES)
    if not low <= median <= high:
        raise _RefusedError(f"{where}: multipliers must rise from p10 to p90")
    start = _block(item["start_block"], f"{where}: start_block", request)
    end = _block(item["end_block"], f"{where}: end_block", request)
    if end < start:
        raise _RefusedError(f"{where}: end_block {end} lies before start_block {start}")
    evidence = next((one for one in request.evidence if one.evidence_id == item["evidence_id"]), None)
    if evidence is None:
        raise _RefusedError(f"{where}: evidence_id names nothing that was sent")
    if end < evidence.first_block or start > evidence.last_block:
        raise _RefusedError(f"{where}: {evidence.evidence_id} says nothing about blocks {start} to {end}")
    if item["cause"] not in CAUSES:
        raise _RefusedError(f"{where}: cause must be one of {', '.join(CAUSES)}")
    return Adjustment(
        start_block=start,
        end_block=end,
        multiplier_p10=low,
        multiplier_p50=median,
        multiplier_p90=high,
        cause=str(item["cause"]),
        evidence_id=evidence.evidence_id,
        reason=_reason(item["reason"], where, request.rules),
    )


def _require_keys(item: Mapping[str, object], expected: set[str], where: str) -> None:
    if set(item) != expected:
        missing = sorted(expected - set(item))
        what = f"misses {missing[0]}" if missing else "has a key that is not in the schema"
        raise _RefusedError(f"{where} {what}")


def _multiplier(value: object, where: str, rules: ReplyRules) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise _RefusedError(f"{where} is not a finite number")
    if not MINIMUM_MULTIPLIER <= value <= MAXIMUM_MULTIPLIER:
        raise _RefusedError(f"{where} lies outside {MINIMUM_MULTIPLIER} to {MAXIMUM_MULTIPLIER}")
    if rules.multiplier_steps and not any(abs(value - step) < 1e-9 for step in rules.multiplier_steps):
        raise _RefusedError(f"{where} is none of the allowed steps")
    return float(value)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer of hundreds of digits
        return False


def _block(value: object, where: str, request: AdjustmentRequest) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < request.block_count:
        raise _RefusedError(f"{where} must be an integer from 0 to {request.block_count - 1}")
    return value


def _reason(value: object, where: str, rules: ReplyRules) -> str:
    if not isinstance(value, str):
        raise _RefusedError(f"{where}: reason is not a string")
    if len(value) > rules.maximum_reason_characters:
        raise _RefusedError(f"{where}: reason is longer than {rules.maximum_reason_characters} characters")
    return quoted(value, rules.maximum_reason_characters)
