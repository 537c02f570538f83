"""Overrides over the wire: the part of DispatchService that orders past the plan."""

# ruff: noqa: N802 - the names are those of the RPCs
from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import grpc
import numpy as np

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.access import caller, scope
from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.adapters.rpc.errors import CallRefusedError, Context, NotFoundError
from vpp.adapters.rpc.paging import filter_of, page_size_of, page_token_of
from vpp.adapters.rpc.wire_values import printable
from vpp.control.override_powers import OverrideRequest
from vpp.domain.assets import Fleet, parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.domain.overrides import Override, OverrideKind
from vpp.domain.portfolios import Scope
from vpp.domain.target import Target
from vpp.ports import Clock, OperatorRegister, StoredOverride
from vpp.rpcgen import dispatch_pb2 as pb
from vpp.rpcgen import dispatch_pb2_grpc

_KINDS: Final = {
    pb.OVERRIDE_KIND_POWER: OverrideKind.POWER,
    pb.OVERRIDE_KIND_ENVELOPE: OverrideKind.ENVELOPE,
    pb.OVERRIDE_KIND_HOLD: OverrideKind.HOLD,
}
_NUMBERS: Final = {kind: number for number, kind in _KINDS.items()}


class OverrideRefusedError(CallRefusedError):
    """An override that would break a limit; the message says which."""

    def __init__(self, message: str) -> None:
        super().__init__(grpc.StatusCode.FAILED_PRECONDITION, "OVERRIDE_REFUSED", message)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideOrder:
    """An override as an operator asked for it; powers are of all named assets together."""

    request_id: str
    operator: str
    kind: OverrideKind
    target: Target
    reason: str
    valid_until: datetime | None  # or
    duration: timedelta | None
    power_kw: float
    min_kw: float
    max_kw: float
    scope: Scope

    def request(self, now: datetime) -> OverrideRequest:
        """Return it as the core takes it."""
        lasts = self.duration or timedelta(0)
        return OverrideRequest(
            override_id=self.request_id,
            kind=self.kind,
            target=self.target,
            author=self.operator,
            reason=self.reason,
            valid_until=now + lasts if self.valid_until is None else self.valid_until,
            power_kw=self.power_kw,
            min_kw=self.min_kw,
            max_kw=self.max_kw,
        )


class OverrideDesk(Protocol):
    """Who carries overrides out."""

    async def set_override(self, order: OverrideOrder) -> StoredOverride:
        """Check, store and send an override; raise OverrideRefusedError with the limit it breaks."""

    async def clear_override(self, override_id: str, author: str, reason: str) -> Override | None:
        """End an override; None where nobody knows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideParts:
    """What the calls about overrides need."""

    desk: OverrideDesk
    register: OperatorRegister
    fleet: Fleet
    clock: Clock


class OverrideCalls(dispatch_pb2_grpc.DispatchServiceServicer):
    """SetOverride, ClearOverride, ListOverrides."""

    override_parts: OverrideParts | None = None

    @property
    def _parts(self) -> OverrideParts:
        if self.override_parts is None:
            raise CallRefusedError(grpc.StatusCode.UNIMPLEMENTED, "NO_OVERRIDES", "nothing to override here")
        return self.override_parts

    async def SetOverride(self, request: pb.SetOverrideRequest, context: Context) -> pb.SetOverrideResponse:
        order, parts = order_of(request), self._parts
        # A caller that gives up does not take back what is under way.
        made = await asyncio.shield(asyncio.ensure_future(parts.desk.set_override(order)))
        _require_seen(made.override, parts.fleet)
        return pb.SetOverrideResponse(override=override_message(made, parts.fleet, with_assets=True))

    async def ClearOverride(
        self, request: pb.ClearOverrideRequest, context: Context
    ) -> pb.ClearOverrideResponse:
        parts = self._parts
        override_id = parse_identifier("override_id", request.override_id)
        stored = await parts.register.get_override(override_id)
        if stored is None:
            raise NotFoundError("override", override_id)
        _require_seen(stored.override, parts.fleet)
        cleared = await asyncio.shield(
            asyncio.ensure_future(
                parts.desk.clear_override(override_id, caller().name, printable(request.reason))
            )
        )
        if cleared is None:
            raise NotFoundError("override", override_id)
        now = StoredOverride(override=cleared, cost=stored.cost)
        return pb.ClearOverrideResponse(override=override_message(now, parts.fleet, with_assets=True))

    async def ListOverrides(
        self, request: pb.ListOverridesRequest, context: Context
    ) -> pb.ListOverridesResponse:
        parts = self._parts
        page = await parts.register.list_overrides(
            ending_after=None if request.include_over else parts.clock.now(),
            page_size=page_size_of(request.page_size, usual=100, most=limits.MAX_PAGE_OVERRIDES),
            page_token=page_token_of(request.page_token),
        )
        shown = [item for item in page.items if _seen(item.override, parts.fleet)]
        return pb.ListOverridesResponse(
            overrides=[override_message(item, parts.fleet, with_assets=False) for item in shown],
            next_page_token=page.next_token,
        )


def _seen(override: Override, fleet: Fleet) -> bool:
    """Return whether all assets of an override are within the caller's portfolios."""
    return scope().everything or bool(scope().of_assets(fleet)[override.slot].all())


