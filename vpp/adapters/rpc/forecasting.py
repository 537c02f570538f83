"""ForecastService: remarks for the forecaster, and what became of them."""

# ruff: noqa: N802 - the names are those of the RPCs
from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import grpc

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.adapters.rpc.errors import CallRefusedError, Context, NotFoundError
from vpp.adapters.rpc.paging import page_size_of, page_token_of
from vpp.adapters.rpc.times import time_of
from vpp.domain.assets import parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.domain.forecasts import ContextItem, ForecastExplanation, LoadForecast, ModelCall
from vpp.ports import Clock, Store
from vpp.rpcgen import forecasting_pb2 as pb
from vpp.rpcgen import forecasting_pb2_grpc

Explain = Callable[[LoadForecast, ModelCall | None], ForecastExplanation]
DAY = timedelta(days=1)
LISTED_BACK, LISTED_AHEAD = DAY, 7 * DAY


class ForecastServicer(forecasting_pb2_grpc.ForecastServiceServicer):
    """Takes remarks and explains forecasts; times are those of the plant's clock."""

    def __init__(self, *, store: Store, clock: Clock, explain: Explain) -> None:
        self._store, self._clock, self._explain = store, clock, explain

    async def AddContextItem(
        self, request: pb.AddContextItemRequest, context: Context
    ) -> pb.AddContextItemResponse:
        now = self._clock.now()
        item = ContextItem(
            item_id=parse_identifier("item_id", request.item_id),
            text=_remark(request.text),
            valid_from=time_of(request, "valid_from"),
            valid_until=time_of(request, "valid_until"),
            available_at=now,  # nobody can say that it was known before
        )
        if item.valid_until <= max(item.valid_from, now):
            raise InvalidValueError(
                "valid_until", item.valid_until.isoformat(), "a time after valid_from and after now"
            )
        if item.valid_until - item.valid_from > limits.MAX_CONTEXT_VALIDITY:
            raise InvalidValueError(
                "valid_until",
                item.valid_until.isoformat(),
                f"at most {limits.MAX_CONTEXT_VALIDITY} after valid_from",
            )
        known = await self._store.get_context(item.item_id)
        if known is None:
            await self._store.save_context([item])
            known = await self._store.get_context(item.item_id) or item
        if (known.text, known.valid_from, known.valid_until) != (
            item.text,
            item.valid_from,
            item.valid_until,
        ):
            raise CallRefusedError(
                grpc.StatusCode.ALREADY_EXISTS,
                "ITEM_EXISTS",
                f"item_id {item.item_id!r} stands for another remark already; choose another one",
            )
        return pb.AddContextItemResponse(item=_item(known))

    async def ListContextItems(
        self, request: pb.ListContextItemsRequest, context: Context
    ) -> pb.ListContextItemsResponse:
        now = self._clock.now()
        start = time_of(request, "start") if request.HasField("start") else now - LISTED_BACK
        end = time_of(request, "end") if request.HasField("end") else now + LISTED_AHEAD
        if end <= start:
            raise InvalidValueError("end", end.isoformat(), "a time after start")
        page_size = page_size_of(request.page_size, usual=100, most=limits.MAX_PAGE_CONTEXT)
        after = page_token_of(request.page_token)
        items = await self._store.context_between(start=start, end=end, known_at=now)
        keys = [f"{item.valid_from.isoformat()} {item.item_id}" for item in items]
        first = next((k for k, key in enumerate(keys) if key > after), len(items)) if after else 0
        shown = items[first : first + page_size]
        more = first + page_size < len(items)
        return pb.ListContextItemsResponse(
            items=[_item(item) for item in shown],
            next_page_token=keys[first + page_size - 1] if more else "",
        )

    async def ExplainForecast(
        self, request: pb.ExplainForecastRequest, context: Context
    ) -> pb.ExplainForecastResponse:
        forecast_id = request.forecast_id
        if bool(request.run_id) == bool(forecast_id):
            raise InvalidValueError("run_id", request.run_id, "either run_id or forecast_id")
        if request.run_id:
            run = await self._store.get_run(parse_identifier("run_id", request.run_id))
            if run is None:
                raise NotFoundError("run", request.run_id)
            if run.forecast_id is None:
                raise NotFoundError("forecast of run", request.run_id)
            forecast_id = run.forecast_id
        forecast = await self._store.get_forecast(parse_identifier("forecast_id", forecast_id))
        if forecast is None:
            raise NotFoundError("forecast", forecast_id)
        call = None
        if forecast.model_call_id is not None:
            call = await self._store.get_model_call(forecast.model_call_id)
        return _explanation(self._explain(forecast, call))


def _explanation(told: ForecastExplanation) -> pb.ExplainForecastResponse:
    forecast = told.forecast
    return pb.ExplainForecastResponse(
        forecast_id=forecast.forecast_id,
        available_at=timestamp(forecast.available_at),
        source=str(forecast.source),
        verdict=str(forecast.verdict),
        reason=forecast.reason,
        start=timestamp(forecast.grid.start),
        block_s=told.block.total_seconds(),
        consumption_kw=told.consumption_kw,
        pv_kw=told.pv_kw,
        exchange=None if told.call is None else _exchange(told, told.call),
    )


def _exchange(told: ForecastExplanation, call: ModelCall) -> pb.ModelExchange:
    return pb.ModelExchange(
        call_id=call.call_id,
        asked_at=timestamp(call.asked_at),
        model=call.model,
        endpoint=call.endpoint,
        verdict=str(call.verdict),
        reason=call.reason,
        evidence=[pb.Evidence(evidence_id=name, text=text) for name, text in told.evidence],
        proposals=[
            pb.Proposal(
                sample=one.sample,
                start_block=one.start_block,
                end_block=one.end_block,
                multiplier_p10=one.multipliers[0],
                multiplier_p50=one.multipliers[1],
                multiplier_p90=one.multipliers[2],
                cause=one.cause,
                evidence_id=one.evidence_id,
                model_words=one.words,
            )
            for one in told.proposals
        ],
        prompt_tokens=call.prompt_tokens,
        cached_tokens=call.cached_tokens,
        completion_tokens=call.completion_tokens,
        cost=call.cost,
        currency=call.currency,
        seconds=call.seconds,
    )


def _item(item: ContextItem) -> pb.ContextItem:
    return pb.ContextItem(
        item_id=item.item_id,
        text=item.text,
        valid_from=timestamp(item.valid_from),
        valid_until=timestamp(item.valid_until),
        available_at=timestamp(item.available_at),
    )


def _remark(text: str) -> str:
    if not text.strip() or len(text) > limits.MAX_CONTEXT_LENGTH:
        raise InvalidValueError("text", text[:40], f"1 to {limits.MAX_CONTEXT_LENGTH} characters")
    return text
