"""Signals on the wire and in the domain."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.adapters.rpc.times import time_of
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import MICROSECOND
from vpp.domain.signals import (
    MAX_SUSTAIN,
    USUAL_PRIMACY,
    BaselineMethod,
    Direction,
    DispatchEvent,
    MaintenanceWindow,
    OperatingEnvelope,
    OptOut,
    PriceSignal,
    ReserveRequest,
    Signal,
    SignalContent,
    SignalKind,
)
from vpp.rpcgen import signals_pb2 as pb

_KINDS: Final[dict[int, SignalKind]] = {
    pb.SIGNAL_KIND_PRICE: SignalKind.PRICE,
    pb.SIGNAL_KIND_ENVELOPE: SignalKind.ENVELOPE,
    pb.SIGNAL_KIND_EVENT: SignalKind.EVENT,
    pb.SIGNAL_KIND_RESERVE: SignalKind.RESERVE,
    pb.SIGNAL_KIND_MAINTENANCE: SignalKind.MAINTENANCE,
    pb.SIGNAL_KIND_OPT_OUT: SignalKind.OPT_OUT,
}
_DIRECTIONS: Final = {pb.DIRECTION_UP: Direction.UP, pb.DIRECTION_DOWN: Direction.DOWN}
_BASELINES: Final = {
    pb.BASELINE_METHOD_UNSPECIFIED: BaselineMethod.NONE,
    pb.BASELINE_METHOD_NONE: BaselineMethod.NONE,
    pb.BASELINE_METHOD_TEN_OF_TEN: BaselineMethod.TEN_OF_TEN,
}


def signal_of(draft: pb.SignalDraft, *, request_id: str, author: str, available_at: datetime) -> Signal:
    """Return a draft as a signal known from `available_at`; raise InvalidValueError by field."""
    return Signal(
        signal_id=draft.signal_id,
        valid_from=time_of(draft, "valid_from"),
        valid_until=time_of(draft, "valid_until"),
        primacy=draft.primacy if draft.HasField("primacy") else USUAL_PRIMACY,
        request_id=request_id,
        author=author,
        available_at=available_at,
        content=_content(draft),
    )


def kind_of(value: int) -> SignalKind | None:
    """Return the kind of a filter, None for any; raise InvalidValueError for an unknown one."""
    if value != pb.SIGNAL_KIND_UNSPECIFIED and value not in _KINDS:
        raise InvalidValueError("kind", value, "a SignalKind")
    return _KINDS.get(value)


def signal_message(signal: Signal) -> pb.Signal:
    """Return a signal as it goes over the wire."""
    message = pb.Signal(
        signal_id=signal.signal_id,
        valid_from=timestamp(signal.valid_from),
        valid_until=timestamp(signal.valid_until),
        primacy=signal.primacy,
        request_id=signal.request_id,
        author=signal.author,
        available_at=timestamp(signal.available_at),
        withdrawn=signal.withdrawn,
        superseded_by=signal.superseded_by,
    )
    getattr(message, signal.kind).CopyFrom(_content_message(signal.content))
    return message


def _content(draft: pb.SignalDraft) -> SignalContent:
    kind = draft.WhichOneof("content")
    if kind == "price":
        return PriceSignal(
            import_price_per_kwh=draft.price.import_price_per_kwh,
            export_price_per_kwh=draft.price.export_price_per_kwh,
        )
    if kind == "envelope":
        envelope = draft.envelope
        return OperatingEnvelope(
            feeder_id=envelope.feeder_id,
            asset_ids=tuple(envelope.asset_ids),
            import_limit_kw=envelope.import_limit_kw,
            export_limit_kw=envelope.export_limit_kw,
            may_widen=envelope.may_widen,
        )
    if kind == "event":
        return _event(draft.event)
    if kind == "reserve":
        return _reserve(draft.reserve)
    if kind == "maintenance":
        window = draft.maintenance
        return MaintenanceWindow(feeder_id=window.feeder_id, asset_ids=tuple(window.asset_ids))
    raise InvalidValueError("content", "nothing", "price, envelope, event, reserve or maintenance")


def _event(event: pb.DispatchEvent) -> DispatchEvent:
    if event.direction not in _DIRECTIONS:
        raise InvalidValueError("direction", event.direction, "DIRECTION_UP or DIRECTION_DOWN")
    if event.baseline not in _BASELINES:
        raise InvalidValueError("baseline", event.baseline, "a BaselineMethod")
    return DispatchEvent(
        direction=_DIRECTIONS[event.direction],
        target_kw=event.target_kw,
        payment_per_kwh=event.payment_per_kwh,
        penalty_per_kwh=event.penalty_per_kwh,
        baseline=_BASELINES[event.baseline],
    )


def _reserve(reserve: pb.ReserveRequest) -> ReserveRequest:
    if not 0.0 < reserve.sustain_s <= MAX_SUSTAIN.total_seconds():
        raise InvalidValueError(
            "sustain_s", reserve.sustain_s, f"above 0 and at most {MAX_SUSTAIN.total_seconds():g}"
        )
    return ReserveRequest(
        product_id=reserve.product_id,
        up_kw=reserve.up_kw,
        down_kw=reserve.down_kw,
        price_per_kw_h=reserve.price_per_kw_h,
        sustain=max(timedelta(seconds=reserve.sustain_s), MICROSECOND),
    )


def _content_message(
    content: SignalContent,
) -> (
    pb.PriceSignal
    | pb.OperatingEnvelope
    | pb.DispatchEvent
    | pb.ReserveRequest
    | pb.MaintenanceWindow
    | pb.OptOutNotice
):
    match content:
        case PriceSignal():
            return pb.PriceSignal(
                import_price_per_kwh=content.import_price_per_kwh,
                export_price_per_kwh=content.export_price_per_kwh,
            )
        case OperatingEnvelope():
            return pb.OperatingEnvelope(
                feeder_id=content.feeder_id,
                asset_ids=content.asset_ids,
                import_limit_kw=content.import_limit_kw,
                export_limit_kw=content.export_limit_kw,
                may_widen=content.may_widen,
            )
        case DispatchEvent():
            return pb.DispatchEvent(
                direction=f"DIRECTION_{content.direction.name}",
                target_kw=content.target_kw,
                payment_per_kwh=content.payment_per_kwh,
                penalty_per_kwh=content.penalty_per_kwh,
                baseline=f"BASELINE_METHOD_{content.baseline.name}",
            )
        case ReserveRequest():
            return pb.ReserveRequest(
                product_id=content.product_id,
                up_kw=content.up_kw,
                down_kw=content.down_kw,
                price_per_kw_h=content.price_per_kw_h,
                sustain_s=content.sustain.total_seconds(),
            )
        case MaintenanceWindow():
            return pb.MaintenanceWindow(feeder_id=content.feeder_id, asset_ids=content.asset_ids)
        case OptOut():
            return pb.OptOutNotice(event_id=content.event_id, asset_id=content.asset_id)