def _require_seen(override: Override, fleet: Fleet) -> None:
    if not _seen(override, fleet):
        raise NotFoundError("override", override.override_id)


def order_of(request: pb.SetOverrideRequest) -> OverrideOrder:
    """Return a request as an order; raise InvalidValueError for what makes none."""
    if len(request.asset_ids) > limits.MAX_STOPPED_ASSETS:
        count = f"{len(request.asset_ids)} assets"
        raise InvalidValueError("asset_ids", count, f"at most {limits.MAX_STOPPED_ASSETS}")
    if request.asset_ids and request.feeder_id:
        raise InvalidValueError("feeder_id", request.feeder_id, "nothing together with asset_ids")
    if request.kind not in _KINDS:
        raise InvalidValueError("kind", request.kind, "POWER, ENVELOPE or HOLD")
    has_end = request.HasField("valid_until")
    if has_end == (request.duration_s != 0.0):
        raise InvalidValueError("valid_until", "both or none", "an end, or duration_s")
    if not math.isfinite(request.duration_s) or abs(request.duration_s) > limits.MAX_OVERRIDE_S:
        raise InvalidValueError("duration_s", request.duration_s, f"at most {limits.MAX_OVERRIDE_S}")
    return OverrideOrder(
        request_id=parse_identifier("request_id", request.request_id),
        operator=caller().name,
        kind=_KINDS[request.kind],
        target=Target(
            asset_ids=tuple(parse_identifier("asset_ids", name) for name in request.asset_ids),
            feeder_id=filter_of("feeder_id", request.feeder_id),
        ),
        reason=printable(request.reason),
        valid_until=request.valid_until.ToDatetime(tzinfo=UTC) if has_end else None,
        duration=None if has_end else timedelta(seconds=request.duration_s),
        power_kw=request.power_kw,
        min_kw=request.min_kw,
        max_kw=request.max_kw,
        scope=scope(),
    )


def override_message(stored: StoredOverride, fleet: Fleet, *, with_assets: bool) -> pb.Override:
    """Return an override; what it says to each asset only where that is asked for."""
    item, cost = stored.override, stored.cost
    envelope = item.kind is OverrideKind.ENVELOPE
    return pb.Override(
        override_id=item.override_id,
        asset_ids=item.target.asset_ids,
        feeder_id=item.target.feeder_id,
        kind=_NUMBERS[item.kind],
        assets=_assets(item, fleet) if with_assets else (),
        author=item.author,
        reason=item.reason,
        created_at=timestamp(item.created_at),
        valid_until=timestamp(item.valid_until),
        cleared_at=None if item.cleared_at is None else timestamp(item.cleared_at),
        cleared_by=item.cleared_by,
        cost=None if cost is None else cost.cost,
        cost_least=None if cost is None else cost.least,
        cost_most=None if cost is None else cost.most,
        power_kw=None if envelope else float(np.nansum(item.power_kw)),
    )


def _assets(item: Override, fleet: Fleet) -> list[pb.OverriddenAsset]:
    columns = (item.slot, item.power_kw, item.min_kw, item.max_kw)
    return [
        pb.OverriddenAsset(
            asset_id=fleet.assets[slot].asset_id,
            power_kw=None if math.isnan(power_kw) else power_kw,
            min_kw=min_kw if math.isfinite(min_kw) else None,
            max_kw=max_kw if math.isfinite(max_kw) else None,
        )
        for slot, power_kw, min_kw, max_kw in zip(*(column.tolist() for column in columns), strict=True)
    ]
