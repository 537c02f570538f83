"""Plans and forecasts in pages that fit a message, whatever the size of the fleet.

```
    rows of a plan   | feeder 0 … feeder F-1 | asset 0 ………………………… asset N-1 |
    pages            |── page 1 (with the certificate) ──|── page 2 ──|─ 3 ─|
```
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.adapters.rpc.operator_messages import forecast_message
from vpp.domain.assets import Feeder
from vpp.domain.errors import InvalidValueError
from vpp.domain.forecasts import LoadForecast
from vpp.domain.runs import DispatchPlan
from vpp.ports import Store
from vpp.rpcgen import operator_pb2 as pb

ENTRY_BYTES = 16  # of a repeated field, for its tag and its length, at the most


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRows:
    """The rows of a plan that a caller may see."""

    feeders: Sequence[int]
    assets: Sequence[int]
    certificate: bool

    @classmethod
    def all_of(cls, plan: DispatchPlan) -> Self:
        return cls(feeders=range(len(plan.net_load_kw)), assets=range(len(plan.asset_ids)), certificate=True)


def plan_page(
    plan: DispatchPlan, feeders: Sequence[Feeder], *, seen: SeenRows, page_size: int, page_token: str
) -> pb.GetPlanResponse:
    """Return a page of a plan; `feeders` in the order of the plan's net load.

    Raises InvalidValueError for a token that no page of this plan gave.
    """
    count = len(seen.feeders) + len(seen.assets)
    first = _first_row(page_token, count)
    page = pb.GetPlanResponse(
        run_id=plan.run_id,
        start=timestamp(plan.grid.start),
        interval_s=plan.grid.length.total_seconds(),
    )
    if first == 0 and seen.certificate:
        page.certificate_json = json.dumps(plan.certificate, sort_keys=True, default=str)
    left = limits.MAX_PAGE_BYTES - page.ByteSize()
    row = first
    while row < min(count, first + page_size):
        entry = _entry(plan, feeders, seen, row)
        left -= entry.ByteSize() + ENTRY_BYTES
        if left < 0 and row > first:  # one row at the least, so that the pages come to an end
            break
        if isinstance(entry, pb.PlannedFeeder):
            page.feeders.append(entry)
        else:
            page.schedules.append(entry)
        row += 1
    page.next_page_token = str(row) if row < count else ""
    return page


def _entry(
    plan: DispatchPlan, feeders: Sequence[Feeder], seen: SeenRows, row: int
) -> pb.PlannedFeeder | pb.AssetSchedule:
    if row < len(seen.feeders):
        index = seen.feeders[row]
        return pb.PlannedFeeder(
            feeder_id=feeders[index].feeder_id,
            net_load_kw=plan.net_load_kw[index].tolist(),
            import_limit_kw=feeders[index].import_limit_kw,
            export_limit_kw=feeders[index].export_limit_kw,
        )
    index = seen.assets[row - len(seen.feeders)]
    return pb.AssetSchedule(
        asset_id=plan.asset_ids[index],
        power_kw=plan.power_kw[index].tolist(),
        energy_end_kwh=plan.energy_end_kwh[index].tolist(),
    )


def _first_row(token: str, count: int) -> int:
    if not token:
        return 0
    if not (token.isascii() and token.isdigit() and len(token) <= 9 and int(token) < count):
        raise InvalidValueError("page_token", token, "a next_page_token, or nothing for the first page")
    return int(token)


async def forecast_page(
    store: Store, *, page_size: int, page_token: str, seen: Callable[[str], bool]
) -> pb.ListForecastsResponse:
    """Return forecasts with the series of those feeders that are `seen`, as many as fit a message."""
    page = await store.list_forecasts(page_size=page_size, page_token=page_token)
    messages: list[pb.Forecast] = []
    left = limits.MAX_PAGE_BYTES
    for forecast in page.items:
        message = _forecast(forecast, seen)
        left -= message.ByteSize() + ENTRY_BYTES
        if left < 0 and messages:
            break
        messages.append(message)
    if len(messages) < len(page.items):  # the token of a page that ends where this one does
        page = await store.list_forecasts(page_size=len(messages), page_token=page_token)
    return pb.ListForecastsResponse(forecasts=messages, next_page_token=page.next_token)


def _forecast(forecast: LoadForecast, seen: Callable[[str], bool]) -> pb.Forecast:
    """Return a forecast that fits a message on its own; what had to be left out is counted."""
    message = forecast_message(forecast, with_series=True)
    series = [entry for entry in message.feeders if seen(entry.feeder_id)]
    kept, left = 0, limits.MAX_PAGE_BYTES // 2
    for entry in series:
        left -= entry.ByteSize() + ENTRY_BYTES
        if left < 0:
            break
        kept += 1
    message.feeders_left_out = len(series) - kept
    del message.feeders[:]
    message.feeders.extend(series[:kept])
    return message
