"""One consultation of the reasoning model: samples, judgement, one repair, one verdict, within a deadline."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vpp.domain.forecasts import ReplyVerdict
from vpp.forecasting.adjusting import combine
from vpp.forecasting.contract import Adjustment, AdjustmentRequest, judge_reply
from vpp.forecasting.gating import ReplyCache
from vpp.forecasting.prompt import repair_text
from vpp.forecasting.quoting import quoted
from vpp.ports import ModelReply, ReasoningModel, ReasoningModelError

MAXIMUM_FAILURE_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation:
    """What came of one request. `multipliers`, shape (3, blocks), is None unless there is a valid answer."""

    verdict: ReplyVerdict
    reason: str
    multipliers: NDArray[np.float64] | None
    replies: tuple[ModelReply, ...]
    billed: tuple[ModelReply, ...]  # those that did not come from the cache
    seconds: float
    unanswered: int = 0  # asked, but no reply came; the endpoint may bill the prompt all the same


@dataclass(slots=True)
class _Samples:
    """What has come in so far; kept apart from the tasks, so that a deadline loses nothing."""

    valid: list[tuple[Adjustment, ...]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    replies: list[ModelReply] = field(default_factory=list)
    billed: list[ModelReply] = field(default_factory=list)
    sent: int = 0


async def consult(
    model: ReasoningModel,
    request: AdjustmentRequest,
    *,
    samples: int,
    concurrency: int,
    deadline_s: float,
    cache: ReplyCache,
) -> Consultation:
    """Ask `samples` times, at most `concurrency` at once, and judge; never raises because of the model."""
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    got = _Samples()
    limit = asyncio.Semaphore(concurrency)
    try:
        async with asyncio.timeout(deadline_s):
            async with asyncio.TaskGroup() as group:
                for sample in range(samples):
                    group.create_task(_ask(model, request, request.user, sample, got, limit, cache))
            if got.refused and combine(got.valid, asked=samples, block_count=request.block_count) is None:
                repair = repair_text(request, got.refused[0])
                await _ask(model, request, repair, samples, got, limit, cache)
    except TimeoutError:
        got.failed.append(f"no complete answer within {deadline_s:g} s")
    multipliers = combine(got.valid, asked=samples, block_count=request.block_count)
    verdict, reason = _verdict(got, multipliers, samples)
    return Consultation(
        verdict=verdict,
        reason=reason,
        multipliers=multipliers,
        replies=tuple(got.replies),
        billed=tuple(got.billed),
        seconds=loop.time() - started_s,
        unanswered=got.sent - len(got.billed),
    )


async def _ask(
    model: ReasoningModel,
    request: AdjustmentRequest,
    user: str,
    sample: int,
    got: _Samples,
    limit: asyncio.Semaphore,
    cache: ReplyCache,
) -> None:
    key = _cache_key(model.name, request, user, sample)
    reply = cache.get(key)
    if reply is None:
        try:
            async with limit:
                got.sent += 1
                reply = await model.ask(
                    system=request.system, user=user, schema=request.schema, sample=sample
                )
        except ReasoningModelError as error:
            got.failed.append(quoted(str(error), MAXIMUM_FAILURE_CHARACTERS))
            return
        except Exception as error:  # an adapter's bug must not cost the forecast
            got.failed.append(quoted(f"{type(error).__name__}: {error}", MAXIMUM_FAILURE_CHARACTERS))
            return
        got.billed.append(reply)
    got.replies.append(reply)
    if reply.finish_reason == "length":
        got.refused.append("the answer was cut off at the token limit")
        return
    judgement = judge_reply(reply.content, reply.reasoning, request)
    if judgement.verdict is ReplyVerdict.REFUSED:
        got.refused.append(judgement.reason)
        return
    got.valid.append(judgement.adjustments)
    cache.put(key, reply)


def _verdict(got: _Samples, multipliers: NDArray[np.float64] | None, asked: int) -> tuple[ReplyVerdict, str]:
    if multipliers is not None:
        if bool((multipliers == 1.0).all()):
            return ReplyVerdict.EMPTY, "the model sees nothing to adjust"
        return (ReplyVerdict.ACCEPTED if got.billed else ReplyVerdict.CACHED), ""
    why = [*got.failed[-1:], *got.refused[:1]]
    usable = f"{len(got.valid)} of {asked} answers usable: " if asked > 1 else ""
    verdict = ReplyVerdict.REFUSED if got.refused else ReplyVerdict.FAILED
    return verdict, usable + "; ".join(why)


def _cache_key(model: str, request: AdjustmentRequest, user: str, sample: int) -> str:
    parts = [model, request.system, user, json.dumps(request.schema, sort_keys=True), sample]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
